package main

import (
	"fmt"
	"math"

	"github.com/postsack/backlog/drain"
)

// result is what the replay of a file tells.
type result struct {
	name    string
	samples int
	target  float64
	asks    int // rows asked at
	history
	tally
}

// forPeople replays the files and writes what became of the predictions.
func (e env) forPeople(o options) error {
	results, notes := make([]result, len(o.files)), make([]string, len(o.files))
	err := e.each(len(o.files), "files", func(i int) string { return o.files[i] }, func(i int) (err error) {
		results[i], notes[i], err = e.judge(o, o.files[i])
		return err
	})
	for _, note := range notes {
		if note != "" {
			fmt.Fprintln(e.stderr, "backtest:", note)
		}
	}
	if err != nil {
		return err
	}
	if err := writers[o.format](o, results, e.stdout); err != nil {
		return err
	}
	if o.plot == "" {
		return nil
	}
	return draw(o, results)
}

// judge replays a file.
func (e env) judge(o options, name string) (r result, note string, err error) {
	rec, err := e.read(name)
	if err != nil {
		return r, rec.note, err
	}
	r = result{name: rec.name, samples: len(rec.samples), target: o.target, history: rec.survey(o.target)}
	if r.backlogs == 0 {
		return r, rec.note, fmt.Errorf("%s: no sample with a backlog, want at least one", rec.name)
	}
	moments := r.spread(o.asks)
	r.asks = len(moments)
	r.tally, err = rec.replay(r.history, moments, o.target, o.plot != "", drain.InZone(o.zone))
	if err != nil {
		return r, rec.note, fmt.Errorf("%s: %w", rec.name, err)
	}
	return r, rec.note, nil
}

// silence says why nothing was asked; empty where something was.
func (r result) silence() string {
	switch {
	case r.predictions > 0 && r.open == r.predictions:
		return fmt.Sprintf("too little to judge: %s, and what became of none of them is in the file", count(r.predictions, "prediction"))
	case r.predictions > 0:
		return ""
	case r.backlogs <= enoughPast+1:
		samples := "samples"
		if r.backlogs == 1 {
			samples = "sample"
		}
		return fmt.Sprintf("too short to replay: %d %s with a backlog, want %d before the first question and more after it", r.backlogs, samples, enoughPast)
	}
	return fmt.Sprintf("nothing to ask: at no sample with %s of the file still to come was the backlog above the target (%s) and three quarters of those before it lower",
		drain.FormatDuration(r.horizon, r.horizon/2), drain.FormatNumber(r.target))
}

// average is the mean of the results of several files, of which each that has predictions counts the same.
type average struct {
	files                   int
	ours, theirs            []shares
	distances               [toTarget + 1]float64 // factors
	factor, loss, theirLoss float64
}

// mean returns NaN for what no file tells.
func mean(results []result) average {
	m := average{}
	of := func(value func(r *result) float64) float64 {
		sum, n := 0.0, 0
		for i := range results {
			if x := value(&results[i]); !math.IsNaN(x) {
				sum += x
				n++
			}
		}
		return sum / float64(n)
	}
	for _, r := range results {
		if r.predictions > 0 {
			m.files++
		}
	}
	all := func(which func(r *result) *score) (as []shares) {
		for i := range levels {
			share := func(part func(c shares) float64) float64 {
				return of(func(r *result) float64 { return part(which(r).share(i)) })
			}
			as = append(as, shares{
				levels[i],
				share(func(c shares) float64 { return c.claimed }),
				share(func(c shares) float64 { return c.within }),
				share(func(c shares) float64 { return c.early }),
				share(func(c shares) float64 { return c.late }),
			})
		}
		return as
	}
	m.ours = all(func(r *result) *score { return &r.ours })
	m.theirs = all(func(r *result) *score { return &r.theirs })
	// Factors are averaged as such, in their logarithms.
	for i := range m.distances {
		m.distances[i] = math.Exp2(of(func(r *result) float64 { return math.Log2(r.distances[i].factor()) }))
	}
	m.factor = math.Exp2(of(func(r *result) float64 { return math.Log2(r.factor()) }))
	m.loss, m.theirLoss = of((*result).meanLoss), of((*result).lineLoss)
	return m
}
