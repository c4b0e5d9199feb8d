package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

var _ Distribution = Last{}

// bruteLast is the integral over z in 6000 equal panels of 8 nodes, that of the CDF or of the Survival, with loadings below 1 in size: a slow, obvious version. The deviate is
// found by halving, not by the formula.
func bruteLast(l Last, t float64, survival bool) float64 {
	var a, s []float64
	for i, c := range l.Components {
		a = append(a, bruteDeviate(c.CDF(t), c.Survival(t)))
		s = append(s, math.Sqrt((1-l.Loadings[i])*(1+l.Loadings[i])))
	}
	const panels, end = 6000, 15.
	sum := 0.0
	for k := range panels {
		for j := range 8 {
			u, w := gaussNode[j%4], gaussWeight[j%4]
			if j >= 4 {
				u = 1 - u
			}
			z := end * (2*(float64(k)+u)/panels - 1)
			log := 0.0 // of the product
			for i := range a {
				y := (a[i] - l.Loadings[i]*z) / s[i] / math.Sqrt2
				if y > 0 {
					log += math.Log1p(-0.5 * math.Erfc(y))
				} else {
					log += math.Log(0.5 * math.Erfc(-y))
				}
			}
			f := math.Exp(log)
			if survival {
				f = -math.Expm1(log)
			}
			sum += 2 * end / panels * w * math.Exp(-z*z/2) / sqrt2Pi * f
		}
	}
	return sum
}

func bruteDeviate(cdf, survival float64) float64 {
	lo, hi := -40., 40.
	for range 100 {
		if x := (lo + hi) / 2; cdf < 0.5 && 0.5*math.Erfc(-x/math.Sqrt2) < cdf || cdf >= 0.5 && 0.5*math.Erfc(x/math.Sqrt2) > survival {
			lo = x
		} else {
			hi = x
		}
	}
	return lo
}

// anyLast returns components of all sorts with loadings up to largest in size.
func anyLast(r *rand.Rand, n int, largest float64, mixed bool) (l Last) {
	spread := []float64{0.01, 0.3, 2}[r.IntN(3)] // of the sizes, in powers of e
	for range n {
		f := FirstPassage{Distance: 1000 * math.Exp(spread*r.NormFloat64()), Drift: 1 - 0.3*float64(r.IntN(2)), DriftSD: 0.3 * float64(r.IntN(3)), Volatility: 10}
		l.Components = append(l.Components, f)
		loading := largest * math.Sqrt(r.Float64())
		if r.IntN(3) == 0 {
			loading = largest
		}
		if mixed && r.IntN(2) == 0 {
			loading = -loading
		}
		l.Loadings = append(l.Loadings, loading)
	}
	return l
}

// Measured with 40 000 panels and 160 laws for each size of the loadings: 8e-14 up to 0.5, 4e-13 up to 0.95, see the log for what is near 1.
func TestLastAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, largest := range []float64{0.5, 0.95, 0.999, 0.99999} {
		cdf, survival := 0.0, 0.0
		for k := range 9 {
			l := anyLast(r, []int{2, 3, 10}[k%3], largest, k >= 6)
			for _, p := range []float64{1e-3, 0.3, 0.99, 1 - 1e-9} {
				x, least := 0.0, 1.0
				for _, d := range l.Components {
					x = math.Max(x, math.Min(1e9, d.Quantile(p)))
				}
				for _, d := range l.Components {
					least = math.Min(least, d.CDF(x))
				}
				cdf = math.Max(cdf, math.Abs(l.CDF(x)-bruteLast(l, x, false))/least)
				survival = math.Max(survival, math.Abs(l.Survival(x)/bruteLast(l, x, true)-1))
			}
		}
		t.Logf("loadings up to %v: CDF %.1g, Survival %.1g", largest, cdf, survival)
		tolerance := 1e-10
		if largest <= 0.95 {
			tolerance = 1e-12
		}
		assert.Less(t, cdf, tolerance)
		assert.Less(t, survival, tolerance)
	}
}

// Many components make a rise that is sharper than that of each: the rule of trapezoids has to see it.
func TestLastOfManyAgainstBruteForce(t *testing.T) {
	for _, loading := range []float64{0.6, 0.7, 0.81, 0.9} {
		var l Last
		for i := range 60 {
			l.Components = append(l.Components, FirstPassage{Distance: 1000 + float64(i), Drift: 1, DriftSD: 0.2, Volatility: 10})
			l.Loadings = append(l.Loadings, loading)
		}
		for _, x := range []float64{1100, 2000} {
			assert.InEpsilon(t, bruteLast(l, x, false), l.CDF(x), 1e-10, "%v at %v", loading, x)
			assert.InEpsilon(t, bruteLast(l, x, true), l.Survival(x), 1e-10, "%v at %v", loading, x)
		}
	}
}

// With loadings so near 1 the law is that of loadings 1 but for what is of the order of √(1-ℓ²).
func TestLastNearOne(t *testing.T) {
	components := []Distribution{FirstPassage{Distance: 1000, Drift: 1, Volatility: 10}, FirstPassage{Distance: 900, Drift: 1, DriftSD: 0.3, Volatility: 20}}
	for _, gap := range []float64{1e-6, 1e-9, 1e-12, 1e-15} {
		near := Last{components, []float64{1 - gap, 1 - gap}}
		one := Last{components, []float64{1, 1}}
		countering := Last{components, []float64{1 - gap, gap - 1}}
		counter := Last{components, []float64{1, -1}}
		for _, x := range []float64{300, 900, 1050, 1300, 5000} {
			assert.InDelta(t, one.CDF(x), near.CDF(x), math.Sqrt(2*gap), "%v at %v", gap, x)
			assert.InDelta(t, counter.CDF(x), countering.CDF(x), math.Sqrt(2*gap), "%v at %v", gap, x)
			assert.InDelta(t, 1, near.CDF(x)+near.Survival(x), 1e-9, "%v at %v", gap, x)
			assert.InDelta(t, 1, countering.CDF(x)+countering.Survival(x), 1e-9, "%v at %v", gap, x)
		}
	}
}

// The survival far out, where it is 1e-12 to 1e-100: between the largest and the sum of those of the components, and near the sum where two are hardly ever late together.
func TestLastFarOut(t *testing.T) {
	a, b := FirstPassage{Distance: 1000, Drift: 1, Volatility: 10}, FirstPassage{Distance: 1100, Drift: 1, Volatility: 10}
	for _, loading := range []float64{0, 0.3, 0.7, 0.95, 0.999, 1} {
		l := Last{[]Distribution{a, b}, []float64{loading, loading}}
		for _, x := range []float64{5000, 20000, 60000} {
			s := l.Survival(x)
			assert.GreaterOrEqual(t, s, math.Max(a.Survival(x), b.Survival(x))*(1-1e-9), "%v at %v", loading, x)
			assert.LessOrEqual(t, s, (a.Survival(x)+b.Survival(x))*(1+1e-9), "%v at %v", loading, x)
			if loading <= 0.3 {
				assert.InEpsilon(t, a.Survival(x)+b.Survival(x), s, 1e-3)
			}
		}
		assert.Less(t, l.Survival(60000), 1e-100)
	}
	// With one more thing that has a loading of 1 and sets the limit of the integral.
	l := Last{[]Distribution{a, b, a}, []float64{0.5, 0.9, 1}}
	assert.InDelta(t, 1, l.CDF(1000)+l.Survival(1000), 1e-10)
	assert.Greater(t, l.Survival(20000), b.Survival(20000))
	assert.Less(t, l.Survival(20000), 2*a.Survival(20000)+b.Survival(20000))
}

// The density is the derivative of the CDF.
func TestLastDensity(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for k := range 30 {
		l := anyLast(r, 1+k%5, []float64{0, 0.5, 0.95, 0.999, 1}[k/6], k%2 == 0)
		if k%6 == 5 {
			for i := range l.Loadings {
				l.Loadings[i] /= 2
			}
			l.Loadings[0] = 1
		}
		lo, hi := l.Quantile(0.2*l.Finite()), l.Quantile(0.7*l.Finite())
		if !(lo > 0) {
			continue // countermonotone
		}
		tolerance := 1e-6
		if k >= 24 {
			tolerance = 1e-4 // the density has steps, where another one is the slowest
		}
		assert.InDelta(t, 0.5*l.Finite(), lastIntegral(l.Prob, lo, hi), tolerance, "%v", l)
	}
}

// lastIntegral is by 400 panels of 8 nodes.
func lastIntegral(f func(float64) float64, lo, hi float64) (sum float64) {
	const panels = 400
	w := (hi - lo) / panels
	for k := range panels {
		for j, u := range gaussNode {
			sum += w * gaussWeight[j] * (f(lo+w*(float64(k)+u)) + f(lo+w*(float64(k)+1-u)))
		}
	}
	return sum
}

// How many panels the integral begins with: many components that are steep do not take many.
func TestLastPanels(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{2, 100, 300} {
		for _, largest := range []float64{0.3, 0.95, 0.999, 0.999999} {
			l := anyLast(r, n, largest, false).prepare()
			a, _, settled := l.at(l.Quantile(0.5), lastCDF)
			assert.False(t, settled)
			asked, _ := a.panels(lastCDF)
			assert.Less(t, len(asked), 40, "%d components, loadings up to %v", n, largest)
		}
	}
}
