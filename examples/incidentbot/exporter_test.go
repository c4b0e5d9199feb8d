package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func answering(status int, body string) exporter {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
	return exporter{"http://exporter", &http.Client{Transport: network{"exporter": h}}}
}

// TestRealPredictions reads what package drain writes.
func TestRealPredictions(t *testing.T) {
	deadline := t0.Add(2 * time.Hour)
	for _, net := range []float64{300, -300, 0.001} {
		n := drain.Numbers{Queue: "mail-out", Backlog: drain.About(1.4e6, 5e4), Net: drain.About(net, 50)}
		p, err := n.Predict(drain.Question{At: t0, Deadlines: []time.Time{t0.Add(time.Minute), deadline, t0.Add(24 * time.Hour)}})
		require.NoError(t, err)
		body, err := json.Marshal(map[string]any{"predictions": []any{map[string]any{"queue": p.Queue, "line": p.String(), "prediction": p}}})
		require.NoError(t, err)
		f, err := answering(http.StatusOK, string(body)).predict(t.Context(), "mail-out", &deadline, 0)
		require.NoError(t, err)
		assert.Equal(t, p.String(), f.Line)
		assert.Equal(t, p.State, f.State)
		assert.True(t, f.told())
		assert.InDelta(t, p.Never, *f.Never, 1e-12)
		assert.InDelta(t, p.ClearedBy(deadline), *f.InTime, 1e-12)
		for seconds, got := range map[float64]*time.Time{p.TimeToClear.Median: f.Median, p.TimeToClear.Lower: f.Lower, p.TimeToClear.Upper: f.Upper} {
			if want, finite := p.Time(seconds); finite {
				assert.True(t, want.Equal(*got), "%v, want %v", got, want)
			} else {
				assert.Nil(t, got)
			}
		}
	}
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	good := predictionJSON("q", draining("q"), "", "")
	for name, c := range map[string]struct {
		status int
		body   string
		want   problem
	}{
		"schema 1":         {200, `{"predictions":[` + strings.Replace(good, `"schema":2`, `"schema":1`, 1) + `]}`, exporterFail},
		"schema missing":   {200, `{"predictions":[` + strings.Replace(good, `"schema":2,`, ``, 1) + `]}`, exporterFail},
		"another queue":    {200, `{"predictions":[` + strings.Replace(good, `"queue":"q"`, `"queue":"r"`, 1) + `]}`, exporterFail},
		"a new state":      {200, `{"predictions":[` + strings.Replace(good, `"draining"`, `"dancing"`, 1) + `]}`, exporterFail},
		"no line":          {200, `{"predictions":[` + strings.Replace(good, `"line":"q: 1 403 items, draining"`, `"line":""`, 1) + `]}`, exporterFail},
		"not JSON":         {200, `<html>`, exporterFail},
		"endless":          {200, `{"predictions":[` + strings.Repeat(" ", maxPrediction), exporterFail},
		"unknown queue":    {404, `{"error":"no queue"}`, queueUnknown},
		"a 404 of another": {404, `404 page not found`, exporterFail},
		"an error":         {500, `{"error":"sum of nothing"}`, exporterFail},
		"a proxy":          {502, `<html>bad gateway`, exporterAway},
	} {
		_, err := answering(c.status, c.body).predict(t.Context(), "q", nil, 0)
		var f failure
		require.ErrorAs(t, err, &f, name)
		assert.Equal(t, c.want, f.problem, "%s: %v", name, err)
	}
	_, err := answering(200, `{"predictions":[`+good+`]}`).predict(t.Context(), "q", nil, 0)
	assert.NoError(t, err, "what the others were made from")
}

func TestBareErrors(t *testing.T) {
	client := &http.Client{Transport: network{}}
	_, err := client.Get("http://hooks.example.org/services/T0/B0/secret")
	require.ErrorContains(t, err, "secret")
	assert.NotContains(t, bare(fmt.Errorf("sending: %w", err)).Error(), "secret")
	assert.True(t, errors.Is(bare(err), errAway))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = exporter{"http://nowhere", client}.predict(ctx, "q", nil, 0)
	assert.Error(t, err)
}
