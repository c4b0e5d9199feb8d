package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/forecast"
)

var inf, nan = math.Inf(1), math.NaN()

// nines are the levels of a WeightedIntervalScore in these tests.
var nines = []float64{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975}

func TestLogScale(t *testing.T) {
	l := forecast.LogScale{Unit: 60, Horizon: 3600}
	for _, c := range [][2]float64{
		{0, 0}, {60, 1}, {180, 2}, {420, 3}, // log2(1 + 0, 1, 3, 7)
		{3600, math.Log2(61)}, {3601, math.Log2(61)}, {inf, math.Log2(61)},
	} {
		assert.InDelta(t, c[1], l.Of(c[0]), 1e-14, c[0])
		assert.InDelta(t, math.Min(c[0], 3600), l.Time(l.Of(c[0])), 1e-10, c[0])
	}
	assert.InEpsilon(t, 1e-20/60/math.Ln2, l.Of(1e-20), 1e-14, "log2(1 + x) = x/ln 2 for a small x")
	assert.Equal(t, 3600.0, l.Time(l.Of(inf)), "not past the horizon by rounding")
	endless := forecast.LogScale{Unit: 1, Horizon: inf}
	assert.Equal(t, inf, endless.Of(inf))
	assert.Equal(t, inf, endless.Time(inf))
	// 1e308/1e-308 is out of range: log2(10^616).
	assert.InEpsilon(t, 616*math.Log2(10), forecast.LogScale{Unit: 1e-308, Horizon: inf}.Of(1e308), 1e-14)
	for _, bad := range []float64{nan, -1e-300, -inf} {
		assert.True(t, math.IsNaN(l.Of(bad)), bad)
		assert.True(t, math.IsNaN(l.Time(bad)), bad)
	}
	assert.True(t, math.IsNaN(l.Time(6)), "past the horizon, log2(61) = 5.93")
	for _, bad := range []forecast.LogScale{{}, {60, 0}, {0, 60}, {-1, 60}, {60, -1}, {inf, 60}, {nan, 60}, {60, nan}} {
		assert.True(t, math.IsNaN(bad.Of(5)), "%v", bad)
		assert.True(t, math.IsNaN(bad.Time(0)), "%v", bad)
	}
}

func TestPlainScale(t *testing.T) {
	p := forecast.PlainScale{Horizon: 3600}
	for _, c := range [][2]float64{{0, 0}, {60, 60}, {3600, 3600}, {3601, 3600}, {inf, 3600}} {
		assert.Equal(t, c[1], p.Of(c[0]))
	}
	assert.Equal(t, 7.0, p.Time(7))
	assert.Equal(t, inf, forecast.PlainScale{Horizon: inf}.Of(inf))
	for _, bad := range []float64{nan, -1e-300, p.Of(nan), p.Time(3601), p.Time(-1), p.Time(nan), forecast.PlainScale{}.Of(1), forecast.PlainScale{}.Time(0), forecast.PlainScale{Horizon: nan}.Of(1)} {
		assert.True(t, math.IsNaN(p.Of(bad)), bad)
	}
}

func TestPinball(t *testing.T) {
	for _, c := range []struct{ p, q, y, want float64 }{
		{0.9, 10, 14, 0.9 * 4},
		{0.9, 10, 4, (1 - 0.9) * 6},
		{0.5, 10, 4, 3},
		{0.25, 10, 10, 0},
		{0.25, inf, inf, 0},
		{0.25, inf, 10, inf},
		{0.25, 10, inf, inf},
		{0.25, -inf, inf, inf},
	} {
		assert.InDelta(t, c.want, forecast.Pinball(c.p, c.q, c.y), 1e-15, "%v", c)
	}
	for _, bad := range [][3]float64{{0, 1, 2}, {1, 1, 2}, {-1, 1, 1}, {2, inf, inf}, {nan, 1, 1}, {0.5, nan, 1}, {0.5, 1, nan}, {0.5, nan, nan}} {
		assert.True(t, math.IsNaN(forecast.Pinball(bad[0], bad[1], bad[2])), "%v", bad)
	}
}

func TestIntervalScore(t *testing.T) {
	for _, c := range []struct{ level, lower, upper, y, want float64 }{
		{0.9, 10, 30, 10, 20},
		{0.9, 10, 30, 30, 20},
		{0.9, 10, 30, 9, 20 + 20*1}, // 2/0.1 = 20
		{0.9, 10, 30, 33, 20 + 20*3},
		{0.5, 10, 30, 33, 20 + 4*3}, // 2/0.5 = 4
		{0.5, 10, 10, 10, 0},
		{0.9, inf, inf, inf, 0},
		{0.9, inf, inf, 10, inf},
		{0.9, 10, inf, 20, inf},
		{0.9, 10, 20, inf, inf},
	} {
		assert.InDelta(t, c.want, forecast.IntervalScore(c.level, c.lower, c.upper, c.y), 1e-12, "%v", c)
		alpha := 1 - c.level // twice the pinballs over alpha
		both := 2 / alpha * (forecast.Pinball(alpha/2, c.lower, c.y) + forecast.Pinball(1-alpha/2, c.upper, c.y))
		assert.InDelta(t, c.want, both, 1e-12, "%v", c)
	}
	for _, bad := range [][4]float64{{0, 1, 2, 1}, {1, 1, 2, 1}, {nan, 1, 2, 1}, {0.5, 2, 1, 1}, {0.5, nan, 1, 1}, {0.5, 1, nan, 1}, {0.5, 1, 2, nan}} {
		assert.True(t, math.IsNaN(forecast.IntervalScore(bad[0], bad[1], bad[2], bad[3])), "%v", bad)
	}
}

func TestWeightedIntervalScore(t *testing.T) {
	quantiles := []float64{2, 3, 5, 8, 13, 21, 34, 55, 89}
	for _, y := range []float64{0, 2, 4, 13, 30, 89, 200} {
		// As Bracher et al. define it (their equation 3, weights α/2): (|y - m|/2 + Σ α_k/2·IS_k)/(K + 1/2) with K = 4.
		want := math.Abs(y-13) / 2
		for k := range 4 {
			alpha := 2 * nines[k]
			want += alpha / 2 * forecast.IntervalScore(1-alpha, quantiles[k], quantiles[8-k], y)
		}
		assert.InEpsilon(t, want/4.5, forecast.WeightedIntervalScore(nines, quantiles, y), 1e-12, y)
	}
	assert.Equal(t, 7.0, forecast.WeightedIntervalScore([]float64{0.5}, []float64{13}, 6), "of the median alone: the absolute error")
	assert.InDelta(t, (2*0.9*4+2*0.5*4)/2, forecast.WeightedIntervalScore([]float64{0.9, 0.5}, []float64{10, 10}, 14), 1e-15, "in any order")
	assert.Zero(t, forecast.WeightedIntervalScore(nines[:2], []float64{inf, inf}, inf))
	assert.Equal(t, inf, forecast.WeightedIntervalScore(nines[:2], []float64{5, inf}, inf))
	for _, bad := range []float64{
		forecast.WeightedIntervalScore(nil, nil, 1),
		forecast.WeightedIntervalScore(nines, quantiles[1:], 1),
		forecast.WeightedIntervalScore([]float64{0.5, 1}, []float64{1, 1}, 1),
		forecast.WeightedIntervalScore([]float64{0.5}, []float64{nan}, 1),
		forecast.WeightedIntervalScore([]float64{0.5}, []float64{1}, nan),
	} {
		assert.True(t, math.IsNaN(bad))
	}
}

func TestSkill(t *testing.T) {
	for _, c := range [][3]float64{
		{1, 4, 0.75}, {4, 4, 0}, {6, 4, -0.5}, {0, 4, 1},
		{0, 0, 0}, {1, 0, -inf}, {1, inf, 1}, {inf, inf, 0}, {inf, 1, -inf},
	} {
		assert.Equal(t, c[2], forecast.Skill(c[0], c[1]), "%v", c)
	}
	for _, bad := range [][2]float64{{-1, 1}, {1, -1}, {nan, 1}, {1, nan}} {
		assert.True(t, math.IsNaN(forecast.Skill(bad[0], bad[1])), "%v", bad)
	}
}

// TestScoresAreProper draws 20 000 outcomes of a known law, half of which are later than the horizon, and scores the truth beside forecasts that are off in one way each. Each
// of them must lose by more than 4.9 standard errors of the mean difference; a truth that were not best would do so in one of a million runs.
func TestScoresAreProper(t *testing.T) {
	truth := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.6, Volatility: 20}
	horizon := truth.Quantile(0.5)
	off := func(change func(*forecast.FirstPassage)) forecast.FirstPassage {
		f := truth
		change(&f)
		return f
	}
	wrong := map[string]forecast.FirstPassage{
		"too early":  off(func(f *forecast.FirstPassage) { f.Distance *= 0.8 }),
		"too late":   off(func(f *forecast.FirstPassage) { f.Distance *= 1.2 }),
		"too sure":   off(func(f *forecast.FirstPassage) { f.DriftSD, f.Volatility = f.DriftSD/2, f.Volatility/2 }),
		"too unsure": off(func(f *forecast.FirstPassage) { f.DriftSD, f.Volatility = f.DriftSD*1.5, f.Volatility*1.5 }),
	}
	scores := map[string]func(f forecast.FirstPassage, on forecast.Scale) func(y float64) float64{
		"weighted interval score": func(f forecast.FirstPassage, on forecast.Scale) func(y float64) float64 {
			q := make([]float64, len(nines))
			for i, p := range nines {
				q[i] = on.Of(f.Quantile(p))
			}
			return func(y float64) float64 { return forecast.WeightedIntervalScore(nines, q, on.Of(y)) }
		},
		"interval score": func(f forecast.FirstPassage, on forecast.Scale) func(y float64) float64 {
			// Bounds of which only the upper one is past the horizon, which comes at the median.
			lower, upper := on.Of(f.Quantile(0.05)), on.Of(f.Quantile(0.95))
			return func(y float64) float64 { return forecast.IntervalScore(0.9, lower, upper, on.Of(y)) }
		},
		"pinball": func(f forecast.FirstPassage, on forecast.Scale) func(y float64) float64 {
			q := on.Of(f.Quantile(0.3))
			return func(y float64) float64 { return forecast.Pinball(0.3, q, on.Of(y)) }
		},
		"CRPS": func(f forecast.FirstPassage, on forecast.Scale) func(y float64) float64 {
			// On a grid of outcomes: it is smooth, and 20 000 integrals take long.
			const n = 2000
			end := on.Of(inf)
			var grid [n + 1]float64
			for i := range grid {
				grid[i] = forecast.CRPS(f, on.Time(end*float64(i)/n), on)
			}
			return func(y float64) float64 { return grid[int(math.Round(on.Of(y)/end*n))] }
		},
	}
	for name, score := range scores {
		for _, on := range []forecast.Scale{forecast.LogScale{Unit: 10, Horizon: horizon}, forecast.PlainScale{Horizon: horizon}} {
			right := score(truth, on)
			for way, f := range wrong {
				its := score(f, on)
				src := rand.NewPCG(21, 22)
				const n = 20_000
				var sum, squares float64
				for range n {
					y := truth.Rand(src)
					d := its(y) - right(y)
					sum += d
					squares += d * d
				}
				mean := sum / n
				se := math.Sqrt((squares/n - mean*mean) / n)
				if name == "pinball" && way == "too sure" || name == "interval score" && way == "too unsure" {
					assert.Greater(t, mean, -1.0*se, "%s, %s: hardly another quantile", name, way)
					continue
				}
				assert.Greater(t, mean, 4.9*se, "%s, %s, %T", name, way, on)
			}
		}
	}
}

// TestCappingTheOutcomeAloneIsNotProper: why forecast and outcome are capped at the same time. With outcomes capped and forecasts as they are, one that is too early wins.
func TestCappingTheOutcomeAloneIsNotProper(t *testing.T) {
	truth := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.3, Volatility: 20}
	early := truth
	early.Distance *= 0.8
	horizon := truth.Quantile(0.5)
	capped, plain := forecast.PlainScale{Horizon: horizon}, forecast.PlainScale{Horizon: inf}
	src := rand.NewPCG(23, 24)
	var honest, tempted float64
	for range 20_000 {
		y := capped.Of(truth.Rand(src))
		honest += forecast.Pinball(0.75, plain.Of(truth.Quantile(0.75)), y) - forecast.Pinball(0.75, plain.Of(early.Quantile(0.75)), y)
		tempted += forecast.Pinball(0.75, capped.Of(truth.Quantile(0.75)), y) - forecast.Pinball(0.75, capped.Of(early.Quantile(0.75)), y)
	}
	assert.Positive(t, honest)
	assert.LessOrEqual(t, tempted, 0.0)
}

// TestScoresDoNotDependOnTheUnitOfTime: seconds or hours, the loss on the logarithmic scale is the same, and on the plain one it is in that unit.
func TestScoresDoNotDependOnTheUnitOfTime(t *testing.T) {
	const hour = 3600
	law := func(unit float64) forecast.FirstPassage { // rates in items per unit, volatility in items per root of a unit
		return forecast.FirstPassage{Distance: 1000, Drift: 1 * unit, DriftSD: 0.6 * unit, Volatility: 20 * math.Sqrt(unit)}
	}
	for _, y := range []float64{0, 100, 900, 5000, inf} {
		loss := func(unit float64, on forecast.Scale) (wis, crps float64) {
			q := make([]float64, len(nines))
			for i, p := range nines {
				q[i] = on.Of(law(unit).Quantile(p))
			}
			return forecast.WeightedIntervalScore(nines, q, on.Of(y/unit)), forecast.CRPS(law(unit), y/unit, on)
		}
		wis, crps := loss(1, forecast.LogScale{Unit: 30, Horizon: 7200})
		wis2, crps2 := loss(hour, forecast.LogScale{Unit: 30. / hour, Horizon: 7200. / hour})
		assert.InEpsilon(t, wis, wis2, 1e-9, y)
		assert.InEpsilon(t, crps, crps2, 1e-6, y)
		wis, crps = loss(1, forecast.PlainScale{Horizon: 7200})
		wis2, crps2 = loss(hour, forecast.PlainScale{Horizon: 7200. / hour})
		assert.InEpsilon(t, wis, wis2*hour, 1e-9, y)
		assert.InEpsilon(t, crps, crps2*hour, 1e-6, y)
	}
}

// FuzzScores: whatever goes in, a loss is 0 or more or NaN, 0 where the forecast is right, and no more with the outcome nearer; counts add up.
func FuzzScores(f *testing.F) {
	for _, x := range []float64{0, math.Copysign(0, -1), 1, 0.5, -3, 1e-320, 1e308, inf, -inf, nan} {
		f.Add(0.9, x, 5.0, 7.0)
		f.Add(x, 5.0, x, 7.0)
		f.Add(0.5, x, x, x)
	}
	f.Fuzz(func(t *testing.T, p, a, b, y float64) {
		ok := p > 0 && p < 1 && a == a && b == b && y == y
		for name, loss := range map[string]float64{
			"pinball":  forecast.Pinball(p, a, y),
			"interval": forecast.IntervalScore(p, math.Min(a, b), math.Max(a, b), y),
			"weighted": forecast.WeightedIntervalScore([]float64{p, p}, []float64{a, b}, y),
		} {
			if loss < 0 || ok && loss != loss {
				t.Errorf("%s(%v; %v, %v; %v) = %v", name, p, a, b, y, loss)
			}
		}
		if ok && (forecast.Pinball(p, y, y) != 0 || forecast.IntervalScore(p, y, y, y) != 0) {
			t.Errorf("not 0 where it is right: %v, %v", p, y)
		}
		for _, on := range []forecast.Scale{forecast.LogScale{Unit: a, Horizon: b}, forecast.PlainScale{Horizon: b}} {
			if s := on.Of(y); s < 0 || s > on.Of(inf) || y >= 0 && y < inf && on.Of(y*0.999) > s {
				t.Errorf("%#v at %v is %v", on, y, s)
			}
		}
		c := forecast.Coverage{Level: p}
		c.Add(a, b, y)
		if lower, upper := c.Bounds(p); c.N()+c.Unscored != 1 || c.N() == 1 && p > 0 && p < 1 && !(0 <= lower && lower <= c.Share() && c.Share() <= upper && upper <= 1) {
			t.Errorf("%+v: %v to %v at %v", c, lower, upper, p)
		}
		var u forecast.PIT
		u.Add(forecast.Resumption{Silence: 1}, y, b)
		u.AddRange(a, p)
		sum := 0.0
		for _, x := range u.Counts {
			sum += x
		}
		if x, _ := u.ChiSquare(); u.N+u.Unscored != 2 || math.Abs(sum-float64(u.N)) > 1e-9 || x < 0 {
			t.Errorf("%+v", u)
		}
	})
}
