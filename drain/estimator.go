package drain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/postsack/backlog/forecast"
)

// Estimator takes the samples of one queue, one at a time, and predicts on demand.
//
// It keeps no samples: its memory is fixed, below 4 KiB whatever it is fed, and Observe does not allocate. It is not safe for concurrent use.
type Estimator struct {
	drifts   *forecast.Drifts
	samples  int
	rejected [len(rejections)]int

	first time.Time // time of the first sample
	last  time.Time // time of the last sample with a backlog
	seen  Sample    // the last sample that was accepted

	patched time.Time // time of the last rejected sample whose flows were counted

	spacing float64 // usual seconds between two samples with a backlog, of late
	backlog float64
	in, out float64 // what came and went since last; NaN where a part of it is unknown
}

// NewEstimator returns an estimator that has seen nothing, as the zero Estimator is.
func NewEstimator() *Estimator { return &Estimator{} }

// Observe takes one sample. Samples must come in the order of their times.
//
// A sample that cannot be used is rejected: the error is a *Rejection, it is counted under its reason, and everything accepted before stays. Where
// only some of its readings are unusable, the flows that are usable still count, and those that are not are unknown for the interval. A
// second sample of the same instant replaces the backlog of the first, and its flows count in addition. A sample without a backlog
// adds its flows to those of the next.
func (e *Estimator) Observe(s Sample) error {
	if e.drifts == nil {
		e.drifts = forecast.NewDrifts()
	}
	if r := e.check(s); r != nil {
		e.rejected[slices.Index(rejections[:], r.Reason)]++
		// Once for each instant, and only for what came after the last good sample.
		if ahead := s.Time.Sub(e.first); e.samples > 0 && s.Time.After(e.seen.Time) && s.Time.After(e.patched) && ahead < math.MaxInt64 {
			e.in += s.Inflow.usable()
			e.out += s.Outflow.usable()
			e.patched = s.Time
		}
		return r
	}
	if e.samples == 0 {
		e.first = s.Time // its flows are those of an interval that began before anything was known
	} else {
		e.in += s.Inflow.Value()
		e.out += s.Outflow.Value()
	}
	e.seen = s
	if !s.Backlog.known {
		return nil
	}
	e.backlog = s.Backlog.items
	o := forecast.Observation{Time: s.Time.Sub(e.first).Seconds(), Amount: e.backlog, In: e.in, Out: e.out}
	if e.samples > 0 && s.Time.Equal(e.last) {
		e.drifts.Correct(o)
	} else {
		if e.samples > 0 {
			e.space(s.Time.Sub(e.last).Seconds())
		}
		e.drifts.Observe(o)
		e.samples++
	}
	e.last = s.Time
	e.in, e.out = 0, 0
	return nil
}

// space updates the usual spacing of samples: the geometric mean of those so far or, once there are more, with an exponential memory of 16. A mean of
// logarithms is hardly moved by one long gap, and follows another rhythm within some 30 samples.
func (e *Estimator) space(seconds float64) {
	if e.spacing == 0 {
		e.spacing = seconds
		return
	}
	e.spacing *= math.Pow(seconds/e.spacing, 1/math.Min(16, float64(e.samples)))
}

// check returns why the sample cannot be used, or nil.
func (e *Estimator) check(s Sample) *Rejection {
	if r := s.check(); r != nil {
		return r
	}
	switch {
	case e.samples == 0 && !s.Backlog.known:
		return &Rejection{NoBacklog, "backlog is unknown in the first sample, want a count"}
	case e.samples == 0:
		return nil
	case s.Time.Before(e.seen.Time):
		return &Rejection{OutOfOrder, fmt.Sprintf("time %s is before %s, the time of the sample before it; want samples in the order of their times", stamp(s.Time), stamp(e.seen.Time))}
	case s.Time.Equal(e.seen.Time) && s.Backlog == e.seen.Backlog && s.Inflow == e.seen.Inflow && s.Outflow == e.seen.Outflow:
		return &Rejection{Duplicate, fmt.Sprintf("the sample of %s is there already", stamp(s.Time))}
	case s.Time.Sub(e.first) == math.MaxInt64: // Sub saturates
		return &Rejection{NotFinite, fmt.Sprintf("time %s is more than 292 years after %s, the time of the first sample", stamp(s.Time), stamp(e.first))}
	}
	return nil
}

// stamp is how errors write a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Rejected returns how many samples were rejected, for each reason for which any was.
func (e *Estimator) Rejected() map[Reason]int {
	counts := map[Reason]int{}
	for i, n := range e.rejected {
		if n > 0 {
			counts[rejections[i]] = n
		}
	}
	return counts
}

// Predict answers the question from the samples seen so far. Most callers want est.Predict(drain.Question{}): everything about an empty queue, as
// of the last sample, at level 0.9.
//
// With fewer than three samples the state is Unknown and every time is NaN, unless the backlog is at the target already. So they are when the last
// sample is sixteen times as old as samples usually are apart; see Stale. A question in the past (At before
// the last sample) is an error, as are a level outside (0, 1) and a negative target: both wrap ErrInvalid.
func (e *Estimator) Predict(q Question) (Prediction, error) {
	q, err := q.withDefaults()
	if err != nil {
		return Prediction{}, err
	}
	if q.At.IsZero() {
		q.At = e.last
	}
	if e.samples > 0 && q.At.Before(e.last) {
		return Prediction{}, fmt.Errorf("drain: %w: At is %s, before the last sample at %s", ErrInvalid, stamp(q.At), stamp(e.last))
	}
	f := facts{samples: e.samples, last: e.last, backlog: math.NaN(), inflow: math.NaN(), outflow: math.NaN(), net: math.NaN(), horizon: math.Inf(1)}
	if e.samples > 0 {
		f.backlog = e.backlog
		f.elapsed = q.At.Sub(e.last).Seconds()
	}
	if n := e.rejections(); n > 0 {
		f.because(SamplesRejected)
		f.warn("%s rejected", count(n, "sample"))
	}
	var rates forecast.Rates
	ok := false
	if e.drifts != nil {
		rates, ok = e.drifts.Rates()
	}
	if !ok {
		f.judge(q.Target, math.NaN(), math.NaN())
		f.because(FewSamples)
		if f.state == Cleared {
			f.clear = forecast.FirstPassage{}
		} else {
			f.warn("%s with a backlog so far: at least 3 are needed", count(e.samples, "sample"))
		}
		switch {
		case e.samples == 1 && f.elapsed > 0:
			f.warn("the only sample is %s old", FormatDuration(f.elapsed, 0))
		case e.samples == 2:
			f.age(e.spacing)
		}
		return f.predict(q), nil
	}
	f.net, f.inflow, f.outflow = rates.Net.Mean, rates.In.Mean, rates.Out.Mean
	f.judge(q.Target, f.net, distuv.StudentsT{Sigma: 1, Nu: rates.Nu}.CDF(f.net/rates.Net.SD))
	if distance := e.backlog - q.Target; distance > 0 {
		f.clear = e.drifts.Forecast(distance)
		f.horizon = f.reach(e.last.Sub(e.first).Seconds(), distance)
	} else {
		f.clear = forecast.FirstPassage{}
	}
	switch {
	case f.outflow > 0:
		f.current = e.drifts.ForecastOut(e.backlog)
	case f.outflow == 0:
		f.current = forecast.FirstPassage{Distance: e.backlog}
	}
	if (f.state == Growing || f.state == Stalled) && f.clear.CDF(f.horizon) > 0.5 {
		f.because(RateVaried)
	}
	f.age(e.spacing)
	return f.predict(q), nil
}

func (e *Estimator) rejections() int {
	n := 0
	for _, k := range e.rejected {
		n += k
	}
	return n
}

// reach is how far ahead samples that span the given number of seconds tell anything: a hundred times as far as they reach back and, for a queue
// that drains, ten times as far as its net rate takes to work off the distance. Past that a time is not a prediction but an artefact of
// extrapolation (a queue at balance "clears" after centuries), and counts as never.
func (f *facts) reach(span, distance float64) float64 {
	if f.state == Draining {
		return math.Max(100*span, 10*distance/f.net)
	}
	return 100 * span
}
