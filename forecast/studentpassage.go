package forecast

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// StudentPassage is FirstPassage where DriftSD and Volatility are known only up to one common scale, estimated with Nu degrees of
// freedom:
//
//	sigma^2 = Volatility^2/g,    tau^2 = DriftSD^2/g,    g ~ chi^2_Nu/Nu
//
// There is one scale, and not two, because a drift estimated from a Wiener path seen for W seconds has tau^2 = sigma^2/W. The fields are
// in the units of FirstPassage. Nu > 0 need not be an integer; Nu = +Inf is FirstPassage, and Nu below 0.1 counts as 0.1. Heavy tails
// are the price of an unknown scale: P(never) is larger than for FirstPassage where that is small.
//
// Special cases are those of FirstPassage, and NaN for Nu <= 0 and for Nu NaN.
//
// CDF and Survival are within 1e-12 absolute of the true value and within 1e-11 relative wherever that is at least 1e-30, Prob
// within 1e-12 relative; the tests have the measured errors. No method but Rand allocates.
//
// The method: a common factor 1/sqrt(g) of tau and sigma multiplies x1 and x2 (see passage) by sqrt(g). With
// erfcx(x) = 2x/pi ∫ exp(-w^2)/(w^2+x^2) dw over w > 0, the expectation over g of each term of the CDF is
//
//	E[exp(-q g) erfcx(x sqrt(g))/2] = (1+2q/Nu)^(-Nu/2) J(r)/pi,    r = x/sqrt(Nu/2+q)
//	J(r) = ∫ cosh(u)^(1-Nu) r/(r^2+sinh(u)^2) du over u > 0
//
// of which the midpoint rule makes a sum of some fifteen terms.
type StudentPassage struct {
	Distance, Drift, DriftSD, Volatility, Nu float64
}

// normalNu is where Nu counts as infinite. (1+2q/Nu)^(-Nu/2) and exp(-q) differ by q^2/Nu relative, 5e-13 for exp(-q) = 1e-307.
const normalNu = 1e18

// leastNu is what Nu counts as below: with less, magnitudes beyond the range of a float64 would still have probability.
const leastNu = 0.1

// CDF returns P(T <= t): 0 for t < 0, Finite() for t = +Inf.
func (f StudentPassage) CDF(t float64) float64 {
	if f.Nu >= normalNu {
		return f.normal().CDF(t)
	}
	var j midpoint
	j.prepare(f.Nu)
	k := f.normal().at(t)
	return j.cdf(&k)
}

// Survival returns P(T > t) = 1 - CDF(t), to full relative accuracy where it is small; Survival(+Inf) is the probability of never.
func (f StudentPassage) Survival(t float64) float64 {
	if f.Nu >= normalNu {
		return f.normal().Survival(t)
	}
	var j midpoint
	j.prepare(f.Nu)
	k := f.normal().at(t)
	return j.survival(&k)
}

// Finite returns P(T < Inf), the probability of ever arriving.
func (f StudentPassage) Finite() float64 { return f.CDF(math.Inf(1)) }

// Prob returns the density at t > 0, in 1/s, with s^2 = tau^2 t^2 + sigma^2 t and the density of Student's t:
//
//	f(t) = a/(t s) studentT_Nu((a-mt)/s)
//
// Point masses are as in FirstPassage.
func (f StudentPassage) Prob(t float64) float64 { return math.Exp(f.LogProb(t)) }

// LogProb returns the logarithm of Prob(t).
func (f StudentPassage) LogProb(t float64) float64 {
	n := f.normal()
	l := n.LogProb(t)
	if !(f.Nu > 0) {
		return math.NaN()
	}
	if f.Nu >= normalNu || math.IsNaN(l) || math.IsInf(l, 1) || !(t > 0) || math.IsInf(t, 1) || f.Distance <= 0 ||
		f.DriftSD == 0 && f.Volatility == 0 {
		return l
	}
	s, nu := n.split(t), math.Max(f.Nu, leastNu)
	return s.ratio.log() - widen(t).log() + math.Log(studentScale(nu)) - (nu+1)/2*log1pSquare(s.x1.float(), nu)
}

// Quantile returns inf{t >= 0: CDF(t) >= p}: 0 for p <= 0, +Inf where p is Finite() or more, NaN for NaN; as FirstPassage.Quantile.
func (f StudentPassage) Quantile(p float64) float64 {
	n := f.normal()
	switch {
	case !(f.Nu > 0) || n.undefined(p):
		return math.NaN()
	case !f.regular() || p <= 0:
		return n.Quantile(p)
	}
	var j midpoint
	j.prepare(f.Nu)
	end := n.at(math.Inf(1))
	q := quantileOf{finite: j.cdf(&end), never: j.survival(&end)}
	if !q.below(p) {
		return math.Inf(1)
	}
	return q.solve(p, n.guess(p, q.finite, q.target), func(t float64) (c, s, rate, slope float64) {
		k := n.at(t)
		rate, slope = j.density(&k)
		return j.cdf(&k), j.survival(&k), rate, slope
	})
}

// regular reports whether the law is neither a FirstPassage nor a point mass, nor NaN.
func (f StudentPassage) regular() bool {
	return f.Nu > 0 && f.Nu < normalNu && f.Distance > 0 && (f.DriftSD != 0 || f.Volatility != 0) && !f.normal().undefined(0)
}

// preparedStudent is a regular StudentPassage with the table of its Nu.
type preparedStudent struct {
	n FirstPassage
	j *midpoint
}

// total takes P(T = Inf) from the difference: among other laws a relative error of a tiny one does not matter, and survival costs ten times as much.
func (s preparedStudent) total() mass {
	k := s.n.at(math.Inf(1))
	finite := s.j.cdf(&k)
	return mass{finite: finite, never: 1 - finite}
}

// Survival returns P(T > t).
func (s preparedStudent) Survival(t float64) float64 {
	k := s.n.at(t)
	return s.j.survival(&k)
}

func (s preparedStudent) guess(p float64, of mass) float64 {
	return s.n.guess(p*of.finite, of.finite, (1-p)*of.finite)
}

func (s preparedStudent) evaluate(t float64) (cdf, rate, slope float64) {
	k := s.n.at(t)
	rate, slope = s.j.density(&k)
	return s.j.cdf(&k), rate, slope
}

// Rand draws one T, +Inf for never, from src, which must not be nil: the scale first, then FirstPassage.Rand given the scale.
func (f StudentPassage) Rand(src rand.Source) float64 {
	n := f.normal()
	switch {
	case !(f.Nu > 0) || n.undefined(0):
		return math.NaN()
	case f.Nu >= normalNu:
		return n.Rand(src)
	}
	nu := math.Max(f.Nu, leastNu)
	scale := math.Sqrt(nu / distuv.ChiSquared{K: nu, Src: src}.Rand())
	// For Nu far below 1 the scale may leave the range of a float64.
	scale = math.Min(scale, 1e300/math.Max(1, math.Max(math.Abs(n.DriftSD), math.Abs(n.Volatility))))
	n.DriftSD *= scale
	n.Volatility *= scale
	return n.Rand(src)
}

func (f StudentPassage) normal() FirstPassage {
	return FirstPassage{Distance: f.Distance, Drift: f.Drift, DriftSD: f.DriftSD, Volatility: f.Volatility}
}

// log1pSquare returns log(1+2x^2/nu), also where x^2 overflows.
func log1pSquare(x, nu float64) float64 {
	if x = math.Abs(x); x > 1e100 {
		return 2*math.Log(x) + math.Log(2/nu)
	}
	return math.Log1p(2 * x * x / nu)
}

// studentScale returns the density of Student's t at 0, Gamma((nu+1)/2)/Gamma(nu/2)/sqrt(pi nu).
func studentScale(nu float64) float64 {
	x := nu / 2
	if x < 100 {
		return math.Gamma(x+0.5) / math.Gamma(x) / math.Sqrt(math.Pi*nu)
	}
	// Gamma(x+1/2)/Gamma(x) = sqrt(x)(1 - 1/(8x) + ...), the next term is below 1e-2/x^7.
	y := 1 / x
	return (1 + y*(-1./8+y*(1./128+y*(5./1024+y*(-21./32768+y*(-399./262144+y*869./4194304)))))) / sqrt2Pi
}

// midpoint evaluates J(r), see StudentPassage, by the midpoint rule: u = (j+1/2)h, weight[j] = h cosh(u)^(1-nu), square[j] = sinh(u)^2.
//
// The rule's error is min over v < pi/2 of exp(-2 pi v/h) cos(v)^(1-nu), where v is how far the contour is moved off the axis. For
// h = 0.78/sqrt(nu+8.5) that is less than 3e-14 for every nu >= 1 (found numerically; 8.5 for the singularity at cosh(u) = 0).
// The pole where sinh(u)^2 = -r^2, close to the axis for small r, is taken into account exactly. The sum begins at h/2, not at 0,
// because the value at 0 would nearly cancel the contribution of that pole.
type midpoint struct {
	nu, scale      float64
	turn           float64 // 2 pi/h
	poleBelow      float64 // the pole counts for r below that: above, it is further away than the contour of least error
	n              int
	weight, square [nodes]float64
}

// The widest step, used up to nu = 4, and as many nodes as the integrand, at most 2^nu exp(-nu u) for any r, needs to fall to 1e-15 for
// nu = 1.
const (
	nodes = 160
	step  = 0.22
)

// coarse holds sinh(u)^2 and log(cosh(u)) at the nodes of the widest step.
var coarse = func() (c [nodes]struct{ square, log float64 }) {
	for i := range c {
		sh := math.Sinh(step * (float64(i) + 0.5))
		c[i].square, c[i].log = sh*sh, 0.5*math.Log1p(sh*sh)
	}
	return c
}()

func (j *midpoint) prepare(nu float64) {
	if !(nu > 0) {
		j.nu = math.NaN()
		return
	}
	nu = math.Max(nu, leastNu)
	j.nu = nu
	j.scale = studentScale(nu)
	h := 0.78 / math.Sqrt(nu+8.5)
	wide := h >= step
	if wide {
		h = step
	}
	j.turn = 2 * math.Pi / h
	v := 1.45
	if nu > 1 {
		v = math.Min(v, math.Atan(j.turn/(nu-1)))
	}
	j.poleBelow = math.Sin(v)
	// sinh and cosh of u by the addition theorem.
	sh, ch := math.Sinh(h/2), math.Cosh(h/2)
	ds, dc := 2*sh*ch, 1+2*sh*sh
	for i := range nodes {
		var s, l float64
		if wide {
			s, l = coarse[i].square, coarse[i].log
		} else {
			s, l = sh*sh, 0.5*math.Log1p(sh*sh)
			sh, ch = sh*dc+ch*ds, ch*dc+sh*ds
		}
		if nu*l > 35 { // exp(-35) = 6e-16
			break
		}
		j.weight[i], j.square[i], j.n = h*math.Exp((1-nu)*l), s, i+1
	}
}

// at returns J(r) for r >= 0.
func (j *midpoint) at(r float64) float64 {
	if !(r < 1e150) {
		return 0
	}
	sum, rr := 0.0, r*r
	for i, s := range j.square[:j.n] {
		sum += j.weight[i] / (rr + s)
	}
	if j.nu < 1 {
		// The terms go on like exp(-nu u) until exp(u) is about r, and then like exp(-(nu+1) u).
		grow, square := math.Exp(step*(1-j.nu)), math.Exp(2*step)
		for w, s := j.weight[nodes-1]*grow, j.square[nodes-1]*square; s < 1e30*rr; w, s = w*grow, s*square {
			sum += w / (rr + s)
		}
	}
	p, _ := j.pole(r)
	return r*sum + p
}

// pole returns the contribution of the pole to J(r) and to -J'(r); r > -1/2.
func (j *midpoint) pole(r float64) (p, slope float64) {
	if !(r < j.poleBelow) {
		return 0, 0
	}
	cos2 := (1 - r) * (1 + r)
	y := j.turn * math.Asin(r)
	// 1/(exp(y)+1) and its complement.
	e := math.Exp(-math.Abs(y))
	above, below := e/(1+e), 1/(1+e)
	if y < 0 {
		above, below = below, above
	}
	p = math.Pi * math.Exp(-j.nu/2*math.Log1p(-r*r)) * above
	return p, p * (j.turn*below/math.Sqrt(cos2) - j.nu*r/cos2)
}

// drop returns J(y/root) - J((y+delta)/root) without cancellation, in the way of erfcxDrop.
func (j *midpoint) drop(y, delta, root, near float64) float64 {
	if !(delta < 0.5*math.Max(near, y)) {
		return j.at(y/root) - j.at((y+delta)/root)
	}
	total := 0.0
	for i, w := range gaussWeight {
		h := delta * gaussNode[i]
		total += w * (j.slope((y+h)/root) + j.slope((y+(delta-h))/root))
	}
	return total * (delta / root)
}

// slope returns -J'(r).
func (j *midpoint) slope(r float64) float64 {
	sum := 0.0
	for i, s := range j.square[:j.n] {
		d := math.FMA(r, r, s)
		sum += j.weight[i] * (r*r - s) / (d * d)
	}
	_, p := j.pole(r)
	return sum + p
}

// factors returns (1+2q/nu)^(-nu/2)/pi, sqrt(nu/2+q) and the length in x over which J changes.
func (j *midpoint) factors(k *passage) (c, root, near float64) {
	l := log1pSquare(k.x1, j.nu)
	root = math.Hypot(math.Sqrt(j.nu/2), k.x1)
	return math.Exp(-j.nu/2*l) / math.Pi, root, math.Min(root, root/math.Sqrt(j.nu/2))
}

func (j *midpoint) cdf(k *passage) float64 {
	if math.IsNaN(j.nu) || math.IsNaN(k.x1) {
		return math.NaN()
	}
	if math.IsInf(k.x1, 0) {
		if k.x2 < 0 {
			return math.Exp(-j.nu / 2 * math.Log1p(-2*k.e/j.nu))
		}
		return (1 - math.Copysign(1, k.x1)) / 2
	}
	c, root, _ := j.factors(k)
	switch {
	case k.x1 <= 0:
		return 1 - c*(j.at(-k.x1/root)-j.at(k.x2/root))
	case k.x2 >= 0:
		return c * (j.at(k.x1/root) + j.at(k.x2/root))
	}
	return math.Exp(-j.nu/2*math.Log1p(-2*k.e/j.nu)) + c*(j.at(k.x1/root)-j.at(-k.x2/root))
}

// density returns t f(t) and d log f/d log t.
func (j *midpoint) density(k *passage) (rate, slope float64) {
	// slope is -2 + kappa/2 - dq/dlog t for exp(-q), with kappa = sigma^2 t/v; here the last term is damped.
	kappa := 0.0
	if k.delta > 0 {
		kappa = math.Min(math.Sqrt2*k.ratio/k.delta, 1)
	}
	slope = kappa/2 - 2 + (j.nu+1)/(j.nu+2*k.q)*(k.slope+2-kappa/2)
	if slope != slope {
		slope = -1
	}
	return k.ratio * j.scale * math.Exp(-(j.nu+1)/2*log1pSquare(k.x1, j.nu)), slope
}

func (j *midpoint) survival(k *passage) float64 {
	if math.IsNaN(j.nu) || math.IsNaN(k.x1) {
		return math.NaN()
	}
	// The differences below keep a small survival's digits; a large one's they may miss by some 1e-12 (found by fuzzing), and it does not need them.
	if c := j.cdf(k); c < 0.9 {
		return 1 - c
	}
	if math.IsInf(k.x1, 0) {
		if k.x2 < 0 {
			return -math.Expm1(-j.nu / 2 * math.Log1p(-2*k.e/j.nu))
		}
		return (1 + math.Copysign(1, k.x1)) / 2
	}
	c, root, near := j.factors(k)
	switch {
	case k.x1 <= 0 || k.x2 >= 0 && k.delta < 0.5*near && k.x1 < root*j.poleBelow:
		return c * j.drop(-k.x1, k.delta, root, near)
	case k.x2 < 0:
		return c*j.drop(-k.x2, k.delta, root, near) - math.Expm1(-j.nu/2*math.Log1p(-2*k.e/j.nu))
	}
	return 1 - c*(j.at(k.x1/root)+j.at(k.x2/root))
}
