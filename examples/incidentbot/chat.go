package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/postsack/backlog/drain"
)

// giveUp is the wait of a message that will never be taken.
const giveUp time.Duration = -1

// chat takes messages. wait is how long not to try again after an error, 0 where the chat did not say; thread is what follow-ups refer to, where there is such a thing.
type chat interface {
	name() string // without anything secret
	send(ctx context.Context, m *message) (thread string, wait time.Duration, err error)
}

func newChat(o options, client *http.Client) chat {
	switch {
	case o.webhook != "":
		return incoming{o.webhook, o.chartBase, client}
	case o.channel != "":
		return webAPI{o.api, o.channel, o.token, o.chartBase, client}
	}
	return plain{o.url, o.chartBase, client}
}

// incoming is a Slack-compatible incoming webhook. Its answer does not tell which message was made, so that there are no threads.
type incoming struct {
	url, chartBase string
	client         *http.Client
}

func (incoming) name() string { return "incoming webhook" }

func (c incoming) send(ctx context.Context, m *message) (string, time.Duration, error) {
	text, blocks := m.slack(c.chartBase)
	_, wait, err := post(ctx, c.client, c.url, nil, map[string]any{"text": text, "blocks": blocks})
	return "", wait, err
}

// webAPI is Slack's Web API.
type webAPI struct {
	base, channel, token, chartBase string
	client                          *http.Client
}

func (c webAPI) name() string { return "Slack channel " + c.channel }

// passing are those of Slack's errors that pass by themselves.
var passing = []string{"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}

func (c webAPI) send(ctx context.Context, m *message) (string, time.Duration, error) {
	text, blocks := m.slack(c.chartBase)
	body := map[string]any{"channel": c.channel, "text": text, "blocks": blocks, "unfurl_links": false, "unfurl_media": false}
	if m.Thread != "" {
		body["thread_ts"] = m.Thread
		body["reply_broadcast"] = m.Event == closed // the end is of interest to those who did not open the thread
	}
	answer, wait, err := post(ctx, c.client, c.base+"/chat.postMessage", http.Header{"Authorization": {"Bearer " + c.token}}, body)
	if err != nil {
		return "", wait, err
	}
	var a struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
		TS    string `json:"ts"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return "", 0, errors.New("an answer that is not JSON") // of something between here and Slack
	}
	switch {
	case a.OK:
		return cut(a.TS, 64), 0, nil
	case slices.Contains(passing, a.Error):
		return "", wait, fmt.Errorf("refused: %s", a.Error)
	}
	return "", giveUp, fmt.Errorf("refused: %q", cut(a.Error, 100))
}

// plain is any URL; it gets report as JSON.
type plain struct {
	url, chartBase string
	client         *http.Client
}

func (plain) name() string { return "URL" }

// report is the JSON of -url, schema 1. What is unknown, never or does not apply is null.
type report struct {
	Schema   int         `json:"schema"`
	ID       string      `json:"id"` // the same in each try
	Event    event       `json:"event"`
	Incident string      `json:"incident"`
	Key      string      `json:"key"`
	Queue    string      `json:"queue"`
	At       time.Time   `json:"at"`
	Line     string      `json:"line"`
	Why      []string    `json:"why"`     // codes: see change
	Reasons  []string    `json:"reasons"` // the same in words
	Summary  string      `json:"summary"` // of the alert
	Problem  *problem    `json:"problem"`
	State    drain.State `json:"state"`
	AsOf     *time.Time  `json:"as_of"`
	Level    *float64    `json:"level"`
	Median   *time.Time  `json:"median"`
	Lower    *time.Time  `json:"lower"`
	Upper    *time.Time  `json:"upper"`
	Never    *float64    `json:"never_probability"`
	Deadline *time.Time  `json:"deadline"`
	InTime   *float64    `json:"deadline_probability"`
	ChartURL *string     `json:"chart_url"`
	Outcome  *ended      `json:"outcome"`
}

// ended is the outcome in a report.
type ended struct {
	Result      result     `json:"result"`
	ClearedAt   *time.Time `json:"cleared_at"`
	FirstMedian *time.Time `json:"first_median"`
	FirstLower  *time.Time `json:"first_lower"`
	FirstUpper  *time.Time `json:"first_upper"`
	FirstHeld   *bool      `json:"first_held"`
	Predictions int        `json:"predictions"`
	Held        int        `json:"held"`
}

func (m *message) report(chartBase string) report {
	r := report{
		Schema: 1, ID: m.ID, Event: m.Event, Incident: m.Incident, Key: m.Key, Queue: m.Queue, At: m.At.UTC(), Line: m.line(plainVoice),
		Why: []string{}, Reasons: append([]string{}, m.reasons(plainVoice)...), Summary: m.Summary, State: drain.Unknown,
	}
	for _, c := range m.Why {
		r.Why = append(r.Why, string(c))
	}
	if f := m.Now.Forecast; f != nil {
		r.State, r.AsOf, r.Level, r.Median, r.Lower, r.Upper, r.Never, r.Deadline, r.InTime = f.State, &f.AsOf, &f.Level, f.Median, f.Lower, f.Upper, f.Never, f.Deadline, f.InTime
	} else {
		r.Problem = &m.Now.Problem
	}
	if u := picture(chartBase, m.Queue, m.Now.Forecast); u != "" {
		r.ChartURL = &u
	}
	if o := m.Outcome; o != nil {
		e := &ended{Result: o.Result, ClearedAt: o.At, Predictions: o.Predictions, Held: o.Held}
		if f := o.First; f != nil {
			e.FirstMedian, e.FirstLower, e.FirstUpper = f.Median, f.Lower, f.Upper
			if o.At != nil {
				held := f.holds(*o.At)
				e.FirstHeld = &held
			}
		}
		r.Outcome = e
	}
	return r
}

func (c plain) send(ctx context.Context, m *message) (string, time.Duration, error) {
	_, wait, err := post(ctx, c.client, c.url, http.Header{"Idempotency-Key": {m.ID}}, m.report(c.chartBase))
	return "", wait, err
}

// post posts JSON and returns the answer. wait is giveUp where another try is of no use.
func post(ctx context.Context, client *http.Client, to string, header http.Header, body any) (answer []byte, wait time.Duration, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, giveUp, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(data))
	if err != nil {
		return nil, giveUp, bare(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, bare(err)
	}
	defer response.Body.Close()
	wait = retryAfter(response.Header)
	answer, err = io.ReadAll(io.LimitReader(response.Body, 64<<10))
	switch code := response.StatusCode; {
	case code >= 200 && code < 300: // taken, even where the rest of the answer got lost
		return answer, wait, nil
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		return nil, wait, fmt.Errorf("status %d", code)
	default:
		return nil, giveUp, fmt.Errorf("status %d: %.100q", code, cmp.Or(string(answer), "no reason"))
	}
}

// retryAfter reads how long not to come back; 0 where the server does not say. A date counts from the server's own.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.Atoi(value)
	if err != nil {
		then, err := http.ParseTime(value)
		now, none := http.ParseTime(h.Get("Date"))
		if err != nil || none != nil {
			return 0
		}
		return min(max(0, then.Sub(now)), longestPause)
	}
	return time.Duration(min(max(0, seconds), int(longestPause/time.Second))) * time.Second
}
