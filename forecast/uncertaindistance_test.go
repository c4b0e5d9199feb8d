package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

var _ = []Distribution{FirstPassage{}, StudentPassage{}, UncertainDistance{}}

func TestUncertainDistanceWithoutUncertainty(t *testing.T) {
	for _, f := range laws {
		u := UncertainDistance{Law: f}
		assert.Equal(t, []float64{f.CDF(4000), f.Survival(4000), f.Prob(4000), f.Quantile(0.1), f.Finite()},
			[]float64{u.CDF(4000), u.Survival(4000), u.Prob(4000), u.Quantile(0.1), u.Finite()})
		// and as a limit
		u.DistanceSD = 1e-7 * f.Distance
		assert.InDelta(t, f.CDF(4000), u.CDF(4000), 1e-6)
	}
}

// Without volatility and with a distance far above 0 (40 and 12 standard deviations), T <= t is x <= nu*t, both normal (Fieller's
// ratio); also where s is far above sqrt(v), tau*t = 5e-5 s, and far below.
func TestUncertainDistanceFieller(t *testing.T) {
	for _, c := range []struct{ s, tau float64 }{{35e3, 50}, {110e3, 1e-3}, {10, 50}, {35e3, 8}} {
		u := UncertainDistance{Law: FirstPassage{Distance: 1.4e6, Drift: 300, DriftSD: c.tau}, DistanceSD: c.s}
		for _, x := range []float64{3000, 4000, 4500, 4700, 5000, 7000} {
			d := (1.4e6 - 300*x) / math.Hypot(c.s, c.tau*x)
			assert.InDelta(t, 0.5*math.Erfc(d/math.Sqrt2), u.CDF(x), 1e-12, "%v at %v", c, x)
			assert.InDelta(t, 0.5*math.Erfc(-d/math.Sqrt2), u.Survival(x), 1e-12, "%v at %v", c, x)
			assert.InDelta(t, math.Exp(-d*d/2)/sqrt2Pi, u.Prob(x)*integrand(u, x), 1e-10, "%v at %v", c, x)
		}
	}
}

// integrand is what the density of the Fieller ratio has before the normal density of d: 1/(d of its argument by dt).
func integrand(u UncertainDistance, x float64) float64 {
	s2, tau2 := u.DistanceSD*u.DistanceSD, u.Law.DriftSD*u.Law.DriftSD
	v := s2 + tau2*x*x
	// -d' = (m v + (a-mt) tau^2 t)/v^(3/2) = (m s^2 + a tau^2 t)/v^(3/2)
	return v * math.Sqrt(v) / (u.Law.Drift*s2 + u.Law.Distance*tau2*x)
}

// tau = sigma = 0: T <= t is x <= m*t.
func TestUncertainDistanceOnly(t *testing.T) {
	u := UncertainDistance{Law: FirstPassage{Distance: 1000, Drift: 2}, DistanceSD: 400}
	for _, x := range []float64{0, 1, 300, 500, 900} {
		assert.InDelta(t, 0.5*math.Erfc((1000-2*x)/400/math.Sqrt2), u.CDF(x), 1e-12)
	}
	assert.InDelta(t, 1, u.Finite(), 1e-15)
	assert.InDelta(t, 500, u.Quantile(0.5), 1e-6)
}

// A known negative drift: E[exp(2mx/sigma^2)] over x > 0, and 1 for x < 0, in closed form by completing the square.
func TestUncertainDistanceFinite(t *testing.T) {
	for _, c := range []struct{ a, s, m, sigma float64 }{{1000, 400, -2, 100}, {1000, 400, -2, 3}, {-100, 400, -1e-3, 1}, {5, 400, -20, 1}} {
		u := UncertainDistance{Law: FirstPassage{Distance: c.a, Drift: c.m, Volatility: c.sigma}, DistanceSD: c.s}
		k := 2 * c.m / (c.sigma * c.sigma)
		y := -(c.a/c.s + k*c.s) / math.Sqrt2 // exp(k a + k^2 s^2/2) Phi(a/s + k s), scaled
		want := 0.5*math.Erfc(c.a/c.s/math.Sqrt2) + 0.5*math.Exp(-c.a*c.a/(2*c.s*c.s))*scaledErfc(y)
		assert.InDelta(t, want, u.Finite(), 1e-12, "%v", c)
		assert.InDelta(t, 1-want, u.Survival(math.Inf(1)), 1e-12, "%v", c)
	}
}

func scaledErfc(x float64) float64 {
	if x < 0 {
		return math.Exp(x*x) * math.Erfc(x)
	}
	return erfcx(x)
}

// Against a slow, obvious version: 4,000 equal panels, not adaptive, at times where the CDF changes over more than a panel.
func TestUncertainDistanceBruteForce(t *testing.T) {
	for _, f := range laws {
		for _, sd := range []float64{1e-3, 0.1, 1, 5} {
			u := UncertainDistance{Law: f, DistanceSD: sd * f.Distance}
			for _, x := range []float64{2000, 5000, 20000} {
				m := mixing{law: f, sd: u.DistanceSD, t: x, value: FirstPassage.Survival}
				lo, hi := math.Max(-8.5, -1/sd), 8.5
				const panels = 4000
				want := 0.0
				for i := range panels {
					want += m.gauss(lo+(hi-lo)*float64(i)/panels, lo+(hi-lo)*float64(i+1)/panels)
				}
				assert.InDelta(t, want, u.Survival(x), 1e-11, "%v at %v", u, x)
				assert.InDelta(t, 1-want, u.CDF(x), 1e-11, "%v at %v", u, x)
			}
		}
	}
}

func TestUncertainDistanceDensity(t *testing.T) {
	for _, f := range laws[:6] {
		u := UncertainDistance{Law: f, DistanceSD: 0.4 * f.Distance}
		assert.InDelta(t, u.CDF(7000)-u.CDF(3000), integrate(u.Prob, 3000, 7000), 1e-11, "%v", u)
	}
}

func TestUncertainDistanceQuantile(t *testing.T) {
	for _, f := range laws {
		for _, sd := range []float64{0.01, 0.3, 2} {
			u := UncertainDistance{Law: f, DistanceSD: sd * f.Distance}
			last := 0.0
			for _, p := range []float64{0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.999} {
				q := u.Quantile(p)
				assert.GreaterOrEqual(t, q, last)
				switch {
				case p >= u.Finite():
					assert.True(t, math.IsInf(q, 1))
				case p > u.CDF(0):
					assert.InDelta(t, p, u.CDF(q), 1e-10, "%v", u)
				default:
					assert.Zero(t, q)
				}
				last = q
			}
		}
	}
}

// Simulated: the distance, then FirstPassage.Rand, 20000 times from a fixed seed. Each of the 15 counts lies within 5.5 standard
// deviations of the binomial, of false-alarm probability 15*4e-8 = 6e-7 together.
func TestUncertainDistanceSimulated(t *testing.T) {
	const n = 20000
	src := rand.NewPCG(11, 12)
	normal := rand.New(src)
	for _, f := range []FirstPassage{laws[2], laws[3], laws[4]} {
		u := UncertainDistance{Law: f, DistanceSD: 0.5e6}
		var draws []float64
		for range n {
			g := f
			g.Distance += u.DistanceSD * normal.NormFloat64()
			draws = append(draws, g.Rand(src))
		}
		for _, x := range []float64{0, 2000, 4500, 9000, 1e300} {
			count := 0
			for _, d := range draws {
				if d <= x {
					count++
				}
			}
			p := u.CDF(x)
			assert.InDelta(t, n*p, count, 5.5*math.Sqrt(n*p*(1-p)), "%v at %v", f, x)
		}
	}
}

func TestUncertainDistanceSpecialCases(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	u := UncertainDistance{Law: laws[2], DistanceSD: 1e6}
	there := 0.5 * math.Erfc(1.4/math.Sqrt2)
	assert.Equal(t, []float64{0, 1, 0, inf, 0, 0, 0, inf}, []float64{u.CDF(-1), u.Survival(-1), u.Prob(-1), u.Prob(0), u.Prob(inf), u.Quantile(-1),
		u.Quantile(there), u.Quantile(1.1)})
	assert.InDelta(t, there, u.CDF(0), 1e-15)
	assert.Equal(t, u.CDF(4000), UncertainDistance{Law: laws[2], DistanceSD: -1e6}.CDF(4000))
	for _, v := range []UncertainDistance{{laws[2], nan}, {laws[2], inf}, {FirstPassage{1, nan, 1, 1}, 1}} {
		for _, y := range []float64{v.CDF(1), v.Survival(1), v.Prob(1), v.Quantile(0.5), v.Finite()} {
			assert.True(t, math.IsNaN(y))
		}
	}
}

func TestUncertainDistanceAnyFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		spread := []float64{2, 20, 300, 1000}[r.IntN(4)]
		any := func() float64 { return (1 + r.Float64()) * math.Exp2(math.Max(-1074, (2*r.Float64()-1)*spread)) }
		u := UncertainDistance{FirstPassage{any() * float64(1-r.IntN(3)), any() * float64(1-r.IntN(3)), any() * float64(r.IntN(2)),
			any() * float64(r.IntN(2))}, any()}
		x := any()
		c, s := u.CDF(x), u.Survival(x)
		assert.True(t, c >= 0 && c <= 1 && s >= 0 && s <= 1 && u.Prob(x) >= 0, "%#v at %v: %v, %v", u, x, c, s)
		assert.GreaterOrEqual(t, u.Quantile(r.Float64()), 0.0)
		if spread <= 20 {
			assert.InDelta(t, 1, c+s, 1e-11, "%#v at %v", u, x)
		}
	}
}

func TestUncertainDistanceAllocatesNothing(t *testing.T) {
	u := UncertainDistance{Law: laws[2], DistanceSD: 1e5}
	var sink float64
	assert.Zero(t, testing.AllocsPerRun(10, func() { sink += u.CDF(4000) + u.Survival(4000) + u.Prob(4000) + u.Quantile(0.3) }))
}

func BenchmarkUncertainDistanceCDF(b *testing.B) {
	u := UncertainDistance{Law: laws[2], DistanceSD: 1e5}
	b.ReportAllocs()
	for b.Loop() {
		u.CDF(4800)
	}
}
