package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
)

// queues are those of a file: one or, where its samples name theirs, a group, or a pipeline where the command line has its stages.
type queues struct {
	one      *drain.Estimator
	group    *drain.Group    // nil: no sample has named its queue
	pipeline *drain.Pipeline // nil: there are no stages
	zone     *time.Location
}

func newQueues(o options) *queues {
	q := &queues{one: drain.NewEstimator(drain.InZone(o.zone)), zone: o.zone}
	if len(o.stages) > 0 {
		q.pipeline = drain.NewPipeline(o.stages, drain.InZone(o.zone))
	}
	return q
}

func (q *queues) observe(queue string, s drain.Sample) error {
	if q.pipeline != nil {
		err := q.pipeline.Observe(queue, s)
		if rejection := (*drain.Rejection)(nil); errors.As(err, &rejection) {
			return err
		}
		return plain(err)
	}
	if q.group == nil && queue != "" {
		if !q.one.Latest().IsZero() {
			return fmt.Errorf("a sample of queue %q comes after samples that name none, want all of them to name their queue, or none", queue)
		}
		q.group = drain.NewGroup(drain.InZone(q.zone))
	}
	if q.group != nil {
		return q.group.Observe(queue, s)
	}
	return q.one.Observe(s)
}

func (q *queues) latest() time.Time {
	if q.pipeline != nil {
		return q.pipeline.Latest()
	}
	if q.group != nil {
		return q.group.Latest()
	}
	return q.one.Latest()
}

func (q *queues) predict(question drain.Question) (drain.Prediction, error) {
	if q.pipeline != nil {
		p, err := q.pipeline.Predict(question)
		return p.Prediction, plain(err)
	}
	if q.group != nil {
		p, err := q.group.Predict(question)
		return p.Prediction, err
	}
	return q.one.Predict(question)
}

// writeGroup writes what there is to know of several queues.
func (e env) writeGroup(o options, g *drain.Group, at time.Time) error {
	if o.plot != "" {
		return errors.New("-plot draws one queue, and the samples name several")
	}
	if o.planned.need > 0 {
		return errors.New("-need is of one queue, and the samples name several")
	}
	p, err := g.Predict(o.question(at))
	if err != nil {
		return plain(err)
	}
	switch w := newWriter(o, e.stdout).(type) {
	case *textWriter:
		return e.groupText(w, p)
	case *jsonWriter:
		return w.encode(newGroupJSON(p))
	case *csvWriter:
		predictions := append([]drain.Prediction{p.Prediction}, p.Parts...)
		for _, o := range p.Plans {
			predictions = append(predictions, o.Prediction)
		}
		for _, part := range predictions {
			if err := w.write(part); err != nil {
				return err
			}
		}
		return nil
	default:
		return w.write(p.Prediction)
	}
}

// groupJSON is the JSON of several queues.
type groupJSON struct {
	Whole       drain.Prediction   `json:"whole"`
	Drivers     []drain.Driver     `json:"drivers"`
	Correlation float64            `json:"correlation"`
	Parts       []drain.Prediction `json:"queues"`
	Plans       []plannedJSON      `json:"drivers_with_plans"`
}

// plannedJSON says which queues may come last with a plan.
type plannedJSON struct {
	Plan    string         `json:"plan"`
	Drivers []drain.Driver `json:"drivers"`
}

func newGroupJSON(p drain.GroupPrediction) groupJSON {
	j := groupJSON{Whole: p.Prediction, Drivers: p.Drivers, Correlation: p.Correlation, Parts: p.Parts, Plans: []plannedJSON{}}
	for _, o := range p.Plans {
		j.Whole.Outcomes = append(j.Whole.Outcomes, o.Outcome)
		j.Plans = append(j.Plans, plannedJSON{o.Plan.Name, o.Drivers})
	}
	return j
}

// mostParts is how many queues the text lists, those first that may come last.
const mostParts = 20

// groupText writes the line that answers, and one for each queue, those that may come last first.
func (e env) groupText(w *textWriter, p drain.GroupPrediction) error {
	if _, err := fmt.Fprintln(w.out, p); err != nil {
		return err
	}
	chance := map[string]float64{}
	var order []drain.Prediction
	byName := map[string]drain.Prediction{}
	for _, part := range p.Parts {
		byName[part.Queue] = part
	}
	for _, d := range p.Drivers {
		chance[d.Queue] = d.Probability
		order = append(order, byName[d.Queue])
	}
	for _, part := range p.Parts {
		if chance[part.Queue] == 0 {
			order = append(order, part)
		}
	}
	for i, part := range order {
		if i == mostParts {
			fmt.Fprintf(w.out, "  and %d more\n", len(order)-i)
			break
		}
		fmt.Fprintf(w.out, "  last with probability %-7s %s\n", drain.FormatProbability(chance[part.Queue]), part)
	}
	whole := p.Prediction
	for _, o := range p.Plans {
		whole.Outcomes = append(whole.Outcomes, o.Outcome)
	}
	text := &strings.Builder{}
	plans(text, whole)
	for _, o := range p.Plans {
		if len(o.Drivers) > 0 {
			fmt.Fprintf(text, "  %s: driven by %s (%s)\n", o.Plan.Name, o.Drivers[0].Queue, drain.FormatProbability(o.Drivers[0].Probability))
		}
	}
	if _, err := io.WriteString(w.out, text.String()); err != nil {
		return err
	}
	for _, d := range p.Deadlines {
		fmt.Fprintf(w.out, "  by %s: all cleared with probability %s\n", deadlineClock(p.Prediction, d), drain.FormatProbability(d.Probability))
	}
	if len(p.Parts) > 1 && !math.IsNaN(p.TimeToClear.Median) {
		fmt.Fprintf(w.out, "  correlation      %.2f between the times of two queues, as their backlogs move together\n", p.Correlation)
	}
	for _, s := range p.Warnings {
		fmt.Fprintf(w.out, "  warning          %s\n", s)
	}
	return nil
}

// writePipeline writes what there is to know of stages.
func (e env) writePipeline(o options, line *drain.Pipeline, at time.Time) error {
	if o.plot != "" || o.planned.need > 0 {
		return errors.New("-plot and -need are of one queue, and these are stages")
	}
	p, err := line.Predict(o.question(at))
	if err != nil {
		return plain(err)
	}
	switch w := newWriter(o, e.stdout).(type) {
	case *textWriter:
		return pipelineText(w, p)
	case *jsonWriter:
		return w.encode(newPipelineJSON(p))
	case *csvWriter:
		predictions := append([]drain.Prediction{p.Prediction}, p.Stages...)
		for _, o := range p.Plans {
			predictions = append(predictions, o.Prediction)
		}
		for _, part := range predictions {
			if err := w.write(part); err != nil {
				return err
			}
		}
		return nil
	default:
		return w.write(p.Prediction)
	}
}

// pipelineJSON is the JSON of stages.
type pipelineJSON struct {
	Whole       drain.Prediction   `json:"whole"`
	Bottlenecks []drain.Driver     `json:"bottlenecks"`
	Waiting     []string           `json:"waiting"`
	Stages      []drain.Prediction `json:"stages"`
	Steps       []stepJSON         `json:"steps"`
}

// stepJSON is the bottleneck after a step of a plan.
type stepJSON struct {
	Plan        string  `json:"plan"`
	Change      string  `json:"change"`
	Bottleneck  string  `json:"bottleneck"`
	Probability float64 `json:"probability"`
}

func newPipelineJSON(p drain.PipelinePrediction) pipelineJSON {
	whole := p.Prediction
	j := pipelineJSON{Bottlenecks: p.Bottlenecks, Waiting: append([]string{}, p.Waiting...), Stages: p.Stages, Steps: []stepJSON{}}
	for _, o := range p.Plans {
		whole.Outcomes = append(whole.Outcomes, o.Outcome)
		for _, s := range o.Steps {
			j.Steps = append(j.Steps, stepJSON{o.Plan.Name, s.Change.String(), s.Bottleneck.Queue, s.Bottleneck.Probability})
		}
	}
	j.Whole = whole
	return j
}

// pipelineText writes the line that answers, one for each stage, and the plans with the bottleneck after each of their steps.
func pipelineText(w *textWriter, p drain.PipelinePrediction) error {
	b := &strings.Builder{}
	fmt.Fprintln(b, p)
	chance := map[string]float64{}
	for _, d := range p.Bottlenecks {
		chance[d.Queue] = d.Probability
	}
	for _, s := range p.Stages {
		role := "bottleneck with probability " + drain.FormatProbability(chance[s.Queue])
		if slices.Contains(p.Waiting, s.Queue) {
			role = "waits for what comes"
		}
		fmt.Fprintf(b, "  %-36s %s\n", role, s)
	}
	whole := p.Prediction
	for _, o := range p.Plans {
		whole.Outcomes = append(whole.Outcomes, o.Outcome)
	}
	plans(b, whole)
	for _, o := range p.Plans {
		for _, s := range o.Steps {
			fmt.Fprintf(b, "  %s: after %q (%s) the bottleneck is %s (%s)\n", o.Plan.Name, s.Change, s.Change.Queue, s.Bottleneck.Queue, drain.FormatProbability(s.Bottleneck.Probability))
		}
	}
	for _, s := range p.Warnings {
		fmt.Fprintf(b, "  warning          %s\n", s)
	}
	_, err := io.WriteString(w.out, b.String())
	return err
}
