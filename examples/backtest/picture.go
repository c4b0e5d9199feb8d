package main

import (
	"fmt"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/forecast"
)

// draw draws the predictions of all files in one picture, each prediction counting the same.
func draw(o options, results []result) error {
	var v chart.Verdict
	ours, line := score{}, score{}
	predictions, open := 0, 0
	for i := range results {
		r := &results[i]
		predictions, open = predictions+r.predictions, open+r.open
		v.Dots = append(v.Dots, r.dots...)
		ours.join(&r.ours)
		line.join(&r.theirs)
	}
	v.Title = results[0].name
	if n := len(results); n > 1 {
		v.Title = fmt.Sprintf("%d files", n)
	}
	v.Title += ": " + count(predictions, "prediction")
	if predictions > 0 {
		v.Title += fmt.Sprintf(", %s still open at the horizon", were(open))
		if len(results) == 1 {
			v.Title += " of " + drain.FormatDuration(results[0].horizon, results[0].horizon/50)
		}
		v.Bounds, v.Line = ours.chart(), line.chart()
	}
	return chart.WriteVerdict(o.plot, v)
}

// join adds the counts of another file.
func (s *score) join(other *score) {
	if s.coverage == nil {
		s.coverage, s.claimed = make([]forecast.Coverage, len(levels)), make([]float64, len(levels))
	}
	for i := range levels {
		to, from := &s.coverage[i], &other.coverage[i]
		to.Level = from.Level
		to.Within += from.Within
		to.Early += from.Early
		to.Late += from.Late
		s.claimed[i] += other.claimed[i]
	}
}

func (s *score) chart() (shares []chart.Share) {
	for i, c := range s.coverage {
		lower, upper := c.Bounds(confidence)
		shares = append(shares, chart.Share{Level: c.Level, Claimed: s.share(i).claimed, Observed: c.Share(), Lower: lower, Upper: upper})
	}
	return shares
}
