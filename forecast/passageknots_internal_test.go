package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
)

// randomPassage returns a scale with a unit from 1e-6 to 1e9 s, and a law whose times lie anywhere from far below the unit to past the horizon, with a rate
// that may be negative and any uncertainty and volatility.
func randomPassage(r *rand.Rand) (FirstPassage, LogScale) {
	unit := math.Pow(10, 15*r.Float64()-6)
	usual := unit * math.Exp2(22*r.Float64()-6)
	f := FirstPassage{Distance: math.Exp2(40*r.Float64() - 20)}
	f.Drift = f.Distance / usual
	f.DriftSD = f.Drift * math.Exp2(12*r.Float64()-9)
	f.Volatility = f.Distance / math.Sqrt(usual) * math.Exp2(16*r.Float64()-13)
	switch r.IntN(8) {
	case 0, 1:
		f.Drift = -f.Drift
	case 2:
		f.DriftSD = 0
	}
	return f, LogScale{Unit: unit, Horizon: horizonUnits * unit}
}

// TestPassageKnots: the knots of one FirstPassage are its quantiles: right to two hundredths of the smaller probability on either side, as they say, and where all but a
// hundredth comes before the horizon to 0.06 of a factor of two at worst (measured 0.058, for a law whose quartiles are more than five octaves apart; next to a plateau of a
// CDF there is no such limit), and to 0.02 on average whatever the law.
func TestPassageKnots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var n, never int
	inP, inPlace, sum := 0.0, 0.0, 0.0
	for range 6000 {
		f, scale := randomPassage(r)
		end := scale.Of(math.Inf(1))
		var p passages
		p.add(f)
		k := p.knots(scale)
		before := 0.0
		for i, q := range quantileLevels {
			require.True(t, k[i] >= before && k[i] <= end, "%#v on %v: %v", f, scale, k)
			before = k[i]
			if k[i] == end {
				never++
				require.Less(t, f.CDF(scale.Horizon), q, "%#v on %v: %v", f, scale, k)
				continue
			}
			if k[i] > 1e-6 { // a place nearer to 0 than that has no digits left
				inP = math.Max(inP, math.Abs(f.CDF(scale.Time(k[i]))-q)/math.Min(q, 1-q))
			}
			if f.CDF(scale.Horizon) > 0.99 {
				off := math.Abs(k[i] - scale.Of(f.Quantile(q)))
				inPlace = math.Max(inPlace, off)
				sum += off
				n++
			}
		}
	}
	t.Logf("%d knots, %d more never: off by up to %.4f of the smaller probability, %.3f of a factor of two, %.4f on average", n, never, inP, inPlace, sum/float64(n))
	assert.Less(t, inP, 0.0201)
	assert.Less(t, inPlace, 0.06)
	assert.Less(t, sum/float64(n), 0.003)
	assert.Greater(t, n, 20000)
	assert.Greater(t, never, 5000)
}

// TestPassageKnotsOfACertainTime: with hardly any volatility all knots are at the time that the rate takes, and with a rate the other way all are never.
func TestPassageKnotsOfACertainTime(t *testing.T) {
	for _, unit := range []float64{1e-6, 1, 1e9} {
		scale := LogScale{Unit: unit, Horizon: horizonUnits * unit}
		for _, sigma := range []float64{1e-70, 1e-9, 1e-6} {
			var p, away passages
			p.add(FirstPassage{Distance: 100, Drift: 1 / unit, Volatility: sigma / math.Sqrt(unit)})
			away.add(FirstPassage{Distance: 100, Drift: -1 / unit, Volatility: sigma / math.Sqrt(unit)})
			comes, goes := p.knots(scale), away.knots(scale)
			for i := range quantileLevels {
				require.InDelta(t, math.Log2(101), comes[i], 1e-6, "sigma %v, unit %v", sigma, unit)
				require.Equal(t, scale.Of(math.Inf(1)), goes[i], "sigma %v, unit %v", sigma, unit)
			}
			require.Equal(t, 1.0, p.Finite(), "sigma %v, unit %v", sigma, unit)
			require.Zero(t, away.Finite(), "sigma %v, unit %v", sigma, unit)
		}
	}
	// Without any, or with what leaves the range of a float64, it counts as never: a Drift's volatility is never below that of counting.
	for _, sigma := range []float64{0, 1e-200} {
		var p passages
		p.add(FirstPassage{Distance: 100, Drift: 1, Volatility: sigma})
		assert.Zero(t, p.Finite())
		// Beside another it takes half.
		other := FirstPassage{Distance: 100, Drift: 2, DriftSD: 0.1, Volatility: 5}
		p.add(other)
		assert.InDelta(t, 0.5, p.Finite(), 1e-12)
		assert.InEpsilon(t, other.Quantile(0.4), p.Quantile(0.2), 1e-6)
		assert.InEpsilon(t, other.Prob(50)/2, p.Prob(50), 1e-9)
	}
}

// randomPassages returns passages of one distance, as Drifts has them, and the same as a Mixture.
func randomPassages(r *rand.Rand) (p passages, m Mixture) {
	f, _ := randomPassage(r)
	for range 1 + r.IntN(memories) {
		g := f
		g.Drift *= math.Exp2(r.NormFloat64()) * []float64{1, 1, -1}[r.IntN(3)]
		g.DriftSD *= math.Exp2(r.NormFloat64())
		g.Volatility *= math.Exp2(r.NormFloat64())
		p.add(g)
		m.Components = append(m.Components, g)
	}
	return p, m
}

// TestPassagesAreAMixture: as a Distribution they agree with the Mixture of the same laws.
func TestPassagesAreAMixture(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var inCDF, inProb, inQuantile, inFinite float64
	asked := 0
	for range 400 {
		law, mixture := randomPassages(r)
		p, m := Distribution(&law), mixture.Prepare()
		inFinite = math.Max(inFinite, math.Abs(p.Finite()-m.Finite()))
		for range 5 {
			q := m.Finite() * r.Float64()
			want := m.Quantile(q)
			inCDF = math.Max(inCDF, math.Abs(p.CDF(want)-m.CDF(want)))
			require.InDelta(t, 1, p.CDF(want)+p.Survival(want), 1e-15)
			if f := m.Prob(want); f > 0 {
				inProb = math.Max(inProb, math.Abs(p.Prob(want)/f-1))
			}
			// Next to a plateau a quantile is as far off as a float64 can be, by what q is off over the density: 1e-12 of it are let pass.
			if slope := want * m.Prob(want); slope > 1e-5 {
				asked++
				inQuantile = math.Max(inQuantile, math.Abs(p.Quantile(q)/want-1))
			}
		}
		assert.Equal(t, math.Inf(1), p.Quantile(math.Nextafter(p.Finite(), 2)))
		assert.Equal(t, p.Finite(), p.CDF(math.Inf(1)))
	}
	t.Logf("off by up to %.1e of probability, %.1e for ever, %.1e of the density, and %.1e of %d quantiles", inCDF, inFinite, inProb, inQuantile, asked)
	assert.Less(t, inCDF, 1e-9)
	assert.Less(t, inFinite, 1e-9)
	assert.Less(t, inProb, 1e-6)
	assert.Less(t, inQuantile, 1e-6)
	assert.Greater(t, asked, 1000)
}

func TestPassagesEdges(t *testing.T) {
	var p passages
	p.add(FirstPassage{Distance: 100, Drift: 1, DriftSD: 0.1, Volatility: 3})
	p.add(FirstPassage{Distance: 100, Drift: -1, Volatility: 3})
	inf, nan := math.Inf(1), math.NaN()
	assert.Equal(t, []float64{0, 0, 1, 1, 0, 0, 0, 0, 0, inf}, []float64{p.CDF(0), p.CDF(-1), p.Survival(0), p.Survival(-1), p.Prob(0), p.Prob(-1), p.Prob(inf),
		p.Quantile(0), p.Quantile(-1), p.Quantile(1)})
	for _, x := range []float64{p.CDF(nan), p.Survival(nan), p.Quantile(nan)} {
		assert.True(t, math.IsNaN(x))
	}
	assert.Zero(t, p.Prob(nan))
}

// TestAsNormal: the 0.95-quantile is that of Student's t to a hundredth for whole degrees of freedom, to two for those between them, and to a tenth between 1 and 2.
func TestAsNormal(t *testing.T) {
	for _, nu := range []float64{1, 4. / 3, 1.5, 2, 2.7, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 60, 100, 1000, 1e6} {
		f := StudentPassage{Distance: 10, Drift: 3, DriftSD: 2, Volatility: 5, Nu: nu}
		n := f.asNormal()
		student := distuv.StudentsT{Mu: 3, Sigma: 2, Nu: nu}.Quantile(0.95)
		normal := distuv.Normal{Mu: n.Drift, Sigma: n.DriftSD}.Quantile(0.95)
		tolerance := 0.02
		if nu > 1 && nu < 2 {
			tolerance = 0.1 // on the wide side
		}
		assert.InDelta(t, 1, (normal-3)/(student-3), tolerance, "%v degrees of freedom", nu)
		n.DriftSD = f.DriftSD
		assert.Equal(t, FirstPassage{10, 3, 2, 5}, n, "nothing else changes")
	}
}

func TestPassageKnotsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p, _ := randomPassages(r)
	scale := LogScale{Unit: 1, Horizon: horizonUnits}
	sum := 0.0
	assert.Zero(t, testing.AllocsPerRun(100, func() { k := p.knots(scale); sum += k[middle] }))
}
