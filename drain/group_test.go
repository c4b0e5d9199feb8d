package drain_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func seeIn(t testing.TB, g *drain.Group, queue string, seconds int, backlog float64) {
	require.NoError(t, g.Observe(queue, drain.Sample{Time: friday.Add(time.Duration(seconds) * time.Second), Backlog: drain.Items(math.Round(backlog))}))
}

// TestGroupSlowest: T14, 99 partitions are done, and one at 1/s drives the time.
func TestGroupSlowest(t *testing.T) {
	var g drain.Group
	r := rand.New(rand.NewPCG(1, 6))
	for k := range 60 {
		for i := range 100 {
			level := 0.0
			if i == 42 {
				level = 5000 - 10*float64(k) + r.NormFloat64()
			}
			seeIn(t, &g, fmt.Sprint("p", i), 10*k, level)
		}
	}
	p, err := g.Predict(drain.Question{})
	require.NoError(t, err)
	assert.Equal(t, []drain.Driver{{Queue: "p42", Probability: 1}}, p.Drivers)
	alone := p.Parts[42]
	assert.Equal(t, alone.TimeToClear, p.TimeToClear)
	assert.InEpsilon(t, 4410, p.TimeToClear.Median, 0.05)
	assert.Equal(t, drain.Draining, p.State)
	assert.Contains(t, p.String(), "; driven by p42 (100 %)")
	assert.Equal(t, alone.Backlog, p.Backlog)
	assert.Equal(t, g.Queues()[42], "p42")
	assert.NotNil(t, g.Part("p42"))
	assert.Nil(t, g.Part("p100"))
}

// TestGroupDependence: what parts have in common is found, and the whole is later than each, no sooner where they are independent than where they move as one.
func TestGroupDependence(t *testing.T) {
	predict := func(common float64) drain.GroupPrediction {
		var g drain.Group
		r := rand.New(rand.NewPCG(2, 6))
		var level [5]float64
		for i := range level {
			level[i] = 30000
		}
		for k := range 800 {
			z := r.NormFloat64()
			for i := range level {
				seeIn(t, &g, fmt.Sprint(i), 10*k, level[i])
				level[i] -= 20 + 60*(math.Sqrt(common)*z+math.Sqrt(1-common)*r.NormFloat64())
			}
		}
		p, err := g.Predict(drain.Question{Target: 1000})
		require.NoError(t, err)
		return p
	}
	apart, together := predict(0), predict(0.95)
	assert.Less(t, apart.Correlation, 0.25)
	assert.Greater(t, together.Correlation, 0.75)
	for _, g := range []drain.GroupPrediction{apart, together} {
		sum := 0.0
		for _, d := range g.Drivers {
			sum += d.Probability
		}
		assert.InDelta(t, 1, sum, 1e-3)
		for _, p := range g.Parts {
			for _, q := range drain.QuantileLevels() {
				assert.GreaterOrEqual(t, g.Quantile(q), p.Quantile(q)*(1-1e-9), "no sooner than a part")
			}
		}
	}
}

// TestGroupUnknown: what is not known is said.
func TestGroupUnknown(t *testing.T) {
	var g drain.Group
	p, err := g.Predict(drain.Question{At: friday})
	require.NoError(t, err)
	assert.Equal(t, drain.Unknown, p.State)
	assert.True(t, math.IsNaN(p.TimeToClear.Median))
	for k := range 30 {
		seeIn(t, &g, "a", 10*k, 1000-20*float64(k))
	}
	seeIn(t, &g, "", 290, 5)
	p, err = g.Predict(drain.Question{})
	require.NoError(t, err)
	assert.Equal(t, drain.Unknown, p.State)
	assert.True(t, math.IsNaN(p.TimeToClear.Median))
	assert.Contains(t, p.Warnings, `queue "" is unknown, and so is the whole`)
	_, err = g.Predict(drain.Question{Plans: []drain.Plan{{Risks: []drain.Risk{{Queue: "b", Probability: 0.5, Length: time.Hour}}}}})
	assert.ErrorIs(t, err, drain.ErrInvalid)
	for k := range 3 {
		seeIn(t, &g, "a", 300+10*k, 0)
		seeIn(t, &g, "", 300+10*k, 0)
	}
	p, err = g.Predict(drain.Question{})
	require.NoError(t, err)
	assert.Equal(t, drain.Cleared, p.State)
	assert.Zero(t, p.TimeToClear.Median)
}

// TestGroupPlan: a plan for the slowest part makes the whole as late as the one that is then the slowest, and another part changes nothing.
func TestGroupPlan(t *testing.T) {
	var g drain.Group
	r := rand.New(rand.NewPCG(3, 6))
	for k := range 60 {
		for i, level := range []float64{9000 - 20*float64(k), 4000 - 30*float64(k)} {
			seeIn(t, &g, fmt.Sprint("p", i), 10*k, level+r.NormFloat64())
		}
	}
	more := func(queue string) drain.Plan {
		return drain.Plan{Name: "more in " + queue, Changes: []drain.Change{{At: drain.In(0), Queue: queue, By: drain.Exactly(50)}}}
	}
	p, err := g.Predict(drain.Question{Plans: []drain.Plan{more("p0"), more("p1")}})
	require.NoError(t, err)
	require.Len(t, p.Plans, 2)
	fast, same := p.Plans[0], p.Plans[1]
	assert.Equal(t, "p0", p.Drivers[0].Queue)
	assert.Equal(t, "p1", fast.Drivers[0].Queue)
	assert.InEpsilon(t, p.Parts[1].TimeToClear.Median, fast.Prediction.TimeToClear.Median, 1e-3)
	assert.InEpsilon(t, p.TimeToClear.Median-fast.Prediction.TimeToClear.Median, fast.Sooner.Median, 0.05)
	assert.InEpsilon(t, p.TimeToClear.Median, same.Prediction.TimeToClear.Median, 1e-6)
	assert.Equal(t, "p0", same.Drivers[0].Queue)
	assert.InDelta(t, 0, same.Sooner.Median, 1e-3)
	assert.Contains(t, fast.Prediction.Reasons, drain.Planned)
	_, err = g.Predict(drain.Question{Plans: []drain.Plan{more("p7")}})
	assert.ErrorIs(t, err, drain.ErrInvalid)
	assert.ErrorContains(t, err, `queue is "p7", want one of those that were seen`)
}
