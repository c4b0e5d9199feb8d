package drain_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/drain"
)

// states are what a queue goes through while its samples come in, each state once as long as it lasts.
func states(t *testing.T, target float64, samples ...drain.Sample) (seen []drain.State) {
	e := drain.NewEstimator()
	for _, s := range samples {
		observe(t, e, s)
		if p := ask(t, e, drain.Question{Target: target}); len(seen) == 0 || seen[len(seen)-1] != p.State {
			seen = append(seen, p.State)
		}
	}
	return seen
}

// path is samples ten seconds apart, with noise of the given standard deviation on each step.
func path(from, spread float64, seed uint64, legs ...leg) (samples []drain.Sample) {
	x := noise(10_000, seed)
	level := from
	for _, l := range legs {
		for range l.n {
			level = math.Max(0, level+10*l.perSecond+spread*x[len(samples)])
			samples = append(samples, drain.Sample{Time: at(10 * float64(len(samples))), Backlog: drain.Items(math.Round(level))})
		}
	}
	return samples
}

type leg struct {
	n         int
	perSecond float64
}

func TestStatesFollowWithoutFlapping(t *testing.T) {
	for seed := range uint64(20) {
		// An outage and a drain.
		got := states(t, 0, path(1000, 30, seed, leg{60, 20}, leg{300, -40})...)
		assert.Equal(t, []drain.State{drain.Unknown, drain.Growing, drain.Draining, drain.Cleared}, slices.DeleteFunc(got, func(s drain.State) bool { return s == drain.Steady }), "seed %d", seed)
		assert.LessOrEqual(t, len(got), 6, "seed %d: %v", seed, got) // steady at most for a moment at the beginning
	}
}

func TestOneOddSampleFlipsNothing(t *testing.T) {
	// Fifty samples of a clear trend; then one that is off by twenty steps or a hundred, either way, and the trend goes on.
	for _, way := range []float64{30, -30} {
		for _, off := range []float64{6000, -6000, 30_000, -30_000} {
			samples := path(100_000, 40, 3, leg{60, way})
			s := samples[50]
			samples[50].Backlog = drain.Items(s.Backlog.Value() + off)
			want := map[bool]drain.State{true: drain.Growing, false: drain.Draining}[way > 0]
			e := drain.NewEstimator()
			for i, s := range samples {
				observe(t, e, s)
				if i > 10 {
					assert.Equal(t, want, ask(t, e, drain.Question{}).State, "way %v, off %v, sample %d", way, off, i)
				}
			}
		}
	}
}

func TestHovering(t *testing.T) {
	// A queue that hovers about its target is cleared, not again and again; one that leaves it is not.
	samples := path(5000, 5, 4, leg{60, -8})
	x := noise(200, 5)
	for i := range 60 {
		samples = append(samples, drain.Sample{Time: at(10 * float64(len(samples))), Backlog: drain.Items(math.Round(20 + 3*x[i]))})
	}
	got := states(t, 20, samples...)
	assert.Equal(t, drain.Cleared, got[len(got)-1])
	assert.LessOrEqual(t, len(got), 4, "%v", got)
	e := drain.NewEstimator()
	observe(t, e, samples...)
	for i := range 40 {
		observe(t, e, drain.Sample{Time: at(10 * float64(len(samples)+i)), Backlog: drain.Items(float64(20 + 30*i))})
	}
	p := ask(t, e, drain.Question{Target: 20})
	assert.Equal(t, drain.Growing, p.State)

	// While it hovers above, the answer says so, and the times are those to the target.
	e = drain.NewEstimator()
	for i := range 41 {
		observe(t, e, drain.Sample{Time: at(float64(i)), Backlog: drain.Items(float64(19 + 5*(i%2)))})
	}
	observe(t, e, drain.Sample{Time: at(41), Backlog: drain.Items(24)})
	p = ask(t, e, drain.Question{Target: 20})
	assert.Equal(t, drain.Cleared, p.State)
	assert.Equal(t, "24 items, cleared (20 items or fewer a moment ago, and above that by no more than usual)", p.String())
	assert.Positive(t, p.TimeToClear.Upper)
	assert.Less(t, p.ClearedBy(p.AsOf), 1.0)
}

// TestDailyWaveIsNoHovering: a queue of which each day's wave is as large as it usually changes in an hour is not cleared while it goes up and its way back is hours long.
func TestDailyWaveIsNoHovering(t *testing.T) {
	e := drain.NewEstimator()
	x := noise(24*40, 7)
	for i := range 24 * 40 { // a sample an hour
		level := math.Max(0, 2500*math.Sin(2*math.Pi*float64(i)/24)+400*x[i])
		observe(t, e, drain.Sample{Time: at(3600 * float64(i)), Backlog: drain.Items(math.Round(level))})
		if i < 24*20 {
			continue
		}
		if p := ask(t, e, drain.Question{Target: 200}); p.State == drain.Cleared {
			assert.False(t, p.Backlog > 1000 && i%24 >= 3 && i%24 <= 6 && p.TimeToClear.Median > 8*3600, "at %d h: %s", i, p)
		}
	}
}

func TestOneFalseZeroIsNoClearing(t *testing.T) {
	for _, levels := range [][]float64{{0, 0, 1000}, {0, 0, 1000, 1100}, {900, 0, 800, 850, 840, 860, 870, 880}} {
		e := drain.NewEstimator()
		for i, l := range levels {
			observe(t, e, drain.Sample{Time: at(float64(i)), Backlog: drain.Items(l)})
		}
		assert.NotEqual(t, drain.Cleared, ask(t, e, drain.Question{}).State, "%v", levels)
	}
	// Nor is an only sample that is old a cleared queue.
	e := drain.NewEstimator()
	observe(t, e, drain.Sample{Time: start, Backlog: drain.Items(0)})
	assert.Equal(t, drain.Cleared, ask(t, e, drain.Question{}).State)
	assert.Equal(t, drain.Unknown, ask(t, e, drain.Question{At: start.Add(time.Hour)}).State)
}

func TestSilenceIsNoStall(t *testing.T) {
	// One item in about twenty intervals leaves, and then none for forty: it may be chance. After two hundred it is not.
	e := drain.NewEstimator()
	n := 0
	next := func(out float64) drain.Prediction {
		n++
		observe(t, e, drain.Sample{Time: at(60 * float64(n)), Backlog: drain.Items(50), Inflow: drain.Count(out), Outflow: drain.Count(out)})
		return ask(t, e, drain.Question{})
	}
	for i := range 400 {
		next(float64((i % 20) / 19))
	}
	var p drain.Prediction
	for range 40 {
		p = next(0)
	}
	assert.Equal(t, drain.Steady, p.State)
	assert.InDelta(t, 40*60, p.Evidence.SinceOutflow, 1e-6)
	for range 160 {
		p = next(0)
	}
	assert.Equal(t, drain.Stalled, p.State)
	assert.Contains(t, p.Reasons, drain.NothingLeaves)
	// Where something left every time, five empty intervals are enough; and an empty queue has nothing to leave.
	e, n = drain.NewEstimator(), 0
	for range 50 {
		next(7)
	}
	for range 6 {
		p = next(0)
	}
	assert.Equal(t, drain.Stalled, p.State)
	e = drain.NewEstimator()
	for i := range 100 {
		backlog := 0.0
		if i == 99 {
			backlog = 3
		}
		observe(t, e, drain.Sample{Time: at(float64(i)), Backlog: drain.Items(backlog), Inflow: drain.Count(backlog), Outflow: drain.Count(0)})
	}
	assert.NotEqual(t, drain.Stalled, ask(t, e, drain.Question{}).State)
}

func TestRateChangeIsSaid(t *testing.T) {
	// Growing by 5/s until 22:20:00, then draining at 30/s: said within a few samples, with the moment and what was before.
	samples := path(20_000, 10, 6, leg{121, 5}, leg{60, -30})
	e := drain.NewEstimator()
	said := 0
	var widths []float64
	for i, s := range samples {
		observe(t, e, s)
		p := ask(t, e, drain.Question{})
		if i > 120 && p.State == drain.Draining {
			said++
			widths = append(widths, math.Log(p.TimeToClear.Upper/p.TimeToClear.Lower))
			assert.WithinDuration(t, at(1200), p.Since, 10*time.Second)
			assert.InEpsilon(t, -5, p.Before, 0.1)
			assert.Contains(t, p.Reasons, drain.RateChanged)
			assert.Regexp(t, `^since 22:(20|19|20:\d\d|19:\d\d) UTC draining at 30.*/s; before that growing by [45].*/s$`, p.Change())
			assert.InDelta(t, 1, p.Evidence.NetPositive, 1e-3)
		}
	}
	assert.GreaterOrEqual(t, said, 60-10, "within ten samples")
	// The bounds are wide at first and narrow then.
	assert.Greater(t, widths[0], 2*widths[len(widths)-1])
	assert.Empty(t, ask(t, fed(t, 50), drain.Question{}).Change())
}

func TestStaleness(t *testing.T) {
	// Asked later and later, without a sample: every bound moves outwards on the clock, the median stays, and it is unknown in the end.
	e := drain.NewEstimator()
	observe(t, e, path(100_000, 200, 7, leg{100, -40})...)
	p := ask(t, e, drain.Question{})
	lower, upper, median := p.TimeToClear.Lower, p.TimeToClear.Upper, p.TimeToClear.Median
	for age := 15.0; age <= 160; age += 5 {
		q := ask(t, e, drain.Question{At: p.AsOf.Add(time.Duration(age * 1e9))})
		assert.InDelta(t, median, age+q.TimeToClear.Median, 1e-6*median)
		assert.Less(t, age+q.TimeToClear.Lower, lower, "age %v", age)
		assert.Greater(t, age+q.TimeToClear.Upper, upper, "age %v", age)
		assert.Equal(t, age, q.Evidence.Age)
		assert.Equal(t, age > 30, slices.Contains(q.Reasons, drain.Stale))
		lower, upper = age+q.TimeToClear.Lower, age+q.TimeToClear.Upper
	}
	assert.Equal(t, drain.Unknown, ask(t, e, drain.Question{At: p.AsOf.Add(161 * time.Second)}).State)

	// A queue that should be clear by now, and nothing says so: not zero, but unknown.
	e = drain.NewEstimator()
	observe(t, e, path(4600, 5, 8, leg{100, -4.5})...)
	p = ask(t, e, drain.Question{})
	assert.Less(t, p.TimeToClear.Median, 50.0)
	later := ask(t, e, drain.Question{At: p.AsOf.Add(60 * time.Second)})
	assert.Equal(t, drain.Unknown, later.State)
	assert.True(t, math.IsNaN(later.TimeToClear.Median))
	assert.Equal(t, "the last sample is 1 min 00 s old, and samples are usually 10 s apart: more likely than not the queue should be clear by now, and no sample shows it", later.Warnings[0])
}

func TestBoundsHoldAfterAChange(t *testing.T) {
	// Growing by 20 a sample, then falling by 60, each ± 30, so that the change is of 2.7 standard deviations: how soon the state has followed, and how often the 90 %
	// bounds hold the truth, 5 to 40 samples after the repair. The limit allows a false alarm in a million: 0.9 - 4.75·√(0.09/300).
	const runs = 300
	after := []int{5, 10, 20, 40}
	held, followed, finite := map[int]int{}, map[int]int{}, map[int]int{}
	for run := range uint64(runs) {
		x := noise(2000, 100+run)
		level := 3000.0
		e := drain.NewEstimator()
		asked := map[int]drain.Prediction{}
		i := 0
		for ; level > 0; i++ {
			observe(t, e, drain.Sample{Time: at(float64(i)), Backlog: drain.Items(math.Round(level))})
			if slices.Contains(after, i-200) {
				asked[i-200] = ask(t, e, drain.Question{})
			}
			step := 20.0
			if i >= 200 {
				step = -60
			}
			level += step + 30*x[i]
		}
		for k, p := range asked {
			truth := float64(i - 200 - k)
			if b := p.TimeToClear; b.Lower <= truth && truth <= b.Upper+1 {
				held[k]++
			}
			if p.State == drain.Draining {
				followed[k]++
			}
			if !math.IsInf(p.TimeToClear.Upper, 1) {
				finite[k]++
			}
		}
	}
	for _, k := range after {
		t.Logf("%d samples after: draining in %d of %d, bounds held in %d, upper bound finite in %d", k, followed[k], runs, held[k], finite[k])
	}
	assert.Greater(t, followed[10], runs*2/3)
	assert.Greater(t, followed[20], runs*9/10)
	for _, k := range []int{20, 40} { // before that the queue may still be taken to grow
		assert.GreaterOrEqual(t, float64(held[k])/runs, 0.9-4.75*math.Sqrt(0.09/runs))
	}
	assert.GreaterOrEqual(t, finite[40], finite[20])
}

// TestGrowingAndNothingLeaves: both are said where both are so, as in the outage of a worker.
func TestGrowingAndNothingLeaves(t *testing.T) {
	e := drain.NewEstimator()
	level := 5.0
	for i := range 60 {
		s := drain.Sample{Time: at(float64(10 * i)), Backlog: drain.Items(level), Inflow: drain.Count(40), Outflow: drain.Count(40)}
		if i > 40 {
			s.Outflow = drain.Count(0)
		}
		observe(t, e, s)
		if i >= 40 {
			level += 40
		}
	}
	p := ask(t, e, drain.Question{})
	assert.Equal(t, drain.Growing, p.State)
	assert.Contains(t, p.Reasons, drain.NothingLeaves)
	assert.Contains(t, p.String(), " items, growing by 4/s, nothing leaves: ")
}
