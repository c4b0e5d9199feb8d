package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// walks are ways in which a level moves from one observation to the next; all of them stay at 0 or above.
var walks = []struct {
	name string
	next func(r *rand.Rand, level float64) float64
}{
	{"random walk", func(r *rand.Rand, l float64) float64 { return math.Max(0, l+10*r.NormFloat64()) }},
	{"whole items", func(r *rand.Rand, l float64) float64 { return math.Max(0, l+float64(r.IntN(3)-1)) }},
	{"growing", func(r *rand.Rand, l float64) float64 { return l + r.ExpFloat64() }},
	{"growing by factors", func(r *rand.Rand, l float64) float64 { return l*(1+0.1*r.Float64()) + r.Float64() }},
	{"bursts", func(r *rand.Rand, l float64) float64 {
		if r.IntN(50) == 0 {
			l += 1e4 * r.Float64()
		}
		return math.Max(0, l-20*r.Float64())
	}},
}

// TestStairsAgainstAll: against the slow way, the last time at or below a height in all that was. As long as the steps fit it is that time to the bit. With more of them it is never
// later, and its level is lower than that of the true one by R/11 octaves at most, where R is the span of log2(1 + level): of 22 steps that may be left out, each of which
// opens a gap from its lower neighbour to its upper one, the gaps sum to twice the span at most, so that the least is no more than R/11.
func TestStairsAgainstAll(t *testing.T) {
	for _, w := range walks {
		t.Run(w.name, func(t *testing.T) {
			exact, dropped, off, bound := 0, 0, 0.0, 0.0
			for run := range uint64(20) {
				r := rand.New(rand.NewPCG(run, 1))
				var s stairs
				var times []float64
				var heights []float32
				now, level, steps, overflown := 0.0, 0.0, 0, false
				lowest, highest := math.Inf(1), 0.0
				for range 600 {
					now += r.ExpFloat64()
					level = w.next(r, level)
					s.see(now, level)
					times, heights = append(times, now), append(heights, float32(level))
					lowest, highest = math.Min(lowest, level), math.Max(highest, level)
					require.LessOrEqual(t, int(s.n), stairSteps)
					// The true steps: the lows seen from now.
					steps = 0
					for i, low := len(heights)-1, float32(math.Inf(1)); i >= 0; i-- {
						if heights[i] < low {
							low = heights[i]
							steps++
						}
					}
					overflown = overflown || steps > stairSteps
					height := lowest*(1-0.1*r.Float64()) + (highest-lowest)*r.Float64()*r.Float64()
					true_, ok := -1, false
					for i := len(heights) - 1; i >= 0 && !ok; i-- {
						if float64(heights[i]) <= height {
							true_, ok = i, true
						}
					}
					since, known := s.since(height)
					require.Equal(t, ok, known, "the lowest step is never lost")
					switch {
					case !ok:
					case !overflown:
						exact++
						require.Equal(t, times[true_], since)
					default:
						require.LessOrEqual(t, since, times[true_])
						at := 0
						for times[at] != since {
							at++
						}
						gap := math.Log2(float64(heights[true_]+1) / float64(heights[at]+1))
						most := math.Log2((highest+1)/(lowest+1)) / 11
						require.True(t, gap >= 0 && gap <= most, "%v octaves too low, of %v", gap, most)
						if gap > 0 {
							dropped++
						}
						off, bound = math.Max(off, gap), math.Max(bound, most)
					}
				}
			}
			t.Logf("%d exact, %d from a lower step, by up to %.3f octaves of %.3f", exact, dropped, off, bound)
			assert.Greater(t, exact, 100)
			if w.name == "growing" || w.name == "growing by factors" {
				assert.Greater(t, dropped, 1000)
			}
		})
	}
}

func TestStairsByHand(t *testing.T) {
	var s stairs
	_, ok := s.since(1e9)
	assert.False(t, ok, "nothing was seen")
	for i, level := range []float64{5, 3, 8, 4, 9, 9, 7, 12} {
		s.see(float64(i), level)
	}
	// The last at 3 or below was at 1, at 4 at 3, at 7 at 6, at 12 at 7.
	for height, want := range map[float64]float64{3: 1, 3.9: 1, 4: 3, 6.9: 3, 7: 6, 11: 6, 12: 7, 1e9: 7} {
		since, ok := s.since(height)
		assert.True(t, ok)
		assert.Equal(t, want, since, "at or below %v", height)
	}
	_, ok = s.since(2.9)
	assert.False(t, ok)
}

// TestPace: the mean distance, but that one counts to three means.
func TestPace(t *testing.T) {
	var p pace
	see := func(ts ...float64) float64 {
		for _, x := range ts {
			p.see(x)
		}
		return p.mean
	}
	assert.Zero(t, see(100))
	assert.Equal(t, 10.0, see(110))
	// (10 + 20)/2 = 15; then 1000 counts as 45: 15 + (45 - 15)/3 = 25.
	assert.Equal(t, 15.0, see(130))
	assert.Equal(t, 25.0, see(1130))
	// From the fourth distance on to the 256th each counts 1/n, and 1/256 after that: of 25 - 7 there are left (3/4)·(4/5)· … ·(255/256) = 3/256, and (255/256)^1247 of that.
	for range 1500 {
		p.see(p.last + 7)
	}
	assert.InDelta(t, 7+18*3./256*math.Pow(255./256, 1247), p.mean, 1e-9)
}

// TestReversalByHand: last at 50 or below 300 s ago, observed each 10 s: the place is log2(1 + 30) + 0.1, and for the p-quantile log2(p/(1 - p))/1.5 more.
func TestReversalByHand(t *testing.T) {
	var r Reversal
	assert.Nil(t, r.Forecast(10))
	for i, level := range []float64{20, 40, 50} {
		r.Observe(Observation{Time: 1000 + 10*float64(i), Total: -level})
	}
	for i := range 30 {
		r.Observe(Observation{Time: 1030 + 10*float64(i), Total: -90 - float64(i%2)*20})
	}
	law := r.Forecast(60)
	require.NotNil(t, law)
	place := func(p float64) float64 { return math.Log2(1 + law.Quantile(p)/10) }
	assert.InDelta(t, math.Log2(31)+0.1, place(0.5), 1e-9)
	// The quartiles are log2(3)/1.5 = 1.057 places from it, a factor of two, and the bounds at level 0.9 log2(19)/1.5 = 2.83, a factor of seven.
	assert.InDelta(t, math.Log2(3)/1.5, place(0.75)-place(0.5), 1e-9)
	assert.InDelta(t, math.Log2(3)/1.5, place(0.5)-place(0.25), 1e-9)
	assert.InDelta(t, 2.08, math.Exp2(place(0.75)-place(0.5)), 0.005)
	assert.InDelta(t, math.Log2(19)/1.5, place(0.95)-place(0.5), 1e-9)
	assert.InDelta(t, 7.1, math.Exp2(place(0.95)-place(0.5)), 0.05)
	// 1/(1 + (1.07·(1 + A)/(1 + t))^1.5) on the scale, at the knots and within a hundredth between them.
	for p := 0.03; p < 0.97; p += 0.01 {
		x := math.Exp2(0.1) * 31 / (1 + law.Quantile(p)/10)
		assert.InDelta(t, p, 1/(1+math.Pow(x, 1.5)), 0.01, p)
	}
	assert.Nil(t, r.Forecast(91), "it was never at 19 or below")
	assert.NotNil(t, r.Forecast(90))
	for _, d := range []float64{0, -1, math.NaN()} {
		assert.Nil(t, r.Forecast(d), d)
	}
}

// TestReversalUnits: neither the unit of time nor its origin matters.
func TestReversalUnits(t *testing.T) {
	quantiles := func(unit, origin float64) (q []float64) {
		rng := rand.New(rand.NewPCG(1, 2))
		var r Reversal
		level, now := 100.0, 0.0
		for i := range 3000 {
			now += rng.ExpFloat64()
			level = walks[0].next(rng, level)
			r.Observe(Observation{Time: unit*now + origin, Total: -level})
			if law := r.Forecast(level / 2); i%50 == 0 && law != nil {
				for _, p := range []float64{0.01, 0.3, 0.5, 0.99} {
					q = append(q, law.Quantile(p)/unit)
				}
			}
		}
		return q
	}
	want := quantiles(1, 0)
	require.Greater(t, len(want), 100)
	for _, c := range [][2]float64{{60, 0}, {1e-6, 0}, {1e6, 0}, {1, 1e5}} {
		got := quantiles(c[0], c[1])
		require.Len(t, got, len(want))
		for i := range want {
			require.InDelta(t, want[i], got[i], 1e-8*(1+want[i]), "unit %v, origin %v", c[0], c[1]) // an origin of 1e5 takes five digits
		}
	}
}

// TestReversalOfReversibleProcesses: where a process looks the same backwards, the time until it is at or below a height and the time since it was are exchangeable: the
// one is as often longer as the other, whatever the height. Outcomes 80 steps apart, of which the processes remember 20 (1/0.05, and 1/(√0.6 - √0.3)²), are taken to be independent, and
// shares held against those of a binomial law, with 4.9 standard errors, one of a million.
//
// The law is that of no process: of the first, one time tells less of the other than it says, so that its quartiles and bounds are too narrow; of the second they are not. How
// many outcomes were below its quantiles is held to what was measured, within 0.02; below the median, of 1.07 times the time since, to half of them within 0.04.
func TestReversalOfReversibleProcesses(t *testing.T) {
	processes := []struct {
		name  string
		next  func(r *rand.Rand, level float64) float64
		share float64 // of the level that is asked for
		below [5]float64
	}{
		// x' = 0.95·x + noise, Gaussian and thus reversible, about 40, with standard deviation 10.
		{"autoregressive", func(r *rand.Rand, x float64) float64 {
			return 40 + 0.95*(x-40) + 10*math.Sqrt(1-0.95*0.95)*r.NormFloat64()
		}, 0.75, [5]float64{0.164, 0.359, 0.530, 0.700, 0.889}},
		// A queue: of ten steps one item comes in three, one leaves in six, and nothing happens in one; a birth and death process (Reich 1957).
		{"single server", func(r *rand.Rand, l float64) float64 {
			switch u := r.Float64(); {
			case u < 0.3:
				return l + 1
			case u < 0.9 && l > 0:
				return l - 1
			}
			return l
		}, 0.5, [5]float64{0.037, 0.237, 0.509, 0.813, 0.979}},
	}
	for _, c := range processes {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			path := make([]float64, 1_000_000)
			level := 10.0
			for i := range path {
				level = c.next(r, level)
				path[i] = level
			}
			var f Reversal
			n, longer := 0, 0.0
			var below [5]float64
			for i, l := range path[:len(path)-20_000] {
				f.Observe(Observation{Time: float64(i), Total: -l})
				if i < 1000 || i%80 > 0 || l < 2 {
					continue
				}
				target := c.share * l
				since, until := i, i
				for since > 0 && path[since] > target {
					since--
				}
				for path[until] > target {
					until++
				}
				law := f.Forecast(l - target)
				if law == nil {
					continue
				}
				n++
				switch a, b := i-since, until-i; {
				case b > a:
					longer++
				case b == a:
					longer += 0.5
				}
				for k, p := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
					// Times are whole: half of those at the quantile, rounded, count as below.
					switch q := math.Round(law.Quantile(p)); {
					case float64(until-i) < q:
						below[k]++
					case float64(until-i) == q:
						below[k] += 0.5
					}
				}
			}
			for k := range below {
				below[k] /= float64(n)
			}
			t.Logf("%d outcomes: longer than the time since %.4f; below the quantiles of 0.05, 0.25, 0.5, 0.75, 0.95: %.3f", n, longer/float64(n), below)
			assert.InDelta(t, 0.5, longer/float64(n), 4.9*0.5/math.Sqrt(float64(n)))
			assert.InDelta(t, 0.5, below[2], 0.04)
			assert.InDeltaSlice(t, c.below[:], below[:], 0.02)
		})
	}
}

func TestReversalDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var r Reversal
	now, level := 0.0, 0.0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now++
		level = walks[0].next(rng, level)
		r.Observe(Observation{Time: now, Total: -level})
	}))
}
