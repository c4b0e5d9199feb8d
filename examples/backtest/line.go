package main

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// line is a straight line through the last backlogs, by least squares: what monitoring extrapolates, with the standard error that a textbook gives it. It takes
// the deviations from the line to be independent, which those of a backlog are not: they add up.
type line struct {
	at, backlog []float64 // at most lineSamples
	nu          float64   // degrees of freedom of deviates
	deviates    []float64 // of Student's t at the levels of the quantiles
}

// lineSamples is how many backlogs the line goes through: an hour of samples a minute apart.
const lineSamples = 60

// observe takes a backlog. One that is not newer takes the place of those that are, so that a time from the future does not stay, and a clock that was set back goes on.
func (l *line) observe(at, backlog float64) {
	for n := len(l.at); n > 0 && l.at[n-1] >= at; n-- {
		l.at, l.backlog = l.at[:n-1], l.backlog[:n-1]
	}
	if len(l.at) == lineSamples {
		l.at = append(l.at[:0], l.at[1:]...)
		l.backlog = append(l.backlog[:0], l.backlog[1:]...)
	}
	l.at, l.backlog = append(l.at, at), append(l.backlog, backlog)
}

// fit is a line at a moment of asking.
type fit struct {
	mean, slope float64 // of the backlog; of the line, in items/s
	now         float64 // the moment, in seconds after the mean of the times
	variance    float64 // of a backlog about the line
	n, squares  float64 // number of backlogs; sum of the squares of their times about the mean
}

// fit returns the line as of a moment; false where fewer than three backlogs leave nothing to tell an error by.
func (l *line) fit(now float64) (fit, bool) {
	n := float64(len(l.at))
	if n < 3 {
		return fit{}, false
	}
	f := fit{n: n}
	t := 0.0 // mean time, in seconds from now
	for i := range l.at {
		t += (l.at[i] - now) / n
		f.mean += l.backlog[i] / n
	}
	f.now = -t
	for i := range l.at {
		x := l.at[i] - now - t
		f.squares += x * x
		f.slope += x * (l.backlog[i] - f.mean)
	}
	f.slope /= f.squares
	for i := range l.at {
		e := l.backlog[i] - f.mean - f.slope*(l.at[i]-now-t)
		f.variance += e * e / (n - 2)
	}
	return f, true
}

// predict answers when the line will be at a level, in seconds from the moment.
//
// The line at x seconds after the mean time is known with the standard error s·√(1/n + x²/S), for n backlogs with the variance s² about it and S the sum of the squares of their
// times, by Student's t with n - 2 degrees of freedom. The quantile p is the first moment at which it has fallen to the level with probability p: where the
// confidence band of the line crosses the level (Fieller 1954). It is never where the line does not fall, and for a p that the falling is not as sure as.
func (l *line) predict(now, level float64) answer {
	f, ok := l.fit(now)
	if !ok || !(f.slope < 0) {
		return never()
	}
	if l.nu != f.n-2 {
		l.nu, l.deviates = f.n-2, make([]float64, len(probabilities))
		for i, p := range probabilities {
			l.deviates[i] = student(p, l.nu)
		}
	}
	a := answer{make([]float64, len(probabilities)), func(t float64) float64 { return f.fallen(level, t) }}
	for i, z := range l.deviates {
		a.quantiles[i] = f.crossing(level, z)
	}
	return a
}

// fallen returns the probability that the line is at the level or below it after t seconds.
func (f fit) fallen(level, t float64) float64 {
	x := f.now + t
	se := math.Sqrt(f.variance * (1/f.n + x*x/f.squares))
	return forecast.Rate{Mean: level - f.mean - f.slope*x, SD: se, Nu: f.n - 2}.Positive()
}

// student is the quantile p of Student's t.
func student(p, nu float64) float64 {
	if p == 0.5 {
		return 0
	}
	lower, upper := forecast.Rate{SD: 1, Nu: nu}.Interval(math.Abs(2*p - 1))
	if p < 0.5 {
		return lower
	}
	return upper
}

// crossing returns when level - line first is z standard errors, for a line that falls: the root of (level - mean - slope·x)² = z²s²(1/n + x²/S) on the side of z.
func (f fit) crossing(level, z float64) float64 {
	d := level - f.mean
	if d-f.slope*f.now >= z*math.Sqrt(f.variance*(1/f.n+f.now*f.now/f.squares)) {
		return 0
	}
	s := z * math.Sqrt(f.variance)
	a := f.slope*f.slope - s*s/f.squares
	root := s * math.Sqrt(math.Max(0, d*d/f.squares+a/f.n))
	var x float64
	switch {
	case z <= 0:
		x = (d*d - s*s/f.n) / (f.slope*d - root) // without cancellation, also where a is 0 or less
	case a <= 0:
		return math.Inf(1) // not as sure as that to fall at all
	default:
		x = (f.slope*d + root) / a
	}
	return math.Max(0, x-f.now)
}
