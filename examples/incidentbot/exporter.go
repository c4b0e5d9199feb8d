package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/postsack/backlog/drain"
)

// forecast is what the bot looks at of one prediction. Times are nil where there is none: never or unknown.
type forecast struct {
	Line     string      `json:"line"`
	AsOf     time.Time   `json:"as_of"`
	State    drain.State `json:"state"`
	Level    float64     `json:"level"`
	Median   *time.Time  `json:"median"`
	Lower    *time.Time  `json:"lower"`
	Upper    *time.Time  `json:"upper"`
	Never    *float64    `json:"never"` // probability; nil is unknown
	Deadline *time.Time  `json:"deadline"`
	InTime   *float64    `json:"in_time"` // probability of being cleared by Deadline
}

// told reports whether the prediction says anything of the time: "never" is something, "unknown" is not.
func (f *forecast) told() bool { return f.Median != nil || f.Never != nil }

// holds reports whether t is within the bounds. A missing upper bound is never; a missing lower one means that no time was expected at all.
func (f *forecast) holds(t time.Time) bool {
	return f.Lower != nil && !t.Before(*f.Lower) && (f.Upper == nil || !t.After(*f.Upper))
}

// problem is why there is no prediction; empty where there is one.
type problem string

const (
	noQueue      problem = "no_queue"      // the alert does not name a queue
	queueUnknown problem = "queue_unknown" // the exporter does not watch it
	exporterAway problem = "exporter_away"
	exporterFail problem = "exporter_failed" // it answers, but not with a prediction
)

// String says it in words.
func (p problem) String() string {
	switch p {
	case noQueue:
		return "the alert does not name a queue"
	case queueUnknown:
		return "the exporter does not know this queue"
	case exporterAway:
		return "the exporter does not answer"
	}
	return "the exporter answers with an error"
}

// failure is an error of the exporter, with the problem that it amounts to.
type failure struct {
	problem
	error
}

// Limits of the exporter's answers: one prediction is some 5 kB of JSON, and it watches at most some thousand queues.
const (
	maxPrediction = 256 << 10
	maxList       = 32 << 20
)

// exporter asks the exporter.
type exporter struct {
	base   string
	client *http.Client
}

// predict asks for one prediction. Level 0 is the exporter's own; the error is a failure.
func (x exporter) predict(ctx context.Context, queue string, deadline *time.Time, level float64) (*forecast, error) {
	q := url.Values{"queue": {queue}}
	if deadline != nil {
		q.Set("deadline", deadline.UTC().Format(time.RFC3339))
	}
	if level > 0 {
		q.Set("level", strconv.FormatFloat(level, 'g', -1, 64))
	}
	var answer struct {
		Predictions []struct {
			Queue      string `json:"queue"`
			Line       string `json:"line"`
			Prediction struct {
				Schema int         `json:"schema"`
				AsOf   time.Time   `json:"as_of"`
				State  drain.State `json:"state"`
				Never  *float64    `json:"never_probability"`
				Time   struct {
					Level  *float64   `json:"level"`
					Median *time.Time `json:"median_time"`
					Lower  *time.Time `json:"lower_time"`
					Upper  *time.Time `json:"upper_time"`
				} `json:"time_to_clear"`
				Deadlines []struct {
					Time        *time.Time `json:"time"`
					Probability *float64   `json:"probability"`
				} `json:"deadlines"`
			} `json:"prediction"`
		} `json:"predictions"`
	}
	if err := x.get(ctx, "/api/v1/predictions?"+q.Encode(), maxPrediction, &answer); err != nil {
		return nil, err
	}
	for _, a := range answer.Predictions {
		if a.Queue != queue {
			continue
		}
		p := a.Prediction
		switch {
		case p.Schema != drain.Schema:
			return nil, failure{exporterFail, fmt.Errorf("prediction of schema %d, want %d", p.Schema, drain.Schema)}
		case !slices.Contains(drain.States(), p.State):
			return nil, failure{exporterFail, fmt.Errorf("prediction with state %.40q", p.State)}
		case a.Line == "":
			return nil, failure{exporterFail, errors.New("prediction without a line")}
		}
		f := &forecast{
			Line: cut(a.Line, 1000), AsOf: p.AsOf, State: p.State, Level: 0.9,
			Median: p.Time.Median, Lower: p.Time.Lower, Upper: p.Time.Upper, Never: p.Never,
		}
		if p.Time.Level != nil {
			f.Level = *p.Time.Level
		}
		if deadline != nil {
			for _, d := range p.Deadlines { // there may be others, from the exporter's configuration
				if d.Time != nil && d.Time.Equal(deadline.Truncate(time.Second)) {
					f.Deadline, f.InTime = deadline, d.Probability
				}
			}
		}
		return f, nil
	}
	return nil, failure{exporterFail, errors.New("an answer without the queue that was asked for")}
}

// names returns the names of all queues.
func (x exporter) names(ctx context.Context) ([]string, error) {
	var answer struct {
		Predictions []struct {
			Queue string `json:"queue"`
		} `json:"predictions"`
	}
	err := x.get(ctx, "/api/v1/predictions", maxList, &answer)
	var names []string
	for _, p := range answer.Predictions {
		names = append(names, p.Queue)
	}
	return names, err
}

// healthy returns nil where the exporter answers at all.
func (x exporter) healthy(ctx context.Context) error {
	err := x.get(ctx, "/healthz", 1<<10, nil)
	var f failure
	if errors.As(err, &f) && f.problem != exporterAway {
		return nil
	}
	return err
}

func (x exporter) get(ctx context.Context, path string, limit int64, to any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, x.base+path, nil)
	if err != nil {
		return failure{exporterFail, bare(err)}
	}
	response, err := x.client.Do(request)
	if err != nil {
		return failure{exporterAway, bare(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return failure{exporterAway, bare(err)}
	case int64(len(body)) > limit:
		return failure{exporterFail, fmt.Errorf("an answer of more than %d bytes", limit)}
	case response.StatusCode == http.StatusOK && to == nil:
		return nil
	case response.StatusCode == http.StatusOK:
		if err := json.Unmarshal(body, to); err != nil {
			return failure{exporterFail, fmt.Errorf("an answer that is not the JSON of predictions: %w", err)}
		}
		return nil
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // any other body says nothing
	why := fmt.Errorf("status %d: %s", response.StatusCode, cmp.Or(cut(said.Error, 200), "no reason"))
	switch {
	case response.StatusCode == http.StatusNotFound && said.Error != "": // a 404 of something else than the exporter has no such reason
		return failure{queueUnknown, why}
	case response.StatusCode >= 500 && response.StatusCode != http.StatusInternalServerError:
		return failure{exporterAway, why} // 502 to 504 are a proxy's words for it
	}
	return failure{exporterFail, why}
}

// bare takes the URL off an error of package http: it may hold a secret.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", u.Op, bare(u.Err))
	}
	return err
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
