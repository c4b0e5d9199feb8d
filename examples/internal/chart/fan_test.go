package chart

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// numbers returns the law of 1000 items that fall by net ± se per second.
func numbers(t *testing.T, net, se float64) (law, drain.Prediction) {
	t.Helper()
	n := drain.Numbers{Backlog: drain.Exactly(1000), Net: drain.About(net, se)}
	to := func(level float64) (drain.Prediction, error) { return n.Predict(drain.Question{Target: level}) }
	p, err := to(0)
	require.NoError(t, err)
	return to, p
}

var five = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

func TestFanEndsAtTheBounds(t *testing.T) {
	to, p := numbers(t, 10, 1)
	fan, err := paths(1000, 0, to, five, 1e3)
	require.NoError(t, err)
	for k, q := range []float64{p.TimeToClear.Lower, p.Quantile(0.25), p.TimeToClear.Median, p.Quantile(0.75), p.TimeToClear.Upper} {
		require.True(t, fan[k].goal)
		assert.Equal(t, xy{0, 1000}, fan[k].pts[0])
		assert.Equal(t, xy{q, 0}, fan[k].pts[len(fan[k].pts)-1])
		falls(t, fan[k].pts)
	}
	b := band(fan[0], fan[4], 0, 1e3)
	assert.Len(t, b, 2*levels+1, "two paths of a point now and one at each level; the one now is shared")
	assert.NotContains(t, b, xy{1e3, 0})
}

// 10 ± 20 per second: the rate is not positive, and the queue never empty, with probability Φ(-1/2) = 31 %. The quantiles from 0.75 on are infinite.
func TestFanOfNever(t *testing.T) {
	const right = 200
	to, p := numbers(t, 10, 20)
	require.True(t, math.IsInf(p.Quantile(0.75), 1))
	fan, err := paths(1000, 0, to, five, right)
	require.NoError(t, err)
	assert.True(t, fan[2].goal)
	for _, k := range []int{3, 4} {
		require.False(t, fan[k].goal)
		last := fan[k].pts[len(fan[k].pts)-1]
		assert.Equal(t, float64(right), last.x)
		// The level is the one that is reached at the edge.
		before, err := to(last.y + 2)
		require.NoError(t, err)
		assert.LessOrEqual(t, before.Quantile(five[k]), float64(right))
		beyond, err := to(last.y - 2)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, beyond.Quantile(five[k]), float64(right))
		falls(t, fan[k].pts)
	}
	b := band(fan[0], fan[3], 0, right)
	assert.Contains(t, b, xy{right, 0}, "the band runs off along the target to the edge")
	for _, q := range b {
		assert.True(t, q.x >= 0 && q.x <= right && q.y >= 0 && q.y <= 1000, "%v", q)
	}
	assert.Greater(t, area(b), 0.)
	assert.InDelta(t, area(band(fan[0], path{p: 1, pts: []xy{{0, 1000}, {right, 1000}}}, 0, right)), area(b)+area(band(fan[3], path{p: 1, pts: []xy{{0, 1000}, {right, 1000}}}, 0, right)), 1e-6,
		"a band and what is above it are what is above its lower edge")

	// Both leave: no corner at the target.
	assert.NotContains(t, band(fan[3], fan[4], 0, right), xy{right, 0})
}

// A fan that leaves the picture soon is still made of many points.
func TestFanIsFineWhereItIsShort(t *testing.T) {
	to, _ := numbers(t, 10, 1)
	fan, err := paths(1000, 0, to, five, 5)
	require.NoError(t, err)
	assert.Greater(t, len(fan[0].pts), levels/2)
	falls(t, fan[0].pts)
}

func TestFanUnknown(t *testing.T) {
	unknown := func(float64) (drain.Prediction, error) { return drain.Prediction{}, nil }
	fan, err := paths(1000, 0, unknown, five, 5)
	require.NoError(t, err)
	assert.Nil(t, fan[0].pts)
	assert.Nil(t, band(fan[0], fan[4], 0, 5))

	failure := errors.New("failure")
	_, err = paths(1000, 0, func(float64) (drain.Prediction, error) { return drain.Prediction{}, failure }, five, 5)
	assert.ErrorIs(t, err, failure)
}

func TestOrderly(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, test := range []struct{ in, want []float64 }{
		{[]float64{1, 2, 3}, []float64{1, 2, 3}},
		{[]float64{1, 4, 3}, []float64{1, 3, 3}},
		{[]float64{1, inf, inf}, []float64{1, inf, inf}},
		{[]float64{1, inf, 3}, []float64{1, nan, 3}},
		{[]float64{1, nan, 3}, []float64{1, nan, 3}},
		{[]float64{inf, inf}, []float64{inf, inf}},
	} {
		orderly(test.in)
		for i := range test.want {
			assert.True(t, test.in[i] == test.want[i] || math.IsNaN(test.in[i]) && math.IsNaN(test.want[i]), "%v, want %v", test.in, test.want)
		}
	}
}

func TestHump(t *testing.T) {
	uniform := func(total float64) func(float64) float64 {
		return func(x float64) float64 { return total * math.Min(1, math.Max(0, x-1)) }
	}
	assert.InDeltaSlice(t, []float64{0, 1, 0, 0}, hump(uniform(1), 4, 4), 1e-12)
	assert.InDeltaSlice(t, []float64{0, 0.4, 0, 0}, hump(uniform(0.2), 4, 4), 1e-12)
	assert.Nil(t, hump(uniform(1), 0.5, 4), "nothing in sight")
	assert.Nil(t, hump(func(float64) float64 { return math.NaN() }, 4, 4))
	assert.Nil(t, hump(func(float64) float64 { return 1 }, 4, 4), "all at time 0")
	assert.Equal(t, []float64{0, 0, 1, 0}, hump(func(x float64) float64 {
		if x < 2.5 {
			return 0
		}
		return 1
	}, 4, 4), "exactly then")
}

// falls checks that a path goes right and down.
func falls(t *testing.T, ps []xy) {
	t.Helper()
	for i := 1; i < len(ps); i++ {
		assert.True(t, ps[i].x >= ps[i-1].x && ps[i].y <= ps[i-1].y, "%v after %v", ps[i], ps[i-1])
	}
}

// area is that of a polygon; 0 or less would be one that is inside out (fast paths run down the left side: counter-clockwise).
func area(ps []xy) float64 {
	a := 0.
	for i, p := range ps {
		q := ps[(i+1)%len(ps)]
		a += (p.x*q.y - q.x*p.y) / 2
	}
	return a
}
