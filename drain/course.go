package drain

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/postsack/backlog/forecast"
)

// From a plan to what is worked off in addition.

// draws is how often what is uncertain in a plan is drawn. The draws of one thing are the midpoints of as many intervals of equal probability, in an order of its own (Latin
// hypercube sampling; McKay, Beckman & Conover 1979), which depends on nothing but its name: the same thing in two plans is drawn alike.
const draws = 40

// crossed is how many risks of a plan are taken both with and without their outage in each draw, each weighted by its probability; the others are drawn.
const crossed = 2

// lottery holds the draws made so far, by name.
type lottery map[string][]float64

// uniform returns draw k of what has a name, between 0 and 1.
func (l lottery) uniform(name string, k int) float64 {
	column, ok := l[name]
	if !ok {
		column = make([]float64, draws)
		for i, p := range stream64(name).Perm(draws) {
			column[i] = (float64(p) + 0.5) / draws
		}
		l[name] = column
	}
	return column[k]
}

// drawName is the name of a part of a plan, by its label or its place: of its own kind, whatever the label is.
func drawName(kind, label string, i int) string {
	if label == "" {
		return fmt.Sprintf("%s %d", kind, i)
	}
	return fmt.Sprintf("%s %q", kind, label)
}

// normal is a draw of the standard normal law.
func (l lottery) normal(name string, k int) float64 {
	return distuv.UnitNormal.Quantile(l.uniform(name, k))
}

// stream64 is a source of random numbers that depends on a name alone.
func stream64(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), draws))
}

// present is what a plan changes: the flows at the last sample, or of the numbers.
type present struct {
	asked           time.Time
	elapsed         float64  // seconds since the last sample
	sampled         bool     // what began by the last sample is in the flows already
	inflow, outflow Estimate // unknown: the plan does not need to know
	working         float64  // outflow in items/s while it works; NaN where unknown
	lottery         lottery
}

// scenario is one way in which a plan may turn out.
type scenario struct {
	weight float64
	extra  forecast.Extra // from the last sample on
	// draw and branch say which one it is; -1 where there is but one.
	draw, branch int
}

// scenarios returns the ways in which a plan may turn out; a single one where nothing in it, nor anything else, is uncertain.
func (p Plan) scenarios(now present, uncertain bool) ([]scenario, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.queues(func(queue string, _ bool) error {
		if queue != "" {
			return fmt.Errorf("queue is %q, want none: that is for stages and groups", queue)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	in, out := p.needs()
	for _, f := range [...]struct {
		needed, known bool
		name          string
	}{{in, now.inflow.known, "inflow"}, {out, now.outflow.known, "outflow"}} {
		if f.needed && !f.known {
			return nil, fmt.Errorf("drain: %w: plan %q changes the %s by a factor, to a rate, or stops it, and the %s is not known: want samples or numbers with it, or changes by an amount", ErrInvalid, p.Name, f.name, f.name)
		}
	}
	if now.asked.IsZero() && p.clocked() {
		return nil, fmt.Errorf("drain: %w: %w", ErrInvalid, errNoMoment)
	}
	n := 1
	if uncertain || p.uncertain(now, in, out) {
		n = draws
	}
	branches := 1
	for _, r := range p.Risks[:min(len(p.Risks), crossed)] {
		if r.Probability > 0 {
			branches *= 2
		}
	}
	all := make([]scenario, 0, n*branches)
	for k := range n {
		for b := range branches {
			c := p.drawn(now, k, b)
			s := scenario{c.weight / float64(n), c.extra(), k, b}
			if n == 1 {
				s.draw = -1
			}
			if branches == 1 {
				s.branch = -1
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// settles reports whether the plan says what a flow is, and not by how much it changes: after that, and for what has stopped it, the record of the queue counts no more.
func (p Plan) settles(now present) bool {
	for _, c := range p.Changes {
		begin := c.At.On(now.asked).Add(c.Startup)
		over := now.sampled && c.For > 0 && !begin.Add(c.For).After(now.asked)
		if !over && (c.To.known || c.Pause && now.sampled && begin.Before(now.asked)) {
			return true
		}
	}
	return false
}

// uncertain reports whether anything must be drawn.
func (p Plan) uncertain(now present, inflow, outflow bool) bool {
	for i, r := range p.Risks {
		if i >= crossed || r.Every > 0 || r.Until != r.From || r.LengthSD > 0 {
			return true
		}
	}
	for _, c := range p.Changes {
		if c.By.se > 0 || c.Factor.se > 0 || c.To.se > 0 || c.Each.se > 0 {
			return true
		}
	}
	return inflow && now.inflow.se > 0 || outflow && now.outflow.se > 0
}

// effect is a change with numbers in place of estimates, in seconds from the last sample.
type effect struct {
	begin, full, end float64 // it comes in evenly from begin to full
	inflow           bool
	by               float64
	factor, to       float64 // NaN: none
	outage           bool    // after all that is planned
}

// share is how much of it is in effect.
func (e *effect) share(t float64) float64 {
	switch {
	case t < e.begin || t >= e.end:
		return 0
	case t >= e.full:
		return 1
	}
	return (t - e.begin) / (e.full - e.begin)
}

// apply returns the rate with the effect.
func (e *effect) apply(rate float64) float64 {
	switch {
	case !math.IsNaN(e.factor):
		return rate * e.factor
	case !math.IsNaN(e.to):
		return e.to
	}
	return rate + e.by
}

// drawnPlan is a plan of which everything uncertain has been drawn.
type drawnPlan struct {
	weight          float64
	effects         []effect
	inflow, outflow float64 // at present; NaN where it is not known, and then counted from 0
}

// drawn returns draw k of the plan, in the branch in which the risks whose bit is set come.
func (p Plan) drawn(now present, k, branch int) drawnPlan {
	d := drawnPlan{weight: 1, inflow: now.inflow.Value(), outflow: now.outflow.Value()}
	pick := func(e Estimate, name string) float64 {
		if !(e.se > 0) {
			return e.value
		}
		return e.value + e.se*now.lottery.normal(name, k)
	}
	if in, out := p.needs(); in || out {
		d.inflow = math.Max(0, pick(now.inflow, "inflow"))
		d.outflow = math.Max(0, pick(now.outflow, "outflow"))
		if !now.inflow.known {
			d.inflow = math.NaN()
		}
		if !now.outflow.known {
			d.outflow = math.NaN()
		}
	}
	seconds := func(w When) float64 { return w.On(now.asked).Sub(now.asked).Seconds() + now.elapsed }
	for i, c := range p.Changes {
		name := drawName("change", c.Label, i)
		e := effect{begin: seconds(c.At) + c.Startup.Seconds(), end: math.Inf(1), inflow: c.Flow.inflow(), factor: math.NaN(), to: math.NaN()}
		e.full = e.begin + c.Over.Seconds()
		if c.For > 0 {
			e.end = e.begin + c.For.Seconds()
		}
		switch {
		case c.By.known:
			e.by = pick(c.By, name)
		case c.Factor.known:
			e.factor = math.Max(0, pick(c.Factor, name))
		case c.To.known:
			e.to = math.Max(0, pick(c.To, name))
		case c.Pause:
			e.to = 0
		default:
			e.by = c.Workers * math.Max(0, pick(c.Each, name))
		}
		if e.end <= 0 {
			continue // over
		}
		if now.sampled && e.begin < 0 {
			e = e.rest(now)
		}
		if e.end > 0 {
			d.effects = append(d.effects, e)
		}
	}
	bit := 0
	for i, r := range p.Risks {
		name := drawName("risk", r.Label, i)
		from := math.Max(0, seconds(r.From))
		outage := func(begin float64, length float64) float64 {
			end := begin + length
			d.effects = append(d.effects, effect{begin: begin, full: begin, end: end, factor: r.Remaining, to: math.NaN(), outage: true})
			return end
		}
		if r.Every > 0 {
			p.outages(r, name, k, now, from, seconds(r.Until), outage, &d)
			continue
		}
		comes := now.lottery.uniform(name+" comes", k) < r.Probability
		if i < crossed {
			comes = branch>>bit&1 == 1
			bit++
			if comes {
				d.weight *= r.Probability
			} else {
				d.weight *= 1 - r.Probability
			}
		}
		if comes {
			until := math.Max(from, seconds(r.Until))
			begin := from
			if until > from {
				begin += (until - from) * now.lottery.uniform(name+" begins", k)
			}
			outage(begin, r.length(now.lottery.normal(name+" lasts", k)))
		}
	}
	return d
}

// mostOutages of a risk that comes again and again are drawn one by one; from then on the outflow has its mean.
const mostOutages = 24

// outages draws those of a Poisson process.
func (p Plan) outages(r Risk, name string, k int, now present, from, until float64, outage func(begin, length float64) float64, d *drawnPlan) {
	if r.Until.IsZero() {
		until = math.Inf(1)
	}
	source := stream64(fmt.Sprint(name, " ", k))
	every := r.Every.Seconds()
	t := from - every*math.Log1p(-now.lottery.uniform(name+" first", k))
	for n := 0; t < until; n++ {
		if n == mostOutages {
			up := every / (every + r.Length.Seconds())
			outage := effect{begin: t, full: t, end: until, factor: up + (1-up)*r.Remaining, to: math.NaN(), outage: true}
			d.effects = append(d.effects, outage)
			return
		}
		z := now.lottery.normal(name+" lasts", k)
		if n > 0 {
			z = source.NormFloat64()
		}
		t = outage(t, r.length(z)) + every*source.ExpFloat64()
	}
}

// length is that of an outage at a normal deviate.
func (r Risk) length(z float64) float64 {
	mean := r.Length.Seconds()
	if r.LengthSD == 0 {
		return mean
	}
	s2 := math.Log1p(math.Pow(r.LengthSD.Seconds()/mean, 2))
	return mean * math.Exp(z*math.Sqrt(s2)-s2/2)
}

// rest is what is left to come of a change that samples show already: the end of what is temporary, and what of a ramp is still to come.
func (e effect) rest(now present) effect {
	done := 1.0
	if e.full > 0 {
		done = -e.begin / (e.full - e.begin)
	}
	back := effect{begin: e.end, full: e.end, end: math.Inf(1), inflow: e.inflow, factor: math.NaN(), to: math.NaN()}
	switch {
	case math.IsInf(e.end, 1) && done == 1: // nothing
		back.end = math.Inf(-1)
	case math.IsInf(e.end, 1): // the rest of a ramp
		e.begin = 0
		switch {
		case !math.IsNaN(e.factor):
			e.factor /= 1 + done*(e.factor-1)
		case math.IsNaN(e.to):
			e.by *= 1 - done
		}
		return e
	case !math.IsNaN(e.factor) && e.factor > 0:
		back.factor = 1 / e.factor
	case !math.IsNaN(e.factor) || !math.IsNaN(e.to):
		back.to = now.working // as it was, as far as that is known
		if e.inflow || math.IsNaN(back.to) {
			back.to = math.NaN()
			back.factor = 1
		}
	default:
		back.by = -e.by
	}
	return back
}

// rate is that of a flow at t.
func (d *drawnPlan) rate(t float64, inflow bool) float64 {
	base := d.outflow
	if inflow {
		base = d.inflow
	}
	known := !math.IsNaN(base)
	rate := base
	if !known {
		rate = 0
	}
	for _, outage := range [...]bool{false, true} {
		for i := range d.effects {
			e := &d.effects[i]
			if e.inflow != inflow || e.outage != outage {
				continue
			}
			if share := e.share(t); share > 0 {
				rate += share * (e.apply(rate) - rate)
			}
		}
		if known {
			rate = math.Max(0, rate)
		}
	}
	return rate
}

// extra is what is worked off in addition to what the flows are at present.
func (d *drawnPlan) extra() forecast.Extra {
	if len(d.effects) == 0 {
		return nil
	}
	at := []float64{0}
	for _, e := range d.effects {
		for _, t := range [...]float64{e.begin, e.full, e.end} {
			if t > 0 && !math.IsInf(t, 1) {
				at = append(at, t)
			}
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	base := 0.0
	if !math.IsNaN(d.outflow) {
		base += d.outflow
	}
	if !math.IsNaN(d.inflow) {
		base -= d.inflow
	}
	net := func(t float64) float64 { return d.rate(t, false) - d.rate(t, true) - base }
	var extra forecast.Extra
	for i, from := range at {
		if i+1 == len(at) {
			extra = append(extra, forecast.Step{At: from, Rate: net(from + 1)})
			break
		}
		// Straight between two moments; in eight pieces where a product of two ramps is not, or a flow ends.
		width := at[i+1] - from
		pieces := 1
		if a, b, c := net(from+width/4), net(from+width/2), net(from+width*3/4); math.Abs(a+c-2*b) > 1e-9*(math.Abs(a)+math.Abs(b)+math.Abs(c)) {
			pieces = 8
		}
		for j := range pieces {
			w := width / float64(pieces)
			t := from + float64(j)*w
			a, b := net(t+w/4), net(t+w*3/4)
			slope := (b - a) / (w / 2)
			if math.Abs(slope)*w < 1e-12*(math.Abs(a)+math.Abs(b)) {
				slope = 0
			}
			extra = append(extra, forecast.Step{At: t, Rate: a - slope*w/4, Slope: slope})
		}
	}
	return extra
}
