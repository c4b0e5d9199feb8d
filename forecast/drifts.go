package forecast

import "math"

// memories is how many memory lengths Drifts keeps: 8, 16, … 1024 samples. What lies beyond is hardly a drift: 2048 made the
// forecasts worse on recorded queues.
const memories = 8

// agreement is how many standard errors of a shorter memory's net rate a longer one's may lie off before the shorter one contradicts it.
const agreement = 3

// Drifts forecasts from drifts at memory lengths of 8, 16, … 1024 samples, mixed with equal weights: no single one is right, as 8 samples
// tell most just after a repair, and a thousand do in a quiet week.
//
// A net rate over a long window that a shorter one contradicts, by more than three of its standard errors, has ended. The rate that holds now is that
// of the longest window which no shorter one contradicts (see Rates), and all windows up to that one take it as their drift, each with
// its own volatility. The longer ones know that rates change: the rate to come may be what it is, what it was, or between, so their
// laws take the rate to be (ν₀+ν)/2 with the standard error |ν₀-ν|/2, for the rate ν₀ now and theirs, ν, where growth counts as zero, and
// shrink it as a Drift does its own: an outage that is over is not extrapolated, and one that goes on may end.
type Drifts struct {
	drifts [memories]Drift
}

// NewDrifts returns Drifts that have seen nothing.
func NewDrifts() *Drifts {
	d := &Drifts{}
	for i := range d.drifts {
		d.drifts[i] = *NewDrift(1 << i)
	}
	return d
}

// Observe takes one observation.
func (d *Drifts) Observe(o Observation) {
	for i := range d.drifts {
		d.drifts[i].Observe(o)
	}
}

// Correct replaces the amount of the last observation by that of o, which was made at the same time, and adds the flows of o.
func (d *Drifts) Correct(o Observation) {
	for i := range d.drifts {
		d.drifts[i].Correct(o)
	}
}

// Forecast returns the law of the time until the amount has fallen by distance: an equal mixture, or nil while there are fewer than three observations.
func (d *Drifts) Forecast(distance float64) Distribution {
	return d.mix(distance, func(r Rates) Rate { return r.Net })
}

// ForecastOut returns the law of the time until distance items have left, whatever enters; nil where the outflow is not known.
func (d *Drifts) ForecastOut(distance float64) Distribution {
	return d.mix(distance, func(r Rates) Rate { return r.Out })
}

// mix returns the mixture of the windows' laws for one of their rates.
func (d *Drifts) mix(distance float64, of func(Rates) Rate) Distribution {
	windows, n := d.windows()
	if n == 0 {
		return nil
	}
	hold := holding(windows[:n], of)
	now := of(windows[hold-1])
	m := Mixture{Components: make([]Distribution, 0, n)}
	for i, w := range windows[:n] {
		r := of(w)
		if math.IsNaN(r.Mean) {
			continue
		}
		if i < hold {
			r.Mean, r.SD = now.Mean, now.SD
		} else {
			is, was := math.Max(0, now.Mean), math.Max(0, r.Mean)
			r.Mean, r.SD = (is+was)/2, math.Abs(is-was)/2
		}
		m.Components = append(m.Components, r.passage(distance, w.Nu))
	}
	if math.IsNaN(now.Mean) || len(m.Components) == 0 {
		return nil
	}
	return m.prepare()
}

// Rates returns the rates that hold now: each over the longest window whose rate no shorter one contradicts; Span and Nu are those of the net
// rate's. False while there are fewer than three observations.
//
// Source: O. V. Lepskii, On a problem of adaptive estimation in Gaussian white noise, Theory Probab. Appl. 35 (1991).
func (d *Drifts) Rates() (now Rates, ok bool) {
	windows, n := d.windows()
	if n == 0 {
		return Rates{}, false
	}
	longest := func(of func(Rates) Rate) Rates { return windows[holding(windows[:n], of)-1] }
	now = longest(func(r Rates) Rate { return r.Net })
	now.In = longest(func(r Rates) Rate { return r.In }).In
	now.Out = longest(func(r Rates) Rate { return r.Out }).Out
	return now, true
}

// windows returns the rates over each window that has been filled, the shortest first, and how many there are.
func (d *Drifts) windows() (windows [memories]Rates, n int) {
	for i := range d.drifts {
		if r, ok := d.drifts[i].Rates(); ok {
			windows[n] = r
			n++
		}
	}
	return windows, n
}

// holding returns how many of the windows no shorter one contradicts in one of their rates, at least one; once one is contradicted, so are all that
// contain it. A window in which that rate is unknown counts as contradicted: what is longer has the same gap.
func holding(windows []Rates, of func(Rates) Rate) int {
	lo, hi := math.Inf(-1), math.Inf(1)
	for i, w := range windows {
		r := of(w)
		if i > 0 && !(lo <= r.Mean && r.Mean <= hi) {
			return i
		}
		lo, hi = math.Max(lo, r.Mean-agreement*r.SD), math.Min(hi, r.Mean+agreement*r.SD)
	}
	return len(windows)
}
