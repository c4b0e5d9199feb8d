package forecast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

// exponential is a law that is not of this package: P(T <= t) = 1 - exp(-rate·t), for whoever wants to score his own.
type exponential float64

func (e exponential) CDF(t float64) float64      { return -math.Expm1(-float64(e) * math.Max(0, t)) }
func (e exponential) Survival(t float64) float64 { return math.Exp(-float64(e) * math.Max(0, t)) }
func (e exponential) Prob(t float64) float64     { return float64(e) * e.Survival(t) }
func (e exponential) Quantile(p float64) float64 { return -math.Log1p(-p) / float64(e) }
func (e exponential) Finite() float64            { return 1 }

// atoms is the law of one of n given times, each as likely as the other.
type atoms []float64

func (a atoms) CDF(t float64) float64 {
	i, _ := slices.BinarySearchFunc(a, t, func(x, t float64) int {
		if x <= t {
			return -1
		}
		return 1
	})
	return float64(i) / float64(len(a))
}
func (a atoms) Survival(t float64) float64 { return 1 - a.CDF(t) }
func (a atoms) Prob(t float64) float64     { return nan }
func (a atoms) Quantile(p float64) float64 {
	return a[max(0, min(len(a)-1, int(math.Ceil(p*float64(len(a))))-1))]
}
func (a atoms) Finite() float64 { return a.CDF(math.MaxFloat64) }

// lying gives quantiles that are not those of its CDF.
type lying struct{ forecast.Distribution }

func (lying) Quantile(p float64) float64 { return p }

func TestCRPSOfExponential(t *testing.T) {
	// The integral of (1 - e^-t/m)² up to y and of e^-2t/m from there to h, in units of the mean m:
	//   y <= h: y + 2e^-y - 3/2 - e^-2h/2        y > h: h + 2e^-h - 3/2 - e^-2h/2
	const m = 50
	law := exponential(1. / m)
	for _, h := range []float64{0.01, 1, 20, 2000} {
		for _, y := range []float64{0, 0.005, 0.5, 1, 3, 19, 1e4, inf} {
			to := math.Min(y, h)
			want := m * (to + 2*math.Exp(-to) - 1.5 - math.Exp(-2*h)/2)
			assert.InDelta(t, want, forecast.CRPS(law, m*y, forecast.PlainScale{Horizon: m * h}), 1e-7*m*h, "y %v, h %v", y, h)
			assert.InDelta(t, want, forecast.CRPS(lying{law}, m*y, forecast.PlainScale{Horizon: m * h}), 1e-7*m*h, "y %v, h %v", y, h)
		}
	}
}

func TestCRPSOfPointMass(t *testing.T) {
	for _, on := range []forecast.Scale{forecast.LogScale{Unit: 2, Horizon: 1000}, forecast.PlainScale{Horizon: 1000}} {
		for _, at := range []float64{0, 1e-3, 7, 333, 999.9, 1000, 1001, 1e6, inf} {
			law := forecast.Distribution(forecast.Resumption{Work: at})
			if at == 0 {
				law = forecast.FirstPassage{} // there already
			}
			for _, y := range []float64{0, 1e-3, 5, 7, 900, 1000, 1e5, inf} {
				want := math.Abs(on.Of(at) - on.Of(y))
				assert.InDelta(t, want, forecast.CRPS(law, y, on), 1e-7*on.Of(inf), "at %v, y %v", at, y)
				assert.InDelta(t, want, forecast.CRPS(lying{law}, y, on), 1e-7*on.Of(inf), "at %v, y %v", at, y)
			}
		}
		assert.Zero(t, forecast.CRPS(forecast.Resumption{Work: inf}, inf, on), "both are never")
		assert.Zero(t, forecast.CRPS(forecast.Resumption{Work: 5000}, 3000, on), "both are past the horizon")
	}
}

// TestCRPSOfAtoms: for a sample, CRPS is E|X - y| - E|X - X'|/2 (Gneiting & Raftery 2007, equation 21), here on the scale.
func TestCRPSOfAtoms(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for _, n := range []int{1, 2, 7, 1000} {
		a := make(atoms, n)
		for i := range a {
			a[i] = math.Exp(10 * r.Float64())
		}
		slices.Sort(a)
		on := forecast.LogScale{Unit: 3, Horizon: 8000}
		for _, y := range []float64{0, 300, inf} {
			var near, apart float64
			for _, x := range a {
				near += math.Abs(on.Of(x)-on.Of(y)) / float64(n)
				for _, x2 := range a {
					apart += math.Abs(on.Of(x)-on.Of(x2)) / float64(n) / float64(n)
				}
			}
			assert.InDelta(t, near-apart/2, forecast.CRPS(a, y, on), 1e-7*on.Of(inf), "%d atoms, y %v", n, y)
		}
	}
}

// TestCRPSIsTheMeanOfAllQuantiles: CRPS is the integral of 2·Pinball over the levels, which needs quantiles and no CDF. With 20 000 levels the midpoint rule is within
// about 1e-4 of the scale, as the losses of the outermost ones are what is left out.
func TestCRPSIsTheMeanOfAllQuantiles(t *testing.T) {
	laws := []forecast.Distribution{
		forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20},
		forecast.FirstPassage{Distance: 1000, Drift: -1, DriftSD: 0.6, Volatility: 20}, // mostly never
		forecast.FirstPassage{Distance: 1000, Drift: 1, Volatility: 1e-3},              // all but certain
		forecast.StudentPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20, Nu: 3},
		forecast.Resumption{Silence: 100, Work: 400},
		forecast.Mixture{Components: []forecast.Distribution{
			forecast.Resumption{Work: 700}, forecast.Resumption{Work: inf}, forecast.FirstPassage{Distance: 1000, Drift: 2, Volatility: 10},
		}},
	}
	const n = 20_000
	for i, law := range laws {
		if m, ok := law.(forecast.Mixture); ok {
			law = m.Prepare()
		}
		for _, on := range []forecast.Scale{forecast.LogScale{Unit: 10, Horizon: 2000}, forecast.PlainScale{Horizon: 2000}} {
			var qs [n]float64
			for k := range qs {
				qs[k] = on.Of(law.Quantile((float64(k) + 0.5) / n))
			}
			for _, y := range []float64{0, 300, 1000, inf} {
				sum := 0.0
				for k, q := range qs {
					sum += 2 * forecast.Pinball((float64(k)+0.5)/n, q, on.Of(y)) / n
				}
				assert.InDelta(t, sum, forecast.CRPS(laws[i], y, on), 1e-4*on.Of(inf), "law %d, y %v, %T", i, y, on)
			}
		}
	}
}

func TestCRPSInvalid(t *testing.T) {
	law := exponential(1)
	for name, x := range map[string]float64{
		"no law":             forecast.CRPS(nil, 1, forecast.PlainScale{Horizon: 10}),
		"no scale":           forecast.CRPS(law, 1, nil),
		"no horizon":         forecast.CRPS(law, 1, forecast.PlainScale{Horizon: inf}),
		"zero scale":         forecast.CRPS(law, 1, forecast.LogScale{}),
		"negative outcome":   forecast.CRPS(law, -1, forecast.PlainScale{Horizon: 10}),
		"outcome NaN":        forecast.CRPS(law, nan, forecast.PlainScale{Horizon: 10}),
		"law out of range":   forecast.CRPS(forecast.FirstPassage{Distance: nan}, 1, forecast.PlainScale{Horizon: 10}),
		"horizon of nothing": forecast.CRPS(law, 1, forecast.PlainScale{Horizon: 0}),
	} {
		assert.True(t, math.IsNaN(x), name)
	}
}

// noise is no CDF at all, and counts how often it is asked.
type noise struct {
	exponential
	asked *int
}

func (n noise) CDF(t float64) float64 {
	*n.asked++
	_, f := math.Modf(math.Abs(1e9 * math.Sin(1e9*t)))
	return f
}

func TestCRPSEnds(t *testing.T) {
	asked := 0
	x := forecast.CRPS(noise{1, &asked}, 10, forecast.PlainScale{Horizon: 10})
	assert.InDelta(t, 10./3, x, 0.5, "the mean of the square of what is uniform")
	assert.Less(t, asked, 2_000_000)
}

func BenchmarkCRPS(b *testing.B) {
	on := forecast.LogScale{Unit: 10, Horizon: 20000}
	passage := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20}
	for name, law := range map[string]forecast.Distribution{
		"passage": passage,
		"step":    forecast.Resumption{Work: 700},
		"mixture": forecast.Mixture{Components: []forecast.Distribution{passage, forecast.StudentPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20, Nu: 7}}},
	} {
		b.Run("law="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				forecast.CRPS(law, 900, on)
			}
		})
	}
}
