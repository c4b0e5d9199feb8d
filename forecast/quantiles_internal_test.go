package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomKnots returns knots as they occur: far apart and close together, equal ones, some at 0 and some, or all, never.
func randomKnots(r *rand.Rand, end float64) (k knots) {
	centre, width := end*r.Float64(), end*math.Exp2(-20*r.Float64())
	for i := range k {
		k[i] = centre + width*r.NormFloat64()
	}
	slices.Sort(k[:])
	switch r.IntN(4) {
	case 0: // two or more in one place
		i := r.IntN(levels - 1)
		for j := i + 1; j <= min(i+1+r.IntN(3), levels-1); j++ {
			k[j] = k[i]
		}
	case 1: // some never
		for i := r.IntN(levels); i < levels; i++ {
			k[i] = end
		}
	case 2: // some at 0
		for i := range r.IntN(levels - 1) {
			k[i] = 0
		}
	}
	k.settle(end)
	k[top] = math.Max(k[top], 0.1)
	return k
}

func TestHalving(t *testing.T) {
	largest, before := 0.0, 1.0
	for x := 0.0; x <= 60; x += 0.00077 {
		h := halving(x)
		largest = math.Max(largest, math.Abs(h*math.Exp2(x)-1))
		require.LessOrEqual(t, h, before, x)
		before = h
	}
	// 2^-x is 1 - x·ln 2 but for (ln 2/500)²/2 = 9.6e-7 at the end of a step.
	t.Log("largest relative error", largest)
	assert.Less(t, largest, 1e-6)
	assert.Equal(t, 1.0, halving(0))
	assert.Zero(t, halving(61))
	assert.Zero(t, halving(math.Inf(1)))
	assert.True(t, math.IsNaN(halving(math.NaN())))
}

// TestKnotsByHand: the law of nine knots that are one apart, on a scale that ends at 20.
func TestKnotsByHand(t *testing.T) {
	k := knots{5, 6, 7, 8, 9, 10, 11, 12, 13}
	for _, c := range []struct{ s, p float64 }{
		{5, 0.025}, {5.5, 0.0375}, {6, 0.05}, {8.5, 0.375}, {9, 0.5}, {9.2, 0.55}, {12.5, 0.9625}, {13, 0.975}, // in proportion
		{4, 0.0125}, {3, 0.00625}, {14, 0.9875}, {16, 0.996875}, // the tails fall by half for each 6 - 5 and 13 - 12
	} {
		assert.InDelta(t, c.p, k.cdf(c.s, 20), 1e-9, "cdf(%v)", c.s)
		assert.InDelta(t, c.s, k.at(c.p, 20), 1e-9, "at(%v)", c.p)
	}
	assert.Equal(t, 1.0, k.cdf(20, 20))
	assert.Equal(t, 20.0, k.at(1, 20))
	assert.Zero(t, k.at(0, 20))
	// 0.025·2^-7 = 1.95e-4 is left where the scale ends.
	assert.InDelta(t, 1-0.025/128, k.finite(20), 1e-8)
	// Two that are never. 0.75 is at 10 and 0.9 would be at the end 11 if the rise of 0.25 in 1 went on: 0.75 + 0.25 is past 0.9, which is the most.
	assert.Equal(t, math.Nextafter(0.9, 0), (&knots{5, 6, 7, 8, 9, 10, 11, 11, 11}).finite(11))
	// Where it rose by 0.25 in 4 it rises by 0.0625 in 1.
	assert.InDelta(t, 0.75+0.0625, (&knots{1, 2, 3, 4, 6, 10, 11, 11, 11}).finite(11), 1e-12)
	// With one knot or none there is nothing to go on: half way.
	assert.Equal(t, 0.0125, (&knots{11, 11, 11, 11, 11, 11, 11, 11, 11}).finite(11))
	assert.InDelta(t, 0.0375, (&knots{3, 11, 11, 11, 11, 11, 11, 11, 11}).finite(11), 1e-12)
}

// TestKnotsAtIsTheInverse: at is the inverse of cdf, and where a cdf jumps, as it does at equal knots, the least place at which it is p or more.
func TestKnotsAtIsTheInverse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	smooth := 0
	for range 1500 {
		const end = 12.
		k := randomKnots(r, end)
		before := 0.0
		for _, p := range append([]float64{1e-6, 1 - 1e-6, r.Float64(), r.Float64()}, quantileLevels[:]...) {
			s := k.at(p, end)
			require.True(t, s >= 0 && s <= end, "%v: at(%v) = %v", k, p, s)
			require.GreaterOrEqual(t, k.cdf(s, end), p-1e-6, "%v at %v", k, p)
			if s > 0 && s < end {
				// Just before it is not yet p, but for what lies between: at most the 0.25 of two knots, over their distance.
				below := s - 1e-7
				require.LessOrEqual(t, k.cdf(below, end), p+1e-6, "%v at %v", k, p)
			}
		}
		for range 10 {
			s := end * r.Float64()
			require.InDelta(t, s, k.at(k.cdf(s, end), end), func() float64 {
				smooth++
				switch {
				case s < k[lowest]:
					if k[lowest] == end || k.cdf(s, end) < 1e-15 {
						return end
					}
					return 2e-6*k.lowerTail() + 1e-9
				case s > k[top]:
					if 1-k.cdf(s, end) < 1e-12 {
						return end
					}
					return 1e-3*k.upperTail() + 1e-9 // 1 - p has lost digits
				}
				return 1e-6
			}(), "%v", k)
		}
		ps := make([]float64, 20)
		for i := range ps {
			ps[i] = r.Float64()
		}
		slices.Sort(ps)
		for _, p := range ps {
			s := k.at(p, end)
			require.GreaterOrEqual(t, s, before, "%v: at(%v)", k, p)
			before = s
		}
	}
}

// TestKnotsCDFFrom: as cdf for any places that rise.
func TestKnotsCDFFrom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		const end = 12.
		k := randomKnots(r, end)
		places := slices.Clone(k[:]) // the knots themselves, equal ones too
		for range 20 {
			places = append(places, end*r.Float64(), k[lowest]+(k[top]-k[lowest])*r.Float64())
		}
		places = append(places, 0, end, math.Nextafter(end, 0))
		slices.Sort(places)
		from := 0
		for _, s := range places {
			require.Equal(t, k.cdf(s, end), k.cdfFrom(s, end, &from), "%v at %v", k, s)
		}
	}
}

func TestKnotsOfNaN(t *testing.T) {
	k := knots{1, 2, 3, 4, 5, 6, 7, 8, 9}
	nan := math.NaN()
	assert.True(t, math.IsNaN(k.cdf(nan, 12)))
	assert.True(t, math.IsNaN(k.at(nan, 12)))
	q := newQuantileLaw(k, LogScale{Unit: 1, Horizon: 4095})
	for _, x := range []float64{q.CDF(nan), q.Survival(nan), q.Quantile(nan)} {
		assert.True(t, math.IsNaN(x))
	}
	assert.Zero(t, q.Prob(nan))
}

func TestSettle(t *testing.T) {
	// Negative is 0, what goes down stays, and what is next to never is never, as is all after it.
	k := knots{-3, 2, 1, 2.5, 5 - 1e-10, 4, 4, 7, 3}
	k.settle(5)
	assert.Equal(t, knots{0, 2, 2, 2.5, 5, 5, 5, 5, 5}, k)
}

func TestDoubt(t *testing.T) {
	// Places 1 and 2 are one and three units, the units that are left 1.25 and 3.25: log2(2.6).
	assert.InDelta(t, math.Log2(2.6), doubt(1, 2, 12), 1e-12)
	// Far from the unit it is the distance on the scale: 2^-8·0.75/ln 2 = 0.004 less at most.
	assert.InDelta(t, 2, doubt(8, 10, 12), 0.005)
	// Near it more than on the scale: from 0 to 0.1 there is 0.2·log2(e)... log2((2^0.1 - 0.75)/0.25) = 0.359.
	assert.InDelta(t, math.Log2((math.Exp2(0.1)-0.75)/0.25), doubt(0, 0.1, 12), 1e-12)
	assert.Zero(t, doubt(3, 3, 12))
	assert.Equal(t, 1.0, doubt(12, 12, 12), "nothing is known of what is never")
	assert.InDelta(t, 4, doubt(8, 12, 12), 0.005)
}

// checkQuantileLaw holds a law against all that a Distribution promises, and returns how far Survival and 1 - CDF were apart.
func checkQuantileLaw(t *testing.T, r *rand.Rand, k knots, scale LogScale) (apart float64) {
	q := newQuantileLaw(k, scale)
	end := scale.Of(math.Inf(1))
	require.Equal(t, []float64{0, 0, q.Finite(), q.Finite(), q.Finite()},
		[]float64{q.CDF(-1), q.CDF(0), q.CDF(scale.Horizon), q.CDF(2 * scale.Horizon), q.CDF(math.Inf(1))}, "%v", k)
	require.Equal(t, []float64{1, 0, 0, 0}, []float64{q.Survival(-1), q.Prob(0), q.Prob(-1), q.Prob(scale.Horizon)}, "%v", k)
	require.True(t, q.Finite() > 0 && q.Finite() <= 1, "%v", k)

	places := slices.Clone(k[:])
	for range 40 {
		places = append(places, end*r.Float64(), k[lowest]+(k[top]-k[lowest])*r.Float64())
	}
	slices.Sort(places)
	before := 0.0
	for _, s := range places {
		x := scale.Time(math.Min(s, end))
		c := q.CDF(x)
		require.True(t, c >= before-1e-12 && c <= q.Finite(), "%v: CDF(%v) = %v after %v", k, x, c, before)
		before = c
		apart = math.Max(apart, math.Abs(q.Survival(x)-(1-c)))
		require.GreaterOrEqual(t, q.Prob(x), 0.0, "%v at %v", k, x)
		require.False(t, math.IsInf(q.Prob(x), 1), "%v at %v", k, x)
	}
	// The knots are the quantiles.
	for i, p := range quantileLevels {
		if k[i] >= end {
			require.Equal(t, math.Inf(1), q.Quantile(p), "%v: quantile %v", k, p)
			require.Less(t, q.Finite(), p, "%v", k)
			continue
		}
		require.Equal(t, scale.Time(k[i]), q.Quantile(p), "%v: quantile %v", k, p)
		if k[i] > 0 && (i == levels-1 || k[i+1] > k[i]+1e-6) {
			require.InDelta(t, p, q.CDF(scale.Time(k[i])*(1+1e-13)), 1e-5, "%v", k) // just past it, as it may jump there
		}
	}
	// Quantile is the inverse, and the least of the times at which the CDF is p or more.
	ps := []float64{1e-9, q.Finite(), q.Finite() * (1 - 1e-9)}
	for range 20 {
		ps = append(ps, q.Finite()*r.Float64())
	}
	slices.Sort(ps)
	last := 0.0
	for _, p := range ps {
		x := q.Quantile(p)
		require.True(t, x >= last && x <= scale.Horizon, "%v: Quantile(%v) = %v after %v", k, p, x, last)
		last = x
		require.GreaterOrEqual(t, q.CDF(math.Nextafter(x, math.Inf(1))*(1+1e-9)), p-3e-8, "%v: Quantile(%v) = %v", k, p, x)
		if s := scale.Of(x) - 1e-7; s > 0 {
			require.LessOrEqual(t, q.CDF(scale.Time(s)), p+3e-8, "%v: Quantile(%v) = %v", k, p, x)
		}
	}
	require.Equal(t, []float64{0, 0, math.Inf(1), math.Inf(1)},
		[]float64{q.Quantile(0), q.Quantile(-1), q.Quantile(math.Nextafter(q.Finite(), 2)), q.Quantile(2)})
	// The density integrates to the CDF, piece by piece: it has a kink at the knots. A tail that falls by half within a thousandth of its piece the rule does not see.
	for i := range levels + 1 {
		lo, hi := 0.0, end
		if i > 0 {
			lo = math.Max(lo, k[i-1])
		}
		if i < levels {
			hi = k[i]
		}
		if hi-lo < 1e-3 || i == 0 && k.lowerTail() < 1e-2 || i == levels && k.upperTail() < 1e-2 {
			continue
		}
		from, to := scale.Time(lo+1e-9), scale.Time(hi-1e-9) // it may jump at either end
		require.InDelta(t, q.CDF(to)-q.CDF(from), integrate(q.Prob, from, to), 3e-8, "%v, piece %d", k, i)
	}
	return apart
}

func TestQuantileLawIsADistribution(t *testing.T) {
	var _ Distribution = quantileLaw{}
	r := rand.New(rand.NewPCG(5, 6))
	apart := 0.0
	for range 400 {
		scale := LogScale{Unit: math.Exp(20*r.Float64() - 10), Horizon: 0}
		scale.Horizon = scale.Unit * math.Exp2(1+15*r.Float64())
		apart = math.Max(apart, checkQuantileLaw(t, r, randomKnots(r, scale.Of(math.Inf(1))), scale))
	}
	t.Log("Survival and 1 - CDF were apart by up to", apart)
	assert.Less(t, apart, 3e-8, "0.025 of a halving")
}

func TestQuantileLawOfKnots(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	scale := LogScale{Unit: 10, Horizon: 10 * 4095}
	const end = 12.
	all := func(s float64) (k knots) {
		for i := range k {
			k[i] = s
		}
		return k
	}
	for name, k := range map[string]knots{
		"all never": all(end), "all equal": all(7), "all but never": all(end - 1e-6),
		"none never":       {5, 6, 7, 8, 9, 10, 11, 11.5, 11.9},
		"one never":        {5, 6, 7, 8, 9, 10, 11, 11.5, end},
		"all but one":      {5, end, end, end, end, end, end, end, end},
		"all but two":      {5, 5, end, end, end, end, end, end, end},
		"median at 0":      {0, 0, 0, 0, 0, 1, 2, 3, 4},
		"0 or never":       {0, 0, 0, 0, end, end, end, end, end},
		"a jump inside":    {1, 2, 3, 3, 3, 3, 4, 5, 6},
		"in the last unit": {0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09},
	} {
		t.Run(name, func(t *testing.T) { checkQuantileLaw(t, r, k, scale) })
	}
	// Never: the mass that is missing is where the knots say it is, between the levels of the last that is not and the first that is.
	q := newQuantileLaw(knots{5, 6, 7, 8, 9, 10, end, end, end}, scale)
	assert.True(t, q.Finite() > 0.75 && q.Finite() < 0.9, q.Finite())
	assert.Equal(t, scale.Time(10), q.Quantile(0.75))
	assert.Equal(t, math.Inf(1), q.Quantile(0.9))
	assert.InDelta(t, 1-q.Finite(), q.Survival(math.Inf(1)), 1e-12)
	assert.InDelta(t, scale.Horizon, q.Quantile(q.Finite()), 1e-6)
	// No knot at all: what is finite is half of the lowest level.
	q = newQuantileLaw(all(end), scale)
	assert.Equal(t, 0.0125, q.Finite())
	assert.Equal(t, math.Inf(1), q.Quantile(0.0126))
	// Nothing but that is known, and it may be at any time: half way along the scale it is (2^-½ - ½)/½ of it.
	assert.InDelta(t, 0.0125*(math.Sqrt2-1), q.CDF(scale.Time(end/2)), 1e-12)
	// In the upper tail the survival keeps its digits: it falls by half for 12 - 11.5, 0.025·2^-2 where 12.5 is.
	wide := LogScale{Unit: 10, Horizon: 1e30}
	q = newQuantileLaw(knots{5, 6, 7, 8, 9, 10, 11, 11, 11.5}, wide)
	assert.InEpsilon(t, 0.025*math.Exp2(-80), q.Survival(wide.Time(51.5)), 1e-9)
}

// TestQuantileLawHasNoSteps: the cubic's slopes on both sides of a knot are one, also where the knots are as unevenly apart as they come, and it stays between them.
func TestQuantileLawHasNoSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	scale := LogScale{Unit: 1, Horizon: 4095}
	for range 300 {
		var k knots
		s := 4 * r.Float64()
		for i := range k {
			k[i] = s
			s += math.Exp2(-12 * r.Float64())
		}
		k.settle(12)
		if k[top] >= 12 {
			continue
		}
		q := newQuantileLaw(k, scale)
		for i := 1; i < levels-1; i++ {
			_, left := q.at(k[i] - 1e-12)
			_, right := q.at(k[i] + 1e-12)
			require.InEpsilon(t, left, right, 1e-4, "%v at knot %d", k, i)
		}
	}
}
