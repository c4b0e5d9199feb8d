package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// stateSchema is the version of the state file.
const stateSchema = 1

// pollers is how many questions the exporter gets at once; each costs it some milliseconds of one core.
const pollers = 8

// patience is how long the exporter has for an answer to a poll.
const patience = 5 * time.Second

// bot holds the incidents and what is to be said of them.
type bot struct {
	o        options
	now      func() time.Time
	log      *slog.Logger
	exporter exporter
	chat     chat
	stats    *stats
	started  time.Time

	mu        sync.Mutex
	rng       *rand.Rand
	incidents map[string]*incident // by key: the open one, or the last one
	outbox    []*message           // in the order in which they were written
	deferred  bool                 // something waits for room in the outbox
	notBefore time.Time            // the chat asked for a pause until then
	version   int64                // of the state; every change makes a new one
	saved     int64                // version that the file holds
	saveError error
	noting    chan struct{} // closed once the messages taken lately are saved; nil where there are none
	size      int           // of the file, about
	heard     time.Time     // the exporter's last answer of any kind

	saving sync.Mutex
	urgent chan struct{} // something can be said at once
	wake   chan struct{} // the outbox changed
	seen   signatures
}

func newBot(o options, client *http.Client, now func() time.Time, rng *rand.Rand, log *slog.Logger) *bot {
	b := &bot{
		o: o, now: now, log: log, rng: rng, started: now(), exporter: exporter{o.exporter, client}, chat: newChat(o, client),
		incidents: map[string]*incident{}, version: 1, urgent: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	b.stats = newStats(b)
	return b
}

// nudge wakes a loop; one that is awake already looks again anyway.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// file is the state file.
type file struct {
	Schema    int         `json:"schema"`
	Incidents []*incident `json:"incidents"`
	Outbox    []*message  `json:"outbox"`
}

// load reads the state file; none is an empty one. A file that cannot be read is an error: to start afresh would say everything twice.
func (b *bot) load() error {
	data, err := os.ReadFile(b.o.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("%s: %w", b.o.state, err)
	}
	if f.Schema != stateSchema {
		return fmt.Errorf("%s: schema %d, want %d", b.o.state, f.Schema, stateSchema)
	}
	for _, i := range f.Incidents {
		if i == nil || i.Key == "" || i.Alerts == nil {
			return fmt.Errorf("%s: an incident without a key or alerts", b.o.state)
		}
		b.incidents[i.Key] = i
	}
	for _, m := range f.Outbox {
		if m == nil || m.ID == "" || m.Event == closed && m.Outcome == nil {
			return fmt.Errorf("%s: a message without an ID or outcome", b.o.state)
		}
	}
	b.outbox = f.Outbox
	return nil
}

// save returns once the file holds the state as it was when save was called. Those who come while the file is being written share the next writing.
func (b *bot) save() error {
	b.mu.Lock()
	want := b.version
	b.mu.Unlock()
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	if b.saved >= want {
		b.mu.Unlock()
		return nil
	}
	version := b.version
	data, err := b.encode()
	b.mu.Unlock()
	if err == nil {
		err = replace(b.o.state, data)
	}
	b.mu.Lock()
	b.saveError = err
	if err == nil {
		b.saved = version
	}
	b.mu.Unlock()
	if err != nil {
		b.stats.unsaved.Inc()
		b.log.Error("the state was not saved", "error", err)
		return err
	}
	nudge(b.wake) // what was just saved may be sent
	return nil
}

// encode writes the state file. What did not change since the last time is not encoded again: with 1,000 incidents that is nearly all.
func (b *bot) encode() ([]byte, error) {
	out := fmt.Appendf(make([]byte, 0, b.size+4096), `{"schema":%d,"incidents":[`, stateSchema)
	add := func(n int, encoded *[]byte, v any) (err error) {
		if *encoded == nil {
			*encoded, err = json.Marshal(v)
		}
		if n > 0 {
			out = append(out, ",\n"...)
		}
		out = append(out, *encoded...)
		return err
	}
	for n, key := range slices.Sorted(maps.Keys(b.incidents)) {
		if err := add(n, &b.incidents[key].encoded, b.incidents[key]); err != nil {
			return nil, err
		}
	}
	out = append(out, `],"outbox":[`...)
	for n, m := range b.outbox {
		if err := add(n, &m.encoded, m); err != nil {
			return nil, err
		}
	}
	b.size = len(out)
	return append(out, "]}\n"...), nil
}

// replace writes a file so that at any time there is the old or the new one, whole.
func replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails where the file has its name already
	_, err = f.Write(data)
	err = cmp.Or(err, f.Sync())
	if err := cmp.Or(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync() // the name, too, has to survive a crash
}

// open counts the open incidents.
func (b *bot) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, i := range b.incidents {
		if i.Closed == nil {
			n++
		}
	}
	return n
}

// errFull is what Alertmanager is told to try again later.
var errFull = errors.New("too many incidents")

// take takes the alerts of a webhook; errFull where there was no room for some of them.
func (b *bot) take(alerts []alert) error {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version++
	refused := 0
	for _, a := range alerts {
		if !b.takeOne(a, now) {
			refused++
		}
	}
	if refused > 0 {
		return fmt.Errorf("%w: no room for %d alerts", errFull, refused)
	}
	return nil
}

func (b *bot) takeOne(a alert, now time.Time) bool {
	print := a.fingerprint()
	queue := a.Labels[b.o.label]
	key := "queue:" + queue
	if queue == "" || len(queue) > maxQueue {
		queue, key = "", "alert:"+print
	}
	i := b.incidents[key]
	if a.Status == resolved {
		if i == nil {
			return true
		}
		if _, known := i.Alerts[print]; known {
			i.Alerts[print] = mark{a.StartsAt, false}
			i.Heard, i.encoded = now, nil
		}
		return true
	}
	switch {
	case i == nil:
		if len(b.incidents) >= maxIncidents && !b.forget(now, true) {
			return false
		}
		i = newIncident(key, queue, a, b.o.zone, now)
	case i.Closed != nil:
		m, known := i.Alerts[print]
		// Of two servers of one Alertmanager the earlier start wins later on, so that a repetition may have an earlier one.
		if known && m.Firing && !a.StartsAt.After(m.StartsAt) {
			i.Heard, i.encoded = now, nil
			return true
		}
		if !known && i.Cleared && !a.StartsAt.After(*i.Closed) { // another rule's view of what is over
			break
		}
		next := newIncident(key, queue, a, b.o.zone, now)
		for print, m := range i.Alerts {
			if m.Firing {
				next.Alerts[print] = m
			}
		}
		i = next
	}
	if _, known := i.Alerts[print]; !known && len(i.Alerts) >= maxMarks {
		for p, m := range i.Alerts {
			if !m.Firing {
				delete(i.Alerts, p)
			}
		}
		if len(i.Alerts) >= maxMarks {
			return false
		}
	}
	i.Alerts[print] = mark{a.StartsAt, true}
	i.Heard, i.encoded = now, nil
	b.incidents[key] = i
	return true
}

// forget drops closed incidents whose time is over; where there must be room, the one that closed first is dropped anyway. It reports whether any was.
func (b *bot) forget(now time.Time, must bool) bool {
	var oldest *incident
	dropped := false
	for key, i := range b.incidents {
		if i.expired(now) {
			delete(b.incidents, key)
			dropped = true
		} else if i.Closed != nil && (oldest == nil || i.Closed.Before(*oldest.Closed)) {
			oldest = i
		}
	}
	if must && !dropped && oldest != nil {
		delete(b.incidents, oldest.Key)
		dropped = true
	}
	return dropped
}

// watch polls the exporter each o.every, and for what is urgent at once.
func (b *bot) watch(ctx context.Context) {
	ticks := time.NewTicker(b.o.every)
	defer ticks.Stop()
	var probe sync.WaitGroup
	defer probe.Wait()
	probe.Go(func() { b.probe(ctx) })
	b.round(ctx, false) // what a restart interrupted
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			b.round(ctx, true)
		case <-b.urgent:
			b.round(ctx, false)
		}
	}
}

// round asks for all incidents that are watched, or only for the urgent ones, and writes what is to be said.
func (b *bot) round(ctx context.Context, all bool) {
	b.mu.Lock()
	var ask []*incident
	if all && b.forget(b.now(), false) {
		b.version++
	}
	for _, i := range b.incidents {
		if i.urgent() || all && i.watched() {
			ask = append(ask, i)
		}
	}
	room := max(0, maxOutbox-len(b.outbox))
	if !all && len(ask) > room {
		b.deferred = true
	}
	b.mu.Unlock()
	// Those that opened first come first, whatever the order of the map.
	slices.SortFunc(ask, func(x, y *incident) int { return cmp.Or(x.Opened.Compare(y.Opened), cmp.Compare(x.Key, y.Key)) })
	if !all {
		ask = ask[:min(len(ask), room)] // the others are asked for once there is room for what follows
	}

	work := make(chan *incident)
	var workers sync.WaitGroup
	var mu sync.Mutex
	failures := 0 // in a row; an exporter that hangs costs two times patience, not one for each queue
	for range min(pollers, len(ask)) {
		workers.Go(func() {
			for i := range work {
				mu.Lock()
				given := failures < pollers
				mu.Unlock()
				v := view{Problem: exporterAway}
				if i.Queue == "" {
					v.Problem = noQueue
				} else if given {
					v = b.ask(ctx, i)
					mu.Lock()
					if v.Problem == exporterAway {
						failures++
					} else {
						failures = 0
					}
					mu.Unlock()
				}
				if ctx.Err() == nil { // else it says nothing of the exporter
					b.learn(i, v)
				}
			}
		})
	}
	for _, i := range ask {
		work <- i
	}
	close(work)
	workers.Wait()
	if ctx.Err() != nil {
		return
	}
	if all && !slices.ContainsFunc(ask, func(i *incident) bool { return i.Queue != "" }) {
		b.probe(ctx)
	}
	b.mu.Lock()
	dirty := b.version > b.saved
	b.mu.Unlock()
	if dirty {
		_ = b.save() // logged and counted; the next round tries again
	}
}

// ask asks the exporter for one incident.
func (b *bot) ask(ctx context.Context, i *incident) view {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := b.exporter.predict(limited, i.Queue, i.Deadline, 0)
	b.reached(err)
	if err == nil {
		return view{Forecast: f}
	}
	var why failure
	errors.As(err, &why)
	if ctx.Err() == nil {
		b.log.Warn("no prediction", "queue", i.Queue, "problem", string(why.problem), "error", err)
	}
	return view{Problem: cmp.Or(why.problem, exporterFail)}
}

// probe finds out whether the exporter is there while nothing is to be asked.
func (b *bot) probe(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b.reached(b.exporter.healthy(limited))
}

// reached notes whether the exporter answered.
func (b *bot) reached(err error) {
	var f failure
	if err == nil || errors.As(err, &f) && f.problem != exporterAway {
		b.mu.Lock()
		b.heard = b.now()
		b.mu.Unlock()
	}
}

// learn takes the result of a poll, and writes the messages that follow from it.
func (b *bot) learn(i *incident, v view) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.incidents[i.Key] != i { // a new one has taken its place meanwhile
		return
	}
	b.version++
	i.encoded = nil
	i.observe(v)
	if i.returned() {
		i = i.again(now)
		i.observe(v)
		b.incidents[i.Key] = i
	}
	for {
		e, why, end := i.next(now, b.o.pause)
		if e == "" {
			return
		}
		if !b.room(i, e) {
			b.deferred = true
			return
		}
		b.post(i, i.speak(e, why, end, now))
	}
}
