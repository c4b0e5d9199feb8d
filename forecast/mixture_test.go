package forecast_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

// opaque hides what kind of law it holds, so that a mixture has to ask it like any other Distribution.
type opaque struct{ forecast.Distribution }

func TestMixtureIsTheWeightedSum(t *testing.T) {
	components := []forecast.Distribution{
		forecast.FirstPassage{Distance: 100, Drift: 2, DriftSD: 0.5, Volatility: 3},
		forecast.StudentPassage{Distance: 100, Drift: -1, DriftSD: 1, Volatility: 5, Nu: 7},
		forecast.StudentPassage{Distance: 100, Drift: 1, DriftSD: 0.1, Volatility: 1, Nu: 7},
	}
	weights := []float64{0.5, 0.2, 0.3}
	for name, m := range map[string]forecast.Mixture{
		"weighted": {Components: components, Weights: weights},
		"opaque":   {Components: []forecast.Distribution{opaque{components[0]}, opaque{components[1]}, components[2]}, Weights: weights},
		"nested":   {Components: []forecast.Distribution{forecast.Mixture{Components: components[:2], Weights: []float64{5. / 7, 2. / 7}}, components[2]}, Weights: []float64{0.7, 0.3}},
	} {
		t.Run(name, func(t *testing.T) {
			sum := func(f func(forecast.Distribution) float64) (s float64) {
				for i, c := range components {
					s += weights[i] * f(c)
				}
				return s
			}
			for _, at := range []float64{0, 1, 20, 50, 100, 1e4, math.Inf(1)} {
				assert.InDelta(t, sum(func(d forecast.Distribution) float64 { return d.CDF(at) }), m.CDF(at), 1e-12, "CDF(%v)", at)
				assert.InDelta(t, sum(func(d forecast.Distribution) float64 { return d.Survival(at) }), m.Survival(at), 1e-12, "Survival(%v)", at)
				assert.InDelta(t, sum(func(d forecast.Distribution) float64 { return d.Prob(at) }), m.Prob(at), 1e-12, "Prob(%v)", at)
			}
			assert.InDelta(t, sum(forecast.Distribution.Finite), m.Finite(), 1e-12)
			for p := 0.001; p < m.Finite(); p += 0.0173 {
				assert.InDelta(t, p, m.CDF(m.Quantile(p)), 1e-9, "Quantile(%v)", p)
			}
			assert.True(t, math.IsInf(m.Quantile(m.Finite()+1e-6), 1))
		})
	}
}

func TestMixtureEdges(t *testing.T) {
	law := forecast.FirstPassage{Distance: 100, Drift: 2, Volatility: 3}
	m := forecast.Mixture{Components: []forecast.Distribution{law, law}}
	assert.InEpsilon(t, law.Quantile(0.3), m.Quantile(0.3), 1e-9, "equal weights where none are given")
	assert.Zero(t, m.Quantile(0))
	assert.Zero(t, m.Quantile(-1))
	assert.True(t, math.IsInf(m.Quantile(1.5), 1))
	assert.True(t, math.IsNaN(m.Quantile(math.NaN())))

	var none forecast.Mixture
	assert.Zero(t, none.CDF(1e9))
	assert.Equal(t, 1.0, none.Survival(1e9))
	assert.Zero(t, none.Finite())
	assert.True(t, math.IsInf(none.Quantile(0.1), 1))

	// A part that is there at once, a part that comes at 50 s for certain, and a part that never comes.
	steps := forecast.Mixture{Components: []forecast.Distribution{
		forecast.FirstPassage{}, forecast.FirstPassage{Distance: 100, Drift: 2}, forecast.FirstPassage{Distance: 100, Drift: -2}, forecast.FirstPassage{Distance: 100, Drift: -1},
	}}
	assert.Zero(t, steps.Quantile(0.25))
	assert.InEpsilon(t, 50, steps.Quantile(0.4), 1e-9)
	assert.True(t, math.IsInf(steps.Quantile(0.6), 1))
	assert.Equal(t, 0.5, steps.Survival(1e6))
}

func BenchmarkMixtureQuantile(b *testing.B) {
	m := forecast.Mixture{}
	for nu := 1; nu <= 8; nu++ {
		m.Components = append(m.Components, forecast.StudentPassage{Distance: 1e6, Drift: 100 - 10*float64(nu), DriftSD: 10, Volatility: 300, Nu: 15})
	}
	b.Run("components=8", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Quantile(0.95)
		}
	})
}
