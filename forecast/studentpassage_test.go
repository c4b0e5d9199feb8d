package forecast

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
)

// testdata/student_passage.csv: testdata/first_passage.py student 200 2, the mean of the textbook formula over g by quadrature in 90 digits.
func TestStudentPassageReference(t *testing.T) {
	w, absolute := worst{}, 0.0
	for _, c := range readCases(t, "testdata/student_passage.csv", 11) {
		f, x := StudentPassage{Distance: c[0], Drift: c[1], DriftSD: c[2], Volatility: c[3], Nu: c[4]}, c[5]
		w.relative(t, "CDF", c[6], f.CDF(x), 1e-30, 2e-13, c)
		w.relative(t, "Survival", c[7], f.Survival(x), 1e-30, 5e-12, c)
		w.relative(t, "Finite", c[8], f.Finite(), 1e-30, 2e-13, c)
		w.relative(t, "P(never)", c[9], f.Survival(math.Inf(1)), 1e-30, 5e-12, c)
		w.relative(t, "Prob", c[10], f.Prob(x), 1e-290, 1e-13, c)
		absolute = math.Max(absolute, math.Max(math.Abs(f.CDF(x)-c[6]), math.Abs(f.Survival(x)-c[7])))
	}
	assert.Less(t, absolute, 1e-14)
	t.Log(w, "absolute", absolute)
}

var degrees = []float64{0.3, 1, 2.5, 4, 9, 60, 1e4, 1e9}

func TestStudentPassageQuantileRoundTrip(t *testing.T) {
	n, largest := 0, 0.0
	for _, c := range readCases(t, "testdata/student_passage.csv", 11) {
		f := StudentPassage{Distance: c[0], Drift: c[1], DriftSD: c[2], Volatility: c[3], Nu: c[4]}
		for _, x := range []float64{c[5], c[5] / 3, 1.7 * c[5], 100 * c[5]} {
			p := f.CDF(x)
			// The CDF's own noise, some 1e-15, is ten roundings.
			if !(p > 1e-12 && p < 1-1e-12) || 0x1p-50*p/(x*f.Prob(x)) > 1e-10 {
				continue
			}
			n++
			err := math.Abs(f.Quantile(p)/x - 1)
			largest = math.Max(largest, err)
			assert.True(t, err < 1e-9, "%v: Quantile(CDF(%v) = %v) = %v", f, x, p, f.Quantile(p))
		}
	}
	t.Log(n, "quantiles, largest error", largest)
	assert.Greater(t, n, 300)
}

// Without volatility T = a/nu, so that P(T <= t) is Student's distribution function at (m-a/t)/tau.
func TestStudentPassageWithoutVolatility(t *testing.T) {
	for _, nu := range []float64{1, 2.5, 4, 9, 60} {
		f := StudentPassage{1.4e6, 300, 50, 0, nu}
		for _, x := range []float64{2000, 4000, 4666, 5000, 9000} {
			want := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: nu}.CDF((300 - 1.4e6/x) / 50)
			assert.InEpsilon(t, want, f.CDF(x), 1e-12, "nu = %v, t = %v", nu, x)
		}
	}
}

// The more degrees of freedom, the closer to FirstPassage: the difference is O(1/nu), up to and beyond normalNu.
func TestStudentPassageLargeNu(t *testing.T) {
	for _, f := range laws {
		for _, nu := range []float64{1e6, 1e9, 1e13, 0.99e18, 1e18, math.Inf(1)} {
			s := StudentPassage{f.Distance, f.Drift, f.DriftSD, f.Volatility, nu}
			for _, x := range []float64{0.02, 4000, 5000, 20000} {
				assert.InDelta(t, f.CDF(x), s.CDF(x), 1e-13+1/nu)
				assert.InDelta(t, f.Survival(x), s.Survival(x), 1e-13+1/nu)
			}
			assert.InDelta(t, f.Finite(), s.Finite(), 1e-13+1/nu)
		}
	}
}

func TestStudentPassageDensity(t *testing.T) {
	for _, nu := range degrees {
		f := StudentPassage{1.4e6, 300, 100, 2000, nu}
		lo, hi := f.Quantile(0.05*f.Finite()), f.Quantile(0.8*f.Finite())
		assert.InDelta(t, f.CDF(hi)-f.CDF(lo), integrate(f.Prob, lo, hi), 1e-12, "nu = %v", nu)
		assert.InEpsilon(t, f.Prob(hi), math.Exp(f.LogProb(hi)), 1e-13)
	}
}

func TestStudentPassageSpecialCases(t *testing.T) {
	inf := math.Inf(1)
	for _, nu := range degrees {
		assert.Equal(t, []float64{1, 0, 0, 0}, []float64{StudentPassage{0, 1, 1, 1, nu}.CDF(0), StudentPassage{0, 1, 1, 1, nu}.Survival(0),
			StudentPassage{0, 1, 1, 1, nu}.Quantile(0.5), StudentPassage{0, 1, 1, 1, nu}.Prob(1)})
		certain := StudentPassage{10, 4, 0, 0, nu}
		assert.Equal(t, []float64{0, 1, 1, 2.5, inf}, []float64{certain.CDF(2.4), certain.CDF(2.5), certain.Finite(), certain.Quantile(0.5),
			certain.Prob(2.5)})
		f := StudentPassage{1.4e6, 300, 100, 2000, nu}
		assert.Equal(t, []float64{0, 0, 1, 0, 0, inf, inf, 0, 0}, []float64{f.CDF(-1), f.CDF(0), f.Survival(0), f.Quantile(0), f.Quantile(-1),
			f.Quantile(1), f.Quantile(3), f.Prob(inf), f.Prob(0)})
		assert.InEpsilon(t, math.Exp(-nu/2*math.Log1p(4*3*1.4e6/4e6/nu)), StudentPassage{1.4e6, -3, 0, 2000, nu}.Finite(), 1e-13)
	}
	for _, nu := range []float64{0, -1, math.NaN(), math.Inf(-1)} {
		f := StudentPassage{1.4e6, 300, 100, 2000, nu}
		for _, y := range []float64{f.CDF(1), f.Survival(1), f.Finite(), f.Prob(1), f.LogProb(1), f.Quantile(0.5), f.Rand(rand.NewPCG(1, 2))} {
			assert.True(t, math.IsNaN(y))
		}
	}
}

func TestStudentPassageRand(t *testing.T) {
	for i, nu := range degrees {
		for j, f := range laws {
			src := rand.NewPCG(uint64(i), uint64(j))
			s := StudentPassage{f.Distance, f.Drift, f.DriftSD, f.Volatility, nu}
			if i == j || i+1 == j {
				kolmogorov(t, func() float64 { return s.Rand(src) }, s.CDF)
			}
		}
	}
}

// checkStudentPassage asserts what holds for any finite arguments and nu > 0.
func checkStudentPassage(t *testing.T, f StudentPassage, x, p float64) {
	at := fmt.Sprintf("%#v at %v, %v", f, x, p)
	c, s, finite, never := f.CDF(x), f.Survival(x), f.Finite(), f.Survival(math.Inf(1))
	require.True(t, c >= -1e-12 && c <= finite+1e-12 && finite <= 1+1e-12, "%s: CDF %v, Finite %v", at, c, finite)
	require.True(t, s >= never-1e-12 && s <= 1+1e-12 && never >= -1e-12, "%s: Survival %v, never %v", at, s, never)
	require.InDelta(t, 1, c+s, 1e-12, at)
	require.InDelta(t, 1, finite+never, 1e-12, at)
	require.True(t, f.CDF(2*x) >= c-1e-12 || x < 0, at)
	require.GreaterOrEqual(t, f.Prob(x), 0.0, at)
	require.False(t, math.IsNaN(f.LogProb(x)), at)
	require.GreaterOrEqual(t, f.Rand(rand.NewPCG(1, 2)), 0.0, at)
	q := f.Quantile(p)
	require.True(t, q >= 0, "%s: Quantile %v", at, q)
	if p > 0 && p < finite-1e-12 {
		require.GreaterOrEqual(t, f.CDF(math.Nextafter(q, math.Inf(1))*(1+1e-9)), p-1e-12, "%s: quantile %v", at, q)
	}
}

func FuzzStudentPassage(f *testing.F) {
	for _, x := range []float64{1, 0, 5e-324, 1e-310, 1e308, 0.3, 1.4e6} {
		f.Add(x, 300., 50., 1000., 5., 4000., 0.5)
		f.Add(1.4e6, -x, x, 1000., 1., 4000., 1e-9)
		f.Add(1.4e6, 300., 50., 1000., x, 4000., 0.5)
		f.Add(1.4e6, 300., 50., x, 30., x, 1e-300)
	}
	f.Fuzz(func(t *testing.T, a, m, tau, sigma, nu, x, p float64) {
		if (FirstPassage{a, m, tau, sigma}).undefined(x) || math.IsInf(x, 0) || math.IsNaN(p) || math.IsInf(p, 0) || !(nu > 0) {
			t.Skip()
		}
		checkStudentPassage(t, StudentPassage{a, m, tau, sigma, nu}, x, p)
	})
}

func TestStudentPassageAnyFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		spread := []float64{2, 20, 300, 1000}[r.IntN(4)]
		any := func() float64 { return (1 + r.Float64()) * math.Exp2(math.Max(-1074, (2*r.Float64()-1)*spread)) }
		checkStudentPassage(t, StudentPassage{any(), any() * float64(1-r.IntN(3)), any() * float64(r.IntN(2)), any() * float64(r.IntN(2)),
			[]float64{any(), 1 + 10*r.Float64()}[r.IntN(2)]}, any(), r.Float64())
	}
}

func TestStudentPassageAllocatesNothing(t *testing.T) {
	f := StudentPassage{1.4e6, 300, 50, 1000, 9}
	var sink float64
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		sink += f.CDF(4000) + f.Survival(4000) + f.Prob(4000) + f.LogProb(4000) + f.Quantile(0.3) + f.Finite()
	}))
}

func BenchmarkStudentPassageCDF(b *testing.B) {
	for _, nu := range []float64{1, 3, 10, 100, 10000} {
		b.Run(fmt.Sprintf("nu=%v", nu), func(b *testing.B) {
			f := StudentPassage{1.4e6, 300, 50, 1000, nu}
			b.ReportAllocs()
			for b.Loop() {
				f.CDF(4800)
			}
		})
	}
}

func BenchmarkStudentPassageQuantile(b *testing.B) {
	for _, nu := range []float64{1, 3, 10, 100, 10000} {
		b.Run(fmt.Sprintf("nu=%v", nu), func(b *testing.B) {
			f := StudentPassage{1.4e6, 300, 50, 1000, nu}
			b.ReportAllocs()
			for b.Loop() {
				f.Quantile(0.95)
			}
		})
	}
}
