package drain_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// falling is a queue that falls by 5 a second from 5000, with flows of 20 and 25 as counts; sample i is taken at i seconds.
func falling(i int) drain.Sample {
	return drain.Sample{Time: at(float64(i)), Backlog: drain.Items(max(0, 5000-5*float64(i))), Inflow: drain.Count(20), Outflow: drain.Count(25)}
}

// observe takes samples that must all be good.
func observe(t testing.TB, e *drain.Estimator, samples ...drain.Sample) {
	t.Helper()
	for _, s := range samples {
		require.NoError(t, e.Observe(s))
	}
}

// fed is an estimator that has seen falling up to number n.
func fed(t testing.TB, n int) *drain.Estimator {
	e := drain.NewEstimator()
	for i := range n {
		observe(t, e, falling(i))
	}
	return e
}

func TestRejections(t *testing.T) {
	e := drain.NewEstimator()
	refuse := func(s drain.Sample, want drain.Reason, partial bool, detail string) {
		t.Helper()
		err := e.Observe(s)
		var r *drain.Rejection
		require.ErrorAs(t, err, &r)
		assert.ErrorIs(t, err, drain.ErrRejected)
		assert.Equal(t, want, r.Reason)
		assert.Equal(t, partial, r.Partial)
		assert.Contains(t, r.Detail, detail)
	}
	refuse(drain.Sample{Time: start}, drain.NothingRead, false, "nothing but a time")
	for i := range 30 {
		observe(t, e, falling(i))
	}
	before := ask(t, e, drain.Question{})
	refuse(drain.Sample{Time: at(40), Backlog: drain.Items(-3)}, drain.Negative, false, "backlog is -3, want a count of 0 or more")
	refuse(drain.Sample{Time: at(40), Inflow: drain.Count(-1)}, drain.Negative, false, "inflow is -1")
	refuse(drain.Sample{Time: at(40), Outflow: drain.Total(-1)}, drain.Negative, false, "outflow is -1")
	refuse(drain.Sample{Time: at(40), Delay: drain.Seconds(-1)}, drain.Negative, false, "delay is -1, want a number of seconds of 0 or more")
	refuse(drain.Sample{Time: at(40), Backlog: drain.Items(math.NaN())}, drain.NotFinite, false, "backlog is NaN")
	refuse(drain.Sample{Time: at(40), Outflow: drain.PerSecond(math.Inf(1))}, drain.NotFinite, false, "outflow is +Inf")
	refuse(drain.Sample{Time: at(2), Backlog: drain.Items(1)}, drain.OutOfOrder, false, "want samples in the order of their times, or no more than 8 behind")
	refuse(falling(29), drain.Duplicate, false, "is there already")
	refuse(drain.Sample{Time: start.AddDate(400, 0, 0), Backlog: drain.Items(1)}, drain.NotFinite, false, "292 years")
	after := ask(t, e, drain.Question{})
	assert.Equal(t, before.TimeToClear, after.TimeToClear, "what was accepted before stays as it was")
	want := drain.Counts{Offered: 40, Accepted: 30, Repaired: map[drain.Reason]int{}, Rejected: map[drain.Reason]int{
		drain.NothingRead: 1, drain.Negative: 4, drain.NotFinite: 3, drain.OutOfOrder: 1, drain.Duplicate: 1}}
	assert.Equal(t, want, e.Counts())
	assert.Equal(t, want, after.Counts)
	assert.Contains(t, after.Warnings, "10 samples rejected: 3 not finite, 4 negative, 1 nothing read, 1 out of order, 1 duplicate")
	for _, r := range []drain.Reason{drain.SamplesRejected, drain.Negative, drain.OutOfOrder} {
		assert.Contains(t, after.Reasons, r)
	}
	assert.NotContains(t, after.Reasons, drain.SamplesRepaired)

	// What is good of a sample is used.
	refuse(drain.Sample{Time: at(30), Backlog: drain.Items(-7), Inflow: drain.Count(20), Outflow: drain.Count(25)}, drain.Negative, true, "backlog is -7")
	observe(t, e, falling(31))
	after = ask(t, e, drain.Question{})
	assert.Equal(t, map[drain.Reason]int{drain.Negative: 1}, after.Counts.Repaired)
	assert.InDelta(t, 25, after.Outflow, 1e-9)
	assert.Equal(t, 4845.0, after.Backlog)
}

func TestDisorderIsPutRight(t *testing.T) {
	// Samples that are late by up to three others make the same prediction as in order, to the last bit, and are counted.
	rng := rand.New(rand.NewPCG(4, 4))
	want := ask(t, fed(t, 100), drain.Question{})
	for range 20 {
		order := make([]int, 100)
		for i := range order {
			order[i] = i
		}
		for from := 0; from+4 <= len(order); from += 4 { // within fours: at most three behind
			rng.Shuffle(4, func(i, j int) { order[from+i], order[from+j] = order[from+j], order[from+i] })
		}
		e := drain.NewEstimator()
		late, newest := 0, -1
		for _, i := range order {
			observe(t, e, falling(i))
			if i < newest {
				late++
			}
			newest = max(newest, i)
		}
		got := ask(t, e, drain.Question{})
		assert.Equal(t, map[drain.Reason]int{drain.OutOfOrder: late}, got.Counts.Repaired)
		assert.Equal(t, want.TimeToClear, got.TimeToClear)
		assert.Equal(t, want.CurrentBacklog, got.CurrentBacklog)
		assert.Equal(t, want.Delay, got.Delay)
		assert.Equal(t, want.Evidence, got.Evidence)
	}
	// One that is farther behind is rejected.
	e := fed(t, 100)
	late := falling(90)
	late.Time = late.Time.Add(500 * time.Millisecond) // nine are newer
	assert.ErrorIs(t, e.Observe(late), drain.ErrRejected)
	late.Time = late.Time.Add(time.Second)
	assert.NoError(t, e.Observe(late))
}

func TestSampleFromTheFuture(t *testing.T) {
	e := fed(t, 50)
	s := falling(50)
	s.Time = s.Time.Add(time.Hour)
	observe(t, e, s)
	for i := 51; i < 54; i++ {
		observe(t, e, falling(i))
	}
	p := ask(t, e, drain.Question{})
	assert.Equal(t, at(53), p.LastSample)
	assert.Equal(t, at(53), p.AsOf)
	assert.Equal(t, map[drain.Reason]int{drain.ClockAhead: 1}, p.Counts.Rejected)
	assert.Equal(t, map[drain.Reason]int{drain.OutOfOrder: 3}, p.Counts.Repaired, "until the third showed it")
	assert.Equal(t, drain.Draining, p.State)
	// A queue that is not looked at for an hour is another thing: what comes after it comes after it.
	e = fed(t, 50)
	observe(t, e, s)
	s.Time = s.Time.Add(time.Second)
	observe(t, e, s)
	assert.Empty(t, ask(t, e, drain.Question{}).Counts.Rejected)
}

func TestSeveralSamplesFromTheFuture(t *testing.T) {
	for _, k := range []int{1, 2, 5, 8} {
		e := fed(t, 40)
		for i := range k {
			s := falling(40 + i)
			s.Time = s.Time.AddDate(1, 0, 0)
			observe(t, e, s)
		}
		for i := 40; i < 80; i++ {
			observe(t, e, falling(i))
		}
		p := ask(t, e, drain.Question{})
		assert.Equal(t, at(79), p.AsOf, "%d", k)
		assert.Equal(t, map[drain.Reason]int{drain.ClockAhead: k}, p.Counts.Rejected, "%d", k)
		assert.InDelta(t, 5, p.NetDrain, 1e-6, "%d", k)
	}
}

func TestAGapIsNoFuture(t *testing.T) {
	// Nothing for an hour, and then samples out of order: those are not from the future.
	e := fed(t, 40)
	for _, i := range []int{3605, 3601, 3602, 3603, 3604, 3606} {
		observe(t, e, falling(i))
	}
	p := ask(t, e, drain.Question{Target: 1e6})
	assert.Empty(t, p.Counts.Rejected)
	assert.Equal(t, at(3606), p.LastSample)
}

func TestClockSetBack(t *testing.T) {
	// After 50 samples the clock goes back by an hour and the queue goes on. Seven samples are lost, and then it is as if the clock had gone on.
	e := fed(t, 50)
	for i := 50; i < 100; i++ {
		s := falling(i)
		s.Time = s.Time.Add(-time.Hour)
		err := e.Observe(s)
		if i < 57 {
			assert.ErrorIs(t, err, drain.ErrRejected)
		} else {
			assert.NoError(t, err)
		}
	}
	p := ask(t, e, drain.Question{})
	assert.Equal(t, at(99).Add(-time.Hour), p.LastSample, "by the clock as it is now")
	assert.Equal(t, map[drain.Reason]int{drain.OutOfOrder: 7}, p.Counts.Rejected)
	assert.Equal(t, 1, p.Counts.Repaired[drain.ClockBack])
	assert.Equal(t, drain.Draining, p.State)
	assert.InEpsilon(t, 5, p.NetDrain, 0.02) // the time of the seven that were lost has passed all the same
	assert.InDelta(t, 4505, p.Backlog, 1e-9)
	// Late samples that are no clock: not in order among themselves, or good ones between.
	e = fed(t, 100)
	for i := range 30 {
		assert.ErrorIs(t, e.Observe(falling(30-i)), drain.ErrRejected)
	}
	for i := range 30 {
		assert.ErrorIs(t, e.Observe(falling(i+10)), drain.ErrRejected)
		observe(t, e, falling(100+i))
	}
	assert.Equal(t, map[drain.Reason]int{drain.OutOfOrder: 60}, e.Counts().Rejected)
}

func TestCounterResets(t *testing.T) {
	// A counter that begins anew, and one that loses a tenth of what it counted: 20 and 25 a second all the same.
	for _, c := range []struct {
		reason drain.Reason
		after  float64 // what it shows at 50 s instead of 1250
	}{{drain.CounterReset, 3}, {drain.PartialReset, 1100}} {
		e := drain.NewEstimator()
		total := 0.0
		for i := range 100 {
			total += 25
			if i == 50 {
				total = c.after
			}
			s := falling(i)
			s.Outflow = drain.Total(total)
			observe(t, e, s)
		}
		p := ask(t, e, drain.Question{})
		assert.Equal(t, map[drain.Reason]int{c.reason: 1}, p.Counts.Repaired)
		assert.InDelta(t, 25, p.Outflow, 1e-9, c.reason)
		assert.True(t, math.IsNaN(p.Leak.Rate), "%s is no leak", c.reason)
		assert.Contains(t, p.Reasons, c.reason)
	}
}

func TestGap(t *testing.T) {
	// Ten samples are missing. What the count after them counts is not known, so the flow of that interval is not; a total and the backlog lose nothing.
	for name, form := range map[string]func(total, count float64) drain.Flow{
		"count": func(_, n float64) drain.Flow { return drain.Count(n) },
		"total": func(sum, _ float64) drain.Flow { return drain.Total(sum) },
		"rate":  func(_, n float64) drain.Flow { return drain.PerSecond(n) },
	} {
		e := drain.NewEstimator()
		for i := range 100 {
			if i >= 50 && i < 60 {
				continue
			}
			s := falling(i)
			s.Inflow, s.Outflow = form(20*float64(i), 20), form(25*float64(i), 25)
			observe(t, e, s)
		}
		p := ask(t, e, drain.Question{})
		assert.InDelta(t, 20, p.Inflow, 1e-9, name)
		assert.InDelta(t, 25, p.Outflow, 1e-9, name)
		assert.True(t, math.IsNaN(p.Leak.Rate), "%s: a gap is no leak", name)
		if name == "total" {
			assert.Empty(t, p.Counts.Repaired)
		} else {
			assert.Equal(t, map[drain.Reason]int{drain.Gap: 1}, p.Counts.Repaired, name)
		}
	}
	// Samples that come at random have long intervals, and no gaps.
	e := drain.NewEstimator()
	rng := rand.New(rand.NewPCG(6, 6))
	now := 0.0
	for range 500 {
		dt := rng.ExpFloat64()
		now += dt
		observe(t, e, drain.Sample{Time: at(now), Backlog: drain.Items(math.Round(1e4 - 5*now)), Outflow: drain.Count(math.Round(25 * dt)), Inflow: drain.PerSecond(20)})
	}
	p := ask(t, e, drain.Question{})
	assert.Empty(t, p.Counts.Repaired)
	assert.InEpsilon(t, 25, p.Outflow, 0.01)
}

func TestAbsurdJump(t *testing.T) {
	spike := func(e *drain.Estimator, i int, backlog float64) drain.Prediction {
		s := falling(i)
		s.Backlog = drain.Items(backlog)
		s.Inflow, s.Outflow = drain.Flow{}, drain.Flow{}
		observe(t, e, s)
		return ask(t, e, drain.Question{})
	}
	for name, x := range map[string]float64{"a failed scrape reads 0": 0, "a wrong unit": 5e9} {
		e := fed(t, 50)
		p := spike(e, 50, x)
		assert.Contains(t, p.Reasons, drain.JumpUnconfirmed, name)
		assert.Equal(t, drain.Draining, p.State, name)
		assert.Equal(t, 4755.0, p.Backlog, name)
		observe(t, e, falling(51), falling(52))
		p = ask(t, e, drain.Question{})
		assert.NotContains(t, p.Reasons, drain.JumpUnconfirmed, name)
		assert.Equal(t, map[drain.Reason]int{drain.AbsurdJump: 1}, p.Counts.Rejected, name)
		assert.Equal(t, 4740.0, p.Backlog, name)
		assert.InDelta(t, 5, p.NetDrain, 1e-6, name)
	}
	// Confirmed by the next one it is no error: somebody emptied the queue.
	e := fed(t, 50)
	spike(e, 50, 0)
	p := spike(e, 51, 2)
	assert.Empty(t, p.Counts.Rejected)
	assert.Equal(t, 2.0, p.Backlog)
	// Nor is it where the flows explain it.
	e = fed(t, 50)
	s := falling(50)
	s.Backlog, s.Outflow = drain.Items(10), drain.Count(4765)
	observe(t, e, s)
	p = ask(t, e, drain.Question{})
	assert.Equal(t, 10.0, p.Backlog)
	assert.NotContains(t, p.Reasons, drain.JumpUnconfirmed)
}

func TestSameInstant(t *testing.T) {
	e := fed(t, 50)
	// Parts of one sample that come apart are no conflict; another backlog takes the place of the first.
	observe(t, e, drain.Sample{Time: at(50), Inflow: drain.Count(20)}, drain.Sample{Time: at(50), Outflow: drain.Count(25)}, drain.Sample{Time: at(50), Backlog: drain.Items(4750)})
	assert.Empty(t, e.Counts().Repaired)
	observe(t, e, drain.Sample{Time: at(50), Backlog: drain.Items(4749)})
	p := ask(t, e, drain.Question{})
	assert.Equal(t, map[drain.Reason]int{drain.Duplicate: 1}, p.Counts.Repaired)
	assert.Equal(t, 4749.0, p.Backlog)
	assert.Equal(t, 51, p.Samples)
	err := e.Observe(drain.Sample{Time: at(50), Backlog: drain.Items(4749)})
	assert.EqualError(t, err, "drain: sample rejected: the sample of 2026-03-28T22:00:50Z is there already")
}

func TestProblemsAreListed(t *testing.T) {
	seen := map[drain.Reason]bool{}
	for _, r := range drain.Problems() {
		assert.False(t, seen[r], r)
		assert.Regexp(t, `^[a-z]+(_[a-z]+)*$`, string(r))
		seen[r] = true
	}
	assert.Len(t, seen, 11)
}

func TestMissedScrapesAreNoLeak(t *testing.T) {
	// One scrape in three fails, at random: what its interval counted is lost, which is neither a slower flow nor a leak. Totals lose nothing.
	for name, form := range map[string]func(total, count float64) drain.Flow{
		"count": func(_, n float64) drain.Flow { return drain.Count(n) },
		"total": func(sum, _ float64) drain.Flow { return drain.Total(sum) },
	} {
		rng := rand.New(rand.NewPCG(8, 8))
		e := drain.NewEstimator()
		for i := range 600 {
			if i > 0 && rng.IntN(3) == 0 {
				assert.ErrorIs(t, e.Observe(drain.Sample{Time: at(float64(i))}), drain.ErrRejected)
				continue
			}
			s := falling(i)
			s.Inflow, s.Outflow = form(20*float64(i), 20), form(25*float64(i), 25)
			observe(t, e, s)
		}
		p := ask(t, e, drain.Question{})
		assert.InDelta(t, 20, p.Inflow, 1e-9, name)
		assert.InDelta(t, 25, p.Outflow, 1e-9, name)
		assert.True(t, math.IsNaN(p.Leak.Rate), name)
		assert.Empty(t, p.Counts.Repaired, name)
		assert.Greater(t, p.Counts.Rejected[drain.NothingRead], 150, name)
	}
	// A failed scrape at the end is no sample: the answer is as of the last one. One of a time at which another source has something is none either.
	e := fed(t, 50)
	assert.Error(t, e.Observe(drain.Sample{Time: at(50)}))
	assert.Equal(t, at(49), ask(t, e, drain.Question{}).AsOf)
	observe(t, e, falling(50))
	assert.Error(t, e.Observe(drain.Sample{Time: at(50)}))
	assert.Equal(t, 4750.0, ask(t, e, drain.Question{}).Backlog)
}

func TestReadingsThatWereDue(t *testing.T) {
	// One outflow in five was due and not read, in samples that have all else: neither a leak nor a slower flow.
	rng := rand.New(rand.NewPCG(9, 9))
	e := drain.NewEstimator()
	for i := range 600 {
		s := falling(i)
		if i > 0 && rng.IntN(5) == 0 {
			s.Outflow = drain.NotRead()
		}
		observe(t, e, s)
	}
	p := ask(t, e, drain.Question{})
	assert.InDelta(t, 25, p.Outflow, 1e-9)
	assert.True(t, math.IsNaN(p.Leak.Rate))
	assert.Equal(t, "unknown", drain.NotRead().String())
	assert.False(t, drain.NotRead().Known())
}

func TestTimesThatAreNone(t *testing.T) {
	e := drain.NewEstimator()
	err := e.Observe(drain.Sample{Backlog: drain.Items(1)})
	assert.ErrorIs(t, err, drain.ErrRejected)
	assert.ErrorContains(t, err, "time is unset")
	for i := range 30 { // and what comes then is not its fault
		observe(t, e, falling(i))
	}
	assert.Equal(t, 30, ask(t, e, drain.Question{}).Samples)
}

func TestTimesThatAreOne(t *testing.T) {
	// A first sample of the year 1970 leaves half a microsecond of resolution today: samples ten nanoseconds apart are then of one time, and are counted, not divided by.
	e := drain.NewEstimator()
	observe(t, e, drain.Sample{Time: time.Unix(0, 0), Backlog: drain.Items(5)})
	for i := range 300 {
		observe(t, e, drain.Sample{Time: start.Add(time.Duration(10 * i)), Backlog: drain.Items(float64(5000 - i)), Inflow: drain.Count(1), Outflow: drain.Count(2)})
	}
	p := ask(t, e, drain.Question{})
	assert.Greater(t, p.Counts.Rejected[drain.Duplicate], 200)
	assert.Equal(t, 301, p.Counts.Offered)
	assert.False(t, math.IsNaN(p.TimeToClear.Median))
	assert.False(t, math.IsNaN(p.NetDrain) || math.IsInf(p.NetDrain, 0))
}
