package forecast

import "math"

// stairs remembers when a level was last at or below any height: going back in time, the lowest level so far, step by step. Of the steps, which may be
// as many as there are observations, those are kept that are furthest apart in the level's logarithm.
type stairs struct {
	n      int8
	time   [stairSteps]float64
	height [stairSteps]float32 // rising with the time
}

// stairSteps is how many steps are kept: over ten factors of two, which few backlogs leave, they are then 0.4 apart.
const stairSteps = 24

// see takes the level at a time.
func (s *stairs) see(t, level float64) {
	h := float32(level)
	for s.n > 0 && s.height[s.n-1] >= h {
		s.n--
	}
	if s.n == stairSteps {
		s.drop()
	}
	s.time[s.n], s.height[s.n] = t, h
	s.n++
}

// drop leaves out the step whose neighbours are nearest to each other; the lowest remains.
func (s *stairs) drop() {
	least, which := float32(math.Inf(1)), 1
	for i := 1; i < int(s.n)-1; i++ {
		if gap := (s.height[i+1] + 1) / (s.height[i-1] + 1); gap < least {
			least, which = gap, i
		}
	}
	copy(s.time[which:], s.time[which+1:s.n])
	copy(s.height[which:], s.height[which+1:s.n])
	s.n--
}

// since returns the last time at which the level was at or below a height, and an earlier one where the step was given up; false where it never was.
func (s *stairs) since(height float64) (float64, bool) {
	for i := int(s.n) - 1; i >= 0; i-- {
		h := float64(s.height[i])
		if h > height {
			continue
		}
		return s.time[i], true
	}
	return 0, false
}

// Reversal forecasts that a level takes as long to fall as it has been above: a queue that was last below the target an hour ago will be there
// in an hour, give or take a factor. For the time A since the total was last where it shall be again,
//
//	P(T <= t) = 1/(1 + (1.07·A/t)^1.5)        approximately: exactly so for 1 + t/Unit and 1 + A/Unit on a LogScale
//
// of which the quartiles are a factor of two and the bounds at level 0.9 a factor of seven away from the median.
//
// Of a process that looks the same when it is run backwards, such as a queue in equilibrium (Reich 1957), the times since and until it passes a height
// are exchangeable: neither is longer as a rule, and a long one goes with a long one. Nothing else is needed to forecast from the first samples on, where rates
// still tell next to nothing; it is the same reasoning by which Gott (1993) forecasts what has lasted for A to last for A more, with a shape of 1 where
// nothing is known of the process. 1.5 and 1.07 are what recorded queues of many kinds show together.
//
// It has nothing to say where the total never was where it shall be.
//
// Sources: E. Reich, Waiting times when queues are in tandem, Ann. Math. Stat. 28 (1957); J. R. Gott, Implications of the Copernican principle for
// our future prospects, Nature 363 (1993).
type Reversal struct {
	stairs stairs
	last   Observation
	unit   pace
}

// The law of the time to fall over the time since: see Reversal. The median is in factors of two.
const (
	reversalShape  = 1.5
	reversalMedian = 0.1
)

// Observe takes one observation.
func (r *Reversal) Observe(o Observation) {
	r.unit.see(o.Time)
	r.stairs.see(o.Time, -o.Total)
	r.last = o
}

// Forecast returns the law of the time until the total has risen by distance; nil where it never was there.
func (r *Reversal) Forecast(distance float64) Distribution {
	since, ok := r.stairs.since(-r.last.Total - distance)
	if !ok || !(distance > 0) || r.unit.mean == 0 {
		return nil
	}
	scale := LogScale{Unit: r.unit.mean, Horizon: math.Max(1e3*(r.last.Time-since), horizonUnits*r.unit.mean)}
	return newQuantileLaw(reversalKnots(scale.Of(r.last.Time-since), scale.Of(math.Inf(1))), scale)
}

// reversalKnots returns the knots of the time to fall, for the place of the time since.
func reversalKnots(age, end float64) (k knots) {
	for i, p := range quantileLevels {
		k[i] = age + reversalMedian + math.Log2(p/(1-p))/reversalShape
	}
	k.settle(end)
	return k
}

// pace is the usual distance of observations in seconds: their mean, where one distance counts to three times the mean, of some 256.
type pace struct {
	n    int32
	last float64
	mean float64
}

func (p *pace) see(t float64) {
	if p.n > 0 {
		d := t - p.last
		if p.n == 1 {
			p.mean = d
		}
		p.mean += (math.Min(d, 3*p.mean) - p.mean) / float64(min(p.n, paceMemory))
	}
	p.n++
	p.last = t
}

const paceMemory = 256
