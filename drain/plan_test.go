package drain_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/forecast"
)

var friday = time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)

// outcome predicts with one plan.
func outcome(t testing.TB, predict func(drain.Question) (drain.Prediction, error), q drain.Question, plan drain.Plan) drain.Outcome {
	q.Plans = []drain.Plan{plan}
	p, err := predict(q)
	require.NoError(t, err)
	require.Len(t, p.Outcomes, 1)
	return p.Outcomes[0]
}

// draining is an estimator that has seen a queue fall at 300/s, now and then faster and slower.
func drainingQueue(level float64) *drain.Estimator {
	e := drain.NewEstimator()
	r := rand.New(rand.NewPCG(3, 5))
	const n, apart = 300, 10
	backlog := level + 300*apart*n
	for i := range n + 1 {
		out := 456 + 40*r.NormFloat64()
		e.Observe(drain.Sample{Time: friday.Add(time.Duration(i-n) * apart * time.Second), Backlog: drain.Items(math.Round(backlog)), Inflow: drain.PerSecond(156), Outflow: drain.PerSecond(out)})
		backlog -= (out - 156) * apart
	}
	return e
}

// randomPlan is one of some changes that do not help, or do.
func randomPlan(r *rand.Rand, helps bool) (p drain.Plan) {
	for range 1 + r.IntN(4) {
		c := drain.Change{At: drain.In(time.Duration(r.IntN(7200)) * time.Second), Over: time.Duration(r.IntN(600)) * time.Second}
		if r.IntN(2) == 0 {
			c.For = c.Over + time.Duration(1+r.IntN(3600))*time.Second
		}
		switch x := r.Float64(); r.IntN(4) {
		case 0:
			c.Factor = drain.Exactly(1 + x)
			if !helps {
				c.Factor = drain.Exactly(1 - x)
			}
		case 1:
			c.Workers, c.Each = float64(1+r.IntN(20)), drain.About(3, 0.5)
			if !helps {
				c.Workers = -c.Workers
			}
		case 2:
			c.Flow, c.Factor = drain.InflowOf, drain.Exactly(1-x)
			if !helps {
				c.Factor = drain.Exactly(1 + x)
			}
		default:
			c.By = drain.About(100*x, 5*x)
			if !helps {
				c.By = drain.About(-100*x, 5*x)
			}
		}
		p.Changes = append(p.Changes, c)
	}
	return p
}

// TestPlansAreMonotone: more outflow never gives a later quantile, and a risk never an earlier one.
func TestPlansAreMonotone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	numbers := drain.Numbers{Backlog: drain.Exactly(1e6), Inflow: drain.About(156, 16), Outflow: drain.About(456, 30)}
	e := drainingQueue(1e6)
	for i := range 60 {
		predict, slack := e.Predict, 1e-3 // the table of a mixture
		if i%3 == 0 {
			predict, slack = numbers.Predict, 0.02 // what the integral equation is right to
		}
		base := randomPlan(r, r.IntN(2) == 0)
		more, risky := base, base
		more.Changes = append(append([]drain.Change(nil), base.Changes...), randomPlan(r, true).Changes...)
		for k := range more.Changes { // the errors of the amounts alone could make them less
			more.Changes[k].By, more.Changes[k].Each = exact(more.Changes[k].By), exact(more.Changes[k].Each)
		}
		for k := range base.Changes {
			base.Changes[k].By, base.Changes[k].Each = exact(base.Changes[k].By), exact(base.Changes[k].Each)
		}
		risky.Risks = []drain.Risk{{Probability: r.Float64(), Until: drain.In(2 * time.Hour), Length: time.Hour, LengthSD: time.Hour}}
		risky.Changes = base.Changes
		a, b, c := outcome(t, predict, drain.Question{At: friday}, base), outcome(t, predict, drain.Question{At: friday}, more), outcome(t, predict, drain.Question{At: friday}, risky)
		for _, p := range drain.QuantileLevels() {
			was := a.Prediction.Quantile(p)
			assert.LessOrEqual(t, b.Prediction.Quantile(p), was*(1+slack), "%d: more at %v: %+v", i, p, more)
			assert.GreaterOrEqual(t, c.Prediction.Quantile(p)*(1+slack), was, "%d: risk at %v", i, p)
		}
	}
}

func exact(e drain.Estimate) drain.Estimate {
	if !e.Known() {
		return e
	}
	return drain.Exactly(e.Value())
}

// TestPlanOfBirthsAndDeaths: against the exact law of a queue in which single items come and go at random, by uniformisation: the mean and the variance of the time are the same,
// and the probabilities within 0.02, which is what whole items make of 60.
func TestPlanOfBirthsAndDeaths(t *testing.T) {
	const items, in, out, more, at = 60, 2.0, 3.0, 1.5, 20.0
	n := drain.Numbers{Backlog: drain.Exactly(items), Inflow: drain.Exactly(in), Outflow: drain.Exactly(out)}
	p, err := n.Predict(drain.Question{At: friday})
	require.NoError(t, err)
	law := p.Law().(interface{ Finite() float64 })
	require.InDelta(t, 1, law.Finite(), 1e-9)
	f := forecast.FirstPassage{Distance: items, Drift: out - in, Volatility: math.Sqrt(in + out)}
	assert.InDelta(t, items/(out-in), f.Mean(), 1e-9)
	mean, square := 0.0, 0.0
	const dt = 0.05
	for x := dt / 2; x < 2000; x += dt {
		m := p.Law().CDF(x+dt/2) - p.Law().CDF(x-dt/2)
		mean += m * x
		square += m * x * x
	}
	assert.InEpsilon(t, items/(out-in), mean, 1e-3)
	assert.InEpsilon(t, items*(in+out)/math.Pow(out-in, 3), square-mean*mean, 1e-2)

	for name, c := range map[string]struct {
		change drain.Change
		out    float64
	}{
		"more":  {drain.Change{At: drain.In(at * time.Second), By: drain.Exactly(more)}, out + more},
		"pause": {drain.Change{At: drain.In(at * time.Second), Pause: true, For: 15 * time.Second}, 0},
	} {
		o := outcome(t, n.Predict, drain.Question{At: friday}, drain.Plan{Name: name, Changes: []drain.Change{c.change}})
		state := make([]float64, 600)
		state[items] = 1
		now := 0.0
		for _, x := range []float64{15, 20, 25, 30, 35, 45, 60, 80, 120} {
			for now < x-1e-9 {
				until, rate := x, out
				switch {
				case now < at:
					until = math.Min(x, at)
				case name == "pause" && now < at+15:
					until, rate = math.Min(x, at+15), c.out
				case name == "more":
					rate = c.out
				}
				state = uniformise(state, in, rate, until-now)
				now = until
			}
			assert.InDelta(t, state[0], o.Prediction.Law().CDF(x), 0.02, "%s by %v", name, x)
		}
	}
}

// uniformise returns the law of a birth-death queue that ends when it is empty, after a time: Σ of Poisson weights times powers of the chain of its jumps.
func uniformise(p []float64, in, out, t float64) []float64 {
	rate := in + out
	sum := make([]float64, len(p))
	weight := math.Exp(-rate * t)
	for k := 0; k < int(rate*t+12*math.Sqrt(rate*t)+20); k++ {
		if k > 0 {
			weight *= rate * t / float64(k)
			next := make([]float64, len(p))
			next[0] = p[0]
			for i := 1; i < len(p)-1; i++ {
				next[i+1] += p[i] * in / rate
				next[i-1] += p[i] * out / rate
			}
			p = next
		}
		for i := range p {
			sum[i] += weight * p[i]
		}
	}
	return sum
}

// TestPlanSimulated: what is uncertain in plans, against simulation, within two-sided limits of 4.4 standard deviations and 0.01 for the draws and the equation.
func TestPlanSimulated(t *testing.T) {
	n := drain.Numbers{Backlog: drain.Exactly(1e5), Inflow: drain.Exactly(156), Outflow: drain.About(456, 40)}
	r := rand.New(rand.NewPCG(9, 5))
	const paths = 4000
	for name, c := range map[string]struct {
		plan drain.Plan
		rate func() func(t float64) float64 // extra
	}{
		"workers": {drain.Plan{Changes: []drain.Change{{At: drain.In(100 * time.Second), Over: 60 * time.Second, Workers: 40, Each: drain.About(5, 2)}}}, func() func(float64) float64 {
			each := math.Max(0, 5+2*r.NormFloat64())
			return func(t float64) float64 { return 40 * each * math.Max(0, math.Min(1, (t-100)/60)) }
		}},
		"risk": {drain.Plan{Risks: []drain.Risk{{Probability: 0.3, Until: drain.In(300 * time.Second), Length: 200 * time.Second, LengthSD: 100 * time.Second, Remaining: 0.2}}}, func() func(float64) float64 {
			from, length := 1e9, 0.0
			if r.Float64() < 0.3 {
				s2 := math.Log1p(0.25)
				from, length = 300*r.Float64(), 200*math.Exp(math.Sqrt(s2)*r.NormFloat64()-s2/2)
			}
			return func(t float64) float64 {
				if from <= t && t < from+length {
					return -0.8 * 456
				}
				return 0
			}
		}},
		"outages": {drain.Plan{Risks: []drain.Risk{{Every: 200 * time.Second, Length: 60 * time.Second}}}, func() func(float64) float64 {
			var from []float64
			for t := 200 * r.ExpFloat64(); t < 5000; t += 60 + 200*r.ExpFloat64() {
				from = append(from, t)
			}
			return func(t float64) float64 {
				for _, f := range from {
					if f <= t && t < f+60 {
						return -456
					}
				}
				return 0
			}
		}},
	} {
		o := outcome(t, n.Predict, drain.Question{At: friday}, c.plan)
		times := []float64{}
		for _, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9} {
			times = append(times, o.Prediction.Quantile(p))
		}
		there := make([]float64, len(times))
		for range paths {
			nu, extra, x, at := 300+40*r.NormFloat64(), c.rate(), 0.0, 0.0
			for const_dt := 1.0; at < times[len(times)-1]+1 && x < 1e5; at += const_dt {
				x += nu + extra(at+0.5) + math.Sqrt(612)*r.NormFloat64()
			}
			for i, until := range times {
				if x >= 1e5 && at <= until {
					there[i]++
				}
			}
		}
		for i, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9} {
			assert.InDelta(t, p, there[i]/paths, 0.02+4.4*math.Sqrt(p*(1-p)/paths), "%s at %v", name, p)
		}
	}
}

// TestPlanPause: T17, a restart that is known adds dead time, and nothing else.
func TestPlanPause(t *testing.T) {
	e := drainingQueue(3e5) // 1000 s to go
	o := outcome(t, e.Predict, drain.Question{}, drain.Plan{Name: "restart", Changes: []drain.Change{{At: drain.In(5 * time.Minute), Pause: true, For: 10 * time.Minute}}})
	base := ask(t, e, drain.Question{})
	// Nothing leaves for 600 s, while 156 a second come: 600·456/300 = 912 s later.
	assert.InEpsilon(t, base.TimeToClear.Median+912, o.Prediction.TimeToClear.Median, 0.02)
	assert.InEpsilon(t, -912, o.Sooner.Median, 0.05)
	assert.Equal(t, drain.Draining, o.Prediction.State)
	assert.Contains(t, o.Prediction.Reasons, drain.Planned)
	assert.True(t, math.IsNaN(o.Prediction.Delay.Oldest.Median))
	assert.Contains(t, o.Prediction.String(), "with restart, cleared in ")
}

// TestPlanInEffect: what has begun is in the samples, and its end is still to come.
func TestPlanInEffect(t *testing.T) {
	e := drainingQueue(3e5)
	base := ask(t, e, drain.Question{})
	o := outcome(t, e.Predict, drain.Question{}, drain.Plan{Changes: []drain.Change{{At: drain.In(-time.Hour), By: drain.Exactly(100)}}})
	assert.InDelta(t, base.TimeToClear.Median, o.Prediction.TimeToClear.Median, 1e-6)
	o = outcome(t, e.Predict, drain.Question{}, drain.Plan{Changes: []drain.Change{{At: drain.In(-time.Hour), For: time.Hour + 500*time.Second, By: drain.Exactly(100)}}})
	assert.InEpsilon(t, 500+(3e5-500*300)/200, o.Prediction.TimeToClear.Median, 0.03) // 300/s for 500 s, and then 200/s
	// What was over before the last sample is no matter, whatever it was.
	for _, c := range []drain.Change{{By: drain.Exactly(100)}, {Factor: drain.Exactly(0.5)}, {To: drain.Exactly(3)}, {Pause: true}} {
		c.At, c.For = drain.In(-40*time.Minute), 20*time.Minute
		o = outcome(t, e.Predict, drain.Question{}, drain.Plan{Changes: []drain.Change{c}})
		assert.Equal(t, base.TimeToClear, o.Prediction.TimeToClear)
	}
	// Paused since before: it goes on as it worked.
	paused := drain.NewEstimator()
	level := 3e5
	for i := range 400 {
		out := 100.0
		if i > 380 {
			out = 0
		}
		level += 600 - 10*out*1
		paused.Observe(drain.Sample{Time: friday.Add(time.Duration(i) * 10 * time.Second), Backlog: drain.Items(level), Inflow: drain.PerSecond(60), Outflow: drain.PerSecond(out)})
	}
	p := ask(t, paused, drain.Question{})
	o = outcome(t, paused.Predict, drain.Question{}, drain.Plan{Name: "maintenance", Changes: []drain.Change{{At: drain.In(-190 * time.Second), Pause: true, For: 490 * time.Second}}})
	assert.Equal(t, drain.Growing, p.State)
	assert.InEpsilon(t, 300+(p.Backlog+300*60)/40, o.Prediction.TimeToClear.Median, 0.15)
}

// TestNeed: what it takes, put back in as a plan, gives the probability that was asked for; less does not; and what cannot be had is said.
func TestNeed(t *testing.T) {
	n := drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Inflow: drain.About(156, 16), Net: drain.About(300, 50)}
	e := drainingQueue(1.4e6)
	for name, predict := range map[string]func(drain.Question) (drain.Prediction, error){"numbers": n.Predict, "samples": e.Predict} {
		q := drain.Question{At: friday}
		by := friday.Add(72 * time.Minute)
		for _, g := range []drain.Goal{
			{Lever: drain.MoreOutflow, By: by, At: drain.In(10 * time.Minute)},
			{Lever: drain.MoreWorkers, By: by, Startup: 5 * time.Minute, Each: drain.About(6, 1.5), Probability: 0.9},
			{Lever: drain.LessInflow, By: by},
		} {
			a, err := drain.Need(predict, q, g)
			require.NoError(t, err)
			require.True(t, a.Feasible, "%s %s", name, a)
			want := a.Goal.Probability
			assert.Equal(t, a.Probability, outcome(t, predict, q, a.Plan).Prediction.ClearedBy(by))
			assert.GreaterOrEqual(t, a.Probability, want)
			c := &a.Plan.Changes[len(a.Plan.Changes)-1]
			switch g.Lever {
			case drain.MoreOutflow:
				assert.InDelta(t, want, a.Probability, 0.02)
				c.By = drain.Exactly(0.99 * a.Value)
			case drain.MoreWorkers:
				assert.Equal(t, math.Trunc(a.Value), a.Value)
				c.Workers--
			case drain.LessInflow:
				c.Factor = drain.Exactly(1 - 0.99*a.Value)
			}
			assert.Less(t, outcome(t, predict, q, a.Plan).Prediction.ClearedBy(by), want, "%s: less is not enough: %s", name, a)
		}
		plan := drain.Plan{Name: "more", Changes: []drain.Change{{By: drain.Exactly(1000)}}}
		a, err := drain.Need(predict, q, drain.Goal{Lever: drain.LatestStart, By: by, Plan: plan})
		require.NoError(t, err)
		require.True(t, a.Feasible)
		assert.GreaterOrEqual(t, outcome(t, predict, q, a.Plan).Prediction.ClearedBy(by), 0.95)
		assert.Less(t, outcome(t, predict, q, plan.Delayed(time.Duration(a.Value+30)*time.Second)).Prediction.ClearedBy(by), 0.95)
		for _, g := range []drain.Goal{
			{Lever: drain.MoreOutflow, By: by, At: drain.In(2 * time.Hour)},
			{Lever: drain.MoreWorkers, By: by, Each: drain.Exactly(1), Most: 3},
			{Lever: drain.LessInflow, By: friday.Add(30 * time.Minute)},
			{Lever: drain.LatestStart, By: friday.Add(10 * time.Minute), Plan: plan},
		} {
			a, err := drain.Need(predict, q, g)
			require.NoError(t, err)
			assert.False(t, a.Feasible, "%s %s", name, a)
			assert.Less(t, a.Probability, 0.95)
		}
		a, err = drain.Need(predict, q, drain.Goal{Lever: drain.MoreOutflow, By: friday.Add(24 * time.Hour)})
		require.NoError(t, err)
		assert.True(t, a.Feasible && a.Value == 0, "nothing is needed")
		for _, g := range []drain.Goal{{By: by}, {Lever: drain.MoreOutflow}, {Lever: drain.MoreWorkers, By: by}, {Lever: drain.MoreOutflow, By: by, Probability: 1}, {Lever: drain.LatestStart, By: by}} {
			_, err := drain.Need(predict, q, g)
			assert.ErrorIs(t, err, drain.ErrInvalid, "%+v", g)
		}
	}
}

// TestReadPlans: what is written is read again, and what is wrong is named.
func TestReadPlans(t *testing.T) {
	const file = `{"plans": [{"name": "fifty machines", "changes": [
		{"at": "18:00", "workers": 50, "each": "2.5±0.5", "over": "30m", "startup": 90}, {"at": "2026-03-28T08:00:00Z", "flow": "inflow", "factor": 0.8, "for": "2h"}, {"pause": true, "at": "+20m", "for": "15m"}, {"to": 500}, {"by": -3}],
		"risks": [{"label": "outage", "probability": 0.1, "until": "+24h", "length": "6h", "length_sd": "3h", "remaining": 0.5}, {"every": "240h", "length": 3600}]}]}`
	plans, err := drain.ReadPlans(strings.NewReader(file))
	require.NoError(t, err)
	written, err := json.Marshal(map[string]any{"plans": plans})
	require.NoError(t, err)
	again, err := drain.ReadPlans(strings.NewReader(string(written)))
	require.NoError(t, err)
	assert.Equal(t, plans, again)
	assert.Equal(t, "50 workers more at 2.50/s ± 0.500/s each", plans[0].Changes[0].String())
	assert.Equal(t, 18, plans[0].Changes[0].At.On(friday).Hour())
	for wrong, says := range map[string]string{
		`{"plans": []}`:                                                                 "no plans",
		`{"plans": [{"changes": []}]}`:                                                  "has no name",
		`{"plans": [{"name": "a"}, {"name": "a"}]}`:                                     `two plans are named "a"`,
		`{"plans": [{"name": "a", "changes": [{"at": "noon", "by": 1}]}]}`:              `"noon"`,
		`{"plans": [{"name": "a", "changes": [{"by": 1, "to": 2}]}]}`:                   `plan "a": change 1: 2 of by, factor`,
		`{"plans": [{"name": "a", "changes": [{}]}]}`:                                   "nothing changes",
		`{"plans": [{"name": "a", "changes": [{"workers": 3}]}]}`:                       "each is missing",
		`{"plans": [{"name": "a", "changes": [{"factor": -1}]}]}`:                       "factor is -1",
		`{"plans": [{"name": "a", "changes": [{"by": 1, "flow": "both"}]}]}`:            `flow is "both"`,
		`{"plans": [{"name": "a", "risks": [{"probability": 2, "length": "1h"}]}]}`:     "probability is 2",
		`{"plans": [{"name": "a", "risks": [{"probability": 0.5}]}]}`:                   "length is",
		`{"plans": [{"name": "a", "surprise": 1}]}`:                                     "surprise",
		`{"plans": [{"name": "a"}]} x`:                                                  "nothing after",
		`{"plans": [{"name": "a", "changes": [{"by": 1, "for": "1m", "over": "2m"}]}]}`: "over is 2m",
		`{"plans": [{"name": "a", "risks": [{"every": "1h", "length": "-1h"}]}]}`:       "length is -1h",
		`{"plans": [{"name": "a", "risks": [{"length": "1h"}]}]}`:                       "neither probability nor every",
		`[`: "plans",
	} {
		_, err := drain.ReadPlans(strings.NewReader(wrong))
		require.ErrorIs(t, err, drain.ErrInvalid, wrong)
		assert.Contains(t, err.Error(), says)
	}
	// A flow that must be known, and is not.
	_, err = drain.Numbers{Backlog: drain.Exactly(10), Net: drain.Exactly(1)}.Predict(drain.Question{Plans: []drain.Plan{{Name: "a", Changes: []drain.Change{{Pause: true}}}}})
	require.ErrorIs(t, err, drain.ErrInvalid)
	assert.Contains(t, err.Error(), "outflow is not known")
	_, err = drain.Numbers{Backlog: drain.Exactly(10), Net: drain.Exactly(1)}.Predict(drain.Question{Plans: plans[:1]})
	assert.ErrorIs(t, err, drain.ErrInvalid)
}

// TestPlanOfNothing: a plan for a queue that is cleared, unknown or too old says as much as there is.
func TestPlanOfNothing(t *testing.T) {
	plan := drain.Plan{Name: "a", Changes: []drain.Change{{By: drain.Exactly(1)}}}
	o := outcome(t, drain.NewEstimator().Predict, drain.Question{At: friday}, plan)
	assert.True(t, math.IsNaN(o.Prediction.TimeToClear.Median))
	assert.True(t, math.IsNaN(o.Sooner.Median))
	o = outcome(t, drain.Numbers{Backlog: drain.Exactly(0), Net: drain.Exactly(1)}.Predict, drain.Question{At: friday}, plan)
	assert.Zero(t, o.Prediction.TimeToClear.Median)
	e := drainingQueue(1e5)
	o = outcome(t, e.Predict, drain.Question{At: friday.Add(100 * time.Hour)}, plan)
	assert.True(t, math.IsNaN(o.Prediction.TimeToClear.Median))
	o = outcome(t, e.Predict, drain.Question{}, drain.Plan{})
	assert.Equal(t, ask(t, e, drain.Question{}).TimeToClear, o.Prediction.TimeToClear)
}

func BenchmarkPlanOfTenSteps(b *testing.B) {
	e := drainingQueue(1.4e6)
	for name, se := range map[string]float64{"certain": 0, "uncertain": 2} {
		plan := drain.Plan{}
		for i := range 10 {
			plan.Changes = append(plan.Changes, drain.Change{At: drain.In(time.Duration(i) * 10 * time.Minute), By: drain.About(10, se)})
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e.Predict(drain.Question{Plans: []drain.Plan{plan}})
			}
		})
	}
}

// TestPlanWhileItGrows: in a first outage, with nothing but growth in the record, what is to come is worked off only after what the queue has grown by until then, whatever the record
// says of how far it came down. (A rule that left the growth out was early by a quarter.)
func TestPlanWhileItGrows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var e drain.Estimator
	level := 40.0
	for i := range 60 {
		require.NoError(t, e.Observe(drain.Sample{Time: at(2 * float64(i)), Backlog: drain.Items(level)}))
		level += poisson(r, 38)
	}
	const until, more, growth = 80.0, 43.0, 19.0
	p, err := e.Predict(drain.Question{Target: 20, Plans: []drain.Plan{{Name: "back", Changes: []drain.Change{{At: drain.In(80 * time.Second), By: drain.Exactly(more)}}}}})
	require.NoError(t, err)
	truth := until + (p.Backlog-20+growth*until)/(more-growth)
	with := p.Outcomes[0].Prediction.TimeToClear
	assert.InEpsilon(t, truth, with.Median, 0.08)
	assert.Less(t, with.Lower, truth)
	assert.Greater(t, with.Upper, truth)
}
