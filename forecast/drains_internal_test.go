package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var inTime, inPlace, inHeight, inAge, inMove, inWeek float64
	for range 100_000 {
		// From 2^-63 to 2^67 of the unit; half a step of 1/500 octave is 2^0.001 - 1 = 0.0007.
		x := math.Exp2(130*r.Float64() - 63)
		c := packTime(x)
		inTime = math.Max(inTime, math.Abs(unpackTime(c)/x-1))
		require.InEpsilon(t, math.Exp2(float64(c)/500-64), unpackTime(c), 1e-14)

		log := 40*r.Float64() - 20
		inPlace = math.Max(inPlace, math.Abs(placeOfTime(c, log)-math.Log2(1+math.Exp2(float64(c)/500-64-log))))

		h := 65 * r.Float64()
		inHeight = math.Max(inHeight, math.Abs(unpackHeight(packHeight(h))-h))
		s := 12.7 * r.Float64()
		inAge = math.Max(inAge, math.Abs(unpackPlace(packPlace(s))-s))
		m := 15*r.Float64() - 7.5
		inMove = math.Max(inMove, math.Abs(float64(packMove(m))/16-m))
		w := r.Float64()
		inWeek = math.Max(inWeek, math.Abs(float64(packWeek(w)-1)/(math.MaxUint16-1)-w)*7*day)
	}
	t.Logf("off by up to %.5f of a time, %.1e of its place, %.4f of a height, %.3f of an age, %.3f of a movement, %.1f s of a week", inTime, inPlace, inHeight, inAge, inMove, inWeek)
	assert.Less(t, inTime, 0.0007)
	// The table's straight lines: (1/32)²/8·ln(2)/4 = 2.1e-5; where it ends 2^-16/ln 2 = 2.2e-5.
	assert.Less(t, inPlace, 2.3e-5)
	assert.Less(t, inHeight, 0.000501)
	assert.Less(t, inAge, 1./40+1e-9)
	assert.Less(t, inMove, 1./32+1e-9)
	assert.Less(t, inWeek, 10.0)

	// What does not fit is as far off as it goes; 0 stays for what is not known.
	assert.Equal(t, []uint16{1, 1, math.MaxUint16, math.MaxUint16}, []uint16{packTime(0), packTime(1e-30), packTime(1e30), packTime(math.Inf(1))})
	assert.Equal(t, []uint8{0, 255, 255}, []uint8{packPlace(0), packPlace(13), packPlace(1e9)})
	assert.Equal(t, []int8{-127, 127, 0}, []int8{packMove(-1e9), packMove(1e9), packMove(0)})
	assert.Equal(t, []uint16{0, 1, math.MaxUint16 - 1, math.MaxUint16}, []uint16{packWeek(math.NaN()), packWeek(0), packWeek(math.Nextafter(1, 0)), packWeek(1)})
	assert.Equal(t, uint16(math.MaxUint16), packHeight(1e9))
	// They keep the order.
	for i := 1; i < math.MaxUint16; i++ {
		require.Less(t, unpackTime(uint16(i)), unpackTime(uint16(i+1)))
		require.LessOrEqual(t, placeOfTime(uint16(i), 3), placeOfTime(uint16(i+1), 3))
	}
}

func TestBell(t *testing.T) {
	largest := 0.0
	for e := 0.0; e < farthest; e += 0.0013 {
		largest = math.Max(largest, math.Abs(float64(bell(e))*math.Exp(e/2)-1))
	}
	t.Log("largest relative error", largest)
	assert.Less(t, largest, 1e-3)
	assert.Equal(t, float32(1), bell(0), "what is the same weighs 1")
}

func TestPlaceOfAShare(t *testing.T) {
	for _, c := range []struct {
		share float64
		j     int
		part  float64
	}{{1, 0, 0}, {0.9, 0, 0.4}, {0.75, 0, 1}, {0.7, 1, 0.2}, {0.5, 1, 1}, {0.25, 2, 1}, {0.175, 3, 0.5}, {0.1, 3, 1}, {0.05, 4, 0.5}, {0, 4, 1}} {
		j, part := place(c.share)
		assert.Equal(t, c.j, j, "share %v", c.share)
		assert.InDelta(t, c.part, part, 1e-9, "share %v", c.share)
	}
	// By rounding it is still the share itself.
	j, part := place(math.Nextafter(0.5, 0))
	assert.Equal(t, 1, j)
	assert.Equal(t, 1.0, part)
}

func TestAround(t *testing.T) {
	assert.InDelta(t, 0.2, around(0.9-0.1, 1), 1e-12, "from 21:36 to 2:24 it is as far as from there to 21:36")
	assert.InDelta(t, 0.2, around(0.1-0.9, 1), 1e-12)
	assert.InDelta(t, 0.5, around(0.5, 1), 1e-12)
	assert.InDelta(t, 0.5, around(6.5, 7), 1e-12)
}

// drained is one drain of which survive is told.
type drained struct {
	place  float64
	open   bool
	weight float64
}

// surviving returns the knots of drains that count for a number together, and a law.
func surviving(steps []drained, number float64, law knots, end float64) knots {
	var weight [mostDrains][nLike]float32
	var order []uint64
	sum := 0.0
	for i, s := range steps {
		key := uint64(math.Float32bits(float32(s.place)))<<16 | uint64(i)
		if s.open {
			key |= 1 << 15
		}
		order = append(order, key)
		weight[i][0] = float32(s.weight)
		sum += s.weight
	}
	slices.Sort(order)
	var d drains
	return d.survive(order, &weight, 0, number, number/sum, &law, end)
}

// textbook is the estimate of Susarla & Van Ryzin as they have it: for drains of weight wᵢ that ended, or were open, at zᵢ, and N(z) the weight of those at or past z,
//
//	S(t) = (c·S₀(t) + N(t+))/(c + N(0)) · ∏ over open zᵢ <= t of (c·S₀(zᵢ) + N(zᵢ))/(c·S₀(zᵢ) + N(zᵢ) - wᵢ)
//
// where what is open at the same place as others end is after them.
func textbook(t float64, steps []drained, scale float64, law *knots, end float64) float64 {
	ordered := slices.Clone(steps)
	slices.SortStableFunc(ordered, func(a, b drained) int {
		switch {
		case a.place != b.place:
			if a.place < b.place {
				return -1
			}
			return 1
		case a.open == b.open:
			return 0
		case b.open:
			return -1
		}
		return 1
	})
	all, past := 0.0, 0.0
	for _, s := range ordered {
		all += s.weight * scale
		if s.place > t {
			past += s.weight * scale
		}
	}
	survival := (leaning*(1-law.cdf(t, end)) + past) / (leaning + all)
	risk := all
	for _, s := range ordered {
		if s.place > t {
			break
		}
		if w := s.weight * scale; s.open {
			at := leaning*(1-law.cdf(s.place, end)) + risk
			survival *= at / (at - w)
		}
		risk -= s.weight * scale
	}
	return survival
}

// checkSurviving: at each knot the textbook's survival falls to that of the level, or jumps past it.
func checkSurviving(t *testing.T, k knots, survival func(s float64) float64, end, near, tolerance float64, args ...any) {
	for i, p := range quantileLevels {
		if k[i] > near {
			require.GreaterOrEqual(t, survival(k[i]-near), 1-p-tolerance, "level %v, knots %v, %v", p, k, args)
		}
		if k[i] < end-near {
			require.LessOrEqual(t, survival(k[i]+near), 1-p+tolerance, "level %v, knots %v, %v", p, k, args)
		}
	}
}

var wideLaw = knots{1, 1.5, 2, 3, 4.5, 6, 8, 9, 10}

// TestSurviveWithoutCensoring: the posterior mean (c·S₀ + N)/(c + n).
func TestSurviveWithoutCensoring(t *testing.T) {
	const end = 12.
	steps := []drained{{1.25, false, 1}, {2.5, false, 1}, {5, false, 1}, {7, false, 1}, {7.5, false, 1}}
	k := surviving(steps, 5, wideLaw, end)
	checkSurviving(t, k, func(s float64) float64 {
		n := 0.0
		for _, x := range steps {
			if x.place > s {
				n++
			}
		}
		return (leaning*(1-wideLaw.cdf(s, end)) + n) / (leaning + 5)
	}, end, 1e-5, 1e-4)
	// By hand: with c = 1.8 and S₀(5) = 0.5 - 0.25·0.5/1.5 = 5/12 the survival just before 5 is (1.8·5/12 + 3)/6.8 = 0.551, and at 5 it is 0.404: the median is there.
	assert.Equal(t, 5.0, k[middle])
	// At 2.5, with S₀ = 0.825, it falls from (1.8·0.825 + 4)/6.8 = 0.807 to 0.660: the lower quartile is there.
	assert.Equal(t, 2.5, k[first4])
	// At 7.5, with S₀ = 0.25 - 0.15·1.5/2 = 0.1375, it falls from (1.8·0.1375 + 1)/6.8 = 0.183 to 0.036, past 0.1 and 0.05; it is 0.025 where S₀ = 0.025·6.8/1.8 = 0.0944,
	// between 0.1 at 8 and 0.05 at 9.
	assert.Equal(t, 7.5, k[6])
	assert.Equal(t, 7.5, k[7])
	assert.InDelta(t, 8+(0.1-0.025*6.8/1.8)/0.05, k[8], 1e-9)
}

// TestSurviveOfOpenDrains: where all are open at one place z, the law holds up to there but for n that are sure, (c·S₀ + n)/(c + n), and from there on as the law has it for
// those that are past z: S₀(t)/S₀(z)·(c·S₀(z) + n)/(c + n).
func TestSurviveOfOpenDrains(t *testing.T) {
	const end = 12.
	for _, z := range []float64{0.5, 2, 5.5, 9} {
		for _, n := range []int{1, 4, 60} {
			var steps []drained
			for range n {
				steps = append(steps, drained{z, true, 1})
			}
			s0 := func(s float64) float64 { return 1 - wideLaw.cdf(s, end) }
			k := surviving(steps, float64(n), wideLaw, end)
			checkSurviving(t, k, func(s float64) float64 {
				if s < z {
					return (leaning*s0(s) + float64(n)) / (leaning + float64(n))
				}
				return s0(s) / s0(z) * (leaning*s0(z) + float64(n)) / (leaning + float64(n))
			}, end, 1e-5, 1e-4, z, n)
		}
	}
	// With no drain at all it is the law.
	k := surviving([]drained{{3, false, 1}}, 0, wideLaw, end)
	for i := range k {
		assert.InDelta(t, wideLaw[i], k[i], 1e-9)
	}
}

// TestSurviveAgainstTheTextbook: against the textbook, for any drains and laws, ties, weights and what is never included.
func TestSurviveAgainstTheTextbook(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const end = 12.
	for range 2000 {
		law := wideLaw
		if r.IntN(2) == 0 { // some of it never
			for i := r.IntN(levels); i < levels; i++ {
				law[i] = end
			}
		}
		steps := make([]drained, 1+r.IntN(40))
		for i := range steps {
			steps[i] = drained{float64(float32(13 * r.Float64())), r.IntN(3) == 0, r.Float64()}
			if r.IntN(4) == 0 {
				steps[i].place = math.Round(steps[i].place)
			}
			steps[i].weight = float64(float32(steps[i].weight))
			steps[i].place = math.Min(steps[i].place, end)
		}
		sum := 0.0
		for _, s := range steps {
			sum += s.weight
		}
		number := sum * r.Float64()
		k := surviving(steps, number, law, end)
		before := 0.0
		for _, s := range k {
			require.True(t, s >= before && s <= end, "%v", k)
			before = s
		}
		checkSurviving(t, k, func(s float64) float64 { return textbook(s, steps, number/sum, &law, end) }, end, 1e-5, 2e-4, steps, law)
	}
}

// TestSurviveIsKaplanMeier: with drains that count for so many that what they lean on does not matter. The survival at a time is found by adding drains that end at once,
// until the time just becomes a quantile: with w of them beside n it is S(t)·n/(n + w) = 1 - p.
func TestSurviveIsKaplanMeier(t *testing.T) {
	km := func(steps []drained, at float64) float64 {
		n := float64(len(steps))
		level := middle
		reaches := func(w float64) bool {
			return surviving(append(slices.Clone(steps), drained{0.001, false, w}), 1e9, knots{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1000)[level] <= at
		}
		if reaches(0) { // S(t) is below 0.5
			level = third4
		}
		low, high := 0., 4*n
		for range 40 {
			if mid := (low + high) / 2; reaches(mid) {
				high = mid
			} else {
				low = mid
			}
		}
		return (1 - quantileLevels[level]) * (n + high) / n
	}
	// Remissions in weeks of 21 patients with acute leukaemia on 6-mercaptopurine, open where negative: E. J. Freireich et al., Blood 21 (1963). The product of (1 - deaths/at
	// risk): 18/21, ·16/17, ·14/15, ·11/12, ·10/11, ·6/7, ·5/6.
	var remissions []drained
	for _, weeks := range []float64{6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35} {
		remissions = append(remissions, drained{math.Abs(weeks), weeks < 0, 1})
	}
	product := 1.0
	for _, c := range []struct{ week, factor, published float64 }{
		{6, 18. / 21, 0.857}, {7, 16. / 17, 0.807}, {10, 14. / 15, 0.753}, {13, 11. / 12, 0.690}, {16, 10. / 11, 0.627}, {22, 6. / 7, 0.538}, {23, 5. / 6, 0.448},
	} {
		product *= c.factor
		require.InDelta(t, c.published, product, 0.0005)
		assert.InDelta(t, product, km(remissions, c.week), 1e-5, "week %v", c.week)
	}
	// Kaplan & Meier's own example: eight, of which those at 1.0, 2.7, 7.0 and 12.1 were lost: 7/8, ·4/5, ·3/4, ·1/2.
	var eight []drained
	for _, x := range []float64{0.8, -1, -2.7, 3.1, 5.4, -7, 9.2, -12.1} {
		eight = append(eight, drained{math.Abs(x), x < 0, 1})
	}
	for at, want := range map[float64]float64{0.8: 0.875, 3.1: 0.7, 5.4: 0.525, 9.2: 0.2625} {
		assert.InDelta(t, want, km(eight, float64(float32(at))), 1e-5, "at %v", at)
	}
}

// fed returns a record of n levels one second apart, and the levels.
func fed(c, n int, r *rand.Rand, level func() float64) (d drains, path []float64) {
	d = newDrains(c)
	for i := range n {
		l := level()
		path = append(path, l)
		d.pass(float64(i), l)
		h := math.Log2(1 + l)
		if d.due(l, packHeight(h)) {
			d.admit(&instant{time: float64(i), level: l, height: h, week: math.NaN()}, 1, func(float64) float64 { return 0 })
		}
	}
	return d, path
}

// count counts what there is of each half factor of two.
func (d *drains) count() (kept [heightBins]uint8) {
	for _, h := range d.high {
		kept[binOf(h)]++
	}
	return kept
}

// TestDrainsCount: the counts agree with the record after any number of levels.
func TestDrainsCount(t *testing.T) {
	for _, c := range []int{0, 64, 144, 250} {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 5))
			d := newDrains(c)
			level := 0.0
			for i := range 2000 {
				level = math.Min(1e5, walks[seed].next(r, level))
				d.pass(float64(i), level)
				h := math.Log2(1 + level)
				if d.due(level, packHeight(h)) {
					d.admit(&instant{time: float64(i), level: level, height: h, week: math.NaN()}, 1, func(float64) float64 { return 0 })
				}
				require.Equal(t, d.count(), d.kept)
				require.LessOrEqual(t, len(d.start), c)
				for _, n := range []int{len(d.level), len(d.high), len(d.took), len(d.age), len(d.moved), len(d.week)} {
					require.Len(t, d.start, n)
				}
			}
		}
	}
}

// TestDrainsAreSpread: of a level that is seldom high the record has as many instants from each half factor of two as there are places for, or nearly, and in each of
// them they are from all of the time, not from the last of it.
func TestDrainsAreSpread(t *testing.T) {
	const n = 100_000
	r := rand.New(rand.NewPCG(7, 8))
	d, _ := fed(144, n, r, func() float64 { return math.Exp2(2.5*math.Abs(r.NormFloat64())) - 1 })
	require.Len(t, d.start, 144)
	// The most that each may have, so that all have 144 together.
	most, sum := 0.0, 0.0
	for sum < 144 {
		most += 0.1
		sum = 0
		for _, seen := range d.seen {
			sum += math.Min(float64(seen), most)
		}
	}
	for b, seen := range d.seen {
		assert.InDelta(t, math.Min(float64(seen), most), float64(d.kept[b]), 1.5, "bin %d, seen %v", b, seen)
	}
	var quarters, usual [4]int
	for i, at := range d.start {
		quarters[int(4*at/n)]++
		if d.seen[binOf(d.high[i])] >= 5_000 { // of those that are seen most
			usual[int(4*at/n)]++
		}
	}
	t.Logf("%.1f of each half factor of two; quarters of the time %v, of those seen most %v", most, quarters, usual)
	for i := range quarters {
		assert.Greater(t, quarters[i], 144/4/2)
		assert.Greater(t, usual[i], (usual[0]+usual[1]+usual[2]+usual[3])/4/3)
	}
}

// TestDrainsPass: the times taken down are those of the first passage, against the slow way, whatever the walk. That pass waits for the highest level at which something
// happens hides nothing.
func TestDrainsPass(t *testing.T) {
	for i, w := range walks {
		t.Run(w.name, func(t *testing.T) {
			passed, open := 0, 0
			for seed := range uint64(5) {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				level := 100.0
				d, path := fed(100, 3000, r, func() float64 {
					level = math.Min(1e30, w.next(r, level)) // a float32 has to hold it
					return level
				})
				for k, start := range d.start {
					for j, share := range shares {
						target := share * float64(d.level[k])
						at := int(start) + 1
						for at < len(path) && path[at] > target {
							at++
						}
						want := uint16(0)
						if at < len(path) {
							want = packTime(float64(at) - start)
							passed++
						} else {
							open++
						}
						require.Equal(t, want, d.took[k][j], "from %v at %v to %v", d.level[k], start, share)
					}
				}
				require.Equal(t, 2999.0, d.upTo)
			}
			t.Logf("%d passed, %d open", passed, open)
			assert.Greater(t, passed+open, 500)
		})
	}
}

// TestDrainsOutcome: the place, between two shares in proportion, before the first one the time.
func TestDrainsOutcome(t *testing.T) {
	d := newDrains(2)
	for i, l := range []float64{100, 90, 75, 60, 50, 40, 30, 20} {
		d.pass(10*float64(i), l)
		if i == 0 {
			d.admit(&instant{time: 0, level: 100, height: math.Log2(101), week: math.NaN()}, 5, func(float64) float64 { return 0 })
		}
	}
	// At 75 after 20 s, at 50 after 40 s, at 25 after 70 s; not at 10 until 70 s. The unit of the scale is 10 s, that of the record 5 s.
	ask := func(share float64) (s float64, running bool, sec float64) {
		j, part := place(share)
		return d.outcome(0, j, part, math.Log2(10./5), 1./10)
	}
	for _, c := range []struct {
		share, place, seconds float64
		running               bool
	}{
		{0.75, math.Log2(3), 20, false}, {0.5, math.Log2(5), 40, false}, {0.25, math.Log2(8), 70, false}, {0.1, math.Log2(8), 70, true}, {0, math.Log2(8), 70, true},
		{0.9, math.Log2(1.8), 8, false}, // 0.4 of 20 s
		{0.6, math.Log2(3) + 0.6*(math.Log2(5)-math.Log2(3)), 40, false},
		{0.16, math.Log2(8) + 0.6*(math.Log2(8)-math.Log2(8)), 70, true},
	} {
		s, running, sec := ask(c.share)
		assert.InDelta(t, c.place, s, 1e-3, "share %v", c.share)
		assert.Equal(t, c.running, running, "share %v", c.share)
		assert.InEpsilon(t, c.seconds, sec, 1e-3, "share %v", c.share)
	}
}

// TestLikeness: the weights, by how much a record of two drains counts for. With w for the one beside 1 for the other it is n = (1 + w)²/(1 + w²), of which n/(n + 1.8) is the
// forecast's own.
func TestLikeness(t *testing.T) {
	const at = 1e7
	scale := LogScale{Unit: 60, Horizon: 60 * 4096}
	now := instant{time: at + 5000, level: 255, height: 8, week: 0.5, moved: [len(lags)]float64{1, 2, -1}}
	age := func(float64) float64 { return 5 }
	with := func(change func(i *instant), otherAge float64, periodic [2]bool) [nLike]float64 {
		d := newDrains(2)
		for i := range 2 {
			then := now
			then.time = at + 1000*float64(i)
			old := 5.0
			if i == 0 {
				change(&then)
				old = otherAge
			}
			d.admit(&then, 60, func(float64) float64 { return old })
		}
		d.pass(at+4000, 0) // they end together, which counts as one unless they last as long as their difference: 4000 and 3000 s
		d.took[0], d.took[1] = [nShares]uint16{packTime(1), packTime(1), packTime(1), packTime(1), packTime(1)}, [nShares]uint16{packTime(9), packTime(9), packTime(9), packTime(9), packTime(9)}
		_, known, own := d.forecast(&now, 0.5, age, wideLaw, scale, periodic)
		for k := range known {
			require.Equal(t, k < nTimeless || periodic[0] && k < nLike-1 || periodic[1], known[k])
		}
		return own
	}
	all := [2]bool{true, true}
	weight := func(own float64) float64 {
		n := own * leaning / (1 - own)
		// (1 + w)² = n·(1 + w²), the root below 1.
		return (1 - math.Sqrt(math.Max(0, 1-(n-1)*(n-1)))) / math.Max(1e-12, n-1)
	}
	// Nothing differs: both weigh 1, and two count for two.
	for k, own := range with(func(*instant) {}, 5, all) {
		assert.InDelta(t, 2/(2+leaning), own, 1e-3, "likeness %d", k)
	}
	for name, c := range map[string]struct {
		change func(i *instant)
		age    float64
		e      func(l likeness) float64
	}{
		"height": {func(i *instant) { i.height += 0.7 }, 5, func(l likeness) float64 { return 0.7 * 0.7 * inverse(l.height) }},
		"age":    {func(*instant) {}, 6.5, func(l likeness) float64 { return 1.5 * 1.5 * inverse(l.age) }},
		"movement": {func(i *instant) { i.moved[0] += 0.5; i.moved[2] -= 0.75 }, 5, func(l likeness) float64 {
			if l.lastLag {
				return 0.75 * 0.75 * inverse(l.moved)
			}
			return (0.5*0.5 + 0.75*0.75) * inverse(l.moved)
		}},
		"two hours": {func(i *instant) { i.week += 2. / (7 * 24) }, 5, func(l likeness) float64 { return inverse(l.day)/144 + inverse(l.week)/144 }},
		"a day":     {func(i *instant) { i.week -= 1. / 7 }, 5, func(l likeness) float64 { return inverse(l.week) }},
		"unknown":   {func(i *instant) { i.week = math.NaN() }, 5, func(l likeness) float64 { return inverse(l.day) + inverse(l.week) }},
	} {
		for k, own := range with(c.change, c.age, all) {
			e := c.e(likenesses[k])
			switch w := weight(own); {
			case e >= farthest:
				assert.InDelta(t, 0, w, 1e-3, "%s, likeness %d", name, k)
			case e == 0:
				assert.InDelta(t, 1, w, 0.05, "%s, likeness %d", name, k) // n = 2 is a maximum
			default:
				assert.InDelta(t, math.Exp(-e/2), w, 0.02, "%s, likeness %d", name, k)
			}
		}
	}
	// Without a calendar it does not count, and those that are by it say nothing.
	for k, own := range with(func(i *instant) { i.week += 0.3 }, 5, [2]bool{}) {
		if k < nTimeless {
			assert.InDelta(t, 2/(2+leaning), own, 1e-3, "likeness %d", k)
		} else {
			assert.Zero(t, own)
		}
	}
}

// TestDrainsThatEndTogether: two drains that wait for the same end are one.
func TestDrainsThatEndTogether(t *testing.T) {
	scale := LogScale{Unit: 1, Horizon: 4096}
	now := instant{time: 2000, level: 255, height: 8, week: math.NaN()}
	number := func(starts ...float64) float64 {
		d := newDrains(len(starts))
		for _, s := range starts {
			d.pass(s, 255)
			then := now
			then.time = s
			d.admit(&then, 1, func(float64) float64 { return 0 })
		}
		d.pass(1000, 0)
		_, _, own := d.forecast(&now, 0, func(float64) float64 { return 0 }, wideLaw, scale, [2]bool{})
		return own[0] * leaning / (1 - own[0])
	}
	assert.InDelta(t, 1, number(100), 1e-6)
	assert.InDelta(t, 1, number(100, 200, 300, 900), 1e-6)
	// What still runs ends now for all that is known, together too.
	d := newDrains(3)
	for _, s := range []float64{100, 500, 700} {
		then := now
		then.time = s
		d.admit(&then, 1, func(float64) float64 { return 0 })
	}
	d.pass(1000, 255)
	_, _, own := d.forecast(&now, 0, func(float64) float64 { return 0 }, wideLaw, scale, [2]bool{})
	assert.InDelta(t, 1/(1+leaning), own[0], 1e-6)
}

// daily is a record of so many days of a queue that is filled by 100 at 3, 9, 15 and 21 h of a clock, or within the hour after them, and in five minutes drains by a twentieth by
// day, from 6 to 18 h, and by three tenths at night. All instants are alike but for the level and the time of week, which local tells.
func daily(days int, clock, local func(float64) float64) *drains {
	d := newDrains(defaultDrains)
	r := rand.New(rand.NewPCG(1, 2))
	level, next := 0.0, 0.0
	for i := range days * 288 {
		now := 300 * float64(i)
		hour := math.Mod(clock(now), day) / 3600
		if now >= next && math.Mod(hour+3, 6) < 1 && r.Float64() < 0.2 {
			level += 100
			next = now + 3*3600
		}
		if hour >= 6 && hour < 18 {
			level *= 1 - 0.1*r.Float64()
		} else {
			level *= 1 - 0.6*r.Float64()
		}
		d.pass(now, level)
		then := instant{time: now, level: level, height: math.Log2(1 + level)}
		_, then.week = math.Modf(local(now) / (7 * day))
		if d.due(level, packHeight(then.height)) {
			d.admit(&then, 300, func(float64) float64 { return 2 })
		}
	}
	return &d
}

// byHour returns the median number of observations in which it drains from 90 to a tenth, by local hour.
func byHour(d *drains, like Member, hour float64) float64 {
	now := instant{time: d.upTo, level: 90, height: math.Log2(91), week: (2*24 + hour) / (7 * 24)}
	scale := LogScale{Unit: 300, Horizon: 300 * horizonUnits}
	base := knots{5, 5, 5, 5, 5, 5, 5, 5, 5}
	all, _, _ := d.forecast(&now, 0.1, func(float64) float64 { return 2 }, base, scale, [2]bool{true, true})
	return scale.Time(all[like-Level][middle]) / 300
}

func same(x float64) float64 { return x }

// TestDrainsByTimeOfDay: down to a tenth it takes some 45 observations at half past nine, and seven twelve hours later, by the clock that the panel is told of. What knows no
// time of day cannot tell the two.
func TestDrainsByTimeOfDay(t *testing.T) {
	later := func(x float64) float64 { return x + 5*3600 }
	summer := func(x float64) float64 { // an hour is left out after twelve days
		if x >= 12.1*day {
			return x + 3600
		}
		return x
	}
	winter := func(x float64) float64 { // and one is there twice
		if x >= 12.1*day {
			return x - 3600
		}
		return x
	}
	dateline := func(x float64) float64 { // the clock is set by half a day after ten
		if x >= 10*day {
			return x + day/2
		}
		return x
	}
	for _, c := range []struct {
		name         string
		clock, local func(float64) float64
		shift        float64 // of noon on the panel's clock
		tells        bool
	}{
		{"same zone", same, same, 0, true},
		{"another zone", same, later, 5, true},
		{"summer time begins", summer, summer, 0, true},
		{"summer time ends", winter, winter, 0, true},
		{"date line", dateline, dateline, 0, true},
		{"date line, and the panel is not told", dateline, same, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := daily(20, c.clock, c.local)
			for m, times := range map[Member]float64{Likeness: 1.2, Daytime: 3, Weekday: 3} { // the first takes five hours earlier or later for like
				byDay, byNight := byHour(d, m, math.Mod(9.5+c.shift, 24)), byHour(d, m, math.Mod(21.5+c.shift, 24))
				t.Logf("member %d: %.0f by day, %.0f by night", m, byDay, byNight)
				if c.tells {
					assert.Greater(t, byDay, times*byNight, "member %d", m)
				} else if m == Daytime {
					assert.Less(t, byDay, 1.2*byNight, "member %d", m)
				}
			}
			assert.Equal(t, byHour(d, Level, 9.5), byHour(d, Level, 21.5))
		})
	}
	// Another origin of the clock changes nothing but by what a packed time of week is off: ten seconds of a kernel of an hour and a half.
	a, b := daily(20, same, same), daily(20, same, later)
	for _, hour := range []float64{1, 5, 8, 13, 17.5, 20} {
		assert.InEpsilon(t, byHour(a, Daytime, hour), byHour(b, Daytime, math.Mod(hour+5, 24)), 0.02, "at %v", hour)
	}
}

// walked returns a panel that has observed a random walk, one step in five minutes, and what observes one more.
func walked(n int) (*Panel, func()) {
	p := NewPanel(PanelOptions{Local: same})
	r := rand.New(rand.NewPCG(9, 10))
	now, level := 0.0, 100.0
	observe := func() {
		now += 300
		level = walks[0].next(r, level)
		p.Observe(Observation{Time: now, Total: -level})
	}
	for range n {
		observe()
	}
	return p, observe
}

// TestPanelCalendar: the time of day is known from two days on and the day of the week from fifteen, with eight observations a day or more and a calendar.
func TestPanelCalendar(t *testing.T) {
	after := func(days, apart float64, local func(float64) float64) [2]bool {
		p := NewPanel(PanelOptions{Local: local})
		for x := 0.0; x <= days*day; x += apart {
			p.Observe(Observation{Time: x, Total: -10})
		}
		return p.periodic()
	}
	assert.Equal(t, [2]bool{}, after(1.99, 600, same))
	assert.Equal(t, [2]bool{true, false}, after(2.1, 600, same))
	assert.Equal(t, [2]bool{true, false}, after(14.9, 600, same))
	assert.Equal(t, [2]bool{true, true}, after(15.1, 600, same))
	assert.Equal(t, [2]bool{true, true}, after(20, 10_000, same))
	assert.Equal(t, [2]bool{}, after(20, 11_000, same))
	assert.Equal(t, [2]bool{}, after(20, 600, nil))
	// Wednesday noon.
	p := NewPanel(PanelOptions{Local: func(x float64) float64 { return x + 3*7*day }})
	p.Observe(Observation{Time: 2.5 * day, Total: -10})
	assert.InDelta(t, 2.5/7, p.now().week, 1e-12)
	p = NewPanel(PanelOptions{})
	p.Observe(Observation{Time: 2.5 * day, Total: -10})
	assert.True(t, math.IsNaN(p.now().week))
}

// TestDrainsForecast: the whole of a forecast against the slow way: the weights by their formula, the drains that end together as one, and the textbook's survival, each
// leaning on the one that it shall.
func TestDrainsForecast(t *testing.T) {
	p, _ := walked(6000)
	d := &p.record.drains
	scale := p.scale()
	end := scale.Of(math.Inf(1))
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		j := r.IntN(nShares)
		now := instant{time: p.last.Time, level: math.Exp2(9 * r.Float64()), week: r.Float64()}
		now.height = math.Log2(1 + now.level)
		for i := range now.moved {
			now.moved[i] = r.NormFloat64()
		}
		since := 6 * r.Float64()
		all, known, own := d.forecast(&now, shares[j], func(float64) float64 { return since }, wideLaw, scale, [2]bool{true, true})
		for k, l := range likenesses {
			require.True(t, known[k])
			steps := make([]drained, len(d.start))
			type ending struct{ ago, long, weight float64 }
			var ends []ending
			for i := range steps {
				took := p.last.Time - d.start[i]
				if steps[i].open = d.took[i][j] == 0; !steps[i].open {
					took = d.unit * math.Exp2(float64(d.took[i][j])/500-64)
				}
				steps[i].place = math.Min(end, math.Log2(1+took/scale.Unit))
				e := math.Pow(float64(d.high[i])/1000-now.height, 2)*inverse(l.height) + math.Pow(float64(d.age[i][j])/20-since, 2)*inverse(l.age)
				for lag, m := range d.moved[i] {
					if !l.lastLag || lag == len(lags)-1 {
						e += math.Pow(float64(m)/16-now.moved[lag], 2) * inverse(l.moved)
					}
				}
				week := float64(d.week[i]-1) / 65534
				apart := func(turn float64) float64 {
					_, x := math.Modf(math.Abs(week-now.week) * 7 / turn)
					return turn * math.Min(x, 1-x)
				}
				e += apart(1)*apart(1)*inverse(l.day) + apart(7)*apart(7)*inverse(l.week)
				if e < farthest {
					steps[i].weight = math.Exp(-e / 2)
				}
				long := math.Min(took, scale.Horizon)
				ends = append(ends, ending{math.Max(0, p.last.Time-d.start[i]-long), long, steps[i].weight})
			}
			slices.SortFunc(ends, func(a, b ending) int { return int(math.Copysign(1, a.ago-b.ago)) })
			sum, square, together := 0.0, 0.0, 0.0
			for i, e := range ends {
				if i > 0 && e.ago-ends[i-1].ago > sameEnd*e.long {
					square += together * together
					together = 0
				}
				together += e.weight
				sum += e.weight
			}
			square += together * together
			leans := wideLaw
			if l.leansOn != basis {
				leans = all[l.leansOn]
			}
			if sum == 0 {
				require.Equal(t, leans, all[k])
				continue
			}
			number := sum * sum / square
			require.InDelta(t, number/(number+leaning), own[k], 0.01, "likeness %d", k)
			checkSurviving(t, all[k], func(s float64) float64 { return textbook(s, steps, number/sum, &leans, end) }, end, 1e-3, 0.02, k)
		}
	}
}

// TestDrainsMemory: once full it stays where it is.
func TestDrainsMemory(t *testing.T) {
	p, observe := walked(3000)
	d := &p.record.drains
	place, pending := &d.start[0], cap(p.record.judge.pending)
	require.Len(t, d.start, defaultDrains)
	assert.Zero(t, testing.AllocsPerRun(5000, observe))
	assert.Same(t, place, &d.start[0])
	assert.Len(t, d.start, defaultDrains)
	assert.Equal(t, defaultDrains, cap(d.start))
	assert.Equal(t, pending, cap(p.record.judge.pending))
	assert.Equal(t, perInstant*defaultPending, pending)
}
