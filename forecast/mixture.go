package forecast

import "math"

// Mixture is the law of a time that follows Components[i] with probability Weights[i]:
//
//	P(T <= t) = sum of Weights[i] · Components[i].CDF(t)
//
// It is what remains when several forecasters speak and nothing tells yet which of them is right. Weights must be non-negative and sum
// to one, one for each component; Weights nil stands for equal weights. The zero value has no component and never arrives: CDF is 0.
type Mixture struct {
	Components []Distribution
	Weights    []float64
}

// sum returns the weighted sum of what f says of each component.
func (m Mixture) sum(f func(Distribution) float64) float64 {
	total := 0.0
	for i, c := range m.Components {
		total += m.weight(i) * f(c)
	}
	return total
}

func (m Mixture) weight(i int) float64 {
	if m.Weights == nil {
		return 1 / float64(len(m.Components))
	}
	return m.Weights[i]
}

// CDF returns P(T <= t).
func (m Mixture) CDF(t float64) float64 {
	return math.Min(1, m.sum(func(d Distribution) float64 { return d.CDF(t) }))
}

// Survival returns P(T > t).
func (m Mixture) Survival(t float64) float64 {
	if len(m.Components) == 0 {
		return 1
	}
	return math.Min(1, m.sum(func(d Distribution) float64 { return d.Survival(t) }))
}

// Prob returns the density at t in 1/s.
func (m Mixture) Prob(t float64) float64 {
	return m.sum(func(d Distribution) float64 { return d.Prob(t) })
}

// Finite returns P(T < Inf).
func (m Mixture) Finite() float64 {
	return math.Min(1, m.sum(Distribution.Finite))
}

// Quantile returns the smallest t >= 0 with CDF(t) >= p, to 1e-11 relative: 0 for p <= 0, +Inf where p exceeds Finite(), NaN for NaN.
func (m Mixture) Quantile(p float64) float64 {
	switch {
	case math.IsNaN(p):
		return math.NaN()
	case p <= 0:
		return 0
	case len(m.Components) == 0 || p > m.Finite():
		return math.Inf(1)
	}
	// One component's quantile is a first guess of the right scale, whatever the unit of time is.
	guess := math.NaN()
	for _, c := range m.Components {
		if f := c.Finite(); f > 0 {
			guess = c.Quantile(p * f)
			break
		}
	}
	return invert(m, p, guess)
}

// invert finds the smallest t with d.CDF(t) >= p, for 0 < p <= d.Finite(), by Newton's method on log t inside a bracket. The guess sets the
// scale; any positive finite number is good enough for the answer to be right.
func invert(d Distribution, p, guess float64) float64 {
	const (
		tolerance = 1e-12 // of log t: well inside the 1e-9 that a change of the unit of time is allowed to show
		// Bisection alone takes a bracket as wide as all float64 exponents (1420 in log t) to the tolerance in 51 steps, and widening
		// takes at most 12 doublings: twice the sum is never reached.
		most = 128
	)
	if !(guess > 0) || math.IsInf(guess, 1) {
		guess = 1
	}
	limit := math.Log(math.MaxFloat64)
	u := math.Log(guess)
	lo, hi := math.Inf(-1), math.Inf(1) // CDF(e^lo) < p <= CDF(e^hi)
	width := 1.0
	for range most {
		t := math.Exp(u)
		e := d.CDF(t) - p
		if e >= 0 {
			hi = u
		} else {
			lo = u
		}
		if hi-lo <= tolerance {
			break
		}
		step := -e / (t * d.Prob(t))
		next := u + step
		switch {
		case math.IsInf(hi, 1):
			if u >= limit { // the quantile is finite, but past the largest float64
				return math.Inf(1)
			}
			if !(next > u && next < u+width) {
				next = u + width
			}
			next = math.Min(next, limit)
			width *= 2
		case math.IsInf(lo, -1):
			if u <= -limit-40 { // smaller than the smallest float64
				return 0
			}
			if !(next < u && next > u-width) {
				next = u - width
			}
			width *= 2
		case !(next > lo && next < hi):
			next = lo + (hi-lo)/2
		}
		if math.Abs(next-u) <= tolerance {
			u = next
			break
		}
		u = next
	}
	return math.Exp(u)
}
