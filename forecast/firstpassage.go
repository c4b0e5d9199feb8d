package forecast

import (
	"math"
	"math/rand/v2"
)

// FirstPassage is the law of the first time T >= 0 at which a Wiener process whose drift is not known exactly has gone a distance:
//
//	T = inf{t >= 0: nu*t + sigma*W(t) >= a},    nu ~ Normal(m, tau^2), drawn once
//
// where:
//
//	a      Distance, the items to be worked off; a <= 0 means already there, T = 0
//	m      Drift, the mean net rate in items/s; negative where the amount grows
//	tau    DriftSD, how uncertain that rate is, in items/s; 0: known
//	sigma  Volatility, in items/sqrt(s): sigma^2 is the long-run variance of the net flow per second
//
// With v = tau^2 t^2 + sigma^2 t,
//
//	P(T <= t) = Phi((mt-a)/sqrt(v)) + exp(2ma/sigma^2 + 2tau^2a^2/sigma^4) Phi(-(a+mt+2tau^2at/sigma^2)/sqrt(v))
//
// The law is defective, P(T < Inf) < 1, wherever the drift may be zero or negative: the missing mass is the probability of never
// arriving. It assumes that the flow has no memory beyond a time that is short against T, and that the drift stays as it is.
//
// The four fields are the ones a forecaster can estimate and no others; the signs of DriftSD and Volatility do not matter.
//
// Special cases are:
//
//	tau = 0              inverse Gaussian law, of mean a/m and shape a^2/sigma^2; defective for m < 0: P(T < Inf) = exp(2ma/sigma^2)
//	sigma = 0            T = a/nu
//	tau = sigma = 0      T = a/m, certain, or never (m <= 0)
//	a <= 0               T = 0
//	a field NaN or ±Inf  every method returns NaN
//
// CDF, Survival and Finite are within 2e-12 relative of the true value wherever that is at least 1e-300, the two logarithms within
// 2e-12 relative, or absolute near zero, for all finite arguments; the tests have the measured errors. No method allocates.
//
// Sources: Schrödinger 1915 (the law with known drift); Folks & Chhikara 1978, doi:10.1111/j.2517-6161.1978.tb01039.x; Whitmore 1986
// and Aalen 1994 (random drift); Giner & Smyth 2016, The R Journal 8:1 (inverse Gaussian probabilities to full accuracy).
type FirstPassage struct {
	Distance, Drift, DriftSD, Volatility float64
}

// CDF returns P(T <= t): 0 for t < 0, Finite() for t = +Inf.
func (f FirstPassage) CDF(t float64) float64 {
	k := f.at(t)
	return k.cdf()
}

// Survival returns P(T > t) = 1 - CDF(t), to full relative accuracy where it is small; Survival(+Inf) is the probability of never.
func (f FirstPassage) Survival(t float64) float64 {
	k := f.at(t)
	return k.survival()
}

// LogCDF returns the logarithm of CDF(t), also where that is too small for a float64.
func (f FirstPassage) LogCDF(t float64) float64 {
	k := f.at(t)
	return k.logCDF()
}

// LogSurvival returns the logarithm of Survival(t), also where that is too small for a float64.
func (f FirstPassage) LogSurvival(t float64) float64 {
	k := f.at(t)
	if l, ok := k.logSurvival(); ok {
		return l
	}
	return f.tinyLogSurvival(t)
}

// Finite returns P(T < Inf), the probability of ever arriving.
func (f FirstPassage) Finite() float64 { return f.CDF(math.Inf(1)) }

// Prob returns the density at t > 0, in 1/s:
//
//	f(t) = a/(t sqrt(2 pi v)) exp(-(a-mt)^2/(2v)),    v = tau^2 t^2 + sigma^2 t
//
// Where T is certain (a <= 0, or tau = sigma = 0) it is a point mass: +Inf there and 0 elsewhere. Prob(+Inf) is 0.
func (f FirstPassage) Prob(t float64) float64 {
	k := f.at(t)
	if k.q < 600 && k.ratio > 1e-30 && k.ratio < 1e30 && t > 1e-30 && t < 1e30 {
		return k.ratio / t * math.Exp(-k.q) / sqrt2Pi
	}
	// Elsewhere a factor may leave the range of a float64 though the product does not.
	return math.Exp(f.LogProb(t))
}

// LogProb returns the logarithm of Prob(t).
func (f FirstPassage) LogProb(t float64) float64 {
	switch {
	case f.undefined(t):
		return math.NaN()
	case f.Distance <= 0 || f.DriftSD == 0 && f.Volatility == 0:
		at := 0.0
		if f.Distance > 0 {
			at = f.certain()
		}
		if t == at && !math.IsInf(t, 1) {
			return math.Inf(1)
		}
		return math.Inf(-1)
	case !(t > 0) || math.IsInf(t, 1):
		return math.Inf(-1)
	}
	k := f.at(t)
	if math.IsInf(k.q, 1) {
		return math.Inf(-1)
	}
	s := f.split(t)
	return s.ratio.log() - widen(t).log() - k.q - math.Log(sqrt2Pi)
}

// Quantile returns inf{t >= 0: CDF(t) >= p}: 0 for p <= 0, +Inf where p is Finite() or more (T = +Inf has the rest), NaN for NaN.
//
// Quantile(CDF(t)) is t within 1e-9 relative wherever a float64 can tell: next to a plateau of the CDF, as near Finite(), neighbouring
// p are far apart in t, by CDF(t)/(t*Prob(t)) rounding errors.
func (f FirstPassage) Quantile(p float64) float64 {
	if f.undefined(p) {
		return math.NaN()
	}
	law := quantileOf{finite: f.Finite(), never: f.Survival(math.Inf(1))}
	switch {
	case p <= 0 || p <= 1 && f.Distance <= 0:
		return 0
	case p <= law.finite && f.DriftSD == 0 && f.Volatility == 0:
		return f.certain()
	case !law.below(p):
		return math.Inf(1)
	}
	return law.solve(p, f.guess(p, law.finite, law.target), func(t float64) (c, s, rate, slope float64) {
		k := f.at(t)
		return k.cdf(), k.survival(), k.ratio * math.Exp(-k.q) / sqrt2Pi, k.slope
	})
}

// Mean returns the expected time: a/m where the drift is known (tau = 0) and positive, 0 for a <= 0, and otherwise +Inf, even if T is
// certain to be finite: a drift near zero is too likely. Use a quantile as the summary.
func (f FirstPassage) Mean() float64 {
	switch {
	case f.undefined(0):
		return math.NaN()
	case f.Distance <= 0:
		return 0
	case f.DriftSD == 0:
		return f.certain()
	}
	return math.Inf(1)
}

// Mode returns the time of greatest density; the law has only one. It is 0 for a <= 0 and +Inf where T is certain to be infinite.
//
// The density rises where d log f/d log t > 0, and the numerator of that is a cubic in t with one positive root: its coefficients
// from t^3 down to 1 have the signs - ? ? +, and - + - + would ask, in units of a = sigma = 1, for tau^2 > 7 and tau^2 < 3/2.
func (f FirstPassage) Mode() float64 {
	switch {
	case f.undefined(0):
		return math.NaN()
	case f.Distance <= 0:
		return 0
	case f.DriftSD == 0 && f.Volatility == 0:
		return f.certain()
	}
	// Bisection over the bit patterns, which are ordered as the positive floats are: 63 halvings reach neighbouring floats.
	lo, hi := uint64(0), math.Float64bits(math.MaxFloat64)
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if k := f.at(math.Float64frombits(mid)); k.slope > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return math.Float64frombits(hi)
}

// Rand draws one T, +Inf for never, with three or four numbers from src, which must not be nil: the drift first, then the inverse Gaussian
// time given the drift, as the root of a quadratic (Michael, Schucany & Haas 1976).
func (f FirstPassage) Rand(src rand.Source) float64 {
	r := rand.New(src)
	z, y, u, w := r.NormFloat64(), r.NormFloat64(), r.Float64(), r.Float64()
	a, sigma := f.Distance, math.Abs(f.Volatility)
	nu := f.Drift + z*f.DriftSD
	switch {
	case f.undefined(0):
		return math.NaN()
	case a <= 0:
		return 0
	case sigma == 0:
		return FirstPassage{Distance: a, Drift: nu}.certain()
	case nu < 0 && !(u < math.Exp(2*(nu/sigma)*(a/sigma))):
		return math.Inf(1)
	}
	nu = math.Abs(nu)
	// The roots of nu^2 t^2 - (2 a nu + sigma^2 y^2) t + a^2 = 0 are b/(1+g+sqrt(g(g+2))) and its mirror image in b = a/nu.
	g := (sigma / a) * (sigma / nu) * y * y / 2
	b := a / nu
	t := b / (1 + g + math.Sqrt(g*(g+2)))
	if !(g < 1e100) { // also nu = 0, where the other root is at infinity
		t = a / sigma / y
		t *= t
	}
	if w*(1+t/b) > 1 {
		t = b / t * b
	}
	return t
}

const sqrt2Pi = 2.50662827463100050241576528481104525

// undefined reports whether t is NaN or a field is NaN or infinite.
func (f FirstPassage) undefined(t float64) bool {
	zero := 0*f.Distance + 0*f.Drift + 0*f.DriftSD + 0*f.Volatility
	return zero != 0 || t != t
}

// certain returns a/m, or +Inf for m <= 0: the time where there is neither volatility nor uncertainty.
func (f FirstPassage) certain() float64 {
	if f.Drift > 0 {
		return f.Distance / f.Drift
	}
	return math.Inf(1)
}

// at computes the passage at t.
func (f FirstPassage) at(t float64) passage {
	a, m, tau, sigma := f.Distance, f.Drift, math.Abs(f.DriftSD), math.Abs(f.Volatility)
	// Within 2^±100 no intermediate result leaves the range of a float64: the largest power of one argument is the fourth.
	const small, large = 0x1p-100, 0x1p+100
	if !(a > small && a < large && t > small && t < large &&
		(sigma > small && sigma < large && (tau == 0 || tau > small && tau < large) || sigma == 0 && tau > small && tau < large) &&
		(math.Abs(m) > small && math.Abs(m) < large || m == 0)) {
		return f.atAny(t)
	}
	v1 := math.FMA(tau*tau, t, sigma*sigma)
	v := v1 * t
	d := math.FMA(-m, t, a)
	inv := 1 / math.Sqrt(v)
	grow := v1 / (sigma * sigma)
	var k passage
	k.ratio = a * inv
	k.x1 = d * inv * (math.Sqrt2 / 2)
	k.q = d * d / (2 * v)
	k.delta = math.Sqrt2 * k.ratio * grow
	k.x2 = k.delta - k.x1
	// Not as delta*(x2-x1): rounding that does not depend on t leaves the CDF smooth next to its plateau.
	b := a / (sigma * sigma)
	k.e = 2 * b * math.FMA(tau*tau, b, m)
	k.slope = (0.5+k.x1*k.x2)/grow - 2
	if sigma == 0 { // grow, delta, x2 and e are +Inf
		k.slope = math.Sqrt2*k.ratio*k.x1 - 2
	}
	return k
}

// certainly is the passage of an event that has happened (x1 = -Inf) or has not (x1 = +Inf).
func certainly(x1 float64) passage {
	inf := math.Inf(1)
	return passage{x1: x1, x2: inf, q: inf, delta: inf, e: inf, ratio: 0, slope: -2}
}

// atAny is at for all arguments.
func (f FirstPassage) atAny(t float64) passage {
	switch {
	case f.undefined(t):
		nan := math.NaN()
		return passage{nan, nan, nan, nan, nan, nan, nan}
	case t < 0:
		return certainly(math.Inf(1))
	case f.Distance <= 0:
		return certainly(math.Inf(-1))
	case t == 0:
		return certainly(math.Inf(1))
	case f.DriftSD == 0 && f.Volatility == 0:
		if f.Drift > 0 && t >= f.certain() {
			return certainly(math.Inf(-1))
		}
		return certainly(math.Inf(1))
	case f.DriftSD == 0 && math.IsInf(t, 1) && f.Drift >= 0:
		return certainly(math.Inf(-1))
	}
	s := f.split(t)
	return passage{
		x1: s.x1.float(), x2: s.x2.float(), q: s.x1.times(s.x1).float(), delta: s.delta.float(), e: s.e.float(),
		ratio: s.ratio.float(), slope: s.slope,
	}
}

// guess returns where the search for a quantile begins. Without the second term of the CDF (or without the first, where that prevails,
// because the drift is too negative) it solves a-mt = z sqrt(v); in the far right tail it takes the law without volatility.
func (f FirstPassage) guess(p, finite, rest float64) float64 {
	a, m, tau, sigma := f.Distance, f.Drift, math.Abs(f.DriftSD), math.Abs(f.Volatility)
	if sigma > 0 {
		e := 2 * a / sigma / sigma * (m + tau*tau*a/sigma/sigma)
		if e < 0 {
			m = -(m + 2*tau*tau*a/sigma/sigma)
			p /= finite
		}
		if math.Abs(e) < 2 {
			p /= 2 // both terms are alike
		}
	}
	z := roughNormal(p)
	b := 2*a*m + z*z*sigma*sigma
	c := m*m - z*z*tau*tau
	root := math.Sqrt(math.Max(0, b*b-4*a*a*c))
	t := 2 * a * a / (b + root)
	if z > 0 {
		t = (b + root) / (2 * c)
	}
	if !(t > 0 && t < math.MaxFloat64) {
		t = a * math.Exp(-m*m/(2*tau*tau)) / (sqrt2Pi * tau * rest)
	}
	return t
}

// roughNormal is the normal quantile to 5e-4: Abramowitz & Stegun 1964, formula 26.2.23.
func roughNormal(p float64) float64 {
	u := math.Sqrt(-2 * math.Log(math.Min(p, 1-p)))
	z := u - (2.515517+u*(0.802853+u*0.010328))/(1+u*(1.432788+u*(0.189269+u*0.001308)))
	if p < 0.5 {
		return -z
	}
	return z
}

// quantileOf inverts a CDF that reaches finite at +Inf, with finite + never = 1, each known to full relative accuracy.
type quantileOf struct {
	finite, never float64
	target        float64 // P(quantile < T < Inf)
}

// below sets the target and reports whether p lies below finite; 1-p is exact where p > 1/2.
func (q *quantileOf) below(p float64) bool {
	if q.target = q.finite - p; q.finite > 0.5 {
		q.target = (1 - p) - q.never
	}
	return q.target > 0
}

// solve returns t with CDF(t) = p. The function at returns CDF, Survival, t*f(t) and d log f/d log t at t, for the density f.
//
// Halley's steps in log t on the logarithm of the smaller of P(T <= t) and P(t < T < Inf), both close to straight lines there, between
// brackets. From the 13th step on every second one halves the number of floats between the brackets, fewer than 2^63, so that 140
// steps suffice for whatever the function is. Five are usual.
func (q *quantileOf) solve(p, t float64, at func(t float64) (c, s, rate, slope float64)) float64 {
	lo, hi := 0.0, math.Inf(1)
	middle := func() float64 {
		l, h := math.Float64bits(lo), math.Float64bits(hi)
		return math.Float64frombits(l + (h-l)/2)
	}
	if !(t > 0 && t < hi) {
		t = 1
	}
	left := p <= q.finite/2
	reach := 4.0
	for i := range 140 {
		c, s, rate, slope := at(t)
		var h, first, second float64 // in log t
		if left {
			h = math.Log(c / p)
			first = rate / c
			second = first * (1 + slope - first)
		} else {
			rest := q.finite - c
			if q.finite > 0.5 {
				rest = s - q.never
			}
			h = math.Log(q.target / rest)
			first = rate / rest
			second = first * (1 + slope + first)
			if !(rest > 0) {
				h, first = 1, 0
			}
		}
		if h == 0 {
			return t
		}
		if h < 0 {
			lo = t
		} else {
			hi = t
		}
		step := -h / first
		step /= math.Min(math.Max(1+0.5*step*second/first, 0.5), 5)
		next := t * math.Exp(math.Max(math.Min(step, reach), -reach))
		if math.Abs(step) > reach {
			reach *= 2
		}
		if math.Abs(h) < 1e-5 && math.Abs(step) < 1e-5 {
			return math.Max(lo, math.Min(next, hi)) // the error of a step is of the third order
		}
		if !(next > lo && next < hi) || i > 12 && i%2 == 0 {
			next = middle()
			if next == lo {
				return hi
			}
		}
		t = next
	}
	return t
}
