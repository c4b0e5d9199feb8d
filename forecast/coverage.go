package forecast

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Coverage counts how often central intervals held the outcome. The zero value is ready for use.
//
// Bounds of level 0.9 should hold nine outcomes of ten, one of twenty coming too early and one of twenty too late. That alone makes no good forecast, as bounds that
// always are those of the record hold too: see WeightedIntervalScore.
type Coverage struct {
	// Level is the probability mass that the intervals claim, in (0, 1). Nothing but PValue needs it.
	Level float64
	// Within is how many outcomes were in their interval, the bounds included.
	Within int
	// Early is how many came before the lower bound, Late how many after the upper one.
	Early, Late int
	// Unscored is how many could not be told, a bound or the outcome being NaN or the lower bound above the upper one.
	Unscored int
}

// Add counts one outcome. All three are in the same unit, seconds or places on a Scale. Never is +Inf, and is within bounds that end with it. Where an outcome is known up to a
// horizon only, put all three on a Scale that ends there: "not by then" is then within bounds of which the upper one is past it, and is late for others.
func (c *Coverage) Add(lower, upper, outcome float64) {
	switch {
	case !(lower <= upper) || math.IsNaN(outcome):
		c.Unscored++
	case outcome < lower:
		c.Early++
	case outcome > upper:
		c.Late++
	default:
		c.Within++
	}
}

// N returns how many outcomes were scored.
func (c Coverage) N() int { return c.Within + c.Early + c.Late }

// Share returns the share of the outcomes that were within their interval; NaN where there are none.
func (c Coverage) Share() float64 { return float64(c.Within) / float64(c.N()) }

// Bounds returns two-sided bounds on the share that would have been seen with ever more outcomes of the same kind: those at which a share as high as the observed one, or as
// low, would have had probability (1 - confidence)/2,
//
//	lower: P(X >= k) = (1 - confidence)/2        upper: P(X <= k) = (1 - confidence)/2
//
// for X binomial with n trials, k outcomes of n being within. They hold the truth with probability confidence or more, whatever n is. With none within the lower bound is
// 0, with all of them the upper one is 1. They are NaN where there is no outcome, for a confidence outside (0, 1) and for negative counts.
//
// The outcomes are taken to be independent. Forecasts that overlap in time share what happens, and their bounds should be wider than these.
//
// Source: Clopper & Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial, Biometrika 26 (1934), doi:10.1093/biomet/26.4.404.
func (c Coverage) Bounds(confidence float64) (lower, upper float64) {
	k, miss := float64(c.Within), float64(c.Early+c.Late)
	if !(confidence > 0 && confidence < 1) || c.Within < 0 || c.Early < 0 || c.Late < 0 || k+miss == 0 {
		return math.NaN(), math.NaN()
	}
	tail := (1 - confidence) / 2
	upper = 1
	if k > 0 {
		lower = mathext.InvRegIncBeta(k, miss+1, tail)
	}
	if miss > 0 {
		upper = 1 - mathext.InvRegIncBeta(miss, k+1, tail) // of the misses, as the small tail keeps its digits
	}
	return lower, upper
}

// PValue returns the probability of a share at least as far from Level as the observed one, to either side, if the intervals are what they claim: twice the smaller of
// P(X <= k) and P(X >= k) for X binomial, and at most 1. Level lies outside Bounds(confidence) where it is below 1 - confidence. It is NaN where there is no outcome, for a
// Level outside (0, 1) and for negative counts.
//
// The outcomes are taken to be independent, as in Bounds.
func (c Coverage) PValue() float64 {
	k, miss := float64(c.Within), float64(c.Early+c.Late)
	if !(c.Level > 0 && c.Level < 1) || c.Within < 0 || c.Early < 0 || c.Late < 0 || k+miss == 0 {
		return math.NaN()
	}
	most, least := 1.0, 1.0 // P(X <= k), P(X >= k)
	if miss > 0 {
		most = mathext.RegIncBeta(miss, k+1, 1-c.Level)
	}
	if k > 0 {
		least = mathext.RegIncBeta(k, miss+1, c.Level)
	}
	return math.Min(1, 2*math.Min(most, least))
}
