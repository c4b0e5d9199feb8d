package forecast

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// PITBins is the number of bins of a PIT: tenths of probability, which a few hundred forecasts fill.
const PITBins = 10

// PIT is a histogram of probability integral transforms: where in its own forecast did each outcome lie? The zero value is ready for use.
//
//	u = F(y)
//
// for the CDF F that was forecast and the outcome y. If the forecasts are right, u is uniform on [0, 1], whatever the laws are, and all bins have the same height. Ends that
// are higher than the middle mean bounds that are too narrow, a hump bounds that are too wide, more at the left that outcomes come earlier than forecast, and at the
// right later. It shows what a Coverage of one level cannot; like that it does not tell whether forecasts are sharp.
//
// Where u is known only to lie between two probabilities it is spread evenly over them: F(y-) to F(y) where the law has probability at y itself, F(c) to 1 for an outcome
// that is still open at c. Under forecasts that are right that keeps the expected height of all bins the same, and needs no random numbers.
//
// Sources: Dawid, Present position and potential developments: the prequential approach, Journal of the Royal Statistical Society A 147 (1984), doi:10.2307/2981683; Diebold,
// Gunther & Tay, Evaluating density forecasts, International Economic Review 39 (1998), doi:10.2307/2527342; Czado, Gneiting & Held, Predictive model assessment for
// count data, Biometrics 65 (2009), doi:10.1111/j.1541-0420.2009.01191.x (the non-randomized form).
type PIT struct {
	// Counts are how many outcomes fell into each tenth, fractions of those that are spread included. They sum to N.
	Counts [PITBins]float64
	// N is how many outcomes were scored.
	N int
	// Unscored is how many could not be: the law unknown, the outcome NaN or negative, or the like.
	Unscored int
}

// Add counts one outcome in seconds with the law that was forecast for it. One past the horizon, +Inf included, is known to be later than that and no more; without
// limit the horizon is +Inf. The horizon must be positive and decided beforehand: see Scale. A nil law, an outcome that is negative, and NaN are Unscored.
func (p *PIT) Add(law Distribution, outcome, horizon float64) {
	switch {
	case law == nil || !(outcome >= 0 && horizon > 0):
		p.Unscored++
	case outcome > horizon || math.IsInf(outcome, 1):
		p.AddRange(law.CDF(horizon), 1)
	default:
		upper := law.CDF(outcome)
		// Equal but for rounding, unless the law has probability there.
		p.AddRange(math.Min(law.CDF(math.Nextafter(outcome, math.Inf(-1))), upper), upper)
	}
}

// AddRange counts one outcome of which the transform is known to lie between two probabilities, for whoever has the CDF but no Distribution. Equal ones are one value. It is
// Unscored where they are not 0 <= lower <= upper <= 1.
func (p *PIT) AddRange(lower, upper float64) {
	if !(0 <= lower && lower <= upper && upper <= 1) {
		p.Unscored++
		return
	}
	p.N++
	bin := func(u float64) int { return min(int(u*PITBins), PITBins-1) }
	first, last := bin(lower), bin(upper)
	if first == last {
		p.Counts[first]++
		return
	}
	for i := first; i <= last; i++ {
		from, to := math.Max(lower, float64(i)/PITBins), math.Min(upper, float64(i+1)/PITBins)
		p.Counts[i] += math.Max(0, to-from) / (upper - lower)
	}
}

// ChiSquare returns the statistic of Pearson's test of uniformity,
//
//	sum over the bins of (count - N/10)²/(N/10)
//
// and the probability of one as large or larger if the forecasts are right, that of χ² with nine degrees of freedom. A small one, below 0.01 say, speaks against them. Both
// are NaN where there is no outcome.
//
// It wants N of 50 or more, five in a bin, and takes the outcomes to be independent: forecasts that overlap in time are not, and make it too small. Outcomes that
// are spread vary less than others and make it too large, so that a test with many of them errs towards finding nothing.
//
// Source: K. Pearson, On the criterion that a given system of deviations …, Philosophical Magazine 50 (1900), doi:10.1080/14786440009463897.
func (p *PIT) ChiSquare() (statistic, pValue float64) {
	if !(p.N > 0) {
		return math.NaN(), math.NaN()
	}
	expected := float64(p.N) / PITBins
	for _, c := range p.Counts {
		statistic += (c - expected) / expected * (c - expected)
	}
	return statistic, mathext.GammaIncRegComp(float64(PITBins-1)/2, statistic/2)
}
