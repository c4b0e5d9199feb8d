package drain

import (
	"math"
	"slices"
	"time"

	"github.com/postsack/backlog/forecast"
)

// Prediction is the answer to a Question. Times are seconds from AsOf: +Inf is never, NaN is unknown; none is negative.
type Prediction struct {
	// Queue is the name of the queue; it may be empty.
	Queue string
	// AsOf is the moment from which all times count; zero where none was given.
	AsOf time.Time
	// LastSample is the time of the last sample with a backlog; zero where there is none.
	LastSample time.Time
	// State says what the flow does now.
	State State
	// Reasons are codes for what the prediction rests on or lacks.
	Reasons []Reason
	// Warnings are sentences, for people, about what weakens the prediction.
	Warnings []string
	// Samples is the number of samples with a backlog that it was made from; 0 where it was made from numbers.
	Samples int
	// Backlog is the number of items waiting at the last sample, Target the backlog that counts as cleared.
	Backlog, Target float64
	// Inflow and Outflow are the measured flows, NetDrain the rate at which the backlog shrinks, all in items/s; NaN where unknown.
	Inflow, Outflow, NetDrain float64
	// TimeToClear is the time until the backlog is at the target, arrivals going on.
	TimeToClear Bounds
	// CurrentBacklog is the time until all that waits now is served, whatever arrives later, in first-in-first-out order; as many items are taken to wait now as
	// at the last sample.
	CurrentBacklog Bounds
	// Delay is how long items wait, in first-in-first-out order.
	Delay Delay
	// Since is the time since when the net drain rate holds, as far as the samples tell: when the last change of it was found to have happened, or when samples
	// began; zero where that is unknown. Before is the net drain rate before that, in items/s; NaN where no change was found.
	Since  time.Time
	Before float64
	// Evidence is what the state rests on.
	Evidence Evidence
	// Leak is what leaves without being measured.
	Leak Leak
	// Counts says what became of the samples.
	Counts Counts
	// Never is the probability that the target is not reached within the horizon.
	Never float64
	// Horizon is how far ahead the prediction looks, in seconds; +Inf for no limit.
	Horizon float64
	// Deadlines are those asked for, with the probability of being cleared by then.
	Deadlines []Deadline
	// Record is how earlier predictions on this queue turned out.
	Record Record
	// Weights are what the time to clear rests on, the heaviest first; they sum to 1. None where it is unknown, or made from numbers.
	Weights []Weight

	// Feedback is the question's or, where that says nothing of retries, abandonment or poison, what the samples show of them.
	Feedback Feedback
	// Effects are what follows from the Feedback.
	Effects Effects
	// Outcomes are those of the plans in the question, in their order.
	Outcomes []Outcome
	// Plan is the name of the plan that this is a prediction with; empty where it is one without.
	Plan string

	law     forecast.Distribution
	turns   []turn
	elapsed float64
}

// Bounds are a median and a central interval of a time in seconds; +Inf is never, NaN is unknown.
type Bounds struct {
	// Level is the probability mass between Lower and Upper.
	Level                float64
	Median, Lower, Upper float64
}

// Delay is how long items wait in first-in-first-out order.
type Delay struct {
	// Oldest is the delay of the item that is served now: back to when items had entered that are fewer by the backlog, by the measured inflow, or
	// the delay that was reported with the last sample.
	Oldest Bounds
	// Newest is the delay of an item that arrives now: until what is ahead of it is served, whatever arrives later.
	Newest Bounds
}

// Evidence is what a state rests on; NaN is unknown.
type Evidence struct {
	// NetPositive is the probability that the net drain rate is above zero, by the samples since it changed last.
	NetPositive float64
	// SinceOutflow is the number of seconds since the end of the last interval in which something left.
	SinceOutflow float64
	// Age is how old the last sample with a backlog is, in seconds.
	Age float64
}

// Leak is the rate in items/s at which items leave without being measured, inflow - outflow - change of the backlog; negative where they enter. NaN where it
// is unknown, or nothing but noise.
type Leak struct {
	// Level is the probability mass between Lower and Upper.
	Level              float64
	Rate, Lower, Upper float64
}

// Deadline is a moment and the probability that the target is reached by then; NaN is unknown.
type Deadline struct {
	Time        time.Time
	Probability float64
}

// Record is how earlier predictions on this queue turned out: times to clear for some share of the backlog, made at thinned-out instants with what was known
// then, and judged when they had come, or were overdue.
type Record struct {
	// Predictions is how many were judged, WithinLevel the share whose bounds at the level of the prediction held, what was still open when it was given up
	// counting by the probability that it would; NaN where there are none.
	Predictions int
	WithinLevel float64
	// MedianFactor is by which factor half of the medians were off, at most: 1 is not at all; NaN where there are none.
	MedianFactor float64

	level float64
}

// predict puts a prediction together.
func (f *facts) predict(q Question) Prediction {
	if f.backlog == 0 && !f.tooOld {
		f.current = forecast.FirstPassage{} // nothing waits: served, whatever the outflow
	}
	p := Prediction{
		Queue: f.queue, AsOf: q.At, LastSample: f.last, State: f.state, Samples: f.samples,
		Backlog: f.backlog, Target: q.Target, Inflow: f.inflow, Outflow: f.outflow, NetDrain: f.net,
		CurrentBacklog: bounds(f.current, q.Level),
		Since:          f.since, Before: f.before, Evidence: f.evidence, Leak: f.leak,
		Never:    math.NaN(),
		Horizon:  f.horizon,
		Record:   Record{f.record.Forecasts, f.record.Within(q.Level), f.record.MedianError, q.Level},
		Weights:  f.weights,
		Feedback: f.feedback, Effects: f.effect,
		law: f.outlook(),
	}
	if f.record.Forecasts == 0 {
		p.Record.MedianFactor = math.NaN()
	}
	if f.state == Cleared || f.tooOld {
		p.Weights = nil
	}
	p.Delay = f.delays(p.CurrentBacklog, q.Level)
	p.TimeToClear = p.Bounds(q.Level)
	f.about = slices.Clone(f.warnings)
	if p.law != nil {
		p.Never = p.law.Survival(f.horizon)
		if math.IsInf(p.TimeToClear.Upper, 1) && !math.IsInf(p.TimeToClear.Median, 1) {
			f.because(MayNotClear)
			if f.state == Draining {
				cause := ""
				if f.before < 0 {
					cause = ", as it grew until " + FormatClock(f.since.In(q.At.Location()), q.At, 0) + " and may again"
				}
				f.warn("the upper bound is never: P(never) is %s%s", FormatProbability(p.Never), cause)
			}
		}
	}
	p.Reasons, p.Warnings = f.reasons, f.warnings
	for _, t := range q.Deadlines {
		p.Deadlines = append(p.Deadlines, Deadline{t, p.ClearedBy(t)})
	}
	return p
}

// outlook turns the law of the time to clear since the last sample into that since the moment of asking.
func (f *facts) outlook() forecast.Distribution {
	if f.clear == nil || f.elapsed == 0 && math.IsInf(f.horizon, 1) {
		return f.clear
	}
	return newOutlook(f.clear, f.elapsed, f.spacing, f.horizon)
}

// delays are those of the item served now and of the one that arrives now, for which the current backlog is ahead.
func (f *facts) delays(current Bounds, level float64) Delay {
	d := Delay{Oldest: f.delay, Newest: current}
	switch {
	case f.backlog == 0 && !f.tooOld:
		d.Oldest = Bounds{level, 0, 0, 0}
	case f.oldest != nil:
		d.Oldest = bounds(f.oldest, level)
	}
	d.Oldest.Level = level
	return d
}

// Law returns the whole law of the time to clear in seconds from AsOf; nil where it is unknown.
func (p Prediction) Law() forecast.Distribution { return p.law }

// Quantile returns the time in seconds within which the target is reached with probability q: +Inf where that probability is not reached, NaN
// where the time is unknown.
func (p Prediction) Quantile(q float64) float64 {
	if p.law == nil {
		return math.NaN()
	}
	return p.law.Quantile(q)
}

// Bounds returns the median and the central interval of the time to clear at any level in (0, 1); all NaN for another one.
func (p Prediction) Bounds(level float64) Bounds { return bounds(p.law, level) }

func bounds(law forecast.Distribution, level float64) Bounds {
	if law == nil || !(level > 0 && level < 1) {
		return Bounds{level, math.NaN(), math.NaN(), math.NaN()}
	}
	// (1-0.9)/2 is 0.04999999999999999: rounded, so that the bounds are the quantiles that people ask for by name.
	p := (1 - level) / 2
	if r := math.Round(p*1e12) / 1e12; math.Abs(r-p) < 1e-12*p+1e-16 {
		p = r
	}
	// In order also where they are closer together than a law's quantiles are worked out to.
	median := law.Quantile(0.5)
	return Bounds{level, median, math.Min(law.Quantile(p), median), math.Max(law.Quantile(1-p), median)}
}

// ClearedBy returns the probability that the target is reached by the deadline; NaN where it is unknown. A deadline before AsOf has probability 0
// unless the target is reached already. Where AsOf is unset there is nothing to count from, and it is unknown.
func (p Prediction) ClearedBy(deadline time.Time) float64 {
	if p.law == nil || p.AsOf.IsZero() {
		return math.NaN()
	}
	if p.Backlog <= p.Target && p.State == Cleared {
		return 1
	}
	// Unix seconds, as a time.Duration ends after 292 years.
	return p.law.CDF(float64(deadline.Unix()-p.AsOf.Unix()) + float64(deadline.Nanosecond()-p.AsOf.Nanosecond())/1e9)
}

// writable reports whether RFC 3339 can write t in UTC.
func writable(t time.Time) bool {
	y := t.UTC().Year()
	return 0 <= y && y <= 9999
}

// Time returns the clock time that lies the given number of seconds after AsOf; false where there is none: AsOf is unset, the time is never or
// unknown, or past the year 9999, which RFC 3339 cannot write.
func (p Prediction) Time(seconds float64) (time.Time, bool) {
	if p.AsOf.IsZero() || !(seconds >= 0 && seconds < 300e9) {
		return time.Time{}, false
	}
	whole, frac := math.Modf(seconds)
	// Unix seconds, as a time.Duration ends after 292 years.
	t := time.Unix(p.AsOf.Unix()+int64(whole), int64(p.AsOf.Nanosecond())+int64(math.Round(frac*1e9))).In(p.AsOf.Location())
	return t, writable(t)
}
