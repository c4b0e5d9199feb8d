package forecast

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// increments are ways in which a total rises from one observation to the next; none has a change of its rate. The largest number of false alarms in
// 200 000 observations was found by running them, and is the measured number plus four of its square roots and one.
var increments = []struct {
	name   string
	alarms int
	next   func(rng *rand.Rand, before float64) (seconds, items float64)
}{
	{"normal", 1, func(rng *rand.Rand, _ float64) (float64, float64) { return 1, 3 + rng.NormFloat64() }},
	{"counts, one in five", 1, func(rng *rand.Rand, _ float64) (float64, float64) { return 1, math.Floor(1.25 * rng.Float64()) }},
	{"exponential spacing", 1, func(rng *rand.Rand, _ float64) (float64, float64) {
		dt := rng.ExpFloat64()
		return dt, math.Sqrt(dt) * rng.NormFloat64()
	}},
	{"correlated by 0.5", 1, func(rng *rand.Rand, before float64) (float64, float64) { return 1, 0.5*before + rng.NormFloat64() }},
	{"correlated by 0.8", 12, func(rng *rand.Rand, before float64) (float64, float64) { return 1, 0.8*before + rng.NormFloat64() }},
	{"heavy tails, t with 3 degrees", 1, func(rng *rand.Rand, _ float64) (float64, float64) {
		chi := 0.0
		for range 3 {
			x := rng.NormFloat64()
			chi += x * x
		}
		return 1, rng.NormFloat64() / math.Sqrt(chi/3)
	}},
	{"batches of 1000, one in a hundred", 1, func(rng *rand.Rand, _ float64) (float64, float64) {
		x := rng.NormFloat64()
		if rng.Float64() < 0.01 {
			x += 1000
		}
		return 1, x
	}},
}

func TestTrendFalseAlarms(t *testing.T) {
	for _, c := range increments {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var trend Trend
			now, total, x, alarms := 0.0, 0.0, 0.0, 0
			for range 200_000 {
				var dt float64
				dt, x = c.next(rng, x)
				now += dt
				total += x
				start := trend.start.i
				trend.Observe(Observation{Time: now, Total: total})
				if trend.start.i != start && start > 0 {
					alarms++
				}
			}
			t.Logf("%d false alarms", alarms)
			assert.LessOrEqual(t, alarms, c.alarms)
		})
	}
}

func TestTrendFindsAChange(t *testing.T) {
	// After 100 observations of noise 1 the rate rises by shift: how many more it takes on average over 200 runs, and where the change is put.
	for _, c := range []struct{ shift, most float64 }{{2, 30}, {3, 14}, {5, 7}, {10, 7}} {
		t.Run(fmt.Sprintf("shift=%g", c.shift), func(t *testing.T) {
			delay, off := 0.0, 0.0
			for run := range uint64(200) {
				rng := rand.New(rand.NewPCG(run, 3))
				var trend Trend
				total, i := 0.0, 0
				for ; i < 100; i++ {
					total += rng.NormFloat64()
					trend.Observe(Observation{Time: float64(i), Total: total})
				}
				require.Equal(t, 1, trend.start.i)
				for trend.start.i == 1 && i < 1000 {
					total += c.shift + rng.NormFloat64()
					trend.Observe(Observation{Time: float64(i), Total: total})
					i++
				}
				delay += float64(i-100) / 200
				off += math.Abs(float64(trend.start.i-100)) / 200 // the last observation of the old rate is number 100
				before, ok := trend.Before()
				require.True(t, ok)
				assert.InDelta(t, 0, before.Mean, 5*before.SD)
			}
			t.Logf("%.1f observations, put %.2f off", delay, off)
			assert.Less(t, delay, c.most)
			assert.Less(t, off, 2.0)
		})
	}
}

func TestTrendByHand(t *testing.T) {
	// A total of 0, 10, 30, 40 at 0, 10, 20, 40 s.
	var trend Trend
	for _, o := range []Observation{{0, 0}, {10, 10}} {
		trend.Observe(o)
		_, ok := trend.Rate()
		assert.False(t, ok)
	}
	trend.Observe(Observation{20, 30})
	trend.Observe(Observation{40, 40})
	r, ok := trend.Rate()
	require.True(t, ok)
	// Rates 1, 2 and 0.5 a second: second differences (2-1)²·(10·10/20) = 5 and (2-0.5)²·(10·20/30) = 15, on average 10; that of span 2, (1.5-0.5)²·10 =
	// 10, is one of too few. Counting: 40.5/40. SD = √(10/40), Nu = 2/1.5.
	assert.InDelta(t, 1, r.Mean, 1e-12)
	assert.InDelta(t, math.Sqrt(10), r.Volatility, 1e-12)
	assert.InDelta(t, 0.5, r.SD, 1e-12)
	assert.InDelta(t, 4.0/3, r.Nu, 1e-12)
	assert.Equal(t, 40.0, r.Span)
	_, ok = trend.Before()
	assert.False(t, ok)
}

func TestTrendOfAKink(t *testing.T) {
	// A line without any noise that bends by more than counting explains: known after five observations, to the observation and to the rate.
	for _, rates := range [][2]float64{{0, -10}, {0, 10}, {-1000, 1000}} {
		var trend Trend
		total := 0.0
		for i := range 106 {
			trend.Observe(Observation{float64(i), total})
			total += rates[map[bool]int{true: 1}[i >= 100]]
		}
		r, _ := trend.Rate()
		assert.Equal(t, 100.0, r.Since, "%v", rates)
		assert.InDelta(t, rates[1], r.Mean, 1e-9, "%v", rates)
		before, _ := trend.Before()
		assert.InDelta(t, rates[0], before.Mean, 1e-9, "%v", rates)
	}
}

func TestHullHoldsTheLargest(t *testing.T) {
	// Against the slow way: z² at every observation since the start. The hulls hold the largest of them all as long as no corner was dropped, which twice
	// eight hold 50 observations of a random walk without.
	compared := 0
	for run := range uint64(50) {
		rng := rand.New(rand.NewPCG(run, 5))
		var trend Trend
		var path []corner
		now, total := 0.0, 0.0
		for range 50 {
			now += 0.2 + rng.ExpFloat64()
			total += 2 + 10*rng.NormFloat64()
			trend.Observe(Observation{now, total})
			path = append(path, trend.last)
			if trend.changed || trend.lower.n == hullCorners || trend.upper.n == hullCorners {
				break
			}
			all, corners := 0.0, 0.0
			for _, c := range path[:len(path)-1] {
				all = math.Max(all, trend.z2(c))
			}
			for _, h := range []hull{trend.lower, trend.upper} {
				for _, c := range h.corners[:h.n] {
					corners = math.Max(corners, trend.z2(c))
				}
			}
			if len(path) > 2 {
				require.InEpsilon(t, all, corners, 1e-9)
				compared++
			}
		}
	}
	assert.Greater(t, compared, 1000)
}

// z2 is z² at a corner, with variance 1.
func (t *Trend) z2(c corner) float64 {
	u, v := c.time-t.start.time, t.last.time-c.time
	if u <= 0 || v <= 0 {
		return 0
	}
	g := (c.clipped-t.start.clipped)/u - (t.last.clipped-c.clipped)/v
	return g * g * u * v / (u + v)
}

func TestTrendUnits(t *testing.T) {
	// The same path in minutes, and in bundles of a thousand items, changes at the same observations.
	starts := func(stretch, multiply float64) (at []int) {
		rng := rand.New(rand.NewPCG(7, 8))
		var trend Trend
		total := 0.0
		for i := range 2000 {
			rate := []float64{5, -10, 0, 30}[i/500]
			total += rate + 20*rng.NormFloat64()
			trend.Observe(Observation{stretch * float64(i), multiply * total})
			at = append(at, trend.start.i)
		}
		return at
	}
	want := starts(1, 1)
	require.Greater(t, want[len(want)-1], 1500)
	assert.Equal(t, want, starts(60, 1))
	assert.Equal(t, want, starts(1.0/3600, 1))
	assert.Equal(t, want, starts(1, 1000))
}

func TestTrendManyCorners(t *testing.T) {
	// A smooth curve has a corner at every observation. The memory is fixed all the same, and the rate is followed.
	var trend Trend
	for i := range 10_000 {
		trend.Observe(Observation{float64(i), 1000 * math.Sin(float64(i)/300)})
	}
	r, ok := trend.Rate()
	require.True(t, ok)
	assert.Less(t, r.Span, 600.0, "a third of a period")
	assert.LessOrEqual(t, trend.lower.n, hullCorners)
}

func TestTrendDoesNotAllocate(t *testing.T) {
	var trend Trend
	rng := rand.New(rand.NewPCG(9, 10))
	i := 0.0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		i++
		trend.Observe(Observation{i, 10 * rng.NormFloat64()})
	}))
}

func BenchmarkTrendObserve(b *testing.B) {
	var trend Trend
	rng := rand.New(rand.NewPCG(9, 10))
	total := make([]float64, 4096)
	for i := range total {
		total[i] = rng.NormFloat64()
		if i > 0 {
			total[i] += total[i-1]
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		trend.Observe(Observation{float64(i), total[i%len(total)]})
	}
}
