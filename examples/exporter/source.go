package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// largestAnswer is how many bytes of an answer are read: some five million values.
const largestAnswer = 256 << 20

// server is a Prometheus.
type server struct {
	api     v1.API
	timeout time.Duration
}

func newServer(address string, timeout time.Duration) (server, error) {
	c, err := api.NewClient(api.Config{Address: address, RoundTripper: bounded{http.DefaultTransport}})
	return server{v1.NewAPI(c), timeout}, err
}

// bounded cuts answers that are too large.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, largestAnswer), answer.Body}
	}
	return answer, err
}

// now is the time by the server's clock, so that it does not matter what this machine's says.
func (s server) now(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	value, _, _, err := s.api.Query(ctx, "time()", time.Time{})
	if err != nil {
		return time.Time{}, err
	}
	scalar, ok := value.(*model.Scalar)
	if !ok {
		return time.Time{}, fmt.Errorf("time() is a %s, want a scalar", value.Type())
	}
	return scalar.Timestamp.Time(), nil
}

// series returns what an expression gives at the steps of a stretch of time.
func (s server) series(ctx context.Context, query string, r v1.Range) (model.Matrix, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	value, _, _, err := s.api.QueryRange(ctx, query, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	m, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s: a %s, want series", query, value.Type())
	}
	return m, nil
}
