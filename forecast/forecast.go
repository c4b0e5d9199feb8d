package forecast

// Distribution is the law of a time in seconds, counted from the moment of the forecast, that may never come: the mass that is
// missing at infinity is the probability of never arriving. Every law of this package satisfies it; the method names are those of
// gonum.org/v1/gonum/stat/distuv.
type Distribution interface {
	// CDF returns P(T <= t); CDF(+Inf) is Finite().
	CDF(t float64) float64
	// Survival returns P(T > t) = 1 - CDF(t), to full relative accuracy where that is small.
	Survival(t float64) float64
	// Prob returns the density at t, in 1/s.
	Prob(t float64) float64
	// Quantile returns the smallest t >= 0 with CDF(t) >= p: 0 for p <= 0, +Inf where p exceeds Finite().
	Quantile(p float64) float64
	// Finite returns P(T < Inf).
	Finite() float64
}

// Observation is what was seen at one instant: a running total, such as the items that left a queue since somebody began to count, or those
// left less those come, which is the backlog with its sign changed.
type Observation struct {
	// Time in seconds from any fixed origin; it must increase from one observation to the next.
	Time float64
	// Total at this instant, in items from any fixed origin. It may fall.
	Total float64
}

// Forecaster turns what it has observed into the law of the time until the total has risen further. A forecaster is streaming: it keeps a fixed
// amount of memory and Observe does not allocate.
type Forecaster interface {
	// Observe takes one observation, later than all before.
	Observe(Observation)
	// Forecast returns the law of the time, from the last observation on, until the total has risen by distance items
	// (distance > 0). It returns nil where the forecaster has not seen enough, or nothing that the others have not.
	Forecast(distance float64) Distribution
}
