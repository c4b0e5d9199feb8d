package drain

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/postsack/backlog/forecast"
)

// Numbers is what is known of a queue without any samples: a backlog and its rates, each an Estimate.
//
// Two of Net, Inflow and Outflow tell the third, and Backlog and Delay tell Inflow; Net alone is enough for the time to clear. Where all three are given, Net is used for the time to
// clear and Outflow for the time of the current backlog.
type Numbers struct {
	// Queue is its name; it may be empty.
	Queue string
	// Backlog is the number of items waiting; required.
	Backlog Estimate
	// Net is the net drain rate in items/s: positive when the backlog shrinks.
	Net Estimate
	// Inflow and Outflow in items/s.
	Inflow, Outflow Estimate
	// Delay is how long the item had waited that is served now, in seconds, in first-in-first-out order. Where Inflow is not given, it tells it: see
	// InflowFromDelay.
	Delay Estimate
}

// Predict answers the question from the numbers alone. At must be given where clock times or deadlines are wanted.
//
// The backlog worked off by t is taken to be Net·t plus the noise of counting: independent arrivals and services, with variance λ + μ per second.
// Where only Net is known the least that noise can be is taken, variance |Net|. A standard error of Net is an error of the rate as
// such, the same all the time: the law is a forecast.FirstPassage. A standard error of the backlog makes the distance uncertain: the
// bounds are those of forecast.UncertainDistance, the first-passage law averaged over the normal distribution of the backlog.
//
// For instance 1.4 million ± 50 000 at 300 ± 50 per second clear in 4667 s; the 90 % bounds are 3663 s and 6429 s with the error of the rate
// alone, 3634 s and 6458 s with that of the backlog.
//
// With no standard error at all the bounds are narrow, as if the rates were exact and constant; the prediction then says so in a warning. The
// horizon is ten years: what takes longer counts as never.
//
// Errors wrap ErrInvalid: a backlog or flow that is negative, unknown rates, a net rate that the inflow or outflow beside it rules out, numbers that
// are not finite or above 2⁶⁴, a Level outside (0, 1), a negative Target, Deadlines without At.
func (n Numbers) Predict(q Question) (Prediction, error) {
	q, err := q.withDefaults()
	if err != nil {
		return Prediction{}, err
	}
	if err := n.check(); err != nil {
		return Prediction{}, err
	}
	if q.At.IsZero() && len(q.Deadlines) > 0 {
		return Prediction{}, fmt.Errorf("drain: %w: At is unset, want the moment from which the deadlines count", ErrInvalid)
	}
	f := newFacts()
	if !n.Inflow.known && n.Delay.known {
		if n.Inflow = InflowFromDelay(n.Backlog, n.Delay); n.Inflow.known {
			f.because(FlowsFromDelay)
		}
	}
	if n, err = n.complete(); err != nil {
		return Prediction{}, err
	}
	f.queue, f.horizon = n.Queue, numbersHorizon
	f.backlog, f.inflow, f.outflow, f.net = n.Backlog.value, n.Inflow.Value(), n.Outflow.Value(), n.Net.value
	f.evidence.NetPositive = normalAbove(n.Net)
	f.clear = uncertain(forecast.FirstPassage{
		Distance: n.Backlog.value - q.Target, Drift: n.Net.value, DriftSD: n.Net.se, Volatility: math.Sqrt(n.counting()),
	}, n.Backlog.se)
	if n.Outflow.known {
		f.current = uncertain(forecast.FirstPassage{
			Distance: n.Backlog.value, Drift: n.Outflow.value, DriftSD: n.Outflow.se, Volatility: math.Sqrt(n.Outflow.value),
		}, n.Backlog.se)
	}
	if n.Backlog.se == 0 && n.Net.se == 0 && n.Backlog.value > q.Target {
		f.because(CountingOnly)
		f.warn("no errors were given: bounds this narrow assume exact, constant rates, with no uncertainty but that of counting")
	}
	switch {
	case n.Delay.known:
		half := -n.Delay.se * distuv.UnitNormal.Quantile((1-q.Level)/2)
		f.delay = Bounds{q.Level, n.Delay.value, math.Max(0, n.Delay.value-half), n.Delay.value + half}
	case n.Inflow.known && n.Inflow.value > 0:
		f.oldest = uncertain(forecast.FirstPassage{
			Distance: n.Backlog.value, Drift: n.Inflow.value, DriftSD: n.Inflow.se, Volatility: math.Sqrt(n.Inflow.value),
		}, n.Backlog.se)
	}
	m := level
	switch {
	case f.evidence.NetPositive >= certain:
		m = falling
	case f.evidence.NetPositive <= 1-certain:
		m = rising
	}
	f.judge(q.Target, m, false, n.Outflow.known && n.Outflow.value == 0)
	switch {
	case f.state == Cleared:
		f.clear = forecast.FirstPassage{}
	case (f.state == Growing || f.state == Stalled) && f.clear.CDF(f.horizon) > 0.5:
		f.because(RateVaried)
	}
	l := lottery{}
	planner := n.planner(q, l)
	f.feedback = q.Feedback
	f.effect = f.effects(q, n.Net, n.Inflow, n.Outflow, n.Delay.Value(), func(level float64) forecast.Distribution {
		to := q
		to.Target, to.Feedback.Poison = level, Estimate{}
		return n.planner(to, l).law(nil, -1)
	})
	if k := q.Feedback.kappa(); f.state != Cleared && (k.value != 0 || k.se > 0 || f.effect.Settles.known) {
		m := forecast.Mixture{}
		for k := range draws {
			m.Components = append(m.Components, planner.law(nil, k))
			if !planner.uncertain {
				break
			}
		}
		f.clear = m.Tabulate(numbersHorizon)
	}
	p := f.predict(q)
	if len(q.Plans) == 0 {
		return p, nil
	}
	now := present{asked: q.At, inflow: n.Inflow, outflow: n.Outflow, working: math.NaN(), lottery: l}
	if err := f.outcomes(&p, q, now, planner); err != nil {
		return Prediction{}, err
	}
	return p, nil
}

// planner is exact but for the errors of forecast.ChangingPassage, and the draws of the backlog.
func (n Numbers) planner(q Question, l lottery) planner {
	noise := math.Sqrt(n.counting())
	return planner{
		law: func(e forecast.Extra, draw int) forecast.Distribution {
			if q.Feedback.Poison.value > q.Target {
				return forecast.Mixture{}.Prepare() // never
			}
			distance := n.Backlog.value - q.Target
			if n.Backlog.se > 0 && draw >= 0 {
				distance = math.Max(0, n.Backlog.value+n.Backlog.se*l.normal("backlog", draw)) - q.Target
			}
			return forecast.ChangingPassage{
				Passage: forecast.FirstPassage{Distance: distance, Drift: n.Net.value, DriftSD: n.Net.se, Volatility: noise}, Extra: e, Feedback: q.Feedback.drawn(l, draw), Rough: draw >= 0,
			}.Law(numbersHorizon)
		},
		horizon:   func(forecast.Extra) float64 { return numbersHorizon },
		uncertain: n.Backlog.se > 0 || q.Feedback.uncertain(),
	}
}

// certain is the probability of the net rate's sign from which on it is a trend: the central 90 % interval leaves out zero.
const certain = 0.95

// normalAbove returns P(rate > 0) of a normal estimate; an exact zero counts as one half.
func normalAbove(e Estimate) float64 {
	if e.se == 0 {
		return 0.5 + 0.5*float64(cmp.Compare(e.value, 0))
	}
	return distuv.UnitNormal.CDF(e.value / e.se)
}

// uncertain returns the law with a distance that is itself known only to a standard error.
func uncertain(law forecast.FirstPassage, se float64) forecast.Distribution {
	if se == 0 {
		return law
	}
	return forecast.UncertainDistance{Law: law, DistanceSD: se}
}

func (n Numbers) check() error {
	for _, f := range [...]struct {
		name     string
		e        Estimate
		negative bool
	}{{"Backlog", n.Backlog, false}, {"Net", n.Net, true}, {"Inflow", n.Inflow, false}, {"Outflow", n.Outflow, false}, {"Delay", n.Delay, false}} {
		if err := f.e.check(f.name); err != nil {
			return err
		}
		if !f.negative && f.e.value < 0 {
			return fmt.Errorf("drain: %w: %s is %v, want 0 or more", ErrInvalid, f.name, f.e.value)
		}
	}
	if !n.Backlog.known {
		return fmt.Errorf("drain: %w: Backlog is unknown, want a number", ErrInvalid)
	}
	if !n.Net.known && !((n.Inflow.known || n.Delay.known && n.Delay.value > 0 && n.Backlog.value > 0) && n.Outflow.known) {
		return fmt.Errorf("drain: %w: neither Net nor both of Inflow and Outflow are known", ErrInvalid)
	}
	return nil
}

// numbersHorizon is how far ahead a prediction from numbers looks, in seconds: ten years. No rate that somebody read off holds for longer, and a queue
// at balance would be said to clear in the next century.
const numbersHorizon = 10 * year

// complete works out the rate that two others tell.
func (n Numbers) complete() (Numbers, error) {
	switch {
	case !n.Net.known:
		n.Net = About(n.Outflow.value-n.Inflow.value, math.Hypot(n.Outflow.se, n.Inflow.se))
	case n.Inflow.known && !n.Outflow.known:
		n.Outflow = About(n.Inflow.value+n.Net.value, math.Hypot(n.Inflow.se, n.Net.se))
		if n.Outflow.value < 0 {
			return n, fmt.Errorf("drain: %w: Net is %v with Inflow %v, want at least -%[3]v: the backlog cannot grow by more than comes in", ErrInvalid, n.Net.value, n.Inflow.value)
		}
	case n.Outflow.known && !n.Inflow.known:
		n.Inflow = About(n.Outflow.value-n.Net.value, math.Hypot(n.Outflow.se, n.Net.se))
		if n.Inflow.value < 0 {
			return n, fmt.Errorf("drain: %w: Net is %v with Outflow %v, want at most %[3]v: the backlog cannot shrink by more than goes out", ErrInvalid, n.Net.value, n.Outflow.value)
		}
	}
	return n, nil
}

// counting is the variance of the net flow per second if items come and go one by one, independently.
func (n Numbers) counting() float64 {
	if n.Inflow.known && n.Outflow.known {
		return n.Inflow.value + n.Outflow.value
	}
	return math.Abs(n.Net.value)
}

// InflowFromDelay returns the inflow that a backlog and the delay of the item served now imply in first-in-first-out order, in items/s: what waits
// arrived within the last delay seconds (Little's law),
//
//	λ = Q/D        (SE(λ)/λ)² = (SE(Q)/Q)² + (SE(D)/D)²        to first order.
//
// 1.4 million mails that are two to three hours late, About(9000, 900) seconds, came at 156 ± 16 per second. It is unknown unless both are known and
// the delay is positive.
//
// Source: J. D. C. Little, A proof for the queuing formula L = λW, Operations Research 9 (1961).
func InflowFromDelay(backlog, delay Estimate) Estimate {
	if !backlog.known || !delay.known || !(delay.value > 0) || !(backlog.value > 0) {
		return Estimate{}
	}
	rate := backlog.value / delay.value
	return About(rate, rate*math.Hypot(backlog.se/backlog.value, delay.se/delay.value))
}
