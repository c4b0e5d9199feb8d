package drain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// change is the number of the sample from which on the series of these tests differ: after three weeks, so that the record and the calendar are in use before.
const change = 3200

// apart is the time between two of them.
const apart = 10 * time.Minute

// threeWeeks is a queue with a daily cycle, flows and now and then an outage.
func threeWeeks() (samples []drain.Sample) {
	r := rand.New(rand.NewPCG(31, 1))
	down := spells(r, 150, func() float64 { return 6 * r.ExpFloat64() })
	level := 0.0
	for i := range change {
		can := 120.0
		if down() {
			can = 20
		}
		in := poisson(r, 100*(1+0.4*math.Sin(2*math.Pi*float64(i)/144)))
		out := math.Min(level+in, poisson(r, can))
		level += in - out
		samples = append(samples, drain.Sample{Time: start.Add(time.Duration(i) * apart), Backlog: drain.Items(level), Inflow: drain.Count(in), Outflow: drain.Count(out)})
	}
	return samples
}

// untidy is the same as it may come from real sources: the inflow as a counter that is reset at times, late samples, others twice, gaps, and some that are no good.
func untidy() (samples []drain.Sample) {
	r := rand.New(rand.NewPCG(31, 2))
	total := 0.0
	tidy := threeWeeks()
	for i, s := range tidy {
		total += s.Inflow.Value()
		if r.IntN(700) == 0 {
			total = 0
		}
		s.Inflow = drain.Total(total)
		switch x := r.IntN(100); {
		case x < 2 || i/40%20 == 7:
			continue
		case x < 4:
			s.Outflow = drain.NotRead()
		case x < 6:
			s.Backlog = drain.Items(-1)
		case x < 8:
			samples = append(samples, s)
		}
		samples = append(samples, s)
		if n := len(samples); r.IntN(20) == 0 && n > 3 {
			samples[n-1], samples[n-3] = samples[n-3], samples[n-1]
		}
	}
	return samples
}

// answer is a prediction with everything that it said when it was made.
type answer struct {
	prediction drain.Prediction
	said       string
}

// everything is all that a prediction says, to the last bit: floats are written so that no two are written alike. Its law is asked anew.
func everything(p drain.Prediction) string {
	var b strings.Builder
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			fmt.Fprintf(&b, "%s %v\n", f.Name, v.Field(i))
		}
	}
	for q := 0.01; q < 1; q += 0.01 {
		fmt.Fprintf(&b, "%v ", p.Quantile(q))
	}
	if law := p.Law(); law != nil {
		for t := 1.0; t < 1e9; t *= 1.7 {
			fmt.Fprintf(&b, "%v %v ", law.CDF(t), law.Survival(t))
		}
	}
	out, err := json.Marshal(p)
	return fmt.Sprintln(b.String(), string(out), err, p, p.Basis(), p.Change())
}

// questions are several of one moment: to the end and to a part of the way, at once, later, too late, and with deadlines.
func questions(t testing.TB, e *drain.Estimator) (answers []answer) {
	now := ask(t, e, drain.Question{})
	for _, q := range []drain.Question{
		{},
		{Target: now.Backlog / 3, Level: 0.5},
		{Target: now.Backlog * 0.9, At: now.AsOf.Add(apart)},
		{At: now.AsOf.Add(5 * apart), Deadlines: []time.Time{now.AsOf.Add(time.Hour), now.AsOf.Add(30 * time.Hour)}},
		{At: now.AsOf.Add(1000 * apart)},
	} {
		p := ask(t, e, q)
		answers = append(answers, answer{p, everything(p)})
	}
	return answers
}

// asksAt reports whether questions are asked after sample i: now and then, and at each of the last ones, some of which are not settled yet.
func asksAt(i, n int) bool { return i%293 == 292 || i >= n-12 }

// live feeds an estimator and asks on the way.
func live(t testing.TB, samples []drain.Sample) (e *drain.Estimator, answers []answer) {
	e = drain.NewEstimator()
	for i, s := range samples {
		_ = e.Observe(s) // some are no good
		if asksAt(i, len(samples)) {
			answers = append(answers, questions(t, e)...)
		}
	}
	return e, answers
}

func said(answers []answer) (s []string) {
	for _, a := range answers {
		s = append(s, a.said)
	}
	return s
}

// same compares answers one by one, as the first that differs tells more than all of them.
func same(t *testing.T, want, got []string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i], "answer %d of %d", i, len(want))
	}
}

// tails are what may come after the change; sample i of the time is the one at start + i·apart.
var tails = []struct {
	name string
	feed func(observe func(drain.Sample))
}{
	{"other levels", func(observe func(drain.Sample)) {
		for i := range 400 {
			observe(drain.Sample{Time: start.Add(time.Duration(change+i) * apart), Backlog: drain.Items(1e6 + 1e4*float64(i)), Inflow: drain.Count(1e4), Outflow: drain.Count(0)})
		}
	}},
	{"nothing left", func(observe func(drain.Sample)) {
		for i := range 400 {
			observe(drain.Sample{Time: start.Add(time.Duration(change+i) * apart), Backlog: drain.Items(0), Inflow: drain.Count(0), Outflow: drain.Count(0)})
		}
	}},
	{"other flows, alone", func(observe func(drain.Sample)) {
		for i := range 400 {
			observe(drain.Sample{Time: start.Add(time.Duration(change+i) * apart), Inflow: drain.PerSecond(7), Outflow: drain.Total(float64(i * i))})
		}
	}},
	{"rubbish", func(observe func(drain.Sample)) {
		bad := []float64{math.NaN(), math.Inf(1), -1, 1e300, 0, math.Inf(-1), 5e-324}
		for i := range 400 {
			a, b, c := bad[i%7], bad[i/7%7], bad[i/49%7]
			observe(drain.Sample{Time: start.Add(time.Duration(change+i) * apart), Backlog: drain.Items(a), Inflow: drain.Count(b), Outflow: drain.PerSecond(c), Delay: drain.Seconds(b)})
			observe(drain.Sample{Backlog: drain.Items(a)})
		}
	}},
	{"a gap", func(observe func(drain.Sample)) {
		for i := range 400 {
			observe(drain.Sample{Time: start.Add(time.Duration(9*change+i) * apart), Backlog: drain.Items(float64(i % 90)), Delay: drain.Seconds(3)})
		}
	}},
	{"the clock goes back and on", func(observe func(drain.Sample)) {
		for i := range 400 {
			day := []int{-300, 0, 5000, -10}[i/100] // in samples
			observe(drain.Sample{Time: start.Add(time.Duration(change+day+i) * apart), Backlog: drain.Items(float64(500 + i%90)), Inflow: drain.Count(3), Outflow: drain.Count(3)})
		}
	}},
	{"late samples that tell another past", func(observe func(drain.Sample)) {
		for i := range 400 {
			observe(drain.Sample{Time: start.Add(time.Duration(change-1-i%8)*apart + time.Duration(i)*time.Second), Backlog: drain.Items(9e5), Inflow: drain.Count(9e5)})
			observe(drain.Sample{Time: start.Add(time.Duration(change+i/4)*apart + time.Duration(i)*time.Second), Backlog: drain.Items(1)})
		}
	}},
}

var histories = []struct {
	name    string
	samples func() []drain.Sample
}{{"tidy", threeWeeks}, {"untidy", untidy}}

func TestNothingLearntFromTheFuture(t *testing.T) {
	// Whatever comes after the change, what was said before is the same, and still is when it is asked again of the predictions made then: they hold on to nothing
	// that goes on changing.
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			samples := h.samples()
			_, alone := live(t, samples)
			want := said(alone)
			last := alone[len(alone)-5].prediction
			require.Greater(t, last.Record.Predictions, 100, "the record is in use")
			require.Contains(t, last.Basis(), "on this queue")
			var after []string
			for _, tail := range tails {
				e, before := live(t, samples)
				same(t, want, said(before))
				n := 0
				tail.feed(func(s drain.Sample) {
					_ = e.Observe(s)
					if n++; n%17 == 0 { // what others ask uses the memory of earlier answers again
						_, err := e.Predict(drain.Question{Target: 2})
						require.NoError(t, err)
					}
				})
				for i, a := range before {
					require.Equal(t, want[i], everything(a.prediction), "%s: answer %d of %d, read again", tail.name, i, len(before))
				}
				after = append(after, everything(ask(t, e, drain.Question{})))
			}
			for i := range after {
				for j := range i {
					assert.NotEqual(t, after[i], after[j], "%s and %s are different tails", tails[i].name, tails[j].name)
				}
			}
		})
	}
}

func TestAskingTeachesNothing(t *testing.T) {
	// One is asked at the end, one at some times, one at every sample, in all ways that there are, again and again: all of them have learnt the same, before the change
	// and from what comes later.
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			samples := h.samples()
			for _, s := range threeWeeks()[:600] { // and on with something
				s.Time = s.Time.Add(change * apart)
				samples = append(samples, s)
			}
			_, some := live(t, samples)
			want := said(some)

			silent := drain.NewEstimator()
			for _, s := range samples {
				_ = silent.Observe(s)
			}
			end := said(questions(t, silent))
			same(t, want[len(want)-len(end):], end)
			same(t, end, said(questions(t, silent))) // and a second time

			curious := drain.NewEstimator()
			var got []string
			for i, s := range samples {
				_ = curious.Observe(s)
				for k := range 1 + i%3 {
					p, err := curious.Predict(drain.Question{Target: float64(100 * k), Level: 0.8, At: curious.Latest().Add(time.Duration(k) * time.Hour)})
					require.NoError(t, err)
					p.Reasons, p.Warnings = append(p.Reasons[:0], "mine"), nil // an answer is the caller's
					clear(p.Weights)
				}
				_, err := curious.Predict(drain.Question{Level: 2})
				require.ErrorIs(t, err, drain.ErrInvalid)
				_, err = curious.Predict(drain.Question{At: start.Add(-time.Hour)})
				require.ErrorIs(t, err, drain.ErrInvalid)
				clear(curious.Counts().Rejected)
				if asksAt(i, len(samples)) {
					got = append(got, said(questions(t, curious))...)
				}
			}
			same(t, want, got)
		})
	}
}

func TestReplay(t *testing.T) {
	// The same samples give the same to the last bit: one after the other, side by side in one process, which shares memory that is used again, and next to another
	// queue's.
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			_, first := live(t, h.samples())
			want := said(first)
			_, again := live(t, h.samples())
			same(t, want, said(again))

			var got [3][]string
			var all sync.WaitGroup
			for i := range got {
				all.Go(func() {
					_, a := live(t, h.samples())
					got[i] = said(a)
				})
			}
			all.Go(func() { live(t, walk(3000, 500, 0, 40, 5).samples()) })
			all.Wait()
			for i := range got {
				same(t, want, got[i])
			}
		})
	}
}

// samples are those of a queue without flows.
func (q queue) samples() (s []drain.Sample) {
	for i := range q.n {
		s = append(s, drain.Sample{Time: at(q.seconds(i)), Backlog: drain.Items(q.backlog(i))})
	}
	return s
}
