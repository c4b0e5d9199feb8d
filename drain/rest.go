package drain

import "math"

// rest tells where a backlog comes to rest: a stretch in which it ranges over far less than a walk with the same changes would. The range R of a walk of quadratic variation V
// has P(R < r√V) ≈ (8/r²)·exp(-π²/2r²) (Feller, The asymptotic distribution of the range of sums of independent random variables, 1951), 2.5e-5 for r = 0.6. Changes from one backlog to the next and over four
// of them are both looked at, as a reading that trembles makes the first ones large.
type rest struct {
	n, flows           int     // samples, and those in a row with a flow
	begin, last        float64 // time of the first and level of the last
	mean, square       float64 // of the levels, and the central sum of squares
	time, times, slant float64 // mean of the times since begin, their central sum of squares, and that of products with the levels
	low, high          float64
	single, fourth     float64 // quadratic variations
	fourthLast         float64

	floor calm // the last one
}

// calm is a level at which a backlog was at rest.
type calm struct {
	samples         int // 0: none
	level, se       float64
	lowest, highest float64
}

const (
	restLeast = 64
	restMost  = 2048
	restRange = 0.6 // r
	restDrift = 1. / 3
	restBelow = 1. / 10 // of the level: what comes down farther may as well come down to nothing
)

// observe takes a backlog; flowing says that something was seen to leave since the one before.
func (s *rest) observe(t, level float64, flowing bool) {
	if s.floor.samples > 0 && level < s.floor.lowest-(s.floor.highest-s.floor.lowest) {
		s.floor = calm{} // it was none
	}
	if s.n == 0 || !flowing {
		s.flows = 0
	}
	s.flows++
	if s.n > 0 {
		d := level - s.last
		s.single += d * d
		if s.n%4 == 0 {
			d := level - s.fourthLast
			s.fourth += d * d
			s.fourthLast = level
		}
	} else {
		s.begin, s.low, s.high, s.fourthLast = t, level, level, level
	}
	s.last = level
	s.n++
	n, at := float64(s.n), t-s.begin
	d, dt := level-s.mean, at-s.time
	s.mean += d / n
	s.time += dt / n
	s.square += d * (level - s.mean)
	s.times += dt * (at - s.time)
	s.slant += dt * (level - s.mean)
	s.low, s.high = math.Min(s.low, level), math.Max(s.high, level)
	if s.n < restLeast {
		return
	}
	if s.n == restMost {
		*s = rest{floor: s.floor}
		return
	}
	variation := math.Min(s.single, s.fourth)
	width := s.high - s.low
	still := width == 0 && s.flows >= restLeast // all that comes goes, and what waits does not
	if width*width > restRange*restRange*variation || width == 0 && !still {
		if s.n >= 4*restLeast || width > 2*restRange*math.Sqrt(variation) {
			*s = rest{floor: s.floor} // it moves, or says nothing
		}
		return
	}
	if !still && math.Abs(s.slant/s.times)*at > restDrift*width || s.mean-s.low > restBelow*s.mean {
		return
	}
	// As of a process that forgets over 2·variance/(change of one sample) samples.
	variance := s.square / n
	forgets := 1.0
	if !still {
		forgets = math.Max(1, 2*variance*n/s.single)
	}
	s.floor = calm{samples: s.n, level: s.mean, se: math.Sqrt(2 * variance * forgets / n), lowest: s.low, highest: s.high}
}
