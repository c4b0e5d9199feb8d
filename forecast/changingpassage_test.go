package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/forecast"
)

// simulated counts the paths that are there by each of some times; a path that is there at neither end of a step is there in between by the law of the bridge.
func simulated(c forecast.ChangingPassage, times []float64, paths, stepsEach int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	f := c.Passage
	there := make([]float64, len(times))
	for range paths {
		nu := f.Drift + f.DriftSD*r.NormFloat64()
		x, t := 0.0, 0.0
	path:
		for i, until := range times {
			dt := (until - t) / float64(stepsEach)
			for range stepsEach {
				mid := x + (nu+c.Feedback*x)*dt/2
				next := x + (nu+c.Feedback*mid)*dt + c.Extra.Total(t+dt) - c.Extra.Total(t) + f.Volatility*math.Sqrt(dt)*r.NormFloat64()
				v := f.Volatility * f.Volatility * dt
				if a := f.Distance; next >= a || r.Float64() < math.Exp(-2*(a-x)*(a-next)/v) {
					for j := i; j < len(times); j++ {
						there[j]++
					}
					break path
				}
				x, t = next, t+dt
			}
			t = until
		}
	}
	for i := range there {
		there[i] /= float64(paths)
	}
	return there
}

// changes are one of each kind.
var changes = map[string]forecast.ChangingPassage{
	"step up":            {Passage: forecast.FirstPassage{Distance: 100, Drift: 1, Volatility: 5}, Extra: forecast.Extra{{At: 40, Rate: 2}}},
	"uncertain rate":     {Passage: forecast.FirstPassage{Distance: 100, Drift: 1, DriftSD: 0.5, Volatility: 5}, Extra: forecast.Extra{{At: 40, Rate: 2}}},
	"growing, then help": {Passage: forecast.FirstPassage{Distance: 100, Drift: -1, DriftSD: 0.1, Volatility: 3}, Extra: forecast.Extra{{At: 30, Rate: 3}}},
	"pause":              {Passage: forecast.FirstPassage{Distance: 100, Drift: 2, DriftSD: 0.2, Volatility: 3}, Extra: forecast.Extra{{At: 30, Rate: -4}, {At: 60}}},
	"ramp":               {Passage: forecast.FirstPassage{Distance: 100, DriftSD: 0.2, Volatility: 3}, Extra: forecast.Extra{{At: 10, Slope: 0.05}, {At: 110, Rate: 5}}},
	"noise rules":        {Passage: forecast.FirstPassage{Distance: 20, Volatility: 10}, Extra: forecast.Extra{{At: 3, Rate: 5}, {At: 6, Rate: -5}, {At: 20, Rate: 3}}},
	"retries":            {Passage: forecast.FirstPassage{Distance: 100, Drift: 1, Volatility: 5}, Feedback: 0.02},
	"abandonment":        {Passage: forecast.FirstPassage{Distance: 100, Drift: 2, DriftSD: 0.2, Volatility: 5}, Feedback: -0.01},
	"a floor":            {Passage: forecast.FirstPassage{Distance: 100, Drift: 2, Volatility: 5}, Feedback: -0.022},
	"retries and help":   {Passage: forecast.FirstPassage{Distance: 100, Drift: -1, DriftSD: 0.3, Volatility: 4}, Extra: forecast.Extra{{At: 30, Rate: 3}}, Feedback: 0.01},
}

// TestChangingPassageSimulated: the law against simulated paths, within the doc comment's 0.002 and what 20,000 paths scatter by, at a false-alarm probability of 1e-5.
func TestChangingPassageSimulated(t *testing.T) {
	const paths, steps = 20000, 30
	for name, c := range changes {
		law := c.Law(1e5)
		var times []float64
		for _, p := range []float64{0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97} {
			if x := law.Quantile(p); !math.IsInf(x, 1) {
				times = append(times, x)
			}
		}
		require.GreaterOrEqual(t, len(times), 5, name)
		for i, p := range simulated(c, times, paths, steps, 3) {
			q := law.CDF(times[i])
			assert.InDelta(t, p, q, 0.002+4.4*math.Sqrt(q*(1-q)/paths), "%s: by %v", name, times[i])
		}
	}
}

// TestChangingPassageExact: known answers.
func TestChangingPassageExact(t *testing.T) {
	f := forecast.FirstPassage{Distance: 100, Drift: 1, DriftSD: 0.3, Volatility: 4}
	// Without changes it is the FirstPassage, and with an extra from the start that of another drift.
	assert.Equal(t, f.CDF(120), forecast.ChangingPassage{Passage: f}.Law(1e6).CDF(120))
	g := f
	g.Drift = 3
	assert.Equal(t, g.CDF(50), forecast.ChangingPassage{Passage: f, Extra: forecast.Extra{{Rate: 2}}}.Law(1e6).CDF(50))
	// A step of nothing changes nothing, but for the table.
	same := forecast.ChangingPassage{Passage: f, Extra: forecast.Extra{{At: 70}}}.Law(1e6)
	for _, x := range []float64{20, 50, 80, 120, 300, 2000} {
		assert.InDelta(t, f.CDF(x), same.CDF(x), 0.002, "%v", x)
	}
	// The fluid limits: a certain rate.
	for name, c := range changes {
		c.Passage.DriftSD, c.Passage.Volatility = 0, 0
		if c.Passage.Drift == 0 {
			c.Passage.Drift = 0.5
		}
		law := c.Law(1e5)
		a, nu, k := c.Passage.Distance, c.Passage.Drift, c.Feedback
		want := c.Extra.Arrives(a, nu)
		if k != 0 && len(c.Extra) == 0 { // X(t) = ν(exp(κt) - 1)/κ
			want = math.Log1p(k*a/nu) / k
		}
		if k == 0 || len(c.Extra) == 0 {
			if math.IsNaN(want) {
				assert.Zero(t, law.Finite(), name)
				continue
			}
			assert.InEpsilon(t, want, law.Quantile(0.5), 1e-4, name)
		}
	}
	// P(never) with retries: a diffusion of known scale function, κ > 0 and ν known: 1 - Φ(2) of it has gone the other way.
	never := changes["retries"].Law(1e6)
	assert.InDelta(t, 0.5*math.Erfc(2/math.Sqrt2), 1-never.Finite(), 0.001)
	// Nonsense is nil.
	for _, c := range []forecast.ChangingPassage{{Passage: forecast.FirstPassage{Distance: math.NaN()}}, {Passage: f, Feedback: math.Inf(1)}, {Passage: f, Extra: forecast.Extra{{At: 2}, {At: 1}}}} {
		assert.Nil(t, c.Law(1e6))
	}
	assert.Nil(t, forecast.ChangingPassage{Passage: f}.Law(math.NaN()))
}

// TestChangingPassageUnits: another unit of time changes no probability.
func TestChangingPassageUnits(t *testing.T) {
	for name, c := range changes {
		law := c.Law(1e5)
		const u = 60 // seconds a minute
		d := c
		d.Passage.Drift, d.Passage.DriftSD, d.Passage.Volatility, d.Feedback = c.Passage.Drift*u, c.Passage.DriftSD*u, c.Passage.Volatility*math.Sqrt(u), c.Feedback*u
		d.Extra = nil
		for _, s := range c.Extra {
			d.Extra = append(d.Extra, forecast.Step{At: s.At / u, Rate: s.Rate * u, Slope: s.Slope * u * u})
		}
		minutes := d.Law(1e5 / u)
		for _, p := range []float64{0.1, 0.5, 0.9} {
			if x := law.Quantile(p); !math.IsInf(x, 1) {
				assert.InEpsilon(t, x, u*minutes.Quantile(p), 1e-6, "%s %v", name, p)
			}
		}
	}
}

// TestExtra: totals, arrivals and amplification against sums.
func TestExtra(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	for range 200 {
		var e forecast.Extra
		at := -5.0
		for range 1 + r.IntN(6) {
			at += 10 * r.Float64()
			e = append(e, forecast.Step{At: at, Rate: 4 * r.NormFloat64(), Slope: 0.2 * r.NormFloat64()})
		}
		e = append(e, forecast.Step{At: at + 10, Rate: 1})
		require.True(t, e.Valid())
		const dt = 1e-3
		sum, level, kappa := 0.0, 0.0, 0.05*r.NormFloat64()
		amplified := e.Amplified(kappa, 60)
		arrives := e.Arrives(20, 1)
		for x := 0.0; x < 40; x += dt {
			if sum+x < 20 && sum+x+dt*(1+e.Rate(x+dt/2)) >= 20 && math.Abs(x-arrives) > 0.01 {
				require.Less(t, arrives, x, "it arrives no later")
			}
			sum += e.Rate(x+dt/2) * dt
			level += (e.Rate(x+dt/2) + kappa*level) * dt
		}
		assert.InDelta(t, sum, e.Total(40), 0.02)
		assert.InDelta(t, level, amplified.Total(40), 0.02+0.002*math.Abs(level))
		if !math.IsInf(arrives, 1) {
			assert.InDelta(t, 20, arrives+e.Total(arrives), 1e-6)
		}
	}
	assert.False(t, forecast.Extra{{At: math.NaN()}}.Valid())
}

// TestPaths: no extra changes nothing, more is never later at any level, and a law that grows with the amounts does not change with their unit.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 4))
	for c := range 20 {
		p, minutes := forecast.NewPanel(forecast.PanelOptions{}), forecast.NewPanel(forecast.PanelOptions{})
		level := 50.0
		for i := range 100 + 200*c {
			level = math.Max(0, level+3*r.NormFloat64()+2*math.Sin(float64(i)/30)+0.1*float64(c-10))
			p.Observe(forecast.Observation{Time: 60 * float64(i), Total: -level})
			minutes.Observe(forecast.Observation{Time: float64(i), Total: -level})
		}
		if level < 1 {
			continue
		}
		w, ok := p.Paths(level * 0.8)
		require.True(t, ok)
		assert.Equal(t, p.Predict(level*0.8).Law, w.Law(nil))
		for _, q := range forecast.QuantileLevels() { // an extra of nothing is no extra, but for the horizon
			was, is := p.Predict(level*0.8).Law.Quantile(q), w.Law(forecast.Extra{{At: 600}}).Quantile(q)
			if !math.IsInf(was, 1) {
				assert.InEpsilon(t, was, is, 1e-6)
			}
		}
		v, _ := minutes.Paths(level * 0.8)
		e, m, more := forecast.Extra{}, forecast.Extra{}, forecast.Extra{}
		at := 0.0
		for range 4 {
			at += 20 * r.Float64()
			rate := r.NormFloat64()
			e, m = append(e, forecast.Step{At: 60 * at, Rate: rate / 60}), append(m, forecast.Step{At: at, Rate: rate})
			more = append(more, forecast.Step{At: 60 * at, Rate: rate/60 + r.Float64()/60})
		}
		a, b, c := w.Law(e), v.Law(m), w.Law(more)
		for _, q := range forecast.QuantileLevels() {
			if x := a.Quantile(q); !math.IsInf(x, 1) {
				assert.InEpsilon(t, x, 60*b.Quantile(q), 2e-3) // where the rates are is found to a hundredth of their probability
				assert.LessOrEqual(t, c.Quantile(q), x*(1+1e-9), "more is never later")
			}
		}
	}
}
