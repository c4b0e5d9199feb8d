package forecast

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// batches is how many increments a Drift cuts its memory into. More leave less of the flows' autocorrelation inside a batch, and make the
// shortest memory longer; fewer leave the variance itself in doubt. On recorded queues 8 scored as 12, 16 and 24 on the whole, held its bounds
// better than they on the worst queues, and followed a repair sooner.
const batches = 8

// Drift forecasts that a running total goes on rising as it did over the last Memory samples: a Wiener process with drift, whose rate ν
// and variance rate s² are estimated from the increments Δᵢ of the total over n batches of durations δᵢ, W = Σδᵢ long together:
//
//	ν̂ = ΣΔᵢ/W        s² = Σ (Δᵢ - ν̂δᵢ)² / (W - Σδᵢ²/W)        sd(ν̂) = s/√W        Nu = max(1, [W²/Σδᵢ²] - 1)
//
// The end points alone tell ν, and the batches make s² a long-run variance: what is correlated within Memory/8 samples stays inside one
// batch. Both are unbiased for any spacing of the samples; Nu, rounded to a whole number, is n-1 at equal spacing, less where a gap makes
// one batch speak for many (Satterthwaite 1946), and never below 1, a Cauchy law, which knows next to nothing.
//
// The law of the time to work off a distance is then a StudentPassage with
//
//	Drift = ν̂ · ν̂²/(ν̂² + sd(ν̂)²)        DriftSD = sd(ν̂)        Volatility² = 3·s²
//
// The fraction is the share of ν̂² that is signal, so that a rate which cannot be told from zero is hardly extrapolated, and one of ten
// standard errors is left alone (shrinkage: Efron & Morris 1973). The standard error is not shrunk along, as a rate that cannot be
// told from zero may be one all the same. The factor 3 is what remembering no more than W means: a rate that holds for about W and
// then takes another value, each with variance s²/W, adds 2·(s²/W)·W = 2·s² to the variance rate of the sum over times long against W
// (the integrated Ornstein-Uhlenbeck process; Taylor 1921).
//
// The variance is never less than that of counting: a window over which the total moved by k has k + 1/2 events at least (Jeffreys'
// estimate of a Poisson count), so that a window without a change is not a certainty.
//
// Sources: F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2 (1946); A. M. Law,
// W. D. Kelton, Simulation Modeling and Analysis (batch means); B. Efron, C. Morris, Stein's estimation rule and its competitors, JASA
// 68 (1973); G. I. Taylor, Diffusion by continuous movements, Proc. London Math. Soc. 20 (1921).
type Drift struct {
	ends   [batches + 1]Observation
	last   Observation
	stride int32 // observations in a batch; 0 is 1
	since  int32 // observations since the last end
	next   int8  // where the next end goes
	filled int8
}

// NewDrift returns a Drift over the last 8·stride intervals between observations, and up to stride-1 more, as a batch that is still open belongs to the
// one before it; a stride below 1 is taken as 1.
func NewDrift(stride int) *Drift {
	return &Drift{stride: int32(min(max(stride, 1), math.MaxInt32))}
}

// Memory is the least number of intervals between observations that the Drift looks back on, once they have been seen.
func (d *Drift) Memory() int { return batches * int(max(d.stride, 1)) }

// Observe takes one observation.
func (d *Drift) Observe(o Observation) {
	d.last = o
	d.since++
	if d.since < d.stride && d.filled > 0 {
		return
	}
	d.ends[d.next] = o
	d.next = (d.next + 1) % int8(len(d.ends))
	d.filled = min(d.filled+1, int8(len(d.ends)))
	d.since = 0
}

// Forecast returns the law of the time until the total has risen by distance; nil while the memory reaches no further back than that of
// the Drift with half the stride or, for stride 1, while there are fewer than two intervals.
func (d *Drift) Forecast(distance float64) Distribution {
	r, ok := d.Rate()
	if !ok {
		return nil
	}
	return r.Passage(distance)
}

// Rate is the rate at which a total rises, as a window of observations tells it.
type Rate struct {
	// Mean in items/s.
	Mean float64
	// SD is the standard error of Mean in items/s.
	SD float64
	// Volatility is the square root of the long-run variance per second, in items/√s.
	Volatility float64
	// Nu is the degrees of freedom of SD and Volatility.
	Nu float64
	// Since is the time at which the window begins, and Span its length in seconds.
	Since, Span float64
}

// Positive returns the probability that the rate is above zero, by Student's t; one half where both Mean and SD are zero, and 1 only where SD is.
func (r Rate) Positive() float64 {
	if r.Mean == 0 {
		return 0.5
	}
	p := distuv.StudentsT{Sigma: 1, Nu: r.Nu}.CDF(r.Mean / r.SD)
	if r.SD > 0 { // the CDF rounds to 1 where less than 1e-16 is missing
		p = min(p, math.Nextafter(1, 0))
	}
	return p
}

// Deviate returns the normal deviate z with Φ(z) = Positive, to some hundredths for 3 degrees of freedom and more: sign·√(ν·ln(1 + t²/ν)) for
// t = Mean/SD (D. L. Wallace, Bounds on normal approximations to Student's and the chi-square distributions, Ann. Math. Stat. 30 (1959)). It
// costs a logarithm, where Positive costs an incomplete beta function.
func (r Rate) Deviate() float64 {
	if r.Mean == 0 {
		return 0
	}
	t := r.Mean / r.SD
	return math.Copysign(math.Sqrt(r.Nu*math.Log1p(t*t/r.Nu)), t)
}

// Interval returns the central interval of the rate that has the probability mass level, by Student's t.
func (r Rate) Interval(level float64) (lower, upper float64) {
	if r.SD == 0 {
		return r.Mean, r.Mean
	}
	half := -r.SD * distuv.StudentsT{Sigma: 1, Nu: r.Nu}.Quantile((1-level)/2)
	return r.Mean - half, r.Mean + half
}

// Passage returns the law of the time until the total has risen by distance at the rate; see Drift.
func (r Rate) Passage(distance float64) StudentPassage {
	drift := r.Mean
	if drift != 0 {
		z := r.SD / drift
		drift /= 1 + z*z
	}
	return StudentPassage{Distance: distance, Drift: drift, DriftSD: r.SD, Volatility: math.Sqrt(3) * r.Volatility, Nu: r.Nu}
}

// Normal returns the law of Passage with a normal law of the rate in place of Student's t, of the same 0.95-quantile.
func (r Rate) Normal(distance float64) FirstPassage { return r.Passage(distance).asNormal() }

// Law returns the law of the time until the total has risen by distance at the rate, as Passage does but with a normal law of the rate in place of Student's, of
// the same 0.95-quantile: a fifth of the cost where a hundredth of a factor of two does not matter.
func (r Rate) Law(distance float64) Distribution {
	var p passages
	p.add(r.Passage(distance).asNormal())
	return &p
}

// Rate returns the rate over the window; false under the same conditions under which Forecast returns nil.
func (d *Drift) Rate() (Rate, bool) {
	n := int(d.filled) - 1
	if n < 2 || (d.stride > 1 && n <= batches/2) {
		return Rate{}, false
	}
	ends := d.inOrder()
	first := ends[0]
	span, moved := d.last.Time-first.Time, d.last.Total-first.Total
	mean := moved / span
	sum, squares := 0.0, 0.0
	for i := range n {
		dt := ends[i+1].Time - ends[i].Time
		e := ends[i+1].Total - ends[i].Total - mean*dt
		sum += e * e
		squares += dt * dt
	}
	variance := math.Max(sum/(span-squares/span), (math.Abs(moved)+0.5)/span)
	return Rate{
		Mean: mean, SD: math.Sqrt(variance / span), Volatility: math.Sqrt(variance),
		Nu: math.Max(1, math.Round(span*span/squares)-1), Since: first.Time, Span: span,
	}, true
}

// inOrder returns the ends, the oldest first. The newest is the last observation: the batch that is still open belongs to the one before it,
// as by itself it may be too short to tell anything.
func (d *Drift) inOrder() (ends [batches + 1]Observation) {
	oldest := int8(0)
	if int(d.filled) == len(d.ends) {
		oldest = d.next
	}
	n := copy(ends[:], d.ends[oldest:])
	copy(ends[n:], d.ends[:oldest])
	ends[d.filled-1] = d.last
	return ends
}
