package drain

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/postsack/backlog/forecast"
)

// Group is a queue made of several, such as the partitions of a topic: it is cleared when the last of them is. Each has an Estimator of its own, with its record; what they have in
// common is estimated from how their backlogs move together.
//
// It is not safe for concurrent use. The zero Group has no parts and is ready for use.
type Group struct {
	options []Option
	names   []string // in the order in which they came
	parts   map[string]*part
	common  common
}

// part is one queue of a group.
type part struct {
	Estimator
	last  float64 // backlog at the beginning of the batch
	level float64 // the last one
	seen  int     // in the batch
	moves spread
}

// NewGroup returns a group whose estimators have the options.
func NewGroup(options ...Option) *Group { return &Group{options: options} }

// Observe takes a sample of one of the queues, as Estimator.Observe does. A name that is new makes a new part.
func (g *Group) Observe(queue string, s Sample) error {
	p := g.parts[queue]
	if p == nil {
		if g.parts == nil {
			g.parts = map[string]*part{}
		}
		p = &part{Estimator: *NewEstimator(g.options...), last: math.NaN(), level: math.NaN()}
		g.parts[queue] = p
		g.names = append(g.names, queue)
	}
	err := p.Observe(s)
	if b := s.Backlog.Value(); err == nil && b >= 0 {
		p.level = b
		if math.IsNaN(p.last) {
			p.last = b
		}
		p.seen++
		g.common.pass(g, p)
	}
	return err
}

// Queues returns the names of the parts, in the order in which they came.
func (g *Group) Queues() []string { return slices.Clone(g.names) }

// Part returns the estimator of a queue, for asking it alone; nil where there is none.
func (g *Group) Part(queue string) *Estimator {
	if p := g.parts[queue]; p != nil {
		return &p.Estimator
	}
	return nil
}

// common is how much the moves of the parts have in common: the mean correlation of what their backlogs moved in batches of eight samples each, over the last
// commonMemory batches, pulled to commonPrior as if by commonWeight batches of it.
type common struct {
	sum, weight float64
}

const (
	commonBatch  = 8
	commonMemory = 64
	commonPrior  = 0.3
	commonWeight = 4
	commonMost   = 0.95
)

// spread is the mean and variance of the moves of a part.
type spread struct {
	n, mean, square float64
}

func (s *spread) add(x float64) {
	s.n = math.Min(s.n+1, commonMemory)
	s.mean += (x - s.mean) / s.n
	s.square += (x*x - s.square) / s.n
}

// pass looks whether a batch is complete: every part that is still observed has had its samples, or one has had twice as many.
func (c *common) pass(g *Group, p *part) {
	if p.seen < commonBatch || len(g.names) < 2 {
		return
	}
	if p.seen < 2*commonBatch {
		for _, name := range g.names {
			if g.parts[name].seen < commonBatch {
				return
			}
		}
	}
	sum, squares, n := 0.0, 0.0, 0.0
	for _, name := range g.names {
		p := g.parts[name]
		if p.seen > 0 {
			x := p.level - p.last
			if sd := math.Sqrt(p.moves.square - p.moves.mean*p.moves.mean); p.moves.n >= 4 && sd > 0 {
				z := math.Max(-3, math.Min(3, (x-p.moves.mean)/sd))
				sum += z
				squares += z * z
				n++
			}
			p.moves.add(x)
		}
		p.last, p.seen = p.level, 0
	}
	if n < 2 {
		return
	}
	const keep = 1 - 1.0/commonMemory
	c.sum = keep*c.sum + (sum*sum-squares)/(n-1)/n
	c.weight = keep*c.weight + 1
}

// correlation is that of two parts.
func (c *common) correlation() float64 {
	return math.Max(0, math.Min(commonMost, (c.sum+commonPrior*commonWeight)/(c.weight+commonWeight)))
}

// GroupPrediction is the answer of a Group.
type GroupPrediction struct {
	// Prediction is that of the whole: the time until the last part is at the target. Backlog, flows and the net drain rate are sums, the State is that of the part that
	// most probably comes last, and Weights, Record, Delay and CurrentBacklog are those of the parts only.
	Prediction
	// Parts are the predictions of the queues, in the order in which they came, each with its name.
	Parts []Prediction
	// Drivers are the parts that may come last, the likeliest first.
	Drivers []Driver
	// Correlation is how much the times of two parts have in common, from 0 to 1.
	Correlation float64
	// Plans are the Outcomes, with what else there is to say of them.
	Plans []GroupOutcome
}

// GroupOutcome is what becomes of a plan whose changes each name a part.
type GroupOutcome struct {
	Outcome
	// Drivers are the parts that may come last with the plan.
	Drivers []Driver
}

// Driver is a part and the probability that it is the last one to be cleared.
type Driver struct {
	Queue       string  `json:"queue"`
	Probability float64 `json:"probability"`
}

// Predict answers a question for the whole: when will the last part be at the target? The target is that of each part. The time is that of forecast.Last: the parts' own times, with their
// records, joined by a common cause as strong as their backlogs' moves have been in common.
//
// Where a part is unknown, as it has no recent sample, so is the whole, and a warning names it. A group without parts is unknown. The changes and risks of plans
// must name their part in Queue. Errors are those of Estimator.Predict, and wrap ErrInvalid: a change of a part that there is not.
func (g *Group) Predict(q Question) (GroupPrediction, error) {
	q, err := q.withDefaults()
	if err != nil {
		return GroupPrediction{}, err
	}
	plans := q.Plans
	for _, plan := range plans {
		if err := g.check(plan); err != nil {
			return GroupPrediction{}, err
		}
	}
	q.Plans = nil
	if q.At.IsZero() {
		for _, name := range g.names {
			if t := g.parts[name].Latest(); t.After(q.At) {
				q.At = t
			}
		}
	}
	f := newFacts()
	all := GroupPrediction{Correlation: g.common.correlation()}
	sums := [...]*float64{&f.backlog, &f.inflow, &f.outflow, &f.net}
	for i := range sums {
		*sums[i] = 0
	}
	known, cleared := len(g.names) > 0, true
	for _, name := range g.names {
		p, err := g.parts[name].Predict(q)
		if err != nil {
			return GroupPrediction{}, fmt.Errorf("queue %q: %w", name, err)
		}
		p.Queue = name
		all.Parts = append(all.Parts, p)
		for i, x := range [...]float64{p.Backlog, p.Inflow, p.Outflow, p.NetDrain} {
			*sums[i] += x
		}
		f.samples += p.Samples
		if p.LastSample.After(f.last) {
			f.last = p.LastSample
		}
		cleared = cleared && p.State == Cleared
		f.horizon = min(f.horizon, p.Horizon)
		if p.law == nil {
			known = false
			f.warn("queue %q is unknown, and so is the whole", name)
		}
	}
	without := f
	all.Prediction, all.Drivers = f.lastOf(q, all.Parts, all.Correlation, known, cleared)
	for _, plan := range plans {
		o := GroupOutcome{Outcome: Outcome{Plan: plan}}
		with := slices.Clone(all.Parts)
		f := without
		f.reasons, f.warnings = slices.Clone(f.reasons), slices.Clone(f.warnings)
		for i, name := range g.names {
			part := plan.of(name, false)
			if len(part.Changes)+len(part.Risks) == 0 {
				continue
			}
			ask := q
			ask.Plans = []Plan{part}
			p, err := g.parts[name].Predict(ask)
			if err != nil {
				return GroupPrediction{}, fmt.Errorf("queue %q: %w", name, err)
			}
			with[i] = p.Outcomes[0].Prediction
			with[i].Queue = name
			f.horizon = max(f.horizon, with[i].Horizon)
		}
		o.Prediction, o.Drivers = f.lastOf(q, with, all.Correlation, known, cleared)
		o.Prediction.Plan = plan.Name
		o.Prediction.Reasons = append(o.Prediction.Reasons, Planned)
		o.Sooner = sooner(o.Prediction, all.Prediction)
		all.Plans = append(all.Plans, o)
		all.Outcomes = append(all.Outcomes, o.Outcome)
	}
	return all, nil
}

// check returns an error where a plan is not one of parts.
func (g *Group) check(plan Plan) error {
	if err := plan.Validate(); err != nil {
		return err
	}
	return plan.queues(func(queue string, _ bool) error {
		if !slices.Contains(g.names, queue) {
			return fmt.Errorf("queue is %q, want one of those that were seen, such as %q", queue, g.names[:min(3, len(g.names))])
		}
		return nil
	})
}

// lastOf predicts for the whole that is cleared when the last of some parts is, and says which may be that; known says that all of it is, and cleared that it is over.
func (f *facts) lastOf(q Question, parts []Prediction, correlation float64, known, cleared bool) (Prediction, []Driver) {
	f.state, f.tooOld = Unknown, !known || len(parts) == 0
	var drivers []Driver
	switch {
	case f.tooOld:
	case cleared:
		f.state, f.clear = Cleared, forecast.FirstPassage{}
	default:
		last := forecast.Last{}
		for _, p := range parts {
			last.Components, last.Loadings = append(last.Components, p.law), append(last.Loadings, math.Sqrt(correlation))
		}
		f.clear = last.Prepare()
		for i, share := range last.Drivers() {
			if share > 0 {
				drivers = append(drivers, Driver{parts[i].Queue, share})
			}
		}
		slices.SortStableFunc(drivers, func(a, b Driver) int { return cmp.Compare(b.Probability, a.Probability) })
		if len(drivers) > 0 {
			f.state = parts[slices.IndexFunc(parts, func(p Prediction) bool { return p.Queue == drivers[0].Queue })].State
		}
		if (f.state == Growing || f.state == Stalled) && !math.IsInf(f.clear.Quantile(0.5), 1) {
			f.because(RateVaried)
		}
	}
	whole := f.predict(q)
	whole.Weights = nil
	if f.clear != nil {
		whole.turns = []turn{{1, -1, -1, f.clear}}
	}
	return whole, drivers
}

// String returns the line of the whole, with the part that drives the time where it can be named.
func (g GroupPrediction) String() string {
	s := g.Prediction.String()
	if len(g.Drivers) > 0 && len(g.Parts) > 1 {
		s += fmt.Sprintf("; driven by %s (%s)", name(g.Drivers[0].Queue), FormatProbability(g.Drivers[0].Probability))
	}
	return s
}

// name is how a queue is written; one without a name is quoted.
func name(queue string) string {
	if queue == "" {
		return `""`
	}
	return queue
}

// Latest is the time of the newest sample of any part.
func (g *Group) Latest() (t time.Time) {
	for _, name := range g.names {
		if l := g.parts[name].Latest(); l.After(t) {
			t = l
		}
	}
	return t
}
