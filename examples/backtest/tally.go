package main

import (
	"math"
	"slices"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/forecast"
)

// levels are those of the central intervals whose coverage is counted.
var levels = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95}

// probabilities are the ends of all those intervals, the outermost first and last, with the median between them. The nine of drain.QuantileLevels are among them.
var probabilities = []float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975}

// at returns the index of a probability among them.
func at(p float64) int {
	return slices.IndexFunc(probabilities, func(q float64) bool { return math.Abs(p-q) < 1e-9 })
}

// tally is what became of the predictions of a file.
type tally struct {
	scale        forecast.LogScale
	predictions  int
	open         int // outcomes that are later than the horizon
	unanswered   int // predictions that the time is unknown, which count as never
	ours, theirs score
	distances    [toTarget + 1]distance
	dots         []chart.Dot // where they are to be drawn
	draw         bool
}

// answer is a prediction: its quantiles at the probabilities, and P(T <= t).
type answer struct {
	quantiles []float64
	cdf       func(t float64) float64
}

// score is that of one of the two that predict.
type score struct {
	coverage []forecast.Coverage // at each of the levels
	claimed  []float64           // the sums of the probabilities that the predictions themselves give to their bounds
	loss     float64             // the sum
}

// distance tells how far off the medians were that were asked for one of the distances.
type distance struct {
	off  []float64 // in factors of two of time
	open int
}

// shares are those of one level: what the predictions claimed, and what was.
type shares struct{ level, claimed, within, early, late float64 }

// share returns those of a level, NaN where there are no predictions.
func (s *score) share(i int) shares {
	c := s.coverage[i]
	n := float64(c.N())
	return shares{c.Level, s.claimed[i] / n, c.Share(), float64(c.Early) / n, float64(c.Late) / n}
}

func newTally(interval, horizon float64, draw bool) tally {
	t := tally{scale: forecast.LogScale{Unit: interval, Horizon: horizon}, draw: draw}
	for _, s := range []*score{&t.ours, &t.theirs} {
		s.claimed = make([]float64, len(levels))
		for _, level := range levels {
			s.coverage = append(s.coverage, forecast.Coverage{Level: level})
		}
	}
	return t
}

// add counts a prediction, that of the straight line, and what happened: seconds, +Inf for later than the horizon.
func (t *tally) add(asked int, ours, line answer, happened float64) {
	d := &t.distances[asked]
	t.predictions++
	if math.IsInf(happened, 1) {
		t.open++
		d.open++
	}
	if math.IsNaN(ours.quantiles[at(0.5)]) {
		t.unanswered++
		ours = never()
	}
	t.ours.add(t.scale, ours, happened)
	t.theirs.add(t.scale, line, happened)
	median := ours.quantiles[at(0.5)]
	d.off = append(d.off, math.Abs(t.scale.Of(happened)-t.scale.Of(median)))
	if t.draw {
		t.dots = append(t.dots, chart.Dot{Lower: ours.quantiles[at(0.05)], Median: median, Upper: ours.quantiles[at(0.95)], Actual: happened, Horizon: t.scale.Horizon})
	}
}

// never is the answer of somebody who is sure of that.
func never() answer {
	a := answer{make([]float64, len(probabilities)), func(float64) float64 { return 0 }}
	for i := range a.quantiles {
		a.quantiles[i] = math.Inf(1)
	}
	return a
}

func (s *score) add(on forecast.LogScale, a answer, happened float64) {
	places := make([]float64, len(a.quantiles))
	for i, q := range a.quantiles {
		places[i] = on.Of(q)
	}
	y := on.Of(happened)
	for i := range s.coverage {
		c := &s.coverage[i]
		lower, upper := at((1-c.Level)/2), at((1+c.Level)/2)
		c.Add(places[lower], places[upper], y)
		s.claimed[i] += a.claims(lower, upper, on.Horizon)
	}
	nine := drain.QuantileLevels()
	of := make([]float64, len(nine))
	for i, p := range nine {
		of[i] = places[at(p)]
	}
	s.loss += forecast.WeightedIntervalScore(nine, of, y)
}

// claims returns the probability that the prediction itself gives to what counts as within its bounds. That is their level, unless one of them is past the horizon, where all that
// is later counts as the same, or at a time that has probability of its own, such as 0 where it may be over by now.
func (a answer) claims(lower, upper int, horizon float64) float64 {
	q := a.quantiles
	lump := func(i int) bool { return i > 0 && q[i] == q[i-1] || i < len(q)-1 && q[i] == q[i+1] }
	below, upTo := probabilities[lower], probabilities[upper]
	switch {
	case q[lower] == 0:
		below = 0
	case q[lower] >= horizon || lump(lower):
		below = a.cdf(math.Nextafter(math.Min(q[lower], horizon), 0))
	}
	switch {
	case q[upper] >= horizon:
		upTo = 1
	case lump(upper):
		upTo = a.cdf(q[upper])
	}
	return upTo - below
}

// meanLoss returns the weighted interval score, in factors of two; NaN without predictions.
func (t *tally) meanLoss() float64 { return t.ours.loss / float64(t.predictions) }

// lineLoss returns that of the straight line.
func (t *tally) lineLoss() float64 { return t.theirs.loss / float64(t.predictions) }

// factor returns by what factor the median was off that is in the middle of all; NaN without any. A sampling interval is added to both times, as no record tells what is less.
func (d distance) factor() float64 { return factor(d.off) }

// factor returns it over all distances.
func (t *tally) factor() float64 {
	var off []float64
	for _, d := range t.distances {
		off = append(off, d.off...)
	}
	return factor(off)
}

func factor(off []float64) float64 {
	if len(off) == 0 {
		return math.NaN()
	}
	off = slices.Sorted(slices.Values(off))
	return math.Exp2((off[(len(off)-1)/2] + off[len(off)/2]) / 2)
}
