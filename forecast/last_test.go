package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/postsack/backlog/forecast"
)

// lastSteps is the law that takes the i-th of some times with the i-th probability, and never with the rest.
type lastSteps struct{ times, probabilities []float64 }

func (s lastSteps) CDF(t float64) (c float64) {
	for i, at := range s.times {
		if at <= t {
			c += s.probabilities[i]
		}
	}
	return c
}
func (s lastSteps) Survival(t float64) float64 { return 1 - s.CDF(t) }
func (s lastSteps) Prob(t float64) float64     { return 0 }
func (s lastSteps) Quantile(p float64) float64 {
	if p <= 0 {
		return 0
	}
	for _, at := range s.times {
		if s.CDF(at) >= p {
			return at
		}
	}
	return inf
}
func (s lastSteps) Finite() float64 { return s.CDF(inf) }

func certainly(t float64) forecast.Distribution {
	return forecast.FirstPassage{Distance: t, Drift: 1}
}

func repeated(x float64, n int) (all []float64) {
	for range n {
		all = append(all, x)
	}
	return all
}

func lastPassages(n int) (all []forecast.Distribution) {
	for i := range n {
		all = append(all, forecast.FirstPassage{Distance: 800 + 20*float64(i), Drift: 1, DriftSD: 0.1 * float64(i%3), Volatility: 5 + float64(i)})
	}
	return all
}

var lastTimes = []float64{0, 1, 500, 900, 1000, 1200, 2000, 5000, inf}

func TestLastIndependent(t *testing.T) {
	components := append(lastPassages(7), exponential(1e-3), lastSteps{[]float64{0, 950}, []float64{0.3, 0.5}})
	for _, loadings := range [][]float64{nil, make([]float64, 9), {0, 0, 0.7, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, -1}} {
		l := forecast.Last{Components: components, Loadings: loadings}
		for _, at := range lastTimes {
			want, rate := 1.0, 0.0
			for _, c := range components {
				want *= c.CDF(at)
				rate += c.Prob(at) / c.CDF(at)
			}
			assert.InDelta(t, want, l.CDF(at), 1e-15, "at %v", at)
			assert.InDelta(t, 1-want, l.Survival(at), 1e-15, "at %v", at)
			if at > 1 && at < inf {
				assert.InDelta(t, want*rate, l.Prob(at), 1e-13, "at %v", at)
			}
		}
	}
	// 200 exponentials, P(T <= t) = (1 - exp(-t))^200; the survival far out is 200·exp(-t) to a relative 1e-20.
	many := forecast.Last{}
	for range 200 {
		many.Components = append(many.Components, exponential(1))
	}
	assert.InEpsilon(t, 200*math.Exp(-60), many.Survival(60), 1e-13)
	assert.InEpsilon(t, -math.Log(-math.Expm1(math.Log(0.9)/200)), many.Quantile(0.9), 1e-11)
}

func TestLastComonotone(t *testing.T) {
	components := lastPassages(20)
	for _, sign := range []float64{1, -1} {
		one := forecast.Last{Components: components, Loadings: repeated(sign, 20)}
		near := forecast.Last{Components: components, Loadings: repeated(sign*0.999999, 20)}
		for _, at := range lastTimes {
			least, survival := 1.0, 0.0
			for _, c := range components {
				least, survival = math.Min(least, c.CDF(at)), math.Max(survival, c.Survival(at))
			}
			assert.Equal(t, least, one.CDF(at))
			assert.Equal(t, survival, one.Survival(at))
			// √(1-ℓ²) is 1.4e-3; the least of 20 deviates is some 2 of it lower.
			assert.InDelta(t, least, near.CDF(at), 3e-3)
			assert.LessOrEqual(t, near.CDF(at), least+1e-12)
		}
		for p := 0.05; p < 1; p += 0.1 {
			latest := 0.0
			for _, c := range components {
				latest = math.Max(latest, c.Quantile(p))
			}
			assert.Equal(t, latest, one.Quantile(p))
		}
		assert.InDelta(t, one.Prob(1100), (one.CDF(1100+1e-3)-one.CDF(1100-1e-3))/2e-3, 1e-7)
	}
	// Countermonotone: the lower bound of Fréchet, F₁ + F₂ - 1.
	counter := forecast.Last{Components: components[:2], Loadings: []float64{1, -1}}
	for _, at := range lastTimes {
		assert.InDelta(t, math.Max(0, components[0].CDF(at)-components[1].Survival(at)), counter.CDF(at), 1e-15)
	}
}

// Φ₂(0, 0; ρ) = 1/4 + asin(ρ)/2π (Sheppard 1899): both at their medians, with ρ = ℓ₁·ℓ₂.
func TestLastAtTheMedians(t *testing.T) {
	slow, fast := exponential(0.3), exponential(7)
	for _, l := range [][2]float64{
		{0.5, 0.5}, {0.9, 0.95}, {-0.6, 0.8}, {0.999, 0.999}, {0.999, -0.999}, {0.99999, 0.1}, {1, 0.5}, {-1, 0.5}, {1, 0.999999}, {1 - 1e-9, 1 - 1e-9}, {1, 1},
		{-1, 1}, {0, 0.4}, {1e-9, 0.5}, {-1 + 1e-12, -1},
	} {
		l := [2]float64{l[0], l[1]}
		law := forecast.Last{Components: []forecast.Distribution{slow, atMedianOf{fast, slow}}, Loadings: l[:]}
		want := 0.25 + math.Asin(l[0]*l[1])/(2*math.Pi)
		at := slow.Quantile(0.5)
		assert.InDelta(t, want, law.CDF(at), 1e-10, "%v", l)
		assert.InDelta(t, 1-want, law.Survival(at), 1e-10, "%v", l)
	}
	// Three: 1/8 + (asin ρ₁₂ + asin ρ₁₃ + asin ρ₂₃)/4π.
	law := forecast.Last{Components: []forecast.Distribution{slow, slow, slow}, Loadings: []float64{0.3, -0.8, 0.999}}
	want := 0.125 + (math.Asin(-0.24)+math.Asin(0.3*0.999)+math.Asin(-0.8*0.999))/(4*math.Pi)
	assert.InDelta(t, want, law.CDF(slow.Quantile(0.5)), 1e-10)
}

// Of two, only ρ = ℓ₁·ℓ₂ counts: ℓ, ρ/ℓ is the law of 1, ρ, where the limit of the integral does what the first one's rise does otherwise.
func TestLastOfTwoByCorrelation(t *testing.T) {
	components := lastPassages(2)
	for _, c := range []struct{ gap, tolerance float64 }{{0.9, 1e-12}, {0.5, 1e-12}, {0.1, 1e-12}, {1e-3, 1e-9}, {1e-6, 1e-10}, {1e-9, 1e-10}, {1e-12, 1e-10}} {
		rho, off := 1-c.gap, 0.0
		for _, sign := range []float64{1, -1} {
			one := forecast.Last{Components: components, Loadings: []float64{1, sign * rho}}
			for _, loading := range []float64{math.Sqrt(rho), 1 - c.gap/4} {
				l := forecast.Last{Components: components, Loadings: []float64{loading, sign * rho / loading}}
				for _, at := range []float64{700, 780, 810, 830, 900, 1300} {
					least := math.Min(components[0].CDF(at), components[1].CDF(at))
					off = math.Max(off, math.Abs(one.CDF(at)-l.CDF(at))/least)
					off = math.Max(off, math.Abs(one.Survival(at)/l.Survival(at)-1))
				}
			}
		}
		t.Logf("1-ρ = %v: %.1g", c.gap, off)
		assert.Less(t, off, c.tolerance, "1-ρ = %v", c.gap)
	}
}

// atMedianOf is the first exponential with its time stretched so that the medians are the same.
type atMedianOf struct{ of, like exponential }

func (a atMedianOf) stretch() float64           { return float64(a.like) / float64(a.of) }
func (a atMedianOf) CDF(t float64) float64      { return a.of.CDF(t * a.stretch()) }
func (a atMedianOf) Survival(t float64) float64 { return a.of.Survival(t * a.stretch()) }
func (a atMedianOf) Prob(t float64) float64     { return a.of.Prob(t*a.stretch()) * a.stretch() }
func (a atMedianOf) Quantile(p float64) float64 { return a.of.Quantile(p) / a.stretch() }
func (a atMedianOf) Finite() float64            { return 1 }

// simulateLast draws the times of all n times and returns how often the last is in by each of the times, and how often each is the last, those that are late together in equal
// shares; of the draws in which anything has to be waited for.
func simulateLast(l forecast.Last, draws int, times []float64) (within []int, last []float64, waited int) {
	r := rand.New(rand.NewPCG(11, 12))
	within, last = make([]int, len(times)), make([]float64, len(l.Components))
	at := make([]float64, len(l.Components))
	for range draws {
		z, latest, ties := r.NormFloat64(), 0.0, 0.0
		for i, c := range l.Components {
			x := l.Loadings[i]*z + math.Sqrt(1-l.Loadings[i]*l.Loadings[i])*r.NormFloat64()
			at[i] = c.Quantile(distuv.UnitNormal.CDF(x))
			latest = math.Max(latest, at[i])
		}
		for i, x := range times {
			if latest <= x {
				within[i]++
			}
		}
		if latest == 0 {
			continue
		}
		waited++
		for _, x := range at {
			if x == latest {
				ties++
			}
		}
		for i, x := range at {
			if x == latest {
				last[i] += 1 / ties
			}
		}
	}
	return within, last, waited
}

// lastCases are laws with everything in them.
var lastCases = map[string]forecast.Last{
	"two":     {Components: []forecast.Distribution{exponential(1e-3), exponential(1.2e-3)}, Loadings: []float64{0.8, 0.7}},
	"opposed": {Components: []forecast.Distribution{exponential(1e-3), exponential(1.2e-3)}, Loadings: []float64{0.8, -0.9}},
	"one":     {Components: []forecast.Distribution{exponential(1e-3), lastSteps{[]float64{900}, []float64{1}}, exponential(2e-3)}, Loadings: []float64{1, 1, 1}},
	"crossing": {Components: []forecast.Distribution{
		forecast.FirstPassage{Distance: 1000, Drift: 1, Volatility: 10}, forecast.FirstPassage{Distance: 1000, Drift: 1, Volatility: 30},
	}, Loadings: []float64{0.9999, 0.9999}},
	"defective": {Components: []forecast.Distribution{
		forecast.FirstPassage{Distance: 1000, Drift: 0.3, DriftSD: 0.5, Volatility: 10}, forecast.FirstPassage{Distance: 500, Drift: -0.1, DriftSD: 0.5, Volatility: 10},
		exponential(1e-3),
	}, Loadings: []float64{0.6, 0.9, 0.2}},
	"atoms": {Components: []forecast.Distribution{
		lastSteps{[]float64{0, 100, 2000}, []float64{0.5, 0.2, 0.2}}, lastSteps{[]float64{0, 100, 1000}, []float64{0.6, 0.2, 0.1}}, lastSteps{[]float64{0, 300}, []float64{0.8, 0.2}},
		exponential(1e-3),
	}, Loadings: []float64{0.5, 0.8, -0.3, 0.2}},
	"at zero": {Components: []forecast.Distribution{
		lastSteps{[]float64{0, 100, 2000}, []float64{0.5, 0.2, 0.2}}, lastSteps{[]float64{0, 100, 1000}, []float64{0.6, 0.2, 0.1}}, lastSteps{[]float64{0, 300}, []float64{0.8, 0.2}},
	}, Loadings: []float64{0.5, 1, -1}},
	"many": {Components: lastPassages(30), Loadings: repeated(0.7, 30)},
}

func TestLastSimulated(t *testing.T) {
	const draws = 40_000
	times := []float64{0, 99, 100, 500, 900, 1000, 1300, 2500}
	for name, l := range lastCases {
		t.Run(name, func(t *testing.T) {
			within, last, waited := simulateLast(l, draws, times)
			drivers := l.Drivers()
			// Two-sided limits at 4.5 standard deviations, p = 7e-6 each, and 2 draws more where the distribution is not normal.
			limit := func(p float64, n int) float64 { return 4.5*math.Sqrt(p*(1-p)*float64(n)) + 2 }
			for i, x := range times {
				p := l.CDF(x)
				assert.InDelta(t, p*draws, float64(within[i]), limit(p, draws), "CDF(%v) = %v", x, p)
			}
			sum := 0.0
			for i, d := range drivers {
				assert.InDelta(t, d*float64(waited), last[i], limit(math.Max(0, math.Min(1, d)), waited)+1e-3*float64(waited), "driver %d: %v", i, d)
				sum += d
			}
			assert.InDelta(t, 1, sum, 1e-12)
			assert.InDelta(t, (1-l.CDF(0))*draws, float64(waited), limit(l.CDF(0), draws))
		})
	}
}

func TestLastQuantile(t *testing.T) {
	for name, l := range lastCases {
		t.Run(name, func(t *testing.T) {
			before := 0.0
			for _, p := range []float64{1e-9, 0.001, 0.05, 0.2, 0.5, 0.8, 0.9, 0.99, 1 - 1e-9, 1} {
				q := l.Quantile(p)
				assert.GreaterOrEqual(t, q, before)
				before = q
				if math.IsInf(q, 1) {
					assert.GreaterOrEqual(t, p, l.Finite()-1e-12)
					continue
				}
				assert.LessOrEqual(t, p, l.Finite()+1e-12)
				assert.GreaterOrEqual(t, l.CDF(q), p-1e-12, "%v", p)
				if q > 0 && p < 0.999 { // next to 1 no float64 tells such times apart
					assert.Less(t, l.CDF(q*(1-1e-9)), p, "not the smallest: %v", p)
				}
			}
			assert.Zero(t, l.Quantile(0))
			assert.Zero(t, l.Quantile(-1))
			assert.True(t, math.IsInf(l.Quantile(1.01), 1))
			assert.True(t, math.IsNaN(l.Quantile(nan)))
			for _, x := range []float64{700, 1100, 3000} {
				if l.Prob(x) > 1e-6 && name != "atoms" && name != "one" {
					assert.InEpsilon(t, x, l.Quantile(l.CDF(x)), 1e-9)
				}
			}
			// Prepared, it is the same law.
			assert.Equal(t, []float64{l.CDF(1000), l.Quantile(0.6)}, []float64{l.Prepare().CDF(1000), l.Prepare().Quantile(0.6)})
		})
	}
	// Steps are found exactly: 0.6·0.3 until 2000 s, 0.6·0.9 until 3000 s, then 0.9.
	stairs := forecast.Last{Components: []forecast.Distribution{lastSteps{[]float64{100, 3000}, []float64{0.6, 0.4}}, lastSteps{[]float64{200, 2000}, []float64{0.3, 0.6}}}}
	assert.Equal(t, []float64{200, 2000, 2000, 3000}, []float64{stairs.Quantile(0.17), stairs.Quantile(0.19), stairs.Quantile(0.53), stairs.Quantile(0.55)})
	stairs.Loadings = []float64{0.5, 0.8} // earlier: P(both by 200 s) is more than 0.18
	assert.Equal(t, []float64{200, 3000}, []float64{stairs.Quantile(0.19), stairs.Quantile(0.7)})
	// Also between the bounds that the search begins with, 150 and 350: 0.6·0.3 at 200 s, 0.6·0.6 at 250 s.
	thirds := []float64{0.3, 0.3, 0.3, 0.1}
	stairs = forecast.Last{Components: []forecast.Distribution{lastSteps{[]float64{100, 200, 300, 400}, thirds}, lastSteps{[]float64{150, 250, 350, 450}, thirds}}}
	assert.Equal(t, 250.0, stairs.Quantile(0.3))
	assert.Equal(t, 50.0, forecast.Last{Components: []forecast.Distribution{certainly(50), certainly(20), certainly(50)}}.Quantile(1))
}

// Two that never arrive with probabilities 0.4 and 0.3, the same for both loadings 1: the least of what is finite; independent: 0.6·0.7.
func TestLastDefective(t *testing.T) {
	components := []forecast.Distribution{lastSteps{[]float64{10}, []float64{0.6}}, lastSteps{[]float64{20}, []float64{0.7}}}
	one := forecast.Last{Components: components, Loadings: []float64{1, 1}}
	assert.InDelta(t, 0.6, one.Finite(), 1e-15)
	assert.InDelta(t, 0.4, one.Survival(inf), 1e-15)
	assert.Equal(t, 20.0, one.Quantile(0.55))
	assert.Equal(t, inf, one.Quantile(0.65))
	// Both never 0.3, shared; the first never 0.1, alone; otherwise the second is last: 0.6.
	assert.InDeltaSlice(t, []float64{0.25, 0.75}, one.Drivers(), 1e-3)

	two := forecast.Last{Components: components}
	assert.InDelta(t, 0.42, two.Finite(), 1e-15)
	assert.Equal(t, 20.0, two.Quantile(0.42-1e-12))
	assert.Equal(t, inf, two.Quantile(0.43))
	// Both never 0.12, shared; only the first 0.4·0.7 = 0.28; only the second 0.6·0.3 = 0.18; both arrive 0.42, the second last.
	assert.InDeltaSlice(t, []float64{0.34, 0.66}, two.Drivers(), 1e-9)

	never := forecast.Last{Components: []forecast.Distribution{
		forecast.FirstPassage{Distance: 5}, forecast.FirstPassage{Distance: 1, Drift: -1}, exponential(1), forecast.FirstPassage{},
	}}
	assert.Zero(t, never.Finite())
	assert.Zero(t, never.CDF(1e300))
	assert.Equal(t, 1.0, never.Survival(inf))
	assert.Equal(t, inf, never.Quantile(1e-9))
	assert.InDeltaSlice(t, []float64{0.5, 0.5, 0, 0}, never.Drivers(), 1e-9)
}

func TestLastOfOneThatIsOut(t *testing.T) {
	slow := forecast.FirstPassage{Distance: 1000, Drift: 1, DriftSD: 0.4, Volatility: 10}
	l := forecast.Last{Components: make([]forecast.Distribution, 100), Loadings: repeated(0.8, 100)}
	for i := range l.Components {
		l.Components[i] = forecast.FirstPassage{} // there
	}
	l.Components[7] = slow
	for _, at := range lastTimes {
		assert.Equal(t, slow.CDF(at), l.CDF(at))
		assert.Equal(t, slow.Survival(at), l.Survival(at))
		if at > 0 {
			assert.InDelta(t, slow.Prob(at), l.Prob(at), 1e-18)
		}
	}
	for _, p := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		assert.Equal(t, slow.Quantile(p), l.Quantile(p))
	}
	want := make([]float64, 100)
	want[7] = 1
	assert.Equal(t, want, l.Drivers())
	// The same where the others take a second at most.
	for i := range l.Components {
		if i != 7 {
			l.Components[i] = certainly(1)
		}
	}
	assert.Equal(t, slow.Quantile(0.5), l.Quantile(0.5))
	assert.InDeltaSlice(t, want, l.Drivers(), 1e-9)
}

func TestLastEdges(t *testing.T) {
	var none forecast.Last
	assert.Equal(t, []float64{1, 0, 0, 0, 1}, []float64{none.CDF(0), none.Survival(0), none.Quantile(0.7), none.CDF(-1), none.Finite()})
	assert.Equal(t, inf, none.Prob(0))
	assert.Zero(t, none.Prob(1))
	assert.Empty(t, none.Drivers())
	there := forecast.Last{Components: []forecast.Distribution{forecast.FirstPassage{}, forecast.FirstPassage{}}}
	assert.Equal(t, []float64{1, 0, 0}, []float64{there.CDF(0), there.Survival(0), there.Quantile(1)})
	assert.Equal(t, []float64{0, 0}, there.Drivers(), "nothing to be told")
	tied := forecast.Last{Components: []forecast.Distribution{certainly(5), certainly(5), certainly(3)}, Loadings: []float64{0.5, 0.9, 0.1}}
	assert.InDeltaSlice(t, []float64{0.5, 0.5, 0}, tied.Drivers(), 1e-12)
	assert.Equal(t, 5.0, tied.Quantile(1e-9))
	assert.Equal(t, inf, tied.Prob(5))

	two := lastPassages(2)
	for _, invalid := range []forecast.Last{
		{Components: two, Loadings: []float64{0.1}}, {Components: two, Loadings: []float64{0.1, 1.1}}, {Components: two, Loadings: []float64{0.1, nan}},
		{Components: []forecast.Distribution{two[0], nil}}, {Components: []forecast.Distribution{two[0], forecast.FirstPassage{Distance: nan}}},
		{Loadings: []float64{1}},
	} {
		for i, x := range append([]float64{invalid.CDF(1e5), invalid.Survival(1e5), invalid.Prob(1e5), invalid.Quantile(0.5), invalid.Finite()}, invalid.Drivers()...) {
			assert.True(t, math.IsNaN(x), "%v %d", invalid, i)
		}
	}
	assert.True(t, math.IsNaN(forecast.Last{Components: two}.CDF(nan)))
}

// Of exponentials with rates a and b that are independent, a is the last with probability b/(a+b).
func TestLastDriversOfExponentials(t *testing.T) {
	l := forecast.Last{Components: []forecast.Distribution{exponential(3), exponential(1)}}
	assert.InDeltaSlice(t, []float64{0.25, 0.75}, l.Drivers(), 2e-4)
	// All alike: each as often as the other, for any common cause.
	for _, loading := range []float64{0, 0.5, 0.95, 0.999, 1} {
		l := forecast.Last{Loadings: repeated(loading, 5)}
		for range 5 {
			l.Components = append(l.Components, exponential(1))
		}
		assert.InDeltaSlice(t, repeated(0.2, 5), l.Drivers(), 1e-9)
	}
	// With loadings 1 the slower one is last, always, however small the difference; with ±1, where its quantile is above the other's at 1 - p.
	one := forecast.Last{Components: []forecast.Distribution{exponential(1), exponential(1 + 1e-6)}, Loadings: []float64{1, 1}}
	assert.InDeltaSlice(t, []float64{1, 0}, one.Drivers(), 1e-9)
	// The first is last for -ln(1-v) > -ln(v)/3, (1-v)³ < v, v uniform: all but the share u = 0.3177 with (1-u)³ = u.
	opposed := forecast.Last{Components: []forecast.Distribution{exponential(1), exponential(3)}, Loadings: []float64{1, -1}}
	u := 0.3176721961719807
	assert.InDelta(t, u, math.Pow(1-u, 3), 1e-12)
	assert.InDeltaSlice(t, []float64{1 - u, u}, opposed.Drivers(), 2e-4)
}

// In minutes the law is the same: 2^-6 for 60 would be exact, 1/60 is not.
func TestLastUnits(t *testing.T) {
	in := func(unit float64) (l forecast.Last) {
		for i := range 6 {
			l.Components = append(l.Components, forecast.FirstPassage{
				Distance: 1000 + 50*float64(i), Drift: 1 * unit, DriftSD: 0.3 * unit, Volatility: 10 * math.Sqrt(unit),
			})
			l.Loadings = append(l.Loadings, 0.15*float64(i))
		}
		return l
	}
	s := in(1)
	for _, unit := range []float64{60, 3600, 1e-9} {
		m := in(unit)
		for _, p := range []float64{0.01, 0.5, 0.9} {
			assert.InEpsilon(t, s.Quantile(p), m.Quantile(p)*unit, 1e-9)
		}
		assert.InEpsilon(t, s.CDF(1200), m.CDF(1200/unit), 1e-11)
		assert.InEpsilon(t, s.Prob(1200)*unit, m.Prob(1200/unit), 1e-9)
		assert.InDeltaSlice(t, s.Drivers(), m.Drivers(), 1e-4)
	}
}

// A component that is slower at every level never makes the last one earlier.
func TestLastMonotone(t *testing.T) {
	for _, loading := range []float64{0, 0.5, -0.5, 0.95, 0.999, 1} {
		loadings := repeated(0.6, 6)
		loadings[2] = loading
		before := repeated(0, 5)
		drives := 0.0
		for rate := 2e-3; rate > 1e-4; rate /= 1.5 {
			l := forecast.Last{Components: lastPassages(6), Loadings: loadings}
			l.Components[2] = exponential(rate)
			for i, p := range []float64{0.01, 0.3, 0.5, 0.8, 0.99} {
				q := l.Quantile(p)
				assert.GreaterOrEqual(t, q, before[i]*(1-1e-11), "%v", p)
				before[i] = q
			}
			d := l.Drivers()[2]
			assert.Greater(t, d, drives-1e-3)
			drives = d
		}
	}
}

// anyLastLaw returns a law of one of many kinds.
func anyLastLaw(r *rand.Rand) forecast.Distribution {
	size := 1000 * math.Exp(r.NormFloat64())
	switch r.IntN(6) {
	case 0:
		return forecast.FirstPassage{}
	case 1:
		return certainly(size)
	case 2:
		return exponential(1 / size)
	case 3:
		p := r.Float64()
		return lastSteps{[]float64{0, size, 2 * size}, []float64{p / 2, p / 4, p / 8}}
	case 4:
		return forecast.Mixture{Components: []forecast.Distribution{forecast.FirstPassage{Distance: size, Drift: 1, Volatility: 10}, forecast.Resumption{Silence: size}}}
	}
	return forecast.FirstPassage{Distance: size, Drift: r.NormFloat64(), DriftSD: r.Float64(), Volatility: 20}
}

func anyLoading(r *rand.Rand) float64 {
	switch r.IntN(6) {
	case 0:
		return 0
	case 1:
		return float64(1 - 2*r.IntN(2))
	case 2:
		return (1 - math.Pow(10, -9*r.Float64())) * float64(1-2*r.IntN(2))
	}
	return 2*r.Float64() - 1
}

// checkLast holds what must be true of every law.
func checkLast(t *testing.T, l forecast.Last) {
	before, beforeSurvival := 0.0, 1.0
	for _, at := range []float64{-1, 0, 1e-300, 1, 10, 200, 500, 1000, 1000.001, 2000, 5000, 1e5, 1e9, 1e300, inf} {
		c, s := l.CDF(at), l.Survival(at)
		require.True(t, c >= before-1e-10 && c <= 1, "CDF(%v) = %v after %v", at, c, before)
		require.True(t, s <= beforeSurvival+1e-10 && s >= 0, "Survival(%v) = %v after %v", at, s, beforeSurvival)
		require.InDelta(t, 1, c+s, 1e-9, "at %v", at)
		least, sum := 1.0, 0.0
		for _, d := range l.Components {
			least, sum = math.Min(least, d.CDF(at)), sum+d.Survival(at)
		}
		if at >= 0 {
			require.True(t, c <= least*(1+1e-9) && c >= 1-sum-1e-9, "bounds of Fréchet at %v: %v of %v and %v", at, c, 1-sum, least)
		}
		before, beforeSurvival = c, s
	}
	require.Equal(t, l.CDF(inf), l.Finite())
	before = 0
	for _, p := range []float64{1e-12, 0.01, 0.3, 0.5, 0.9, 0.999} {
		q := l.Quantile(p)
		require.True(t, q >= before*(1-1e-12), "Quantile(%v) = %v after %v", p, q, before)
		before = q
		if q < inf {
			require.GreaterOrEqual(t, l.CDF(q), p-1e-9, "Quantile(%v) = %v", p, q)
			if q > 0 {
				require.Less(t, l.CDF(q*(1-1e-9)), p+1e-9, "Quantile(%v) = %v", p, q)
			}
		} else {
			require.GreaterOrEqual(t, p, l.Finite()-1e-9)
		}
	}
	if len(l.Components) <= 6 {
		sum := 0.0
		for _, d := range l.Drivers() {
			require.True(t, d >= 0 && d <= 1, "%v", d)
			sum += d
		}
		if l.Survival(0) > 1e-6 {
			require.InDelta(t, 1, sum, 1e-9)
		}
	}
}

func randomLast(seed uint64) (l forecast.Last) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range r.IntN([]int{4, 7, 40}[r.IntN(3)]) {
		l.Components, l.Loadings = append(l.Components, anyLastLaw(r)), append(l.Loadings, anyLoading(r))
	}
	return l
}

func TestLastRandom(t *testing.T) {
	for seed := range uint64(150) {
		l := randomLast(seed)
		require.True(t, t.Run(fmt.Sprint(seed), func(t *testing.T) { checkLast(t, l) }), "%v", l)
	}
}

func FuzzLast(f *testing.F) {
	f.Add(uint64(1), 0.5, 0.999, 1000.)
	f.Add(uint64(2), 1., -1., 1e-9)
	f.Add(uint64(3), 0., 1-1e-15, 1e200)
	f.Fuzz(func(t *testing.T, seed uint64, a, b, size float64) {
		if !(math.Abs(a) <= 1 && math.Abs(b) <= 1 && size > 1e-300 && size < 1e300) {
			t.Skip()
		}
		l := randomLast(seed)
		l.Components = append(l.Components, exponential(1/size), exponential(0.5/size))
		l.Loadings = append(l.Loadings, a, b)
		checkLast(t, l)
	})
}

func BenchmarkLast(b *testing.B) {
	for _, loading := range []float64{0.3, 0.7, 0.95, 0.999} {
		l := forecast.Last{Loadings: repeated(loading, 100)}
		for i := range 100 {
			l.Components = append(l.Components, forecast.FirstPassage{Distance: 1000 + float64(i), Drift: 1, DriftSD: 0.2, Volatility: 10})
		}
		at := l.Quantile(0.5)
		for name, f := range map[string]func(){
			"CDF": func() { l.CDF(at) }, "Survival": func() { l.Survival(at) }, "Prob": func() { l.Prob(at) }, "Quantile": func() { l.Quantile(0.9) }, "Drivers": func() { l.Drivers() },
		} {
			b.Run(fmt.Sprintf("loading=%v/%s", loading, name), func(b *testing.B) {
				for b.Loop() {
					f()
				}
			})
		}
	}
}
