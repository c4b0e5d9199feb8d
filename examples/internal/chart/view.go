package chart

import (
	"math"
	"time"

	"github.com/postsack/backlog/drain"
)

// xy is a moment in seconds from now and a backlog.
type xy struct{ x, y float64 }

// view is what part of past and future the picture shows. All times are seconds from now.
type view struct {
	now         time.Time // in the zone of the picture; zero where there is no clock
	left, right float64   // left <= 0 < right, finite
	history     []xy      // from left to now
}

const (
	// farthest is as far ahead as a picture reaches: clock times end with the year 9999, and float64 tells seconds apart that far.
	farthest = 250e9
	// narrowest is the least time a picture shows: ticks end at a nanosecond.
	narrowest = 1e-6
	// most of the picture that the past takes, in widths of what lies ahead.
	mostPast = 2.5
	// points of the history are shown, if that is not too much, however short the time to clear is.
	points = 60
	// manyPoints are shown where there is no forecast to compare with.
	manyPoints = 400
)

// look decides what to show.
func look(s Spec) view {
	var v view
	v.now = s.Prediction.AsOf
	if n := len(s.History); v.now.IsZero() && n > 0 {
		v.now = s.History[n-1].Time
	}
	if zone := s.Zone; !v.now.IsZero() && zone != nil {
		v.now = v.now.In(zone)
	}
	v.history = usable(s.History, v.now)
	past := 0.0
	if len(v.history) > 0 {
		past = -v.history[0].x
	}
	v.right = reach(s, v.history)
	v.left = -math.Min(past, behind(v.history, v.right))
	if v.right == 0 { // nothing lies ahead
		v.right = -v.left / 20
		if s.Prediction.State != drain.Cleared {
			v.right = -v.left / 2
		}
		if v.right == 0 {
			v.right = minute
		}
	}
	v.right = math.Max(math.Min(v.right, farthest), narrowest)
	if past > 0 {
		v.left = -math.Max(-v.left, v.right/1e3) // two moments that are the same to the eye
	} else if len(v.history) > 0 {
		v.left = -v.right / 20 // a single point
	}
	v.history = between(v.history, v.left)
	return v
}

// usable returns the history up to now without what cannot be drawn: counts that are none, times that run backwards.
func usable(history []Point, now time.Time) []xy {
	var ps []xy
	for _, p := range history {
		x := since(p.Time, now)
		if !(p.Backlog >= 0) || math.IsInf(p.Backlog, 1) || p.Time.IsZero() || x > 0 || x < -farthest {
			continue
		}
		if n := len(ps); n > 0 && x < ps[n-1].x {
			continue
		}
		ps = append(ps, xy{x, p.Backlog})
	}
	return ps
}

// between returns the history from left on, with a first point at left where the line crosses it; where all of it is earlier, its last backlog.
func between(ps []xy, left float64) []xy {
	for i, p := range ps {
		if p.x < left {
			continue
		}
		if i == 0 || p.x == left {
			return ps[i:]
		}
		q := ps[i-1]
		cut := q.y + (p.y-q.y)*(left-q.x)/(p.x-q.x)
		return append([]xy{{left, cut}}, ps[i:]...)
	}
	if len(ps) > 0 {
		return []xy{{left, ps[len(ps)-1].y}}
	}
	return nil
}

// reach returns how far to look ahead for a prediction or, beside plans, for all of them: those that have a finite median lie in view with it, and only
// where there is none the others count.
func reach(s Spec, history []xy) float64 {
	right := ahead(s.Prediction, history)
	if len(s.Plans) == 0 {
		return right
	}
	medians := 0.0
	for _, plan := range append([]Plan{{Prediction: s.Prediction}}, s.Plans...) {
		p := plan.Prediction
		far := ahead(p, history)
		right = math.Max(right, far)
		if median := p.TimeToClear.Median; p.State != drain.Cleared && median > 0 && median <= farthest {
			medians = math.Max(medians, math.Max(far, 1.08*median))
		}
	}
	if medians > 0 {
		return medians
	}
	return right
}

// ahead returns how far to look: to the upper bound or, where that would leave no room for the rest, some way past the median; 0 where there is
// nothing to see.
func ahead(p drain.Prediction, history []xy) float64 {
	past := 0.0
	if len(history) > 0 {
		past = -history[0].x
	}
	b := p.TimeToClear
	finite := func(t float64) bool { return t > 0 && t < farthest }
	switch {
	case p.State == drain.Cleared || math.IsNaN(b.Median):
		return 0
	case finite(b.Upper) && (b.Upper <= 4*b.Median || (b.Upper <= 8*b.Median && b.Upper <= 6*past)):
		return 1.08 * b.Upper
	case p.State != drain.Draining && math.IsInf(b.Upper, 1) && finite(b.Lower) && past > 0 && b.Median > 12*past:
		return math.Max(2*past, 1.6*b.Lower) // a median that says little beside a history that would be a few pixels wide
	case finite(b.Median):
		return 1.6 * b.Median
	case b.Median == 0 && finite(b.Upper):
		return 1.08 * b.Upper
	case finite(b.Lower) && (past == 0 || b.Lower <= 6*past):
		return 1.6 * b.Lower
	case past > 0:
		return math.Min(past, recent(history, manyPoints)/2)
	}
	return 0
}

// behind returns how much history to show beside a forecast: all of it, unless that would squeeze the forecast.
func behind(history []xy, right float64) float64 {
	if len(history) == 0 {
		return 0
	}
	past := -history[0].x
	if right == 0 {
		return recent(history, manyPoints)
	}
	if past <= mostPast*right {
		return past
	}
	// The last peak, and how it came about.
	peak := xy{0, -1}
	for _, p := range history {
		if p.x >= -mostPast*right && p.y > peak.y {
			peak = p
		}
	}
	return math.Min(math.Max(-1.4*peak.x, math.Max(2*right, recent(history, points))), mostPast*right)
}

// recent returns the time that the last n points span.
func recent(history []xy, n int) float64 {
	return -history[max(0, len(history)-n)].x
}

// thin keeps the lowest and the highest point of each of n columns between left and right, in their order.
func thin(ps []xy, left, right float64, n int) []xy {
	if len(ps) <= 2*n {
		return ps
	}
	column := func(p xy) int { return int(float64(n) * (p.x - left) / (right - left)) }
	kept := []xy{ps[0]}
	for i := 1; i < len(ps)-1; {
		lo, hi, c := i, i, column(ps[i])
		for ; i < len(ps)-1 && column(ps[i]) == c; i++ {
			if ps[i].y < ps[lo].y {
				lo = i
			}
			if ps[i].y > ps[hi].y {
				hi = i
			}
		}
		kept = append(kept, ps[min(lo, hi)])
		if lo != hi {
			kept = append(kept, ps[max(lo, hi)])
		}
	}
	return append(kept, ps[len(ps)-1])
}
