package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// t0 is when the tests begin. 2026-11-23T15:00:00Z is the Unix time 20780 · 86 400 + 15 · 3600 = 1 795 446 000.
var t0 = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

func after(minutes float64) time.Time { return t0.Add(time.Duration(minutes * float64(time.Minute))) }

// never is where there is no time.
const never = -1

// predicted is a prediction with times in minutes after t0.
func predicted(queue string, state drain.State, median, lower, upper float64) forecast {
	at := func(minutes float64) *time.Time {
		if minutes == never {
			return nil
		}
		t := after(minutes)
		return &t
	}
	p := 0.02
	f := forecast{Line: queue + ": 1 403 items, " + string(state), AsOf: t0, State: state, Level: 0.9, Median: at(median), Lower: at(lower), Upper: at(upper), Never: &p}
	if state == drain.Unknown {
		f.Never = nil
	}
	return f
}

func growing(queue string) forecast  { return predicted(queue, drain.Growing, never, never, never) }
func draining(queue string) forecast { return predicted(queue, drain.Draining, 50, 30, 80) }
func cleared(queue string, at float64) forecast {
	f := predicted(queue, drain.Cleared, at, at, at)
	f.AsOf = after(at)
	return f
}

// fakeExporter is an exporter with predictions as the tests want them.
type fakeExporter struct {
	mu     sync.Mutex
	queues map[string]forecast
	status int  // 0: answer
	hangs  bool // until the client goes
	asked  int
}

func (x *fakeExporter) set(f forecast, queue string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queues == nil {
		x.queues = map[string]forecast{}
	}
	x.queues[queue] = f
}

func (x *fakeExporter) fail(status int, hangs bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status, x.hangs = status, hangs
}

func (x *fakeExporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	x.asked++
	status, hangs := x.status, x.hangs
	x.mu.Unlock()
	if hangs {
		<-r.Context().Done()
		return
	}
	if status != 0 {
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":"as the test wants it"}`)
		return
	}
	if r.URL.Path == "/healthz" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	answers := []string{}
	q := r.URL.Query()
	if f, known := x.queues[q.Get("queue")]; known {
		answers = append(answers, predictionJSON(q.Get("queue"), f, q.Get("deadline"), q.Get("level")))
	} else if !q.Has("queue") {
		for name, f := range x.queues {
			answers = append(answers, predictionJSON(name, f, "", ""))
		}
	}
	if len(answers) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"no such queue"}`)
		return
	}
	fmt.Fprintf(w, `{"predictions":[%s]}`, strings.Join(answers, ","))
}

// predictionJSON has the fields that the bot reads, as drain writes them. TestRealPredictions reads what drain really writes.
func predictionJSON(queue string, f forecast, deadline, level string) string {
	deadlines := "[]"
	if deadline != "" {
		deadlines = fmt.Sprintf(`[{"time":%q,"probability":0.93}]`, deadline)
	}
	if level == "" {
		level = "0.9"
	}
	js := func(v any) []byte { b, _ := json.Marshal(v); return b }
	return fmt.Sprintf(`{"queue":%s,"line":%s,"prediction":{"schema":2,"as_of":%s,"state":%s,"never_probability":%s,
		"time_to_clear":{"level":%s,"median_time":%s,"lower_time":%s,"upper_time":%s},"deadlines":%s}}`,
		js(queue), js(f.Line), js(f.AsOf), js(f.State), js(f.Never), level, js(f.Median), js(f.Lower), js(f.Upper), deadlines)
}

// fakeChat takes messages of -url, and records those it took.
type fakeChat struct {
	mu     sync.Mutex
	tries  int
	taken  []report
	answer func(try int, w http.ResponseWriter, r *http.Request) bool // false: not taken, and answered
}

func (c *fakeChat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	c.tries++
	try, answer := c.tries, c.answer
	c.mu.Unlock()
	if answer != nil && !answer(try, w, r) {
		return
	}
	var m report
	if json.Unmarshal(body, &m) != nil || r.Header.Get("Idempotency-Key") != m.ID {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, m)
}

// will makes the chat answer in another way.
func (c *fakeChat) will(answer func(int, http.ResponseWriter, *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *fakeChat) messages() []report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.taken)
}

func (c *fakeChat) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries
}

func (c *fakeChat) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = nil
}

// events are what was taken, as "queue event".
func (c *fakeChat) events() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []string{}
	for _, m := range c.taken {
		out = append(out, m.Queue+" "+string(m.Event))
	}
	return out
}

// network answers requests by host, without a network: in a bubble of synctest nothing may wait for the real one.
type network map[string]http.Handler

var errAway = errors.New("connection refused")

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	h := n[r.URL.Host]
	if h == nil {
		return nil, errAway
	}
	w := httptest.NewRecorder()
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		h.ServeHTTP(w, r)
	}()
	select {
	case died := <-done:
		if died != nil { // http.ErrAbortHandler: the connection is cut
			return nil, io.ErrUnexpectedEOF
		}
		return w.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// lab is a bot between a fake exporter and a fake chat.
type lab struct {
	*bot
	t     testing.TB
	x     *fakeExporter
	chat  *fakeChat
	logs  *bytes.Buffer
	net   network
	state string
	stop  func()
}

func testOptions(state string) options {
	return options{
		exporter: "http://exporter", url: "http://chat/secret-path", label: "queue", state: state, every: 30 * time.Second, pause: 2 * time.Minute,
		zone: time.UTC, chartBase: "https://charts.example.org", signing: "the signing secret",
	}
}

func newLab(t testing.TB) *lab {
	l := &lab{t: t, x: &fakeExporter{}, chat: &fakeChat{}, logs: &bytes.Buffer{}, state: filepath.Join(t.TempDir(), "state.json")}
	l.net = network{"exporter": l.x, "chat": l.chat}
	l.make(time.Now)
	return l
}

// make makes a bot from the state file.
func (l *lab) make(now func() time.Time) {
	log := slog.New(slog.NewTextHandler(l.logs, nil))
	l.bot = newBot(testOptions(l.state), &http.Client{Transport: l.net}, now, rand.New(rand.NewPCG(1, 1)), log)
	require.NoError(l.t, l.load())
	require.NoError(l.t, l.save())
}

// start runs the loops until l.stop.
func (l *lab) start() {
	ctx, cancel := context.WithCancel(l.t.Context())
	var loops sync.WaitGroup
	loops.Go(func() { l.watch(ctx) })
	loops.Go(func() { l.deliver(ctx) })
	l.stop = func() {
		cancel()
		loops.Wait()
		require.NoError(l.t, l.save())
	}
}

// waiting is what is in the outbox.
func (l *lab) waiting() []*message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.outbox)
}

// kept counts the incidents that are remembered, open or closed.
func (l *lab) kept() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.incidents)
}

// restart stops the bot and starts another from the state file.
func (l *lab) restart() {
	l.stop()
	l.make(time.Now)
	l.start()
}

// hookOf is a webhook with an alert for each queue.
func hookOf(status string, startsAt time.Time, queues ...string) []byte {
	type m = map[string]any
	var alerts []m
	for _, q := range queues {
		alerts = append(alerts, m{"status": status, "startsAt": startsAt, "labels": m{"alertname": "BacklogGrows", "queue": q}, "annotations": m{"summary": q + " grows"}})
	}
	body, err := json.Marshal(m{"version": "4", "groupKey": "{}", "status": status, "alerts": alerts})
	if err != nil {
		panic(err)
	}
	return body
}

// hook posts a webhook and returns the status.
func (l *lab) hook(body []byte) int {
	w := httptest.NewRecorder()
	l.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/alerts", bytes.NewReader(body)))
	return w.Code
}

func (l *lab) fire(startsAt time.Time, queues ...string) {
	require.Equal(l.t, http.StatusOK, l.hook(hookOf(firing, startsAt, queues...)))
}

func (l *lab) resolve(startsAt time.Time, queues ...string) {
	require.Equal(l.t, http.StatusOK, l.hook(hookOf(resolved, startsAt, queues...)))
}
