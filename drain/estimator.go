package drain

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/postsack/backlog/forecast"
)

// Estimator takes the samples of one queue, one at a time, and predicts on demand.
//
// It keeps no samples but the last eight, so that one that comes late finds its place: its memory is fixed, below 16 KiB whatever it is fed, or
// less: see WithMemory. Observe does not allocate unless it returns an error, but for the first sample and the first flow. It is not safe for concurrent use, and must not be
// copied after the first sample. The zero Estimator has seen nothing and is ready for use.
type Estimator struct {
	q     queue // what is settled
	epoch time.Time
	zone  *time.Location // nil: that of the epoch
	plan  plan           // zero: the largest
	begun bool
	shift int64 // nanoseconds by which the clock was set back

	pending []record // not settled yet, in the order of their times; the first n
	n       int
	settled int64 // time of the last record that was

	ahead    int   // samples in a row that came after others, but are older and far behind them
	late     int   // samples in a row, in order, that were too late
	lateFrom int64 // time of the first of them
	lateTime int64 // and of the last
}

const (
	// setBack is how many late samples in a row mean that the clock was set back: more than a source that sends what it kept during an outage of the
	// network is likely to send without a new sample between.
	setBack = 8
	// fromFuture is how many samples in a row show those before them to be from the future, where they are farther ahead than the age at which a sample is stale.
	fromFuture = 3
)

// Option changes what an Estimator does by default.
type Option func(*Estimator)

// InZone makes the times of day and of the week, in which a queue may have a pattern, those of a time zone, through its changes to summer time. Unless given it is that
// of the first sample's time.
func InZone(zone *time.Location) Option { return func(e *Estimator) { e.zone = zone } }

// WithMemory bounds the memory of the estimator in bytes, for those who have a great many queues. The default is what 16 KiB hold; what smaller ones
// give up is what the samples tell of feedback and a part of the record, then the flows, and then all of it:
//
//	bytes     earlier drains   judged   memory lengths   late samples   flows
//	16384     144              8        8                8              yes
//	12288     72               4        8                8              yes
//	8192      64               4        8                8              no
//	4096      none             none     8                4              no
//	2048      none             none     1                1              no
//
// Without flows those of the samples are taken no notice of: the time to clear is that of the backlog alone in any case, but there is no delay, no time for what waits
// now, and a queue from which nothing leaves is steady or growing. On recorded queues the loss was 0.471, 0.472, 0.472, 0.622 and 1.863, where backlogs were
// exceptional. Less than 2048 is taken as that; what lies between two as the smaller one.
func WithMemory(bytes int) Option {
	return func(e *Estimator) {
		e.plan = plans[len(plans)-1]
		for _, p := range plans {
			if bytes >= p.bytes {
				e.plan = p
				break
			}
		}
	}
}

// plan is what an estimator remembers.
type plan struct {
	bytes                    int
	drains, judged, memories int
	late                     int
	backlogOnly, ratesAlone  bool
	reactions                bool
}

// plans are those of WithMemory, the largest first.
var plans = [...]plan{
	{bytes: 16384, drains: 144, judged: 8, memories: 8, late: 8, reactions: true},
	{bytes: 12288, drains: 72, judged: 4, memories: 8, late: 8},
	{bytes: 8192, drains: 64, judged: 4, memories: 8, late: 8, backlogOnly: true},
	{bytes: 4096, drains: -1, judged: -1, memories: 8, late: 4, backlogOnly: true},
	{bytes: 2048, drains: -1, judged: -1, memories: 1, late: 1, backlogOnly: true, ratesAlone: true},
}

// NewEstimator returns an estimator that has seen nothing, as the zero Estimator is, with options if any.
func NewEstimator(options ...Option) *Estimator {
	e := &Estimator{}
	for _, o := range options {
		o(e)
	}
	return e
}

// begin makes what is remembered.
func (e *Estimator) begin() {
	if e.plan.bytes == 0 {
		e.plan = plans[0]
	}
	p := e.plan
	if e.zone == nil {
		e.zone = e.epoch.Location()
	}
	e.pending = make([]record, p.late)
	e.q.backlogOnly = p.backlogOnly
	if p.reactions {
		e.q.reactions = new(reactions)
	}
	o := forecast.PanelOptions{Memories: p.memories, Drains: p.drains, Pending: p.judged, RatesAlone: p.ratesAlone}
	if p.drains >= 0 {
		o.Local = local(e.epoch.In(e.zone))
	}
	e.q.panel = *forecast.NewPanel(o)
}

// local returns the local time that lies t seconds after an epoch, in seconds since a Monday at midnight, in the epoch's time zone.
func local(epoch time.Time) func(t float64) float64 {
	base, nanoseconds, zone := epoch.Unix(), float64(epoch.Nanosecond())/1e9, epoch.Location()
	return func(t float64) float64 {
		whole := math.Floor(nanoseconds + t)
		unix := base + int64(whole)
		_, offset := time.Unix(unix, 0).In(zone).Zone()
		const monday = 3 * 86400 // the first one before 1970 began three days before
		return float64(unix+int64(offset)+monday) + (nanoseconds + t - whole)
	}
}

// Observe takes one sample: any of a backlog, an inflow, an outflow and a delay, measured at one time.
//
// The forms of input: a backlog alone; with what entered and left as counts of the interval, as cumulative counters or as rates; flows alone, after one backlog
// to start from, given with the first totals or before the first counts, which is then worked out from them (BacklogInferred), as it is where it is not
// measured for a while; and each series in samples of its own, at times of its own (counts then are those since the reading of the same flow before).
//
// A sample that cannot be used is rejected, one that can be used after a repair or in part is, and both are counted under their reason; see Problems. Everything
// accepted before stays. The error is a *Rejection where the sample, or one of its readings (Partial), was left out; what is found
// only in the light of later samples (AbsurdJump, ClockAhead), or repaired, is no error: see Counts.
func (e *Estimator) Observe(s Sample) error {
	e.q.offered++
	r, refused := s.record()
	switch {
	case r.empty() && refused != nil:
		return e.reject(refused)
	case r.empty():
		e.miss(s.Time)
		return e.reject(&Rejection{Reason: NothingRead, Detail: "nothing but a time, want a backlog, an inflow, an outflow or a delay"})
	}
	if s.Time.IsZero() {
		return e.reject(&Rejection{Reason: NotFinite, Detail: "time is unset, want one"})
	}
	if !e.begun {
		e.epoch, e.begun = s.Time, true
		e.settled = math.MinInt64
		e.begin()
	}
	var within bool
	if r.at, within = e.instant(s.Time); !within {
		return e.reject(&Rejection{Reason: NotFinite, Detail: fmt.Sprintf("time %s is more than 292 years from %s, the time of the first sample", stamp(s.Time), stamp(e.epoch))})
	}
	if refused != nil {
		refused.Partial = true
		r.note = noteOf(refused.Reason)
	}
	if r.at <= e.settled {
		if !e.clockBack(&r) {
			return e.reject(&Rejection{Reason: OutOfOrder, Detail: fmt.Sprintf(
				"time %s is not after %s, and the samples until then are settled; want samples in the order of their times, or no more than %d behind", stamp(s.Time), stamp(e.wall(e.settled)), len(e.pending))})
		}
	}
	e.late = 0
	if rejected := e.insert(r); rejected != nil {
		return e.reject(rejected)
	}
	if refused != nil {
		return refused
	}
	return nil
}

func (e *Estimator) reject(r *Rejection) error {
	e.q.reject(noteOf(r.Reason))
	return r
}

// miss takes note of a sample of which nothing was read: the count after it is one from there on.
func (e *Estimator) miss(at time.Time) {
	if at, within := e.instant(at); e.begun && within && at > e.settled {
		e.insert(record{at: at, backlog: math.NaN(), delay: math.NaN(), missed: true})
	}
}

// instant is a clock time as a record has it; false where that does not fit.
func (e *Estimator) instant(t time.Time) (at int64, ok bool) {
	since := t.Sub(e.epoch)                                                      // it saturates
	if since >= math.MaxInt64-time.Duration(e.shift) || since == math.MinInt64 { // the shift is never negative
		return 0, false
	}
	return int64(since) + e.shift, true
}

// clockBack reports whether a record that is too late shows that the clock was set back; its time is then as if it had gone on.
func (e *Estimator) clockBack(r *record) bool {
	if e.late > 0 && r.at <= e.lateTime {
		e.late = 0
	}
	if e.late++; e.late == 1 {
		e.lateFrom = r.at
	}
	e.lateTime = r.at
	if e.late < setBack {
		return false
	}
	newest := e.settled
	if e.n > 0 {
		newest = e.pending[e.n-1].at
	}
	step := int64(e.q.usual()*1e9) + 1 + r.at - e.lateFrom
	e.shift += newest + step - r.at
	r.at = newest + step
	r.note = noteOf(ClockBack)
	return true
}

// insert puts a record in its place; a record before that is settled then.
func (e *Estimator) insert(r record) *Rejection {
	i := e.n
	for i > 0 && e.pending[i-1].at > r.at {
		i--
	}
	if i > 0 && e.pending[i-1].at == r.at {
		switch mine := &e.pending[i-1]; {
		case r.missed:
			return nil
		case mine.missed:
			*mine = r
			return nil
		}
		return e.pending[i-1].merge(r, e.wall(r.at), &e.q.tally)
	}
	if i == e.n {
		e.ahead = 0
	} else if r.note == 0 && !r.missed {
		r.note = noteOf(OutOfOrder)
	}
	if e.n == len(e.pending) {
		if i == 0 { // older than all of them: settled at once
			e.settle(r)
			e.fromFuture(-1)
			return nil
		}
		e.settle(e.pending[0])
		copy(e.pending[:], e.pending[1:])
		e.n--
		i--
	}
	copy(e.pending[i+1:e.n+1], e.pending[i:e.n])
	e.pending[i] = r
	e.n++
	if i < e.n-1 {
		e.fromFuture(i)
	}
	return nil
}

// fromFuture drops records that are from the future, where enough of those that came after them show it: each of them, the last one at place i, or settled already for
// i = -1, lies before a gap.
func (e *Estimator) fromFuture(i int) {
	if e.q.clock.n < rhythm { // too soon to say what is a gap
		return
	}
	before := e.settled
	if i >= 0 {
		before = e.pending[i].at
	}
	for j := i + 1; j < e.n; j++ {
		if float64(e.pending[j].at-before)/1e9 <= staleAge*e.q.usual() {
			before = e.pending[j].at
			continue
		}
		if e.ahead++; e.ahead < fromFuture {
			return
		}
		for _, r := range e.pending[j:e.n] {
			if !r.missed { // that is counted already
				e.q.reject(noteOf(ClockAhead))
			}
		}
		e.n = j
		break
	}
	e.ahead = 0
}

// settle takes a record, older than those that are pending.
func (e *Estimator) settle(r record) {
	next := math.NaN()
	for _, p := range e.pending[:e.n] {
		if p.at > r.at && !math.IsNaN(p.backlog) {
			next = p.backlog
			break
		}
	}
	e.settled = r.at
	e.q.settle(r, next, false)
}

// merge adds what another record of the same time tells.
func (r *record) merge(s record, at time.Time, t *tally) *Rejection {
	same, conflict := s.note == 0, false
	reading := func(mine *float64, theirs float64) {
		if math.IsNaN(theirs) {
			return
		}
		same = same && *mine == theirs
		conflict = conflict || !math.IsNaN(*mine) && *mine != theirs
		*mine = theirs
	}
	flow := func(mine *Flow, theirs Flow) {
		if !theirs.Known() {
			if mine.form == unmeasured {
				*mine = theirs
			}
			return
		}
		same = same && *mine == theirs
		conflict = conflict || mine.Known()
		*mine = theirs
	}
	merged := *r
	reading(&merged.backlog, s.backlog)
	reading(&merged.delay, s.delay)
	flow(&merged.in, s.in)
	flow(&merged.out, s.out)
	if same {
		return &Rejection{Reason: Duplicate, Detail: fmt.Sprintf("the sample of %s is there already", stamp(at))}
	}
	// Counts are of other intervals that have the same time by rounding.
	if r.in.form == counted && s.in.form == counted {
		merged.in.value = r.in.value + s.in.value
	}
	if r.out.form == counted && s.out.form == counted {
		merged.out.value = r.out.value + s.out.value
	}
	switch {
	case s.note != 0:
		t.repair(s.note)
	case conflict:
		t.repair(noteOf(Duplicate))
	}
	*r = merged
	return nil
}

// stamp is how errors write a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// wall is the clock time of a record's.
func (e *Estimator) wall(at int64) time.Time { return e.epoch.Add(time.Duration(at - e.shift)) }

// ahead is a copy of a queue that looks ahead at what is not settled yet.
type ahead struct {
	queue
	own       flows
	reactions reactions
}

// aheads are used again and again, as each is as large as an Estimator.
var aheads = sync.Pool{New: func() any { return new(ahead) }}

// present returns a copy of the queue with all that is pending settled, to be put back among the aheads.
func (e *Estimator) present() *ahead {
	now := aheads.Get().(*ahead)
	q := &now.queue
	panel := q.panel // of another queue; its memory is used again
	*q = e.q
	q.panel = panel
	q.panel.LookAhead(&e.q.panel)
	if w := e.q.flows; w != nil {
		in, out := now.own.in.drifts, now.own.out.drifts
		now.own = *w
		in.CopyFrom(&w.in.drifts)
		out.CopyFrom(&w.out.drifts)
		now.own.in.drifts, now.own.out.drifts = in, out
		q.flows = &now.own
	}
	if w := e.q.reactions; w != nil {
		now.reactions = *w
		q.reactions = &now.reactions
	}
	for i, r := range e.pending[:e.n] {
		next := math.NaN()
		for _, p := range e.pending[i+1 : e.n] {
			if !math.IsNaN(p.backlog) {
				next = p.backlog
				break
			}
		}
		q.settle(r, next, true)
	}
	return now
}

// Latest is the time of the newest sample, by the clock as it is now: that as of which a Question without a time is answered. It is zero where there is none.
func (e *Estimator) Latest() time.Time {
	for i := e.n - 1; i >= 0; i-- {
		if r := &e.pending[i]; !r.missed {
			return e.wall(r.at)
		}
	}
	if e.q.any {
		return e.wall(e.q.newest)
	}
	return time.Time{}
}

// Counts says what became of the samples so far. Those that are pending count as they look now.
func (e *Estimator) Counts() Counts {
	now := e.present()
	defer aheads.Put(now)
	return now.counts()
}

// Predict answers the question from the samples seen so far. Most callers want est.Predict(drain.Question{}): everything about an empty queue, as
// of the last sample, at level 0.9.
//
// With fewer than three samples of a backlog the state is Unknown and every time is NaN, unless the backlog is at the target already. Later than the last
// sample the bounds are wider, around a median that stays where it is on the clock; and everything is unknown once the sample is too old: see
// Stale. A question in the past (At before the last sample with a backlog) is an error, as are a level outside (0, 1) and a negative
// target: both wrap ErrInvalid.
func (e *Estimator) Predict(q Question) (Prediction, error) {
	q, err := q.withDefaults()
	if err != nil {
		return Prediction{}, err
	}
	now := e.present()
	defer aheads.Put(now)
	seconds := func(t float64) time.Time { return e.wall(int64(math.Round(t * 1e9))) }
	f := newFacts()
	f.samples = now.samples
	if q.At.IsZero() {
		q.At = e.Latest()
	}
	if now.samples > 0 {
		f.last = e.wall(now.at)
		if q.At.Before(f.last) {
			return Prediction{}, fmt.Errorf("drain: %w: At is %s, before the last sample at %s", ErrInvalid, stamp(q.At), stamp(f.last))
		}
		f.backlog = now.backlog
		f.elapsed = q.At.Sub(f.last).Seconds()
		f.evidence.Age = f.elapsed
	}
	counts := now.counts()
	f.hygiene(counts)
	at := 0.0
	if e.n > 0 {
		at = q.At.Sub(e.wall(0)).Seconds()
	}
	now.tell(&f, q, at, seconds)
	now.seen(&f, &q)
	now.feedback(&f, q, at)
	p := f.predict(q)
	p.Counts = counts
	if len(q.Plans) == 0 {
		return p, nil
	}
	if err := f.outcomes(&p, q, now.present(&f, q, at), now.planner(q)); err != nil {
		return Prediction{}, err
	}
	return p, nil
}
