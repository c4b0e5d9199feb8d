package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
)

// most is how many labelled ticks the time axis has room for: 12 pt labels of "15:04" to "Mon 24 Nov" on some 800 pt.
const most = 10

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	month  = 365.2425 * day / 12
	year   = 12 * month
)

// round are the steps of ticks that are the same number of seconds all along; longer ones are counted in days, months and years.
var round = []float64{
	1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour,
}

// step is the distance of ticks on a time axis: count units of seconds each; months and years are longer and shorter ones on a clock axis.
type step struct {
	unit  float64 // 1, day, month or year
	count float64 // a whole number but where unit is 1
}

func (s step) seconds() float64 { return s.unit * s.count }

// pick returns the smallest step with which span seconds need no more than n ticks.
func pick(span float64, n int) step {
	least := span / float64(n)
	if least < 1 {
		return step{1, nice(least)}
	}
	for _, s := range round {
		if s >= least {
			return step{1, s}
		}
	}
	for _, s := range []step{
		{day, 1}, {day, 2}, {day, 7}, {day, 14}, {month, 1}, {month, 2}, {month, 3}, {month, 6},
	} {
		if s.seconds() >= least {
			return s
		}
	}
	return step{year, math.Max(1, nice(least/year))}
}

// nice returns the smallest of 1, 2, 5 times a power of ten that is at least x > 0.
func nice(x float64) float64 {
	exp := math.Floor(math.Log10(x))
	for _, m := range []float64{1, 2, 5} {
		// ParseFloat as 2 * Pow10(-1) is not the float nearest to 0.2, and labels show it.
		v, _ := strconv.ParseFloat(fmt.Sprintf("%ge%d", m, int(exp)), 64)
		if v >= x*(1-1e-9) {
			return v
		}
	}
	v, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", int(exp)+1), 64)
	return v
}

// after returns the time that lies the given number of seconds, of any sign, after t; it does not end after 292 years as time.Duration does.
func after(t time.Time, seconds float64) time.Time {
	whole, frac := math.Modf(seconds)
	return time.Unix(t.Unix()+int64(whole), int64(t.Nanosecond())+int64(math.Round(frac*1e9))).In(t.Location())
}

// since returns the seconds from t0 to t.
func since(t, t0 time.Time) float64 {
	return float64(t.Unix()-t0.Unix()) + float64(t.Nanosecond()-t0.Nanosecond())/1e9
}

// clock is the axis of clock times, aligned to the wall clock of the zone of now. Its values are seconds from now.
type clock struct{ now time.Time }

// Ticks returns the ticks between min and max, with the date below the first one and below the first of each day.
func (c clock) Ticks(min, max float64) []plot.Tick {
	lo, hi := after(c.now, min), after(c.now, max)
	s := pick(max-min, most)
	if s.unit == 1 && s.count < 1 {
		s = pick(max-min, 6) // the labels are long
	}
	dated := !sameDay(lo, hi)
	var ticks []plot.Tick
	var last time.Time
	for _, t := range times(lo, hi, s) {
		ticks = append(ticks, plot.Tick{Value: since(t, c.now), Label: s.label(t, last, dated)})
		last = t
	}
	return level(ticks)
}

// level gives all labels two lines where one has two, so that their first lines are at one height.
func level(ticks []plot.Tick) []plot.Tick {
	if slices.ContainsFunc(ticks, func(t plot.Tick) bool { return strings.Contains(t.Label, "\n") }) {
		for i := range ticks {
			if !strings.Contains(ticks[i].Label, "\n") {
				ticks[i].Label += "\n "
			}
		}
	}
	return ticks
}

// label writes the time of a tick, last being that of the tick before it or zero.
func (s step) label(t, last time.Time, dated bool) string {
	newYear := dated && (last.IsZero() || t.Year() != last.Year())
	second := ""
	switch {
	case s.unit == year:
		return strconv.Itoa(t.Year())
	case s.unit == month:
		if newYear {
			second = "\n" + strconv.Itoa(t.Year())
		}
		return t.Format("Jan") + second
	case s.unit == day:
		if newYear {
			second = "\n" + strconv.Itoa(t.Year())
		}
		return t.Format("Mon 2 Jan") + second
	}
	if dated && (last.IsZero() || !sameDay(t, last)) {
		second = "\n" + t.Format("Mon 2 Jan")
	}
	switch {
	case s.count >= minute:
		return t.Format("15:04") + second
	case s.count >= 1:
		return t.Format("15:04:05") + second
	}
	digits := int(math.Min(9, math.Ceil(-math.Log10(s.count)-1e-9)))
	return t.Format("15:04:05."+strings.Repeat("0", digits)) + second
}

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

// times returns the times from lo to hi at whole steps of the wall clock of their zone.
func times(lo, hi time.Time, s step) []time.Time {
	var ts []time.Time
	add := func(t time.Time) {
		// A clock put back shows the same hour twice. Steps of hours take it once.
		if n := len(ts); n > 0 && since(t, ts[n-1]) < 0.6*s.seconds() {
			return
		}
		if !t.Before(lo) && !t.After(hi) {
			ts = append(ts, t)
		}
	}
	zone, n := lo.Location(), int(s.count)
	switch s.unit {
	case year:
		for y := ceil(lo.Year(), n); y <= hi.Year(); y += n {
			add(time.Date(y, 1, 1, 0, 0, 0, 0, zone))
		}
	case month:
		for m := ceil(12*lo.Year()+int(lo.Month())-1, n); m <= 12*hi.Year()+int(hi.Month())-1; m += n {
			add(time.Date(m/12, time.Month(m%12+1), 1, 0, 0, 0, 0, zone))
		}
	case day:
		const thursday = 3 // the first of January 1970, counted from Monday: weeks begin on Mondays
		for d := ceil(date(lo)+thursday, n) - thursday; d <= date(hi); d += n {
			add(midnight(d, zone))
		}
	default:
		// One stretch between two changes of the clock after the other.
		ns := int64(math.Max(1, math.Round(s.count*1e9)))
		for from := lo; ; {
			_, offset := from.Zone()
			_, until := from.ZoneBounds()
			for t := align(from, offset, ns); !t.After(hi) && (until.IsZero() || t.Before(until)); t = t.Add(time.Duration(ns)) {
				add(t)
			}
			if until.IsZero() || until.After(hi) {
				break
			}
			from = until
		}
	}
	return ts
}

// align returns the first time from t on at a whole multiple of ns nanoseconds on the wall clock that is offset seconds ahead of UTC.
func align(t time.Time, offset int, ns int64) time.Time {
	local := t.Unix() + int64(offset)
	midnight := local - ((local%day)+day)%day
	past := (local-midnight)*1e9 + int64(t.Nanosecond())
	return t.Add(time.Duration((ns - past%ns) % ns))
}

// date returns the days from 1970-01-01 to the local date of t.
func date(t time.Time) int {
	y, m, d := t.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / day)
}

// midnight returns the beginning of a local date. Where the clock is put forward at midnight it is 01:00.
func midnight(date int, zone *time.Location) time.Time {
	t := time.Date(1970, 1, 1+date, 0, 0, 0, 0, zone)
	if t.Hour() > 12 { // time.Date takes either side of the gap
		_, t = t.ZoneBounds()
	}
	return t
}

// ceil returns the smallest multiple of n that is at least x.
func ceil(x, n int) int { return int(math.Ceil(float64(x)/float64(n))) * n }

// zones names the zones between two times: "CET", or "CET/CEST" where the clock changes.
func zones(lo, hi time.Time) string {
	var names []string
	for t := lo; len(names) < 2; {
		if name := zoneName(t); !slices.Contains(names, name) {
			names = append(names, name)
		}
		_, until := t.ZoneBounds()
		if until.IsZero() || until.After(hi) {
			break
		}
		t = until
	}
	return strings.Join(names, "/")
}

// zoneName names the zone of t, UTC+03 where all the name it has is a number.
func zoneName(t time.Time) string {
	name := t.Format("MST")
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		name = "UTC" + name
	}
	return name
}

// elapsed is the axis of durations from now, for where there is no clock.
type elapsed struct{}

// Ticks returns the ticks between min and max.
func (elapsed) Ticks(min, max float64) []plot.Tick {
	s := pick(max-min, most).seconds()
	var ticks []plot.Tick
	for i := math.Ceil(min / s); i*s <= max; i++ {
		ticks = append(ticks, plot.Tick{Value: i * s, Label: inUnits(i*s, s)})
	}
	return ticks
}

// inUnits writes seconds in full, to the precision of a step: "1 h 30 min", "2 d", "0.2 ms". What is zero is left out.
func inUnits(seconds, step float64) string {
	units := []struct {
		name    string
		seconds float64
	}{{"d", day}, {"h", hour}, {"min", minute}}
	trim := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	rest := math.Abs(seconds)
	var s []string
	switch {
	case rest < step/2:
		return "0"
	case step >= year-1:
		s = append(s, siNumber(math.Round(rest/year))+" years")
	case step >= month-1:
		s = append(s, trim(math.Round(rest/month))+" months")
	case rest < 1e-3*0.9999:
		s = append(s, trim(rest*1e6)+" µs")
	case rest < 0.9999:
		s = append(s, trim(rest*1e3)+" ms")
	default:
		for _, u := range units {
			if n := math.Floor(rest/u.seconds + 1e-9); n > 0 {
				s = append(s, trim(n)+" "+u.name)
				rest -= n * u.seconds
			}
		}
		if rest > step/2 {
			s = append(s, trim(rest)+" s")
		}
	}
	if seconds < 0 {
		s[0] = "−" + s[0]
	}
	return strings.Join(s, " ")
}

// items is the axis of the backlog, from 0.
type items struct{}

// Ticks returns about six ticks, whole ones where more than two items wait.
func (items) Ticks(min, max float64) []plot.Tick {
	s := nice((max - min) / 7)
	if max > 2 {
		s = math.Max(1, s)
	}
	var ticks []plot.Tick
	for i := math.Ceil(min / s); i*s <= max; i++ {
		ticks = append(ticks, plot.Tick{Value: i * s, Label: siNumber(i * s)})
	}
	return ticks
}

// siNumber writes a number with an SI prefix from a thousand on: "500", "1.2 M".
func siNumber(x float64) string {
	const prefixes = "kMGTPE"
	i := -1
	for math.Abs(x) >= 1e3*(1-1e-9) && i < len(prefixes)-1 {
		x /= 1e3
		i++
	}
	s := strconv.FormatFloat(x, 'g', 6, 64)
	if i < 0 {
		return s
	}
	return s + " " + prefixes[i:i+1]
}
