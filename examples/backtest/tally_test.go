package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

// answered is the answer that a law gives.
func answered(law forecast.Distribution) answer {
	a := answer{make([]float64, len(probabilities)), law.CDF}
	for i, p := range probabilities {
		a.quantiles[i] = law.Quantile(p)
	}
	return a
}

func TestProbabilities(t *testing.T) {
	for _, level := range levels {
		lower, upper := at((1-level)/2), at((1+level)/2)
		assert.InDelta(t, (1-level)/2, probabilities[lower], 1e-12)
		assert.InDelta(t, (1+level)/2, probabilities[upper], 1e-12)
	}
	assert.Equal(t, 0.5, probabilities[at(0.5)])
	for _, level := range shown {
		assert.Equal(t, level, levels[index(level)])
	}
}

// TestClaims: the probability of what counts as within the bounds is known for each law.
func TestClaims(t *testing.T) {
	claim := func(law forecast.Distribution, level, horizon float64) float64 {
		return answered(law).claims(at((1-level)/2), at((1+level)/2), horizon)
	}
	law := forecast.Resumption{Silence: 100} // F(t) = t/(100 + t); F(300) = 0.75, F(25) = 0.2
	assert.InDelta(t, 0.5, claim(law, 0.5, 1e9), 1e-9)
	assert.InDelta(t, 0.9, claim(law, 0.9, 1e9), 1e-9)
	assert.InDelta(t, 0.95, claim(law, 0.9, 300), 1e-9, "the upper one is later: all but the lower tail")
	assert.InDelta(t, 1, claim(law, 0.5, 0.01), 1e-3, "both are")
	assert.InDelta(t, 0.8, claim(law, 0.5, 25), 1e-9, "both are: what is not before 25")
	assert.InDelta(t, 1, claim(forecast.Resumption{Work: 60}, 0.1, 1e9), 1e-9, "all at one time")
	// A lump of 0.3 at 60 s, the rest as above: F is 0.7·60/160 = 0.2625 before it and 0.5625 with it.
	lumpy := forecast.Mixture{Components: []forecast.Distribution{forecast.Resumption{Work: 60}, law}, Weights: []float64{0.3, 0.7}}
	assert.InDelta(t, 0.7-0.2625, claim(lumpy, 0.4, 1e9), 1e-6, "0.3 is in the lump, 0.7 is not")
	assert.InDelta(t, 0.3, claim(lumpy, 0.1, 1e9), 1e-6, "0.45 and 0.55 are in it: all of the lump")
	assert.InDelta(t, 0.8, claim(lumpy, 0.6, 1e9)+0.2, 1e-6, "0.2 and 0.8 are not")
	// There already with probability 0.4.
	now := forecast.Mixture{Components: []forecast.Distribution{forecast.FirstPassage{}, law}, Weights: []float64{0.4, 0.6}}
	assert.InDelta(t, 0.95, claim(now, 0.9, 1e9), 1e-6, "from 0 on")
	assert.InDelta(t, 0.1, claim(now, 0.1, 1e9), 1e-6, "0.45 is later")
}

// TestUnanswered: a time that is unknown counts as never, for sure, so that to say nothing is no way out.
func TestUnanswered(t *testing.T) {
	silent := answer{quantiles: make([]float64, len(probabilities))}
	for i := range silent.quantiles {
		silent.quantiles[i] = math.NaN()
	}
	got, want := newTally(60, 3600, true), newTally(60, 3600, true)
	for _, happened := range []float64{60, 3000, math.Inf(1)} {
		got.add(2, silent, never(), happened)
		want.add(2, never(), never(), happened)
	}
	assert.Equal(t, 3, got.unanswered)
	want.unanswered = 3
	assert.Equal(t, want, got)
	assert.Equal(t, forecast.Coverage{Level: 0.9, Within: 1, Early: 2}, got.ours.coverage[index(0.9)])
	assert.Equal(t, 1, got.open)
}

func TestFactor(t *testing.T) {
	assert.Equal(t, 4.0, factor([]float64{5, 2, 0.5}))
	assert.Equal(t, 8.0, factor([]float64{5, 2, 0.5, 4}))
	assert.True(t, math.IsNaN(factor(nil)))
	// A median of 3 min for 7, with 1 min between samples: log2(8) - log2(4) is 1, a factor of 2.
	d := newTally(60, 36000, false)
	a := answered(forecast.Resumption{Work: 180})
	d.add(0, a, never(), 420)
	assert.InDelta(t, 2, d.factor(), 1e-12)
	assert.InDelta(t, 2, d.distances[0].factor(), 1e-12)
	assert.True(t, math.IsNaN(d.distances[1].factor()))
}

// TestJoin: the picture of several files counts each of their predictions once.
func TestJoin(t *testing.T) {
	a, b := someResult("a"), someResult("b")
	for range 40 {
		b.add(0, answered(forecast.Resumption{Silence: 100}), never(), math.Inf(1))
	}
	var both score
	both.join(&a.ours)
	both.join(&b.ours)
	shares := both.chart()
	assert.Len(t, shares, len(levels))
	s := shares[index(0.9)]
	// 36 + 36 of 80 held, and of 40 more the upper bound, 1900 s, is before the horizon: late. They claim 0.9 each, the others 1.
	assert.Equal(t, 0.9, s.Level)
	assert.InDelta(t, 72./120, s.Observed, 1e-12)
	assert.InDelta(t, (80+36)/120., s.Claimed, 1e-9)
	assert.True(t, s.Lower < s.Observed && s.Observed < s.Upper)
}
