package forecast

import (
	"math"
	"slices"
)

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

// CDF returns P(T <= t).
func (m Mixture) CDF(t float64) float64 { return m.prepare().CDF(t) }

// Survival returns P(T > t).
func (m Mixture) Survival(t float64) float64 { return m.prepare().Survival(t) }

// Prob returns the density at t in 1/s.
func (m Mixture) Prob(t float64) float64 { return m.prepare().Prob(t) }

// Finite returns P(T < Inf).
func (m Mixture) Finite() float64 { return m.prepare().Finite() }

// Quantile returns the smallest t >= 0 with CDF(t) >= p: 0 for p <= 0, +Inf where p is Finite() or more, NaN for NaN.
func (m Mixture) Quantile(p float64) float64 { return m.prepare().Quantile(p) }

// Prepare returns the same law with the work done once that all its evaluations have in common: for whoever asks it more than a few times.
func (m Mixture) Prepare() Distribution { return m.prepare() }

// preparedMixture is a Mixture of which all that its evaluations have in common has been done once.
type preparedMixture struct {
	parts []weighted
	mass
}

type weighted struct {
	weight float64
	law    evaluated
	mass
}

// mass is P(T < Inf), P(T = Inf) and P(T = 0) of a law.
type mass struct {
	finite, never, zero float64
}

// evaluated is what a mixture asks of a component.
type evaluated interface {
	total() mass
	// guess returns a time of the size of the p-quantile of what is finite.
	guess(p float64, of mass) float64
	// evaluate returns P(T <= t), t times the density at t, and the slope of the log density in log t.
	evaluate(t float64) (cdf, rate, slope float64)
	// Survival returns P(T > t).
	Survival(t float64) float64
}

// prepare makes a table for each number of degrees of freedom among the components.
func (m Mixture) prepare() preparedMixture {
	p := preparedMixture{parts: make([]weighted, len(m.Components))}
	var tables []*midpoint
	for i, c := range m.Components {
		w := &p.parts[i]
		*w = weighted{weight: 1 / float64(len(m.Components)), law: general{c}}
		if m.Weights != nil {
			w.weight = m.Weights[i]
		}
		if f, ok := c.(StudentPassage); ok && f.regular() {
			w.law = prepareStudent(f, &tables)
		}
		w.mass = w.law.total()
		p.finite += w.weight * w.finite
		p.never += w.weight * w.never
		p.zero += w.weight * w.zero
	}
	p.finite = math.Min(1, p.finite)
	return p
}

// prepareStudent returns the law with the table of its degrees of freedom, which it takes from tables or adds there.
func prepareStudent(f StudentPassage, tables *[]*midpoint) preparedStudent {
	for _, j := range *tables {
		if j.nu == f.Nu {
			return preparedStudent{f.normal(), j}
		}
	}
	j := &midpoint{}
	j.prepare(f.Nu)
	*tables = append(*tables, j)
	return preparedStudent{f.normal(), j}
}

func (m preparedMixture) CDF(t float64) float64 {
	if math.IsInf(t, 1) {
		return m.Finite()
	}
	sum := 0.0
	for _, c := range m.parts {
		cdf, _, _ := c.law.evaluate(t)
		sum += c.weight * cdf
	}
	return math.Min(1, sum)
}

func (m preparedMixture) Survival(t float64) float64 {
	if len(m.parts) == 0 {
		return 1
	}
	sum := 0.0
	for _, c := range m.parts {
		sum += c.weight * c.law.Survival(t)
	}
	return math.Min(1, sum)
}

func (m preparedMixture) Prob(t float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	sum := 0.0
	for _, c := range m.parts {
		_, rate, _ := c.law.evaluate(t)
		sum += c.weight * rate
	}
	if sum == 0 {
		return 0 // also at t = 0
	}
	return sum / t
}

func (m preparedMixture) Finite() float64 { return m.finite }

func (m preparedMixture) Quantile(p float64) float64 {
	law := quantileOf{finite: m.finite, never: m.never}
	switch {
	case math.IsNaN(p) || math.IsNaN(m.finite):
		return math.NaN()
	case p <= m.zero || p <= 0:
		return 0
	case !law.below(p):
		return math.Inf(1)
	}
	guesses := make([]float64, 0, len(m.parts))
	for _, c := range m.parts {
		if g := c.law.guess(p, c.mass); g > 0 && !math.IsInf(g, 1) {
			guesses = append(guesses, g)
		}
	}
	guess := 1.0
	if len(guesses) > 0 {
		slices.Sort(guesses)
		guess = guesses[len(guesses)/2]
	}
	return law.solve(p, guess, func(t float64) (cdf, survival, rate, slope float64) {
		for _, c := range m.parts {
			f, r, s := c.law.evaluate(t)
			cdf += c.weight * f
			rate += c.weight * r
			slope += c.weight * r * s
		}
		if slope /= rate; slope != slope {
			slope = -1
		}
		return cdf, 1 - cdf, rate, slope
	})
}

// general evaluates any Distribution.
type general struct{ Distribution }

func (g general) total() mass { return mass{g.Finite(), g.Survival(math.Inf(1)), g.CDF(0)} }

func (g general) guess(p float64, of mass) float64 { return g.Quantile(p * of.finite) }

func (g general) evaluate(t float64) (cdf, rate, slope float64) {
	return g.CDF(t), t * g.Prob(t), -1
}
