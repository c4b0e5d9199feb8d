package drain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/postsack/backlog/forecast"
)

// State says what the flow does now. What will become of it is said by the times: a growing queue may well have a turn ahead of it.
type State string

// The states.
const (
	// Cleared: the backlog is at or below the target, or was among the last eight samples and since then above it by no more than it usually changes.
	// The times tell when it is at the target in either case.
	Cleared State = "cleared"
	// Draining: the backlog shrinks.
	Draining State = "draining"
	// Steady: items come and go, without a trend that could be told from zero.
	Steady State = "steady"
	// Stalled: items wait and nothing leaves, yet the backlog does not grow either; an outage that lets it grow is Growing, with the reason NothingLeaves.
	Stalled State = "stalled"
	// Growing: the backlog grows. Its median time to clear is +Inf, or the prediction has one of the reasons RateVaried, CameAsFast, DrainedBefore and TimeOfDay.
	Growing State = "growing"
	// Unknown: there is too little data, or it is too old.
	Unknown State = "unknown"
)

// States returns all states, in a fixed order.
func States() []State { return []State{Cleared, Draining, Steady, Stalled, Growing, Unknown} }

// facts is what a prediction is made of.
type facts struct {
	queue    string
	samples  int
	last     time.Time
	state    State
	reasons  []Reason
	warnings []string
	about    []string // warnings that hold with a plan as well

	backlog, inflow, outflow, net float64 // NaN: unknown

	clear    forecast.Distribution // of the time from the last sample on; nil: unknown
	current  forecast.Distribution // of the time from now on, for as many items as waited then; nil: unknown
	oldest   forecast.Distribution // how long the item had waited that was served then; nil: unknown, or in delay
	delay    Bounds                // the same, where it is known from the record
	elapsed  float64               // seconds since the last sample
	spacing  float64               // usual seconds between samples; 0: none
	horizon  float64               // seconds ahead past which clear tells nothing
	weights  []Weight
	record   forecast.Record
	tooOld   bool // nothing can be said of the present
	since    time.Time
	before   float64
	evidence Evidence
	leak     Leak
	feedback Feedback
	seen     bool // retries or abandonment are from the samples
	effect   Effects
}

func newFacts() facts {
	nan := math.NaN()
	return facts{
		backlog: nan, inflow: nan, outflow: nan, net: nan, horizon: math.Inf(1), before: nan,
		evidence: Evidence{nan, nan, nan}, leak: Leak{nan, nan, nan, nan}, delay: Bounds{nan, nan, nan, nan}, effect: noEffects(nan),
	}
}

func (f *facts) because(r Reason) {
	if !slices.Contains(f.reasons, r) {
		f.reasons = append(f.reasons, r)
	}
}

func (f *facts) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

// judge sets the state from the way the backlog goes; hovers says that it was cleared and is above the target by no more than usual, stopped that nothing leaves
// any more.
func (f *facts) judge(target float64, m direction, hovers, stopped bool) {
	switch {
	case f.backlog <= target || hovers:
		f.state = Cleared
	case m == undecided:
		f.state = Unknown
	case m == falling:
		f.state = Draining
	case m == rising || stopped && f.inflow > 0 && f.net < 0: // where items enter and none leave, noise is no doubt
		f.state = Growing
		f.because(NetNegative)
	case stopped:
		f.state = Stalled
	default:
		f.state = Steady
		f.because(NoTrend)
	}
	switch {
	case math.IsNaN(f.outflow):
		f.because(FlowsUnknown)
	case stopped && f.state != Cleared:
		f.because(NothingLeaves)
	}
}

// How many times older than the usual distance of two samples the last one may be before a warning says so, and before nothing is said of the present
// any more. Of samples that come at random (a Poisson process, of which the usual distance, a geometric mean, is 0.56 of the mean) one gap in five
// exceeds the first, one in eight thousand the second.
const (
	oldAge   = 3
	staleAge = 16
)

// age judges how old the last sample is.
func (f *facts) age() {
	if f.spacing == 0 || !(f.elapsed > oldAge*f.spacing) {
		return
	}
	passed := f.clear != nil && f.state != Cleared && f.clear.CDF(f.elapsed) > 0.5
	if f.elapsed > staleAge*f.spacing || passed { // what the flow did then is no reason for anything now
		f.reasons = slices.DeleteFunc(f.reasons, func(r Reason) bool {
			return r == NoTrend || r == NetNegative || r == NothingLeaves || r == RateVaried || r == CameAsFast || r == DrainedBefore || r == TimeOfDay || r == MayNotClear
		})
		f.state = Unknown
		f.clear, f.current, f.oldest = nil, nil, nil
		f.delay = Bounds{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		f.net, f.inflow, f.outflow, f.evidence.NetPositive = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		f.tooOld = true
	}
	f.because(Stale)
	old, apart := FormatDuration(f.elapsed, 0), FormatDuration(f.spacing, 0)
	if passed {
		f.warn("the last sample is %s old, and samples are usually %s apart: more likely than not the queue should be clear by now, and no sample shows it", old, apart)
	} else {
		f.warn("the last sample is %s old, and samples are usually %s apart", old, apart)
	}
}

// wander is after how many usual distances of samples without a new one the variance of a rate has doubled: the shortest memory of a forecast.Drifts, the
// length of time that its rates are taken to hold.
const wander = 8

// outlook is the law of the time from the moment of asking on, when the last sample is elapsed seconds old and nothing past the horizon counts.
//
// The median stays where it is on the clock, and everything else moves away from it: for the times S since the last sample and their median m,
//
//	log(S/m) is stretched by w = √(1 + (elapsed/d - 1)/8)        for samples that are usually d apart, and elapsed >= d
//
// as the spread of a rate over its standard error grows by what it may have wandered since. Where the median is never, m is the horizon.
type outlook struct {
	law              forecast.Distribution
	elapsed, horizon float64
	median, stretch  float64
	finite           float64 // P(T <= horizon)
}

// newOutlook returns the law as it is elapsed seconds after the last sample; spacing is the usual distance of samples, 0 where it is unknown.
func newOutlook(law forecast.Distribution, elapsed, spacing, horizon float64) outlook {
	o := outlook{law: law, elapsed: elapsed, horizon: horizon, stretch: 1}
	if spacing > 0 && elapsed > spacing {
		o.median = law.Quantile(0.5)
		if o.median > elapsed+horizon {
			o.median = elapsed + horizon
		}
		if o.median > 0 && !math.IsInf(o.median, 1) {
			o.stretch = math.Sqrt(1 + (elapsed/spacing-1)/wander)
		}
	}
	o.finite = law.CDF(o.then(horizon))
	return o
}

// then is the time since the last sample that the law gives the probability of what lies t after the moment of asking.
func (o outlook) then(t float64) float64 {
	s := o.elapsed + t
	if o.stretch == 1 || s == 0 || math.IsInf(s, 1) {
		return s
	}
	return o.median * math.Pow(s/o.median, 1/o.stretch)
}

func (o outlook) CDF(t float64) float64 {
	if t < 0 {
		return 0
	}
	return o.law.CDF(o.then(math.Min(t, o.horizon)))
}

func (o outlook) Survival(t float64) float64 {
	if t < 0 {
		return 1
	}
	return o.law.Survival(o.then(math.Min(t, o.horizon)))
}

func (o outlook) Prob(t float64) float64 {
	if t < 0 || t > o.horizon {
		return 0
	}
	s := o.then(t)
	if o.stretch == 1 || s == 0 {
		return o.law.Prob(s)
	}
	return o.law.Prob(s) * s / (o.stretch * (o.elapsed + t))
}

func (o outlook) Finite() float64 { return o.finite }

func (o outlook) Quantile(p float64) float64 {
	if p > o.finite {
		return math.Inf(1)
	}
	s := o.law.Quantile(p)
	if o.stretch != 1 && s > 0 && !math.IsInf(s, 1) {
		s = o.median * math.Pow(s/o.median, o.stretch)
	}
	return math.Min(math.Max(0, s-o.elapsed), o.horizon)
}
