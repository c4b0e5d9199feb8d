package forecast

import "math"

// batches is how many increments a Drift cuts its memory into. More leave less of the flows' autocorrelation inside a batch, and make the
// shortest memory longer; fewer leave the variance itself in doubt. On recorded queues 8 scored as 12, 16 and 24 on the whole, held its bounds
// better than they on the worst queues, and followed a repair sooner.
const batches = 8

// Drift forecasts that the amount goes on changing as it did over the last Memory samples: a Wiener process with drift, whose net drain
// rate ν and variance rate s² are estimated from the increments Δᵢ of the amount over n batches of durations δᵢ, W = Σδᵢ long together:
//
//	ν̂ = -ΣΔᵢ/W        s² = Σ (Δᵢ + ν̂δᵢ)² / (W - Σδᵢ²/W)        sd(ν̂) = s/√W        Nu = max(1, [W²/Σδᵢ²] - 1)
//
// The end points alone tell ν, and the batches make s² a long-run variance: what is correlated within Memory/8 samples stays inside one
// batch. Both are unbiased for any spacing of the samples; Nu, rounded to a whole number, is n-1 at equal spacing, less where a gap makes
// one batch speak for many (Satterthwaite 1946), and never below 1, a Cauchy law, which knows next to nothing.
//
// The law of the time to work off a distance is then a StudentPassage with
//
//	Drift = ν̂ · ν̂²/(ν̂² + sd(ν̂)²)        DriftSD = sd(ν̂)        Volatility² = 3·s²
//
// The fraction is the share of ν̂² that is signal, so that a net rate which cannot be told from zero is hardly extrapolated, and one of ten
// standard errors is left alone (shrinkage: Efron & Morris 1973). The standard error is not shrunk along, as a rate that cannot be
// told from zero may be one all the same. The factor 3 is what remembering no more than W means: a rate that holds for about W and
// then takes another value, each with variance s²/W, adds 2·(s²/W)·W = 2·s² to the variance rate of the sum over times long against W
// (the integrated Ornstein-Uhlenbeck process; Taylor 1921).
//
// The variance is never less than that of counting: a window in which k items net came or went has k + 1/2 events at least (Jeffreys'
// estimate of a Poisson count), so that a window without a change is not a certainty.
//
// Sources: F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2 (1946); A. M. Law,
// W. D. Kelton, Simulation Modeling and Analysis (batch means); B. Efron, C. Morris, Stein's estimation rule and its competitors, JASA
// 68 (1973); G. I. Taylor, Diffusion by continuous movements, Proc. London Math. Soc. 20 (1921).
type Drift struct {
	stride int // observations in a batch
	ends   [batches + 1]end
	next   int // where the next end goes
	filled int
	since  int // observations since the last end
	last   end
}

// end is where one batch ends and the next begins: the amount then, and what had entered and left by then. A flow that was unknown for an
// interval counts as a gap, so that a window with a gap in it is not taken for a slow one.
type end struct {
	time, amount    float64
	in, out         float64
	inGaps, outGaps uint32
}

// NewDrift returns a Drift over the last 8·stride intervals between observations, and up to stride-1 more, as a batch that is still open belongs to the
// one before it; a stride below 1 is taken as 1.
func NewDrift(stride int) *Drift {
	return &Drift{stride: max(stride, 1)}
}

// Memory is the least number of intervals between samples that the Drift looks back on, once they have been seen.
func (d *Drift) Memory() int { return batches * d.stride }

// Observe takes one observation.
func (d *Drift) Observe(o Observation) {
	d.add(o)
	d.since++
	if d.since < d.stride && d.filled > 0 {
		return
	}
	d.ends[d.next] = d.last
	d.next = (d.next + 1) % len(d.ends)
	d.filled = min(d.filled+1, len(d.ends))
	d.since = 0
}

// Correct replaces the amount of the last observation by that of o, which was made at the same time, and adds the flows of o.
func (d *Drift) Correct(o Observation) {
	d.add(o)
	if d.since == 0 {
		d.ends[(d.next+batches)%len(d.ends)] = d.last
	}
}

func (d *Drift) add(o Observation) {
	d.last.time, d.last.amount = o.Time, o.Amount
	if math.IsNaN(o.In) {
		d.last.inGaps++
	} else {
		d.last.in += o.In
	}
	if math.IsNaN(o.Out) {
		d.last.outGaps++
	} else {
		d.last.out += o.Out
	}
}

// Forecast returns the law of the time until the amount has fallen by distance; nil while the memory reaches no further back than that of
// the Drift with half the stride or, for stride 1, while there are fewer than two intervals.
func (d *Drift) Forecast(distance float64) Distribution {
	r, ok := d.Rates()
	if !ok {
		return nil
	}
	return r.Net.passage(distance, r.Nu)
}

// Rate is a rate as a window of samples tells it.
type Rate struct {
	// Mean in items/s; NaN where it is not known.
	Mean float64
	// SD is the standard error of Mean in items/s.
	SD float64
	// Volatility is the square root of the long-run variance per second, in items/√s.
	Volatility float64
}

// Rates are the rates over one window of samples.
type Rates struct {
	// Span is the length of the window in seconds.
	Span float64
	// Nu is the degrees of freedom of SD and Volatility.
	Nu float64
	// Net is the net drain rate, taken from the amount alone; In and Out are the measured flows.
	Net, In, Out Rate
}

// passage returns the law of the time to work off distance at the rate; see Drift.
func (r Rate) passage(distance, nu float64) StudentPassage {
	drift := r.Mean
	if drift != 0 {
		z := r.SD / drift
		drift /= 1 + z*z
	}
	return StudentPassage{Distance: distance, Drift: drift, DriftSD: r.SD, Volatility: math.Sqrt(3) * r.Volatility, Nu: nu}
}

// Rates returns the rates over the window; false under the same conditions under which Forecast returns nil.
func (d *Drift) Rates() (Rates, bool) {
	n := d.filled - 1
	if n < 2 || (d.stride > 1 && n <= batches/2) {
		return Rates{}, false
	}
	ends := d.inOrder()
	w := window{n: n, span: d.last.time - ends[0].time}
	var amount, in, out [batches + 1]float64
	for i, e := range ends[:n+1] {
		w.times[i], amount[i], in[i], out[i] = e.time, -e.amount, e.in, e.out
		if i > 0 {
			dt := e.time - ends[i-1].time
			w.squares += dt * dt
		}
	}
	unknown := Rate{Mean: math.NaN()}
	r := Rates{Span: w.span, Nu: math.Max(1, math.Round(w.span*w.span/w.squares)-1), Net: w.fit(&amount), In: unknown, Out: unknown}
	if ends[0].inGaps == d.last.inGaps {
		r.In = w.fit(&in)
	}
	if ends[0].outGaps == d.last.outGaps {
		r.Out = w.fit(&out)
	}
	return r, true
}

// inOrder returns the ends, the oldest first. The newest is the last observation: the batch that is still open belongs to the one before it,
// as by itself it may be too short to tell anything.
func (d *Drift) inOrder() (ends [batches + 1]end) {
	oldest := 0
	if d.filled == len(d.ends) {
		oldest = d.next
	}
	n := copy(ends[:], d.ends[oldest:])
	copy(ends[n:], d.ends[:oldest])
	ends[d.filled-1] = d.last
	return ends
}

// window is the n batches that a fit is made of: when they end, Σδᵢ and Σδᵢ².
type window struct {
	n             int
	times         [batches + 1]float64
	span, squares float64
}

// fit estimates the rate at which a value rises over the batches.
func (w *window) fit(value *[batches + 1]float64) Rate {
	moved := value[w.n] - value[0]
	mean := moved / w.span
	sum := 0.0
	for i := range w.n {
		e := value[i+1] - value[i] - mean*(w.times[i+1]-w.times[i])
		sum += e * e
	}
	variance := math.Max(sum/(w.span-w.squares/w.span), (math.Abs(moved)+0.5)/w.span)
	return Rate{Mean: mean, SD: math.Sqrt(variance / w.span), Volatility: math.Sqrt(variance)}
}
