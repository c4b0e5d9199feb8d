package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// stats are the bot's metrics.
type stats struct {
	registry     *prometheus.Registry
	sent, failed *prometheus.CounterVec
	retried      prometheus.Counter
	replaced     prometheus.Counter
	unsaved      prometheus.Counter
	webhooks     *prometheus.CounterVec
	commands     *prometheus.CounterVec
}

func newStats(b *bot) *stats {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "incidentbot_" + name, Help: help}
	}
	s := &stats{
		registry: prometheus.NewRegistry(),
		sent:     prometheus.NewCounterVec(counter("messages_sent_total", "Messages that the chat took."), []string{"event"}),
		failed:   prometheus.NewCounterVec(counter("messages_failed_total", "Messages given up, as the chat refused them."), []string{"event"}),
		retried:  prometheus.NewCounter(counter("messages_retried_total", "Tries after which a message stayed in the outbox.")),
		replaced: prometheus.NewCounter(counter("messages_replaced_total", "Undelivered changes that made way for newer ones.")),
		unsaved:  prometheus.NewCounter(counter("state_save_errors_total", "Times that the state file could not be written.")),
		webhooks: prometheus.NewCounterVec(counter("webhooks_total", "Requests for /alerts, by status."), []string{"code"}),
		commands: prometheus.NewCounterVec(counter("commands_total", "Requests for /slack/command, by status."), []string{"code"}),
	}
	for _, e := range []event{opened, changed, closed} { // 0 is a value, too
		s.sent.WithLabelValues(string(e))
		s.failed.WithLabelValues(string(e))
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "incidentbot_" + name, Help: help}, value)
	}
	s.registry.MustRegister(s.sent, s.failed, s.retried, s.replaced, s.unsaved, s.webhooks, s.commands,
		gauge("outbox_messages", "Messages that the chat has not taken yet.", func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			return float64(len(b.outbox))
		}),
		gauge("incidents_open", "Incidents that are open.", func() float64 { return float64(b.open()) }),
		gauge("exporter_last_answer_timestamp_seconds", "When the exporter answered last; 0 is never.", func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.heard.IsZero() {
				return 0
			}
			return float64(b.heard.UnixMilli()) / 1e3
		}),
	)
	return s
}

func (b *bot) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/alerts", func(w http.ResponseWriter, r *http.Request) {
		code := b.alerts(w, r)
		b.stats.webhooks.WithLabelValues(fmt.Sprint(code)).Inc()
	})
	if b.o.signing != "" {
		mux.HandleFunc("/slack/command", func(w http.ResponseWriter, r *http.Request) {
			code := b.command(w, r)
			b.stats.commands.WithLabelValues(fmt.Sprint(code)).Inc()
		})
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", b.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.stats.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}

// refuse answers with a status and the reason, and returns the status.
func refuse(w http.ResponseWriter, code int, why string) int {
	http.Error(w, why, code)
	return code
}

// read reads a body of bounded size; code is 0 where that went well.
func read(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, code int) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, refuse(w, http.StatusMethodNotAllowed, "want POST")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d bytes", limit))
	case err != nil:
		return nil, refuse(w, http.StatusBadRequest, "the body ended early")
	}
	return body, 0
}

// alerts takes Alertmanager's webhook, and returns the status of the answer. 200 is a promise: the state is saved. After 5xx Alertmanager comes again, which does no harm.
func (b *bot) alerts(w http.ResponseWriter, r *http.Request) int {
	if b.o.alertsToken != "" {
		shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bearer || !same(shown, b.o.alertsToken) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			return refuse(w, http.StatusUnauthorized, "want the bearer token")
		}
	}
	body, code := read(w, r, maxBody)
	if code != 0 {
		return code
	}
	h, err := readHook(body)
	if err != nil {
		code := http.StatusBadRequest
		if errors.Is(err, errTooMany) {
			code = http.StatusRequestEntityTooLarge
		}
		b.log.Warn("webhook refused", "status", code, "error", err)
		return refuse(w, code, err.Error())
	}
	if h.Truncated > 0 {
		b.log.Warn("Alertmanager left out alerts: its max_alerts is too small", "alerts", h.Truncated)
	}
	full := b.take(h.Alerts)
	if err := b.save(); err != nil {
		return refuse(w, http.StatusInternalServerError, "the state was not saved")
	}
	nudge(b.urgent)
	if full != nil {
		b.log.Error("webhook not taken whole", "error", full)
		return refuse(w, http.StatusServiceUnavailable, full.Error())
	}
	fmt.Fprintln(w, "ok")
	return http.StatusOK
}

// same compares secrets in a time that does not depend on what they are.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// ready answers 200 where the bot can do its work: the state can be saved, and the exporter answered lately.
func (b *bot) ready(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	unsaved, silent := b.saveError, b.now().Sub(b.heard)
	b.mu.Unlock()
	if unsaved == nil { // it may have been a while
		probe, err := os.CreateTemp(filepath.Dir(b.o.state), filepath.Base(b.o.state)+".*")
		if unsaved = err; err == nil {
			probe.Close()
			os.Remove(probe.Name())
		}
	}
	if unsaved != nil {
		http.Error(w, "the state file cannot be written", http.StatusServiceUnavailable)
		return
	}
	if silent > 3*b.o.every+patience { // three polls
		http.Error(w, "the exporter does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
