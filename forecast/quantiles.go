package forecast

import (
	"math"
	"slices"
)

// quantileLevels are the levels at which a law is told by its quantiles.
var quantileLevels = [...]float64{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975}

const (
	levels = len(quantileLevels)
	lowest = 0
	first4 = 3 // the lower quartile
	middle = 4 // the median
	third4 = 5 // the upper quartile
	top    = levels - 1
)

// QuantileLevels returns the probabilities at which a Panel tells a law by its quantiles, and which most tables of quantiles have, in rising order.
func QuantileLevels() []float64 { return slices.Clone(quantileLevels[:]) }

// knots are the quantiles of a law at quantileLevels, in rising order, as places on a LogScale. A place at the scale's end stands for never.
//
// Between two knots the law is taken as uniform on the scale while knots are worked with; beyond the outer ones it falls by half for each distance of the last two:
//
//	P(S <= s) = 0.025·2^-(s₀-s)/(s₁-s₀)  below s₀        P(S > s) = 0.025·2^-(s-s₈)/(s₈-s₇)  above s₈
type knots [levels]float64

// leastTail is the least distance, in factors of two, over which the tails fall by half.
const leastTail = 1e-9

func (k *knots) lowerTail() float64 { return math.Max(k[lowest+1]-k[lowest], leastTail) }
func (k *knots) upperTail() float64 { return math.Max(k[top]-k[top-1], leastTail) }

// cdf returns P(S <= s) for a law whose scale ends at end, where all that is never counts as the end itself.
func (k *knots) cdf(s, end float64) float64 {
	switch {
	case s >= end:
		return 1
	case s < k[lowest]:
		return quantileLevels[lowest] * halving((k[lowest]-s)/k.lowerTail())
	}
	for i := 1; i < levels; i++ {
		if s < k[i] {
			return quantileLevels[i-1] + (quantileLevels[i]-quantileLevels[i-1])*(s-k[i-1])/(k[i]-k[i-1])
		}
	}
	return 1 - (1-quantileLevels[top])*halving((s-k[top])/k.upperTail())
}

// halving returns 2^-x for x >= 0, to 1e-6: math.Exp2 would be much of a forecast's cost.
func halving(x float64) float64 {
	if x > 60 {
		return 0
	}
	i := int(x * packedTimes)
	rest := x - float64(i)/packedTimes
	return (1 - rest*math.Ln2) / unpackTime(uint16(i+64*packedTimes))
}

// cdfFrom is cdf for places that rise from one call to the next; from is 0 before the first.
func (k *knots) cdfFrom(s, end float64, from *int) float64 {
	if s < k[lowest] || s >= end || s >= k[top] {
		return k.cdf(s, end)
	}
	for s >= k[*from+1] {
		*from++
	}
	i := *from
	return quantileLevels[i] + (quantileLevels[i+1]-quantileLevels[i])*(s-k[i])/(k[i+1]-k[i])
}

// at returns the place of the p-quantile, the inverse of cdf.
func (k *knots) at(p, end float64) float64 {
	s := 0.0
	switch {
	case p < quantileLevels[lowest]:
		s = k[lowest] + k.lowerTail()*math.Log2(p/quantileLevels[lowest])
		if k[lowest] >= end {
			s = end
		}
	case p >= quantileLevels[top]:
		s = k[top] - k.upperTail()*math.Log2((1-p)/(1-quantileLevels[top]))
	default:
		i := 1
		if p >= quantileLevels[middle] {
			i = middle + 1
		}
		for p >= quantileLevels[i] {
			i++
		}
		s = k[i-1] + (k[i]-k[i-1])*(p-quantileLevels[i-1])/(quantileLevels[i]-quantileLevels[i-1])
	}
	return math.Max(0, math.Min(s, end))
}

// doubt is by how many factors of two the quartiles are apart in time, not on the scale, so that near targets and far ones compare; and no less than leastDoubt where the
// upper one is never: of what lies past the end of the scale nothing is known.
func doubt(lower, upper, end float64) float64 {
	// A quarter of the unit is left to the times below it.
	d := math.Log2((math.Exp2(upper) - 0.75) / (math.Exp2(lower) - 0.75))
	if upper >= end {
		d = math.Max(d, leastDoubt)
	}
	return d
}

const leastDoubt = 1

// settle puts knots in order between 0 and the end.
func (k *knots) settle(end float64) {
	least := 0.0
	for i, s := range k {
		s = math.Max(s, least)
		if s > end-leastTail { // by rounding: a mean of what is never is never
			s = end
		}
		least = s
		k[i] = least
	}
}

// finite returns the mass that is not never. Where knots are never it lies between the levels of the last one that is not and the first one that is, where the quantiles reach
// the end if they go on rising as before.
func (k *knots) finite(end float64) float64 {
	if k[top] < end {
		return k.cdf(math.Nextafter(end, 0), end)
	}
	i := top
	for i > 0 && k[i-1] >= end {
		i--
	}
	switch i {
	case 0:
		return quantileLevels[0] / 2
	case 1:
		return (quantileLevels[0] + quantileLevels[1]) / 2
	}
	p, rise := quantileLevels[i-1], math.Max(k[i-1]-k[i-2], leastTail)
	return math.Min(math.Nextafter(quantileLevels[i], 0), p+(end-k[i-1])/rise*(p-quantileLevels[i-2]))
}

// quantileLaw is the law of a time by its knots: those at each of quantileLevels, the tails of knots, and in between the monotone cubic through the knots (Fritsch & Butland
// 1984), so that the density has no steps.
//
// Source: F. N. Fritsch, J. Butland, A method for constructing local monotone piecewise cubic interpolants, SIAM J. Sci. Stat. Comput. 5 (1984).
type quantileLaw struct {
	scale  LogScale
	end    float64 // the place of the horizon
	finite float64
	n      int // knots that are not never, and the end with what is finite
	s, p   [levels + 1]float64
	slope  [levels + 1]float64
	tail   float64 // the place over which the upper tail falls by half; 0 where there is none
	lower  float64 // the same for the lower one
}

// newQuantileLaw returns the law.
func newQuantileLaw(k knots, scale LogScale) quantileLaw {
	q := quantileLaw{scale: scale, end: scale.Of(math.Inf(1)), lower: k.lowerTail()}
	q.finite = k.finite(q.end)
	for i, s := range k {
		if s >= q.end {
			break
		}
		q.s[i], q.p[i] = s, quantileLevels[i]
		q.n++
	}
	if q.n == levels {
		q.tail = k.upperTail()
	} else {
		q.s[q.n], q.p[q.n] = q.end, q.finite
		q.n++
		if q.n == 1 {
			q.lower = q.end // nothing but that is known
		}
	}
	// The slopes at the knots: a weighted harmonic mean of the secants beside them; the tails' own at the ends.
	secant := func(i int) (slope, width float64) {
		width = math.Max(q.s[i+1]-q.s[i], leastTail)
		return (q.p[i+1] - q.p[i]) / width, width
	}
	q.slope[0] = q.p[0] * math.Ln2 / math.Max(q.lower, leastTail)
	for i := 1; i < q.n-1; i++ {
		a, wa := secant(i - 1)
		b, wb := secant(i)
		q.slope[i] = 3 * (wa + wb) / ((2*wb+wa)/a + (wb+2*wa)/b)
	}
	if last := q.n - 1; last > 0 {
		a, _ := secant(last - 1)
		q.slope[last] = a
		if q.tail > 0 {
			q.slope[last] = math.Min(3*a, (1-q.p[last])*math.Ln2/q.tail)
		}
		b, _ := secant(0)
		q.slope[0] = math.Min(3*b, q.slope[0])
	}
	return q
}

// at returns P(S <= s) and the density on the scale.
func (q *quantileLaw) at(s float64) (p, density float64) {
	last := q.n - 1
	switch {
	case s < q.s[0]:
		// The lower tail, less what it would leave below 0.
		whole := -math.Expm1(-q.s[0] / q.lower * math.Ln2)
		x := q.p[0] * math.Exp2((s-q.s[0])/q.lower) / whole
		return x * -math.Expm1(-s/q.lower*math.Ln2), x * math.Ln2 / q.lower
	case s >= q.s[last] && q.tail > 0:
		x := (1 - q.p[last]) * math.Exp2((q.s[last]-s)/q.tail)
		return 1 - x, x * math.Ln2 / q.tail
	case s >= q.s[last]:
		return q.finite, 0
	}
	i := 0
	for s >= q.s[i+1] {
		i++
	}
	return q.cubic(i, (s-q.s[i])/(q.s[i+1]-q.s[i]))
}

// cubic returns the same at a part of the way from knot i to the next.
func (q *quantileLaw) cubic(i int, x float64) (p, density float64) {
	w, rise := q.s[i+1]-q.s[i], q.p[i+1]-q.p[i]
	p, density = cubic(rise, q.slope[i]*w, q.slope[i+1]*w, x)
	return q.p[i] + p, density / w
}

// cubic returns the cubic from 0 at x = 0 to rise at x = 1 that has the slopes a and b there, and its slope, which is none below 0.
func cubic(rise, a, b, x float64) (y, slope float64) {
	c, d := 3*rise-2*a-b, a+b-2*rise
	return x * (a + x*(c+x*d)), math.Max(0, a+x*(2*c+3*x*d))
}

func (q quantileLaw) CDF(t float64) float64 {
	switch {
	case math.IsNaN(t):
		return math.NaN()
	case !(t > 0):
		return 0
	case t >= q.scale.Horizon:
		return q.finite
	}
	p, _ := q.at(q.scale.Of(t))
	return math.Max(0, math.Min(q.finite, p))
}

func (q quantileLaw) Survival(t float64) float64 {
	if s := q.scale.Of(math.Max(0, t)); q.tail > 0 && s >= q.s[q.n-1] { // to full accuracy where it is small
		return (1 - q.p[q.n-1]) * math.Exp2((q.s[q.n-1]-s)/q.tail)
	}
	return 1 - q.CDF(t)
}

func (q quantileLaw) Prob(t float64) float64 {
	if !(t > 0 && t < q.scale.Horizon) {
		return 0
	}
	_, density := q.at(q.scale.Of(t))
	return density / (math.Ln2 * (t + q.scale.Unit))
}

func (q quantileLaw) Finite() float64 { return q.finite }

func (q quantileLaw) Quantile(p float64) float64 {
	last := q.n - 1
	switch {
	case math.IsNaN(p):
		return math.NaN()
	case p > q.finite:
		return math.Inf(1)
	case p <= 0:
		return 0
	case p < q.p[0]:
		least := math.Exp2(-q.s[0] / q.lower)
		return q.scale.Time(math.Max(0, math.Min(q.s[0], q.s[0]+q.lower*math.Log2(p/q.p[0]*(1-least)+least))))
	case p >= q.p[last]:
		if q.tail > 0 {
			return q.scale.Time(math.Min(q.end, q.s[last]-q.tail*math.Log2((1-p)/(1-q.p[last]))))
		}
		return q.scale.Time(q.s[last])
	}
	i := 0
	for p >= q.p[i+1] {
		i++
	}
	if p == q.p[i] {
		return q.scale.Time(q.s[i])
	}
	// Newton's rule within a bracket that is halved where it fails.
	low, high, x := 0.0, 1.0, (p-q.p[i])/(q.p[i+1]-q.p[i])
	for range 60 {
		c, density := q.cubic(i, x)
		if c < p {
			low = x
		} else {
			high = x
		}
		next := x + (p-c)/(density*(q.s[i+1]-q.s[i]))
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-x) < 1e-14 {
			break
		}
		x = next
	}
	return q.scale.Time(q.s[i] + x*(q.s[i+1]-q.s[i]))
}
