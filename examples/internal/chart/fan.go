package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/postsack/backlog/drain"
)

// levels is how many steps from the backlog down to the target a fan is made of.
const levels = 40

// path is the curve of one quantile: the times by which the backlog has first fallen to each level with probability p.
type path struct {
	p    float64
	pts  []xy // from now and the backlog down and to the right
	goal bool // the path ends at the target; otherwise it leaves the picture at the right
}

// law predicts the time to fall to a level.
type law func(level float64) (drain.Prediction, error)

// toward returns the law of a fan that ends as p does; nil where there is no fan. Where toLevel is nil its paths are straight lines.
func toward(p drain.Prediction, toLevel law) law {
	if p.State == drain.Growing && math.IsInf(p.TimeToClear.Lower, 1) {
		return nil // how soon it dips a little below what it is now is not the question
	}
	if p.State == drain.Cleared || !(p.Backlog > p.Target) || math.IsInf(p.Backlog, 1) || p.Law() == nil {
		return nil
	}
	return func(level float64) (drain.Prediction, error) {
		switch {
		case level == p.Target:
			return p, nil
		case toLevel == nil:
			return drain.Prediction{}, nil // unknown: the paths go straight from now to the target
		}
		return toLevel(level)
	}
}

// paths returns the paths of the quantiles ps; nil for those that are unknown. Where a quantile is never, or past right, the path ends at right, at the
// level where it gets there.
func paths(from, target float64, to law, ps []float64, right float64) ([]path, error) {
	fan, err := trace(from, target, target, to, ps, right)
	if err != nil {
		return nil, err
	}
	if lowest := slices.MaxFunc(fan, func(a, b path) int { return cmp.Compare(a.depth(from), b.depth(from)) }); lowest.pts != nil && !lowest.goal {
		// Nothing below its end is in the picture: put all the levels above it.
		return trace(from, lowest.pts[len(lowest.pts)-1].y, target, to, ps, right)
	}
	return fan, nil
}

// depth returns how far a path falls.
func (p path) depth(from float64) float64 {
	if p.pts == nil {
		return -1
	}
	return from - p.pts[len(p.pts)-1].y
}

// trace follows the paths on levels from the backlog down to bottom, and at the target.
func trace(from, bottom, target float64, to law, ps []float64, right float64) ([]path, error) {
	var ys []float64
	for i := 1; i < levels; i++ {
		// Denser at first, where a fan widens as the square root of time.
		ys = append(ys, from-(from-bottom)*math.Pow(float64(i)/levels, 1.5))
	}
	if bottom > target {
		ys = append(ys, bottom)
	}
	ys = append(ys, target)
	var times [][]float64 // of each quantile at each level
	for _, y := range ys {
		ts, err := quantiles(to, y, ps)
		if err != nil {
			return nil, err
		}
		times = append(times, ts)
	}
	fan := make([]path, len(ps))
	for k, p := range ps {
		t := make([]float64, len(ys))
		for i := range t {
			t[i] = times[i][k]
		}
		if math.IsNaN(t[len(t)-1]) {
			continue
		}
		orderly(t)
		fan[k] = path{p: p, pts: []xy{{0, from}}, goal: true}
		for i, x := range t {
			if math.IsNaN(x) {
				continue
			}
			if x > right {
				last := fan[k].pts[len(fan[k].pts)-1]
				y, err := crossing(to, p, last.y, ys[i], right)
				if err != nil {
					return nil, err
				}
				fan[k].pts, fan[k].goal = append(fan[k].pts, xy{right, y}), false
				break
			}
			fan[k].pts = append(fan[k].pts, xy{x, ys[i]})
		}
	}
	return fan, nil
}

func quantiles(to law, level float64, ps []float64) ([]float64, error) {
	prediction, err := to(level)
	if err != nil {
		return nil, fmt.Errorf("prediction for a backlog of %v: %w", level, err)
	}
	ts := make([]float64, len(ps))
	for k, p := range ps {
		ts[k] = math.Max(0, prediction.Quantile(p))
	}
	return ts, nil
}

// orderly makes times that run to the target grow: falling further takes longer, and what is known best is the time at the target. Where a longer way
// has a time and a shorter one has not, as the horizon of a prediction grows with the way, the shorter one is left out.
func orderly(t []float64) {
	bound := t[len(t)-1]
	for i := len(t) - 1; i >= 0; i-- {
		switch {
		case math.IsInf(t[i], 1) && !math.IsInf(bound, 1):
			t[i] = math.NaN()
		case t[i] <= bound:
			bound = t[i]
		case t[i] > bound:
			t[i] = bound
		}
	}
}

// crossing returns the level between above and below at which the quantile p gets to the time right, to a thousandth of their distance.
func crossing(to law, p, above, below, right float64) (float64, error) {
	for range 10 {
		y := (above + below) / 2
		t, err := quantiles(to, y, []float64{p})
		if err != nil {
			return 0, err
		}
		if t[0] <= right {
			above = y
		} else {
			below = y
		}
	}
	return (above + below) / 2, nil
}

// band returns the polygon between a path and a slower one, within the picture; nil where there is none.
func band(fast, slow path, target, right float64) []xy {
	if fast.pts == nil || slow.pts == nil {
		return nil
	}
	polygon := append([]xy(nil), fast.pts...)
	if fast.goal && !slow.goal {
		polygon = append(polygon, xy{right, target}) // along the target to the edge, and up to where the slow path left
	}
	for i := len(slow.pts) - 1; i > 0; i-- {
		polygon = append(polygon, slow.pts[i])
	}
	return polygon
}

// hump returns the density of the time to clear in n columns from now to right, on a scale on which the highest is 1, or less where most of the
// probability is not in sight; nil where there is hardly any.
//
// Each column holds the mean of the density over it, a difference of the distribution function: the density itself may be a spike that falls
// between two columns. What has probability at time 0 has no density there and is left out.
func hump(cdf func(float64) float64, right float64, n int) []float64 {
	d := make([]float64, n)
	highest, sum := 0.0, 0.0
	last := cdf(0)
	for i := range d {
		next := cdf(right * float64(i+1) / float64(n))
		if next > last {
			d[i] = next - last
			last = next
		}
		highest = math.Max(highest, d[i])
		sum += d[i]
	}
	if !(sum > 0.002) {
		return nil
	}
	for i := range d {
		d[i] *= math.Min(1, 2*sum) / highest
	}
	return d
}
