package forecast

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// wider is how much wider a normal law must be to have the 0.95-quantile of Student's t with 1, 2, … 8 degrees of freedom; with more it is
// 1 + 1/ν, right to a hundredth.
var wider = func() (w [8]float64) {
	for i := range w {
		w[i] = distuv.StudentsT{Sigma: 1, Nu: float64(i + 1)}.Quantile(0.95) / distuv.UnitNormal.Quantile(0.95)
	}
	return w
}()

// asNormal returns the passage with a normal law of the rate in place of Student's: both have the same 0.95-quantile. It costs a fifth.
func (f StudentPassage) asNormal() FirstPassage {
	n := f.normal()
	w := 1 + 1/f.Nu
	if i := int(f.Nu) - 1; i >= 0 && i < len(wider) { // between two whole numbers in proportion to 1/ν
		w = wider[i]
		if i+1 < len(wider) {
			nu := float64(i + 1)
			w += (wider[i+1] - w) * (1/nu - 1/f.Nu) / (1/nu - 1/(nu+1))
		}
	}
	n.DriftSD *= w
	return n
}

// passages is an equal mixture of FirstPassages of one distance, made ready to be evaluated often. What a float64 cannot hold counts as never.
type passages struct {
	n                         int
	distance                  float64
	drift, tau2, sigma2, edge [memories + 1]float64
}

func (p *passages) add(f FirstPassage) {
	i := p.n
	p.n++
	p.distance = f.Distance
	p.drift[i], p.tau2[i], p.sigma2[i] = f.Drift, f.DriftSD*f.DriftSD, f.Volatility*f.Volatility
	b := f.Distance / p.sigma2[i]
	p.edge[i] = 2 * b * math.FMA(p.tau2[i], b, f.Drift)
}

// at returns P(T <= t) and the density at t.
func (p *passages) at(t float64) (cdf, density float64) {
	for i := range p.n {
		v1 := math.FMA(p.tau2[i], t, p.sigma2[i])
		v := v1 * t
		d := math.FMA(-p.drift[i], t, p.distance)
		inv := 1 / math.Sqrt(v)
		k := passage{x1: d * inv * (math.Sqrt2 / 2), q: d * d / (2 * v), e: p.edge[i]}
		ratio := p.distance * inv
		k.x2 = math.Sqrt2*ratio*v1/p.sigma2[i] - k.x1
		if c := k.cdf(); c >= 0 {
			cdf += c
			density += ratio * math.Exp(-k.q)
		}
	}
	return cdf / float64(p.n), density / (math.Sqrt(2*math.Pi) * t * float64(p.n))
}

// cdf returns P(T <= t) alone, for half the cost.
func (p *passages) cdf(t float64) float64 {
	sum := 0.0
	for i := range p.n {
		v1 := math.FMA(p.tau2[i], t, p.sigma2[i])
		d := math.FMA(-p.drift[i], t, p.distance)
		inv := 1 / math.Sqrt(v1*t)
		x1 := d * inv * (math.Sqrt2 / 2)
		x2 := math.Sqrt2*p.distance*inv*v1/p.sigma2[i] - x1
		if x1 > 6 && x2 >= 0 {
			continue // below 1e-15
		}
		c := 0.0
		switch e := math.Exp(-x1 * x1); {
		case x1 <= 0:
			c = 1 - 0.5*e*(erfcx(-x1)-erfcx(x2))
		case x2 >= 0:
			c = 0.5 * e * (erfcx(x1) + erfcx(x2))
		default:
			c = math.Exp(p.edge[i]) + 0.5*e*(erfcx(x1)-erfcx(-x2))
		}
		if c >= 0 {
			sum += c
		}
	}
	return sum / float64(p.n)
}

// forever is so long that what has not come by then never comes, for any rate in use, and its square does not leave the range of a float64.
const forever = 1e100

func (p *passages) CDF(t float64) float64 {
	if t > 0 {
		return p.cdf(math.Min(t, forever))
	}
	return t * 0 // NaN for NaN
}

func (p *passages) Survival(t float64) float64 { return 1 - p.CDF(t) }
func (p *passages) Finite() float64            { return p.cdf(forever) }

func (p *passages) Prob(t float64) float64 {
	if !(t > 0 && t < forever) {
		return 0
	}
	_, d := p.at(t)
	return d
}

func (p *passages) Quantile(q float64) float64 {
	switch {
	case math.IsNaN(q):
		return math.NaN()
	case q <= 0:
		return 0
	case q > p.Finite():
		return math.Inf(1)
	}
	// From the time that the first of them takes at its rate, by factors and then by Newton's rule for the logarithm of the time within the bracket.
	lower, upper := 0.0, math.Inf(1)
	t := p.distance / (math.Abs(p.drift[0]) + math.Sqrt(p.tau2[0]))
	if !(t > 0 && t < forever) {
		t = 1
	}
	for range 200 {
		c, density := p.at(t)
		if c < q {
			lower = t
		} else {
			upper = t
		}
		if upper-lower < 1e-9*upper || math.Abs(c-q) < 1e-12 {
			break
		}
		next := t * math.Exp(math.Max(-2, math.Min(2, (q-c)/(density*t))))
		if !(next > lower && next < upper) {
			switch {
			case math.IsInf(upper, 1):
				next = 8 * t
			case lower == 0:
				next = t / 8
			default:
				next = math.Sqrt(lower * upper)
			}
		}
		if math.Abs(next-t) < 1e-10*t {
			break
		}
		t = next
	}
	return math.Min(t, forever)
}

// knots returns the knots, right to two hundredths of the smaller probability on either side.
func (p *passages) knots(scale LogScale) (k knots) {
	end := scale.Of(math.Inf(1))
	cdf := func(s float64) float64 {
		if s <= 0 {
			return 0
		}
		return p.cdf(scale.Unit * (math.Exp2(s) - 1))
	}
	// From a coarse table on, each knot by the secant rule of Illinois (Dowell & Jarratt 1971) within the narrowest bracket of all places seen so far.
	const coarse, most = 7, 160
	var at, f [most]float64
	n := coarse
	for i := range coarse {
		at[i] = end * float64(i) / (coarse - 1)
		if i > 0 {
			f[i] = cdf(at[i])
		}
	}
	i := 1
	for level, q := range quantileLevels {
		for i < n && f[i] < q {
			i++
		}
		if i == n {
			k[level] = end
			continue
		}
		near := 0.02 * math.Min(q, 1-q)
		a, fa, b, fb := at[i-1], f[i-1]-q, at[i], f[i]-q
		s := b
		for side := 0; b-a > 1e-9 && n < most; {
			s = math.Max(a+0.05*(b-a), math.Min(b-0.05*(b-a), (a*fb-b*fa)/(fb-fa)))
			fs := cdf(s) - q
			copy(at[i+1:n+1], at[i:n])
			copy(f[i+1:n+1], f[i:n])
			at[i], f[i] = s, fs+q
			n++
			if fs < 0 {
				i++
				a, fa = s, fs
				if side < 0 {
					fb /= 2
				}
				side = -1
			} else {
				b, fb = s, fs
				if side > 0 {
					fa /= 2
				}
				side = 1
			}
			if math.Abs(fs) < near {
				break
			}
		}
		k[level] = s
	}
	k.settle(end)
	return k
}
