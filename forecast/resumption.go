package forecast

import "math"

// Resumption is the law of the time to do a piece of work that takes Work seconds once something resumes that has been silent for Silence seconds. How long a
// silence lasts that has no scale of its own is told by how long it has lasted, a:
//
//	P(resumes within t) = t/(a + t)        P(T <= t) = (t - w)/(a + t - w)  for t > w, the work
//
// so that it resumes within a as likely as not, and within 19 times that with probability 0.95. It always resumes; its mean is infinite.
//
// Special cases: with Silence 0 the time is Work, for sure; Work +Inf is never.
//
// Source: J. R. Gott III, Implications of the Copernican principle for our future prospects, Nature 363 (1993), which is Bayes' rule with the
// prior 1/a for the length of the silence (H. Jeffreys).
type Resumption struct {
	// Silence and Work in seconds, both 0 or more.
	Silence, Work float64
}

// CDF returns P(T <= t).
func (r Resumption) CDF(t float64) float64 {
	switch {
	case math.IsInf(r.Work, 1) || t < r.Work:
		return 0
	case math.IsInf(t, 1) || r.Silence == 0:
		return 1
	}
	return (t - r.Work) / (r.Silence + (t - r.Work))
}

// Survival returns P(T > t).
func (r Resumption) Survival(t float64) float64 {
	switch {
	case math.IsInf(r.Work, 1) || t < r.Work:
		return 1
	case math.IsInf(t, 1) || r.Silence == 0:
		return 0
	}
	return r.Silence / (r.Silence + (t - r.Work))
}

// Prob returns the density at t, in 1/s: a/(a + t - w)² for t > w, +Inf at the certain time where Silence is 0.
func (r Resumption) Prob(t float64) float64 {
	switch {
	case math.IsInf(r.Work, 1) || math.IsInf(t, 1) || t < r.Work || r.Silence == 0 && t > r.Work:
		return 0
	case r.Silence == 0:
		return math.Inf(1)
	}
	s := r.Silence + (t - r.Work)
	return r.Silence / s / s
}

// Quantile returns w + a·p/(1 - p): 0 for p <= 0, +Inf for p >= 1, and Work for what lies between where Silence is 0.
func (r Resumption) Quantile(p float64) float64 {
	switch {
	case math.IsNaN(p):
		return p
	case p <= 0:
		return 0
	case r.Silence == 0:
		return r.Work
	case p >= 1:
		return math.Inf(1)
	}
	return r.Work + r.Silence*p/(1-p)
}

// Finite returns P(T < Inf).
func (r Resumption) Finite() float64 { return r.CDF(math.Inf(1)) }
