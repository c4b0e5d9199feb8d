package main

import (
	"math"

	"github.com/postsack/backlog/drain"
)

// distances are what is asked for, as fractions of the backlog; the last one is the target.
var distances = []struct {
	code, name string
	fraction   float64
}{
	{"three_quarters", "three quarters", 0.75},
	{"half", "half", 0.5},
	{"quarter", "a quarter", 0.25},
	{"tenth", "a tenth", 0.1},
	{"target", "the target", math.NaN()},
}

// toTarget is the index of the target among them.
const toTarget = 4

// amount is one to ask for.
type amount struct {
	items    float64
	distance int
}

// amounts returns what is asked for at a backlog above the target: what lies between them, and the target. Of a whole number of items half is a whole number too, the next one below: it
// is reached at the same moment, and so it is seen which of a few items are the same.
func amounts(backlog, target float64) []amount {
	var as []amount
	for i, d := range distances[:toTarget] {
		items := d.fraction * backlog
		if backlog == math.Trunc(backlog) {
			items = math.Floor(items)
		}
		if n := len(as); items > target && items < backlog && (n == 0 || items < as[n-1].items) {
			as = append(as, amount{items, i})
		}
	}
	return append(as, amount{target, toTarget})
}

// replay feeds the samples to an estimator once more, one by one, and asks at the moments.
func (rec recording) replay(h history, moments []moment, target float64, keep bool, options ...drain.Option) (tally, error) {
	t := newTally(h.interval, h.horizon, keep)
	est := drain.NewEstimator(options...)
	var straight line
	next := 0
	for row, s := range rec.samples {
		if next == len(moments) {
			break
		}
		_ = est.Observe(s) // what it rejects it counts, as in the survey
		if b, ok := backlogOf(s); ok {
			straight.observe(s.Time.Sub(h.epoch).Seconds(), b)
		}
		if moments[next].row != row {
			continue
		}
		m := moments[next]
		next++
		for _, a := range amounts(m.backlog, target) {
			p, err := est.Predict(drain.Question{Target: a.items})
			if err != nil {
				return t, err
			}
			ours := answer{quantiles: make([]float64, len(probabilities))}
			for i, prob := range probabilities {
				ours.quantiles[i] = p.Quantile(prob)
			}
			if law := p.Law(); law != nil {
				ours.cdf = law.CDF
			}
			t.add(a.distance, ours, straight.predict(m.at, a.items), m.within.reached(m.at, a.items, h.horizon))
		}
	}
	return t, nil
}
