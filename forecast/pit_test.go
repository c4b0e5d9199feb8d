package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

func TestPITAdd(t *testing.T) {
	law := forecast.Resumption{Silence: 100} // F(t) = t/(100 + t)
	var p forecast.PIT
	p.Add(law, 30, inf)  // F = 0.23, which is the third tenth
	p.Add(law, 120, 120) // F = 0.55, not later than the horizon
	p.Add(law, 1e9, inf) // F = 1 - 1e-7
	p.Add(law, 0, inf)   // F = 0
	assert.InDeltaSlice(t, []float64{1, 0, 1, 0, 0, 1, 0, 0, 0, 1}, p.Counts[:], 1e-6)
	assert.Equal(t, 4, p.N)

	p = forecast.PIT{}
	p.Add(law, 500, 300) // later than 300, F = 0.75: half of a tenth and two tenths, of 0.25
	assert.InDeltaSlice(t, []float64{0, 0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.4}, p.Counts[:], 1e-12)
	p = forecast.PIT{}
	p.Add(law, inf, 300)
	assert.InDeltaSlice(t, []float64{0, 0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.4}, p.Counts[:], 1e-12)

	p = forecast.PIT{}
	p.Add(forecast.Resumption{Work: 50}, 50, inf) // all the probability is there
	assert.InDeltaSlice(t, []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, p.Counts[:], 1e-12)
	p.Add(forecast.Resumption{Work: 50}, 40, inf) // F = 0
	p.Add(forecast.Resumption{Work: 50}, 60, inf) // F = 1
	assert.InDeltaSlice(t, []float64{1.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 1.1}, p.Counts[:], 1e-12)

	p = forecast.PIT{}
	p.Add(forecast.FirstPassage{}, 0, inf) // there already, with certainty
	assert.InDelta(t, 0.1, p.Counts[0], 1e-12)
	p = forecast.PIT{}
	never := forecast.FirstPassage{Distance: 1, Drift: -math.Ln2 / 2, Volatility: 1} // P(T < Inf) = exp(2ma/σ²) = 1/2
	p.Add(never, inf, inf)
	assert.InDeltaSlice(t, []float64{0, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2}, p.Counts[:], 1e-9)

	p = forecast.PIT{}
	for _, bad := range []struct {
		law              forecast.Distribution
		outcome, horizon float64
	}{{nil, 1, 2}, {law, nan, 2}, {law, -1, 2}, {law, 1, nan}, {law, 1, 0}, {law, 1, -1}, {forecast.FirstPassage{Distance: nan}, 1, 2}} {
		p.Add(bad.law, bad.outcome, bad.horizon)
	}
	for _, bad := range [][2]float64{{-0.1, 0.5}, {0.5, 1.1}, {0.6, 0.5}, {nan, 0.5}, {0.5, nan}} {
		p.AddRange(bad[0], bad[1])
	}
	assert.Equal(t, forecast.PIT{Unscored: 12}, p)
}

func TestPITAddRange(t *testing.T) {
	var p forecast.PIT
	p.AddRange(0.3, 0.3) // a bin begins there, though 0.3*10 is 3 by luck alone
	p.AddRange(1, 1)
	p.AddRange(0, 1)
	p.AddRange(0.45, 0.65)
	assert.InDeltaSlice(t, []float64{0.1, 0.1, 0.1, 1.1, 0.35, 0.6, 0.35, 0.1, 0.1, 1.1}, p.Counts[:], 1e-12)
	sum := 0.0
	for _, c := range p.Counts {
		sum += c
	}
	assert.InDelta(t, float64(p.N), sum, 1e-12)
}

func TestPITChiSquare(t *testing.T) {
	p := forecast.PIT{N: 100, Counts: [forecast.PITBins]float64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}}
	x, pValue := p.ChiSquare()
	assert.Zero(t, x)
	assert.Equal(t, 1.0, pValue)
	p.Counts[0], p.Counts[9] = 19, 1 // (81 + 81)/10
	x, pValue = p.ChiSquare()
	assert.InDelta(t, 16.2, x, 1e-12)
	// In closed form (Abramowitz & Stegun 1964, 26.4.4): 2Q(√x) + 2Z(√x)·(√x + x^1.5/3 + x^2.5/15 + x^3.5/105).
	root := math.Sqrt(16.2)
	series := root * (1 + 16.2/3*(1+16.2/5*(1+16.2/7)))
	assert.InDelta(t, math.Erfc(root/math.Sqrt2)+2*math.Exp(-8.1)/math.Sqrt(2*math.Pi)*series, pValue, 1e-12)
	// 21.666 is the 0.99 quantile of nine degrees of freedom in every table.
	d := math.Sqrt(21.666 * 10 / 2)
	p.Counts[0], p.Counts[9] = 10+d, 10-d
	_, pValue = p.ChiSquare()
	assert.InDelta(t, 0.01, pValue, 1e-5)
	x, pValue = (&forecast.PIT{Unscored: 3}).ChiSquare()
	assert.True(t, math.IsNaN(x) && math.IsNaN(pValue))
}

// TestPITIsUniform: of 400 records of 500 forecasts each, made by the true law, the test calls about one of twenty wrong (within 4.9 standard errors, one of a million);
// with outcomes that are censored no more. Of records made by laws that are off it calls all or nearly all of them wrong.
func TestPITIsUniform(t *testing.T) {
	truth := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20}
	narrow, early := truth, truth
	narrow.DriftSD, narrow.Volatility = 0.4, 13
	early.Distance = 850
	for name, c := range map[string]struct {
		law             forecast.FirstPassage
		horizon         float64
		least, greatest float64
	}{
		"right":              {truth, inf, 0.05 - 4.9*math.Sqrt(0.05*0.95/400), 0.05 + 4.9*math.Sqrt(0.05*0.95/400)},
		"right, censored":    {truth, truth.Quantile(0.6), 0, 0.05},
		"too narrow":         {narrow, inf, 0.95, 1},
		"too early":          {early, inf, 0.95, 1},
		"too early, to 60 %": {early, truth.Quantile(0.6), 0.9, 1},
	} {
		src := rand.NewPCG(51, 52)
		rejected := 0
		var all forecast.PIT
		for range 400 {
			var p forecast.PIT
			for range 500 {
				p.Add(c.law, truth.Rand(src), c.horizon)
			}
			if _, pValue := p.ChiSquare(); pValue < 0.05 {
				rejected++
			}
			for i, x := range p.Counts {
				all.Counts[i] += x
			}
			all.N += p.N
		}
		share := float64(rejected) / 400
		assert.GreaterOrEqual(t, share, c.least, name)
		assert.LessOrEqual(t, share, c.greatest, name)
		if c.law == truth {
			for i, x := range all.Counts {
				assert.InDelta(t, 0.1, x/float64(all.N), 4.9*math.Sqrt(0.09/float64(all.N)), "%s, bin %d", name, i)
			}
		}
	}
}
