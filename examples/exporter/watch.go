package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
)

// source is where samples come from.
type source interface {
	now(ctx context.Context) (time.Time, error)
	series(ctx context.Context, query string, r v1.Range) (model.Matrix, error)
}

// queue is one of those watched.
type queue struct {
	name string
	of   *watch

	mu      sync.Mutex
	est     *drain.Estimator
	history []chart.Point
	got     time.Time // when its last sample came, by the clock of this machine
}

// mostHistory is how many points of the past a picture shows: about as many as it can; the oldest half is thinned out beyond.
const mostHistory = 256

func (q *queue) observe(s drain.Sample, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.est.Observe(s)
	q.got = now
	if b := s.Backlog.Value(); b >= 0 {
		q.history = append(q.history, chart.Point{Time: s.Time, Backlog: b})
		if len(q.history) == mostHistory {
			half := mostHistory / 2
			for i := range half / 2 {
				q.history[i] = q.history[2*i+1]
			}
			q.history = append(q.history[:half/2], q.history[half:]...)
		}
	}
	return err
}

// moment is that of asking: by the server's clock and, where that stands still or goes back, as long after the last sample as that is there.
func (q *queue) moment(server, now time.Time) time.Time {
	latest := q.est.Latest()
	if latest.IsZero() {
		return server
	}
	at := latest.Add(now.Sub(q.got))
	if server.After(at) {
		at = server
	}
	return at.In(q.of.zone)
}

// watch is an entry of the configuration, with the queues that it found so far.
type watch struct {
	entry
	next   time.Time // the first step that was not read yet
	wait   time.Time // not to be asked before, by the clock of this machine
	failed int       // times in a row
	queues map[string]*queue
}

// exporter follows the queues of a configuration.
type exporter struct {
	config config
	source source
	log    *slog.Logger
	clock  func() time.Time // of this machine; only differences of it count

	mu      sync.RWMutex
	watches []*watch
	queues  map[string]*queue
	order   []string

	server   time.Time // the last reading of the server's clock
	serverAt time.Time // and when that was, by the clock of this machine
	read     bool      // everything was read once
	reads    float64
	failures float64
	tooMany  float64
	last     time.Time // when everything was read, by the server's clock
}

func newExporter(c config, s source, log *slog.Logger, clock func() time.Time) *exporter {
	x := &exporter{config: c, source: s, log: log, clock: clock, queues: map[string]*queue{}}
	for _, e := range c.Queues {
		w := &watch{entry: e, queues: map[string]*queue{}}
		x.watches = append(x.watches, w)
		if e.Name != "" {
			x.open(w, e.Name)
		}
	}
	return x
}

// open begins to watch a queue; nil where there are too many, or the name is that of another entry's.
func (x *exporter) open(w *watch, name string) *queue {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, taken := x.queues[name]; taken || len(x.queues) >= x.config.MaxQueues {
		x.tooMany++
		return nil
	}
	var options []drain.Option
	if w.zone != nil {
		options = append(options, drain.InZone(w.zone))
	}
	if w.Memory > 0 {
		options = append(options, drain.WithMemory(w.Memory))
	}
	q := &queue{name: name, of: w, est: drain.NewEstimator(options...), got: x.clock()}
	x.queues[name] = q
	w.queues[name] = q
	i, _ := slices.BinarySearch(x.order, name)
	x.order = slices.Insert(x.order, i, name)
	return q
}

// forget drops the queues that a label found and that are gone for long.
func (x *exporter) forget(w *watch, now time.Time) {
	if w.Label == "" {
		return
	}
	for name, q := range w.queues {
		q.mu.Lock()
		gone := now.Sub(q.got) > x.config.Forget
		q.mu.Unlock()
		if gone {
			x.mu.Lock()
			delete(w.queues, name)
			delete(x.queues, name)
			i, _ := slices.BinarySearch(x.order, name)
			x.order = slices.Delete(x.order, i, i+1)
			x.mu.Unlock()
			x.log.Info("queue forgotten", "queue", name, "after", x.config.Forget)
		}
	}
}

// atOnce is how many entries are read at the same time.
const atOnce = 8

// catchUp reads what came since, for all entries that are due; errWaiting where some are not, as they failed a moment ago.
func (x *exporter) catchUp(ctx context.Context) error {
	server, err := x.source.now(ctx)
	if err != nil {
		x.mu.Lock()
		x.failures++
		x.mu.Unlock()
		return err
	}
	now := x.clock()
	x.mu.Lock()
	x.server, x.serverAt = server, now
	x.mu.Unlock()

	var (
		group sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		errs  = make([]error, len(x.watches))
	)
	for i, w := range x.watches {
		if now.Before(w.wait) {
			errs[i] = errWaiting
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = x.follow(ctx, w, server)
			if errs[i] != nil {
				w.failed++
				w.wait = now.Add(backOff(w.failed))
				errs[i] = fmt.Errorf("queue %s%s: %w", w.Name, w.Label, errs[i])
				return
			}
			w.failed = 0
		})
	}
	group.Wait()
	complete := true
	for i, err := range errs {
		complete = complete && err == nil
		if err == errWaiting {
			errs[i] = nil // said when it failed
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	err = errors.Join(errs...)
	if err != nil {
		x.failures++
		return err
	}
	if !complete {
		return errWaiting
	}
	x.reads++
	x.read, x.last = true, server
	return nil
}

var errWaiting = errors.New("waits after a failure")

// backOff is how long to wait after a number of failures in a row: from one second to one minute, and up to half more, so that many do not come at once.
func backOff(failures int) time.Duration {
	d := min(time.Minute, time.Second<<min(failures-1, 6))
	return d + rand.N(d/2+1)
}

// chunk is how many steps are asked for in one query.
const chunk = 240

// follow reads an entry from where it stopped up to now. What could not be read is read the next time: a server that was away leaves no hole.
func (x *exporter) follow(ctx context.Context, w *watch, server time.Time) error {
	step := x.config.Step
	if oldest := server.Add(-x.config.History).Truncate(step); w.next.Before(oldest) {
		w.next = oldest
	}
	for !w.next.After(server) {
		end := w.next.Add((chunk - 1) * step)
		if last := server.Truncate(step); end.After(last) {
			end = last
		}
		if err := x.take(ctx, w, v1.Range{Start: w.next, End: end, Step: step}); err != nil {
			return err
		}
		w.next = end.Add(step)
	}
	x.forget(w, x.clock())
	return nil
}

// take reads a stretch of time: all of its expressions, or nothing.
func (x *exporter) take(ctx context.Context, w *watch, r v1.Range) error {
	steps := int(r.End.Sub(r.Start)/r.Step) + 1
	found := map[string][]drain.Sample{}
	for _, e := range w.expressions() {
		matrix, err := x.source.series(ctx, e.query, r)
		if err != nil {
			return err
		}
		if w.Name != "" && len(matrix) > 1 {
			return fmt.Errorf("%s: %d series, want one: sum() them, or give the label that tells them apart", e.query, len(matrix))
		}
		seen := map[string]bool{}
		for _, s := range matrix {
			name := w.Name
			if name == "" {
				name = string(s.Metric[model.LabelName(w.Label)])
				if name == "" {
					continue
				}
				if seen[name] {
					return fmt.Errorf("%s: several series with %s=%q, want one: sum by (%s) them", e.query, w.Label, name, w.Label)
				}
				seen[name] = true
			}
			samples := found[name]
			if samples == nil {
				samples = make([]drain.Sample, steps)
				found[name] = samples
			}
			for _, v := range s.Values {
				if i := int(math.Round(float64(v.Timestamp.Time().Sub(r.Start)) / float64(r.Step))); i >= 0 && i < steps {
					samples[i].Time = r.Start.Add(time.Duration(i) * r.Step)
					e.set(&samples[i], float64(v.Value))
				}
			}
		}
	}
	now := x.clock()
	for name, samples := range found {
		q := w.queues[name]
		if q == nil {
			if q = x.open(w, name); q == nil {
				continue
			}
		}
		for _, s := range samples {
			if s.Time.IsZero() { // nothing was there
				continue
			}
			if err := q.observe(s, now); err != nil {
				x.log.Debug("sample rejected", "queue", name, "error", err) // counted in the metrics
			}
		}
	}
	return nil
}

// run follows until the context ends.
func (x *exporter) run(ctx context.Context) {
	failed := 0
	for {
		wait := x.config.Step
		err := x.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == errWaiting: // said when it failed
		case err != nil:
			failed++
			wait = min(wait, backOff(failed))
			x.log.Warn("could not read", "error", err, "failures", failed, "next", wait)
		case failed > 0:
			x.log.Info("reads again", "after", failed)
			failed = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// question is what is asked of a queue unless somebody asks for something else.
func (q *queue) question(at time.Time) drain.Question {
	question := drain.Question{At: at, Target: q.of.Target, Level: q.of.Level}
	for _, d := range q.of.Deadlines {
		question.Deadlines = append(question.Deadlines, d.On(at))
	}
	return question
}

// ask predicts for a queue, with a question that change may change.
func (x *exporter) ask(q *queue, change func(*drain.Question)) (drain.Prediction, error) {
	x.mu.RLock()
	now := x.clock()
	server := x.server
	if !server.IsZero() {
		server = server.Add(now.Sub(x.serverAt))
	}
	x.mu.RUnlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	question := q.question(q.moment(server, now))
	if change != nil {
		change(&question)
	}
	p, err := q.est.Predict(question)
	p.Queue = q.name
	return p, err
}

// all are the queues in the order of their names.
func (x *exporter) all() []*queue {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := make([]*queue, len(x.order))
	for i, name := range x.order {
		list[i] = x.queues[name]
	}
	return list
}

func (x *exporter) find(name string) *queue {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.queues[name]
}
