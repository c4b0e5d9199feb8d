package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// anyKnots are rising knots on a scale that ends at 12.
func anyKnots(r *rand.Rand) (k knots) {
	s := 4 * r.Float64()
	for i := range k {
		s += r.ExpFloat64() / 2
		k[i] = s
	}
	k.settle(12)
	return k
}

func TestKnotsInverse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		k := anyKnots(r)
		for i, p := range quantileLevels {
			assert.InDelta(t, k[i], k.at(p, 12), 1e-12)
		}
		from := 0
		for s := 0.0; s < 12; s += 0.037 {
			p := k.cdf(s, 12)
			assert.Equal(t, p, k.cdfFrom(s, 12, &from))
			if p > 1e-9 && p < 1-1e-9 {
				assert.InDelta(t, s, k.at(p, 12), 1e-5)
			}
		}
	}
}

func TestQuantileLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	scale := LogScale{Unit: 10, Horizon: 10 * 4095}
	for range 100 {
		law := newQuantileLaw(anyKnots(r), scale)
		before := 0.0
		for s := 0.05; s < 12; s += 0.05 {
			x := scale.Time(s)
			p := law.CDF(x)
			assert.GreaterOrEqual(t, p, before)
			assert.InDelta(t, 1, p+law.Survival(x), 1e-12)
			if p > 1e-6 && p < law.Finite()-1e-9 && law.Prob(x)*x > 1e-6 {
				assert.InEpsilon(t, x, law.Quantile(p), 1e-6)
				h := 1e-5 * x
				assert.InDelta(t, (law.CDF(x+h)-law.CDF(x-h))/(2*h)*x, law.Prob(x)*x, 1e-2*law.Prob(x)*x+1e-4)
			}
			before = p
		}
		assert.LessOrEqual(t, before, law.Finite())
		assert.Equal(t, law.Finite(), law.CDF(math.Inf(1)))
		if law.Finite() < 1 {
			assert.Equal(t, math.Inf(1), law.Quantile(math.Nextafter(law.Finite(), 1)))
		}
	}
	var never knots
	for i := range never {
		never[i] = 12
	}
	assert.Equal(t, math.Inf(1), newQuantileLaw(never, scale).Quantile(0.05))
	assert.Less(t, newQuantileLaw(never, scale).Finite(), 0.025)
}

// TestSurvive holds the estimate against what Susarla & Van Ryzin have for it in closed form.
func TestSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	const end, c = 12.0, float64(leaning)
	for range 100 {
		law := anyKnots(r)
		s0 := func(s float64) float64 { return 1 - law.cdf(s, end) }
		n := 1 + r.IntN(20)
		times := make([]float64, n)
		var order []uint64
		var weight [mostDrains][nLike]float32
		for i := range times {
			times[i] = float64(float32(math.Min(11.9, law.at(0.01+0.98*r.Float64(), end))))
			weight[i][0] = 1
		}
		for _, censored := range []bool{false, true} {
			order = order[:0]
			z := times[0]
			for i := range times {
				if censored {
					times[i] = z // all still run, for as long
				}
				key := uint64(math.Float32bits(float32(times[i]))) << 16
				if censored {
					key |= 1 << 15
				}
				order = append(order, key|uint64(i))
			}
			sortKeys(order)
			survival := func(u float64) float64 {
				if censored {
					if u < z {
						return (c*s0(u) + float64(n)) / (c + float64(n))
					}
					return s0(u) / s0(z) * (c*s0(z) + float64(n)) / (c + float64(n))
				}
				later := 0.0
				for _, x := range times {
					if x > u {
						later++
					}
				}
				return (c*s0(u) + later) / (c + float64(n))
			}
			k := (&drains{}).survive(order, &weight, 0, float64(n), 1, &law, end)
			for i, p := range quantileLevels {
				if k[i] >= end-1e-6 {
					assert.Greater(t, survival(end-1e-6), 1-p-1e-6)
					continue
				}
				// The survival passes 1-p there, be it in a jump.
				assert.LessOrEqual(t, survival(k[i]+1e-5), 1-p+1e-5)
				assert.GreaterOrEqual(t, survival(k[i]-1e-5), 1-p-1e-5)
			}
		}
	}
}

func sortKeys(x []uint64) {
	for i := range x {
		for j := i; j > 0 && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
}

// TestStairs against all that was seen.
func TestStairs(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for range 50 {
		var s stairs
		var seen []float64
		level, whole := 20.0, true // no step was left out yet
		for i := range 300 {
			level = math.Max(0, level+math.Round(3*r.NormFloat64()))
			s.see(float64(i), level)
			seen = append(seen, level)
			height := 40 * r.Float64()
			at, ok := s.since(height)
			want, has := 0, false
			for j := i; j >= 0 && !has; j-- {
				want, has = j, seen[j] <= height
			}
			whole = whole && int(s.n) < stairSteps
			if whole {
				assert.Equal(t, has, ok)
				if has {
					assert.Equal(t, float64(want), at)
				}
			} else if ok {
				assert.LessOrEqual(t, at, float64(want), "never later than the truth")
			}
		}
	}
}

// TestDrainsTakeDown: the record has the first passages of a walk, and its counts are right.
func TestDrainsTakeDown(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	p := NewPanel(PanelOptions{Drains: 40})
	var levels []float64
	level := 50.0
	for i := range 6000 {
		level = math.Max(0, level+math.Round(6*r.NormFloat64())-0.02*(level-60))
		level = math.Round(level)
		levels = append(levels, level)
		p.Observe(Observation{Time: 10 * float64(i), Total: -level})
	}
	d := &p.record.drains
	require.Len(t, d.start, 40)
	var kept [heightBins]uint8
	done := 0
	for i := range d.start {
		kept[binOf(d.high[i])]++
		at := int(d.start[i] / 10)
		require.Equal(t, float32(levels[at]), d.level[i])
		for j, share := range shares {
			want := 0
			for k := at + 1; k < len(levels) && want == 0; k++ {
				if levels[k] <= share*levels[at] {
					want = k - at
				}
			}
			if want == 0 {
				assert.Zero(t, d.took[i][j])
				continue
			}
			done++
			assert.InEpsilon(t, 10*float64(want), d.unit*unpackTime(d.took[i][j]), 1.5e-3)
		}
	}
	assert.Equal(t, kept, d.kept)
	assert.Greater(t, done, 80)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		level = math.Abs(level + 6*r.NormFloat64())
		p.Observe(Observation{Time: p.last.Time + 10, Total: -level})
	}))
}

// TestRegret: the weighted mean is worse than each member by no more than the bound of judge, whatever the members say.
func TestRegret(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	scale := LogScale{Unit: 1, Horizon: horizonUnits}
	const n = 400
	j := newJudge(1)
	var loss, own [judged][members]float64
	most := 0.0
	for i := range n {
		l := laidAside{start: 0, share: 0.5}
		for m := range members {
			for k := range judged {
				l.members[m][k] = packPlace(math.Mod(float64(2*m+k)+3*r.Float64()+float64(i/100), 10))
			}
			if r.IntN(4) == 0 {
				l.members[m] = [judged]uint8{silent, silent, silent, silent, silent}
			}
		}
		took := math.Exp2(10 * r.Float64())
		y := scale.Of(took)
		var confidence [members]float64
		for m := range members {
			if l.members[m][0] != silent {
				d := doubt(unpackPlace(l.members[m][1]), unpackPlace(l.members[m][3]), unpackPlace(packPlace(scale.Of(math.Inf(1)))))
				confidence[m] = halfFactor * halfFactor / (halfFactor*halfFactor + d*d)
			}
		}
		for k := range judged {
			p := quantileLevels[judgedLevels[k]]
			w := j.weights(k, &confidence)
			said := 0.0
			for m := range members {
				if confidence[m] > 0 {
					said += w[m] * unpackPlace(l.members[m][k])
				}
			}
			for m := range members {
				if confidence[m] > 0 {
					x := unpackPlace(l.members[m][k])
					loss[k][m] += confidence[m] * 2 * Pinball(p, said, y)
					own[k][m] += confidence[m] * 2 * Pinball(p, x, y)
					most = math.Max(most, 2*math.Abs(x-said))
				}
			}
		}
		j.score(&l, took, false, scale)
	}
	for k := range judged {
		for m := range members {
			bound := -math.Log(prior[m]/2)/learning + learning*n*most*most/2
			assert.LessOrEqual(t, loss[k][m]-own[k][m], bound)
		}
	}
}

// TestRecalibration: bounds that held too often become narrower, and what came true as it should stays as it is.
func TestRecalibration(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	wide := knots{2, 2.6, 3.3, 4.6, 6, 7.4, 8.7, 9.4, 10}
	var over, right recalibration
	for range 400 {
		u := r.Float64()
		over.learn(&wide, 0.5, wide.at(0.35+0.3*u, 12), false, 12) // always near the median
		right.learn(&wide, 0.5, wide.at(u, 12), false, 12)
	}
	narrow, same := over.recalibrate(wide, 0.5, 12), right.recalibrate(wide, 0.5, 12)
	assert.Less(t, narrow[third4]-narrow[first4], 0.8*(wide[third4]-wide[first4]))
	for i := range wide {
		assert.InDelta(t, wide[i], same[i], 0.4)
	}
	var nothing recalibration
	fresh := nothing.recalibrate(wide, 0.5, 12)
	for i := range wide {
		assert.InDelta(t, wide[i], fresh[i], 1e-9)
	}
}

// TestDayPattern: a queue that clears at night only is forecast so, in its own time zone, through a change to summer time.
func TestDayPattern(t *testing.T) {
	const interval = 600.0
	run := func(local func(float64) float64, hours float64) (day, night float64) {
		p := NewPanel(PanelOptions{Local: local})
		r := rand.New(rand.NewPCG(8, 1))
		level := 0.0
		var at [2][]float64
		for i := range 144 * 40 {
			now := interval * float64(i)
			hour := math.Mod(now/3600+hours, 24)
			load := 12.0
			if hour < 6 {
				load = -60
			}
			level = math.Max(0, level+load+6*r.NormFloat64())
			p.Observe(Observation{Time: now, Total: -level})
			if i < 144*30 || level < 200 {
				continue
			}
			m := p.Forecast(0.9 * level).Quantile(0.5)
			switch {
			case hour > 7 && hour < 9:
				at[0] = append(at[0], m/3600)
			case hour > 22:
				at[1] = append(at[1], m/3600)
			}
		}
		mean := func(x []float64) (m float64) {
			for _, v := range x {
				m += v / float64(len(x))
			}
			return m
		}
		return mean(at[0]), mean(at[1])
	}
	utc := func(t float64) float64 { return t }
	day, night := run(utc, 0)
	assert.InDelta(t, 17, day, 4, "hours from the morning until the night's fall")
	assert.InDelta(t, 3, night, 2)
	// The same queue by a clock that is put on after 20 days: its hours are those of the clock.
	shifted := func(t float64) float64 {
		if t > 20*86400 {
			return t + 3600
		}
		return t
	}
	day, night = run(shifted, 0)
	assert.InDelta(t, 17, day, 4)
	assert.InDelta(t, 3, night, 2)
}

// TestTenSamples: a short series gets an answer.
func TestTenSamples(t *testing.T) {
	var p Panel
	for i := range 10 {
		p.Observe(Observation{Time: 60 * float64(i), Total: -float64(500 - 10*i - i%3)})
	}
	f := p.Predict(200)
	m := f.Law.Quantile(0.5)
	assert.InEpsilon(t, 1200, m, 0.15)
	assert.Less(t, f.Law.Quantile(0.05), m)
	assert.Greater(t, f.Law.Quantile(0.95), m)
	sum := 0.0
	for _, s := range f.Shares {
		sum += s
	}
	assert.InDelta(t, 1, sum, 1e-9)
	assert.Zero(t, p.Record().Forecasts)
	assert.True(t, math.IsNaN(p.Record().Within(0.9)))
}

// TestNearTarget: a member that knows a near target, and not the first of the shares, is not taken for certain there.
func TestNearTarget(t *testing.T) {
	var p Panel
	for i := range 200 {
		level := 94.0
		if i >= 20 {
			level = 100 + float64(i*7%5)
		}
		p.Observe(Observation{Time: 60 * float64(i), Total: -level})
	}
	assert.Less(t, p.Predict(4).Shares[Symmetry], 0.5)
}

// TestVictimOfSingles: where no height has two, the one that is given up is counted off at its own height.
func TestVictimOfSingles(t *testing.T) {
	p := NewPanel(PanelOptions{Drains: 3})
	for i := range 2000 {
		p.Observe(Observation{Time: float64(i), Total: -math.Exp2(float64(i * 7 % 20))})
	}
	var kept [heightBins]uint8
	for _, h := range p.record.drains.high {
		kept[binOf(h)]++
	}
	assert.Equal(t, kept, p.record.drains.kept)
}
