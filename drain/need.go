package drain

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Lever is what can be done to be done in time.
type Lever string

// The levers.
const (
	// MoreOutflow: items/s more that leave.
	MoreOutflow Lever = "outflow"
	// MoreWorkers: whole workers, each at a rate.
	MoreWorkers Lever = "workers"
	// LessInflow: the share of the inflow that is shed, between 0 and 1.
	LessInflow Lever = "shed"
	// LatestStart: the latest moment for a plan to begin; its changes are later by as much each.
	LatestStart Lever = "start"
)

// Goal is what is wanted: the target reached by a deadline with a probability.
type Goal struct {
	// By is the deadline, Probability how sure it shall be; 0 is 0.95.
	By          time.Time
	Probability float64
	// Lever is what can be done.
	Lever Lever
	// At is when it begins, Startup how long it takes to have an effect. Not for LatestStart.
	At      When
	Startup time.Duration
	// Each is what a worker does, in items/s, for MoreWorkers.
	Each Estimate
	// Most is the most that can be had, of workers or of items/s; 0: no limit. The share that is shed is 1 at most.
	Most float64
	// Plan is what is planned besides; for LatestStart the plan that is to begin.
	Plan Plan
}

// Answer is what it takes.
type Answer struct {
	Goal Goal
	// Feasible is whether the goal can be reached. Where it cannot, Value and Plan are the best that can be had, and Probability is that of reaching the target in
	// time with it.
	Feasible bool
	// Value is the least that is needed: items/s, workers or a share; 0 where nothing is. For LatestStart it is the number of seconds by which the plan can be late.
	Value float64
	// Start is the latest start for LatestStart; zero for the others.
	Start time.Time
	// Plan is the plan with it, which, put into Question.Plans, gives Probability.
	Plan        Plan
	Probability float64
}

// Need works out the least that it takes to reach a goal, by asking for plans: ask is the Predict of an Estimator or of Numbers. Values are right to a thousandth, starts to a
// second, and workers are whole. What is asked for is the question's target.
//
// Errors are those of ask, or wrap ErrInvalid: a goal that names no deadline after the moment of asking, a probability outside (0, 1), no such lever, workers without a rate.
func Need(ask func(Question) (Prediction, error), q Question, g Goal) (Answer, error) {
	if g.Probability == 0 {
		g.Probability = 0.95
	}
	invalid := func(format string, args ...any) (Answer, error) {
		return Answer{}, fmt.Errorf("drain: %w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	switch {
	case !(g.Probability > 0 && g.Probability < 1):
		return invalid("Probability is %v, want a number between 0 and 1", g.Probability)
	case g.Most < 0 || math.IsNaN(g.Most):
		return invalid("Most is %v, want 0 or more", g.Most)
	case g.Lever == MoreWorkers && !(g.Each.known && g.Each.value > 0):
		return invalid("Each is %v, want the items/s of a worker, above 0", g.Each)
	case g.Lever == LatestStart && len(g.Plan.Changes) == 0:
		return invalid("Plan has no changes, want those that are to begin")
	}
	var p Prediction
	chance := func(plan Plan) (float64, error) {
		one := q
		one.Deadlines, one.Plans = nil, []Plan{plan}
		var err error
		if p, err = ask(one); err != nil {
			return 0, err
		}
		with := p.Outcomes[0].Prediction
		if math.IsNaN(with.ClearedBy(g.By)) {
			return 0, fmt.Errorf("drain: %w: the time to clear is unknown, so that nothing can be said of what it takes", ErrInvalid)
		}
		return with.ClearedBy(g.By), nil
	}
	var with func(v float64) Plan
	most, whole := math.Inf(1), false
	add := func(c Change) Plan {
		plan := g.Plan
		c.At, c.Startup = g.At, g.Startup
		plan.Changes = append(append([]Change(nil), g.Plan.Changes...), c)
		return plan
	}
	switch g.Lever {
	case MoreOutflow:
		with = func(v float64) Plan { return add(Change{By: Exactly(v)}) }
	case MoreWorkers:
		whole = true
		with = func(v float64) Plan { return add(Change{Workers: v, Each: g.Each}) }
	case LessInflow:
		most = 1
		with = func(v float64) Plan { return add(Change{Flow: InflowOf, Factor: Exactly(1 - v)}) }
	case LatestStart:
		return g.latest(chance, &p)
	default:
		return invalid("Lever is %q, want one of %s, %s, %s and %s", g.Lever, MoreOutflow, MoreWorkers, LessInflow, LatestStart)
	}
	if g.Most > 0 {
		most = math.Min(most, g.Most)
	}
	if whole {
		most = math.Floor(most)
	}
	a := Answer{Goal: g, Plan: g.Plan}
	var err error
	if a.Probability, err = chance(g.Plan); err != nil {
		return Answer{}, err
	}
	if !g.By.After(p.AsOf) {
		return invalid("By is %s, want a deadline after %s, the moment of asking", stamp(g.By), stamp(p.AsOf))
	}
	if a.Feasible = a.Probability >= g.Probability; a.Feasible {
		return a, nil
	}
	// Upwards until it is enough, and then the least that is.
	low, high := 0.0, math.Min(most, math.Max(1, p.Backlog/math.Max(1, g.By.Sub(p.AsOf).Seconds())))
	if whole {
		high = math.Min(most, 1)
	}
	last := a.Probability
	for {
		if a.Probability, err = chance(with(high)); err != nil {
			return Answer{}, err
		}
		a.Value, a.Plan = high, with(high)
		if a.Probability >= g.Probability {
			break
		}
		// More is of no use once it changes nothing: the queue is clear as soon as it begins, and that is too late.
		if high >= most || high > 1e15 || high > 1e6*(1+p.Backlog) && a.Probability-last < 1e-9 {
			return a, nil
		}
		last = a.Probability
		low, high = high, math.Min(most, 2*high)
	}
	a.Feasible = true
	for range 60 {
		mid := (low + high) / 2
		if whole {
			mid = math.Floor(mid)
		}
		if whole && mid <= low || !whole && high-low < 1e-3*high {
			break
		}
		reached, err := chance(with(mid))
		if err != nil {
			return Answer{}, err
		}
		if reached >= g.Probability {
			high, a.Value, a.Plan, a.Probability = mid, mid, with(mid), reached
		} else {
			low = mid
		}
	}
	return a, nil
}

// latest finds the latest start.
func (g Goal) latest(chance func(Plan) (float64, error), p *Prediction) (Answer, error) {
	a := Answer{Goal: g, Plan: g.Plan}
	var err error
	if a.Probability, err = chance(g.Plan); err != nil {
		return Answer{}, err
	}
	if !g.By.After(p.AsOf) {
		return Answer{}, fmt.Errorf("drain: %w: By is %s, want a deadline after %s, the moment of asking", ErrInvalid, stamp(g.By), stamp(p.AsOf))
	}
	first := g.Plan.Changes[0].At.On(p.AsOf).Add(g.Plan.Changes[0].Startup)
	a.Start = first
	if a.Feasible = a.Probability >= g.Probability; !a.Feasible {
		return a, nil
	}
	low, high := time.Duration(0), g.By.Sub(first)
	if high <= 0 {
		return a, nil
	}
	for high-low > time.Second {
		mid := low + (high-low)/2
		plan := g.Plan.Delayed(mid)
		reached, err := chance(plan)
		if err != nil {
			return Answer{}, err
		}
		if reached >= g.Probability {
			low, a.Plan, a.Probability = mid, plan, reached
		} else {
			high = mid
		}
	}
	a.Value, a.Start = low.Seconds(), first.Add(low)
	return a, nil
}

// String says what it takes, such as "10 workers more at 2.50/s each: done by 12:00 CET with 96 %", or that it cannot be had.
func (a Answer) String() string {
	chance := FormatProbability(a.Probability)
	by := FormatClock(a.Goal.By, a.Goal.By, 600)
	var what string
	switch a.Goal.Lever {
	case MoreOutflow:
		what = "outflow +" + FormatRate(a.Value)
	case MoreWorkers:
		what = Change{Workers: a.Value, Each: a.Goal.Each}.String()
	case LessInflow:
		what = "shed " + FormatProbability(a.Value) + " of the inflow"
	case LatestStart:
		what = "begin at " + FormatClock(a.Start, a.Goal.By, 0) + " at the latest"
	}
	wanted := FormatProbability(a.Goal.Probability)
	switch {
	case !a.Feasible && a.Goal.Lever == LatestStart:
		return fmt.Sprintf("not enough, or too late: done by %s with %s, not %s", by, chance, wanted)
	case !a.Feasible:
		return fmt.Sprintf("not to be had: %s gives %s by %s, not %s", what, chance, by, wanted)
	case a.Value == 0 && a.Goal.Lever != LatestStart:
		return fmt.Sprintf("nothing more is needed: done by %s with %s", by, chance)
	}
	return fmt.Sprintf("%s: done by %s with %s", what, by, chance)
}

// MarshalJSON writes {"lever", "feasible", "value", "start", "by", "wanted_probability", "probability", "plan"}: value in items/s, workers, a share, or seconds by which the start
// can be later.
func (a Answer) MarshalJSON() ([]byte, error) {
	start := instant{}
	if !a.Start.IsZero() && writable(a.Start) {
		start = instant{&a.Start}
	}
	by := instant{&a.Goal.By}
	if !writable(a.Goal.By) {
		by = instant{}
	}
	return json.Marshal(struct {
		Lever       Lever   `json:"lever"`
		Feasible    bool    `json:"feasible"`
		Value       number  `json:"value"`
		Start       instant `json:"start"`
		By          instant `json:"by"`
		Wanted      number  `json:"wanted_probability"`
		Probability number  `json:"probability"`
		Plan        Plan    `json:"plan"`
	}{a.Goal.Lever, a.Feasible, number(a.Value), start, by, number(a.Goal.Probability), number(a.Probability), a.Plan})
}
