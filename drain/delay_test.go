package drain_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/postsack/backlog/drain"
)

// fifo is a queue served first in, first out, second by second: what had entered and left by then.
type fifo struct{ in, out []float64 }

func newFIFO(seconds int, seed uint64) (f fifo) {
	rng := rand.New(rand.NewPCG(seed, 21))
	poisson := func(mean float64) float64 { return math.Max(0, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64())) }
	in, out := 4000.0, 0.0
	for s := range seconds {
		rate := 40.0
		if s > seconds/2 {
			rate = 20 // inflow halves
		}
		in += poisson(rate)
		out = math.Min(in, out+poisson(30))
		f.in, f.out = append(f.in, in), append(f.out, out)
	}
	return f
}

// when is the second at which a running total reached x.
func when(total []float64, x float64) float64 {
	for s, v := range total {
		if v >= x {
			return float64(s)
		}
	}
	return math.Inf(1)
}

func TestDelaysHoldTheTruth(t *testing.T) {
	// Sampled every five seconds. Oldest: the item served now came when as many had entered as have left now. Newest: the item that arrives now is served when as many
	// have left as have entered now. Bounds at level 0.9, over 20 queues, at every tenth sample once the first item to be looked back for has been seen to come.
	oldest, newest, asked := 0, 0, 0
	for seed := range uint64(20) {
		f := newFIFO(3000, seed)
		e := drain.NewEstimator()
		for s := 0; s < 2000; s += 5 {
			observe(t, e, drain.Sample{Time: at(float64(s)), Backlog: drain.Items(f.in[s] - f.out[s]), Inflow: drain.Total(f.in[s]), Outflow: drain.Total(f.out[s])})
			if s%50 != 0 || f.out[s] < f.in[0] {
				continue
			}
			p := ask(t, e, drain.Question{})
			asked++
			age := float64(s) - when(f.in, f.out[s]) // to a second, as the flows are
			if b := p.Delay.Oldest; b.Lower-1 <= age && age <= b.Upper+1 {
				oldest++
			}
			wait := when(f.out, f.in[s]) - float64(s)
			if b := p.Delay.Newest; b.Lower-1 <= wait && wait <= b.Upper+1 {
				newest++
			}
			assert.Equal(t, p.CurrentBacklog, p.Delay.Newest)
		}
	}
	t.Logf("asked %d, oldest held %d, newest held %d", asked, oldest, newest)
	assert.Greater(t, asked, 400)
	// The record of the inflow holds the oldest one for sure; the newest one depends on what will leave.
	assert.Equal(t, asked, oldest)
	assert.GreaterOrEqual(t, float64(newest)/float64(asked), 0.9)
}

func TestDelayBeyondTheRecord(t *testing.T) {
	// 10 000 items wait and 20/s come: the oldest came before anything was seen. By Little's law it has waited about 500 s.
	e := drain.NewEstimator()
	for i := range 20 {
		observe(t, e, drain.Sample{Time: at(5 * float64(i)), Backlog: drain.Items(10_000), Inflow: drain.Count(100), Outflow: drain.Count(100)})
	}
	d := ask(t, e, drain.Question{}).Delay.Oldest
	assert.InEpsilon(t, 500, d.Median, 0.01)
	assert.Less(t, d.Lower, 500.0)
	assert.Greater(t, d.Upper, 500.0)
	// Nothing came since it was looked at: it is older than that, and more is not known.
	e = drain.NewEstimator()
	for i := range 20 {
		observe(t, e, drain.Sample{Time: at(5 * float64(i)), Backlog: drain.Items(10_000), Inflow: drain.Count(0), Outflow: drain.Count(0)})
	}
	assert.True(t, math.IsNaN(ask(t, e, drain.Question{}).Delay.Oldest.Median))
}

func TestReportedDelay(t *testing.T) {
	// The delay that is reported is the one that is shown; where it does not fit first in, first out, that is said.
	feed := func(delay float64) drain.Prediction {
		e := drain.NewEstimator()
		for i := range 60 {
			observe(t, e, drain.Sample{Time: at(10 * float64(i)), Backlog: drain.Items(2000), Inflow: drain.Count(200), Outflow: drain.Count(200), Delay: drain.Seconds(delay)})
		}
		return ask(t, e, drain.Question{})
	}
	p := feed(110) // 2000 items at 20/s: 100 s
	assert.Equal(t, 110.0, p.Delay.Oldest.Median)
	assert.NotContains(t, p.Reasons, drain.DelayDisagrees)
	assert.NotContains(t, p.Reasons, drain.FlowsFromDelay)
	p = feed(900)
	assert.Equal(t, 900.0, p.Delay.Oldest.Median)
	assert.Contains(t, p.Reasons, drain.DelayDisagrees)
	assert.Contains(t, p.Warnings[len(p.Warnings)-1], "the delay is reported as 15 min 00 s, and first in, first out makes it 1 min 20 s to 1 min 50")
	// A delay that is no longer reported is forgotten.
	e := drain.NewEstimator()
	for i := range 60 {
		s := drain.Sample{Time: at(10 * float64(i)), Backlog: drain.Items(2000)}
		if i < 30 {
			s.Delay = drain.Seconds(100)
		}
		observe(t, e, s)
	}
	p = ask(t, e, drain.Question{})
	assert.Contains(t, p.Reasons, drain.FlowsUnknown)
	assert.True(t, math.IsNaN(p.Outflow))
}
