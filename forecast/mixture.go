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

// preparedMixture is a Mixture of which all that its evaluations have in common has been done once.
type preparedMixture []weighted

type weighted struct {
	weight float64
	law    evaluated
}

// evaluated is what a mixture asks of a component.
type evaluated interface {
	// mass returns P(T < Inf), P(T = Inf) and P(T = 0).
	mass() (finite, never, zero float64)
	// guess returns a time of the size of the p-quantile.
	guess(p float64) float64
	// evaluate returns P(T <= t), t times the density at t, and the slope of the log density in log t.
	evaluate(t float64) (cdf, rate, slope float64)
	// Survival returns P(T > t).
	Survival(t float64) float64
}

// prepare makes a table for each number of degrees of freedom among the components.
func (m Mixture) prepare() preparedMixture {
	p := make(preparedMixture, len(m.Components))
	var tables []*midpoint
	for i, c := range m.Components {
		p[i] = weighted{1 / float64(len(m.Components)), general{c}}
		if m.Weights != nil {
			p[i].weight = m.Weights[i]
		}
		f, ok := c.(StudentPassage)
		if !ok || !f.regular() {
			continue
		}
		k := slices.IndexFunc(tables, func(j *midpoint) bool { return j.nu == f.Nu })
		if k < 0 {
			k = len(tables)
			tables = append(tables, &midpoint{})
			tables[k].prepare(f.Nu)
		}
		p[i].law = preparedStudent{f.normal(), tables[k]}
	}
	return p
}

func (m preparedMixture) CDF(t float64) float64 {
	if math.IsInf(t, 1) {
		return m.Finite()
	}
	sum := 0.0
	for _, c := range m {
		cdf, _, _ := c.law.evaluate(t)
		sum += c.weight * cdf
	}
	return math.Min(1, sum)
}

func (m preparedMixture) Survival(t float64) float64 {
	if len(m) == 0 {
		return 1
	}
	sum := 0.0
	for _, c := range m {
		sum += c.weight * c.law.Survival(t)
	}
	return math.Min(1, sum)
}

func (m preparedMixture) Prob(t float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	sum := 0.0
	for _, c := range m {
		_, rate, _ := c.law.evaluate(t)
		sum += c.weight * rate
	}
	if sum == 0 {
		return 0 // also at t = 0
	}
	return sum / t
}

func (m preparedMixture) Finite() float64 {
	finite, _, _ := m.mass()
	return finite
}

func (m preparedMixture) mass() (finite, never, zero float64) {
	for _, c := range m {
		f, n, z := c.law.mass()
		finite += c.weight * f
		never += c.weight * n
		zero += c.weight * z
	}
	return math.Min(1, finite), never, zero
}

func (m preparedMixture) Quantile(p float64) float64 {
	finite, never, zero := m.mass()
	law := quantileOf{finite: finite, never: never}
	switch {
	case math.IsNaN(p) || math.IsNaN(finite):
		return math.NaN()
	case p <= zero || p <= 0:
		return 0
	case !law.below(p):
		return math.Inf(1)
	}
	guesses := make([]float64, 0, len(m))
	for _, c := range m {
		if g := c.law.guess(p); g > 0 && !math.IsInf(g, 1) {
			guesses = append(guesses, g)
		}
	}
	guess := 1.0
	if len(guesses) > 0 {
		slices.Sort(guesses)
		guess = guesses[len(guesses)/2]
	}
	return law.solve(p, guess, func(t float64) (cdf, survival, rate, slope float64) {
		for _, c := range m {
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

func (g general) mass() (finite, never, zero float64) {
	return g.Finite(), g.Survival(math.Inf(1)), g.CDF(0)
}

func (g general) guess(p float64) float64 { return g.Quantile(p * g.Finite()) }

func (g general) evaluate(t float64) (cdf, rate, slope float64) {
	return g.CDF(t), t * g.Prob(t), -1
}
