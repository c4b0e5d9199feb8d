package drain_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// TestPoison: T15, a tenth of the items never succeed: the queue settles there, and there is no time to empty.
func TestPoison(t *testing.T) {
	q := drain.Question{At: friday, Feedback: drain.Feedback{Poison: drain.Exactly(1000)}}
	p, err := drain.Numbers{Backlog: drain.Exactly(10000), Inflow: drain.Exactly(5), Outflow: drain.About(15, 1)}.Predict(q)
	require.NoError(t, err)
	e := drainingQueue(1e4)
	sampled := ask(t, e, drain.Question{Feedback: q.Feedback})
	for _, p := range []drain.Prediction{p, sampled} {
		assert.True(t, math.IsInf(p.TimeToClear.Median, 1))
		assert.Equal(t, 1.0, p.Never)
		assert.Equal(t, 1000.0, p.Effects.Settles.Value())
		assert.Contains(t, p.Reasons, drain.Settles)
		assert.Contains(t, p.String(), "settles near 1 000 items in ")
		assert.Contains(t, p.String(), "and will not clear")
	}
	assert.InEpsilon(t, 900, p.Effects.SettlesIn.Median, 0.02)
	assert.InEpsilon(t, 30, sampled.Effects.SettlesIn.Median, 0.2)
	// Where the target is above the poison it is no matter.
	q.Target = 2000
	p, err = drain.Numbers{Backlog: drain.Exactly(10000), Inflow: drain.Exactly(5), Outflow: drain.About(15, 1)}.Predict(q)
	require.NoError(t, err)
	assert.InEpsilon(t, 800, p.TimeToClear.Median, 0.02)
	assert.False(t, p.Effects.Settles.Known())
}

// TestRetries: the tipping point, and the fluid limit of what retries do to the time, Q(t) = Q₀ - ν(exp(rt) - 1)/r.
func TestRetries(t *testing.T) {
	const r, net, backlog = 1e-3, 20.0, 10000.0
	q := drain.Question{At: friday, Feedback: drain.Feedback{Retry: drain.Exactly(r)}}
	p, err := drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.Exactly(net)}.Predict(q)
	require.NoError(t, err)
	assert.InEpsilon(t, math.Log1p(r*backlog/net)/r, p.TimeToClear.Median, 0.02)
	assert.Equal(t, backlog+net/r, p.Effects.Tipping.Value())
	assert.Zero(t, p.Effects.AboveTipping)
	// Above it: it grows, what it needs brings it to the point, and half as much more makes it clear.
	n := drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.About(-20, 5)}
	q.Feedback.Retry = drain.About(r, r/10)
	q.Plans = []drain.Plan{{Name: "more", Changes: []drain.Change{{By: drain.Exactly(40)}}}}
	p, err = n.Predict(q)
	require.NoError(t, err)
	assert.True(t, math.IsInf(p.TimeToClear.Median, 1))
	assert.Greater(t, p.Effects.AboveTipping, 0.99)
	assert.Equal(t, 20.0, p.Effects.NeededOutflow)
	assert.Contains(t, p.Reasons, drain.AboveTipping)
	with := p.Outcomes[0].Prediction
	assert.InEpsilon(t, math.Log1p(r*backlog/20)/r, with.TimeToClear.Median, 0.05)
	q.Plans = nil
	// Abandonment: it settles above nothing at ν/θ below, and clears where that is below the target.
	p, err = drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.Exactly(net)}.Predict(drain.Question{At: friday, Feedback: drain.Feedback{Abandon: drain.About(4e-3, 4e-4)}})
	require.NoError(t, err)
	assert.InEpsilon(t, 5000, p.Effects.Settles.Value(), 1e-9)
	assert.InEpsilon(t, math.Log(20)/4e-3, p.Effects.SettlesIn.Median, 1e-9)
	assert.Greater(t, p.Never, 0.99)
	p, err = drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.Exactly(net)}.Predict(drain.Question{At: friday, Feedback: drain.Feedback{Abandon: drain.Exactly(1e-3)}})
	require.NoError(t, err)
	assert.InEpsilon(t, -math.Log1p(-1e-3*backlog/net)/1e-3, p.TimeToClear.Median, 0.02)
}

// TestExpiry: T16, a time to live of an hour against a drain of two is said, with how many; against a simulation of every item.
func TestExpiry(t *testing.T) {
	q := drain.Question{At: friday, Feedback: drain.Feedback{TimeToLive: time.Hour}}
	p, err := drain.Numbers{Backlog: drain.Exactly(720000), Inflow: drain.Exactly(100), Outflow: drain.Exactly(200)}.Predict(q)
	require.NoError(t, err)
	assert.InEpsilon(t, 7200, p.TimeToClear.Median, 0.01)
	assert.Contains(t, p.Reasons, drain.Expires)
	assert.NotEmpty(t, p.Warnings)
	assert.InEpsilon(t, 360000, p.Effects.Expire.Median, 1e-6) // what is older than an hour
	assert.InEpsilon(t, 3600, p.Effects.ClearWithExpiry.Median, 1e-6)
	r := rand.New(rand.NewPCG(4, 6))
	for range 30 {
		in, out := 2+8*r.Float64(), 4+8*r.Float64()
		backlog, oldest, ttl := math.Round(2000*r.Float64())+100, 100+400*r.Float64(), 60+400*r.Float64()
		if out < 1.1*in {
			continue
		}
		target := math.Round(backlog * r.Float64() * 0.8)
		if r.IntN(2) == 0 {
			target = 0
		}
		q := drain.Question{At: friday, Target: target, Feedback: drain.Feedback{TimeToLive: time.Duration(ttl * float64(time.Second))}}
		p, err := drain.Numbers{Backlog: drain.Exactly(backlog), Inflow: drain.Exactly(in), Outflow: drain.Exactly(out), Delay: drain.Exactly(oldest)}.Predict(q)
		require.NoError(t, err)
		// Every item at its time, served in order, one each 1/out seconds.
		var came []float64
		for i := range int(backlog) {
			came = append(came, -oldest+oldest*(float64(i)+0.5)/backlog)
		}
		next, expired, clear := 0.5/in, 0, 0.0
		const dt = 0.01
		served := 0.0
		for now := 0.0; ; now += dt {
			for next <= now {
				came = append(came, next)
				next += 1 / in
			}
			for len(came) > 0 && now-came[0] > ttl {
				came = came[1:]
				expired++
			}
			served += out * dt
			for served >= 1 && len(came) > 0 {
				came = came[1:]
				served--
			}
			if float64(len(came)) <= target {
				clear = now
				break
			}
		}
		e := p.Effects
		assert.InDelta(t, expired, e.Expire.Median, 3+0.01*float64(expired), "%v %v %v %v %v", backlog, oldest, in, out, ttl)
		assert.InDelta(t, clear, e.ClearWithExpiry.Median, 2+0.01*clear, "%v %v %v %v %v", backlog, oldest, in, out, ttl)
	}
	for _, b := range []drain.Feedback{{TimeToLive: -1}, {Retry: drain.Exactly(-1)}, {Poison: drain.About(3, math.NaN())}} {
		_, err := drain.Numbers{Backlog: drain.Exactly(1), Net: drain.Exactly(1)}.Predict(drain.Question{Feedback: b})
		assert.ErrorIs(t, err, drain.ErrInvalid)
	}
}

// loop is a simulated queue with feedback, sampled every so many seconds.
type loop struct {
	system
	retry, abandon float64 // a second for each that waits
	measured       bool    // those who give up are in the outflow
	poison         float64 // a tenth of what enters never succeeds, until there are that many
}

// seen is how often each kind of feedback was found in an estimator that was asked again and again, and the means of what was.
type seen struct {
	asked, retries, abandons, floors int
	retry, abandon, floor            float64
}

func (l loop) run(t testing.TB, seeds uint64) (all seen) {
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 20))
		next := l.flow(r)
		var e drain.Estimator
		waiting, poison, in, out := 0.0, 0.0, 0.0, 0.0
		for i := range 4000 {
			s := drain.Sample{Time: at(float64(i) * l.seconds), Backlog: drain.Items(waiting + poison)}
			if i > 0 {
				s.Inflow, s.Outflow = drain.Count(in), drain.Count(out)
			}
			_ = e.Observe(s) // an absurd jump, by chance
			if i%400 == 399 {
				p, err := e.Predict(drain.Question{})
				require.NoError(t, err)
				all.asked++
				b := p.Feedback
				if slices.Contains(p.Reasons, drain.RetriesSeen) {
					all.retries++
					all.retry += b.Retry.Value()
				}
				if slices.Contains(p.Reasons, drain.AbandonmentSeen) {
					all.abandons++
					all.abandon += b.Abandon.Value()
				}
				if slices.Contains(p.Reasons, drain.FloorSeen) {
					all.floors++
					all.floor += b.Poison.Value()
				}
			}
			come, can := next(i)
			come += poisson(r, l.retry*waiting*l.seconds)
			gone := math.Min(waiting, poisson(r, l.abandon*waiting*l.seconds))
			bad := 0.0
			if poison < l.poison {
				bad = math.Round(come / 10)
			}
			served := math.Min(waiting-gone+come-bad, can)
			waiting += come - bad - gone - served
			poison += bad
			in, out = come, served
			if l.measured {
				out += gone
			}
		}
	}
	all.retry /= float64(all.retries)
	all.abandon /= float64(all.abandons)
	all.floor /= float64(all.floors)
	return all
}

// TestFeedbackSeen: retries, abandonment and a floor are found in the samples, with their size, where the backlog shows them; and next to nowhere else: not where the inflow drives the
// backlog, nor where a day's cycle meets outages.
func TestFeedbackSeen(t *testing.T) {
	if underRace {
		t.Skip("it counts outcomes by the thousand, on one goroutine")
	}
	ample := system{name: "outages of a queue with much to spare", seconds: 10, flow: func(r *rand.Rand) func(int) (float64, float64) {
		down := spells(r, 150, func() float64 { return 30 * r.ExpFloat64() })
		return func(int) (float64, float64) {
			if down() {
				return poisson(r, 40), poisson(r, 5)
			}
			return poisson(r, 40), poisson(r, 100)
		}
	}}
	const seeds = 12
	share := func(n, of int) float64 { return float64(n) / float64(of) }
	for _, s := range append([]system{ample}, systems...) {
		none := loop{system: s}.run(t, seeds)
		assert.LessOrEqual(t, share(none.retries+none.abandons+none.floors, none.asked), 0.01, s.name)
		left := loop{system: s, abandon: 0.01 / s.seconds}.run(t, seeds)
		assert.Greater(t, share(left.abandons, left.asked), 0.8, s.name)
		assert.InEpsilon(t, 0.01/s.seconds, left.abandon, 0.03, s.name)
		assert.LessOrEqual(t, share(left.retries+left.floors, left.asked), 0.01, s.name)
	}
	again := loop{system: ample, retry: 5e-4}.run(t, seeds)
	assert.Greater(t, share(again.retries, again.asked), 0.6)
	assert.InEpsilon(t, 5e-4, again.retry, 0.1)
	assert.LessOrEqual(t, share(again.abandons+again.floors, again.asked), 0.01)
	for _, s := range []system{systems[1], systems[2]} { // bursts and autocorrelated inflow, those who give up counted as served
		left := loop{system: s, abandon: 1e-3, measured: true}.run(t, seeds)
		assert.Greater(t, share(left.abandons, left.asked), 0.8, s.name)
		assert.InEpsilon(t, 1e-3, left.abandon, 0.05, s.name)
	}
	stuck := loop{system: ample, poison: 300}.run(t, seeds)
	assert.Greater(t, share(stuck.floors, stuck.asked), 0.9)
	assert.InEpsilon(t, 300, stuck.floor, 0.03)
	assert.LessOrEqual(t, share(stuck.retries+stuck.abandons, stuck.asked), 0.01)
}

// TestSettlesWhereItRested: T15 without being told: a queue that came to rest at its poison before is said to settle there again, and when.
func TestSettlesWhereItRested(t *testing.T) {
	var e drain.Estimator
	r := rand.New(rand.NewPCG(1, 15))
	level := func(i int) float64 {
		if i < 400 {
			return 500
		}
		return math.Max(500, 6500-15*float64(i-400))
	}
	observe := func(from, to int) {
		for i := from; i < to; i++ {
			in := poisson(r, 100)
			require.NoError(t, e.Observe(drain.Sample{Time: at(float64(10 * i)), Backlog: drain.Items(level(i)), Inflow: drain.Count(in), Outflow: drain.Count(math.Max(0, in-level(i)+level(max(0, i-1))))}))
		}
	}
	observe(0, 600)
	p, err := e.Predict(drain.Question{})
	require.NoError(t, err)
	assert.Equal(t, drain.Draining, p.State)
	assert.Contains(t, p.Reasons, drain.FloorSeen)
	assert.Contains(t, p.Reasons, drain.Settles)
	assert.Equal(t, 500.0, p.Effects.Settles.Value())
	assert.InEpsilon(t, 2010, p.Effects.SettlesIn.Median, 0.1)
	assert.Less(t, p.Effects.SettlesIn.Lower, 2010.0)
	assert.Greater(t, p.Effects.SettlesIn.Upper, 2010.0)
	observe(600, 1200)
	p, err = e.Predict(drain.Question{})
	require.NoError(t, err)
	assert.Contains(t, p.Reasons, drain.Settles)
	assert.Zero(t, p.Effects.SettlesIn.Median)
	// Not to a target above it, and no more once it went below.
	p, err = e.Predict(drain.Question{Target: 500})
	require.NoError(t, err)
	assert.NotContains(t, p.Reasons, drain.FloorSeen)
	for i := range 20 {
		require.NoError(t, e.Observe(drain.Sample{Time: at(float64(12000 + 10*i)), Backlog: drain.Items(100)}))
	}
	p, err = e.Predict(drain.Question{})
	require.NoError(t, err)
	assert.NotContains(t, p.Reasons, drain.FloorSeen)
}
