package main

import (
	"context"
	"slices"
	"time"
)

// maxOutbox is how many messages wait at most. What finds no room is not written yet: its incident says it once there is room.
const maxOutbox = 1000

// senders is how many messages are in flight at once: one that hangs does not hold up the other incidents.
const senders = 8

// Pauses between two tries of a message double from the first to the last.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	// longestPause is how much of a Retry-After is believed.
	longestPause = time.Hour
)

// gather is how long messages that were taken wait for others, to be noted in one writing of the file: a writing of 1,000 incidents is 2 MB.
const gather = 100 * time.Millisecond

// sendTimeout is how long the chat has to take a message.
const sendTimeout = 10 * time.Second

// undelivered returns where the last change of an incident stands that can still be replaced, or -1.
func (b *bot) undelivered(incident string) int {
	return slices.IndexFunc(b.outbox, func(m *message) bool { return m.Incident == incident && m.Event == changed && !m.flying })
}

// room reports whether a message can be written.
func (b *bot) room(i *incident, e event) bool {
	return len(b.outbox) < maxOutbox || e == changed && b.undelivered(i.ID) >= 0
}

// post puts a message into the outbox; an undelivered change of the same incident makes way for a newer one.
func (b *bot) post(i *incident, m *message) {
	m.version = b.version
	at := -1
	if m.Event == changed {
		at = b.undelivered(i.ID)
	}
	if at < 0 {
		b.outbox = append(b.outbox, m)
		return
	}
	old := b.outbox[at]
	b.outbox = slices.Delete(b.outbox, at, at+1)
	i.unsay(old.ID)
	b.stats.replaced.Inc()
	if m.follow(old) {
		b.outbox = append(b.outbox, m)
		return
	}
	// For the readers nothing has changed.
	i.unsay(m.ID)
	i.Shown = &view{Forecast: old.Shown}
	if old.Shown == nil {
		i.Shown = &view{Problem: m.Now.Problem}
	}
}

// follow makes m tell what changed since what was said before old, which is not sent. It reports false where that is nothing.
func (m *message) follow(old *message) bool {
	m.Shown = old.Shown
	switch {
	case old.Shown == nil && m.Now.Forecast == nil:
		return false
	case old.Shown == nil: // the first prediction, or the exporter is back
		m.Why = old.Why
	case m.Now.Forecast == nil:
		m.Why = []change{away}
	default:
		m.Why = differences(old.Shown, m.Now.Forecast)
	}
	return len(m.Why) > 0
}

// due returns the messages that can be sent now, at most n, and when to look again (zero: once something changes).
func (b *bot) due(n int) (ready []*message, again time.Time) {
	if n == 0 { // the end of a flight looks again
		return nil, again
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	earliest := map[string]bool{} // incidents whose first message was seen: the others wait for it
	for _, m := range b.outbox {
		if earliest[m.Incident] {
			continue
		}
		earliest[m.Incident] = true
		if m.flying || m.version > b.saved { // what is not saved could be said again after a restart
			continue
		}
		at := m.NotBefore
		if b.notBefore.After(at) {
			at = b.notBefore
		}
		switch {
		case at.After(now):
			if again.IsZero() || at.Before(again) {
				again = at
			}
		case len(ready) < n:
			m.flying = true
			ready = append(ready, m)
		}
	}
	return ready, again
}

// deliver sends what is in the outbox until ctx is done, and then for at most goodbye what can be sent by then.
func (b *bot) deliver(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan struct{}, senders)
	stopping := ctx.Done()
	var end time.Time
	flying := 0
	for {
		free := senders - flying
		if !end.IsZero() && !b.now().Before(end) {
			free = 0
		}
		ready, again := b.due(free)
		for _, m := range ready {
			flying++
			go func() {
				b.send(sending, m)
				done <- struct{}{}
			}()
		}
		var timer <-chan time.Time
		if !again.IsZero() {
			timer = time.After(again.Sub(b.now()))
		}
		if !end.IsZero() && flying == 0 && (free == 0 || again.IsZero() || again.After(end)) {
			return
		}
		select {
		case <-done:
			flying--
		case <-b.wake:
		case <-timer:
		case <-stopping:
			stopping = nil // once
			end = b.now().Add(goodbye)
			time.AfterFunc(goodbye, cancel)
		}
	}
}

// send sends one message and notes what came of it.
func (b *bot) send(ctx context.Context, m *message) {
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	thread, wait, err := b.chat.send(limited, m)
	cancel()
	now := b.now()
	b.mu.Lock()
	m.flying = false
	switch {
	case err == nil:
		b.stats.sent.WithLabelValues(string(m.Event)).Inc()
		b.log.Info("message taken", "id", m.ID, "queue", m.Queue, "event", string(m.Event), "tries", m.Tries+1)
		b.drop(m)
		if thread != "" && m.Thread == "" {
			b.thread(m, thread)
		}
	case wait == giveUp:
		b.stats.failed.WithLabelValues(string(m.Event)).Inc()
		b.drop(m)
		b.log.Error("message given up", "id", m.ID, "queue", m.Queue, "event", string(m.Event), "error", err)
	case ctx.Err() != nil: // the program stops: the next one sends it
	default:
		b.stats.retried.Inc()
		m.Tries++
		pause := min(firstPause<<min(m.Tries-1, 20), lastPause)
		pause = pause/2 + time.Duration(b.rng.Int64N(int64(pause/2))) // so that not all come back at once
		m.NotBefore, m.encoded = now.Add(max(pause, min(wait, longestPause))), nil
		if wait > 0 && m.NotBefore.After(b.notBefore) {
			b.notBefore = now.Add(min(wait, longestPause)) // the limit is the chat's, not the message's
		}
		b.log.Warn("message not taken", "id", m.ID, "queue", m.Queue, "tries", m.Tries, "again_in", m.NotBefore.Sub(now).Round(time.Millisecond).String(), "error", err)
	}
	left := err == nil || wait == giveUp
	deferred := left && b.deferred
	if deferred {
		b.deferred = false
	}
	b.mu.Unlock()
	// When to try again is not worth a writing of its own: 1,000 messages are tried often while a chat is away.
	if left {
		b.note(ctx)
	}
	if deferred {
		nudge(b.urgent)
	}
}

// note saves the state after gather, for all that come by then, and returns once that is done. Until it succeeds, a crash would send the messages again.
func (b *bot) note(ctx context.Context) {
	b.mu.Lock()
	done := b.noting
	if done == nil {
		done = make(chan struct{})
		b.noting = done
		go func() {
			defer close(done)
			select {
			case <-time.After(gather):
			case <-ctx.Done():
			}
			b.mu.Lock()
			b.noting = nil
			b.mu.Unlock()
			_ = b.save() // logged and counted
		}()
	}
	b.mu.Unlock()
	<-done
}

// drop takes a message out of the outbox.
func (b *bot) drop(m *message) {
	b.version++
	b.outbox = slices.DeleteFunc(b.outbox, func(o *message) bool { return o == m })
}

// thread makes an incident's later messages answers to its first one.
func (b *bot) thread(m *message, thread string) {
	if i := b.incidents[m.Key]; i != nil && i.ID == m.Incident {
		i.Thread, i.encoded = thread, nil
	}
	for _, o := range b.outbox {
		if o.Incident == m.Incident {
			o.Thread, o.encoded = thread, nil
		}
	}
}
