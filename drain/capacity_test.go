package drain_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func TestFlowsTellCapacity(t *testing.T) {
	// A server that can do 50 a second, with 30 coming on average and bursts to work off now and then; then 20 minutes in which nothing leaves. The backlog alone
	// has seen nothing of what the server can do after that; the flows have, and so the outage is less likely to be the end.
	run := func(flows bool, twice float64) drain.Prediction {
		rng := rand.New(rand.NewPCG(31, 32))
		e := drain.NewEstimator()
		level := 0.0
		for i := range 2000 {
			in, can := math.Round(10*(30+5*rng.NormFloat64())), 500.0
			if i%150 == 0 {
				in += 20_000
			}
			if i >= 1880 {
				can = 0
			}
			in = math.Max(0, in)
			out := math.Min(can, level+in)
			level += in - out
			s := drain.Sample{Time: at(10 * float64(i)), Backlog: drain.Items(level)}
			if flows {
				s.Inflow, s.Outflow = drain.Count(in*(1+twice)), drain.Count(out)
			}
			require.NoError(t, e.Observe(s))
		}
		return ask(t, e, drain.Question{})
	}
	alone, apart, leaking := run(false, 0), run(true, 0), run(true, 0.3)
	assert.Equal(t, drain.Growing, alone.State)
	assert.Equal(t, drain.Growing, apart.State)
	assert.Less(t, apart.Never, alone.Never-0.1)
	assert.True(t, math.IsNaN(apart.Leak.Rate))
	// Flows that do not balance, as some of the inflow is counted twice, tell no time to clear.
	assert.Contains(t, leaking.Reasons, drain.LeavesUnmeasured)
	assert.InDelta(t, alone.Never, leaking.Never, 1e-12)
	// 36 000 items have come in 20 minutes of silence: what waits now will be served when the silence ends, as likely as not within as much again, at 50/s.
	assert.Contains(t, apart.Reasons, drain.NothingLeaves)
	assert.InEpsilon(t, apart.Evidence.SinceOutflow+apart.Backlog/50, apart.CurrentBacklog.Median, 0.1)
}
