package forecast

import (
	"math"
	"slices"
)

// UncertainDistance is FirstPassage where the distance itself is not known exactly, as when the amount waiting was estimated: it is
// Normal(Law.Distance, DistanceSD^2) and independent of the drift; what is below 0 counts as already there, T = 0:
//
//	P(T <= t) = Phi(-a/s) + ∫ N(x; a, s^2) P(T <= t | distance x) dx over x > 0
//
// where:
//
//	a  Law.Distance, items; it may be negative here
//	s  DistanceSD, items; its sign does not matter, and 0 is the FirstPassage
//
// CDF, Survival and Finite are within 1e-11 absolute of the true value for fields and times between 1e-30 and 1e30; there is no
// promise of relative accuracy in the tails. NaN or infinite fields give NaN. No method allocates.
//
// The law is a field and not embedded, because the methods that would be promoted (Mean, Mode, Rand) would not be those of this law.
type UncertainDistance struct {
	Law        FirstPassage
	DistanceSD float64
}

// CDF returns P(T <= t): 0 for t < 0, Phi(-a/s) for t = 0, Finite() for t = +Inf.
func (f UncertainDistance) CDF(t float64) float64 {
	switch s := math.Abs(f.DistanceSD); {
	case s == 0:
		return f.Law.CDF(t)
	case f.undefined(t):
		return math.NaN()
	case t < 0:
		return 0
	default:
		return math.Min(1, f.there()+f.integral(t, FirstPassage.CDF))
	}
}

// Survival returns P(T > t) = 1 - CDF(t); Survival(+Inf) is the probability of never.
func (f UncertainDistance) Survival(t float64) float64 {
	switch s := math.Abs(f.DistanceSD); {
	case s == 0:
		return f.Law.Survival(t)
	case f.undefined(t):
		return math.NaN()
	case t < 0:
		return 1
	default:
		return math.Min(1, f.integral(t, FirstPassage.Survival))
	}
}

// Finite returns P(T < Inf), the probability of ever arriving.
func (f UncertainDistance) Finite() float64 { return f.CDF(math.Inf(1)) }

// Prob returns the density at t > 0, in 1/s; at 0 there is a point mass, +Inf. With v = tau^2 t^2 + sigma^2 t the integrand is x/t times
// the product of two normal densities in x, so that
//
//	f(t) = N(a-mt; 0, v+s^2) E[max(X, 0)]/t,    X ~ Normal((a v + m t s^2)/(v+s^2), v s^2/(v+s^2))
func (f UncertainDistance) Prob(t float64) float64 {
	s := math.Abs(f.DistanceSD)
	switch {
	case s == 0:
		return f.Law.Prob(t)
	case f.undefined(t):
		return math.NaN()
	case t == 0:
		return math.Inf(1)
	case t < 0 || math.IsInf(t, 1):
		return 0
	}
	root := math.Hypot(f.Law.DriftSD*t, f.Law.Volatility*math.Sqrt(t))
	all := math.Hypot(root, s)
	d := math.FMA(-f.Law.Drift, t, f.Law.Distance) / all
	mean := f.Law.Distance*(root/all)*(root/all) + f.Law.Drift*t*(s/all)*(s/all)
	sd := root / all * s
	part := math.Max(mean, 0)
	if sd > 0 {
		u := math.Abs(mean) / sd / math.Sqrt2
		part += sd / math.Sqrt2 / 2 * math.Exp(-u*u) * erfcxSlope(u)
	}
	p := math.Exp(-d*d/2) / sqrt2Pi / all * part / t
	if p != p {
		return 0 // beyond the range of a float64
	}
	return p
}

// Quantile returns inf{t >= 0: CDF(t) >= p}: 0 for p up to P(T = 0), +Inf where p is Finite() or more, NaN for NaN.
func (f UncertainDistance) Quantile(p float64) float64 {
	s := math.Abs(f.DistanceSD)
	switch {
	case s == 0:
		return f.Law.Quantile(p)
	case f.undefined(p):
		return math.NaN()
	case p <= f.there():
		return 0
	}
	law := quantileOf{finite: f.Finite(), never: f.Survival(math.Inf(1))}
	if !law.below(p) {
		return math.Inf(1)
	}
	near := f.Law
	near.Distance = math.Max(near.Distance, s)
	return law.solve(p, near.guess(p, law.finite, law.target), func(t float64) (c, s, rate, slope float64) {
		return f.CDF(t), f.Survival(t), t * f.Prob(t), -1
	})
}

func (f UncertainDistance) undefined(t float64) bool {
	return f.Law.undefined(t) || 0*f.DistanceSD != 0
}

// there returns P(T = 0).
func (f UncertainDistance) there() float64 {
	return 0.5 * math.Erfc(f.Law.Distance/math.Abs(f.DistanceSD)/math.Sqrt2)
}

// cutoff is where the distance is cut off, in its standard deviations: 2e-17 lies beyond.
const cutoff = 8.5

// integral returns the mean of value(law with distance x, t) over x > 0, by adaptive Gauss-Legendre quadrature in z = (x-a)/s, which
// unlike x keeps its digits for s far below a. The break points are steps of the normal density, and the places and lengths over which
// the two terms of the CDF change as functions of x: without these a change much narrower than s would be missed.
func (f UncertainDistance) integral(t float64, value func(FirstPassage, float64) float64) float64 {
	a, s := f.Law.Distance, math.Abs(f.DistanceSD)
	m, tau, sigma := f.Law.Drift, math.Abs(f.Law.DriftSD), math.Abs(f.Law.Volatility)
	lo, hi := math.Max(-cutoff, -a/s), cutoff
	if !(hi > lo) {
		return 0
	}
	var points [48]float64
	n := 0
	add := func(x float64) {
		if z := (x - a) / s; z > lo && z < hi {
			points[n] = z
			n++
		}
	}
	for _, z := range [...]float64{-6, -4, -2.5, -1.2, 0, 1.2, 2.5, 4, 6} {
		if z > lo {
			points[n] = z
			n++
		}
	}
	// Per unit of time, so that t = +Inf has limits.
	per := math.Hypot(tau, sigma/math.Sqrt(t))
	for _, z := range [...]float64{0, 1, 2.5, 5, 8.5} {
		add((m + z*per) * t) // the first term: x1 = 0 at x = mt
		add((m - z*per) * t)
	}
	double := 1/t + 2*(tau/sigma)*(tau/sigma)
	place, width := -m/double, per/double
	for _, z := range [...]float64{0, 1, 3, 8} {
		add(place + z*width) // the second: x2 = 0
		add(place - z*width)
	}
	for _, z := range [...]float64{0.5, 2, 8, 32} {
		add(z * width)
		add(z * sigma * sigma / (2 * math.Abs(m))) // its exponent
	}
	points[n] = lo
	points[n+1] = hi
	n += 2
	slices.Sort(points[:n])
	at := mixing{law: f.Law, sd: s, t: t, value: value}
	sum := 0.0
	for i := range n - 1 {
		l, h := points[i], points[i+1]
		if h > l {
			sum += at.adaptive(l, h, at.gauss(l, h), 30)
		}
	}
	return sum
}

// mixing is the integrand of UncertainDistance.
type mixing struct {
	law   FirstPassage
	sd, t float64
	value func(FirstPassage, float64) float64
}

func (m *mixing) at(z float64) float64 {
	law := m.law
	law.Distance = math.FMA(z, m.sd, law.Distance)
	return math.Exp(-z*z/2) * m.value(law, m.t)
}

// gauss is the eight-point rule from l to h.
func (m *mixing) gauss(l, h float64) float64 {
	sum := 0.0
	for i, w := range gaussWeight {
		d := (h - l) * gaussNode[i]
		sum += w * (m.at(l+d) + m.at(h-d))
	}
	return sum * (h - l) / sqrt2Pi
}

// adaptive halves until the halves agree with the whole; the error of the halves is then 2^16 times smaller. A depth of 30 is for
// functions with a step, which only tau = sigma = 0 has: 2^-30 of a panel there bounds the error of the mean by 1e-9.
func (m *mixing) adaptive(l, h, whole float64, depth int) float64 {
	c := l + (h-l)/2
	left, right := m.gauss(l, c), m.gauss(c, h)
	if depth == 0 || math.Abs(left+right-whole) < 1e-12 || !(c > l && c < h) {
		return left + right
	}
	return m.adaptive(l, c, left, depth-1) + m.adaptive(c, h, right, depth-1)
}
