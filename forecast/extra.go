package forecast

import (
	"math"
	"sort"
)

// Extra is what is worked off in addition to the usual, as it is known beforehand: from each step on at another rate, until the next one. Before the first step
// there is none. It is the sum of all that a plan changes; a pause of what works now is a negative one.
//
//	E(t) = ∫₀ᵗ e(s) ds        e(s) = Rate + Slope·(s - At)  from the last step with At <= s on
//
// The steps must be in the order of At, and their values finite; see Valid.
type Extra []Step

// Step is the rate at which items are worked off in addition, from a time on.
type Step struct {
	// At in seconds from now; what lies before 0 counts from then all the same.
	At float64
	// Rate in items/s at that time, and Slope, by how much it rises per second, in items/s².
	Rate, Slope float64
}

// Valid reports whether the steps are in order and finite.
func (e Extra) Valid() bool {
	for i, s := range e {
		if 0*s.At*s.Rate*s.Slope != 0 || i > 0 && s.At < e[i-1].At {
			return false
		}
	}
	return true
}

// Rate returns e(t), for t >= 0.
func (e Extra) Rate(t float64) float64 { return pieceAt(e.course(), t).rateAt(t) }

// Total returns E(t), 0 for t <= 0.
func (e Extra) Total(t float64) float64 {
	t = math.Max(0, t)
	return pieceAt(e.course(), t).at(t)
}

// Arrives returns the first time t >= 0 at which rate·t + E(t) has reached a distance; +Inf where it never does. It is the fluid limit of every law that has an Extra.
func (e Extra) Arrives(distance, rate float64) float64 {
	steady := way{t: []float64{0}, x: []float64{0}, rate: rate}
	return steady.arrives(e.course(), distance)
}

// firstRoot returns the least x > 0 with b·x + c·x² = a, for a > 0; +Inf where there is none.
func firstRoot(a, b, c float64) float64 {
	if c == 0 {
		if b > 0 {
			return a / b
		}
		return math.Inf(1)
	}
	d := b*b + 4*a*c
	if d < 0 {
		return math.Inf(1)
	}
	// The roots are 2a/(b ± √d), which loses no digits where c is small.
	r := math.Sqrt(d)
	if x := 2 * a / (b + r); x > 0 {
		return x
	}
	if x := 2 * a / (b - r); x > 0 {
		return x
	}
	return math.Inf(1)
}

// piece is an Extra from a time on, until the next piece: all of them together begin at 0.
type piece struct {
	from, total, rate, slope float64 // total is E(from)
}

// course returns the pieces, ready to be evaluated often.
func (e Extra) course() []piece {
	c := make([]piece, 1, len(e)+1)
	for _, s := range e {
		p := piece{from: math.Max(0, s.At), slope: s.Slope}
		p.rate = s.Rate + s.Slope*(p.from-s.At)
		last := &c[len(c)-1]
		if p.from == last.from {
			p.total = last.total
			*last = p
			continue
		}
		p.total = last.at(p.from)
		c = append(c, p)
	}
	return c
}

// pieceAt returns the piece that holds at t.
func pieceAt(c []piece, t float64) *piece {
	i := sort.Search(len(c), func(i int) bool { return c[i].from > t })
	return &c[max(0, i-1)]
}

// at returns E(t) for t within the piece.
func (p *piece) at(t float64) float64 {
	d := t - p.from
	return p.total + d*(p.rate+d*p.slope/2)
}

// rateAt returns e(t) for t within the piece.
func (p *piece) rateAt(t float64) float64 { return p.rate + p.slope*(t-p.from) }

// mostSteps is how many steps an amplified extra has, at most: 400 times the time in which a feedback works.
const mostSteps = 4096

// Amplified returns what the extra amounts to where the flow itself follows the level, dX = (ν + κX + e)dt: each item that is worked off in addition brings κ items a
// second more with it (retries that cease), or takes as many away (those that would have left by themselves):
//
//	E*(t) = ∫₀ᵗ e(s)·exp(κ(t - s)) ds
//
// as steps that are right to a thousandth of it up to the time until, and go on at the last rate from there.
func (e Extra) Amplified(kappa, until float64) Extra {
	if kappa == 0 || len(e) == 0 || !(until > 0) {
		return e
	}
	// E* obeys dE*/dt = e + κE*: its rate is e + κE*, which over a short step is taken as linear.
	var out Extra
	total := 0.0
	c := e.course()
	for i := range c {
		from, to := c[i].from, until
		if i+1 < len(c) {
			to = math.Min(until, c[i+1].from)
		}
		if from >= until {
			break
		}
		for t := from; t < to; {
			if total == 0 && c[i].rate == 0 && c[i].slope == 0 { // nothing yet
				out = append(out, Step{At: t})
				break
			}
			next := math.Min(to, t+0.1/math.Abs(kappa))
			if to-next < 1e-9*to {
				next = to
			}
			d := next - t
			growth := math.Exp(kappa * d)
			// Exactly: e(s) linear over the step.
			phi1 := math.Expm1(kappa*d) / kappa
			phi2 := (phi1 - d) / kappa
			if math.Abs(kappa*d) < 1e-4 {
				phi2 = d * d / 2 * (1 + kappa*d/3)
			}
			end := total*growth + c[i].rateAt(t)*phi1 + c[i].slope*phi2
			start := c[i].rateAt(t) + kappa*total
			// The slope with which the step ends at E* exactly.
			step := Step{At: t, Rate: start, Slope: 2 * (end - total - start*d) / (d * d)}
			if len(out) > mostSteps || !(math.Abs(end) < 1e30) || 0*step.Slope != 0 {
				return append(out, Step{At: t, Rate: start}) // so much that it has long decided
			}
			out = append(out, step)
			total = end
			t = next
		}
	}
	if last := len(c) - 1; c[last].from < until {
		out = append(out, Step{At: until, Rate: c[last].rateAt(until) + kappa*total, Slope: 0})
	}
	return out
}
