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
	// Cleared: the backlog is at or below the target.
	Cleared State = "cleared"
	// Draining: the backlog shrinks.
	Draining State = "draining"
	// Steady: items come and go, without a trend that could be told from zero.
	Steady State = "steady"
	// Stalled: items wait and nothing leaves, yet the backlog does not grow either; an outage that lets it grow is Growing, with the reason NothingLeaves.
	Stalled State = "stalled"
	// Growing: the backlog grows. Its median time to clear is +Inf, or the prediction has the reason RateVaried.
	Growing State = "growing"
	// Unknown: there is too little data, or it is too old.
	Unknown State = "unknown"
)

// States returns all states, in a fixed order.
func States() []State { return []State{Cleared, Draining, Steady, Stalled, Growing, Unknown} }

// certain is the probability of the net rate's sign from which on it is a trend: the central 90 % interval leaves out zero.
const certain = 0.95

// facts is what a prediction is made of.
type facts struct {
	queue    string
	samples  int
	last     time.Time
	state    State
	reasons  []Reason
	warnings []string

	backlog, inflow, outflow, net float64 // NaN: unknown

	clear, current forecast.Distribution // of the time from the last sample on; nil: unknown
	elapsed        float64               // seconds since the last sample
	horizon        float64               // seconds ahead past which clear tells nothing
	tooOld         bool                  // nothing can be said of the present
}

func (f *facts) because(r Reason) { f.reasons = append(f.reasons, r) }

func (f *facts) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

// judge sets the state from the net rate and the probability that it is positive (NaN where they are unknown).
func (f *facts) judge(target, net, above float64) {
	switch {
	case f.backlog <= target:
		f.state = Cleared
	case math.IsNaN(above):
		f.state = Unknown
	case above >= certain:
		f.state = Draining
	case above <= 1-certain || f.outflow == 0 && f.inflow > 0 && net < 0: // where items enter and none leave, noise is no doubt
		f.state = Growing
		f.because(NetNegative)
	case f.outflow == 0:
		f.state = Stalled
	default:
		f.state = Steady
		f.because(NoTrend)
	}
	switch {
	case math.IsNaN(f.outflow):
		f.because(FlowsUnknown)
	case f.outflow == 0 && f.state != Cleared:
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
func (f *facts) age(spacing float64) {
	if !(f.elapsed > oldAge*spacing) {
		return
	}
	if f.elapsed > staleAge*spacing { // what the flow did then is no reason for anything now
		f.reasons = slices.DeleteFunc(f.reasons, func(r Reason) bool {
			return r == NoTrend || r == NetNegative || r == NothingLeaves || r == RateVaried
		})
		f.state = Unknown
		f.clear, f.current = nil, nil
		f.net, f.inflow, f.outflow = math.NaN(), math.NaN(), math.NaN()
		f.tooOld = true
	}
	f.because(Stale)
	f.warn("the last sample is %s old, and samples are usually %s apart", FormatDuration(f.elapsed, 0), FormatDuration(spacing, 0))
}

// outlook is the law of the time from the moment of asking on, when the last sample is elapsed seconds old and nothing past the horizon
// counts. Asking later leaves every clock time where it was.
type outlook struct {
	law              forecast.Distribution
	elapsed, horizon float64
	finite           float64 // P(T <= horizon)
}

func (o outlook) CDF(t float64) float64 {
	if t < 0 {
		return 0
	}
	return o.law.CDF(o.elapsed + math.Min(t, o.horizon))
}

func (o outlook) Survival(t float64) float64 {
	if t < 0 {
		return 1
	}
	return o.law.Survival(o.elapsed + math.Min(t, o.horizon))
}

func (o outlook) Prob(t float64) float64 {
	if t < 0 || t > o.horizon {
		return 0
	}
	return o.law.Prob(o.elapsed + t)
}

func (o outlook) Finite() float64 { return o.finite }

func (o outlook) Quantile(p float64) float64 {
	if p > o.finite {
		return math.Inf(1)
	}
	return math.Min(math.Max(0, o.law.Quantile(p)-o.elapsed), o.horizon)
}
