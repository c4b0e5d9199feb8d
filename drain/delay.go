package drain

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// reported is the inflow that reported delays imply: in first-in-first-out order what waits came within the last delay seconds, so that
//
//	λ = Q/D        (Little's law; J. D. C. Little, A proof for the queuing formula L = λW, Operations Research 9 (1961))
//
// on average over these seconds. The logarithm of λ and its scatter are taken over the last eight or so.
type reported struct {
	delayAt        float64
	delay          float64
	delays         int
	mean, variance float64 // of the logarithm of λ
}

const reportMemory = 8

// report takes the delay of the item served at t, when backlog items waited.
func (r *reported) report(t, delay, backlog float64) {
	r.delayAt, r.delay = t, delay
	if !(delay > 0 && backlog > 0) { // an empty queue tells no inflow
		return
	}
	r.delays = min(r.delays+1, reportMemory)
	w := 1 / float64(r.delays)
	d := math.Log(backlog/delay) - r.mean
	r.mean += w * d
	r.variance = (1 - w) * (r.variance + w*d*d)
}

// inflow returns the rate at which items come, by the delays reported until now, in items/s; false where none was reported lately.
func (r *reported) inflow(now, usual, backlog float64) (forecast.Rate, bool) {
	if r.delays == 0 || now-r.delayAt > staleAge*usual || !(backlog > 0) {
		return forecast.Rate{}, false
	}
	mean := math.Exp(r.mean)
	// Counting backlog items has the relative error 1/√backlog; a scatter seen a few times says little about itself.
	relative := math.Sqrt(max(r.variance, 1/backlog))
	return forecast.Rate{Mean: mean, SD: mean * relative, Volatility: math.Sqrt(mean), Nu: max(1, float64(r.delays-1))}, true
}

// oldest returns how long ago the item came that is served at the moment now: back to when the items that had entered were backlog fewer, from the record of
// the inflow where that reaches so far (the bounds are then the two readings between which it came), otherwise from its present rate.
func (q *queue) oldest(now, backlog, level float64) Bounds {
	unknown := Bounds{level, math.NaN(), math.NaN(), math.NaN()}
	s := q.in()
	rate, ok := s.present(now)
	if !ok {
		return unknown
	}
	since := max(0, now-s.last) // flows may be newer than the moment
	if a, b, ok := s.drifts.When(s.value - backlog); ok && (s.gaps == 0 || a.Time >= s.gapAt) {
		came := a.Time + (b.Time-a.Time)*(s.value-backlog-a.Total)/(b.Total-a.Total)
		return Bounds{level, since + s.known - came, since + s.known - b.Time, since + s.known - a.Time}
	}
	if !(rate.Mean > 0) {
		return unknown // with no inflow at all the item served now is older than anything that was seen
	}
	return bounds(rate.Law(backlog), level)
}
