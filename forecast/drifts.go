package forecast

import "math"

// memories is how many memory lengths Drifts keeps unless told otherwise: 8, 16, … 1024 samples. What lies beyond is hardly a drift: 2048 made the
// forecasts worse on recorded queues, and so did every other length alone.
const memories = 8

// Drifts forecasts from drifts at memory lengths of 8, 16, … 1024 samples, mixed with equal weights: no single one is right, as 8 samples
// tell most just after a repair, and a thousand do in a quiet week.
//
// A Trend tells since when the present rate holds. All windows that lie within that time take the rate over the longest of them as their drift, each with
// its own volatility. The longer ones know that rates change: the rate to come may be anything between what it is and what it
// was, so their laws take the rate to have the mean and the standard deviation of a uniform law between the two, (ν₀+ν)/2 and |ν₀-ν|/√12, for the rate ν₀ now and
// theirs, ν, where a fall of the total counts as zero, and shrink it as a Drift does its own: an outage that is over is not extrapolated, and one that
// goes on may end. (A standard error of |ν₀-ν|/2, either the one or the other, scored the same, and kept the upper bound at never for longer after a repair.)
//
// The zero Drifts has seen nothing and is ready for use. Copies share their memory lengths: see CopyFrom.
type Drifts struct {
	drifts []Drift
	trend  Trend
}

// NewDrifts returns Drifts at n memory lengths, from 1 to 8, of 8 samples and each factor times as long as the one before, instead of eight with a factor of 2.
func NewDrifts(n, factor int) Drifts {
	d := Drifts{drifts: make([]Drift, max(1, min(n, memories)))}
	stride := 1
	for i := range d.drifts {
		d.drifts[i] = *NewDrift(stride)
		stride *= max(factor, 1)
	}
	return d
}

// CopyFrom makes d a copy of another that goes its own way, in the memory that d has.
func (d *Drifts) CopyFrom(of *Drifts) {
	drifts := append(d.drifts[:0], of.drifts...)
	*d = *of
	d.drifts = drifts
}

// Observe takes one observation. The first one allocates.
func (d *Drifts) Observe(o Observation) {
	if d.drifts == nil {
		d.drifts = NewDrifts(memories, 2).drifts
	}
	for i := range d.drifts {
		d.drifts[i].Observe(o)
	}
	d.trend.Observe(o)
}

// Trend returns the trend of the total, for reading: observations go to Drifts.
func (d *Drifts) Trend() *Trend { return &d.trend }

// Forecast returns the law of the time until the total has risen by distance: an equal mixture, or nil while there are fewer than three observations. Each
// window's rate is taken as normal, with Student's 0.95-quantile, which costs a fifth of Student's t.
func (d *Drifts) Forecast(distance float64) Distribution {
	p := d.passages(distance)
	if p.n == 0 {
		return nil
	}
	return &p
}

// Laws returns the laws that Forecast mixes, one for each window, the shortest first.
func (d *Drifts) Laws(distance float64) []Distribution {
	var laws []Distribution
	d.each(func(r Rate) { laws = append(laws, r.Passage(distance)) })
	return laws
}

// passages returns the same laws, with a normal rate.
func (d *Drifts) passages(distance float64) (p passages) {
	d.each(func(r Rate) { p.add(r.Passage(distance).asNormal()) })
	return p
}

// each calls f with the rate to come as each window has it.
func (d *Drifts) each(f func(Rate)) {
	windows, n, within := d.windows()
	if n == 0 {
		return
	}
	var now Rate
	if within > 0 {
		now = windows[within-1]
	} else {
		now, _ = d.trend.Rate()
	}
	for i, r := range windows[:n] {
		if i < within {
			r.Mean, r.SD = now.Mean, now.SD
		} else {
			is, was := math.Max(0, now.Mean), math.Max(0, r.Mean)
			r.Mean, r.SD = (is+was)/2, math.Abs(is-was)/math.Sqrt(12)
		}
		f(r)
	}
}

// Rate returns the rate over the longest window that lies within the time since when the present rate holds; false where even the shortest one does not.
func (d *Drifts) Rate() (Rate, bool) {
	windows, _, within := d.windows()
	if within == 0 {
		return Rate{}, false
	}
	return windows[within-1], true
}

// windows returns the rates over each window that has been filled, the shortest first, how many there are, and how many lie within the time since when
// the present rate holds.
func (d *Drifts) windows() (windows [memories]Rate, n, within int) {
	now, ok := d.trend.Rate()
	if !ok {
		return windows, 0, 0
	}
	for i := range d.drifts {
		r, ok := d.drifts[i].Rate()
		if !ok {
			break // the longer ones have not seen more
		}
		windows[n] = r
		n++
		if r.Since >= now.Since {
			within = n
		}
	}
	return windows, n, within
}

// When returns the two observations still remembered between which the total rose past what is asked for: a look back, close for the last observations
// and ever rougher before them. The total must never have fallen. False where it rose past it before all that is remembered, or has not yet.
func (d *Drifts) When(total float64) (before, after Observation, ok bool) {
	before.Time, after.Time = math.Inf(-1), math.Inf(1)
	see := func(o Observation) {
		if o.Total <= total && o.Time > before.Time {
			before = o
		}
		if o.Total > total && o.Time < after.Time {
			after = o
		}
	}
	for i := range d.drifts {
		w := &d.drifts[i]
		for _, e := range w.ends[:w.filled] {
			see(e)
		}
		if w.filled > 0 {
			see(w.last)
		}
	}
	return before, after, !math.IsInf(before.Time, 0) && !math.IsInf(after.Time, 0)
}
