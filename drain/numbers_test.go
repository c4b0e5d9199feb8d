package drain_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func predict(t *testing.T, n drain.Numbers) drain.Prediction {
	t.Helper()
	p, err := n.Predict(drain.Question{})
	require.NoError(t, err)
	return p
}

func TestNumbersExactRates(t *testing.T) {
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Net: drain.Exactly(300)})
	// The mean is 1.4e6/300 = 4666.667 s, the median of an inverse Gaussian law lies about Volatility²/(2·Drift²) = 300/(2·300²) = 0.0017 s below.
	assert.InDelta(t, 4666.665, p.TimeToClear.Median, 0.001)
	// Counting noise: sd(T) = √(a·σ²/ν³) = √(1.4e6·300/300³) = 3.94 s, and 1.645 of it to each side.
	assert.InDelta(t, 4666.67-6.49, p.TimeToClear.Lower, 0.05)
	assert.InDelta(t, 4666.67+6.49, p.TimeToClear.Upper, 0.05)
	assert.Equal(t, drain.Draining, p.State)
	assert.Equal(t, []string{"no errors were given: bounds this narrow assume exact, constant rates, with no uncertainty but that of counting"}, p.Warnings)
	assert.Contains(t, p.Reasons, drain.CountingOnly)
	assert.True(t, math.IsNaN(p.CurrentBacklog.Median), "the outflow is not known")
	assert.Equal(t, 10*365.25*86400, p.Horizon)
}

func TestNumbersRounded(t *testing.T) {
	// Without the error of the backlog: a/t = 300 ± 1.644854·50, so t = 1.4e6/382.243 = 3662.6 s and 1.4e6/217.757 = 6429.2 s.
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Net: drain.About(300, 50)})
	assert.InEpsilon(t, 3662.6, p.TimeToClear.Lower, 1e-4)
	assert.InEpsilon(t, 6429.2, p.TimeToClear.Upper, 1e-4)
	assert.InEpsilon(t, 4666.67, p.TimeToClear.Median, 1e-4)
	assert.Empty(t, p.Warnings)
	// With it, by Fieller: (300t - 1.4e6)² = 1.644854²·(50²t² + 5e4²). Roots of (300² - 2.705543·2500)t² - 2·300·1.4e6·t + 1.4e6² - 2.705543·2.5e9 = 0.
	p = predict(t, drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Net: drain.About(300, 50)})
	assert.InEpsilon(t, 3633.5, p.TimeToClear.Lower, 1e-4)
	assert.InEpsilon(t, 6458.3, p.TimeToClear.Upper, 1e-4)
}

func TestNumbersFlowsApart(t *testing.T) { // T1 of the regression cases: KEDA's formula gives 1399.7 s for either
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(700), Outflow: drain.Exactly(1000)})
	assert.InDelta(t, 4666.67, p.TimeToClear.Median, 0.1)
	assert.InDelta(t, 1400, p.CurrentBacklog.Median, 0.1)
	assert.InDelta(t, 1400, p.Delay.Newest.Median, 1)
	assert.InDelta(t, 2000, p.Delay.Oldest.Median, 2)
	assert.Equal(t, 300.0, p.NetDrain)
}

func TestNumbersGrowing(t *testing.T) { // T2: a negative time, or a normal-looking one, elsewhere
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(1200), Outflow: drain.Exactly(1000)})
	assert.Equal(t, drain.Growing, p.State)
	assert.True(t, math.IsInf(p.TimeToClear.Median, 1))
	assert.True(t, math.IsInf(p.TimeToClear.Upper, 1))
	assert.InDelta(t, 1, p.Never, 1e-12)
	assert.InDelta(t, 1400, p.CurrentBacklog.Median, 0.1)
	assert.Equal(t, "1.40 M items, growing by 200/s: will not clear at this rate (P(never) 100 %)", p.String())
}

func TestNumbersBalanced(t *testing.T) {
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1000), Inflow: drain.Exactly(50), Outflow: drain.Exactly(50)})
	assert.Equal(t, drain.Steady, p.State)
	p = predict(t, drain.Numbers{Backlog: drain.Exactly(1000), Inflow: drain.Exactly(0), Outflow: drain.Exactly(0)})
	assert.Equal(t, drain.Stalled, p.State)
	assert.True(t, math.IsInf(p.TimeToClear.Lower, 1))
	p = predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(1000), Outflow: drain.Exactly(1000)}) // T3
	assert.Equal(t, drain.Steady, p.State)
	assert.True(t, math.IsInf(p.TimeToClear.Median, 1), "not 68 years")
	assert.Contains(t, p.String(), "1.40 M items, steady: will not clear within 10 years (P(never) ")
	p = predict(t, drain.Numbers{Backlog: drain.Exactly(0), Inflow: drain.Exactly(0), Outflow: drain.Exactly(0)}) // T4
	assert.Equal(t, drain.Cleared, p.State)
	assert.Zero(t, p.TimeToClear.Upper)
	assert.Zero(t, p.CurrentBacklog.Upper)
	assert.Equal(t, drain.Delay{Oldest: drain.Bounds{Level: 0.9}, Newest: drain.Bounds{Level: 0.9}}, p.Delay)
}

func TestNumbersThirdRate(t *testing.T) {
	inflow := drain.InflowFromDelay(drain.About(1.4e6, 5e4), drain.About(9000, 900))
	assert.InDelta(t, 155.56, inflow.Value(), 0.01) // 1.4e6/9000
	assert.InDelta(t, 16.52, inflow.SE(), 0.01)     // 155.56·√((5/140)² + 0.1²)
	p := predict(t, drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Net: drain.About(300, 50), Inflow: inflow})
	assert.InDelta(t, 455.56, p.Outflow, 0.01)
	assert.InEpsilon(t, 1.4e6/455.56, p.CurrentBacklog.Median, 2e-3)
	// The delay given as such tells the same, and is the answer for the item served now: 9000 s ± 1.645·900 s.
	q := predict(t, drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Net: drain.About(300, 50), Delay: drain.About(9000, 900)})
	assert.Equal(t, p.CurrentBacklog, q.CurrentBacklog)
	assert.Equal(t, p.Inflow, q.Inflow)
	assert.Contains(t, q.Reasons, drain.FlowsFromDelay)
	assert.InDelta(t, 9000-1.6448536*900, q.Delay.Oldest.Lower, 0.01)
	assert.InDelta(t, 9000+1.6448536*900, q.Delay.Oldest.Upper, 0.01)
	q = predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Outflow: drain.Exactly(456), Delay: drain.Exactly(9000)})
	assert.InDelta(t, 456-1.4e6/9000, q.NetDrain, 1e-9)
	for _, unknown := range []drain.Estimate{drain.InflowFromDelay(drain.Estimate{}, drain.Exactly(1)), drain.InflowFromDelay(drain.Exactly(1), drain.Exactly(0))} {
		assert.False(t, unknown.Known())
	}
}

func TestNumbersCleared(t *testing.T) {
	at := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	n := drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Net: drain.Exactly(-300)}
	p, err := n.Predict(drain.Question{At: at, Target: 1.4e6, Deadlines: []time.Time{at}})
	require.NoError(t, err)
	assert.Equal(t, drain.Cleared, p.State)
	assert.Equal(t, drain.Bounds{Level: 0.9}, p.TimeToClear)
	assert.Zero(t, p.Never)
	assert.Equal(t, 1.0, p.Deadlines[0].Probability)
	assert.Empty(t, p.Warnings)
	assert.True(t, math.IsNaN(predict(t, n).ClearedBy(at)), "counted from nowhere")
}

func TestNumbersUnitOfTime(t *testing.T) {
	// Seconds or minutes: rates of 60 times as much per minute give a sixtieth of the number.
	second := predict(t, drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Inflow: drain.About(156, 16), Outflow: drain.About(456, 50)})
	minute := predict(t, drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Inflow: drain.About(60*156, 60*16), Outflow: drain.About(60*456, 60*50)})
	for _, q := range drain.QuantileLevels() {
		assert.InEpsilon(t, second.Quantile(q), 60*minute.Quantile(q), 1e-9, "quantile %v", q)
	}
	assert.InEpsilon(t, second.CurrentBacklog.Upper, 60*minute.CurrentBacklog.Upper, 1e-9)
}

func TestNumbersHoldInSimulation(t *testing.T) {
	// A queue of 2000 ± 100 items, Poisson inflow of 40/s and outflow of 50/s, each rate wrong by its standard error, simulated in steps of one
	// second. The bounds must hold in 90 % of the runs: 4000 runs, two-sided binomial limits for a false alarm of 1e-6: 4.9 standard errors
	// of √(0.9·0.1/4000) = 0.0047. Steps of a second let the queue clear up to a second late: 0.5 % of the spread of the law.
	const runs = 4000
	p := predict(t, drain.Numbers{Backlog: drain.About(2000, 100), Inflow: drain.About(40, 1), Outflow: drain.About(50, 1.5)})
	rng := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range runs {
		backlog := 2000 + 100*rng.NormFloat64()
		in, out := 40+rng.NormFloat64(), 50+1.5*rng.NormFloat64()
		seconds := 0.0
		for ; backlog > 0 && seconds < 5*p.TimeToClear.Upper; seconds++ {
			backlog += in - out + math.Sqrt(in+out)*rng.NormFloat64() // normal for Poisson: the means are above 40
		}
		if p.TimeToClear.Lower <= seconds && seconds <= p.TimeToClear.Upper {
			held++
		}
	}
	assert.InDelta(t, 0.9, float64(held)/runs, 4.9*0.0047)
}

func TestNumbersErrors(t *testing.T) {
	ok := drain.Numbers{Backlog: drain.Exactly(10), Net: drain.Exactly(1)}
	for want, f := range map[string]func(*drain.Numbers, *drain.Question){
		"Backlog is unknown":          func(n *drain.Numbers, _ *drain.Question) { n.Backlog = drain.Estimate{} },
		"Backlog is -1, want 0":       func(n *drain.Numbers, _ *drain.Question) { n.Backlog = drain.Exactly(-1) },
		"Backlog is NaN":              func(n *drain.Numbers, _ *drain.Question) { n.Backlog = drain.Exactly(math.NaN()) },
		"neither Net nor both":        func(n *drain.Numbers, _ *drain.Question) { n.Net, n.Inflow = drain.Estimate{}, drain.Exactly(1) },
		"Net is +Inf":                 func(n *drain.Numbers, _ *drain.Question) { n.Net = drain.Exactly(math.Inf(1)) },
		"standard error of Net is -1": func(n *drain.Numbers, _ *drain.Question) { n.Net = drain.About(1, -1) },
		"Inflow is -2":                func(n *drain.Numbers, _ *drain.Question) { n.Inflow = drain.Exactly(-2) },
		"Level is 1, want":            func(_ *drain.Numbers, q *drain.Question) { q.Level = 1 },
		"Level is NaN":                func(_ *drain.Numbers, q *drain.Question) { q.Level = math.NaN() },
		"Target is -3":                func(_ *drain.Numbers, q *drain.Question) { q.Target = -3 },
		"Target is +Inf":              func(_ *drain.Numbers, q *drain.Question) { q.Target = math.Inf(1) },
		"Net is -300 with Inflow 100, want at least -100": func(n *drain.Numbers, _ *drain.Question) { n.Net, n.Inflow = drain.Exactly(-300), drain.Exactly(100) },
		"Net is 300 with Outflow 100, want at most 100":   func(n *drain.Numbers, _ *drain.Question) { n.Net, n.Outflow = drain.Exactly(300), drain.Exactly(100) },
		"At is unset, want the moment fr":                 func(_ *drain.Numbers, q *drain.Question) { q.Deadlines = []time.Time{time.Unix(1, 0)} },
	} {
		n, q := ok, drain.Question{}
		f(&n, &q)
		_, err := n.Predict(q)
		assert.ErrorIs(t, err, drain.ErrInvalid)
		assert.ErrorContains(t, err, want)
	}
}

func TestParseEstimate(t *testing.T) {
	for s, want := range map[string]drain.Estimate{
		"300": drain.Exactly(300), "1.4e6": drain.Exactly(1.4e6), "1.4M": drain.Exactly(1.4e6), "-5": drain.Exactly(-5),
		"1.4M±50k": drain.About(1.4e6, 5e4), "1.4M+-50k": drain.About(1.4e6, 5e4), "300 ± 50": drain.About(300, 50), "2G": drain.Exactly(2e9), "3K": drain.Exactly(3e3),
	} {
		got, err := drain.ParseEstimate(s)
		if assert.NoError(t, err, s) {
			assert.InDelta(t, want.Value(), got.Value(), 1e-6, s)
			assert.InDelta(t, want.SE(), got.SE(), 1e-6, s)
		}
	}
	for _, s := range []string{"", "abc", "1.4X", "±5", "5±", "5±-1", "nan", "inf", "0x10", "1_000", "1e999", "5±x", "k", "1 4"} {
		_, err := drain.ParseEstimate(s)
		assert.ErrorIs(t, err, drain.ErrInvalid, s)
		assert.ErrorContains(t, err, "want", s)
	}
	assert.Equal(t, "1.4e+06±50000", drain.About(1.4e6, 5e4).String())
	assert.Equal(t, "unknown", drain.Estimate{}.String())
	assert.True(t, math.IsNaN(drain.Estimate{}.Value()) && math.IsNaN(drain.Estimate{}.SE()))
}

func TestGrowingByNumbersAndServedByChance(t *testing.T) {
	p := predict(t, drain.Numbers{Backlog: drain.Exactly(1), Inflow: drain.Exactly(100), Outflow: drain.Exactly(99)})
	assert.Equal(t, drain.Growing, p.State)
	assert.Contains(t, p.Reasons, drain.RateVaried)
	assert.Contains(t, p.String(), "growing by 1/s: by the chance of counting cleared in ")
}
