package chart

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/postsack/backlog/drain"
)

// Verdict is how predictions turned out: two pictures in one. At the left it shows which share of the outcomes lay within bounds of each level, at the right the medians
// against what happened.
type Verdict struct {
	// Bounds are the shares of the predictions, Line those of a straight line beside them, each by rising level.
	Bounds, Line []Share
	// Dots are the predictions, one by one.
	Dots []Dot
	// Title stands above the picture.
	Title string
}

// Share is the share of the outcomes that were within the bounds of a level.
type Share struct {
	// Level is that of the bounds.
	Level float64
	// Claimed is the share that should have been by the predictions themselves: the level or, where bounds are past the horizon, more.
	Claimed float64
	// Observed is the share that was, Lower and Upper the bounds on it which so many outcomes leave.
	Observed, Lower, Upper float64
}

// Dot is a prediction and what happened. Times are in seconds, +Inf is never.
type Dot struct {
	// Lower, Median and Upper are what was predicted.
	Lower, Median, Upper float64
	// Actual is what happened; past the horizon, the time was still open then.
	Actual float64
	// Horizon is how far ahead it was looked at what happens. What was predicted for later is later, and no more.
	Horizon float64
}

// WriteVerdict draws a picture of 1200 x 675 pixels into a file, PNG or SVG by the extension of its name. The file is not touched where there is an error.
func WriteVerdict(path string, v Verdict) error {
	return save(path, func() (drawing, error) { return v, nil })
}

// Colours and lines of what a verdict shows beside those of figure.go.
var (
	lineSign   = draw.LineStyle{Color: red, Width: 1.6, Dashes: []vg.Length{6, 4}}
	idealLine  = draw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{2, 3}}
	barLine    = draw.LineStyle{Color: color.NRGBA{0x56, 0xb4, 0xe9, 0x90}, Width: 1.4}
	shareLine  = draw.LineStyle{Color: blue, Width: 2}
	strip      = color.NRGBA{0xf2, 0xf2, 0xf2, 0xff}
	twice      = color.NRGBA{0x22, 0x22, 0x22, 0x10}
	shareGlyph = draw.GlyphStyle{Color: blue, Radius: 3.2, Shape: draw.CircleGlyph{}}
	lineGlyph  = draw.GlyphStyle{Color: red, Radius: 2.8, Shape: draw.SquareGlyph{}}
)

// dotGlyph is the sign of a median whose outcome is known, fainter where there are many.
func dotGlyph(n int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: fade(blue, n), Radius: 2.4, Shape: draw.CircleGlyph{}}
}

// openGlyph is that of one which was still open.
func openGlyph(n int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: fade(red, 2*n), Radius: 2.6, Shape: draw.PyramidGlyph{}}
}

func fade(c color.NRGBA, n int) color.NRGBA {
	c.A = uint8(max(0x40, 0xd0-n/8))
	return c
}

const (
	// bars is about how many 90 % bounds are drawn: more would hide the medians.
	bars = 50
	// mostDots is how many medians are drawn: more make one blot.
	mostDots = 2000
	// stripShare is the width of the strips for what is later than the horizon, as a share of the axis before them.
	stripShare = 0.13
)

// draw draws the two panels below the title.
func (v Verdict) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin*2/3, -margin)
	c.Max.Y -= drawTitle(c, v.Title)
	half := (c.Max.X - c.Min.X) * 0.46
	left, right := c, c
	left.Max.X = c.Min.X + half
	right.Min.X = c.Min.X + half + 2*margin
	v.drawBounds(left)
	v.drawTimes(right)
}

// heading draws the question that a panel answers, and its legend, and returns their height.
func heading(c draw.Canvas, question string, legend []entry) vg.Length {
	c.FillText(style(size+1, true, text.XLeft), vg.Point{X: c.Min.X, Y: c.Max.Y - line - 2}, question)
	below := c
	below.Max.Y -= line + 6
	return line + 6 + drawLegend(below, c.Min.X, legend)
}

// percents are ticks from 0 to 100 %.
type percents struct{}

// Ticks returns a tick for each 20 %.
func (percents) Ticks(_, _ float64) (ticks []plot.Tick) {
	for i := range 6 {
		ticks = append(ticks, plot.Tick{Value: float64(i) / 5, Label: drain.FormatLevel(float64(i) / 5)})
	}
	return ticks
}

// drawBounds draws the panel of the bounds.
func (v Verdict) drawBounds(c draw.Canvas) {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Label.Text, p.Y.Label.Text = "bounds claim to hold", "bounds held"
	p.X.Tick.Marker, p.Y.Tick.Marker = percents{}, percents{}
	dress(p)
	p.Add(layer(v.bounds))
	legend := []entry{{text: "ideal", line: idealLine}}
	if len(v.Bounds) > 0 {
		legend = append(legend, entry{text: "predictions", line: shareLine, glyph: shareGlyph}, entry{text: "95 % sure", color: wide})
	}
	if len(v.Line) > 0 {
		legend = append(legend, entry{text: "straight line", line: lineSign, glyph: lineGlyph})
	}
	c.Max.Y -= heading(c, "Do the bounds hold?", legend)
	p.Draw(c)
}

// layer is what is drawn between the axes.
type layer func(c draw.Canvas, p *plot.Plot)

// Plot draws on the data area.
func (l layer) Plot(c draw.Canvas, p *plot.Plot) { l(c, p) }

func (v Verdict) bounds(c draw.Canvas, p *plot.Plot) {
	grid(c, p)
	s := style(size-1, false, text.XLeft)
	note(c, s, c.Min.X+8, c.Max.Y-line, "above: wider than need be")
	below := "below: too narrow"
	note(c, s, c.Max.X-8-s.Width(below), c.Min.Y+8, below)
	var lower, upper, ours, theirs []xy
	for _, s := range v.Bounds {
		lower, upper, ours = append(lower, xy{s.Claimed, s.Lower}), append(upper, xy{s.Claimed, s.Upper}), append(ours, xy{s.Claimed, s.Observed})
	}
	for _, s := range v.Line {
		theirs = append(theirs, xy{s.Claimed, s.Observed})
	}
	if len(ours) > 1 {
		slices.Reverse(upper)
		c.FillPolygon(wide, points2(c, p, append(lower, upper...)))
	}
	c.StrokeLines(idealLine, points2(c, p, []xy{{0, 0}, {1, 1}}))
	signs := func(ps []xy, l draw.LineStyle, g draw.GlyphStyle) {
		at := points2(c, p, ps)
		c.StrokeLines(l, at)
		for _, pt := range at {
			c.DrawGlyph(g, pt)
		}
	}
	signs(theirs, lineSign, lineGlyph)
	signs(ours, shareLine, shareGlyph)
	// Names for some of the points, at the side of the ideal on which they are.
	named := vg.Point{X: math.MaxFloat64}
	for i, at := range points2(c, p, ours) {
		level := v.Bounds[i].Level
		if !slices.Contains([]float64{0.5, 0.9}, level) || math.Hypot(float64(at.X-named.X), float64(at.Y-named.Y)) < 2*float64(size) {
			continue
		}
		named = at
		t := drain.FormatLevel(level)
		if ours[i].y < ours[i].x && at.X+12+s.Width(t) < c.Max.X {
			note(c, s, at.X+8, at.Y-size, t)
		} else {
			note(c, s, at.X-8-s.Width(t), min(at.Y+2, c.Max.Y-size), t)
		}
	}
}

// note writes on the data area.
func note(c draw.Canvas, s text.Style, x, y vg.Length, t string) {
	s.Color = color.NRGBA{0x66, 0x66, 0x66, 0xff}
	w := s.Width(t)
	c.FillPolygon(veil, []vg.Point{{X: x - 2, Y: y - 2}, {X: x + w + 2, Y: y - 2}, {X: x + w + 2, Y: y + size - 1}, {X: x - 2, Y: y + size - 1}})
	c.FillText(s, vg.Point{X: x, Y: y}, t)
}

func grid(c draw.Canvas, p *plot.Plot) {
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x := c.X(p.X.Norm(t.Value))
		c.StrokeLine2(gridLine, x, c.Min.Y, x, c.Max.Y)
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		y := c.Y(p.Y.Norm(t.Value))
		c.StrokeLine2(gridLine, c.Min.X, y, c.Max.X, y)
	}
}

// decades are the axes of the times: their values are logarithms to the base 10 of seconds, and a strip for what is later ends them.
type decades struct{ from, to, end float64 }

// steps are times to put a tick at, in seconds, those first that are dearest; below them and above there are powers of ten.
var steps = [][]float64{
	{1, minute, hour, day, 30 * day, year},
	{10, 10 * minute, 6 * hour, 7 * day, 120 * day},
	{5, 30, 5 * minute, 30 * minute, 2 * hour, 12 * hour, 2 * day, 14 * day, 60 * day},
	{2, 20, 2 * minute, 20 * minute, 4 * hour, 3 * day, 10 * day, 20 * day, 240 * day},
	{3, 15, 3 * minute, 15 * minute, 3 * hour, 8 * hour, 5 * day, 90 * day},
	{1.5, 7, 45, 90, 4 * minute, 7 * minute, 12 * minute, 45 * minute, 1.5 * hour, 18 * hour, 1.5 * day, 4 * day},
}

// Ticks returns as many ticks as have room for their labels, two at least.
func (d decades) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for _, seconds := range steps {
		for _, s := range seconds {
			ticks = d.add(ticks, math.Log10(s), inUnits(s, s))
		}
	}
	for x := math.Ceil(d.from); x <= d.to; x++ {
		if s := math.Pow(10, x); s < 0.5 || s > 2*year {
			ticks = d.add(ticks, x, inUnits(s, s))
		}
	}
	if len(ticks) < 2 { // less than a decade: its ends
		for _, x := range []float64{d.from, d.to} {
			s := math.Pow(10, x)
			ticks = d.add(ticks, x, drain.FormatDuration(s, 0))
		}
	}
	slices.SortFunc(ticks, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return ticks
}

// add adds a tick that lies before the strip and whose label has room beside the others, on an axis some 420 pixels long and with letters 7 pixels wide.
func (d decades) add(ticks []plot.Tick, x float64, label string) []plot.Tick {
	if x < d.from-1e-9 || x > d.to+1e-9 {
		return ticks
	}
	for _, t := range ticks {
		letters := float64(utf8.RuneCountInString(label)+utf8.RuneCountInString(t.Label)) / 2
		if math.Abs(t.Value-x) < (7*letters+12)/420*(d.end-d.from) {
			return ticks
		}
	}
	return append(ticks, plot.Tick{Value: x, Label: label})
}

// usableDots returns those that can be drawn, by rising outcome, thinned out to mostDots.
func (v Verdict) usableDots() []Dot {
	var ds []Dot
	for _, d := range v.Dots {
		if d.Actual > 0 && d.Horizon > 0 && d.Horizon <= farthest && d.Median >= 0 && d.Lower >= 0 && d.Lower <= d.Median && d.Median <= d.Upper {
			ds = append(ds, d)
		}
	}
	later := func(d Dot) int {
		if d.Actual > d.Horizon {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(ds, func(a, b Dot) int {
		return cmp.Or(cmp.Compare(later(a), later(b)), cmp.Compare(math.Min(a.Actual, a.Horizon), math.Min(b.Actual, b.Horizon)))
	})
	if n := len(ds); n > mostDots {
		thinned := make([]Dot, mostDots)
		for i := range thinned {
			thinned[i] = ds[i*n/mostDots]
		}
		ds = thinned
	}
	return ds
}

// span is the axis that holds all that was predicted and happened, up to the longest horizon; of the lowest lower bounds what is less than a tenth of any median is cut off.
func span(ds []Dot) decades {
	lo, hi := math.Inf(1), 0.0
	for _, d := range ds {
		hi = math.Max(hi, d.Horizon)
		for _, t := range []float64{d.Actual, d.Median} {
			if t > 0 {
				lo = math.Min(lo, t)
			}
		}
	}
	lo = math.Max(math.Min(lo, hi/10), hi/1e9) // a picture has so many decades
	d := decades{from: math.Log10(lo) - 0.08, to: math.Log10(hi)}
	d.end = d.to + stripShare*(d.to-d.from)
	return d
}

// drawTimes draws the panel of the times.
func (v Verdict) drawTimes(c draw.Canvas) {
	ds := v.usableDots()
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = "time it took", "time predicted"
	if len(ds) == 0 {
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(nil), plot.ConstantTicks(nil)
		dress(p)
		c.Max.Y -= heading(c, "Was the median right?", nil)
		p.Draw(c)
		note(c, style(size, false, text.XLeft), p.DataCanvas(c).Min.X+8, p.DataCanvas(c).Max.Y-line, "no predictions")
		return
	}
	d := span(ds)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = d.from, d.end, d.from, d.end
	p.X.Tick.Marker, p.Y.Tick.Marker = d, d
	dress(p)
	p.Add(layer(func(c draw.Canvas, p *plot.Plot) { scatter(c, p, d, ds) }))
	legend := []entry{{text: "right to a factor of 2", line: idealLine, color: twice}, {text: "median", glyph: dotGlyph(0)}, {text: "90 %", line: barLine}}
	if ds[len(ds)-1].Actual > ds[len(ds)-1].Horizon {
		legend = append(legend, entry{text: "still open", glyph: openGlyph(0)})
	}
	c.Max.Y -= heading(c, "Was the median right?", legend)
	p.Draw(c)
}

// scatter draws the predictions over what happened.
func scatter(c draw.Canvas, p *plot.Plot, d decades, ds []Dot) {
	x := func(v float64) vg.Length { return c.X(p.X.Norm(v)) }
	y := func(v float64) vg.Length { return c.Y(p.Y.Norm(v)) }
	rect := func(x0, y0, x1, y1 vg.Length) []vg.Point {
		return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
	}
	c.FillPolygon(strip, rect(x(d.to), c.Min.Y, c.Max.X, c.Max.Y))
	c.FillPolygon(strip, rect(c.Min.X, y(d.to), x(d.to), c.Max.Y))
	grid(c, p)
	f := math.Log10(2)
	c.FillPolygon(twice, c.ClipPolygonXY(points2(c, p, []xy{{d.from, d.from - f}, {d.to, d.to - f}, {d.to, d.to}, {d.to - f, d.to}, {d.from, d.from + f}})))
	c.StrokeLines(idealLine, points2(c, p, []xy{{d.from, d.from}, {d.to, d.to}}))
	open := slices.IndexFunc(ds, func(e Dot) bool { return e.Actual > e.Horizon })
	if open < 0 {
		open = len(ds)
	}
	// What is still open is spread over its strip; what was predicted for later is so in the other one.
	across := func(i int) vg.Length {
		if i < open {
			return x(math.Log10(ds[i].Actual))
		}
		return x(d.to + (d.end-d.to)*(0.1+0.8*(float64(i-open)+0.5)/float64(len(ds)-open)))
	}
	up := func(t float64, e Dot, beyond float64) vg.Length {
		switch {
		case t > e.Horizon:
			return y(d.to + (d.end-d.to)*beyond)
		case t <= 0:
			return c.Min.Y
		}
		return y(math.Max(d.from, math.Log10(t)))
	}
	bar := func(from, to, most int) {
		every := max(1, (to-from)/most)
		for i := from + every/2; i < to; i += every {
			at := across(i)
			c.StrokeLine2(barLine, at, up(ds[i].Lower, ds[i], 0.97), at, up(ds[i].Upper, ds[i], 0.97))
		}
	}
	bar(0, open, bars)
	bar(open, len(ds), bars/10)
	for i, e := range ds {
		g := dotGlyph(open)
		if i >= open {
			g = openGlyph(len(ds) - open)
		}
		// Medians in the strip are spread over its height, as those at the right are over its width.
		c.DrawGlyph(g, vg.Point{X: across(i), Y: up(e.Median, e, 0.12+0.5*math.Mod(float64(i)*math.Phi, 1))})
	}
	s := style(size-1, false, text.XLeft)
	limit := ds[0].Horizon
	later := "predicted for later than " + drain.FormatDuration(limit, limit/50)
	if slices.ContainsFunc(ds, func(e Dot) bool { return e.Horizon != limit }) {
		later = "predicted for later than its horizon"
	}
	note(c, s, c.Min.X+6, c.Max.Y-line+3, later)
}
