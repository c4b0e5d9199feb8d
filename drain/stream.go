package drain

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// stream is one of the two flows, as its readings tell it, whatever their form.
//
// The flow is known for some intervals and unknown for others. Its rates are taken over the known ones alone, as if the others had not been: drifts
// observes value against known. Where the total over all time is wanted, filled has the others at the present rate.
type stream struct {
	clock
	begun   bool
	total   float64 // the last reading of the counter
	counter bool    // there is one
	known   float64 // seconds of known flow
	value   float64 // items in them
	filled  float64 // items since the first reading, gaps filled
	before  instantOf
	gaps    int     // unknown intervals so far
	torn    bool    // the last interval is one of them
	gapAt   float64 // known, at the last of them
	drifts  forecast.Drifts

	// What tells a flow that stopped from one that pauses: over the intervals in which items waited.
	zeros int     // in a row, without an item
	busy  float64 // share of those with an item, up to the last one
	spans int     // intervals that busy is made of
	moved float64 // time of the last one with an item; NaN where there was none

	allFlow, busyFlow average // over all known intervals, and over those that were busy and no silence
}

// instantOf is a time and the items that had come by then.
type instantOf struct{ at, items float64 }

// The memory lengths of a flow: 8, 32, 128 and 512 intervals.
const flowMemories, flowFactor = 4, 4

// partialReset is how much of a total may be lost in a partial reset; see PartialReset.
const partialReset = 1.0 / 8

// observe takes a reading at t seconds; prev is the time of the sample before, NaN where there is none; waiting and busy say that items waited until now, and
// more than usual. It returns what was wrong with it, or nothing.
func (s *stream) observe(t, prev float64, f Flow, waiting, busy bool, logs *logarithm) (wrong Reason) {
	switch {
	case f.form == unmeasured:
		return ""
	case f.form == notRead:
		s.miss(t, logs)
		return ""
	case !s.begun && f.form != running && prev < t: // the first interval began with the sample before
		s.begin(prev, logs)
	}
	d := t - s.last
	late := s.begun && s.tick(t, false, logs)
	items := math.NaN()
	switch f.form {
	case running:
		if s.counter {
			switch items = f.value - s.total; {
			case items < 0 && items > -partialReset*s.total:
				wrong = PartialReset
			case items < 0:
				wrong = CounterReset
			}
		}
		s.total, s.counter = f.value, true
	default:
		s.counter = false
		items = f.value
		if f.form == rated {
			items *= d
		}
		if late {
			wrong = Gap
		}
	}
	if !s.begun {
		s.begin(t, logs)
		return ""
	}
	s.before = instantOf{t - d, s.filled}
	if wrong != "" || math.IsNaN(items) {
		s.gap(d)
		return wrong
	}
	s.torn = false
	s.known += d
	s.value += items
	s.filled += items
	s.see()
	switch {
	case items > 0:
		// A silence that ends was no end: it counts, but no further than to where it was taken for one, as it may have been an outage.
		if n := float64(s.zeros); s.spans > 0 {
			s.beat(0, int(min(n, math.Ceil(silence/s.busy))))
		}
		s.moved = t
		s.zeros = 0
		s.beat(1, 1)
	case waiting:
		s.zeros++
	}
	s.allFlow.add(items, d)
	if busy && !s.stopped() {
		s.busyFlow.add(items, d)
	}
	return ""
}

// lastRate is the rate over the interval that ends at t, where the last one does and is known.
func (s *stream) lastRate(t float64) (rate float64, ok bool) {
	if !s.begun || s.torn || s.last != t || !(s.last > s.before.at) {
		return 0, false
	}
	return (s.filled - s.before.items) / (s.last - s.before.at), true
}

// begin is where the flow begins to be known.
func (s *stream) begin(t float64, logs *logarithm) {
	s.begun, s.moved = true, math.NaN()
	s.drifts = forecast.NewDrifts(flowMemories, flowFactor)
	s.tick(t, true, logs)
	s.before = instantOf{t, 0}
	s.see()
}

// miss takes note that nothing was read at t: what was counted until then is lost, unless it is in a running total.
func (s *stream) miss(t float64, logs *logarithm) {
	if !s.begun || s.counter {
		return
	}
	d := t - s.last
	s.tick(t, false, logs)
	s.before = instantOf{t - d, s.filled}
	s.gap(d)
}

// gap is an interval of d seconds of which the flow is unknown.
func (s *stream) gap(d float64) {
	s.gaps++
	s.torn = true
	s.gapAt = s.known
	s.filled += s.rate() * d
}

func (s *stream) see() {
	o := forecast.Observation{Time: s.known, Total: s.value}
	s.drifts.Observe(o)
}

// busyMemory is over how many intervals the share of those with an item is taken.
const busyMemory = 256

// beat takes n intervals, each with an item (1) or without one (0).
func (s *stream) beat(x float64, n int) {
	if n == 0 {
		return
	}
	s.spans += n
	keep := 1 - float64(n)/float64(s.spans)
	if s.spans > busyMemory {
		s.spans = busyMemory
		keep = 1 - 1.0/busyMemory
		if n > 1 {
			keep = math.Pow(keep, float64(n))
		}
	}
	s.busy = x + (s.busy-x)*keep
}

// silence is how many intervals with an item must be missing before a flow counts as stopped: the chance that so many are missing in a flow that goes on is
// e⁻⁵, one in 150.
const silence = 5

// stopped reports whether nothing comes any more: nothing was ever seen in three intervals in which items waited, or far less than there was.
func (s *stream) stopped() bool {
	return s.zeros >= 3 && (math.IsNaN(s.moved) || float64(s.zeros)*s.busy >= silence)
}

// at returns the items that had come by t, from the ends of the last interval, and whether they are known or, in a gap, only guessed; false where t lies
// before that interval.
func (s *stream) at(t float64) (items float64, known, ok bool) {
	switch {
	case s.begun && t == s.last:
		return s.filled, !s.torn, true
	case !s.begun || t < s.before.at || t > s.last:
		return 0, false, false
	}
	return s.before.items + (s.filled-s.before.items)*(t-s.before.at)/(s.last-s.before.at), !s.torn, true
}

// rate is the present rate, for what is unknown.
func (s *stream) rate() float64 {
	r, ok := s.drifts.Trend().Rate()
	switch {
	case ok:
		return r.Mean
	case s.known > 0:
		return s.value / s.known
	}
	return 0
}

// present returns the rate now, t seconds after the epoch; false where it is unknown or has been for too long.
func (s *stream) present(t float64) (forecast.Rate, bool) {
	if t-s.last > staleAge*s.usual() {
		return forecast.Rate{}, false
	}
	return s.drifts.Trend().Rate()
}

// average is a rate over the last 2000 intervals or so, the nearer ones counting more: items per second of the seconds that it has seen.
type average struct{ items, seconds float64 }

// averageMemory is long, as what it is for, capacity and the usual inflow, should outlast an incident; 200 and 500 scored worse on recorded queues, 4000 the same.
const averageMemory = 2000

func (a *average) add(items, seconds float64) {
	const keep = 1 - 1.0/averageMemory
	a.items = keep*a.items + items
	a.seconds = keep*a.seconds + seconds
}

func (a *average) rate() float64 { return a.items / a.seconds }

// working is the rate of a flow that works: over the intervals that were busy and no silence, or over all where there were none.
func (s *stream) working() float64 {
	if s.busyFlow.items > 0 {
		return s.busyFlow.rate()
	}
	return s.allFlow.rate()
}
