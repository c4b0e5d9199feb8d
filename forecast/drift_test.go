package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/forecast"
)

func TestDriftByHand(t *testing.T) {
	// A total of 0, 10, 30, 40 at 0, 10, 20, 40 s.
	d := forecast.NewDrift(1)
	for i, o := range []forecast.Observation{{Time: 0, Total: 0}, {Time: 10, Total: 10}, {Time: 20, Total: 30}} {
		assert.Nil(t, d.Forecast(50), "fewer than two intervals before observation %d", i)
		d.Observe(o)
	}
	d.Observe(forecast.Observation{Time: 40, Total: 40})
	r, ok := d.Rate()
	require.True(t, ok)
	// W = 40, ν̂ = 40/40 = 1/s; residuals Δ - ν̂δ: 10-10 = 0, 20-10 = 10, 10-20 = -10; Σδ² = 100+100+400 = 600;
	// s² = 200/(40 - 600/40) = 8; sd = √(8/40) = 0.44721; Nu = round(1600/600) - 1 = 2. Counting: (40+½)/40 = 1.0125 < 8.
	assert.Equal(t, 40.0, r.Span)
	assert.Zero(t, r.Since)
	assert.InDelta(t, 1, r.Mean, 1e-12)
	assert.InDelta(t, math.Sqrt(8), r.Volatility, 1e-12)
	assert.InDelta(t, math.Sqrt(0.2), r.SD, 1e-12)
	assert.Equal(t, 2.0, r.Nu)
	// Drift = 1·1/(1 + 0.2) = 0.8333, Volatility² = 3·8.
	assert.Equal(t, forecast.StudentPassage{Distance: 50, Drift: 1 / 1.2, DriftSD: r.SD, Volatility: math.Sqrt(3) * r.Volatility, Nu: 2}, roundDrift(d.Forecast(50)))
	assert.Equal(t, 8, d.Memory())
	assert.Equal(t, 8, forecast.NewDrift(-3).Memory())
	// Student's t with two degrees of freedom: the 0.95 quantile is 2.919986, P(t < 1/0.44721 = 2.23607) = ½ + 2.23607/(2·√(2 + 5)) = 0.922577.
	lower, upper := r.Interval(0.9)
	assert.InDelta(t, 1-2.919986*math.Sqrt(0.2), lower, 1e-6)
	assert.InDelta(t, 1+2.919986*math.Sqrt(0.2), upper, 1e-6)
	assert.InDelta(t, 0.922577, r.Positive(), 1e-6)
	assert.Equal(t, 0.5, forecast.Rate{}.Positive())
}

// roundDrift takes the last bits of a division off.
func roundDrift(d forecast.Distribution) forecast.StudentPassage {
	f := d.(forecast.StudentPassage)
	if math.Abs(f.Drift-1/1.2) < 1e-14 {
		f.Drift = 1 / 1.2
	}
	return f
}

func TestDriftForgets(t *testing.T) {
	// Up by 5 for 1000 samples, down by 2 for 40: a memory of 4·8 samples knows nothing but the latter; one of 8·8 still sees the turn.
	short, long := forecast.NewDrift(4), forecast.NewDrift(8)
	amount := 0.0
	for i := range 1040 {
		o := forecast.Observation{Time: float64(i), Total: -amount}
		short.Observe(o)
		long.Observe(o)
		if i < 1000 {
			amount += 5
		} else {
			amount -= 2
		}
	}
	s, ok := short.Rate()
	require.True(t, ok)
	assert.InDelta(t, 2, s.Mean, 1e-12)
	// A window without noise has that of counting: 2·W net items, k + ½ of them over W seconds.
	assert.InDelta(t, math.Sqrt((2*s.Span+0.5)/s.Span), s.Volatility, 1e-12)
	l, ok := long.Rate()
	require.True(t, ok)
	assert.Less(t, l.Mean, 2.0)
	assert.Greater(t, l.Volatility, 3*s.Volatility)
}

func TestDriftIsUnbiased(t *testing.T) {
	// A Wiener process with drift -0.5 and variance 4 per second, sampled at exponential intervals: mean of ν̂ and s² over 4000 runs within 4.9 standard
	// errors (a false alarm in a million). s² has relative standard deviation √(2/Nu), Nu about 4 for exponential spacing.
	const runs = 4000
	rng := rand.New(rand.NewPCG(3, 4))
	mean, variance, nu := 0.0, 0.0, 0.0
	for range runs {
		d := forecast.NewDrift(1)
		now, amount := 0.0, 1000.0
		for range 9 {
			d.Observe(forecast.Observation{Time: now, Total: -amount})
			dt := rng.ExpFloat64()
			now += dt
			amount += -0.5*dt + 2*math.Sqrt(dt)*rng.NormFloat64()
		}
		r, ok := d.Rate()
		require.True(t, ok)
		mean += r.Mean / runs
		variance += r.Volatility * r.Volatility / runs
		nu += r.Nu / runs
	}
	assert.InDelta(t, 0.5, mean, 4.9*2/math.Sqrt(4*runs)) // windows of 8 s on average; few are shorter than 4 s
	// Counting sets a floor of (0.5·8 + ½)/8 = 0.56 items²/s or so, seldom above s².
	assert.InDelta(t, 4, variance, 0.1+4.9*4*math.Sqrt(2.0/3)/math.Sqrt(runs))
	assert.InDelta(t, 4, nu, 1)
}

func TestDriftsFollowATurn(t *testing.T) {
	d := &forecast.Drifts{}
	rng := rand.New(rand.NewPCG(5, 6))
	amount := 1e5
	now := 0.0
	assert.Nil(t, d.Forecast(1))
	_, ok := d.Trend().Rate()
	assert.False(t, ok)
	observe := func(n int, step float64) {
		for range n {
			d.Observe(forecast.Observation{Time: now, Total: -amount})
			now += 10
			amount += step + 20*rng.NormFloat64()
		}
	}
	observe(500, 50) // growing by 5/s
	r, ok := d.Trend().Rate()
	require.True(t, ok)
	assert.InDelta(t, -5, r.Mean, 3*r.SD)
	assert.Greater(t, r.Span, 1000.0, "nothing contradicts the long windows")
	assert.Less(t, d.Forecast(amount).Finite(), 0.1)
	observe(30, -80) // then draining at 8/s
	r, ok = d.Trend().Rate()
	require.True(t, ok)
	assert.InDelta(t, 8, r.Mean, 3*r.SD)
	assert.Less(t, r.Span, 400.0, "what came before the turn contradicts")
	assert.Greater(t, d.Forecast(amount).CDF(2*amount/8), 0.25, "two at least of the seven windows, of 8 to 512 samples, have seen nothing but the new rate")
}
