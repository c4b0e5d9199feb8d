package forecast

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/integrate/quad"
)

// ChangingPassage is FirstPassage where the rate changes over time in a way that is known, and with the level: the law of the first time T >= 0 at which
//
//	dX = (ν + κX + e(t))dt + σ dW,    X(0) = 0,    ν ~ Normal(m, τ²), drawn once
//
// has gone the distance a. With an Extra e(t) = 0 and Feedback κ = 0 it is the FirstPassage. Of a level Q whose inflow and outflow are λ₀ + rQ and μ + θQ the amount worked
// off has κ = r - θ, and ν is the net rate at the present level: retries (κ > 0) make the end come faster than the beginning, and above a tipping point never; what leaves by
// itself (κ < 0), and items that never succeed, make the level settle, at ν/κ below the present one.
//
// For κ = 0, X given X(s) = x is normal whatever came before, as the rate's law given the path depends on x alone, and the density h of T solves the Volterra equation of
// the second kind (Durbin 1985; Buonocore, Nobile & Ricciardi 1987; Di Nardo et al. 2001)
//
//	h(t) = (a + e(t)t - E(t))/t · N(a - mt - E(t); 0, v(t)) + ∫₀ᵗ h(s)·(Ē(s,t) - e(t))·N(a - E(t) - x(s,t); 0, V(s,t)) ds
//
// where v(t) = τ²t² + σ²t, Ē(s,t) = (E(t) - E(s))/(t - s), x(s,t) is the mean of X(t) - E(t) for a path that arrives at s, and V(s,t) its variance. The kernel is zero while the
// extra rate is constant, so that the equation is exact up to the first step. For κ ≠ 0 the same holds for exp(-κt)X and any one ν, and the law is
// the mean over those. Where the volatility is next to nothing beside the uncertainty of the rate,
//
//	P(T <= t) = max over s <= t of P(νI(s) + E*(s) >= a),    I(s) = (exp(κs) - 1)/κ
//
// with the probability of FirstPassage in place of the normal one. CDFs are within some 0.003 of the true ones, and within 0.015 where the noise
// makes less than a fiftieth of the variance; see the tests.
//
// Sources: J. Durbin, The first-passage density of a continuous Gaussian process to a general boundary, J. Appl. Prob. 22 (1985); A. Buonocore, A. G. Nobile, L. M. Ricciardi, A
// new integral equation for the evaluation of first-passage-time probability densities, Adv. Appl. Prob. 19 (1987); E. Di Nardo, A. G. Nobile, E. Pirozzi, L. M. Ricciardi, A
// computational approach to first-passage-time problems for Gauss-Markov processes, Adv. Appl. Prob. 33 (2001).
type ChangingPassage struct {
	// Passage is the law without changes.
	Passage FirstPassage
	// Extra is what is worked off in addition.
	Extra Extra
	// Feedback is κ in 1/s.
	Feedback float64
	// Rough asks for a law at a quarter of the cost, with errors of 0.01: for one of many that are averaged.
	Rough bool
}

// Law works the law out up to a horizon in seconds, past which everything is never. It is nil where a field, or the horizon, is not a number, or the extra is not Valid.
func (c ChangingPassage) Law(horizon float64) Distribution {
	f := c.Passage
	if f.undefined(0) || 0*c.Feedback != 0 || !(horizon > 0) || !c.Extra.Valid() {
		return nil
	}
	f.DriftSD, f.Volatility = math.Abs(f.DriftSD), math.Abs(f.Volatility)
	horizon = math.Min(horizon, forever)
	if f.Distance <= 0 {
		return FirstPassage{}
	}
	if f.DriftSD == 0 && f.Volatility == 0 {
		all := append(Extra{{Rate: f.Drift}}, c.Extra...)
		for i := range all[1:] {
			all[i+1].Rate += f.Drift
		}
		if t := all.Amplified(c.Feedback, math.Min(horizon, 1e3/math.Abs(c.Feedback))).Arrives(f.Distance, 0); t <= horizon {
			return FirstPassage{Distance: t, Drift: 1}
		}
		return Mixture{}.Prepare() // never
	}
	course := c.Extra.course()
	if c.Feedback == 0 {
		if len(course) == 1 && course[0].slope == 0 {
			f.Drift += course[0].rate
			return within{f, horizon}
		}
		return solve(f, course, 0, horizon, c.coarseness())
	}
	return newBlend(f, course, c.Feedback, horizon, c.coarseness())
}

// coarseness is how much wider than usual the steps are.
func (c ChangingPassage) coarseness() float64 {
	if c.Rough {
		return 2
	}
	return 1
}

// within is a law of which nothing past the horizon counts.
type within struct {
	law     Distribution
	horizon float64
}

func (w within) CDF(t float64) float64      { return w.law.CDF(math.Min(t, w.horizon)) }
func (w within) Survival(t float64) float64 { return w.law.Survival(math.Min(t, w.horizon)) }
func (w within) Finite() float64            { return w.law.CDF(w.horizon) }
func (w within) Prob(t float64) float64 {
	if t > w.horizon {
		return 0
	}
	return w.law.Prob(t)
}
func (w within) Quantile(p float64) float64 {
	if t := w.law.Quantile(p); !(t > w.horizon) {
		return t
	}
	return math.Inf(1)
}

// drifting is the process, of which X(t) is normal.
type drifting struct {
	f      FirstPassage
	course []piece
	kappa  float64
	extra  []piece // amplified by the feedback
}

// instantly is what is known of the process at a time.
type instantly struct {
	t, extra, rate float64 // E*(t), and e(t)
	run            float64 // I(t)
	noise          float64 // variance of the noise
}

func (d *drifting) at(t float64, piece int) (s instantly) {
	s.t = t
	p := &d.course[piece]
	s.rate = p.rateAt(t)
	if d.kappa == 0 {
		s.extra, s.run, s.noise = p.at(t), t, d.f.Volatility*d.f.Volatility*t
		return s
	}
	s.run = math.Expm1(d.kappa*t) / d.kappa
	s.noise = d.f.Volatility * d.f.Volatility * math.Expm1(2*d.kappa*t) / (2 * d.kappa)
	s.extra = pieceAt(d.extra, t).at(t)
	return s
}

// deviate is how many standard deviations the mean of X lies past the distance.
func (d *drifting) deviate(s *instantly) float64 {
	sd := math.Sqrt(s.noise + d.f.DriftSD*d.f.DriftSD*s.run*s.run)
	return (d.f.Drift*s.run + s.extra - d.f.Distance) / sd
}

// resolvedNoise is how much of the variance the noise must have for the integral equation to be resolved; below, it is as good as none.
const resolvedNoise = 0.02

const (
	stepDeviate = 0.3   // the largest step, in standard deviations
	stepFactor  = 0.15  // and as a share of the time
	mostNodes   = 600   // of a table
	fades       = 1e-10 // what is left of the law where the table ends
	decided     = 12    // of κt for κ > 0: what is not there by then has gone the other way
	outermost   = 7     // standard deviations, past which nothing comes
)

// table is a law by its CDF and density at nodes.
type table struct {
	t, p, h []float64
}

// solve works out the law for κ = 0, or for one ν: DriftSD 0.
func solve(f FirstPassage, course []piece, kappa, horizon, coarseness float64) *table {
	d := &drifting{f: f, course: course, kappa: kappa}
	if kappa != 0 {
		e := make(Extra, 0, len(course))
		for _, p := range course {
			e = append(e, Step{p.from, p.rate, p.slope})
		}
		d.extra = e.Amplified(kappa, math.Min(horizon, course[len(course)-1].from+40/math.Abs(kappa))).course()
	}
	a := f.Distance
	most := 0.0
	for i := range course {
		most = math.Max(most, math.Abs(course[i].rate))
	}
	// The first time of which anything is to be said.
	t := a / (math.Abs(f.Drift) + 10*f.DriftSD + most) / 64
	if f.Volatility > 0 {
		x := a / (outermost * f.Volatility)
		t = math.Min(t, x*x/64)
	}
	if !(t > 0) || t > horizon {
		t = horizon / 1e6
	}
	b := &tableBuilder{d: d, horizon: horizon, stepDeviate: stepDeviate * coarseness, stepFactor: stepFactor * coarseness, most: int(mostNodes / (coarseness * coarseness))}
	b.begin(t)
	b.run()
	return &b.table
}

type tableBuilder struct {
	table
	d       *drifting
	horizon float64
	// the largest steps
	stepDeviate, stepFactor float64
	most                    int // nodes

	s      []instantly
	weight []float64
	piece  int
	coarse bool // without the integral equation
	since  int  // nodes since the CDF was that of the renewal equation
	best   float64
}

// begin finds the piece and the first time.
func (b *tableBuilder) begin(t float64) {
	for {
		next := t * 1.25
		if b.piece+1 < len(b.d.course) && next >= b.d.course[b.piece+1].from {
			b.piece++
			if from := b.d.course[b.piece].from; from > t {
				next = from
			}
		}
		if next >= b.horizon {
			break
		}
		s := b.d.at(next, b.piece)
		if b.d.deviate(&s) > -outermost {
			break
		}
		t = next
	}
	for b.piece > 0 && b.d.course[b.piece].from > t {
		b.piece--
	}
	s := b.d.at(t, b.piece)
	b.push(s, 0, 0)
}

func (b *tableBuilder) push(s instantly, p, h float64) {
	b.s = append(b.s, s)
	b.t, b.p, b.h = append(b.t, s.t), append(b.p, p), append(b.h, h)
	b.weight = append(b.weight, 0)
}

// run goes on until nothing is left.
func (b *tableBuilder) run() {
	d := b.d
	dt := b.t[0] * b.stepFactor
	kinked := dt // the step in the middle of a piece
	for len(b.t) < b.most {
		now := b.s[len(b.s)-1]
		if 1-b.best < fades || now.t >= b.horizon || d.kappa*now.t > decided {
			break
		}
		end := b.horizon
		if b.piece+1 < len(d.course) {
			end = math.Min(end, d.course[b.piece+1].from)
		}
		z := d.deviate(&now)
		dt = math.Min(dt*1.7, now.t*b.stepFactor)
		if d.kappa < 0 && !b.coarse {
			dt = math.Min(dt, -relaxed/d.kappa*b.stepFactor)
			if b.piece == len(d.course)-1 && -d.kappa*(now.t-d.course[b.piece].from) > decided {
				b.settle()
				break
			}
		}
		var next instantly
		for range 60 {
			t := math.Min(end, now.t+dt)
			next = d.at(t, b.piece)
			if dz := math.Abs(d.deviate(&next) - z); !(dz > b.stepDeviate) {
				break
			}
			dt /= 1.5
		}
		kinked = dt
		if left := end - now.t; end < b.horizon {
			// Closer before a step of the rate.
			if dt > 0.4*left && left > kinked/12 {
				next = d.at(now.t+0.4*left, b.piece)
			} else if dt >= left || left <= kinked/12 {
				next = d.at(end, b.piece)
			}
		}
		b.add(next)
		if next.t >= end && b.piece+1 < len(d.course) && end < b.horizon {
			b.piece++
			b.s[len(b.s)-1].rate = d.course[b.piece].rateAt(next.t)
			dt = math.Min(kinked, math.Max(dt, kinked/4)) / 16
		}
	}
}

// relaxed is how many steps are made, at least, in the time in which a level that settles forgets where it was.
const relaxed = 1.5

// settle ends the table of a level that has settled: it reaches the distance by chance, at a rate that does not change any more.
func (b *tableBuilder) settle() {
	n := len(b.t) - 1
	left := 1 - b.best
	hazard := b.h[n] / left
	if !(hazard > 0) || !(left > 0) {
		return
	}
	t0 := b.t[n]
	for i := 1; i <= 200; i++ {
		x := 0.15 * float64(i) / hazard
		t := math.Min(b.horizon, t0+x)
		rest := left * math.Exp(-hazard*(t-t0))
		b.t, b.p, b.h = append(b.t, t), append(b.p, 1-rest), append(b.h, hazard*rest)
		if t >= b.horizon || rest < fades {
			break
		}
	}
}

// add works out the density and the CDF at the next node.
func (b *tableBuilder) add(s instantly) {
	d := b.d
	n := len(b.t)
	total := s.noise + d.f.DriftSD*d.f.DriftSD*s.run*s.run
	if b.coarse || s.noise < resolvedNoise*total || d.f.Volatility == 0 {
		b.coarse = true
		if p := d.marginal(&s); p > b.best {
			b.best = p
		}
		h := 0.0
		if dt := s.t - b.t[n-1]; dt > 0 {
			h = (b.best - b.p[n-1]) / dt
		}
		b.push(s, b.best, h)
		return
	}
	h := d.first(&s)
	for j := range b.s {
		if w := b.weight[j]; w > 0 {
			h += w * d.kernel(&b.s[j], &s)
		}
	}
	if !(h > 0) { // also what a float64 cannot hold
		h = 0
	}
	dt := s.t - b.t[n-1]
	last := b.h[n-1]
	mass := dt * (h + last) / 2
	if r := h / last; r > 1.05 || r < 0.95 && r > 0 { // exponential in between
		if l := math.Log(r); !math.IsInf(l, 0) {
			mass = dt * (h - last) / l
		}
	}
	if !(mass > 0) || math.IsInf(mass, 1) {
		mass = 0
	}
	p := b.best + mass
	if b.since++; b.since == renewed {
		// By the renewal equation, which bounds the errors that densities add up to.
		b.since = 0
		q := d.there(&s)
		for j := range b.s {
			if w := b.weight[j]; w > 0 {
				q += w * d.back(&b.s[j], &s)
			}
		}
		// Over the last step it goes as Φ(z√u), u from 0 to 1, and the mean of that is in closed form.
		z := d.behind(&b.s[n-1], &s)
		mean := 0.5 + z/(3*math.Sqrt(2*math.Pi))
		if math.Abs(z) > 1e-3 {
			c := 0.5 * math.Erfc(-z/math.Sqrt2)
			mean = c - (c-0.5-z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi))/(z*z)
		}
		if q += mass * mean; q >= 0 {
			b.level(q, p)
			p = q
		}
	}
	b.weight[n-1] += last * dt / 2
	b.best = math.Min(1, math.Max(b.best, p))
	b.push(s, b.best, h)
	b.weight[n] = h * dt / 2
}

// renewed is at how many nodes once the CDF is that of the renewal equation (Fortet 1943).
//
//	P(T <= t) = P(X(t) >= a) + ∫₀ᵗ h(s)·P(X(t) < a | T = s) ds
const renewed = 5

// level spreads a correction from p to q over the nodes since the last one.
func (b *tableBuilder) level(q, p float64) {
	n := len(b.p)
	from := max(0, n-renewed)
	base := b.p[from]
	if !(p-base > 1e-12) || !(q > base) {
		return
	}
	k := (q - base) / (p - base)
	for i := from + 1; i < n; i++ {
		b.p[i] = math.Min(1, base+(b.p[i]-base)*k)
	}
}

// there is P(X(t) >= a).
func (d *drifting) there(s *instantly) float64 { return 0.5 * math.Erfc(-d.deviate(s)/math.Sqrt2) }

// back is P(X(t) < a | T = s).
func (d *drifting) back(s, t *instantly) float64 {
	switch z := d.behind(s, t); {
	case !(z > -6):
		return 0
	case z > 6:
		return 1
	default:
		return 0.5 * math.Erfc(-z/math.Sqrt2)
	}
}

// behind is how many standard deviations the barrier at t is above the mean of a path that arrives at s.
func (d *drifting) behind(s, t *instantly) float64 {
	f := &d.f
	dt := t.t - s.t
	if d.kappa == 0 {
		v, u := f.Volatility*f.Volatility, f.DriftSD*f.DriftSD
		at := v + u*s.t
		x := -f.Drift*dt - (t.extra - s.extra) - (f.Distance-f.Drift*s.t-s.extra)*u*dt/at
		return x / math.Sqrt(v*dt+v*u*dt*dt/at)
	}
	y, v := d.away(s, t)
	return y / math.Sqrt(v)
}

func (l *table) CDF(t float64) float64 {
	n := len(l.t)
	switch {
	case math.IsNaN(t):
		return t
	case t < l.t[0]:
		return 0
	case t == l.t[0]:
		return l.p[0]
	case t >= l.t[n-1]:
		return l.p[n-1]
	}
	i := sort.SearchFloat64s(l.t, t)
	p, _ := l.between(i-1, t)
	return p
}

// between is the monotone cubic from node i to the next.
func (l *table) between(i int, t float64) (p, density float64) {
	w, rise := l.t[i+1]-l.t[i], l.p[i+1]-l.p[i]
	if !(rise > 0) {
		return l.p[i], 0
	}
	p, density = cubic(rise, math.Min(3*rise, l.h[i]*w), math.Min(3*rise, l.h[i+1]*w), (t-l.t[i])/w)
	return l.p[i] + p, density / w
}

func (l *table) Survival(t float64) float64 { return 1 - l.CDF(t) }
func (l *table) Finite() float64            { return l.p[len(l.p)-1] }

func (l *table) Prob(t float64) float64 {
	if !(t > l.t[0] && t < l.t[len(l.t)-1]) {
		return 0
	}
	_, density := l.between(sort.SearchFloat64s(l.t, t)-1, t)
	return density
}

func (l *table) Quantile(p float64) float64 {
	switch {
	case math.IsNaN(p):
		return p
	case p <= 0:
		return 0
	case p > l.Finite():
		return math.Inf(1)
	}
	i := min(sort.SearchFloat64s(l.p, p), len(l.p)-1) // the first node that is there
	if i == 0 {
		return l.t[0]
	}
	low, high := l.t[i-1], l.t[i]
	for range 50 {
		mid := (low + high) / 2
		if c, _ := l.between(i-1, mid); c < p {
			low = mid
		} else {
			high = mid
		}
		if high-low < 1e-12*high {
			break
		}
	}
	return high
}

// normalNodes and normalWeights are the points and weights of Gauss-Hermite quadrature of the standard normal law.
var (
	normalNodes, normalWeights = hermite(12)
	roughNodes, roughWeights   = hermite(5)
)

func hermite(n int) (z, w []float64) {
	z, w = make([]float64, n), make([]float64, n)
	quad.Hermite{}.FixedLocations(z, w, math.Inf(-1), math.Inf(1))
	for i := range z { // its weight is exp(-x²)
		z[i] *= math.Sqrt2
		w[i] /= math.Sqrt(math.Pi)
	}
	return z, w
}

// newBlend is the law for κ ≠ 0: the mean over ν.
func newBlend(f FirstPassage, course []piece, kappa, horizon, coarseness float64) Distribution {
	if f.DriftSD == 0 || f.Volatility == 0 {
		return solve(f, course, kappa, horizon, coarseness)
	}
	nodes, weights := normalNodes, normalWeights
	if coarseness > 1 {
		nodes, weights = roughNodes, roughWeights
	}
	m := Mixture{Weights: weights}
	for _, z := range nodes {
		g := f
		g.Drift += z * f.DriftSD
		g.DriftSD = 0
		m.Components = append(m.Components, solve(g, course, kappa, horizon, coarseness))
	}
	return m.Prepare()
}

// marginal is P(T <= t) as if the extra came at its mean rate up to t all the time.
func (d *drifting) marginal(s *instantly) float64 {
	if d.kappa == 0 {
		f := d.f
		f.Drift += s.extra / s.t
		return f.CDF(s.t)
	}
	z := d.deviate(s)
	switch {
	case math.IsNaN(z) || math.IsInf(z, 1):
		return 1
	case math.IsInf(z, -1):
		return 0
	}
	return 0.5 * math.Erfc(-z/math.Sqrt2)
}

// first is the density of being there at t, of all that were never nor will be: the first term of the equation.
func (d *drifting) first(s *instantly) float64 {
	f := &d.f
	if d.kappa == 0 {
		v := f.DriftSD*f.DriftSD*s.t*s.t + s.noise
		x := f.Distance - f.Drift*s.t - s.extra
		return (f.Distance + s.rate*s.t - s.extra) / s.t * math.Exp(-x*x/(2*v)) / math.Sqrt(2*math.Pi*v)
	}
	y := f.Distance - f.Drift*s.run - s.extra
	v := f.Volatility * f.Volatility
	return (y*v/s.noise + d.kappa*f.Distance + f.Drift + s.rate) * math.Exp(-y*y/(2*s.noise)) / math.Sqrt(2*math.Pi*s.noise)
}

// away returns how far the barrier is above the mean of a path at t that was at it at s, and the variance of that path, for κ ≠ 0.
func (d *drifting) away(s, t *instantly) (y, v float64) {
	f := &d.f
	x := d.kappa * (t.t - s.t)
	grown := math.Expm1(x)
	y = -f.Distance*grown - f.Drift*grown/d.kappa - (t.extra - s.extra*(1+grown))
	return y, f.Volatility * f.Volatility * math.Expm1(2*x) / (2 * d.kappa)
}

// kernel is that of the equation, from s on to t.
func (d *drifting) kernel(s, t *instantly) float64 {
	f := &d.f
	dt := t.t - s.t
	if d.kappa == 0 {
		gain := (t.extra-s.extra)/dt - t.rate
		if gain == 0 {
			return 0
		}
		v, u := f.Volatility*f.Volatility, f.DriftSD*f.DriftSD
		at := v + u*s.t
		// How far the barrier has moved from where the path would be.
		x := -f.Drift*dt - (t.extra - s.extra) - (f.Distance-f.Drift*s.t-s.extra)*u*dt/at
		total := v*dt + v*u*dt*dt/at
		y := x * x / (2 * total)
		if y > 40 {
			return 0
		}
		return gain * math.Exp(-y) / math.Sqrt(2*math.Pi*total)
	}
	y, v := d.away(s, t)
	q := y * y / (2 * v)
	if !(q < 40) {
		return 0
	}
	return -(d.kappa*f.Distance + f.Drift + t.rate + y*f.Volatility*f.Volatility/v) * math.Exp(-q) / math.Sqrt(2*math.Pi*v)
}

// tabulated is how many nodes the table of a mixture has.
const tabulated = 96

// Tabulate returns the mixture as a table, for whoever asks it often: exact at some 100 of the quantiles of its components, spread evenly among them, with a monotone cubic in
// between. Nothing past the horizon counts.
func (m Mixture) Tabulate(horizon float64) Distribution {
	n := len(m.Components)
	if n == 1 {
		return within{m.Components[0], horizon}
	}
	var all []float64
	for _, c := range m.Components {
		for _, p := range [...]float64{1e-4, 0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 0.9999} {
			if t := c.Quantile(p); t > 0 && t < horizon {
				all = append(all, t)
			}
		}
	}
	if len(all) == 0 {
		return within{m.Prepare(), horizon}
	}
	sort.Float64s(all)
	var at []float64
	for i := range tabulated {
		at = append(at, all[i*(len(all)-1)/(tabulated-1)])
	}
	at = append(at, 0, at[0]/2, horizon)            // what is there at once is at 0
	for t := at[tabulated-1]; t < horizon; t *= 4 { // what is later than all of them
		at = append(at, t)
	}
	sort.Float64s(at)
	l := &table{}
	best := 0.0
	for _, t := range at {
		if k := len(l.t); k > 0 && !(t > l.t[k-1]*(1+1e-12)) { // the same
			continue
		}
		p, h := 0.0, 0.0
		for i, c := range m.Components {
			w := 1 / float64(n)
			if m.Weights != nil {
				w = m.Weights[i]
			}
			p += w * c.CDF(t)
			if d := c.Prob(t); d < math.MaxFloat64 {
				h += w * d
			}
		}
		if !(p >= 0 && h >= 0) {
			continue
		}
		best = math.Max(best, math.Min(1, p))
		l.t, l.p, l.h = append(l.t, t), append(l.p, best), append(l.h, h)
	}
	if len(l.t) == 0 {
		return Mixture{}.Prepare()
	}
	return l
}
