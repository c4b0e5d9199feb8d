package main

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/examples/internal/metrics"
	"github.com/postsack/backlog/examples/internal/plain"
)

func (x *exporter) handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(x, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /api/v1/predictions", x.predictions)
	mux.HandleFunc("GET /api/v1/chart.png", x.picture(".png", "image/png"))
	mux.HandleFunc("GET /api/v1/chart.svg", x.picture(".svg", "image/svg+xml"))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", x.ready)
	mux.HandleFunc("GET /{$}", x.page)
	return mux
}

func (x *exporter) ready(w http.ResponseWriter, _ *http.Request) {
	x.mu.RLock()
	read := x.read
	x.mu.RUnlock()
	if !read {
		http.Error(w, "not everything was read yet", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

var (
	reads    = prometheus.NewDesc("backlog_exporter_reads_total", "Times that all queues were read.", nil, nil)
	failures = prometheus.NewDesc("backlog_exporter_read_failures_total", "Times that something could not be read.", nil, nil)
	last     = prometheus.NewDesc("backlog_exporter_last_read_timestamp_seconds", "Unix time, by the server's clock, at which all queues were last read; NaN before.", nil, nil)
	queues   = prometheus.NewDesc("backlog_exporter_queues", "Queues that are watched.", nil, nil)
	refused  = prometheus.NewDesc("backlog_exporter_refused_total", "Times that a queue was found and not watched, as there are too many or its name is taken.", nil, nil)
)

// Describe sends all descriptions.
func (x *exporter) Describe(to chan<- *prometheus.Desc) {
	metrics.Snapshot{}.Describe(to)
	for _, d := range []*prometheus.Desc{reads, failures, last, queues, refused} {
		to <- d
	}
}

// Collect sends all values, as of now.
func (x *exporter) Collect(to chan<- prometheus.Metric) {
	all := x.all()
	for _, q := range all {
		p, err := x.ask(q, nil)
		if err != nil {
			to <- prometheus.NewInvalidMetric(queues, fmt.Errorf("queue %q: %w", q.name, err))
			continue
		}
		metrics.Snapshot{Prediction: p}.Collect(to)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := math.NaN()
	if !x.last.IsZero() {
		at = float64(x.last.UnixMilli()) / 1e3
	}
	to <- prometheus.MustNewConstMetric(reads, prometheus.CounterValue, x.reads)
	to <- prometheus.MustNewConstMetric(failures, prometheus.CounterValue, x.failures)
	to <- prometheus.MustNewConstMetric(last, prometheus.GaugeValue, at)
	to <- prometheus.MustNewConstMetric(queues, prometheus.GaugeValue, float64(len(all)))
	to <- prometheus.MustNewConstMetric(refused, prometheus.CounterValue, x.tooMany)
}

// answer is one prediction in the JSON.
type answer struct {
	Queue      string           `json:"queue"`
	Line       string           `json:"line"`
	Prediction drain.Prediction `json:"prediction"`
}

// mostDeadlines is how many one request may ask for.
const mostDeadlines = 100

func (x *exporter) predictions(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	asked := x.all()
	if values.Has("queue") {
		q := x.find(values.Get("queue"))
		if q == nil {
			fail(w, http.StatusNotFound, fmt.Errorf("no queue %q", values.Get("queue")))
			return
		}
		asked = []*queue{q}
	}
	var deadlines []drain.When
	if n := len(values["deadline"]); n > mostDeadlines {
		fail(w, http.StatusBadRequest, fmt.Errorf("%d deadlines, want %d or fewer", n, mostDeadlines))
		return
	}
	for _, s := range values["deadline"] {
		when, err := drain.ParseWhen(s)
		if err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("deadline: %w", plain.Error(err)))
			return
		}
		deadlines = append(deadlines, when)
	}
	numbers := map[string]float64{}
	for _, name := range []string{"level", "target"} {
		if values.Has(name) {
			v, err := strconv.ParseFloat(values.Get(name), 64)
			if err != nil {
				fail(w, http.StatusBadRequest, fmt.Errorf("%s is %q, want a number", name, values.Get(name)))
				return
			}
			numbers[name] = v
		}
	}
	answers := []answer{}
	for _, q := range asked {
		p, err := x.ask(q, func(question *drain.Question) {
			for _, d := range deadlines {
				question.Deadlines = append(question.Deadlines, d.On(question.At))
			}
			if v, given := numbers["level"]; given {
				question.Level = v
			}
			if v, given := numbers["target"]; given {
				question.Target = v
			}
		})
		if err != nil {
			status := http.StatusInternalServerError
			if errors.Is(err, drain.ErrInvalid) {
				status = http.StatusBadRequest
			}
			fail(w, status, plain.Error(err))
			return
		}
		answers = append(answers, answer{q.name, p.String(), p})
	}
	reply(w, http.StatusOK, map[string][]answer{"predictions": answers})
}

func fail(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// drawing bounds how many pictures are drawn at the same time: each takes some hundred milliseconds of a core.
var drawing = make(chan struct{}, 2)

func (x *exporter) picture(extension, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := x.find(r.URL.Query().Get("queue"))
		if q == nil {
			fail(w, http.StatusNotFound, fmt.Errorf("no queue %q", r.URL.Query().Get("queue")))
			return
		}
		select {
		case drawing <- struct{}{}:
			defer func() { <-drawing }()
		case <-r.Context().Done():
			return
		}
		p, err := x.ask(q, nil)
		if err != nil {
			fail(w, http.StatusInternalServerError, err)
			return
		}
		q.mu.Lock()
		history := slices.Clone(q.history)
		q.mu.Unlock()
		title := p.String()
		if extension == ".svg" { // it is drawn with the reader's fonts, which may be wider; on the page the line stands above it
			title = q.name
		}
		var picture bytes.Buffer
		err = chart.Encode(&picture, extension, chart.Spec{
			History: history, Prediction: p, Zone: q.of.zone, Title: title,
			ToLevel: func(level float64) (drain.Prediction, error) {
				return x.ask(q, func(question *drain.Question) { question.At, question.Target, question.Deadlines = p.AsOf, level, nil })
			},
		})
		if err != nil {
			fail(w, http.StatusInternalServerError, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(picture.Bytes())
	}
}

//go:embed page.html
var pages embed.FS

var page = template.Must(template.ParseFS(pages, "page.html"))

// shown is a queue on the page.
type shown struct {
	Name, Line, Record string
	State              drain.State
	Warnings           []string
	Deadlines          []string
	Chart              bool
	late               float64
}

// mostCharts is how many pictures the page has, of the queues that matter most.
const mostCharts = 12

// urgency is the order of states on the page.
var urgency = []drain.State{drain.Growing, drain.Stalled, drain.Unknown, drain.Steady, drain.Draining, drain.Cleared}

func (x *exporter) page(w http.ResponseWriter, r *http.Request) {
	var list []shown
	for _, q := range x.all() {
		p, err := x.ask(q, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s := shown{Name: q.name, Line: p.String(), State: p.State, Warnings: p.Warnings, Record: p.Record.String(), late: p.TimeToClear.Upper}
		for _, d := range p.Deadlines {
			s.Deadlines = append(s.Deadlines, fmt.Sprintf("by %s with probability %s", drain.FormatClock(d.Time.In(p.AsOf.Location()), p.AsOf, 0), drain.FormatProbability(d.Probability)))
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b shown) int {
		return cmp.Or(cmp.Compare(slices.Index(urgency, a.State), slices.Index(urgency, b.State)), -cmp.Compare(a.late, b.late))
	})
	for i := range list {
		list[i].Chart = i < mostCharts && list[i].State != drain.Cleared
	}
	x.mu.RLock()
	at, step := x.last, x.config.Step
	x.mu.RUnlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{"Queues": list, "Read": at, "Refresh": int(max(step, 10*time.Second).Seconds())})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(b.Bytes())
}
