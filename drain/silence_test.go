package drain_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func TestSilence(t *testing.T) {
	// A server that can do 50 a second, with 30 coming on average and bursts to work off now and then; then 20 minutes in which nothing leaves.
	run := func(twice float64) drain.Prediction {
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
			s := drain.Sample{Time: at(10 * float64(i)), Backlog: drain.Items(level), Inflow: drain.Count(in * (1 + twice)), Outflow: drain.Count(out)}
			require.NoError(t, e.Observe(s))
		}
		return ask(t, e, drain.Question{})
	}
	p, leaking := run(0), run(0.3)
	assert.Equal(t, drain.Growing, p.State)
	assert.True(t, math.IsNaN(p.Leak.Rate))
	assert.Contains(t, leaking.Reasons, drain.LeavesUnmeasured)
	// 36 000 items have come in 20 minutes of silence: what waits now will be served when the silence ends, as likely as not within as much again, at 50/s.
	assert.Contains(t, p.Reasons, drain.NothingLeaves)
	assert.InEpsilon(t, p.Evidence.SinceOutflow+p.Backlog/50, p.CurrentBacklog.Median, 0.1)
	// It came down before, and why it may again is said.
	assert.True(t, turns(p))
	assert.Regexp(t, "growing by .*: (if it goes as fast as it came|as earlier drains went), cleared in ", p)
}
