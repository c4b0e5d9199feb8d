package drain

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Everything that people read is written here: numbers, durations, clock times and the line that answers.

// never and unknown are how people read +Inf and NaN.
const (
	never   = "never"
	unknown = "unknown"
)

// String returns the answer in one line, with clock times in the zone of AsOf:
//
//	1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 01 min – 1 h 47 min), about 15:50 CET
//	84 210 items, growing by 12/s: will not clear at this rate (P(never) 97 %)
//
// The digits follow the width of the bounds. The clock time is left out where AsOf is unset.
func (p Prediction) String() string {
	head := FormatItems(p.Backlog) + ", " + p.flow()
	if p.Queue != "" {
		head = p.Queue + ": " + head
	}
	b := p.TimeToClear
	infinitive, participle := "clear", "cleared"
	if p.Target > 0 {
		infinitive, participle = "fall to "+FormatItems(p.Target), "fallen to "+FormatItems(p.Target)
	}
	switch {
	case p.State == Cleared && p.Backlog > p.Target:
		return head + " (" + FormatItems(p.Target) + " or fewer a moment ago, and above that by no more than usual)"
	case p.State == Cleared && p.Target > 0:
		return head + " (at or below " + FormatItems(p.Target) + ")"
	case p.State == Cleared:
		return head
	case b.Median == 0:
		return head + ": may be " + participle + " by now"
	case math.IsNaN(b.Median):
		return head + ": cannot tell yet when it will " + infinitive
	case math.IsInf(b.Median, 1):
		within := "at this rate"
		if p.State != Growing && p.State != Stalled && !math.IsInf(p.Horizon, 1) {
			within = "within " + FormatDuration(p.Horizon, p.Horizon/2)
		}
		chance := "P(never) " + FormatProbability(p.Never)
		// A chance is left, and this is the soonest; but while nothing leaves a repair may come at any moment, and nobody can be sure.
		if !math.IsInf(b.Lower, 1) && !slices.Contains(p.Reasons, NothingLeaves) {
			chance += ", " + FormatLevel((1+b.Level)/2) + " sure not before " + FormatDuration(b.Lower, b.Lower/4)
		}
		if p.Plan != "" {
			within = "with " + p.Plan
		}
		if e := p.Effects; e.Settles.known {
			if e.SettlesIn.Median == 0 {
				return fmt.Sprintf("%s: at rest near %s, and will not %s", head, FormatItems(math.Round(e.Settles.value)), infinitive)
			}
			median, lower, upper := e.SettlesIn.format()
			return fmt.Sprintf("%s: settles near %s in %s (%s: %s – %s), and will not %s", head, FormatItems(math.Round(e.Settles.value)), median, FormatLevel(b.Level), lower, upper, infinitive)
		}
		return head + ": will not " + infinitive + " " + within + " (" + chance + ")"
	}
	median, lower, upper := b.format()
	switch {
	case p.Plan != "":
		participle = "with " + p.Plan + ", " + participle
	case p.State == Growing || p.State == Stalled: // see RateVaried
		chance := "if its rate varies as before, "
		switch {
		case p.Samples == 0:
			chance = "by the chance of counting "
		case slices.Contains(p.Reasons, CameAsFast):
			chance = "if it goes as fast as it came, "
		case slices.Contains(p.Reasons, DrainedBefore):
			chance = "as earlier drains went, "
		case slices.Contains(p.Reasons, TimeOfDay):
			chance = "as it usually goes at this time, "
		}
		participle = chance + participle
	}
	s := fmt.Sprintf("%s: %s in %s (%s: %s – %s)", head, participle, median, FormatLevel(b.Level), lower, upper)
	if at, ok := p.Time(b.Median); ok {
		width := b.width()
		if b.Median < 120 {
			width = 0 // to the second: a minute may be past already
		}
		s += ", about " + FormatClock(at, p.AsOf, width)
	}
	return s
}

// flow says what the state is and how fast.
func (p Prediction) flow() string {
	switch p.State {
	case Draining:
		return "draining at " + FormatRate(p.NetDrain)
	case Growing:
		s := "growing by " + FormatRate(-p.NetDrain)
		if slices.Contains(p.Reasons, NothingLeaves) {
			s += ", nothing leaves"
		}
		return s
	case Steady:
		return "steady"
	case Stalled:
		return "stalled, nothing leaves"
	case Cleared:
		return "cleared"
	default:
		if slices.Contains(p.Reasons, Stale) {
			return "no recent sample"
		}
		return "too little known"
	}
}

// Change says since when the net drain rate holds and what it was before, such as "since 14:05 CET draining at 300/s; before that growing by 50/s"; empty
// where no change was found.
func (p Prediction) Change() string {
	if math.IsNaN(p.Before) || math.IsNaN(p.NetDrain) {
		return ""
	}
	way := func(net float64) string {
		if net < 0 {
			return "growing by " + FormatRate(-net)
		}
		return "draining at " + FormatRate(net)
	}
	width := 600.0
	if p.AsOf.Sub(p.Since) < 10*time.Minute {
		width = 0
	}
	return fmt.Sprintf("since %s %s; before that %s", FormatClock(p.Since.In(p.AsOf.Location()), p.AsOf, width), way(p.NetDrain), way(p.Before))
}

// String says how earlier predictions turned out, such as "of 212 earlier predictions on this queue 91 % fell within their 90 % bounds, and half of the medians
// were right to a factor of 1.4"; "none yet" where none was judged. The level is that of the prediction.
func (r Record) String() string {
	if r.Predictions == 0 {
		return "none yet"
	}
	return fmt.Sprintf("of %s on this queue %s fell within their %s bounds, and half of the medians were right to a factor of %.2g",
		count(r.Predictions, "earlier prediction"), FormatProbability(r.WithinLevel), FormatLevel(r.level), r.MedianFactor)
}

// String returns the median with its bounds, such as "34 s (90 %: 13 s – 1 min 54 s)", and the median alone where they are one; the digits follow the width of
// the bounds.
func (b Bounds) String() string {
	median, lower, upper := b.format()
	if lower == upper {
		return median
	}
	return fmt.Sprintf("%s (%s: %s – %s)", median, FormatLevel(b.Level), lower, upper)
}

// width is what the digits follow: the distance of the bounds or, where the upper one is never, of the lower one and the median.
func (b Bounds) width() float64 {
	switch {
	case !math.IsInf(b.Upper, 1):
		return b.Upper - b.Lower
	case !math.IsInf(b.Median, 1):
		return b.Median - b.Lower
	}
	return 0
}

// format returns median and bounds as durations. Where two units cannot tell the bounds from the median a third one can.
func (b Bounds) format() (median, lower, upper string) {
	w := b.width()
	median, lower, upper = FormatDuration(b.Median, w), FormatDuration(b.Lower, w), FormatDuration(b.Upper, w)
	if (median == lower || median == upper) && w > 0 {
		lower, upper = duration(b.Lower, w, 3), duration(b.Upper, w, 3)
	}
	return median, lower, upper
}

// units of durations, in seconds; each but the first is a whole number of the next.
var units = []struct {
	name    string
	seconds float64
	digits  int // leading zeros are written to this many digits behind a larger unit
}{
	{"d", 86400, 0},
	{"h", 3600, 2},
	{"min", 60, 2},
	{"s", 1, 2},
}

// year is 365.25 days.
const year = 365.25 * 86400

// FormatDuration writes seconds for people, in at most two units: "1 h 18 min", "61 h 00 min", "3 d 03 h", "4.7 s", "350 ms", "12 years"; "never" for +Inf,
// "unknown" for NaN. A unit is left out where width, the distance of the bounds around the value in seconds, is at least two of the next
// larger one: no seconds where the bounds are minutes apart. Width 0 asks for two units.
func FormatDuration(seconds, width float64) string { return duration(seconds, width, 2) }

func duration(seconds, width float64, most int) string {
	switch {
	case math.IsNaN(seconds):
		return unknown
	case math.IsInf(seconds, 1):
		return never
	case seconds < 0:
		return "-" + duration(-seconds, width, most)
	case seconds == 0:
		return "0 s"
	case seconds < 0.9995e-6:
		return digits(seconds*1e9, width*1e9) + " ns"
	case seconds < 1e-3:
		return digits(seconds*1e6, width*1e6) + " µs"
	case seconds < 0.9995:
		return digits(seconds*1e3, width*1e3) + " ms"
	case seconds < 9.95:
		return digits(seconds, width) + " s"
	case seconds >= 2*year:
		return strconv.FormatFloat(seconds/year, 'f', 0, 64) + " years"
	}
	first := 0
	for units[first].seconds > seconds || first == 0 && seconds < 72*3600 {
		first++ // hours are what people count in for the first three days
	}
	// The smallest unit that is worth its ink, by the number of units and by the width of the bounds; a short time keeps one unit more.
	last := min(first+most-1, len(units)-1)
	for last > first && width >= 2*units[last-1].seconds && seconds >= 3*units[last-1].seconds {
		last--
	}
	rest := math.Round(seconds/units[last].seconds) * units[last].seconds
	if first > 1 && rest >= units[first-1].seconds { // 59.9 min are 1 h
		first--
		last = min(last, first+most-1)
	}
	var s []string
	for i := first; i <= last; i++ {
		n := math.Floor(rest/units[i].seconds + 1e-9)
		rest -= n * units[i].seconds
		pad := 0
		if i > first {
			pad = units[i].digits
		}
		s = append(s, fmt.Sprintf("%0*.0f %s", pad, n, units[i].name))
	}
	return strings.Join(s, " ")
}

// FormatSeconds writes seconds as such, for whoever works on with them: to a tenth, or to three digits below a hundred; "never" for +Inf, "unknown" for NaN.
func FormatSeconds(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return unknown
	case math.IsInf(seconds, 1):
		return never
	case seconds == 0:
		return "0 s"
	case seconds < 99.95:
		return strconv.FormatFloat(seconds, 'g', 3, 64) + " s"
	}
	return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
}

// digits writes a number below 1000 to as many digits as its width warrants: two significant ones, and no more than the first digit of a tenth of the width.
func digits(x, width float64) string {
	n := max(0, 1-int(math.Floor(math.Log10(x))))
	if width > 0 {
		n = min(n, max(0, 1-int(math.Floor(math.Log10(width)))))
	}
	return strconv.FormatFloat(x, 'f', min(n, 3), 64)
}

// FormatClock writes a clock time with its zone: "15:50 CET", with seconds where width, the distance of the bounds in seconds, is below two minutes,
// and with the date where it is not that of now: "2026-11-24 03:10 CET". The zone is that of t.
func FormatClock(t, now time.Time, width float64) string {
	layout, to := "15:04 MST", time.Minute
	if width < 120 {
		layout, to = "15:04:05 MST", time.Second
	}
	t, now = t.Round(to), now.In(t.Location())
	if t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		layout = "2006-01-02 " + layout
	}
	return t.Format(layout)
}

// count writes a small number of things: "1 sample", "3 samples".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// FormatItems writes a number of items for people: "1.40 M items", "84 210 items", "1 item".
func FormatItems(n float64) string {
	if n == 1 {
		return "1 item"
	}
	return FormatNumber(n) + " items"
}

// FormatNumber writes a number for people: whole up to a million, with thin groups of three digits ("84 210"), and three digits with an SI prefix
// from there ("1.40 M"); small fractions keep three digits.
func FormatNumber(n float64) string {
	switch {
	case math.IsNaN(n):
		return unknown
	case math.IsInf(n, 1):
		return "∞"
	case n < 0:
		return "-" + FormatNumber(-n)
	case n < 999.5 && n != math.Trunc(n):
		return significant(n)
	case n < 999999.5:
		s := strconv.FormatFloat(n, 'f', 0, 64)
		if len(s) > 3 {
			s = s[:len(s)-3] + " " + s[len(s)-3:]
		}
		return s
	}
	prefix := 0
	const prefixes = "MGTPE"
	n /= 1e6
	for n >= 999.5 && prefix < len(prefixes)-1 {
		n /= 1e3
		prefix++
	}
	return significant(n) + " " + prefixes[prefix:prefix+1]
}

// significant writes a positive number below 1000 to three significant digits, smaller ones than 0.001 with an exponent.
func significant(n float64) string {
	if n < 1e-3 {
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'e', 2, 64), 64) // 9.999 has the places of 10.0
	return strconv.FormatFloat(rounded, 'f', max(0, 2-int(math.Floor(math.Log10(rounded)))), 64)
}

// FormatRate writes a rate in items/s for people, in the unit of time that gives it digits before the point: "300/s", "12/min", "3.20/h", "1/week".
func FormatRate(perSecond float64) string {
	if math.IsNaN(perSecond) {
		return unknown
	}
	if perSecond < 0 {
		return "-" + FormatRate(-perSecond)
	}
	per := rateUnit(perSecond)
	return FormatNumber(perSecond*per.seconds) + "/" + per.name
}

// formatFactor writes a factor and its standard error.
func formatFactor(e Estimate) string {
	if e.se > 0 {
		return FormatNumber(e.value) + " ± " + FormatNumber(e.se)
	}
	return FormatNumber(e.value)
}

// unit is one of time, in seconds.
type unit struct {
	name    string
	seconds float64
}

// rateUnit is the smallest one in which a rate of 0 or more is a number of about one or more.
func rateUnit(perSecond float64) unit {
	per := [...]unit{{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"week", 7 * 86400}, {"year", year}}
	i := 0
	for perSecond > 0 && perSecond*per[i].seconds < 0.9995 && i < len(per)-1 {
		i++
	}
	return per[i]
}

// formatRate writes a rate and its standard error, in one unit.
func formatRate(e Estimate) string {
	s := FormatRate(e.value)
	if e.se > 0 {
		per := rateUnit(math.Abs(e.value))
		s += " ± " + FormatNumber(e.se*per.seconds) + "/" + per.name
	}
	return s
}

// FormatLevel writes a level in percent, "90 %", to all its digits but for those that binary fractions add.
func FormatLevel(level float64) string {
	return strconv.FormatFloat(math.Round(level*1e11)/1e9, 'f', -1, 64) + " %"
}

// FormatProbability writes a probability in percent: "97 %", "99.9 %", "0.1 %", and never "0 %" or "100 %" for what is not certain.
func FormatProbability(p float64) string {
	switch {
	case math.IsNaN(p):
		return unknown
	case p == 0 || p == 1:
		return strconv.FormatFloat(100*p, 'f', 0, 64) + " %"
	case p < 0.001:
		return "< 0.1 %"
	case p > 0.999:
		return "> 99.9 %"
	case p < 0.0095 || p > 0.9905:
		return strconv.FormatFloat(100*p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(100*p, 'f', 0, 64) + " %"
}
