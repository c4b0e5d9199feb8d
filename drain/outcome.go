package drain

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/postsack/backlog/forecast"
)

// Outcome is what becomes of a Plan.
type Outcome struct {
	Plan Plan
	// Prediction is the one with the plan. Its State and flows are those of now; CurrentBacklog, Delay and Effects are NaN, as they are told without a plan only.
	Prediction Prediction
	// Sooner is by how much sooner the target is reached than without the plan.
	Sooner Difference
}

// Difference is by how many seconds one time comes before another: negative, where it comes after; +Inf and -Inf where only one of them comes at all.
//
// The queue is taken to go the same way in both, so that the p-quantile of the one goes with the p-quantile of the other, and what is drawn in both plans, such as an
// outage that both have as a risk, is the same. The bounds are therefore narrower than those of either time.
type Difference struct {
	Bounds
	// Probability is that of coming before, at all.
	Probability float64
}

// turn is one way in which things may turn out.
type turn struct {
	weight       float64
	draw, branch int // -1: any
	law          forecast.Distribution
}

// SoonerThan returns by how much sooner the target is reached with this plan than with another one, both of the same Prediction.
func (o Outcome) SoonerThan(other Outcome) Difference { return sooner(o.Prediction, other.Prediction) }

// compared is at how many quantiles two laws are compared, for all pairs of turns together, and at least for one pair.
const compared, comparedLeast = 400, 9

// sooner compares two predictions of one moment.
func sooner(a, b Prediction) Difference {
	d := Difference{Bounds: Bounds{a.TimeToClear.Level, math.NaN(), math.NaN(), math.NaN()}, Probability: math.NaN()}
	if a.law == nil || b.law == nil {
		return d
	}
	type gain struct{ by, weight float64 }
	var gains []gain
	total := 0.0
	at := max(comparedLeast, min(99, compared/max(len(a.turns), len(b.turns))))
	xs, ys := times(a, at), times(b, at)
	for k, x := range a.turns {
		for l, y := range b.turns {
			if x.draw >= 0 && y.draw >= 0 && x.draw != y.draw || x.branch >= 0 && y.branch >= 0 && x.branch != y.branch {
				continue
			}
			for i := range at {
				s, t := xs[k*at+i], ys[l*at+i]
				by := t - s
				if math.IsInf(s, 1) && math.IsInf(t, 1) || math.Abs(by) < 5e-3*math.Min(s, t) {
					by = 0
				}
				w := x.weight * y.weight
				gains = append(gains, gain{by, w})
				total += w
			}
		}
	}
	slices.SortFunc(gains, func(a, b gain) int { return cmp.Compare(a.by, b.by) })
	quantile := func(p float64) float64 {
		sum := 0.0
		for _, g := range gains {
			if sum += g.weight; sum >= p*total {
				return g.by
			}
		}
		return gains[len(gains)-1].by
	}
	p := (1 - d.Level) / 2
	d.Median, d.Lower, d.Upper = quantile(0.5), quantile(p), quantile(1-p)
	d.Probability = 0
	for _, g := range gains {
		if g.by > 0 {
			d.Probability += g.weight / total
		}
	}
	return d
}

// times are the quantiles of each turn of a prediction, from the moment of asking on, at the midpoints of as many intervals of equal probability.
func times(p Prediction, at int) []float64 {
	all := make([]float64, 0, at*len(p.turns))
	for _, turn := range p.turns {
		for i := range at {
			all = append(all, math.Max(0, turn.law.Quantile((float64(i)+0.5)/float64(at))-p.elapsed))
		}
	}
	return all
}

// planner gives the law of the time since the last sample with something worked off in addition, for a draw of what else is uncertain, and its horizon.
type planner struct {
	law       func(e forecast.Extra, draw int) forecast.Distribution
	horizon   func(e forecast.Extra) float64
	settled   func(e forecast.Extra) forecast.Distribution // the law for a plan that settles; nil: the same
	uncertain bool                                         // the law differs from draw to draw
}

// outcomes works out the plans of a question. The prediction is the one without a plan.
func (f *facts) outcomes(p *Prediction, q Question, now present, with planner) error {
	p.elapsed = f.elapsed
	if p.law != nil {
		p.turns = []turn{{1, -1, -1, f.clear}}
	}
	if with.uncertain && p.law != nil && f.state != Cleared && len(q.Plans) > 0 {
		p.turns = p.turns[:0]
		for k := range draws {
			p.turns = append(p.turns, turn{1. / draws, k, -1, with.law(nil, k)})
		}
	}
	for _, plan := range q.Plans {
		o := Outcome{Plan: plan}
		scenarios, err := plan.scenarios(now, with.uncertain)
		if err != nil {
			return err
		}
		o.Prediction = *p
		o.Prediction.Plan = plan.Name
		o.Prediction.Outcomes = nil
		o.Prediction.Effects = noEffects(q.Level)
		nan := math.NaN()
		o.Prediction.CurrentBacklog = Bounds{q.Level, nan, nan, nan}
		o.Prediction.Delay = Delay{o.Prediction.CurrentBacklog, o.Prediction.CurrentBacklog}
		if p.law != nil && f.state != Cleared && with.law != nil {
			chosen := with
			if with.settled != nil && plan.settles(now) {
				chosen.law = func(e forecast.Extra, _ int) forecast.Distribution { return with.settled(e) }
			}
			if err := f.follow(&o.Prediction, q, scenarios, chosen); err != nil {
				return err
			}
		}
		o.Sooner = sooner(o.Prediction, *p)
		p.Outcomes = append(p.Outcomes, o)
	}
	return nil
}

// follow makes the prediction one of a plan.
func (f *facts) follow(p *Prediction, q Question, scenarios []scenario, with planner) error {
	var m forecast.Mixture
	p.turns, p.Horizon = nil, f.horizon
	for _, s := range scenarios {
		law := with.law(s.extra, s.draw)
		if law == nil {
			return fmt.Errorf("drain: %w: plan %q has more in it than can be counted", ErrInvalid, p.Plan)
		}
		p.turns = append(p.turns, turn{s.weight, s.draw, s.branch, law})
		m.Components, m.Weights = append(m.Components, law), append(m.Weights, s.weight)
		p.Horizon = math.Max(p.Horizon, with.horizon(s.extra))
	}
	law := m.Components[0]
	if len(scenarios) > 1 {
		law = m.Tabulate(p.Horizon)
	}
	if f.elapsed != 0 || !math.IsInf(p.Horizon, 1) {
		law = newOutlook(law, f.elapsed, f.spacing, p.Horizon)
	}
	p.law = law
	p.TimeToClear = p.Bounds(q.Level)
	p.Never = law.Survival(p.Horizon)
	p.Reasons = slices.DeleteFunc(slices.Clone(p.Reasons), func(r Reason) bool {
		return r == MayNotClear || r == RateVaried || r == CameAsFast || r == DrainedBefore || r == TimeOfDay
	})
	p.Warnings = slices.Clone(f.about)
	p.Reasons = append(p.Reasons, Planned)
	if math.IsInf(p.TimeToClear.Upper, 1) && !math.IsInf(p.TimeToClear.Median, 1) {
		p.Reasons = append(p.Reasons, MayNotClear)
	}
	p.Deadlines = nil
	for _, t := range q.Deadlines {
		p.Deadlines = append(p.Deadlines, Deadline{t, p.ClearedBy(t)})
	}
	return nil
}
