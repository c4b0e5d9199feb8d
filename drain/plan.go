package drain

import (
	"fmt"
	"math"
	"time"
)

// Plan is what is known to change, or may change, beside what the samples show: what if ten more workers start at 18:00, and what if an outage comes? Put plans into
// Question.Plans; each has an Outcome in the Prediction.
type Plan struct {
	// Name tells plans apart.
	Name string
	// Changes are those that are sure to come, in the order in which they apply where several do at a time: a factor multiplies what those before it have made of the flow.
	Changes []Change
	// Risks are outages that may come. They apply after all changes.
	Risks []Risk
}

// FlowName says which flow changes.
type FlowName string

// The flows that can change. The zero FlowName is the outflow.
const (
	OutflowOf FlowName = "outflow"
	InflowOf  FlowName = "inflow"
)

// Change is a change of a flow: exactly one of By, Factor, To, Workers and Pause says to what.
//
// A rate with a standard error is uncertain as such, the same all the time; the errors of changes with the same Label, or in the same place of two plans, are one.
type Change struct {
	// Label tells what it is, in a few words; it may be empty.
	Label string
	// At is when it begins, For how long it lasts; 0 is for good. Over is the time over which it comes in, evenly; 0 is at once. Startup is a time after At in which
	// nothing happens yet, such as that in which machines boot.
	At                 When
	For, Over, Startup time.Duration
	// Flow is the one that changes; the outflow unless given.
	Flow FlowName
	// Queue is the stage of a Pipeline, or the part of a Group, that changes; empty for a single queue.
	Queue string
	// By is how many items/s more there are; negative: fewer, but never below none.
	By Estimate
	// Factor is what the flow is multiplied by, 0 or more.
	Factor Estimate
	// To is what the flow is from then on, in items/s.
	To Estimate
	// Workers more, each of which works at a rate of Each items/s; negative: fewer. The standard error of Each is that of the rate of such workers, common to all.
	Workers float64
	Each    Estimate
	// Pause stops the flow.
	Pause bool
}

// Risk is an outage that may come: the outflow stops, or falls to a share of what it is, and comes back.
type Risk struct {
	// Label tells what it is; it may be empty.
	Label string
	// Probability is that of one outage, which begins at any moment between From and Until, each as likely as any other. Or Every is the mean time between the ends of outages
	// and the beginnings of the next ones, at random (a Poisson process) from From on, until Until if that is given.
	Probability float64
	Every       time.Duration
	From, Until When
	// Length is the mean length, and LengthSD the standard deviation: a log-normal law; 0 is a length that is known.
	Length, LengthSD time.Duration
	// Remaining is the share of the outflow that is left, 0 unless given.
	Remaining float64
	// Queue is the stage of a Pipeline, or the part of a Group, that may fail; empty for a single queue.
	Queue string
}

// Validate returns an error that wraps ErrInvalid and names the change, where one cannot be used.
func (p Plan) Validate() error {
	for i, c := range p.Changes {
		if err := c.validate(); err != nil {
			return p.error("change", i, c.Label, err)
		}
	}
	for i, r := range p.Risks {
		if err := r.validate(); err != nil {
			return p.error("risk", i, r.Label, err)
		}
	}
	return nil
}

// queues asks whether the queue of each change and risk may be named.
func (p Plan) queues(check func(queue string, inflow bool) error) error {
	for i, c := range p.Changes {
		if err := check(c.Queue, c.Flow.inflow()); err != nil {
			return p.error("change", i, c.Label, err)
		}
	}
	for i, r := range p.Risks {
		if err := check(r.Queue, false); err != nil {
			return p.error("risk", i, r.Label, err)
		}
	}
	return nil
}

// error names the part of a plan.
func (p Plan) error(kind string, i int, label string, err error) error {
	where := fmt.Sprintf("%s %d", kind, i+1)
	if label != "" {
		where = fmt.Sprintf("%s %q", kind, label)
	}
	if p.Name != "" {
		where = fmt.Sprintf("plan %q: ", p.Name) + where
	}
	return fmt.Errorf("drain: %w: %s: %w", ErrInvalid, where, err)
}

// longestYears is how long anything in a plan may take.
const longestYears = 100

func (c Change) validate() error {
	given := 0
	for _, e := range [...]struct {
		name     string
		e        Estimate
		negative bool
	}{{"by", c.By, true}, {"factor", c.Factor, false}, {"to", c.To, false}} {
		if !e.e.known {
			continue
		}
		given++
		if !usable(e.e) || !e.negative && e.e.value < 0 {
			return fmt.Errorf("%s is %v, want a number%s", e.name, e.e, orMore(e.negative))
		}
	}
	if c.Workers != 0 || c.Each.known {
		given++
		switch {
		case !(math.Abs(c.Workers) <= largest):
			return fmt.Errorf("workers is %v, want a number", c.Workers)
		case !c.Each.known:
			return fmt.Errorf("each is missing, want the items/s of one of the %v workers", c.Workers)
		case !usable(c.Each) || c.Each.value < 0:
			return fmt.Errorf("each is %v, want a number of 0 or more", c.Each)
		}
	}
	if c.Pause {
		given++
	}
	switch {
	case given == 0:
		return fmt.Errorf("nothing changes, want one of by, factor, to, workers and pause")
	case given > 1:
		return fmt.Errorf("%d of by, factor, to, workers and pause are given, want one", given)
	case c.Flow != "" && c.Flow != OutflowOf && c.Flow != InflowOf:
		return fmt.Errorf("flow is %q, want outflow or inflow", c.Flow)
	}
	for _, d := range [...]struct {
		name string
		d    time.Duration
	}{{"for", c.For}, {"over", c.Over}, {"startup", c.Startup}} {
		if d.d < 0 || d.d > longestYears*year*time.Second {
			return fmt.Errorf("%s is %v, want a time of 0 or more, up to %d years", d.name, d.d, longestYears)
		}
	}
	if c.For > 0 && c.Over > c.For {
		return fmt.Errorf("over is %v, want no more than for, which is %v", c.Over, c.For)
	}
	return nil
}

func orMore(negative bool) string {
	if negative {
		return ""
	}
	return " of 0 or more"
}

// usable reports whether an estimate has numbers to count with.
func usable(e Estimate) bool {
	return math.Abs(e.value) <= largest && e.se >= 0 && e.se <= largest
}

func (r Risk) validate() error {
	switch {
	case !(r.Probability >= 0 && r.Probability <= 1):
		return fmt.Errorf("probability is %v, want a number from 0 to 1", r.Probability)
	case r.Every < 0:
		return fmt.Errorf("every is %v, want a time above 0", r.Every)
	case r.Every > 0 && r.Probability > 0:
		return fmt.Errorf("probability and every exclude each other")
	case r.Every == 0 && r.Probability == 0:
		return fmt.Errorf("neither probability nor every is given, want one")
	case !(r.Length > 0 && r.Length <= longestYears*year*time.Second):
		return fmt.Errorf("length is %v, want a time above 0, up to %d years", r.Length, longestYears)
	case r.LengthSD < 0 || r.LengthSD > 100*r.Length:
		return fmt.Errorf("length's deviation is %v, want a time of 0 or more, up to a hundred times the length", r.LengthSD)
	case !(r.Remaining >= 0 && r.Remaining <= 1):
		return fmt.Errorf("remaining is %v, want a share from 0 to 1", r.Remaining)
	}
	return nil
}

// inflow reports whether it is the inflow that changes.
func (f FlowName) inflow() bool { return f == InflowOf }

// needs reports which flows must be known for the plan to be worked out.
func (p Plan) needs() (inflow, outflow bool) {
	outflow = len(p.Risks) > 0
	for _, c := range p.Changes {
		if c.Factor.known || c.To.known || c.Pause {
			inflow = inflow || c.Flow.inflow()
			outflow = outflow || !c.Flow.inflow()
		}
	}
	return inflow, outflow
}

// clocked reports whether the plan cannot be told without a moment of asking.
func (p Plan) clocked() bool {
	for _, c := range p.Changes {
		if c.At.needsClock() {
			return true
		}
	}
	for _, r := range p.Risks {
		if r.From.needsClock() || r.Until.needsClock() {
			return true
		}
	}
	return false
}

// Delayed returns the plan with all its changes later by d, and its risks as they were.
func (p Plan) Delayed(d time.Duration) Plan {
	q := p
	q.Changes = append([]Change(nil), p.Changes...)
	for i := range q.Changes {
		q.Changes[i].Startup += d
	}
	return q
}

// Steps returns the moments at which something of the plan happens, with what it is, for a question asked at a moment: what a picture marks.
func (p Plan) Steps(asked time.Time) []PlanStep {
	var steps []PlanStep
	for _, c := range p.Changes {
		steps = append(steps, PlanStep{c.At.On(asked).Add(c.Startup), c.String()})
		if c.For > 0 {
			steps = append(steps, PlanStep{c.At.On(asked).Add(c.Startup + c.For), "end of " + c.String()})
		}
	}
	return steps
}

// PlanStep is a moment at which something of a plan happens.
type PlanStep struct {
	Time time.Time
	What string
}

// String says in words what changes, such as "10 workers more at 2.50/s each"; the Label where there is one.
func (c Change) String() string {
	flow := "outflow"
	if c.Flow.inflow() {
		flow = "inflow"
	}
	switch {
	case c.Label != "":
		return c.Label
	case c.Pause:
		return flow + " pauses"
	case c.Factor.known:
		return fmt.Sprintf("%s × %s", flow, formatFactor(c.Factor))
	case c.To.known:
		return fmt.Sprintf("%s is %s", flow, formatRate(c.To))
	case c.By.known:
		sign := "+"
		if c.By.value < 0 {
			sign = ""
		}
		return fmt.Sprintf("%s %s%s", flow, sign, formatRate(c.By))
	}
	more, n := "more", c.Workers
	if n < 0 {
		more, n = "fewer", -n
	}
	unit := "workers"
	if n == 1 {
		unit = "worker"
	}
	return fmt.Sprintf("%s %s %s at %s each", FormatNumber(n), unit, more, formatRate(c.Each))
}

// of is the part of a plan that changes a queue or, with every change of an inflow, what waits up to a stage.
func (plan Plan) of(queue string, inflow bool) Plan {
	part := Plan{Name: plan.Name}
	for _, c := range plan.Changes {
		if inflow && c.Flow.inflow() || c.Queue == queue {
			c.Queue = ""
			part.Changes = append(part.Changes, c)
		}
	}
	for _, r := range plan.Risks {
		if r.Queue == queue {
			r.Queue = ""
			part.Risks = append(part.Risks, r)
		}
	}
	return part
}
