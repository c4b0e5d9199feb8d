package forecast

import "math"

// How good were the forecasts of a time that may be never? A score is a loss, 0 at best, and a proper one is least on average for whoever says what he believes.
//
// All of them work on anyone's forecasts: quantiles, bounds or a whole Distribution. Put the times on a Scale first, the forecast's and the outcome's alike:
//
//	on := forecast.LogScale{Unit: 60, Horizon: 86400}
//	loss := forecast.Pinball(0.9, on.Of(law.Quantile(0.9)), on.Of(outcome))

// Scale is a scale on which times are scored, from 0 up to a horizon. LogScale and PlainScale are two; any other must satisfy the comments of the methods.
//
// A scale caps what lies past its horizon, +Inf (never) included: "not by then" is one outcome. That is how censoring is treated. Of a time that is still open
// after c seconds nothing is known but that it is later; capped at c it is as good as known, and where c was decided beforehand, whatever the outcome
// would be, a proper score stays proper: min(T, c) is a time like any other, and the law of T tells that of it. Forecast and outcome must be capped at the same c.
// A c that depends on the outcome (leaving out what is still open, or capping only that) rewards forecasts that are too early.
type Scale interface {
	// Of returns the place of the time t on the scale: 0 for t = 0, from there rising to the place of the horizon, where it stays. It is NaN for NaN and for t < 0.
	Of(t float64) float64
	// Time returns the time at a place between Of(0) and Of(+Inf): the inverse of Of up to the horizon.
	Time(place float64) float64
}

// LogScale is the scale of factors: one up is about twice as long.
//
//	s(t) = log2(1 + min(t, Horizon)/Unit)
//
// where:
//
//	Unit     the time in seconds below which differences hardly matter, such as the distance of two samples; positive and finite
//	Horizon  in seconds, positive; +Inf for none
//
// Being off by a factor counts the same for minutes as for days, which makes losses of long times and of short ones comparable; the 1 keeps it finite at 0.
// s has no unit and does not change where all three times are measured in another one. With a Unit or a Horizon out of range, as those of the zero
// value, everything is NaN.
type LogScale struct {
	Unit, Horizon float64
}

// Of returns the place of the time t, in factors of two.
func (l LogScale) Of(t float64) float64 {
	if !(l.Unit > 0 && l.Unit <= math.MaxFloat64 && l.Horizon > 0 && t >= 0) {
		return math.NaN()
	}
	t = math.Min(t, l.Horizon)
	if x := t / l.Unit; x <= math.MaxFloat64 {
		return math.Log1p(x) / math.Ln2
	}
	return math.Log2(t) - math.Log2(l.Unit)
}

// Time returns the time in seconds at a place of the scale; NaN for a negative one and past the horizon's.
func (l LogScale) Time(place float64) float64 {
	if !(place >= 0 && place <= l.Of(math.Inf(1))) {
		return math.NaN()
	}
	if t := l.Unit * math.Expm1(place*math.Ln2); t <= l.Horizon {
		return t
	}
	return l.Horizon // by rounding
}

// PlainScale is the scale of seconds, min(t, Horizon). Long times dominate a mean of losses on it. Horizon must be positive; +Inf is none, and for one that is not positive,
// as that of the zero value, everything is NaN.
type PlainScale struct {
	Horizon float64
}

// Of returns the place of the time t, in seconds.
func (p PlainScale) Of(t float64) float64 {
	if !(p.Horizon > 0 && t >= 0) {
		return math.NaN()
	}
	return math.Min(t, p.Horizon)
}

// Time returns the time in seconds at a place of the scale; NaN for a negative one and past the horizon.
func (p PlainScale) Time(place float64) float64 {
	if !(place >= 0 && place <= p.Of(math.Inf(1))) {
		return math.NaN()
	}
	return place
}

// Pinball returns the loss of one quantile, which is least on average for the true one:
//
//	max(p·(y - q), (p - 1)·(y - q))
//
// where:
//
//	p  the probability of an outcome up to the quantile, in (0, 1)
//	q  the quantile that was forecast
//	y  the outcome, in the same unit, seconds or places on a Scale, and so is the loss
//
// The range is 0 to +Inf. Special cases: q = y is 0, also where both are never (+Inf); one of them never and the other not is +Inf; p outside (0, 1) and NaN is NaN.
//
// Sources: Koenker & Bassett, Regression quantiles, Econometrica 46 (1978), doi:10.2307/1913643; Gneiting, Making and evaluating point forecasts, Journal of the American
// Statistical Association 106 (2011), doi:10.1198/jasa.2011.r10138 (which losses are proper for a quantile).
func Pinball(p, quantile, outcome float64) float64 {
	switch e := outcome - quantile; {
	case !(p > 0 && p < 1):
		return math.NaN()
	case outcome == quantile:
		return 0
	default:
		return math.Max(p*e, (p-1)*e)
	}
}

// IntervalScore returns the loss of a central interval: its width, and a fine for an outcome outside,
//
//	(u - l) + 2/α·max(0, l - y) + 2/α·max(0, y - u),    α = 1 - level
//
// where:
//
//	level  the probability mass of the interval, in (0, 1): l and u are the quantiles of (1 - level)/2 and (1 + level)/2
//	l, u   the lower and the upper bound that were forecast, l <= u
//	y      the outcome, in the same unit, seconds or places on a Scale, and so is the loss
//
// It is 2/α times the sum of the two bounds' Pinball. The range is 0 to +Inf. Special cases: l = u = y is 0, also where all are never (+Inf); a bound or an outcome that is
// never, while another one of the three is not, is +Inf; l > u, a level outside (0, 1) and NaN are NaN.
//
// Sources: Winkler, A decision-theoretic approach to interval estimation, Journal of the American Statistical Association 67 (1972), doi:10.1080/01621459.1972.10481224;
// Gneiting & Raftery, Strictly proper scoring rules, ibid. 102 (2007), doi:10.1198/016214506000001437, equation 43.
func IntervalScore(level, lower, upper, outcome float64) float64 {
	if !(level > 0 && level < 1 && lower <= upper) || math.IsNaN(outcome) {
		return math.NaN()
	}
	loss := 0.0
	if lower < upper {
		loss = upper - lower
	}
	switch fine := 2 / (1 - level); {
	case outcome < lower:
		loss += fine * (lower - outcome)
	case outcome > upper:
		loss += fine * (outcome - upper)
	}
	return loss
}

// WeightedIntervalScore returns the loss of a forecast that is given as quantiles: the mean over them of twice the Pinball,
//
//	1/n · sum over i of 2·Pinball(p_i, q_i, y)
//
// where:
//
//	p_i  levels, the probabilities of the quantiles, each in (0, 1)
//	q_i  quantiles, those that were forecast
//	y    the outcome, in their unit, seconds or places on a Scale, and so is the loss
//
// For the median and K central intervals of levels 1 - α_k it is 1/(K + 1/2)·(|y - median|/2 + sum of α_k/2·IntervalScore), whence its name. With ever more
// levels, evenly spaced, it becomes CRPS; for the median alone it is the absolute error.
//
// The range is 0 to +Inf. Special cases: those of Pinball; no levels, or not as many as quantiles, is NaN. Quantiles that cross are scored as they stand.
//
// Source: Bracher, Ray, Gneiting & Reich, Evaluating epidemic forecasts in an interval format, PLoS Computational Biology 17 (2021), doi:10.1371/journal.pcbi.1008618.
func WeightedIntervalScore(levels, quantiles []float64, outcome float64) float64 {
	if len(levels) == 0 || len(levels) != len(quantiles) {
		return math.NaN()
	}
	sum := 0.0
	for i, p := range levels {
		sum += 2 * Pinball(p, quantiles[i], outcome)
	}
	return sum / float64(len(levels))
}

// Skill returns by how much a mean loss is below that of a baseline, as a share of it:
//
//	1 - loss/baseline
//
// It is 1 for perfect forecasts, 0 for what is no better than the baseline, and negative for worse, without limit. Special cases: 0 where both losses are 0 or both are +Inf,
// neither being better; -Inf for a loss beside a baseline of 0; NaN where either is negative or NaN.
//
// Both must be means over the same outcomes. Source: Murphy, Skill scores based on the mean square error, Monthly Weather Review 116 (1988).
func Skill(loss, baseline float64) float64 {
	switch {
	case !(loss >= 0 && baseline >= 0):
		return math.NaN()
	case loss == baseline:
		return 0
	}
	return 1 - loss/baseline
}
