package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
)

// normalKnots returns the quantiles of a normal law on the scale.
func normalKnots(mean, sd, end float64) (k knots) {
	for i, p := range quantileLevels {
		k[i] = mean + sd*distuv.UnitNormal.Quantile(p)
	}
	k.settle(end)
	return k
}

// told are views in which some members say what they say, and the others nothing.
func told(end float64, said map[Member]knots) (v views) {
	for m, k := range said {
		v.knots[m], v.known[m], v.doubt[m] = k, true, doubt(k[first4], k[third4], end)
	}
	return v
}

// minutes is a scale with a place for each factor of two, from a minute to 4096 of them.
var minutes = LogScale{Unit: 60, Horizon: 60 * horizonUnits}

func TestJudgeDue(t *testing.T) {
	j := newJudge(8)
	var at []int
	for n := range 100_000 {
		if j.due(n) {
			at = append(at, n)
			j.laid(n)
		}
	}
	// From the tenth on each 8; each 1/64 from 64·8 = 512 on, each 256 from 64·256 = 16384 on.
	assert.Equal(t, []int{10, 18, 26, 34}, at[:4])
	for i, n := range at[1:] {
		want := 8
		if before := at[i]; before > 16384 {
			want = 256
		} else if before > 512 {
			want = before / 64
		}
		require.Equal(t, want, n-at[i], "after %d", at[i])
	}
	none := newJudge(0)
	assert.False(t, none.due(1e6), "with no place for them none is laid aside")

	// All pairs of shares come in turn, and each share twice.
	count := map[float64]int{}
	for range rounds {
		for _, s := range j.turn() {
			count[s]++
		}
		j.laid(0)
	}
	assert.Equal(t, map[float64]int{0.75: 2, 0.5: 2, 0.25: 2, 0.1: 2, 0: 2}, count)
}

func TestJudgeWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var j judge
		var confidence [members]float64
		for m := range members {
			if r.IntN(3) > 0 || m == 3 {
				confidence[m] = math.Exp(-10 * r.Float64())
			}
			for l := range judged {
				j.regret[l][m] = float32(math.Exp2(20*r.Float64()) * r.NormFloat64())
			}
		}
		for l := range judged {
			w := j.weights(l, &confidence)
			sum := 0.0
			for m := range members {
				require.GreaterOrEqual(t, w[m], 0.0)
				require.True(t, confidence[m] > 0 || w[m] == 0, "who says nothing weighs nothing")
				sum += w[m]
			}
			require.InDelta(t, 1, sum, 1e-12)
		}
	}
	// π·κ·exp(-0.1·R): Rates 0.2·0.5·e^-1, Symmetry 0.1·1·e^0, Speed 0.5·0.1·e^-0.5.
	var j judge
	j.regret[1][Rates], j.regret[1][Symmetry], j.regret[1][Speed], j.regret[1][Level] = 10, 0, 5, -1000
	w := j.weights(1, &[members]float64{Rates: 0.5, Symmetry: 1, Speed: 0.1})
	a, b, c := prior[Rates]*0.5*math.Exp(-1), prior[Symmetry], prior[Speed]*0.1*math.Exp(-0.5)
	assert.InDelta(t, a/(a+b+c), w[Rates], 1e-12)
	assert.InDelta(t, b/(a+b+c), w[Symmetry], 1e-12)
	assert.InDelta(t, c/(a+b+c), w[Speed], 1e-12)
}

func TestJudgePool(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	var j judge
	k, share := j.pool(&views{}, end)
	for i := range k {
		assert.Equal(t, end, k[i], "nobody says anything")
	}
	assert.Equal(t, Shares{}, share)

	// One, or several of one opinion: that, for what is certain to come and for what is not.
	partly := normalKnots(9, 2, end)
	require.Equal(t, end, partly[top-1])
	for _, said := range []knots{normalKnots(5, 1, end), partly} {
		for _, v := range []views{told(end, map[Member]knots{Speed: said}), told(end, map[Member]knots{Rates: said, Level: said, Weekday: said})} {
			k, share := j.pool(&v, end)
			for i := range k {
				assert.InDelta(t, said[i], k[i], 0.02, "%d", i) // what is not never is pooled, by its own mass
			}
			sum := 0.0
			for _, s := range share {
				sum += s
			}
			assert.InDelta(t, 1, sum, 1e-12)
		}
	}
	// Two that are equally sure: the mean of the quantiles, by π: 0.2 and 0.3.
	a, b := normalKnots(4, 0.5, end), normalKnots(7, 0.5, end)
	v := told(end, map[Member]knots{Rates: a, Likeness: b})
	v.doubt[Likeness] = v.doubt[Rates]
	k, share = j.pool(&v, end)
	for i := range k {
		assert.InDelta(t, 0.4*a[i]+0.6*b[i], k[i], 1e-9)
	}
	assert.InDelta(t, 0.4, share[Rates], 1e-12)
	assert.InDelta(t, 0.6, share[Likeness], 1e-12)
	// Never is one outcome: that it comes has the weighted mean of the masses, 0.4·1 + 0.6·0.0125.
	v = told(end, map[Member]knots{Rates: a, Likeness: normalKnots(1e9, 0, end)})
	v.doubt[Likeness] = v.doubt[Rates]
	k, _ = j.pool(&v, end)
	for i, p := range quantileLevels {
		assert.Equal(t, p >= 0.4075, k[i] == end, "level %v", p)
	}
	// What is not never is pooled by itself: where the masses that come are a and b and the weights 0.4 and 0.6, the p-quantile is that of p/(0.4·a + 0.6·b) of what comes of either,
	// each counting by its part of that mass.
	a, b = knots{1, 2, 3, 4, 5, 6, 7, 8, end}, knots{2, 3, 4, 5, 8, end, end, end, end}
	fa, fb := a.finite(end), b.finite(end)
	v = told(end, map[Member]knots{Rates: a, Likeness: b})
	v.doubt = [members]float64{Rates: 0.2, Likeness: 0.2}
	k, _ = j.pool(&v, end)
	mass := 0.4*fa + 0.6*fb
	for i, p := range quantileLevels[:middle+1] {
		assert.InDelta(t, (0.4*fa*a.at(p/mass*fa, end)+0.6*fb*b.at(p/mass*fb, end))/mass, k[i], 1e-9, "level %v", p)
	}
	// A member's confidence is 0.2²/(0.2² + d²).
	v = told(end, map[Member]knots{Rates: a, Likeness: b})
	v.doubt[Rates], v.doubt[Likeness] = 0.2, 0.6
	_, share = j.pool(&v, end)
	assert.InDelta(t, 0.2*0.5/(0.2*0.5+0.3*0.1), share[Rates], 1e-12)
}

// TestJudgeScoreByHand: what a score adds to the regret of each level and member, for an outcome and for one that is open.
func TestJudgeScoreByHand(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	a, b := knots{2, 3, 3.2, 3.5, 4, 4.5, 4.8, 5, 6}, knots{2, 4, 4.5, 5, 6, 7, 7.5, 8, 9}
	for name, c := range map[string]struct {
		y      float64
		open   bool
		capped float64 // what is past that counts as there
	}{
		"come":               {4.2, false, end},
		"open between them":  {5, true, 5},
		"open before either": {2.5, true, 2.5},
		"past the end":       {end, false, end},
	} {
		t.Run(name, func(t *testing.T) {
			var j judge
			var confidence [members]float64
			l := laidAside{share: 0.5}
			for m := range members {
				l.members[m][0] = silent
				for i := range judged {
					j.regret[i][m] = 2
				}
			}
			for m, k := range map[Member]knots{Symmetry: a, Speed: b} {
				for i, at := range judgedLevels {
					l.members[m][i] = packPlace(k[at])
				}
				d := doubt(k[first4], k[third4], end)
				confidence[m] = 0.04 / (0.04 + d*d)
			}
			j.score(&l, minutes.Time(c.y), c.open, minutes)
			for i, p := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
				// π of the two is 0.1 and 0.5, and their regret is one.
				x, y := math.Min(a[judgedLevels[i]], c.capped), math.Min(b[judgedLevels[i]], c.capped)
				w, v := prior[Symmetry]*confidence[Symmetry], prior[Speed]*confidence[Speed]
				panel := (w*x + v*y) / (w + v)
				g := -2 * p
				if c.y < panel {
					g = 2 * (1 - p)
				}
				assert.InDelta(t, 2*0.999+confidence[Symmetry]*g*(x-panel), float64(j.regret[i][Symmetry]), 1e-5, "level %v", p)
				assert.InDelta(t, 2*0.999+confidence[Speed]*g*(y-panel), float64(j.regret[i][Speed]), 1e-5, "level %v", p)
				assert.InDelta(t, 2*0.999, float64(j.regret[i][Rates]), 1e-6, "it said nothing")
			}
		})
	}
}

// TestJudgeRegret: against outcomes that are chosen to be as bad as they can, the loss of the weighted mean is above that of a member by no more than the bound of judge,
//
//	ln(Σπ/πᵢ)/η + η·n·B²/2
//
// each forecast counting as much as it is remembered and as the member was confident, and n as the sum of the squares of what is remembered. (The π sum to 1.4.) Among them is a
// member that is always right, against which weights that do not learn lose: without learning the loss would be several times the bound.
func TestJudgeRegret(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	sum := 0.0
	for _, p := range prior {
		sum += p
	}
	for name, choose := range map[string]func(r *rand.Rand, n int, said *[members]float64, panel float64) float64{
		"one is right": func(_ *rand.Rand, _ int, said *[members]float64, _ float64) float64 { return said[Daytime] },
		"one is right, and then another": func(_ *rand.Rand, n int, said *[members]float64, _ float64) float64 {
			return said[[]Member{Level, Weekday}[n/400%2]]
		},
		"far from the panel": func(r *rand.Rand, _ int, said *[members]float64, panel float64) float64 {
			far := said[0]
			for _, s := range said {
				if math.Abs(s-panel) > math.Abs(far-panel) {
					far = s
				}
			}
			return far
		},
		"to the other side of it": func(_ *rand.Rand, n int, _ *[members]float64, panel float64) float64 { return panel + float64(n%2*4-2) },
		"at random":               func(r *rand.Rand, _ int, _ *[members]float64, _ float64) float64 { return 3 + 5*r.Float64() },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			var j judge
			var above, largest [judged][members]float64
			squares, frozen := 0.0, 0.0
			for n := range 1500 {
				// Each says a median within an octave or so, some nothing.
				v, medians := views{}, [members]float64{}
				l := laidAside{share: 0.5}
				var confidence [members]float64
				for m := range members {
					k := normalKnots(5+0.1*float64(m)+0.3*r.Float64(), 0.15, end)
					v.knots[m], medians[m] = k, k[middle]
					for i, at := range judgedLevels {
						l.members[m][i] = packPlace(k[at])
					}
					d := doubt(unpackPlace(l.members[m][1]), unpackPlace(l.members[m][3]), end)
					confidence[m] = halfFactor * halfFactor / (halfFactor*halfFactor + d*d)
					if m == int(Speed) && r.IntN(2) == 0 {
						l.members[m][0], confidence[m] = silent, 0
					}
				}
				var panel [judged]float64
				for i := range judged {
					for m, w := range j.weights(i, &confidence) {
						panel[i] += w * unpackPlace(l.members[m][i])
					}
				}
				y := choose(r, n, &medians, panel[judged/2])
				j.score(&l, minutes.Time(y), false, minutes)
				y = minutes.Of(minutes.Time(y))
				for i, at := range judgedLevels {
					p := quantileLevels[at]
					for m := range members {
						above[i][m] *= forgetting
						if confidence[m] > 0 {
							said := unpackPlace(l.members[m][i])
							above[i][m] += confidence[m] * 2 * (Pinball(p, panel[i], y) - Pinball(p, said, y))
							largest[i][m] = math.Max(largest[i][m], 2*math.Max(p, 1-p)*confidence[m]*math.Abs(said-panel[i]))
						}
					}
				}
				squares = squares*forgetting*forgetting + 1
				frozen = frozen*forgetting + confidence[Daytime]*2*Pinball(0.5, (&judge{}).mean(&l, &confidence), y)
			}
			worst := math.Inf(-1)
			for i := range judged {
				b := 0.0
				for _, x := range largest[i] {
					b = math.Max(b, x)
				}
				for m := range members {
					bound := math.Log(sum/prior[m])/learning + learning*squares*b*b/2
					worst = math.Max(worst, above[i][m]/bound)
					assert.LessOrEqual(t, above[i][m], bound, "level %d, member %d", i, m)
				}
			}
			t.Logf("the loss is above that of the best member by up to %.2f of the bound", worst)
			if name == "one is right" {
				t.Logf("above that of the one that is right by %.1f, without learning by %.1f", above[judged/2][Daytime], frozen)
				assert.Greater(t, frozen, 1.5*math.Log(sum/prior[Daytime])/learning+learning*squares*math.Pow(largest[judged/2][Daytime], 2)/2, "the bound says something")
			}
		})
	}
}

// mean returns the weighted mean of the medians laid aside.
func (j *judge) mean(l *laidAside, confidence *[members]float64) (s float64) {
	for m, w := range j.weights(judged/2, confidence) {
		s += w * unpackPlace(l.members[m][judged/2])
	}
	return s
}

// TestJudgeFollowsTheRight: the weight of a member that is always right grows to nearly all.
func TestJudgeFollowsTheRight(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	for _, right := range []Member{Rates, Level, Speed} {
		r := rand.New(rand.NewPCG(5, 6))
		j := newJudge(4)
		before := 0.0
		for n := range 200 {
			y := 3 + 4*r.Float64()
			said := map[Member]knots{}
			off := float64(r.IntN(2)*2 - 1) // all the others an octave early or late
			for m := range Member(members) {
				said[m] = normalKnots(y+off, 0.15, end)
			}
			said[right] = normalKnots(y, 0.15, end)
			v := told(end, said)
			start := 1e6 * float64(n)
			j.lay(&v, start, 100, 0.5, minutes)
			j.pass(start+minutes.Time(y)/2, 51, minutes)
			require.Equal(t, n, j.outcomes.n, "not yet")
			j.pass(start+minutes.Time(y), 50, minutes)
			require.Equal(t, n+1, j.outcomes.n)
			require.Empty(t, j.pending)
			// Not at each step: the loss is linear, and who is wrong to the side to which the panel has to go gains by it too.
			if n%20 == 19 && before < 0.9 {
				w := j.weights(judged/2, &[members]float64{1, 1, 1, 1, 1, 1, 1})[right]
				require.Greater(t, w, before, "forecast %d", n)
				before = w
			}
		}
		assert.Greater(t, before, 0.9, "member %d", right)
	}
}

// TestJudgeIsProper: where many forecasts are still open, the member that says the true law has the least regret: one that is early gains nothing by it, though all
// that was seen was early.
func TestJudgeIsProper(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	for _, off := range []float64{-0.8, 0.8} {
		r := rand.New(rand.NewPCG(7, 8))
		var j judge
		for range 2000 {
			truth := 4 + 2*r.Float64()
			y := truth + 0.6*r.NormFloat64()
			age := truth + 0.5*r.NormFloat64() // before half of the outcomes
			l := laidAside{share: 0.5}
			for m := range members {
				l.members[m][0] = silent
			}
			for i, at := range judgedLevels {
				l.members[Level][i] = packPlace(normalKnots(truth, 0.6, end)[at])
				l.members[Speed][i] = packPlace(normalKnots(truth+off, 0.6, end)[at])
			}
			j.score(&l, minutes.Time(math.Min(y, age)), y > age, minutes)
		}
		for i := range judged {
			assert.Less(t, j.regret[i][Level], j.regret[i][Speed], "level %d, off by %v", i, off)
		}
		t.Log(j.regret)
	}
}

// TestJudgePass: forecasts are scored when the level is at or below their target, and no later, against a list.
func TestJudgePass(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	for seed, w := range walks {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		j := newJudge(8)
		v := told(end, map[Member]knots{Rates: normalKnots(5, 1, end)})
		type laid struct{ start, target float64 }
		var list []laid
		level, scored := 100.0, 0
		for i := range 3000 {
			now := 60 * float64(i)
			level = math.Min(1e6, w.next(r, level))
			j.pass(now, level, minutes)
			kept := list[:0]
			for _, l := range list {
				if level <= l.target {
					scored++
				} else {
					kept = append(kept, l)
				}
			}
			list = kept
			if r.IntN(10) == 0 && level >= 1 {
				if len(list) == perInstant*8 { // the oldest makes room
					oldest := 0
					for k := range list {
						if list[k].start < list[oldest].start {
							oldest = k
						}
					}
					list = slices.Delete(list, oldest, oldest+1)
					scored++
				}
				share := shares[r.IntN(nShares)]
				j.lay(&v, now, level, share, minutes)
				list = append(list, laid{now, float64(float32(share * level))})
			}
			require.Equal(t, scored, j.outcomes.n, "%s: observation %d", w.name, i)
			require.Len(t, j.pending, len(list))
			for _, l := range j.pending {
				require.Contains(t, list, laid{l.start, float64(l.target)})
			}
		}
		assert.Greater(t, scored, 50, w.name)
	}
}

// TestJudgeScoresWhatIsOpen: what has not come within 4096 usual distances of observations is scored as open, once something is looked at, and its outcome is late.
func TestJudgeScoresWhatIsOpen(t *testing.T) {
	end := minutes.Of(math.Inf(1))
	j := newJudge(4)
	v := told(end, map[Member]knots{Rates: normalKnots(5, 1, end)})
	j.lay(&v, 0, 100, 0.5, minutes)
	j.lay(&v, 0, 100, 0, minutes)
	j.pass(minutes.Horizon+60, 50, minutes)
	assert.Empty(t, j.pending)
	r := j.history()
	assert.Equal(t, 2, r.Forecasts)
	for _, b := range r.Below {
		assert.InDelta(t, 0, b, 0.01, "of what came after all that was said all quantiles were too early")
	}
}

func TestRecalibrationByHand(t *testing.T) {
	const end = 12.
	k := normalKnots(6, 1, end)
	var r recalibration
	// Nothing learnt: the identity.
	for _, share := range []float64{0, 0.2, 0.4, 0.45, 0.5, 1} {
		assert.InDeltaSlice(t, k[:], slices.Clone(slicesOf(r.recalibrate(k, share, end))), 1e-9, "share %v", share)
	}
	// Five outcomes above all, remembered as 1, 0.99, …: n = (1 - 0.99^5)/0.01 = 4.901. F(p) = 160·p/(n + 160), so that the 0.5-quantile is what the level 0.5·164.901/160 =
	// 0.51532 was: 0.01532/0.25 on the way from the median to the upper quartile, 0.6745 further.
	for range 5 {
		r.learn(&k, 0.9, 11, false, end)
	}
	assert.InDelta(t, 4.90099501, float64(r.n[0]), 1e-6)
	assert.Zero(t, r.n[1], "it was near")
	out := r.recalibrate(k, 0.9, end)
	assert.InDelta(t, 6+0.6744898*(0.5*164.90099501/160-0.5)/0.25, out[middle], 1e-6)
	assert.Equal(t, k, rounded(r.recalibrate(k, 0.1, end), k), "far targets have a record of their own")
	// Two hundred below all: n = (1 - 0.99^200)/0.01, and F(0.025) = (n + 4)/(n + 160) is past 0.1, so that the 0.1-quantile is in the tail, at 0.025·0.1/F(0.025).
	var low recalibration
	for range 200 {
		low.learn(&k, 0.9, 1, false, end)
	}
	n := (1 - math.Pow(0.99, 200)) / 0.01
	assert.InDelta(t, k.at(0.025*0.1/((n+160*0.025)/(n+160)), end), low.recalibrate(k, 0.9, end)[2], 1e-5)
	// Between the two by degrees: at the share 0.425 half of each.
	mid := r.recalibrate(k, 0.425, end)
	assert.True(t, mid[middle] > k[middle] && mid[middle] < out[middle])
	// An outcome in the same place as a quantile counts half.
	var s recalibration
	at := knots{1, 2, 3, 4, 5, 6, 7, 8, 9}
	s.learn(&at, 0, 5.01, false, end)
	assert.Equal(t, [levels]float32{0, 0, 0, 0, 0.5, 1, 1, 1, 1}, s.below[1])
	// One that is open in the middle between the median and the upper quartile, at 0.625: of those that go on a share of (0.75 - 0.625)/0.375 is below the upper quartile.
	s = recalibration{}
	s.learn(&at, 0, 5.5, true, end)
	for i, p := range quantileLevels {
		assert.InDelta(t, math.Max(0, (p-0.625)/0.375), s.below[1][i], 1e-6)
	}
	// One that is open from the start tells nothing, one that is open past all of them is after them.
	s = recalibration{}
	s.learn(&at, 0, 0, true, end)
	assert.InDeltaSlice(t, quantileLevels[:], floats(s.below[1]), 1e-6)
	s = recalibration{}
	s.learn(&at, 0, 11, true, end)
	assert.InDeltaSlice(t, make([]float64, levels), floats(s.below[1]), 1e-6)
}

func slicesOf(k knots) []float64 { return k[:] }

func floats(x [levels]float32) []float64 {
	f := make([]float64, levels)
	for i := range x {
		f[i] = float64(x[i])
	}
	return f
}

// rounded returns k where x is the same but for rounding, and x where it is not.
func rounded(x, k knots) knots {
	for i := range x {
		if math.Abs(x[i]-k[i]) > 1e-9 {
			return x
		}
	}
	return k
}

// TestRecalibrationOfCoverage: forecasts are a normal law on the scale, outcomes normal with another mean and standard deviation. It brings the coverage nearer to what is claimed, as far
// as a record of a hundred against a pull of 160 can, and what came true as it should stays as it is.
func TestRecalibrationOfCoverage(t *testing.T) {
	const end = 12.
	coverage := func(k knots, mean, sd float64) (within, below float64) {
		law := distuv.Normal{Mu: mean, Sigma: sd}
		return law.CDF(k[7]) - law.CDF(k[1]), law.CDF(k[middle])
	}
	for _, c := range []struct {
		name     string
		mean, sd float64
		open     bool
	}{
		{"as they should", 6, 1, false}, {"half as wide", 6, 0.5, false}, {"twice as wide", 6, 2, false}, {"later", 6.5, 1, false},
		{"as they should, many open", 6, 1, true}, {"twice as wide, many open", 6, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(11, 12))
			k := normalKnots(6, 1, end)
			var mean [levels]float64
			within, below, n := 0.0, 0.0, 0
			var r recalibration
			for i := range 6000 {
				y, age := c.mean+c.sd*rng.NormFloat64(), end
				if c.open {
					age = 4.5 + 3*rng.Float64()
				}
				r.learn(&k, 0.9, math.Max(0, math.Min(y, age)), y > age, end)
				if i >= 500 && i%10 == 0 {
					out := r.recalibrate(k, 0.9, end)
					w, b := coverage(out, c.mean, c.sd)
					within += w
					below += b
					n++
					for l := range out {
						mean[l] += out[l]
					}
				}
			}
			for l := range mean {
				mean[l] /= float64(n)
			}
			within, below = within/float64(n), below/float64(n)
			was, belowWas := coverage(k, c.mean, c.sd)
			t.Logf("bounds of 0.9 hold %.3f, were %.3f; below the median %.3f, were %.3f; bounds %.2f to %.2f", within, was, below, belowWas, mean[1], mean[7])
			if c.mean == 6 && c.sd == 1 {
				assert.InDeltaSlice(t, k[:], mean[:], 0.1)
				return
			}
			assert.Less(t, math.Abs(within-0.9)+math.Abs(below-0.5), math.Abs(was-0.9)+math.Abs(belowWas-0.5))
		})
	}
}

// TestRecalibrationOfOpenOutcomes: where the law is right, each level is counted as often as it says, however many outcomes are left open, by whatever rule that does not
// look at what comes of them.
func TestRecalibrationOfOpenOutcomes(t *testing.T) {
	const end, n = 12., 40_000
	k := normalKnots(6, 1.5, end)
	for name, age := range map[string]func(r *rand.Rand) float64{
		"none":          func(*rand.Rand) float64 { return end },
		"all at once":   func(*rand.Rand) float64 { return 0 },
		"early":         func(*rand.Rand) float64 { return 4 },
		"at the median": func(*rand.Rand) float64 { return 6 },
		"late":          func(*rand.Rand) float64 { return 9.5 },
		"at any age":    func(r *rand.Rand) float64 { return end * r.Float64() },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(13, 14))
			var below [levels]float64
			for range n {
				y, a := k.at(r.Float64(), end), age(r)
				for i, h := range hits(&k, math.Min(y, a), y > a, end) {
					below[i] += h / n
				}
			}
			for i, p := range quantileLevels {
				// 4.9 standard errors, and half of a packed place of 0.05 at a density of 0.27 at most.
				assert.InDelta(t, p, below[i], 4.9*math.Sqrt(p*(1-p)/n)+0.025*0.27, "level %v", p)
			}
		})
	}
}

func TestCautious(t *testing.T) {
	const end = 12.
	k := knots{4, 4.5, 5, 5.5, 6, 6.5, 7, 8, end}
	var o outcomes
	by := 1 + caution
	out := o.cautious(k, end)
	assert.Equal(t, 6.0, out[middle])
	assert.InDelta(t, 6+0.5*by, out[third4], 1e-12)
	assert.InDelta(t, 6-1*by, out[2], 1e-12)
	assert.Equal(t, end, out[top], "never stays never")
	o.n = carefree
	assert.InDelta(t, 6+0.5*(1+caution/2), o.cautious(k, end)[third4], 1e-12)
	o.n = 1_000_000
	assert.InDeltaSlice(t, k[:], slicesOf(o.cautious(k, end)), 1e-5)
	// Nothing comes at no time at all.
	o.n = 0
	near := o.cautious(knots{0.2, 0.3, 0.5, 1, 6, 7, 8, 9, 10}, end)
	assert.InDelta(t, 0.1, near[lowest], 1e-12)
}

// TestRecord: what is counted, by hand.
func TestRecord(t *testing.T) {
	const end = 12.
	var j judge
	r := j.history()
	assert.Zero(t, r.Forecasts)
	assert.True(t, math.IsNaN(r.MedianError))
	assert.True(t, math.IsNaN(r.Within(0.9)))

	k := knots{1, 2, 3, 4, 5, 6, 7, 8, 9}
	// Of four outcomes one is in the lower quartile, two in the upper half, one above all. They are off by 2.6, 0.3, 2.6 and 6 octaves: the second of four bins of a quarter is
	// that of 2.5 to 2.75 with two, the middle of four is half way through the first of the two, and 2.5 + 0.25/2.
	for _, y := range []float64{2.4, 5.3, 7.6, 11} {
		j.outcomes.learn(&k, y, false, end)
	}
	r = j.history()
	assert.Equal(t, 4, r.Forecasts)
	assert.Equal(t, [levels]float64{0, 0, 0.25, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75}, r.Below)
	assert.InDelta(t, math.Exp2(2.5+0.25/2), r.MedianError, 1e-9)
	assert.InDelta(t, 0.75, r.Within(0.95), 1e-12)  // 0.75 - 0
	assert.InDelta(t, 0.75, r.Within(0.9), 1e-12)   // 0.75 - 0
	assert.InDelta(t, 0.25, r.Within(0.8), 1e-12)   // 0.5 - 0.25
	assert.InDelta(t, 0.25, r.Within(0.5), 1e-12)   // 0.5 - 0.25
	assert.InDelta(t, 0.125, r.Within(0.25), 1e-12) // half way: 0.375 - 0.25
	assert.InDelta(t, 0.8, r.Within(0.96), 1e-12)   // past the last: 1 - 0.25·0.8 - 0

	// What is open is off by as far as the median has passed already.
	var open judge
	open.outcomes.learn(&k, 4, true, end)
	assert.InDelta(t, math.Exp2(0.125), open.history().MedianError, 1e-9)
	open.outcomes.learn(&k, 9, true, end)
	open.outcomes.learn(&k, 9, true, end)
	assert.InDelta(t, math.Exp2(4+0.25/4), open.history().MedianError, 1e-9, "half of three is a quarter through the bin of two")
}

// TestTrace: what a record takes from others, where it is thin, counts for those.
func TestTrace(t *testing.T) {
	v := views{own: [nLike]float64{0.8, 0.5, 0.25, 1, 0}, base: Shares{Rates: 0.7, Symmetry: 0.3}}
	// Weekday has 0.1, all of it from Daytime, which keeps 0.2 + 0.1. Speed has 0.4, of which 0.3 are from Likeness, which has 0.2 + 0.3 and of that half from Level, which has
	// 0.1 + 0.25 and of that a fifth, 0.07, from the basis.
	got := v.trace(Shares{Rates: 0, Symmetry: 0, Level: 0.1, Likeness: 0.2, Speed: 0.4, Daytime: 0.2, Weekday: 0.1})
	want := Shares{Rates: 0.049, Symmetry: 0.021, Level: 0.28, Likeness: 0.25, Speed: 0.1, Daytime: 0.3, Weekday: 0}
	for m := range want {
		assert.InDelta(t, want[m], got[m], 1e-12, "member %d", m)
	}
}
