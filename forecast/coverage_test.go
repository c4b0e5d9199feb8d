package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

func TestCoverageAdd(t *testing.T) {
	c := forecast.Coverage{Level: 0.9}
	for _, x := range [][3]float64{
		{5, 9, 5}, {5, 9, 9}, {5, 5, 5}, {5, inf, 1e9}, {5, inf, inf}, {inf, inf, inf}, // within
		{5, 9, 4}, {inf, inf, 1e9}, // early
		{5, 9, 10}, {5, 9, inf}, {0, 0, 1}, // late
		{9, 5, 7}, {nan, 9, 7}, {5, nan, 7}, {5, 9, nan}, // cannot be told
	} {
		c.Add(x[0], x[1], x[2])
	}
	assert.Equal(t, forecast.Coverage{Level: 0.9, Within: 6, Early: 2, Late: 3, Unscored: 4}, c)
	assert.Equal(t, 11, c.N())
	assert.Equal(t, 6./11, c.Share())
	assert.True(t, math.IsNaN(forecast.Coverage{Unscored: 3}.Share()))

	// On a scale what is past the horizon is one outcome.
	on := forecast.PlainScale{Horizon: 100}
	var capped forecast.Coverage
	for _, x := range [][3]float64{{50, 200, 300}, {50, 100, 300}, {150, 200, inf}} {
		capped.Add(on.Of(x[0]), on.Of(x[1]), on.Of(x[2]))
	}
	capped.Add(on.Of(50), on.Of(99), on.Of(inf))
	capped.Add(on.Of(150), on.Of(200), on.Of(99))
	assert.Equal(t, forecast.Coverage{Within: 3, Late: 1, Early: 1}, capped)
}

// binomial returns P(X = k) for n trials, by logarithms of factorials.
func binomial(n, k int, p float64) float64 {
	lgamma := func(x int) float64 { l, _ := math.Lgamma(float64(x) + 1); return l }
	if p == 0 || p == 1 {
		if float64(k) == p*float64(n) {
			return 1
		}
		return 0
	}
	return math.Exp(lgamma(n) - lgamma(k) - lgamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func coverage(n, within int) forecast.Coverage {
	return forecast.Coverage{Within: within, Early: (n - within) / 2, Late: n - within - (n-within)/2}
}

func TestCoverageBounds(t *testing.T) {
	// All or none within: 1 - (α/2)^(1/n), in closed form.
	for _, n := range []int{1, 10, 400, 1_000_000} {
		lower, upper := coverage(n, 0).Bounds(0.95)
		assert.Zero(t, lower)
		assert.InEpsilon(t, -math.Expm1(math.Log(0.025)/float64(n)), upper, 1e-9, n)
		lower, upper = coverage(n, n).Bounds(0.95)
		assert.Equal(t, 1.0, upper)
		assert.InEpsilon(t, math.Exp(math.Log(0.025)/float64(n)), lower, 1e-9, n)
	}
	// Elsewhere by what defines them: the sums of the probabilities.
	for _, n := range []int{2, 7, 30, 400} {
		for _, k := range []int{1, n / 2, n - 1} {
			lower, upper := coverage(n, k).Bounds(0.9)
			var atLeast, atMost float64
			for i := 0; i <= n; i++ {
				if i >= k {
					atLeast += binomial(n, i, lower)
				}
				if i <= k {
					atMost += binomial(n, i, upper)
				}
			}
			assert.InEpsilon(t, 0.05, atLeast, 1e-8, "%d of %d", k, n)
			assert.InEpsilon(t, 0.05, atMost, 1e-8, "%d of %d", k, n)
		}
	}
	// A well-known case: 9 of 10 at 95 % is 0.5550 to 0.9975 (R 4.3, binom.test(9, 10)$conf.int: 0.5549839 0.9974714).
	lower, upper := coverage(10, 9).Bounds(0.95)
	assert.InDelta(t, 0.5549839, lower, 1e-7)
	assert.InDelta(t, 0.9974714, upper, 1e-7)

	wide, _ := coverage(10, 9).Bounds(0.99)
	assert.Less(t, wide, lower, "more confidence is wider")
	for _, c := range []forecast.Coverage{{}, {Unscored: 5}, {Within: -1, Early: 3}, {Within: 3, Early: -1}, {Within: 3, Late: -1}} {
		lower, upper := c.Bounds(0.95)
		assert.True(t, math.IsNaN(lower) && math.IsNaN(upper), "%v", c)
	}
	for _, confidence := range []float64{0, 1, -1, 2, nan} {
		lower, upper := coverage(10, 5).Bounds(confidence)
		assert.True(t, math.IsNaN(lower) && math.IsNaN(upper), confidence)
	}
}

// TestCoverageBoundsHold: over all outcomes of n trials, each with its probability, the bounds hold the truth at least as often as they say; and with many trials not much
// more often, as they would if they were too wide.
func TestCoverageBoundsHold(t *testing.T) {
	for _, n := range []int{5, 40, 1000} {
		for _, truth := range []float64{0.02, 0.3, 0.5, 0.9, 0.95} {
			held, below, above := 0.0, 0.0, 0.0
			for k := 0; k <= n; k++ {
				p := binomial(n, k, truth)
				switch lower, upper := coverage(n, k).Bounds(0.9); {
				case truth < lower:
					below += p
				case truth > upper:
					above += p
				default:
					held += p
				}
			}
			assert.GreaterOrEqual(t, held, 0.9-1e-9, "n %d, truth %v", n, truth)
			assert.LessOrEqual(t, math.Max(below, above), 0.05+1e-9, "n %d, truth %v: each side", n, truth)
			if n == 1000 {
				assert.Less(t, held, 0.93, "truth %v", truth)
			}
		}
	}
}

func TestCoveragePValue(t *testing.T) {
	// P(X <= 7) for ten at 0.9: 1 - 0.9^10 - 10·0.9^9·0.1 - 45·0.9^8·0.01 = 0.07019, twice that.
	c := coverage(10, 7)
	c.Level = 0.9
	assert.InDelta(t, 0.1403817, c.PValue(), 1e-6)
	for _, n := range []int{1, 10, 300} {
		for k := 0; k <= n; k += max(1, n/10) {
			for _, level := range []float64{0.3, 0.5, 0.95} {
				var atLeast, atMost float64
				for i := 0; i <= n; i++ {
					if i >= k {
						atLeast += binomial(n, i, level)
					}
					if i <= k {
						atMost += binomial(n, i, level)
					}
				}
				c := coverage(n, k)
				c.Level = level
				want := math.Min(1, 2*math.Min(atLeast, atMost))
				assert.InDelta(t, want, c.PValue(), 1e-9+1e-6*want, "%d of %d at %v", k, n, level)
				// The bounds leave the level out where the probability is small.
				lower, upper := c.Bounds(0.95)
				assert.Equal(t, c.PValue() < 0.05, level < lower || level > upper, "%d of %d at %v", k, n, level)
			}
		}
	}
	for _, c := range []forecast.Coverage{{}, {Within: 5}, {Level: 1, Within: 5}, {Level: nan, Within: 5}, {Level: 0.5, Unscored: 5}, {Level: 0.5, Within: 5, Early: -1}} {
		assert.True(t, math.IsNaN(c.PValue()), "%v", c)
	}
}

// TestCoverageOfALaw: the central intervals of the true law hold as often as they say, with censored outcomes too; within 4.9 standard errors, one of a million.
func TestCoverageOfALaw(t *testing.T) {
	truth := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20}
	src := rand.NewPCG(41, 42)
	const n = 20_000
	for _, level := range []float64{0.5, 0.9} {
		// At a horizon within the bounds nothing is late.
		for q, latest := range map[float64]float64{0.93: 0, 0.99: (1 - level) / 2, 1: (1 - level) / 2} {
			on := forecast.PlainScale{Horizon: truth.Quantile(q)}
			c := forecast.Coverage{Level: level}
			lower, upper := on.Of(truth.Quantile((1-level)/2)), on.Of(truth.Quantile((1+level)/2))
			for range n {
				c.Add(lower, upper, on.Of(truth.Rand(src)))
			}
			if level == 0.5 && q == 0.93 {
				latest = 0.25
			}
			early := (1 - level) / 2
			assert.InDelta(t, early, float64(c.Early)/n, 4.9*math.Sqrt(early/n))
			assert.InDelta(t, latest, float64(c.Late)/n, 4.9*math.Sqrt(latest/n), "level %v, horizon at %v", level, q)
		}
	}
}
