package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/postsack/backlog/drain"
)

// queues are those of a file: one or, where its samples name theirs, a group.
type queues struct {
	one   *drain.Estimator
	group *drain.Group // nil: no sample has named its queue
	zone  *time.Location
}

func newQueues(zone *time.Location) *queues {
	return &queues{one: drain.NewEstimator(drain.InZone(zone)), zone: zone}
}

func (q *queues) observe(queue string, s drain.Sample) error {
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
	if q.group != nil {
		return q.group.Latest()
	}
	return q.one.Latest()
}

func (q *queues) predict(question drain.Question) (drain.Prediction, error) {
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
	if len(o.planned.plans) > 0 || o.planned.need > 0 {
		return errors.New("plans are of one queue, and the samples name several")
	}
	p, err := g.Predict(o.question(at))
	if err != nil {
		return err
	}
	switch w := newWriter(o, e.stdout).(type) {
	case *textWriter:
		return e.groupText(w, p)
	case *jsonWriter:
		return w.encode(groupJSON{p.Prediction, p.Drivers, p.Correlation, p.Parts})
	case *csvWriter:
		for _, part := range append([]drain.Prediction{p.Prediction}, p.Parts...) {
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
