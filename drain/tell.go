package drain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/postsack/backlog/forecast"
)

// From what a queue is known to have done to the facts that a prediction is made of.

// hygiene says what was wrong with samples.
func (f *facts) hygiene(c Counts) {
	for _, class := range []struct {
		code Reason
		verb string
		by   map[Reason]int
	}{{SamplesRejected, "rejected", c.Rejected}, {SamplesRepaired, "repaired", c.Repaired}} {
		total, what := 0, ""
		for _, r := range problems {
			if n := class.by[r]; n > 0 {
				f.because(r)
				if what != "" {
					what += ", "
				}
				what += fmt.Sprintf("%d %s", n, sentence(r))
				total += n
			}
		}
		if total > 0 {
			f.because(class.code)
			f.warn("%s %s: %s", count(total, "sample"), class.verb, what)
		}
	}
}

// tell says what the queue is known to do at a moment; seconds turns its times into clock times.
func (q *queue) tell(f *facts, question Question, at float64, seconds func(float64) time.Time) {
	if in, ok := q.in().present(at); ok {
		f.inflow = in.Mean
	}
	out, outKnown := q.out().present(at)
	if outKnown {
		f.outflow = out.Mean
		f.evidence.SinceOutflow = max(0, at-q.out().moved) // flows may be newer than the moment
	}
	net, ok := q.panel.Trend().Rate()
	distance := q.backlog - question.Target
	if !ok || q.samples < 3 {
		f.judge(question.Target, undecided, false, false)
		f.because(FewSamples)
		if f.state == Cleared {
			f.clear = forecast.FirstPassage{}
		} else {
			f.warn("%s with a backlog so far: at least 3 are needed", count(q.samples, "sample"))
		}
		switch {
		case q.samples == 1 && f.elapsed > 0: // and what is usual is not known
			f.state, f.clear, f.tooOld = Unknown, nil, true
			f.warn("the only sample is %s old", FormatDuration(f.elapsed, 0))
		case q.samples == 2:
			f.spacing = q.usual()
			f.age()
		}
		return
	}
	f.net, f.spacing = q.motion.rate(net.Mean, q.panel.Trend()), q.usual()
	certain, _ := direct(q.panel.Trend())
	f.evidence.NetPositive = certain.Positive()
	f.since = seconds(net.Since)
	if before, changed := q.panel.Trend().Before(); changed {
		f.before = before.Mean
		f.because(RateChanged)
	}
	way := q.motion.now
	if way == falling && !(f.net > 0) || way == rising && !(f.net < 0) {
		way = level // for a moment, until the next sample shows what it is
	}
	away := 0.0
	if distance > 0 {
		outlook := q.panel.Predict(distance)
		f.clear, f.horizon, f.weights = outlook.Law, outlook.Horizon, weights(outlook.Shares)
		away = f.clear.Quantile(0.5)
	} else {
		f.clear = forecast.FirstPassage{}
	}
	f.judge(question.Target, way, q.hovers(question.Target, away), outKnown && q.out().stopped())
	q.tellServed(f, at, out, outKnown, question.Level)
	q.tellBalance(f, question.Level)
	if q.inferred {
		f.because(BacklogInferred)
		f.warn("the backlog was last measured %s before; since then it is worked out from the flows", FormatDuration(q.last-q.gauge.last, 0))
	}
	if q.odd {
		f.because(JumpUnconfirmed)
		f.warn("the last backlog measured is so far off that the next one must confirm it; this is without it")
	}
	f.record = q.panel.Record()
	if (f.state == Growing || f.state == Stalled) && len(f.weights) > 0 && !math.IsInf(f.clear.Quantile(0.5), 1) {
		f.because(turns(f.weights))
	}
	f.age()
}

// tellServed says when what waits will be served, and how long items wait.
func (q *queue) tellServed(f *facts, at float64, out forecast.Rate, outKnown bool, level float64) {
	reported, given := q.reported.inflow(at, q.usual(), q.backlog)
	f.delay = q.oldest(at, q.backlog, level)
	if given && math.IsNaN(f.inflow) {
		f.inflow = reported.Mean
	}
	if given {
		counted := f.delay
		f.delay = Bounds{level, q.delay, q.delay, q.delay}
		if counted.Upper < q.delay/2 || counted.Lower > 2*q.delay {
			f.because(DelayDisagrees)
			f.warn("the delay is reported as %s, and first in, first out makes it %s to %s by the inflow", FormatDuration(q.delay, 0), FormatDuration(counted.Lower, 0), FormatDuration(counted.Upper, 0))
		}
	}
	switch {
	case outKnown && q.out().stopped():
		// By the length of the silence, and then at the rate of busy times; never, where nothing was ever seen to leave.
		f.current = forecast.FirstPassage{Distance: q.backlog}
		if rate := q.out().working(); rate > 0 {
			f.current = forecast.Resumption{Silence: max(0, at-q.out().moved), Work: q.backlog / rate}
		}
	case outKnown:
		f.current = q.out().drifts.Forecast(q.backlog)
	case given:
		// What leaves is what comes and what the backlog loses.
		net, _ := q.panel.Trend().Rate()
		out = forecast.Rate{Mean: math.Max(0, reported.Mean+net.Mean), SD: math.Hypot(reported.SD, net.SD), Volatility: net.Volatility, Nu: math.Min(net.Nu, reported.Nu)}
		f.outflow = out.Mean
		f.current = out.Law(q.backlog)
		f.reasons = slices.DeleteFunc(f.reasons, func(r Reason) bool { return r == FlowsUnknown })
		f.because(FlowsFromDelay)
	}
}

// tellBalance says what leaves or enters unmeasured.
func (q *queue) tellBalance(f *facts, level float64) {
	r, ok := q.known().balance.leak(f.inflow, f.outflow)
	if !ok {
		return
	}
	lower, upper := r.Interval(level)
	f.leak = Leak{level, r.Mean, lower, upper}
	reason, verb := LeavesUnmeasured, "leave"
	if r.Mean < 0 {
		reason, verb = EntersUnmeasured, "enter"
		lower, upper = -upper, -lower
	}
	f.because(reason)
	f.warn("items %s unmeasured at %s (%s: %s – %s): the backlog tells when it is cleared, the measured flows tell no more than the delays",
		verb, FormatRate(math.Abs(r.Mean)), FormatLevel(level), FormatRate(lower), FormatRate(upper))
}

// present is what a plan changes.
func (q *queue) present(f *facts, question Question, at float64) present {
	now := present{asked: question.At, elapsed: f.elapsed, sampled: true, working: math.NaN(), lottery: lottery{}}
	if in, ok := q.in().present(at); ok {
		now.inflow = About(math.Max(0, in.Mean), in.SD)
	}
	if out, ok := q.out().present(at); ok {
		now.outflow = About(math.Max(0, out.Mean), out.SD)
		if q.out().stopped() {
			now.outflow = Exactly(0)
		}
		if rate := q.out().working(); rate > 0 {
			now.working = rate
		}
	}
	return now
}

// planner goes by the paths of the panel.
func (q *queue) planner(question Question) planner {
	distance := q.backlog - question.Target
	kappa := question.Feedback.kappa().value
	if !(distance > 0) || q.samples < 3 {
		return planner{}
	}
	paths, ok := q.panel.Paths(distance)
	if !ok {
		return planner{}
	}
	rate, _ := q.panel.Trend().Rate()
	return planner{
		law: func(e forecast.Extra, _ int) forecast.Distribution {
			if question.Feedback.Poison.value > question.Target {
				return forecast.Mixture{}.Prepare() // never
			}
			// How the queue acts on its flows by itself is in its record; that it acts on what is done besides is not.
			return paths.Law(e.Amplified(kappa, paths.Horizon(e)))
		},
		horizon: paths.Horizon,
		settled: func(e forecast.Extra) forecast.Distribution {
			return forecast.ChangingPassage{Passage: rate.Normal(distance), Extra: e, Feedback: kappa, Rough: true}.Law(paths.Horizon(e))
		},
	}
}

// seen adds to the feedback of the question what the samples show of it.
func (q *queue) seen(f *facts, question *Question) {
	f.feedback = question.Feedback
	a := q.reactions
	if a == nil || f.tooOld || q.samples < 3 {
		return
	}
	b := &question.Feedback
	in, out := q.in().allFlow.rate(), q.out().allFlow.rate()
	if r, ok := a.in.found(1, in); ok && !b.Retry.known {
		b.Retry, f.seen = r, true
		f.because(RetriesSeen)
		f.warn("the inflow rises by %.2g ± %.1g/s for each item that waits, as retries make it", r.value, r.se)
	}
	if !b.Abandon.known {
		θ, ok := a.leak.found(0, out)
		what := "items leave unmeasured"
		if !ok {
			θ, ok = a.out.found(-1, out)
			what = "the outflow rises"
		}
		if ok {
			b.Abandon, f.seen = θ, true
			f.because(AbandonmentSeen)
			f.warn("%s by %.2g ± %.1g/s for each item that waits, as where those who wait give up", what, θ.value, θ.se)
		}
	}
	f.feedback = *b
	floor := &a.rest.floor
	if !b.Poison.known && floor.samples > 0 && floor.lowest > question.Target && f.state != Cleared {
		f.feedback.Poison = About(floor.level, floor.se)
		f.because(FloorSeen)
		f.warn("the backlog came to rest near %s (%s – %s) before and went no lower since, as where some items never succeed",
			FormatItems(math.Round(floor.level)), FormatItems(floor.lowest), FormatItems(floor.highest))
	}
}

// feedback tells what follows from how the queue acts on its flows.
func (q *queue) feedback(f *facts, question Question, at float64) {
	f.effect = noEffects(question.Level)
	if f.feedback == (Feedback{}) || f.tooOld || q.samples < 3 {
		return
	}
	now := q.present(f, question, at)
	net, _ := q.panel.Trend().Rate()
	oldest := f.delay.Median
	if math.IsNaN(oldest) && f.oldest != nil {
		oldest = f.oldest.Quantile(0.5)
	}
	to := func(level float64) forecast.Distribution { return q.panel.Predict(q.backlog - level).Law }
	f.effect = f.effects(question, About(net.Mean, net.SD), now.inflow, now.outflow, oldest, to)
	if !question.Feedback.Poison.known && f.feedback.Poison.known {
		q.settles(f, question, to)
		return
	}
	if question.Feedback.Poison.value > question.Target && f.state != Cleared {
		f.clear, f.weights = forecast.Mixture{}.Prepare(), nil // what never succeeds is never gone
		f.reasons = slices.DeleteFunc(f.reasons, func(r Reason) bool { return r == RateVaried || r == CameAsFast || r == DrainedBefore || r == TimeOfDay })
	}
}

// settles says when the backlog is at rest where it was before. The time to clear is left as the record has it: that a queue rested is no proof that it always will.
func (q *queue) settles(f *facts, question Question, to func(level float64) forecast.Distribution) {
	floor := &q.reactions.rest.floor
	e := &f.effect
	switch {
	case e.Settles.value > floor.level:
		return
	case q.backlog <= floor.highest:
		e.SettlesIn = Bounds{question.Level, 0, 0, 0}
	case f.state == Draining:
		e.SettlesIn = bounds(to(floor.level), question.Level)
	default:
		return
	}
	e.Settles = f.feedback.Poison
	f.because(Settles)
}
