package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/postsack/backlog/drain"
)

// Limits of what is kept. An incident with all that it may hold is some 20 kB; most hold three predictions.
const (
	maxIncidents = 10_000
	maxMarks     = 100 // alerts of one incident
	maxSaid      = 50  // predictions of one incident: the first and the last ones
	maxQueue     = 256 // bytes in the name of a queue
)

const (
	// holdPolls is how many polls in a row must agree: what is there once is noise, and two polls are the least that can agree.
	holdPolls = 2
	// awayPolls is how many polls in a row must fail before an open incident says so: a restart of the exporter takes less than four polls.
	awayPolls = 4
	// unheard is how long an incident stays of which Alertmanager does not speak: longer than any sensible repeat_interval.
	unheard = 7 * 24 * time.Hour
)

// view is what one poll showed: a prediction, or why there is none.
type view struct {
	Forecast *forecast `json:"forecast,omitempty"`
	Problem  problem   `json:"problem,omitempty"`
}

// mark is one alert of an incident.
type mark struct {
	StartsAt time.Time `json:"starts_at"`
	Firing   bool      `json:"firing"`
}

// said is a prediction that was said.
type said struct {
	Message  string   `json:"message"`
	Forecast forecast `json:"forecast"`
}

// incident is what goes on with one queue, or with one alert that names none.
type incident struct {
	ID       string          `json:"id"`
	Key      string          `json:"key"`
	Queue    string          `json:"queue"`
	Summary  string          `json:"summary"`
	Deadline *time.Time      `json:"deadline,omitempty"`
	Alerts   map[string]mark `json:"alerts"` // by fingerprint
	Opened   time.Time       `json:"opened"`
	Heard    time.Time       `json:"heard"` // last word of Alertmanager
	Closed   *time.Time      `json:"closed,omitempty"`
	Cleared  bool            `json:"cleared"` // closed as the exporter said so

	// What the last polls showed.
	Last         *view      `json:"last,omitempty"`
	Before       *view      `json:"before,omitempty"`
	Failures     int        `json:"failures"` // polls in a row without a prediction
	ClearedPolls int        `json:"cleared_polls"`
	ClearedAt    *time.Time `json:"cleared_at,omitempty"`

	// What was said.
	Messages int       `json:"messages"`
	Spoke    time.Time `json:"spoke"`
	Shown    *view     `json:"shown,omitempty"`
	Said     []said    `json:"said"`
	Dropped  int       `json:"dropped"` // predictions said that are not in Said any more
	Thread   string    `json:"thread,omitempty"`

	encoded []byte // for the state file; nil once something changed
}

func newIncident(key, queue string, a alert, zone *time.Location, now time.Time) *incident {
	i := &incident{
		ID: incidentID(key, now), Key: key, Queue: queue, Summary: a.summary(),
		Alerts: map[string]mark{}, Opened: now, Heard: now,
	}
	if w, err := drain.ParseWhen(a.Annotations["deadline"]); err == nil && a.Annotations["deadline"] != "" {
		if t := w.On(a.StartsAt.In(zone)); t.UTC().Year() < 9999 { // later years may not fit into JSON
			i.Deadline = &t
		}
	}
	return i
}

// again is a new incident of the same queue after one that was closed.
func (i *incident) again(now time.Time) *incident {
	return &incident{
		ID: incidentID(i.Key, now), Key: i.Key, Queue: i.Queue, Summary: i.Summary, Deadline: i.Deadline, Alerts: i.Alerts, Opened: now, Heard: i.Heard,
	}
}

// incidentID names an incident: what it is about may hold anything and be long, an ID goes into headers.
func incidentID(key string, now time.Time) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:6]), now.UnixMilli())
}

func (i *incident) firing() bool {
	for _, m := range i.Alerts {
		if m.Firing {
			return true
		}
	}
	return false
}

// urgent reports whether something can be said without waiting for the next poll: that it opened, or that it was resolved.
func (i *incident) urgent() bool {
	return i.Closed == nil && (i.Messages == 0 || !i.firing())
}

// watched reports whether polls are of use. A closed incident is watched while its alerts fire: Alertmanager will not say that the queue grows again.
func (i *incident) watched() bool { return i.Closed == nil || i.Cleared && i.firing() }

// expired reports whether a closed incident can be forgotten. While its alerts fire it is kept, as Alertmanager repeats them.
func (i *incident) expired(now time.Time) bool {
	return i.Closed != nil && (!i.firing() || now.Sub(i.Heard) > unheard)
}

// observe takes the result of a poll.
func (i *incident) observe(v view) {
	i.Before, i.Last = i.Last, &v
	if v.Forecast == nil {
		i.Failures++
		return
	}
	i.Failures = 0
	if v.Forecast.State != drain.Cleared {
		i.ClearedPolls, i.ClearedAt = 0, nil
		return
	}
	if i.ClearedPolls++; i.ClearedPolls == 1 {
		i.ClearedAt = &v.Forecast.AsOf
	}
}

// event is what a message tells of.
type event string

const (
	opened  event = "opened"
	changed event = "changed"
	closed  event = "closed"
)

// result is how an incident ended.
type result string

const (
	asCleared  result = "cleared"  // the exporter said so
	asResolved result = "resolved" // Alertmanager said so, and the queue was not cleared, or nobody knows
	asUnheard  result = "unheard"  // Alertmanager fell silent
)

// next says what is to be said now; empty is nothing.
func (i *incident) next(now time.Time, pause time.Duration) (event, []change, result) {
	cleared := i.Last != nil && i.Last.Forecast != nil && i.Last.Forecast.State == drain.Cleared
	switch {
	case i.Closed != nil || i.Last == nil:
		return "", nil, ""
	case i.Messages == 0:
		return opened, nil, ""
	case i.ClearedPolls >= holdPolls || cleared && !i.firing():
		return closed, nil, asCleared
	case !i.firing():
		return closed, nil, asResolved
	case now.Sub(i.Heard) > unheard:
		return closed, nil, asUnheard
	}
	why := i.changes()
	// The first prediction is what everybody waits for, and comes once: it does not wait for the pause.
	if len(why) == 0 || now.Sub(i.Spoke) < pause && !slices.Contains(why, first) {
		return "", nil, ""
	}
	return changed, why, ""
}

// change is a way in which the picture is not that which was shown.
type change string

const (
	first       change = "first_prediction" // the incident opened without one
	back        change = "exporter_back"
	away        change = "exporter_away"
	state       change = "state"
	moved       change = "moved"        // the median left the bounds
	outOfSight  change = "out_of_sight" // there was a median, and there is none now
	comeInSight change = "in_sight"
)

// changes compares the last two polls with what was shown.
func (i *incident) changes() []change {
	if i.Last == nil || i.Shown == nil {
		return nil
	}
	last, shown := i.Last.Forecast, i.Shown.Forecast
	if last == nil {
		if shown != nil && i.Failures >= awayPolls {
			return []change{away}
		}
		return nil
	}
	if shown == nil && len(i.Said) == 0 {
		return []change{first}
	}
	if i.Before == nil || i.Before.Forecast == nil || last.State == drain.Cleared {
		return nil // no two polls yet, or about to be closed
	}
	if shown == nil {
		return []change{back}
	}
	var why []change
	before := differences(shown, i.Before.Forecast)
	for _, c := range differences(shown, last) {
		if slices.Contains(before, c) && (c != state || i.Before.Forecast.State == last.State) {
			why = append(why, c)
		}
	}
	return why
}

// differences compares one prediction with the one shown.
func differences(shown, f *forecast) []change {
	var d []change
	if f.State != shown.State {
		d = append(d, state)
	}
	switch {
	case shown.Median == nil && f.Median != nil:
		d = append(d, comeInSight)
	case shown.Median != nil && f.Median == nil:
		d = append(d, outOfSight)
	case f.Median != nil && !shown.holds(*f.Median):
		d = append(d, moved)
	}
	return d
}

// speak writes the message that next asks for, and remembers that it was said.
func (i *incident) speak(e event, why []change, end result, now time.Time) *message {
	i.Messages++
	m := &message{
		ID: fmt.Sprintf("%s-%d", i.ID, i.Messages), Incident: i.ID, Event: e, Key: i.Key, Queue: i.Queue, Summary: i.Summary, At: now,
		Now: *i.Last, Why: why, Thread: i.Thread,
	}
	if i.Shown != nil {
		m.Shown = i.Shown.Forecast
	}
	if e == closed {
		m.Outcome = i.outcome(end)
		i.Closed, i.Cleared = &now, end == asCleared
		i.Last, i.Before, i.Shown, i.Said = nil, nil, nil, nil // nobody asks for them again
		return m
	}
	i.Spoke, i.Shown = now, i.Last
	if f := i.Last.Forecast; f != nil {
		i.Said = append(i.Said, said{m.ID, *f})
		if len(i.Said) > maxSaid {
			i.Said = slices.Delete(i.Said, 1, 2) // not the first
			i.Dropped++
		}
	}
	return m
}

// unsay forgets the prediction of a message that will not be sent.
func (i *incident) unsay(message string) {
	i.Said = slices.DeleteFunc(i.Said, func(s said) bool { return s.Message == message })
}

// outcome is what was predicted and what happened.
type outcome struct {
	Result      result     `json:"result"`
	At          *time.Time `json:"cleared_at"`  // nil: not cleared, or nobody knows
	First       *forecast  `json:"first"`       // nil: there was no prediction
	Predictions int        `json:"predictions"` // that were said and told a time or never
	Held        int        `json:"held"`        // of those, whose bounds held the time of clearing
	Dropped     int        `json:"dropped"`     // that were said and are not counted
	Deadline    *time.Time `json:"deadline"`
}

func (i *incident) outcome(end result) *outcome {
	o := &outcome{Result: end, Dropped: i.Dropped, Deadline: i.Deadline}
	if end == asCleared {
		o.At = i.ClearedAt
	}
	for _, s := range i.Said {
		if !s.Forecast.told() || s.Forecast.State == drain.Cleared { // a prediction made when it was over is none
			continue
		}
		if o.Predictions++; o.First == nil {
			o.First = &s.Forecast
		}
		if o.At != nil && s.Forecast.holds(*o.At) {
			o.Held++
		}
	}
	return o
}

// returned reports whether a queue whose incident is closed grows again, in two polls, while its alerts still fire.
func (i *incident) returned() bool {
	bad := func(v *view) bool {
		return v != nil && v.Forecast != nil && (v.Forecast.State == drain.Growing || v.Forecast.State == drain.Stalled)
	}
	return i.Closed != nil && i.Cleared && i.firing() && bad(i.Before) && bad(i.Last)
}
