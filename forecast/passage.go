package forecast

import "math"

// passage is what the law is at one instant, free of units:
//
//	x1 = (a-mt)/sqrt(2v)   delta = sqrt(2v) a/(sigma^2 t)   x2 = delta - x1   q = x1^2   e = x2^2 - x1^2
//
// so that CDF = exp(-q)/2 (erfcx(x1) + erfcx(x2)): of the textbook formula's two terms the second is a huge number times a tiny one
// whose exponents cancel exactly. ratio is a/sqrt(v), slope is d log f/d log t.
type passage struct {
	x1, x2, q, delta, e, ratio, slope float64
}

func (k *passage) cdf() float64 {
	switch {
	case k.x1 <= 0:
		return 1 - 0.5*math.Exp(-k.q)*(erfcx(-k.x1)-erfcx(k.x2))
	case k.x2 >= 0:
		return 0.5 * math.Exp(-k.q) * (erfcx(k.x1) + erfcx(k.x2))
	}
	// erfc(x2) = 2 - erfc(-x2), and exp(e) is at least twice what is taken off it.
	return math.Exp(k.e) + 0.5*math.Exp(-k.q)*(erfcx(k.x1)-erfcx(-k.x2))
}

// survival adds positive terms only, but for the last case, where it is at least 0.19.
func (k *passage) survival() float64 {
	switch {
	case k.x1 <= 0 || k.x2 >= 0 && k.delta < 0.5:
		return 0.5 * math.Exp(-k.q) * erfcxDrop(-k.x1, k.delta)
	case k.x2 < 0:
		return 0.5*math.Exp(-k.q)*erfcxDrop(-k.x2, k.delta) - math.Expm1(k.e)
	}
	return 1 - 0.5*math.Exp(-k.q)*(erfcx(k.x1)+erfcx(k.x2))
}

func (k *passage) logCDF() float64 {
	c := k.cdf()
	switch {
	case c > 0.5:
		return math.Log1p(-k.survival())
	case k.x1 <= 0:
		return math.Log(c) // 1/2, and NaN
	case k.x2 >= 0:
		return math.Log(0.5*(erfcx(k.x1)+erfcx(k.x2))) - k.q
	}
	return k.e + math.Log1p(-0.5*math.Exp(-k.x2*k.x2)*(erfcx(-k.x2)-erfcx(k.x1)))
}

// logSurvival reports false where a factor of the survival leaves the range of a float64.
func (k *passage) logSurvival() (float64, bool) {
	if c := k.cdf(); c <= 0.5 {
		return math.Log1p(-c), true
	}
	const tiny = 1e-290
	if k.x1 <= 0 || k.x2 >= 0 && k.delta < 0.5 {
		if math.IsInf(k.q, 1) {
			return math.Inf(-1), true
		}
		drop := erfcxDrop(-k.x1, k.delta)
		return math.Log(0.5*drop) - k.q, !(drop < tiny)
	}
	s := k.survival()
	return math.Log(s), !(s < tiny)
}

// tinyLogSurvival is log P(T > t) for delta near or below the smallest float64, where erfcx(y)-erfcx(y+delta) = -delta*erfcx'(y).
func (f FirstPassage) tinyLogSurvival(t float64) float64 {
	k, s := f.at(t), f.split(t)
	if k.x1 > 0 && k.x2 < 0 {
		near := math.Log(0.5*erfcxSlope(k.x1)) + s.delta.log() - k.q
		far := s.e.log() // of its absolute value
		hi, lo := math.Max(near, far), math.Min(near, far)
		return hi + math.Log1p(math.Exp(lo-hi))
	}
	y := -k.x1
	slope := -0.5*math.Log(math.Pi) - 2*math.Log(y) // where the asymptote is exact and erfcxSlope may underflow
	if y < 1e9 {
		slope = math.Log(erfcxSlope(y))
	}
	return slope + s.delta.log() - math.Ln2 - k.q
}

// split holds the quantities of a passage as fraction and exponent.
type split struct {
	x1, x2, delta, e, ratio wide
	slope                   float64
}

// split computes the passage for a > 0 and 0 < t <= +Inf, not both tau and sigma 0.
func (f FirstPassage) split(t float64) (s split) {
	a, m, tau, sigma := widen(f.Distance), widen(f.Drift), widen(f.DriftSD), widen(f.Volatility)
	root2 := widen(math.Sqrt2)
	var scale, grow wide // sqrt(v) or, at t = +Inf, sqrt(v)/t; v/(sigma^2 t) likewise
	if math.IsInf(t, 1) {
		if f.DriftSD == 0 { // m < 0: the limit has x1 = +Inf, x2 = -Inf
			s.e = m.times(a).times(widen(2)).over(sigma.times(sigma))
			s.x1, s.x2 = wide{0.5, 1 << 20}, wide{-0.5, 1 << 20}
			return s
		}
		scale = widen(math.Abs(f.DriftSD))
		s.x1 = widen(-f.Drift).over(scale)
		grow = scale.times(scale)
	} else {
		wt := widen(t)
		v1 := tau.times(tau).times(wt).plus(sigma.times(sigma))
		scale = v1.times(wt).sqrt()
		grow = v1
		// a - mt: the product's rounding error is taken off as well.
		p := m.f * wt.f
		d := a.plus(wide{-p, m.e + wt.e}.norm()).plus(wide{-math.FMA(m.f, wt.f, -p), m.e + wt.e}.norm())
		s.x1 = d.over(scale)
		s.ratio = a.over(scale)
	}
	s.x1 = s.x1.over(root2)
	if sigma.f == 0 {
		s.x2, s.delta, s.e = wide{0.5, 1 << 20}, wide{0.5, 1 << 20}, wide{0.5, 1 << 20}
		s.slope = root2.times(s.ratio).times(s.x1).float() - 2
		return s
	}
	grow = grow.over(sigma.times(sigma))
	s.delta = root2.times(a).over(scale).times(grow)
	s.x2 = s.delta.plus(s.x1.negative())
	b := a.over(sigma.times(sigma))
	s.e = tau.times(tau).times(b).plus(m).times(b).times(widen(2))
	s.slope = widen(0.5).plus(s.x1.times(s.x2)).over(grow).float() - 2
	return s
}

// wide is the number f*2^e with f zero or in [1/2, 1): a float64 whose range no product of a few float64 leaves.
type wide struct {
	f float64
	e int
}

func widen(x float64) wide { return wide{x, 0}.norm() }

func (x wide) norm() wide {
	f, e := math.Frexp(x.f)
	if f == 0 {
		return wide{}
	}
	return wide{f, x.e + e}
}

func (x wide) negative() wide    { return wide{-x.f, x.e} }
func (x wide) times(y wide) wide { return wide{x.f * y.f, x.e + y.e}.norm() }
func (x wide) over(y wide) wide  { return wide{x.f / y.f, x.e - y.e}.norm() }

// log is also for x below the normal floats, where math.Log of go1.26 is wrong on amd64 (by 11 for 1e-313).
func (x wide) log() float64   { return math.Log(math.Abs(x.f)) + float64(x.e)*math.Ln2 }
func (x wide) float() float64 { return math.Ldexp(x.f, max(min(x.e, 3000), -3000)) }

func (x wide) plus(y wide) wide {
	if x.f == 0 || y.f != 0 && y.e > x.e {
		x, y = y, x
	}
	return wide{x.f + math.Ldexp(y.f, max(y.e-x.e, -3000)), x.e}.norm()
}

func (x wide) sqrt() wide {
	if x.e%2 != 0 {
		x.f, x.e = x.f/2, x.e+1
	}
	return wide{math.Sqrt(x.f), x.e / 2}.norm()
}
