package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
)

var start = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

// made is a source of which the test says what it knows, and when it is away.
type made struct {
	mu      sync.Mutex
	clock   time.Time
	away    bool
	bad     string // the query that fails
	asked   int    // values
	queries int
	// at returns the values of a query at a moment, by the name of the queue; none where there is nothing.
	at func(query string, t time.Time) map[string]float64
}

func (m *made) now(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return time.Time{}, errors.New("connection refused")
	}
	return m.clock, nil
}

func (m *made) series(_ context.Context, query string, r v1.Range) (model.Matrix, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries++
	if m.away || query == m.bad {
		return nil, errors.New("connection refused")
	}
	streams := map[string]*model.SampleStream{}
	for t := r.Start; !t.After(r.End); t = t.Add(r.Step) {
		for name, v := range m.at(query, t) {
			s := streams[name]
			if s == nil {
				s = &model.SampleStream{Metric: model.Metric{"queue": model.LabelValue(name)}}
				streams[name] = s
			}
			s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(t.UnixNano()), Value: model.SampleValue(v)})
			m.asked++
		}
	}
	var matrix model.Matrix
	for _, s := range streams {
		matrix = append(matrix, s)
	}
	return matrix, nil
}

// watched is an exporter on a made source, and on a clock of its own.
type watched struct {
	*exporter
	m    *made
	here time.Time
}

func watching(t *testing.T, text string, m *made) *watched {
	t.Helper()
	if !strings.Contains(text, "history:") {
		text = "history: 1h\n" + text
	}
	c, err := parseConfig(strings.NewReader("prometheus: http://127.0.0.1:9090\nstep: 10s\n" + text))
	require.NoError(t, err)
	w := &watched{m: m, here: start}
	w.exporter = newExporter(c, m, slog.New(slog.DiscardHandler), func() time.Time { return w.here })
	return w
}

// pass lets time pass, by both clocks, and reads after every step.
func (w *watched) pass(d time.Duration) (failed int) {
	for end := w.here.Add(d); w.here.Before(end); {
		w.here = w.here.Add(10 * time.Second)
		w.m.mu.Lock()
		w.m.clock = w.m.clock.Add(10 * time.Second)
		w.m.mu.Unlock()
		if w.catchUp(context.Background()) != nil {
			failed++
		}
	}
	return failed
}

func (w *watched) predict(t *testing.T, name string) drain.Prediction {
	t.Helper()
	p, err := w.ask(w.find(name), nil)
	require.NoError(t, err)
	return p
}

// mail is a queue that loses 5 a second, to which 20 come.
func mail(query string, t time.Time) map[string]float64 {
	s := t.Sub(start).Seconds()
	jitter := float64(int(t.Unix())/10%3) - 1
	switch query {
	case "backlog":
		return map[string]float64{"": 60000 - 5*s + 10*jitter}
	case "in":
		return map[string]float64{"": 1e6 + 20*s}
	case "out":
		return map[string]float64{"": 2e6 + 25*s - 10*jitter}
	}
	return nil
}

const mailOut = "queues: [{name: mail-out, backlog: backlog, inflow_total: in, outflow_total: out, zone: Europe/Berlin, deadlines: ['14:00']}]"

// TestPastAtOnce: the first reading has a record, its prediction is the queue's, and steps after it come one by one, each once.
func TestPastAtOnce(t *testing.T) {
	w := watching(t, mailOut, &made{clock: start, at: mail})
	require.NoError(t, w.catchUp(context.Background()))
	p := w.predict(t, "mail-out")
	assert.Equal(t, 361, p.Samples)
	assert.Equal(t, drain.Draining, p.State)
	assert.InEpsilon(t, 12000, p.TimeToClear.Median, 0.02)
	assert.InDelta(t, 20, p.Inflow, 0.5)
	assert.InDelta(t, 25, p.Outflow, 0.5)
	assert.Equal(t, "Europe/Berlin", p.AsOf.Location().String())
	require.Len(t, p.Deadlines, 1)
	assert.Equal(t, "2026-11-23T13:00:00Z", p.Deadlines[0].Time.UTC().Format(time.RFC3339))
	values := w.m.asked
	assert.Zero(t, w.pass(10*time.Minute))
	assert.Equal(t, 3*60, w.m.asked-values, "each step is read once")
	assert.Equal(t, 421, w.predict(t, "mail-out").Samples)
	assert.Equal(t, 421, w.predict(t, "mail-out").Counts.Accepted)
}

// TestServerAway: while the server is away the answers grow old and say so; when it is back, what was missed is read, and nothing is lost or read twice.
func TestServerAway(t *testing.T) {
	w := watching(t, mailOut, &made{clock: start, at: mail})
	require.NoError(t, w.catchUp(context.Background()))
	before := w.predict(t, "mail-out")
	w.m.away = true
	assert.Equal(t, 12, w.pass(2*time.Minute))
	aged := w.predict(t, "mail-out")
	assert.InDelta(t, 120, aged.Evidence.Age, 1)
	assert.Greater(t, aged.TimeToClear.Upper-aged.TimeToClear.Lower, before.TimeToClear.Upper-before.TimeToClear.Lower)
	w.pass(20 * time.Minute)
	assert.Equal(t, drain.Unknown, w.predict(t, "mail-out").State)
	assert.Contains(t, w.predict(t, "mail-out").Reasons, drain.Stale)
	w.m.away = false
	assert.Zero(t, w.pass(2*time.Minute))
	back := w.predict(t, "mail-out")
	assert.Equal(t, drain.Draining, back.State)
	assert.Equal(t, 361+24*6, back.Samples)
	assert.Empty(t, back.Counts.Rejected)
	assert.Equal(t, 24*6+361, back.Counts.Accepted)
	assert.Equal(t, 132.0, w.failures)
}

// TestPartFails: an entry that cannot be read is asked less and less often, and the others go on; nothing of a step is taken unless all of it is there.
func TestPartFails(t *testing.T) {
	text := "queues:\n- {name: a, backlog: backlog, inflow_total: in}\n- {name: b, backlog: backlog}\n"
	w := watching(t, text, &made{clock: start, at: mail, bad: "in"})
	require.Error(t, w.catchUp(context.Background()))
	w.pass(10 * time.Minute)
	assert.Equal(t, 421, w.predict(t, "b").Samples)
	assert.Zero(t, w.predict(t, "a").Samples)
	queries := w.m.queries
	w.pass(10 * time.Minute)
	assert.Less(t, w.m.queries-queries, 60+2*20, "every step for b, and once a minute or less for both of a")
	w.m.bad = ""
	w.pass(3 * time.Minute)
	assert.GreaterOrEqual(t, w.predict(t, "a").Samples, 361)
	assert.Equal(t, drain.Draining, w.predict(t, "a").State)
}

// TestClockSteps: the clock of the server goes back or forward; samples are neither twice nor of the future, and an answer is never fresher than what it is made of.
func TestClockSteps(t *testing.T) {
	m := &made{clock: start, at: mail}
	w := watching(t, mailOut, m)
	require.NoError(t, w.catchUp(context.Background()))
	m.clock = m.clock.Add(-time.Hour)
	w.pass(30 * time.Minute) // nothing new until the clock is where it was
	p := w.predict(t, "mail-out")
	assert.Equal(t, 361, p.Samples)
	assert.Equal(t, drain.Unknown, p.State, "the last sample is 30 minutes old by any clock")
	w.pass(40 * time.Minute)
	p = w.predict(t, "mail-out")
	assert.Equal(t, drain.Draining, p.State)
	assert.Empty(t, p.Counts.Rejected)
	m.clock = m.clock.Add(time.Hour)
	w.pass(time.Minute)
	assert.Equal(t, drain.Draining, w.predict(t, "mail-out").State)
	// The clock of this machine alone: only how much time passes counts.
	w.here = w.here.Add(-24 * time.Hour)
	w.pass(time.Minute)
	assert.Equal(t, drain.Draining, w.predict(t, "mail-out").State)
}

// TestQueueVanishes: a queue that a label found goes and comes back; the others go on, and one that is gone for a day is forgotten.
func TestQueueVanishes(t *testing.T) {
	here := map[string]bool{"a": true, "b": true}
	m := &made{clock: start, at: func(query string, t time.Time) map[string]float64 {
		all := map[string]float64{}
		for name := range here {
			all[name] = mail(query, t)[""]
		}
		return all
	}}
	w := watching(t, "forget: 2h\nqueues: [{label: queue, backlog: backlog, inflow_total: in, outflow_total: out}]", m)
	require.NoError(t, w.catchUp(context.Background()))
	delete(here, "b")
	w.pass(30 * time.Minute)
	assert.Equal(t, drain.Draining, w.predict(t, "a").State)
	assert.Equal(t, drain.Unknown, w.predict(t, "b").State)
	here["b"] = true
	w.pass(10 * time.Minute)
	b := w.predict(t, "b")
	assert.Equal(t, drain.Draining, b.State)
	assert.Empty(t, b.Counts.Rejected)
	delete(here, "b")
	w.pass(3 * time.Hour)
	assert.Nil(t, w.find("b"))
	assert.Len(t, w.all(), 1)
	here["b"] = true
	w.pass(time.Minute)
	assert.NotNil(t, w.find("b"))
}

// TestThousandQueues: a thousand are found, their metrics are right, and their memory is bounded, as is their number.
func TestThousandQueues(t *testing.T) {
	m := &made{clock: start, at: func(query string, t time.Time) map[string]float64 {
		all := make(map[string]float64, 1100)
		for i := range 1100 {
			all["q"+strconv.Itoa(i)] = mail(query, t)[""]
		}
		return all
	}}
	heap := func() float64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&s)
		return float64(s.HeapAlloc)
	}
	before := heap()
	w := watching(t, "history: 10m\nmax_queues: 1000\nqueues: [{label: queue, backlog: backlog, inflow_total: in, outflow_total: out}]", m)
	require.NoError(t, w.catchUp(context.Background()))
	w.pass(time.Minute)
	assert.Len(t, w.all(), 1000)
	each := (heap() - before) / 1000
	assert.Less(t, each, 40e3, "bytes for a queue")
	server := httptest.NewServer(w.handler())
	defer server.Close()
	begin := time.Now()
	text := get(t, server.URL+"/metrics", http.StatusOK)
	t.Logf("%.0f bytes for a queue; %d bytes of metrics in %s", each, len(text), time.Since(begin))
	assert.Equal(t, 1000, strings.Count(text, "\nbacklog_time_to_clear_seconds{"))
	assert.Equal(t, 1000*len(drain.States()), strings.Count(text, "\nbacklog_state{"))
	assert.Contains(t, text, "\nbacklog_exporter_queues 1000\n")
	assert.NotContains(t, text, "\nbacklog_exporter_refused_total 0\n")
	runtime.KeepAlive(w)
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, status, r.StatusCode, string(text))
	return string(text)
}

// TestServes: what programs and people get.
func TestServes(t *testing.T) {
	w := watching(t, mailOut, &made{clock: start, at: mail})
	server := httptest.NewServer(w.handler())
	defer server.Close()
	assert.Equal(t, "ok\n", get(t, server.URL+"/healthz", http.StatusOK))
	get(t, server.URL+"/readyz", http.StatusServiceUnavailable)
	// Before anything is read everything is unknown, and there.
	assert.Contains(t, get(t, server.URL+"/metrics", http.StatusOK), `backlog_state{queue="mail-out",state="unknown"} 1`)
	assert.Contains(t, get(t, server.URL+"/", http.StatusOK), "nothing read yet")
	require.NoError(t, w.catchUp(context.Background()))
	get(t, server.URL+"/readyz", http.StatusOK)
	var all struct {
		Predictions []struct {
			Queue, Line string
			Prediction  struct {
				Schema    int
				Deadlines []struct{ Probability float64 }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(get(t, server.URL+"/api/v1/predictions?queue=mail-out&deadline=%2B10h&level=0.5", http.StatusOK)), &all))
	require.Len(t, all.Predictions, 1)
	p := all.Predictions[0]
	assert.Equal(t, "mail-out", p.Queue)
	assert.Contains(t, p.Line, "mail-out: 59 990 items, draining at 5/s: cleared in 3 h ")
	assert.Contains(t, p.Line, "(50 %: ")
	assert.Equal(t, 2, p.Prediction.Schema)
	require.Len(t, p.Prediction.Deadlines, 2)
	assert.Greater(t, p.Prediction.Deadlines[1].Probability, 0.95)
	for query, status := range map[string]int{
		"queue=none": 404, "queue=mail-out&level=2": 400, "deadline=soon": 400, "target=-1": 400, "target=x": 400, "target=NaN": 400,
		strings.Repeat("deadline=%2B1h&", 101): 400,
	} {
		assert.Contains(t, get(t, server.URL+"/api/v1/predictions?"+query, status), `"error": "`, query)
	}
	assert.True(t, strings.HasPrefix(get(t, server.URL+"/api/v1/chart.png?queue=mail-out", http.StatusOK), "\x89PNG"))
	assert.Contains(t, get(t, server.URL+"/api/v1/chart.svg?queue=mail-out", http.StatusOK), "<svg")
	get(t, server.URL+"/api/v1/chart.png?queue=none", http.StatusNotFound)
	var together sync.WaitGroup
	for i := range 6 {
		together.Go(func() {
			r, err := http.Get(server.URL + "/api/v1/chart" + []string{".png", ".svg"}[i%2] + "?queue=mail-out")
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusOK, r.StatusCode)
				r.Body.Close()
			}
		})
	}
	together.Wait()
	assert.Contains(t, get(t, server.URL+"/", http.StatusOK), `<img src="/api/v1/chart.svg?queue=mail-out"`)
	assert.Contains(t, get(t, server.URL+"/metrics", http.StatusOK), `backlog_deadline_probability{deadline="2026-11-23T13:00:00Z",queue="mail-out"} `)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(w.exporter))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestConfig: every mistake is said, and the file of the example is right.
func TestConfig(t *testing.T) {
	c, err := readConfig("backlog.yml")
	require.NoError(t, err)
	assert.NotEmpty(t, c.Queues)
	for text, want := range map[string]string{
		"":                       "prometheus: want the URL",
		"prometheus: http://a\n": "queues: none",
		"prometheus: http://a\nstep: 1ms\nqueues: [{name: a, backlog: b}]":                    "step is 1ms",
		"prometheus: http://a\nhistory: 1000h\nqueues: [{name: a, backlog: b}]":               "history is",
		"prometheus: http://a\nqueues: [{backlog: b}]":                                        "want a name, or the label",
		"prometheus: http://a\nqueues: [{name: a, label: b, backlog: b}]":                     "want a name, or the label",
		"prometheus: http://a\nqueues: [{name: a}]":                                           "no expression",
		"prometheus: http://a\nqueues: [{name: a, inflow: b, inflow_total: c}]":               "want one of them",
		"prometheus: http://a\nqueues: [{name: a, backlog: b}, {name: a, backlog: b}]":        "a second one",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, zone: Nowhere/There}]":          "zone is",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, level: 1.5}]":                   "Level is 1.5",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, target: -3}]":                   "Target is -3",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, deadlines: [soon]}]":            `line 2: deadline "soon", want a time of day`,
		"prometheus: http://a\nqueues: [{name: a, backlog: b, backlogs: c}]":                  "backlogs",
		"prometheus: http://a\nmax_queues: 0\nqueues: [{name: a, backlog: b}]":                "max_queues",
		"prometheus: http://a\ntimeout: 0s\nqueues: [{name: a, backlog: b}]":                  "timeout",
		"prometheus: http://a\nforget: 0s\nqueues: [{name: a, backlog: b}]":                   "forget",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, memory: -1}]":                   "memory",
		"prometheus: http://a\nqueues: [{name: a, backlog: b, outflow: b, outflow_total: c}]": "want one of them",
		"prometheus: [\n": "line 1: ",
		"prometheus: http://a\nstep: soon\nqueues: [{name: a, backlog: b}]": "line 2: cannot read `soon` as a duration, such as 15s",
	} {
		_, err := parseConfig(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
	}
}

// TestSeveralSeries: an expression that gives more than a queue has is an error that says what to do.
func TestSeveralSeries(t *testing.T) {
	m := &made{clock: start, at: func(string, time.Time) map[string]float64 { return map[string]float64{"a": 1, "b": 2} }}
	w := watching(t, "queues: [{name: a, backlog: up}]", m)
	assert.ErrorContains(t, w.catchUp(context.Background()), "queue a: up: 2 series, want one: sum() them")
}

// TestRun: the program against a server that speaks Prometheus' protocol, from its flags to a clean end.
func TestRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		if r.URL.Path == "/api/v1/query" {
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"scalar","result":[%d,"%d"]}}`, start.Unix(), start.Unix())
			return
		}
		from, _ := strconv.ParseFloat(r.Form.Get("start"), 64)
		to, _ := strconv.ParseFloat(r.Form.Get("end"), 64)
		var values []string
		for t := from; t <= to; t += 15 {
			values = append(values, fmt.Sprintf(`[%f,"%f"]`, t, mail("backlog", time.Unix(int64(t), 0))[""]))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[%s]}]}}`, strings.Join(values, ","))
	}))
	defer server.Close()
	file := t.TempDir() + "/c.yml"
	require.NoError(t, os.WriteFile(file, []byte("prometheus: "+server.URL+"\nqueues: [{name: a, backlog: b}]\n"), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	address := make(chan string, 1)
	ended := make(chan int, 1)
	var log safe
	go func() {
		ended <- run(ctx, []string{"-config", file, "-listen", "127.0.0.1:0", "-log", "json"}, &log, func(a net.Addr) { address <- a.String() })
	}()
	base := "http://" + <-address
	require.Eventually(t, func() bool {
		r, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 10*time.Second, 20*time.Millisecond)
	assert.Contains(t, get(t, base+"/api/v1/predictions", http.StatusOK), "draining at 5/s")
	stop()
	assert.Equal(t, exitOK, <-ended)
	assert.Contains(t, log.String(), `"msg":"shutting down"`)

	assert.Equal(t, exitUsage, run(ctx, []string{"-config", "none.yml"}, io.Discard, nil))
	assert.Equal(t, exitUsage, run(ctx, []string{"-log", "xml"}, io.Discard, nil))
	assert.Equal(t, exitUsage, run(ctx, []string{"-config", file, "more"}, io.Discard, nil))
	assert.Equal(t, exitUsage, run(ctx, []string{"-nonsense"}, io.Discard, nil))
	assert.Equal(t, exitOK, run(ctx, []string{"-config", file, "-check"}, io.Discard, nil))
	assert.Equal(t, exitFailed, run(ctx, []string{"-config", file, "-listen", "127.0.0.1:1:2"}, io.Discard, nil))
}

// TestHistoryOfAPicture: it stays short, in order, and keeps its beginning and end.
func TestHistoryOfAPicture(t *testing.T) {
	q := &queue{est: drain.NewEstimator(), of: &watch{}}
	for i := range 5000 {
		require.NoError(t, q.observe(drain.Sample{Time: start.Add(time.Duration(i) * time.Second), Backlog: drain.Items(float64(i % 50))}, start))
	}
	assert.Less(t, len(q.history), mostHistory)
	assert.True(t, slices.IsSortedFunc(q.history, func(a, b chart.Point) int { return a.Time.Compare(b.Time) }))
	assert.True(t, q.history[len(q.history)-1].Time.Equal(start.Add(4999*time.Second)))
	assert.False(t, math.IsNaN(q.history[0].Backlog))
}

// safe is a buffer that may be read while it is written.
type safe struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
