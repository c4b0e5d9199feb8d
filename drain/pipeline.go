package drain

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Pipeline is a row of queues: what leaves one enters the next, and all is done when the last is clear. Stage i has to work off all that waits up to it, S_i = Q₁ + … + Q_i, and what
// comes into the first meanwhile; where capacities do not change the time until all is clear is the longest of those that the S_i take to be gone,
//
//	T = max_i S_i/(μ_i - λ)
//
// exactly so in the fluid limit. So each S_i has an Estimator of its own, with its record, and the time of the whole is forecast.Last of them, as for a Group. A stage at which
// next to nothing waits is waiting for what comes: nothing tells its capacity, it is left out, and said to wait.
//
// It is not safe for concurrent use. Make one with NewPipeline.
type Pipeline struct {
	stages []string
	alone  []*Estimator // of each stage's own queue
	sums   Group        // of what waits up to each stage
	level  []float64
	fresh  []bool
	last   time.Time // of the levels
}

// NewPipeline returns a pipeline of stages, in the order in which items pass them. The options are those of its estimators.
func NewPipeline(stages []string, options ...Option) *Pipeline {
	p := &Pipeline{stages: slices.Clone(stages), sums: Group{options: options}, level: make([]float64, len(stages)), fresh: make([]bool, len(stages))}
	for range stages {
		p.alone = append(p.alone, NewEstimator(options...))
	}
	return p
}

// Observe takes a sample of one stage, as Estimator.Observe does. A stage that the pipeline has not is an error that wraps ErrInvalid. Samples of all stages must come in turn: what waits in
// all of them is known when each has been seen anew.
func (p *Pipeline) Observe(stage string, s Sample) error {
	i := slices.Index(p.stages, stage)
	if i < 0 {
		return fmt.Errorf("drain: %w: no stage %q, want one of %q", ErrInvalid, stage, p.stages)
	}
	if err := p.alone[i].Observe(s); err != nil {
		return err
	}
	for j, name := range p.stages {
		flows := Sample{Time: s.Time}
		if i == 0 {
			flows.Inflow = s.Inflow
		}
		if j == i {
			flows.Outflow = s.Outflow
		}
		if flows.Inflow.Known() || flows.Outflow.Known() {
			p.sums.Observe(name, flows) // what is wrong with it was said above
		}
	}
	b := s.Backlog.Value()
	if !(b >= 0) {
		return nil
	}
	p.level[i], p.fresh[i] = b, true
	if s.Time.After(p.last) {
		p.last = s.Time
	}
	if slices.Contains(p.fresh, false) {
		return nil
	}
	sum := 0.0
	for j, name := range p.stages {
		sum += p.level[j]
		p.fresh[j] = false
		p.sums.Observe(name, Sample{Time: p.last, Backlog: Items(sum)})
	}
	return nil
}

// Latest is the time of the newest sample of any stage.
func (p *Pipeline) Latest() (t time.Time) {
	for _, e := range p.alone {
		if l := e.Latest(); l.After(t) {
			t = l
		}
	}
	return t
}

// PipelinePrediction is the answer of a Pipeline.
type PipelinePrediction struct {
	// Prediction is that of the whole: the time until no more than the target waits in all stages together. Its flows are what comes into the first and leaves the last.
	Prediction
	// Stages are the predictions of each stage's own queue.
	Stages []Prediction
	// Bottlenecks are the stages that may be the ones that all wait for, the likeliest first.
	Bottlenecks []Driver
	// Waiting are the stages at which next to nothing waits: more workers there change nothing.
	Waiting []string
	// Plans are the Outcomes, with what else there is to say of them.
	Plans []PipelineOutcome
}

// PipelineOutcome is what becomes of a plan whose changes each name a stage.
type PipelineOutcome struct {
	Outcome
	// Steps are the bottlenecks after each of the plan's changes, in their order, were the ones after it left out.
	Steps []PipelineStep
}

// PipelineStep is the likeliest bottleneck with a change and those before it.
type PipelineStep struct {
	Change     Change
	Bottleneck Driver
	// Median is the time until all is clear, in seconds, with that much of the plan.
	Median float64
}

// waits is how small a share of what waits up to a stage its own queue is for the stage to be waiting for what comes.
const waits = 0.02

// Predict answers a question for the whole pipeline. The changes and risks of plans must name their stage in Queue, but for those of the inflow, which is that of the first.
//
// Errors are those of Estimator.Predict, and wrap ErrInvalid: a change of a stage that there is not, an inflow other than that of the first stage.
func (p *Pipeline) Predict(q Question) (PipelinePrediction, error) {
	q, err := q.withDefaults()
	if err != nil {
		return PipelinePrediction{}, err
	}
	plans := q.Plans
	for _, plan := range plans {
		if err := p.check(plan); err != nil {
			return PipelinePrediction{}, err
		}
	}
	q.Plans = nil
	if q.At.IsZero() {
		q.At = p.Latest()
	}
	var all PipelinePrediction
	for i, name := range p.stages {
		own := q
		own.Deadlines, own.Target = nil, 0
		s, err := p.alone[i].Predict(own)
		if err != nil {
			return PipelinePrediction{}, fmt.Errorf("stage %q: %w", name, err)
		}
		s.Queue = name
		all.Stages = append(all.Stages, s)
		if sum := p.upTo(i); i > 0 && s.Backlog <= waits*sum && sum > q.Target {
			all.Waiting = append(all.Waiting, name)
		}
	}
	whole, bottlenecks, err := p.whole(q, all.Waiting, Plan{})
	if err != nil {
		return PipelinePrediction{}, err
	}
	all.Prediction, all.Bottlenecks = whole, bottlenecks
	for _, plan := range plans {
		o := PipelineOutcome{Outcome: Outcome{Plan: plan}}
		for k := range max(1, len(plan.Changes)) { // the last one is the whole plan
			part := plan
			part.Changes = plan.Changes[:min(k+1, len(plan.Changes))]
			var b []Driver
			if o.Prediction, b, err = p.whole(q, all.Waiting, part); err != nil {
				return PipelinePrediction{}, err
			}
			if len(plan.Changes) == 0 {
				break
			}
			step := PipelineStep{Change: plan.Changes[k], Median: o.Prediction.TimeToClear.Median}
			if len(b) > 0 {
				step.Bottleneck = b[0]
			}
			o.Steps = append(o.Steps, step)
		}
		o.Prediction.Plan = plan.Name
		o.Prediction.Reasons = append(o.Prediction.Reasons, Planned)
		o.Sooner = sooner(o.Prediction, all.Prediction)
		all.Plans = append(all.Plans, o)
		all.Outcomes = append(all.Outcomes, o.Outcome)
	}
	return all, nil
}

// upTo is what waits up to a stage.
func (p *Pipeline) upTo(i int) (sum float64) {
	for _, l := range p.level[:i+1] {
		sum += l
	}
	return sum
}

func (p *Pipeline) check(plan Plan) error {
	if err := plan.Validate(); err != nil {
		return err
	}
	return plan.queues(func(queue string, inflow bool) error {
		switch {
		case inflow && queue != "" && queue != p.stages[0]:
			return fmt.Errorf("the inflow of stage %q is what leaves the one before, want that of %q", queue, p.stages[0])
		case !inflow && !slices.Contains(p.stages, queue):
			return fmt.Errorf("queue is %q, want one of the stages %q", queue, p.stages)
		}
		return nil
	})
}

// whole puts the stages together that do not wait.
func (p *Pipeline) whole(q Question, waiting []string, plan Plan) (Prediction, []Driver, error) {
	f := newFacts()
	var parts []Prediction
	known := true
	for _, name := range p.stages {
		e := p.sums.Part(name)
		if e == nil || slices.Contains(waiting, name) {
			known = known && e != nil
			continue
		}
		ask := q
		ask.Deadlines = nil
		if part := plan.of(name, true); len(part.Changes)+len(part.Risks) > 0 {
			ask.Plans = []Plan{part}
		}
		s, err := e.Predict(ask)
		if err != nil {
			return Prediction{}, nil, fmt.Errorf("stage %q: %w", name, err)
		}
		with := s
		if len(s.Outcomes) > 0 {
			with = s.Outcomes[0].Prediction
		}
		with.Queue = name
		f.samples = max(f.samples, s.Samples)
		f.last, f.backlog, f.net = s.LastSample, p.upTo(len(p.stages)-1), s.NetDrain
		if math.IsNaN(f.inflow) {
			f.inflow = s.Inflow
		}
		f.outflow = s.Outflow
		if !math.IsInf(with.Horizon, 1) && (math.IsInf(f.horizon, 1) || with.Horizon > f.horizon) {
			f.horizon = with.Horizon
		}
		if with.law == nil {
			known = false
			f.warn("stage %q is unknown, and so is the whole", name)
			continue
		}
		parts = append(parts, with)
	}
	whole, drivers := f.lastOf(q, parts, p.sums.common.correlation(), known, p.upTo(len(p.stages)-1) <= q.Target)
	return whole, drivers, nil
}

// String returns the line of the whole, with the bottleneck.
func (p PipelinePrediction) String() string {
	s := p.Prediction.String()
	if len(p.Bottlenecks) > 0 {
		s += fmt.Sprintf("; the bottleneck is %s (%s)", name(p.Bottlenecks[0].Queue), FormatProbability(p.Bottlenecks[0].Probability))
	}
	return s
}
