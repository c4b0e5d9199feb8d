package drain

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// queue is what the samples that are settled tell, taken in the order of their times. All times are seconds since the epoch.
type queue struct {
	tally
	settled bool    // there was a record
	passed  float64 // its time, whatever was read
	any     bool    // there was a record of which something was read
	newest  int64   // its time
	logs    logarithm
	clock   // of the backlog, measured or inferred

	samples  int     // backlogs, measured or inferred
	first    float64 // time of the first
	at       int64   // nanoseconds of the last, which a float64 of seconds would lose after some months
	backlog  float64
	inferred bool                // the last one was worked out from the flows
	gauge    clock               // of the backlogs that were measured
	gauged   bool                // there is one
	peak     float64             // the largest
	typical  average             // of the backlog over time
	lately   [latelyKept]float64 // the last ones, number i at i mod latelyKept
	odd      bool                // the last one measured is an absurd jump unless the next one confirms it

	flows       *flows // nil: none was given yet, or is wanted
	backlogOnly bool
	reported

	panel  forecast.Panel // of the total worked off
	motion motion

	reactions *reactions // nil: not kept
}

// flows are what is known of them. Most of an estimator's memory would lie idle where only backlogs are given.
type flows struct {
	in, out stream
	balance balance
}

// noFlows are those of a queue of which none was given, for reading.
var noFlows = flows{}

// openFlows is when the first one is given.
func (q *queue) openFlows() {
	q.flows = &flows{}
	if q.samples > 0 {
		q.flows.balance.measured(q.last, q.backlog, &q.flows.in, &q.flows.out)
	}
}

// in and out are the flows, for reading.
func (q *queue) in() *stream  { return &q.known().in }
func (q *queue) out() *stream { return &q.known().out }

func (q *queue) known() *flows {
	if q.flows == nil {
		return &noFlows
	}
	return q.flows
}

// settle takes a record that is later than all before; next is the backlog measured after it, NaN where that is not known, and preview says that it may still
// come: this is a copy of the queue, made for a prediction.
func (q *queue) settle(r record, next float64, preview bool) {
	t := float64(r.at) / 1e9
	if q.settled && !(t > q.passed) { // years after the first sample two nanoseconds are one time
		if !r.missed {
			q.reject(noteOf(Duplicate))
		}
		return
	}
	q.settled, q.passed = true, t
	if r.missed {
		if q.flows != nil {
			q.flows.in.miss(t, &q.logs)
			q.flows.out.miss(t, &q.logs)
		}
		return
	}
	prev := math.NaN()
	if q.any {
		prev = float64(q.newest) / 1e9
	}
	q.any, q.newest = true, r.at
	waiting, busy := q.backlog > 0, q.backlog > q.typical.rate()
	if q.flows == nil && !q.backlogOnly && (r.in.Known() || r.out.Known()) {
		q.openFlows()
	}
	if w := q.flows; w != nil {
		for _, f := range [...]struct {
			s *stream
			f Flow
		}{{&w.in, r.in}, {&w.out, r.out}} {
			if wrong := f.s.observe(t, prev, f.f, waiting, busy, &q.logs); wrong != "" && r.note == 0 {
				r.note = noteOf(wrong)
			}
		}
		if q.reactions != nil {
			q.reactions.flowed(w, t)
		}
		w.balance.pass(&w.in, &w.out)
	}
	q.odd = q.odd && math.IsNaN(r.backlog)
	switch {
	case math.IsNaN(r.backlog):
		q.carry()
	case !q.absurd(t, r.backlog):
		q.measure(r.at, t, r.backlog)
	case math.IsNaN(next) && preview:
		q.odd = true
	case math.Abs(next-q.backlog) < math.Abs(next-r.backlog):
		if !r.in.Known() && !r.out.Known() && math.IsNaN(r.delay) {
			q.reject(noteOf(AbsurdJump))
			return
		}
		if r.note == 0 { // its other readings are used
			r.note = noteOf(AbsurdJump)
		}
	default:
		q.measure(r.at, t, r.backlog)
	}
	if !math.IsNaN(r.delay) {
		q.report(t, r.delay, q.backlog)
	}
	if w := q.flows; w != nil && q.reactions != nil {
		q.reactions.goOn(w, t, q.backlog)
	}
	q.repair(r.note)
}

// measure takes a backlog that was measured.
func (q *queue) measure(at int64, t, backlog float64) {
	q.gauge.tick(t, !q.gauged, &q.logs)
	q.gauged = true
	if w := q.flows; w != nil {
		w.balance.measured(t, backlog, &w.in, &w.out)
	}
	q.see(at, t, backlog, false)
}

// carry goes on from the last backlog by the flows, where the one that is measured is overdue or was given but once.
func (q *queue) carry() {
	if q.flows == nil {
		return
	}
	t, backlog, ok := q.flows.balance.infer(&q.flows.in, &q.flows.out)
	if ok && t > q.last && q.gauge.overdue(t-q.gauge.last) {
		q.see(int64(math.Round(t*1e9)), t, backlog, true)
	}
}

func (q *queue) see(at int64, t, backlog float64, inferred bool) {
	if q.samples == 0 {
		q.first = t
	}
	if q.samples > 0 {
		q.typical.add(q.backlog*(t-q.last), t-q.last)
	}
	q.tick(t, q.samples == 0, &q.logs)
	q.lately[q.samples%latelyKept] = backlog
	q.samples++
	q.at, q.backlog, q.inferred = at, backlog, inferred
	q.peak = max(q.peak, backlog)
	o := forecast.Observation{Time: t, Total: -backlog}
	q.panel.Observe(o)
	q.motion.follow(q.panel.Trend())
	if q.reactions != nil {
		q.reactions.rest.observe(t, backlog, q.flows != nil && q.flows.out.moved >= t)
	}
}

// A queue that was cleared remains so for latelyKept backlogs while it is above the target by clearedBand standard deviations of its usual change at
// most, was at it or below it clearedTwice times in them, and has no trend to grow, nor is at more than twice the target and latelyKept usual distances away from it, as where
// a daily wave changes as much: a backlog that hovers about the target is cleared, and not again and again. It takes
// hoverAfter samples to know what is usual.
const (
	latelyKept   = 8
	clearedBand  = 2
	clearedTwice = 2
	hoverAfter   = 16
)

// hovers reports whether the backlog is above the target by no more than it usually changes, and was at it or below it lately; away is the median of the seconds to it.
func (q *queue) hovers(target, away float64) bool {
	r, ok := q.panel.Trend().Rate()
	if !ok || q.motion.now == rising || q.samples < hoverAfter || q.backlog > 2*target && away > latelyKept*q.usual() {
		return false
	}
	band := target + clearedBand*r.Volatility*math.Sqrt(q.usual())
	times := 0
	for i := 1; i <= latelyKept; i++ {
		switch b := q.lately[(q.samples-i)%latelyKept]; {
		case b > band:
			return false
		case b <= target:
			times++
		}
		if times == clearedTwice {
			return true
		}
	}
	return false
}

// What makes a backlog absurd; see AbsurdJump.
const (
	absurdSD    = 30
	absurdRatio = 10
	absurdAfter = 16 // samples
)

// absurd reports whether a backlog is one that nothing before makes likely.
func (q *queue) absurd(t, backlog float64) bool {
	if q.samples < absurdAfter || t <= q.last || backlog >= q.backlog/absurdRatio && backlog <= absurdRatio*q.peak {
		return false
	}
	r, _ := q.panel.Trend().Rate()
	dt := t - q.last
	off := math.Abs(backlog - (q.backlog - r.Mean*dt))
	if off <= absurdSD*r.Volatility*math.Sqrt(dt) {
		return false
	}
	// Flows that explain it make it no jump.
	w := q.flows
	if w == nil {
		return true
	}
	in, ok, _ := w.in.at(t)
	out, both, _ := w.out.at(t)
	if a := w.balance.anchor; ok && both && a.set && a.at == q.last && math.Abs(backlog-(a.backlog+(in-a.in)-(out-a.out))) < off/2 {
		return false
	}
	return true
}

// motion is which way the backlog goes, with hysteresis: another way must be shown by two samples in a row, unless a change of the rate was found, which no
// single sample makes; and what is a trend remains one until the probability of its direction falls below four in five.
type motion struct {
	now, then direction // then is what the last sample showed
	since     float64   // since when the rate holds
}

type direction int8

const (
	undecided direction = iota
	falling
	rising
	level
)

// The normal deviates of 0.95, from which on a direction is a trend, and of 0.8, below which it is none any more.
const (
	trendBegins = 1.6448536269514722
	trendEnds   = 0.8416212335729143
)

// follow takes what the trend is after one more sample.
func (m *motion) follow(t *forecast.Trend) {
	r, ok := direct(t)
	if !ok {
		return
	}
	way := falling
	if r.Mean < 0 {
		way = rising
	}
	needed := trendBegins
	if m.now == way {
		needed = trendEnds
	}
	shown := level
	if reaches(r, needed) {
		shown = way
	}
	if m.now == undecided || shown == m.then || r.Since != m.since {
		m.now = shown
	}
	m.then, m.since = shown, r.Since
}

// rate is the net drain rate to name with the direction: the present one or, where a single step has turned that round, the one without it.
func (m *motion) rate(mean float64, t *forecast.Trend) float64 {
	if plain := t.Plain(); m.now == falling && mean <= 0 && plain > 0 || m.now == rising && mean >= 0 && plain < 0 {
		return plain
	}
	return mean
}

// direct is the rate that tells the direction: of the present one and the same without its largest single step, the one nearer to zero, and zero where they
// contradict each other.
func direct(t *forecast.Trend) (forecast.Rate, bool) {
	r, ok := t.Rate()
	switch plain := t.Plain(); {
	case !(r.Mean*plain > 0):
		r.Mean = 0
	case math.Abs(plain) < math.Abs(r.Mean):
		r.Mean = plain
	}
	return r, ok
}

// reaches reports whether the size of r.Deviate() is z or more. It is never above that of t = Mean/SD, and well above two wherever that is above four, so that
// the logarithm is seldom needed.
func reaches(r forecast.Rate, z float64) bool {
	t := math.Abs(r.Mean / r.SD)
	return t >= z && (t > 4 && r.Nu >= 4 || math.Abs(r.Deviate()) >= z)
}
