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

// threeStages is a pipeline with 10 items a second coming in, and capacities; the last level is what is left to do in each stage.
func threeStages(t testing.TB, capacity, start [3]float64, samples int) (*drain.Pipeline, [3]float64) {
	names := []string{"receive", "scan", "send"}
	p := drain.NewPipeline(names)
	r := rand.New(rand.NewPCG(7, 7))
	level := start
	for k := range samples {
		in, out := 0.0, [3]float64{}
		if k > 0 {
			in = 100 + 10*r.NormFloat64()
			come := in
			for i := range level {
				out[i] = math.Min(level[i]+come, capacity[i]*10+10*r.NormFloat64())
				level[i] += come - out[i]
				come = out[i]
			}
		}
		for i, name := range names {
			s := drain.Sample{Time: friday.Add(time.Duration(k*10) * time.Second), Backlog: drain.Items(math.Round(level[i])), Outflow: drain.Count(math.Max(0, out[i]))}
			if i == 0 {
				s.Inflow = drain.Count(in)
			}
			require.NoError(t, p.Observe(name, s))
		}
	}
	return p, level
}

// fluid is when all is clear in the fluid limit, second by second.
func fluid(level [3]float64, in float64, capacity func(t float64) [3]float64) float64 {
	for t := 0.0; t < 1e6; t++ {
		come, c := in, capacity(t)
		for i := range level {
			out := math.Min(level[i]+come, c[i])
			level[i] += come - out
			come = out
		}
		if level[0]+level[1]+level[2] < 1 {
			return t + 1
		}
	}
	return math.Inf(1)
}

// TestPipeline: the time of the whole, the bottleneck, and that more workers in another stage do not change the time.
func TestPipeline(t *testing.T) {
	capacity := [3]float64{30, 18, 40}
	p, level := threeStages(t, capacity, [3]float64{6000, 9000, 0}, 150)
	at := func(f func(t float64, c *[3]float64)) func(float64) [3]float64 {
		return func(t float64) [3]float64 {
			c := capacity
			if f != nil {
				f(t, &c)
			}
			return c
		}
	}
	more := func(stage string) drain.Plan {
		return drain.Plan{Name: "more for " + stage, Changes: []drain.Change{{At: drain.In(100 * time.Second), Queue: stage, By: drain.Exactly(10)}}}
	}
	both := more("scan")
	both.Name = "two steps"
	both.Changes = append(both.Changes, drain.Change{At: drain.In(200 * time.Second), Queue: "scan", By: drain.Exactly(30)})
	g, err := p.Predict(drain.Question{Plans: []drain.Plan{more("receive"), more("scan"), more("send"), both}})
	require.NoError(t, err)
	assert.InEpsilon(t, fluid(level, 10, at(nil)), g.TimeToClear.Median, 0.05)
	assert.Equal(t, "scan", g.Bottlenecks[0].Queue)
	assert.Greater(t, g.Bottlenecks[0].Probability, 0.9)
	assert.Equal(t, []string{"send"}, g.Waiting)
	assert.Contains(t, g.String(), "; the bottleneck is scan (")
	for _, i := range []int{0, 2} {
		assert.InDelta(t, 0, g.Plans[i].Sooner.Median, 0.01*g.TimeToClear.Median, "more workers there do not change the time")
	}
	assert.InEpsilon(t, fluid(level, 10, at(func(t float64, c *[3]float64) {
		if t >= 100 {
			c[1] += 10
		}
	})), g.Plans[1].Prediction.TimeToClear.Median, 0.06)
	steps := g.Plans[3].Steps
	require.Len(t, steps, 2)
	assert.Equal(t, "scan", steps[0].Bottleneck.Queue)
	assert.LessOrEqual(t, steps[1].Median, steps[0].Median)
	// Errors name what is wrong.
	for _, c := range []drain.Change{{By: drain.Exactly(1)}, {Queue: "print", By: drain.Exactly(1)}, {Flow: drain.InflowOf, Queue: "send", By: drain.Exactly(1)}} {
		_, err := p.Predict(drain.Question{Plans: []drain.Plan{{Changes: []drain.Change{c}}}})
		assert.ErrorIs(t, err, drain.ErrInvalid)
	}
	assert.ErrorIs(t, p.Observe("print", drain.Sample{}), drain.ErrInvalid)
	_, err = drainingQueue(10).Predict(drain.Question{Plans: []drain.Plan{more("scan")}})
	assert.ErrorIs(t, err, drain.ErrInvalid)
	empty, err := drain.NewPipeline([]string{"a", "b"}).Predict(drain.Question{At: friday})
	require.NoError(t, err)
	assert.Equal(t, drain.Unknown, empty.State)
}
