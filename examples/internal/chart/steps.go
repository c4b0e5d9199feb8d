package chart

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The lines of steps are lighter than that of now, and lighter still where there are so many that some have no label.
var (
	stepLine  = draw.LineStyle{Color: color.NRGBA{0x88, 0x88, 0x88, 0xff}, Width: 0.8}
	faintStep = draw.LineStyle{Color: color.NRGBA{0xc0, 0xc0, 0xc0, 0xff}, Width: 0.7}
)

const (
	// mostRows of labels stand above the data: with more of them the labels of steps are numbers.
	mostRows = 5
	// mostKeys are the rows of the legend that say what the numbers mean.
	mostKeys = 3
	// longestLabel is how long the label of a step may be.
	longestLabel = vg.Length(240)
	// numberRoom is the room that the number of a step takes: those that come closer share a label.
	numberRoom = vg.Length(48)
)

// markSteps marks the steps in view: by their labels or, where these need too many rows, by numbers with a key in the legend.
func (f *figure) markSteps() {
	v := f.view
	if !v.clock() {
		return
	}
	var steps []mark
	for _, s := range f.spec.Steps {
		x := since(s.Time, v.now)
		if s.Time.IsZero() || x < v.left || x > v.right {
			continue
		}
		label := shorten(oneLine(s.Label), longestLabel)
		if label == "" {
			label = short(s.Time.In(v.now.Location()), v.now, (v.right-v.left)/10)
		}
		steps = append(steps, mark{x: x, text: label, step: true})
	}
	slices.SortStableFunc(steps, func(a, b mark) int { return cmp.Compare(a.x, b.x) })
	for _, s := range steps {
		f.steps = append(f.steps, s.x)
	}
	if labelled := append(slices.Clone(f.marks), f.inOrder(steps)...); len(steps) <= 4*mostRows && f.rowsOf(labelled) <= max(mostRows, f.rowsOf(f.marks)) {
		f.marks = labelled
		return
	}
	f.number(steps)
}

// inOrder returns steps in the order in which their labels find places: from left to right but for those whose labels are left of their lines, at the
// right edge, for which it is the other way round, so that no label is on the line of another one.
func (f *figure) inOrder(steps []mark) []mark {
	edge := len(steps)
	for edge > 0 && f.column(steps[edge-1].x)+gap+style(size, false, text.XLeft).Width(steps[edge-1].text) > tableWidth {
		edge--
	}
	ordered := slices.Clone(steps[edge:])
	slices.Reverse(ordered)
	return append(ordered, steps[:edge]...)
}

// rowsOf returns how many rows marks take, to about one: how wide the data area is depends on them.
func (f *figure) rowsOf(ms []mark) int {
	width := func(m mark) vg.Length { return style(size, m.bold, text.XLeft).Width(m.text) }
	return rows(place(ms, f.column, width, tableWidth))
}

// column is where a moment is on a data area of the width of a table.
func (f *figure) column(x float64) vg.Length {
	return tableWidth * vg.Length((x-f.view.left)/(f.view.right-f.view.left))
}

// number numbers as many of the steps as the key has room for. Steps close to each other share a label, such as "3–5".
func (f *figure) number(steps []mark) {
	key, n := flow(steps, tableWidth)
	row := tableRows(f.table)
	for _, e := range key {
		e.row += row
		f.table = append(f.table, e)
	}
	for i := 0; i < n; {
		first := i
		for ; i < n && f.column(steps[i].x)-f.column(steps[first].x) < numberRoom; i++ {
		}
		label := strconv.Itoa(first + 1)
		if i > first+1 {
			label += "–" + strconv.Itoa(i)
		}
		f.marks = append(f.marks, mark{x: steps[first].x, text: label, step: true})
	}
}

// flow writes a key to as many steps as have room in mostKeys rows, and returns it and their number.
func flow(steps []mark, width vg.Length) (key []cell, n int) {
	rest := func(n int) entry { return entry{text: "and " + strconv.Itoa(n) + " more"} }
	x, row := vg.Length(0), 0
	for i, s := range steps {
		e := entry{text: strconv.Itoa(i+1) + ": " + s.text}
		room := width
		if row == mostKeys-1 && i < len(steps)-1 {
			room -= rest(len(steps)).width() + 20
		}
		if x > 0 && x+e.width() > room {
			if row == mostKeys-1 {
				return append(key, cell{rest(len(steps) - i), x, row}), i
			}
			x, row = 0, row+1
		}
		key = append(key, cell{e, x, row})
		x += e.width() + 20
	}
	return key, len(steps)
}

// drawSteps draws the lines of the steps up to their labels or, where they have none, to below all labels.
func (f *figure) drawSteps(c draw.Canvas, p *plot.Plot) {
	if len(f.steps) == 0 {
		return
	}
	ls := f.labels(c, p)
	last := math.Inf(-1)
	for _, t := range f.steps {
		row, labelled := rows(ls), false
		for _, l := range ls {
			if l.step && l.x == t {
				row, labelled = min(row, l.row), true
			}
		}
		x := c.X(p.X.Norm(t))
		sign := stepLine
		if !labelled {
			sign = faintStep
			if float64(x)-last < 0.5 { // on the one before it
				continue
			}
		}
		last = float64(x)
		c.StrokeLine2(sign, x, c.Min.Y, x, c.Max.Y-vg.Length(row)*line-2)
	}
}
