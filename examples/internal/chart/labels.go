package chart

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"

	"github.com/postsack/backlog/drain"
)

// mark is a moment that is named in the picture.
type mark struct {
	x    float64
	text string
	bold bool
	rule bool // a line over the whole height, as for now
	edge bool // what it names lies beyond the right edge
	step bool // something planned happens then
}

// marks returns what is to be named of the time to clear, from left to right.
func (v view) marks(p drain.Prediction) []mark {
	b := p.TimeToClear
	now := v.nowMark(b)
	switch {
	case p.State == drain.Cleared:
		now.text, now.bold = now.text+": cleared", true
	case math.IsNaN(b.Median):
		now.text, now.bold = now.text+": cannot tell yet", true
	}
	ms := []mark{now}
	edge := func(text string, bold bool) { ms = append(ms, mark{x: v.right, text: text, bold: bold, edge: true}) }
	if p.State == drain.Cleared || math.IsNaN(b.Median) {
		return ms
	}
	chance := " (P(never) " + drain.FormatProbability(p.Never) + ")"
	hopeless := math.IsInf(b.Median, 1)
	for _, q := range []struct {
		t    float64
		name string
		bold bool
	}{
		{b.Lower, drain.FormatLevel((1-b.Level)/2) + " by ", false},
		{b.Median, "median ", true},
		{b.Upper, drain.FormatLevel((1+b.Level)/2) + " by ", false},
	} {
		switch {
		case math.IsNaN(q.t) || (hopeless && math.IsInf(q.t, 1)):
		case q.t <= v.right:
			ms = append(ms, mark{x: q.t, text: q.name + v.when(q.t, b), bold: q.bold})
		case !math.IsInf(q.t, 1):
			edge(q.name+v.when(q.t, b)+" →", q.bold)
		default:
			edge("upper bound: never"+chance, false)
		}
	}
	if hopeless {
		text := "will not clear at this rate"
		if p.Target > 0 {
			text = "will not fall to the target at this rate"
		}
		edge(text+chance, true)
	}
	return ms
}

// nowMark is the mark for now, to the digits that the bounds of the time to clear warrant.
func (v view) nowMark(b drain.Bounds) mark {
	now := mark{x: 0, text: "now", rule: true}
	if v.clock() {
		width := (v.right - v.left) / 4
		if b.Lower > 0 && !math.IsInf(b.Lower, 1) {
			width = spread(b.Lower, b)
		}
		now.text += " " + short(v.now, v.now, width)
	}
	return now
}

func (v view) clock() bool { return !v.now.IsZero() }

// merged is the one mark for times too close to each other for three.
func (v view) merged(b drain.Bounds) mark {
	text := v.when(b.Median, b)
	if lower, upper := v.when(b.Lower, b), v.when(b.Upper, b); lower != upper {
		text += " (" + drain.FormatLevel(b.Level) + ": " + lower + " – " + upper + ")"
	}
	return mark{x: b.Median, text: text, bold: true}
}

// spread is the width that the digits of a time t follow: that of the bounds or, if it is less, the time that is left until t. A thousandth of that
// is exact enough.
func spread(t float64, b drain.Bounds) float64 {
	width := 10. * minute
	switch {
	case !math.IsInf(b.Upper, 1) && !math.IsNaN(b.Upper):
		width = b.Upper - b.Lower
	case !math.IsInf(b.Median, 1) && !math.IsNaN(b.Median):
		width = b.Median - b.Lower
	}
	if t > 0 {
		width = math.Max(math.Min(width, t), t/1e3)
	}
	return width
}

// when writes a time in seconds from now: a clock time, or a duration where there is no clock.
func (v view) when(t float64, b drain.Bounds) string {
	width := spread(t, b)
	switch {
	case t > farthest:
		return "more than " + siNumber(math.Floor(farthest/year/1e3)*1e3) + " years"
	case !v.clock():
		return drain.FormatDuration(t, width)
	}
	return short(after(v.now, t), v.now, width)
}

// short writes a clock time without its zone, to the digits that width warrants, and with its date where that is not the one of now.
func short(t, now time.Time, width float64) string {
	switch {
	case width > 3*year:
		return t.Format("2006")
	case width > 60*day:
		return t.Format("Jan 2006")
	case width > 2.5*day:
		t = t.Round(time.Minute)
		if t.Year() != now.Year() {
			return t.Format("2 Jan 2006")
		}
		return t.Format("Mon 2 Jan")
	}
	layout, unit := "15:04", time.Minute
	switch {
	case width < 2e-3:
		layout, unit = "15:04:05.000000", time.Microsecond
	case width < 2:
		layout, unit = "15:04:05.000", time.Millisecond
	case width < 120:
		layout, unit = "15:04:05", time.Second
	}
	t = t.Round(unit)
	switch {
	case t.Year() != now.Year():
		layout = "2 Jan 2006 " + layout
	case !sameDay(t, now):
		layout = "Mon 2 Jan " + layout
	}
	return t.Format(layout)
}

// label is a mark with a place: its text begins or ends beside the line that leads to it.
type label struct {
	mark
	at  vg.Length // where the line is
	box [2]vg.Length
	row int // from the top
}

const gap = vg.Length(4) // between a line and its text, and between texts

// place finds a place for each mark in the first row where neither its text nor the line below it meets another one: first for those that have no
// choice, now and what lies beyond the edge, then from left to right. Texts are within [0, width].
func place(ms []mark, x func(float64) vg.Length, size func(mark) vg.Length, width vg.Length) []label {
	var placed []label
	order := func(m mark) int {
		switch {
		case m.rule:
			return 0
		case m.edge:
			return 1
		}
		return 2
	}
	for _, m := range slices.SortedStableFunc(slices.Values(ms), func(a, b mark) int { return cmp.Compare(order(a), order(b)) }) {
		at, w := x(m.x), size(m)
		l := label{mark: m, at: at}
		// Where there is no such row a text may hide lines, and where it is as wide as the picture it goes below all others.
		for try := 0; ; try++ {
			l.row = try % (len(ms) + 1)
			if strict := try <= len(ms); l.fit(at+gap, w, width, placed, strict) || l.fit(at-gap-w, w, width, placed, strict) {
				break
			}
			if try > 2*len(ms)+1 {
				from := max(0, min(at, width-w))
				l.box, l.row = [2]vg.Length{from, from + w}, rows(placed)
				break
			}
		}
		placed = append(placed, l)
	}
	return placed
}

// fit puts the text at from, and reports whether it may stay there; strict, whether it and its line keep clear of other lines and texts.
func (l *label) fit(from, w, width vg.Length, placed []label, strict bool) bool {
	l.box = [2]vg.Length{from, from + w}
	if from < 0 || from+w > width+gap {
		return false
	}
	for _, o := range placed {
		switch {
		case o.row == l.row && l.box[0] < o.box[1]+2*gap && o.box[0]-2*gap < l.box[1]:
			return false // text on text
		case !strict:
		case (o.row < l.row || o.rule) && !o.edge && l.box[0]-gap/2 < o.at && o.at < l.box[1]+gap/2:
			return false // text on a line
		case o.row > l.row && !l.edge && o.box[0] < l.at && l.at < o.box[1]:
			return false // line on text
		}
	}
	return true
}

// rows returns how many rows are taken.
func rows(ls []label) int {
	n := 0
	for _, l := range ls {
		n = max(n, l.row+1)
	}
	return n
}

// legible replaces what the fonts of a picture or XML have no sign for.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\u2009' || r == '\u202f' || r == '\u00a0' || r == '\t': // thin, narrow and other spaces
			return ' '
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0xfffe || r == 0xffff:
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// wrap breaks a text into lines of at most width, between words where it can.
func wrap(s string, size func(string) vg.Length, width vg.Length) []string {
	var lines []string
	for part := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(part) {
			if longer := strings.TrimSpace(line + " " + word); size(longer) <= width {
				line = longer
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			line = ""
			for _, r := range word { // a word as long as a line is broken anywhere
				if size(line+string(r)) > width && line != "" {
					lines = append(lines, line)
					line = ""
				}
				line += string(r)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// targetText names the target.
func targetText(target float64) string { return "target " + drain.FormatNumber(target) }
