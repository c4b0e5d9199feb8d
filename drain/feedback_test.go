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
