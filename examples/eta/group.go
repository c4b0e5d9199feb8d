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
	"github.com/postsack/backlog/examples/internal/plain"
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
		return plain.Error(err)
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
		return p.Prediction, plain.Error(err)
	}
	if q.group != nil {
		p, err := q.group.Predict(question)
		return p.Prediction, err
	}
	return q.one.Predict(question)
}

// errOne is what is asked of several queues and can be of one only.
var errOne = errors.New("-plot and -need are of one queue, and the samples name several")

// writeGroup writes what there is to know of several queues.
func (e env) writeGroup(o options, g *drain.Group, at time.Time) error {
	if o.plot != "" || o.planned.need > 0 {
		return errOne
	}
	p, err := g.Predict(o.question(at))
	if err != nil {
		return plain.Error(err)
	}
	return e.writeSeveral(o, p.Prediction, p.Parts, newGroupJSON(p), func(b *strings.Builder) { groupText(b, p) })
}

// writePipeline writes what there is to know of stages.
func (e env) writePipeline(o options, line *drain.Pipeline, at time.Time) error {
	if o.plot != "" || o.planned.need > 0 {
		return errOne
	}
	p, err := line.Predict(o.question(at))
	if err != nil {
		return plain.Error(err)
	}
	return e.writeSeveral(o, p.Prediction, p.Stages, newPipelineJSON(p), func(b *strings.Builder) { pipelineText(b, p) })
}

// writeSeveral writes a whole and its parts: as text and JSON of their own, as a record each, or the whole alone.
func (e env) writeSeveral(o options, whole drain.Prediction, parts []drain.Prediction, form any, text func(*strings.Builder)) error {
	switch w := newWriter(o, e.stdout).(type) {
	case *textWriter:
		b := &strings.Builder{}
		text(b)
		_, err := io.WriteString(w.out, b.String())
		return err
	case *jsonWriter:
		return w.encode(form)
	case *csvWriter:
		for _, p := range append([]drain.Prediction{whole}, parts...) {
			if err := w.write(p); err != nil {
				return err
			}
		}
		return nil
	default:
		return w.write(whole)
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
		j.Plans = append(j.Plans, plannedJSON{o.Plan.Name, o.Drivers})
	}
	return j
}

// mostParts is how many queues the text lists, those first that may come last.
const mostParts = 20

// groupText writes the line that answers, and one for each queue, those that may come last first.
func groupText(b *strings.Builder, p drain.GroupPrediction) {
	fmt.Fprintln(b, p)
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
			fmt.Fprintf(b, "  and %d more\n", len(order)-i)
			break
		}
		fmt.Fprintf(b, "  last with probability %-7s %s\n", drain.FormatProbability(chance[part.Queue]), part)
	}
	plans(b, p.Prediction)
	for _, o := range p.Plans {
		if len(o.Drivers) > 0 {
			fmt.Fprintf(b, "  %s: driven by %s (%s)\n", o.Plan.Name, o.Drivers[0].Queue, drain.FormatProbability(o.Drivers[0].Probability))
		}
	}
	for _, d := range p.Deadlines {
		fmt.Fprintf(b, "  by %s: all cleared with probability %s\n", deadlineClock(p.Prediction, d), drain.FormatProbability(d.Probability))
	}
	if len(p.Parts) > 1 && !math.IsNaN(p.TimeToClear.Median) {
		fmt.Fprintf(b, "  correlation      %.2f between the times of two queues, as their backlogs move together\n", p.Correlation)
	}
	for _, s := range p.Warnings {
		fmt.Fprintf(b, "  warning          %s\n", s)
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
	j := pipelineJSON{Whole: p.Prediction, Bottlenecks: p.Bottlenecks, Waiting: append([]string{}, p.Waiting...), Stages: p.Stages, Steps: []stepJSON{}}
	for _, o := range p.Plans {
		for _, s := range o.Steps {
			j.Steps = append(j.Steps, stepJSON{o.Plan.Name, s.Change.String(), s.Bottleneck.Queue, s.Bottleneck.Probability})
		}
	}
	return j
}

// pipelineText writes the line that answers, one for each stage, and the plans with the bottleneck after each of their steps.
func pipelineText(b *strings.Builder, p drain.PipelinePrediction) {
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
	plans(b, p.Prediction)
	for _, o := range p.Plans {
		for _, s := range o.Steps {
			fmt.Fprintf(b, "  %s: after %q (%s) the bottleneck is %s (%s)\n", o.Plan.Name, s.Change, s.Change.Queue, s.Bottleneck.Queue, drain.FormatProbability(s.Bottleneck.Probability))
		}
	}
	for _, s := range p.Warnings {
		fmt.Fprintf(b, "  warning          %s\n", s)
	}
}
