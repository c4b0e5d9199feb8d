package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/forecast"
)

func lineOf(backlogs ...float64) *line {
	l := &line{}
	for i, b := range backlogs {
		l.observe(60*float64(i), b)
	}
	return l
}

// TestLineByHand: 10, 9, 6, 5 at 0, 60, 120, 180 s. Mean 7.5 at 90 s; S = 2·(90² + 30²) = 18000; slope (−90·2.5 − 30·1.5 − 30·1.5 − 90·2.5)/18000 = −540/18000 = −0.03; deviations from
// 10.2, 8.4, 6.6, 4.8: −0.2, 0.6, −0.6, 0.2, squares 0.8, s² = 0.4.
func TestLineByHand(t *testing.T) {
	l := lineOf(10, 9, 6, 5)
	f, ok := l.fit(180)
	require.True(t, ok)
	for i, x := range []float64{f.mean - 7.5, f.slope + 0.03, f.now - 90, f.variance - 0.4, f.n - 4, f.squares - 18000} {
		assert.InDelta(t, 0, x, 1e-12, i)
	}
	a := l.predict(180, 1.5)
	assert.InDelta(t, 200-90, a.quantiles[at(0.5)], 1e-9, "7.5 - 0.03·200 = 1.5")
	// The upper quartile of t with two degrees of freedom is 0.8165: (6 - 0.03x)² = 0.8165²·0.4·(1/4 + x²/18000) is x² - 406.69…
	z := 0.816496580927726
	k := z * z * 0.4
	qa, qb, qc := 0.0009-k/18000, -0.36, 36-k/4
	root := math.Sqrt(qb*qb - 4*qa*qc)
	assert.InDelta(t, (-qb-root)/(2*qa)-90, a.quantiles[at(0.25)], 1e-8)
	assert.InDelta(t, (-qb+root)/(2*qa)-90, a.quantiles[at(0.75)], 1e-8)
}

// TestLineIsItsBand: each quantile is the first moment at which the line has fallen to the level with that probability, on a fine grid of times.
func TestLineIsItsBand(t *testing.T) {
	r := rand.New(rand.NewPCG(71, 72))
	finite := 0
	for range 25 {
		l := &line{}
		slope, noise := -r.Float64()*2, 1+20*r.Float64()
		n := 3 + r.IntN(80)
		for i := range n {
			l.observe(10*float64(i), 500+slope*float64(i)+noise*r.NormFloat64())
		}
		now := 10*float64(n-1) + 5
		level := 500 + slope*float64(n) - 100*r.Float64()
		a := l.predict(now, level)
		f, _ := l.fit(now)
		const step = 0.05
		next := 0
		for x := 0.0; x < 5000 && next < len(probabilities); x += step {
			for next < len(probabilities) && a.cdf(x) >= probabilities[next] {
				if f.slope < 0 {
					finite++
					if !(math.Abs(a.quantiles[next]-x) <= step*1.01) {
						t.Fatalf("quantile %v is %v, on the grid %v", probabilities[next], a.quantiles[next], x)
					}
				}
				next++
			}
		}
		for ; next < len(probabilities); next++ {
			assert.Greater(t, a.quantiles[next], 4999.9)
		}
		for i, q := range a.quantiles {
			assert.True(t, i == 0 || q >= a.quantiles[i-1], "in rising order")
			if q > 0 && !math.IsInf(q, 1) {
				assert.InDelta(t, probabilities[i], a.cdf(q), 1e-9)
			}
		}
	}
	assert.Greater(t, finite, 100)
}

// TestLineHoldsForWhatItAssumes: for deviations that are independent its 90 % bounds hold the moment at which the true line crosses, in nine of ten of 4000 cases, within 4.9
// standard errors; for a backlog that adds its deviations up, a random walk with a drift, they hold for few.
func TestLineHoldsForWhatItAssumes(t *testing.T) {
	r := rand.New(rand.NewPCG(73, 74))
	const n = 4000
	held := forecast.Coverage{}
	for range n {
		l := &line{}
		for i := range 100 {
			l.observe(float64(i), 1000-3*float64(i)+20*r.NormFloat64())
		}
		a := l.predict(99, 400) // at 200, 101 from now
		held.Add(a.quantiles[at(0.05)], a.quantiles[at(0.95)], 101)
	}
	assert.InDelta(t, 0.9, held.Share(), 4.9*math.Sqrt(0.09/n))

	held = forecast.Coverage{}
	for range 1000 {
		l, b, i := &line{}, 1000.0, 0
		for ; i < 100; i++ {
			b += -3 + 20*r.NormFloat64()
			l.observe(float64(i), b)
		}
		a := l.predict(99, b-300)
		for left := b - 300; b > left && i < 5000; i++ {
			b += -3 + 20*r.NormFloat64()
		}
		held.Add(a.quantiles[at(0.05)], a.quantiles[at(0.95)], float64(i-100))
	}
	assert.Less(t, held.Share(), 0.5)
}

func TestLineNever(t *testing.T) {
	for name, a := range map[string]answer{
		"rising":      lineOf(1, 2, 4, 5).predict(180, 0),
		"level":       lineOf(5, 5, 5, 5).predict(180, 0),
		"two samples": lineOf(9, 7).predict(60, 0),
		"none":        lineOf().predict(0, 0),
	} {
		for _, q := range a.quantiles {
			assert.Equal(t, math.Inf(1), q, name)
		}
		assert.Zero(t, a.cdf(1e9), name)
	}
	// One that falls, but not for sure: 2.5 % of the slope is not below zero.
	a := lineOf(10, 7, 9, 6, 8).predict(240, 0)
	assert.False(t, math.IsInf(a.quantiles[at(0.5)], 1))
	assert.Equal(t, math.Inf(1), a.quantiles[at(0.975)])
}

func TestLineExact(t *testing.T) {
	a := lineOf(10, 9, 8, 7).predict(180, 2)
	for _, q := range a.quantiles {
		assert.InDelta(t, 300, q, 1e-6)
	}
	assert.Equal(t, []float64{0, 1}, []float64{a.cdf(299), a.cdf(301)})
	a = lineOf(10, 9, 8, 7).predict(180, 8)
	for _, q := range a.quantiles {
		assert.Zero(t, q, "there already")
	}
}

// TestLineWindow: 60 samples, and those of a clock that runs back replace what they contradict.
func TestLineWindow(t *testing.T) {
	l := &line{}
	for i := range 1000 {
		l.observe(float64(i), float64(i*i))
	}
	require.Len(t, l.at, lineSamples)
	assert.Equal(t, []float64{940, 999}, []float64{l.at[0], l.at[59]})
	assert.Equal(t, 940.0*940, l.backlog[0])
	l.observe(1e9, 5)
	l.observe(1000, 6)
	assert.Equal(t, []float64{999, 1000}, l.at[len(l.at)-2:])
	l.observe(995, 7)
	assert.Equal(t, []float64{994, 995}, l.at[len(l.at)-2:])
	assert.Equal(t, 7.0, l.backlog[len(l.backlog)-1])
	l.observe(3, 8)
	assert.Equal(t, []float64{3}, l.at)
}
