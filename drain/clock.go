package drain

import "math"

// clock tells how far apart readings usually are: the geometric mean of their distances so far or, once there are more, with an exponential memory
// of 16. A mean of logarithms is hardly moved by one long gap, and follows another rhythm within some 30 readings.
type clock struct {
	n      int     // distances seen
	last   float64 // seconds
	mean   float64 // of the logarithm of the distances
	spread float64 // mean absolute deviation of the logarithm
}

const clockMemory = 16

// logarithm remembers the last logarithm taken: the clocks of a queue mostly tick together, over the same distance.
type logarithm struct{ x, log float64 }

func (l *logarithm) of(x float64) float64 {
	if x != l.x {
		*l = logarithm{x, math.Log(x)}
	}
	return l.log
}

// tick takes a reading at t seconds, later than the one before, and returns whether that was overdue.
func (c *clock) tick(t float64, first bool, logs *logarithm) (overdue bool) {
	if !first {
		log := logs.of(t - c.last)
		overdue = c.long(log)
		c.n++
		d := log - c.mean
		if c.n == 1 {
			c.mean, d = d, 0
		}
		w := 1 / min(clockMemory, float64(c.n))
		c.mean += w * d
		c.spread += w * (math.Abs(d) - c.spread)
	}
	c.last = t
	return overdue
}

// usual is the usual distance in seconds; 0 where there is none yet.
func (c *clock) usual() float64 {
	if c.n == 0 {
		return 0
	}
	return math.Exp(c.mean)
}

// overdue reports whether a distance of d seconds, from the last reading on, is longer than the readings' own rhythm makes likely: see long. Of a single
// reading the next one is always overdue, and of a few the distance must be three times the usual one.
func (c *clock) overdue(d float64) bool {
	if c.n < rhythm {
		return c.n == 0 || d > 3*c.usual()
	}
	return c.long(math.Log(d))
}

// long reports whether a distance is longer than the rhythm makes likely: a regular one that misses a beat (1.75 usual distances), or one that comes at random
// and stays away for four mean deviations of the logarithm (in a Poisson process a chance of e⁻³⁰). Before there is a rhythm nothing is long.
func (c *clock) long(log float64) bool {
	return c.n >= rhythm && log > c.mean+max(missedBeat, 4*c.spread)
}

// rhythm is how many distances make a rhythm.
const rhythm = 4

// missedBeat is the logarithm of 1.75: between one usual distance and two.
const missedBeat = 0.5596157879354227
