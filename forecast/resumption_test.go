package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

func TestResumption(t *testing.T) {
	r := forecast.Resumption{Silence: 600, Work: 80}
	assert.Equal(t, 680.0, r.Quantile(0.5))
	assert.InDelta(t, 80+19*600, r.Quantile(0.95), 1e-9)
	assert.InDelta(t, 80+600.0/19, r.Quantile(0.05), 1e-9)
	for _, p := range []float64{1e-9, 0.01, 0.3, 0.99, 1 - 1e-9} {
		assert.InDelta(t, p, r.CDF(r.Quantile(p)), 1e-12)
		assert.InEpsilon(t, 1-p, r.Survival(r.Quantile(p)), 1e-6)
		x, h := r.Quantile(p), 1e-3*(r.Quantile(p)-80)
		assert.InEpsilon(t, (r.CDF(x+h)-r.CDF(x-h))/(2*h), r.Prob(x), 1e-4)
	}
	assert.Zero(t, r.CDF(79))
	assert.Zero(t, r.Prob(79))
	assert.Equal(t, 1.0, r.Survival(79))
	assert.Zero(t, r.Quantile(0))
	assert.True(t, math.IsInf(r.Quantile(1), 1) && math.IsNaN(r.Quantile(math.NaN())))
	assert.Equal(t, 1.0, r.Finite())
	sure := forecast.Resumption{Work: 80}
	assert.Equal(t, []float64{80, 0, 1, 1}, []float64{sure.Quantile(0.3), sure.CDF(79), sure.CDF(80), sure.Finite()})
	never := forecast.Resumption{Silence: 1, Work: math.Inf(1)}
	assert.Equal(t, []float64{0, 1}, []float64{never.Finite(), never.Survival(math.Inf(1))})
	assert.True(t, math.IsInf(never.Quantile(0.1), 1))
}

func TestResumptionIsCalibrated(t *testing.T) {
	// Silences of any length L, seen at a uniform moment a of it: what is left, L - a, lies within the central 90 % in nine of ten cases. 20 000 of them, within
	// 4.9 standard errors (a false alarm in a million).
	rng := rand.New(rand.NewPCG(12, 13))
	held := 0
	const n = 20_000
	for range n {
		length := math.Exp(10 * rng.Float64())
		age := length * rng.Float64()
		if p := (forecast.Resumption{Silence: age}).CDF(length - age); 0.05 <= p && p <= 0.95 {
			held++
		}
	}
	assert.InDelta(t, 0.9, float64(held)/n, 4.9*math.Sqrt(0.09/n))
}
