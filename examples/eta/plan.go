package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/examples/internal/plain"
)

// planFlags are the changes given on the command line, and what is asked about them.
type planFlags struct {
	file    string
	at      drain.When // of the changes that follow it
	startup time.Duration
	short   drain.Plan // of the short forms
	plans   []drain.Plan
	each    drain.Estimate // what a worker does
	workers bool
	need    float64 // 0: not asked
	by      *drain.When
}

// changes are the short forms, each of which adds to one plan.
func (f *planFlags) add(c drain.Change) {
	c.At, c.Startup = f.at, f.startup
	f.short.Changes = append(f.short.Changes, c)
}

// parseWorkers reads "+10x2.5" or "-3x2.5±0.3"; without a number of them, as "x2.5", it is what one of them does.
func (f *planFlags) parseWorkers(s string) error {
	const want = "want such as +10x2.5: ten more that do 2.5 items a second each, or x2.5 with -need: how many?"
	n, each, ok := strings.Cut(strings.ReplaceAll(s, "×", "x"), "x")
	if !ok {
		return errors.New(want)
	}
	e, err := drain.ParseEstimate(each)
	if err != nil {
		return errors.New(want)
	}
	f.each, f.workers = e, true
	if n == "" {
		return nil
	}
	workers, err := strconv.ParseFloat(n, 64)
	if err != nil {
		return errors.New(want)
	}
	f.add(drain.Change{Workers: workers, Each: e})
	return nil
}

// parseShed reads a share of the inflow, 0.3 or 30%.
func (f *planFlags) parseShed(s string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return errors.New("want a share of the inflow above 0 and up to 1, such as 0.3 or 30%")
	}
	f.add(drain.Change{Flow: drain.InflowOf, Factor: drain.Exactly(1 - share)})
	return nil
}

// parsePause reads for how long nothing leaves.
func (f *planFlags) parsePause(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errors.New("want a time such as 30m")
	}
	f.add(drain.Change{Pause: true, For: d})
	return nil
}

// finish reads the file and puts the plans together.
func (f *planFlags) finish() error {
	if f.file != "" {
		r, err := os.Open(f.file)
		if err != nil {
			return err
		}
		defer r.Close()
		if f.plans, err = drain.ReadPlans(r); err != nil {
			return fmt.Errorf("%s: %w", f.file, plain.Error(err))
		}
	}
	if len(f.short.Changes) > 0 {
		var parts []string
		for _, c := range f.short.Changes {
			part := c.String()
			if !c.At.IsZero() {
				part += " at " + c.At.String()
			}
			parts = append(parts, part)
		}
		f.short.Name = strings.Join(parts, ", ")
		f.plans = append(f.plans, f.short)
	}
	return nil
}

// needs answers what it takes to be done by the time that -by names: more outflow, workers where it is said what one does, less inflow, and the latest start of each plan.
func (o options) needs(p drain.Prediction, ask asker) (answers []drain.Answer, err error) {
	f := o.planned
	if f.need == 0 {
		return nil, nil
	}
	q := o.question(p.AsOf)
	q.Plans = nil
	goal := drain.Goal{By: f.by.On(p.AsOf), Probability: f.need, At: f.at, Startup: f.startup}
	levers := []drain.Lever{drain.MoreOutflow}
	if f.workers {
		levers = append(levers, drain.MoreWorkers)
	}
	if p.Inflow > 0 {
		levers = append(levers, drain.LessInflow)
	}
	for _, lever := range levers {
		goal.Lever, goal.Each = lever, f.each
		a, err := drain.Need(ask, q, goal)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	goal.Lever = drain.LatestStart
	for _, o := range p.Outcomes {
		if len(o.Plan.Changes) == 0 || !(o.Sooner.Median > 0) {
			continue // nothing to begin, or no help
		}
		goal.Plan = o.Plan
		a, err := drain.Need(ask, q, goal)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// planned are the fans and steps of the picture.
func (o options) fans(p drain.Prediction, ask asker) (plans []chart.Plan, steps []chart.Step) {
	for i, outcome := range p.Outcomes {
		plans = append(plans, chart.Plan{Name: outcome.Plan.Name, Prediction: outcome.Prediction, ToLevel: func(level float64) (drain.Prediction, error) {
			q := o.question(p.AsOf)
			q.Target, q.Plans = level, q.Plans[i:i+1]
			p, err := ask(q)
			if err != nil {
				return p, err
			}
			return p.Outcomes[0].Prediction, nil
		}})
		for _, s := range outcome.Plan.Steps(p.AsOf) {
			steps = append(steps, chart.Step{Time: s.Time, Label: s.What})
		}
	}
	return plans, steps
}
