package drain_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// day is a queue of 400 samples, ten seconds apart, with its true counts: it grows by 2/s for 200 samples, then falls by 6/s.
type day struct{ backlog, in, out []float64 }

func newDay(seed uint64) (d day) {
	rng := rand.New(rand.NewPCG(seed, 1))
	level := 15000.0
	for i := range 400 {
		in, out := math.Round(200+10*rng.NormFloat64()), math.Round(180+10*rng.NormFloat64())
		if i >= 200 {
			out += 80
		}
		level = math.Max(0, level+in-out)
		d.backlog, d.in, d.out = append(d.backlog, level), append(d.in, in), append(d.out, out)
	}
	return d
}

func TestEveryFormTellsTheSame(t *testing.T) {
	d := newDay(1)
	count := func(_, n float64) drain.Flow { return drain.Count(n) }
	total := func(sum, _ float64) drain.Flow { return drain.Total(sum) }
	rate := func(_, n float64) drain.Flow { return drain.PerSecond(n / 10) }
	ask := func(in, out func(sum, n float64) drain.Flow, gauge func(i int) bool) drain.Prediction {
		e := drain.NewEstimator()
		sumIn, sumOut := 77.0, 1e9
		for i := range d.backlog {
			sumIn, sumOut = sumIn+d.in[i], sumOut+d.out[i]
			s := drain.Sample{Time: at(10 * float64(i)), Inflow: in(sumIn, d.in[i]), Outflow: out(sumOut, d.out[i])}
			if gauge(i) {
				s.Backlog = drain.Items(d.backlog[i])
			}
			observe(t, e, s)
		}
		return ask(t, e, drain.Question{})
	}
	always := func(int) bool { return true }
	want := ask(count, count, always)
	require.Equal(t, drain.Draining, want.State)
	assert.InEpsilon(t, 6, want.NetDrain, 0.1)
	assert.True(t, math.IsNaN(want.Leak.Rate))
	// Where the gauge is always there nothing differs but the last bits. Where it is not, what it misses is worked out, but for the first one: until a
	// second one is missing it may only be late.
	for name, c := range map[string]struct {
		got       drain.Prediction
		tolerance float64
		inferred  bool
	}{
		"totals":           {ask(total, total, always), 1e-9, false},
		"rates":            {ask(rate, rate, always), 1e-9, false},
		"count and total":  {ask(count, total, always), 1e-9, false},
		"flows alone":      {ask(total, count, func(i int) bool { return i == 0 }), 1e-9, true},
		"the gauge fails":  {ask(rate, count, func(i int) bool { return i < 100 || i > 350 }), 0.01, false},
		"and is gone":      {ask(count, total, func(i int) bool { return i < 300 }), 0.01, true},
		"every third time": {ask(count, count, func(i int) bool { return i%3 == 0 }), 0.1, false},
	} {
		assert.Equal(t, want.State, c.got.State, name)
		assert.InEpsilon(t, want.Backlog, c.got.Backlog, 1e-9, name)
		assert.InEpsilon(t, want.NetDrain, c.got.NetDrain, c.tolerance, name)
		assert.InEpsilon(t, want.Inflow, c.got.Inflow, 1e-9, name)
		assert.InEpsilon(t, want.Outflow, c.got.Outflow, 1e-9, name)
		assert.InEpsilon(t, want.TimeToClear.Median, c.got.TimeToClear.Median, c.tolerance, name)
		assert.True(t, math.IsNaN(c.got.Leak.Rate), name)
		assert.Equal(t, c.inferred, slices.Contains(c.got.Reasons, drain.BacklogInferred), name)
	}
}

func TestSeriesAtTimesOfTheirOwn(t *testing.T) {
	// The backlog every 10 s, the counter of what enters every 7 s, the rate of what leaves every 60 s, each late by a different delay: nothing leaks, and
	// the rates are those of the day.
	d := newDay(2)
	sum := func(n []float64, seconds float64) float64 { // items until then
		i := math.Min(seconds/10, float64(len(n)-1))
		total := 0.0
		for k := 1; k <= int(i); k++ {
			total += n[k]
		}
		if frac := i - math.Floor(i); frac > 0 {
			total += frac * n[int(i)+1]
		}
		return total
	}
	type arrival struct {
		s       drain.Sample
		arrives float64
	}
	var arrivals []arrival
	for s := 0.0; s <= 3990; s++ {
		if math.Mod(s, 10) == 0 {
			arrivals = append(arrivals, arrival{drain.Sample{Time: at(s), Backlog: drain.Items(d.backlog[int(s/10)])}, s})
		}
		if math.Mod(s, 7) == 3 {
			arrivals = append(arrivals, arrival{drain.Sample{Time: at(s), Inflow: drain.Total(5e6 + sum(d.in, s))}, s + 5})
		}
		if math.Mod(s, 60) == 59 {
			arrivals = append(arrivals, arrival{drain.Sample{Time: at(s), Outflow: drain.PerSecond((sum(d.out, s) - sum(d.out, s-60)) / 60)}, s + 2})
		}
	}
	e := drain.NewEstimator()
	for now := 0.0; now <= 3999; now++ {
		for _, a := range arrivals {
			if a.arrives == now {
				observe(t, e, a.s)
			}
		}
	}
	p := ask(t, e, drain.Question{})
	assert.Equal(t, drain.Draining, p.State)
	assert.InEpsilon(t, 6, p.NetDrain, 0.1)
	assert.InEpsilon(t, 20, p.Inflow, 0.03)
	assert.InEpsilon(t, 26, p.Outflow, 0.03)
	assert.True(t, math.IsNaN(p.Leak.Rate))
	assert.Zero(t, len(p.Counts.Rejected))
	assert.Equal(t, 400, p.Samples)
}

func TestAFlowThatIsMissingForAWhile(t *testing.T) {
	e := drain.NewEstimator()
	d := newDay(3)
	for i := range d.backlog {
		s := drain.Sample{Time: at(10 * float64(i)), Backlog: drain.Items(d.backlog[i]), Inflow: drain.Count(d.in[i]), Outflow: drain.Count(d.out[i])}
		if i >= 250 && i < 300 {
			s.Inflow = drain.Flow{}
		}
		if i >= 380 {
			s.Outflow = drain.Flow{}
		}
		observe(t, e, s)
		p := ask(t, e, drain.Question{})
		if i > 20 {
			assert.Equal(t, i >= 250+16 && i < 300, math.IsNaN(p.Inflow), "unknown after sixteen samples, %d", i)
			assert.Equal(t, i >= 380+16, math.IsNaN(p.Outflow), "%d", i)
			assert.Equal(t, math.IsNaN(p.Outflow), math.IsNaN(p.CurrentBacklog.Median))
		}
	}
	p := ask(t, e, drain.Question{})
	assert.Contains(t, p.Reasons, drain.FlowsUnknown)
	assert.Equal(t, map[drain.Reason]int{drain.Gap: 1}, p.Counts.Repaired)
}

func TestFirstIntervalOfAFlow(t *testing.T) {
	// A backlog, and then counts alone: the first of them counts since the backlog. 1000 - 8·100 = 200.
	e := drain.NewEstimator()
	observe(t, e, drain.Sample{Time: at(0), Backlog: drain.Items(1000)})
	for i := 1; i <= 8; i++ {
		observe(t, e, drain.Sample{Time: at(60 * float64(i)), Inflow: drain.Count(0), Outflow: drain.Count(100)})
	}
	assert.Equal(t, 200.0, ask(t, e, drain.Question{}).Backlog)
	// Totals first read an hour later tell nothing of that hour: the backlog is not known any more.
	e = drain.NewEstimator()
	observe(t, e, drain.Sample{Time: at(0), Backlog: drain.Items(1000)})
	for i := range 60 {
		observe(t, e, drain.Sample{Time: at(3600 + 60*float64(i)), Inflow: drain.Total(0), Outflow: drain.Total(10 * float64(i))})
	}
	assert.Equal(t, drain.Unknown, ask(t, e, drain.Question{}).State)
}

func TestABacklogThatWasMeasuredCounts(t *testing.T) {
	// Totals every second, the backlog half a second later; the counters begin anew between the last backlog and the reading after it, and the gauge is gone. From
	// 3000 at 97.5 s it falls by 10 a second: 1970 at 200 s, where older backlogs would tell something else.
	e := drain.NewEstimator()
	in, out := 0.0, 0.0
	for i := range 201 {
		in, out = in+20, out+30
		if i == 98 {
			in, out = 20, 30
		}
		observe(t, e, drain.Sample{Time: at(float64(i)), Inflow: drain.Total(in), Outflow: drain.Total(out)})
		if i < 98 {
			backlog := 9000.0 - 10*float64(i)
			if i == 97 {
				backlog = 3000
			}
			observe(t, e, drain.Sample{Time: at(float64(i) + 0.5), Backlog: drain.Items(backlog)})
		}
	}
	p := ask(t, e, drain.Question{})
	assert.Contains(t, p.Reasons, drain.BacklogInferred)
	assert.InDelta(t, 1975, p.Backlog, 10)
	assert.True(t, math.IsNaN(p.Leak.Rate) || p.Leak.Rate > 0) // the step to 3000 is one that no flow explains
}

func TestAFewBacklogsAndThenFlowsAlone(t *testing.T) {
	for k := 1; k <= 6; k++ {
		e := drain.NewEstimator()
		for i := range 60 {
			s := falling(i)
			if i >= k {
				s.Backlog = drain.Reading{}
			}
			observe(t, e, s)
		}
		p := ask(t, e, drain.Question{})
		assert.Equal(t, drain.Draining, p.State, "%d", k)
		assert.Equal(t, 4705.0, p.Backlog, "%d", k)
	}
}

func TestFlowsNewerThanTheBacklog(t *testing.T) {
	// The backlog every ten seconds, the flows every second and on after it; nothing leaves any more near the end. Whatever is asked, and as of when, no time is negative
	// and no bound out of order.
	e := drain.NewEstimator()
	for i := range 306 {
		s := drain.Sample{Time: at(float64(i)), Inflow: drain.Count(10), Outflow: drain.Count(10)}
		if i%10 == 0 && i <= 290 {
			s.Backlog = drain.Items(500 + float64(i%3))
		}
		if i >= 296 {
			s.Outflow = drain.Count(0)
		}
		observe(t, e, s)
	}
	for _, seconds := range []float64{290, 292, 297, 305, 310, 320} {
		p := ask(t, e, drain.Question{At: at(seconds)})
		for _, b := range []drain.Bounds{p.CurrentBacklog, p.Delay.Oldest, p.Delay.Newest, p.TimeToClear} {
			if !math.IsNaN(b.Median) {
				assert.True(t, 0 <= b.Lower && b.Lower <= b.Median && b.Median <= b.Upper, "as of %v: %v", seconds, b)
			}
		}
		if p.State != drain.Unknown {
			assert.Positive(t, p.Delay.Newest.Median, "as of %v: an item that arrives now does not wait for nothing", seconds)
		}
	}
}

func ExampleSample_backlogAlone() {
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	for i := range 30 {
		show(est.Observe(drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Backlog: drain.Items(float64(1200 - 20*i))}))
	}
	show(est.Predict(drain.Question{}))
	// Output: 620 items, draining at 20/min: cleared in 31 min (90 %: 24 min – 40 min), about 17:00 UTC
}

func ExampleSample_counters() {
	// Cumulative counters, as monitoring systems have them; the second one begins anew after half an hour.
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	in, out := 91_822.0, 88_120.0
	for i := range 60 {
		in, out = in+40, out+60
		if i == 30 {
			out = 12
		}
		show(est.Observe(drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Backlog: drain.Items(float64(2000 - 20*i)), Inflow: drain.Total(in), Outflow: drain.Total(out)}))
	}
	p, err := est.Predict(drain.Question{})
	show(p, err)
	fmt.Println("in", drain.FormatRate(p.Inflow), "out", drain.FormatRate(p.Outflow))
	fmt.Println(p.Warnings)
	// Output:
	// 820 items, draining at 20/min: cleared in 41 min (90 %: 33 min – 51 min), about 17:40 UTC
	// in 40/min out 1/s
	// [1 sample repaired: 1 counter reset]
}

func ExampleSample_rates() {
	// Rates, and a gauge that fails after a quarter of an hour: the backlog is worked out from there.
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	for i := range 30 {
		s := drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Inflow: drain.PerSecond(2), Outflow: drain.PerSecond(2.5)}
		if i < 15 {
			s.Backlog = drain.Items(float64(2000 - 30*i))
		}
		show(est.Observe(s))
	}
	p, err := est.Predict(drain.Question{})
	show(p, err)
	fmt.Println(p.Warnings[0])
	// Output:
	// 1 130 items, draining at 30/min: cleared in 38 min (90 %: 31 min – 46 min), about 17:07 UTC
	// the backlog was last measured 15 min 00 s before; since then it is worked out from the flows
}

func ExampleSample_flowsAlone() {
	// Nobody measures the backlog, but it was 500 when we began to count.
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	show(est.Observe(drain.Sample{Time: now, Backlog: drain.Items(500), Inflow: drain.Total(0), Outflow: drain.Total(0)}))
	for i := 1; i < 30; i++ {
		show(est.Observe(drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Inflow: drain.Total(float64(100 * i)), Outflow: drain.Total(float64(110 * i))}))
	}
	show(est.Predict(drain.Question{}))
	// Output: 210 items, draining at 10/min: cleared in 21 min (90 %: 14 min – 32 min), about 16:50 UTC
}

func ExampleSample_apart() {
	// Each series comes by itself, at times of its own, and somewhat out of order.
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	for i := range 40 {
		t := now.Add(time.Duration(i) * time.Minute)
		show(est.Observe(drain.Sample{Time: t, Backlog: drain.Items(float64(2000 - 20*i))}))
		show(est.Observe(drain.Sample{Time: t.Add(-20 * time.Second), Inflow: drain.Total(float64(40 * i))}))
		show(est.Observe(drain.Sample{Time: t.Add(-70 * time.Second), Outflow: drain.Total(float64(60 * i))}))
	}
	p, err := est.Predict(drain.Question{})
	show(p, err)
	fmt.Println("in", drain.FormatRate(p.Inflow), "out", drain.FormatRate(p.Outflow))
	// Output:
	// 1 220 items, draining at 20/min: cleared in 1 h 01 min (90 %: 50 min – 1 h 14 min), about 17:40 UTC
	// in 40/min out 1/s
}

func ExampleSample_delay() {
	// Only the backlog is measured, and how long the item had waited that is served: Little's law tells what comes in, and so what goes out.
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	for i := range 30 {
		backlog := float64(9000 - 60*i)
		show(est.Observe(drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Backlog: drain.Items(backlog), Delay: drain.Seconds(backlog / 4)}))
	}
	p, err := est.Predict(drain.Question{})
	show(p, err)
	fmt.Println("in", drain.FormatRate(p.Inflow), "out", drain.FormatRate(p.Outflow))
	fmt.Println("what waits now is served in", p.CurrentBacklog)
	// Output:
	// 7 260 items, draining at 1/s: cleared in 2 h 01 min (90 %: 1 h 50 min – 2 h 14 min), about 18:30 UTC
	// in 4/s out 5/s
	// what waits now is served in 24 min 12 s (90 %: 23 min 37 s – 24 min 49 s)
}

// show prints an answer, or what went wrong.
func show(what ...any) {
	for _, x := range what {
		if x != nil {
			fmt.Println(x)
		}
	}
}
