package chart

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/postsack/backlog/drain"
)

// Colours that the colour-blind tell apart.
//
// Source: M. Okabe, K. Ito, Color Universal Design (2008).
var (
	ink    = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	faint  = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
	blue   = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	wide   = color.NRGBA{0x56, 0xb4, 0xe9, 0x50}
	narrow = color.NRGBA{0x00, 0x72, 0xb2, 0x60}
	red    = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	orange = color.NRGBA{0xe6, 0x9f, 0x00, 0x80}
	amber  = color.NRGBA{0xb0, 0x78, 0x00, 0xff}
	veil   = color.NRGBA{0xff, 0xff, 0xff, 0xd8}
)

const (
	size    = vg.Length(12) // of texts, in points
	line    = vg.Length(16) // from one line of text to the next
	margin  = vg.Length(14)
	columns = 1100 // of the data area, about, in pixels
	bins    = 420  // of the hump, over the time ahead
)

// style is that of the texts.
func style(points vg.Length, bold bool, x text.XAlignment) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if bold {
		f.Weight = 3 // WeightBold of golang.org/x/image/font
	}
	return text.Style{Color: ink, Font: font.From(f, points), XAlign: x, YAlign: text.YBottom, Handler: plot.DefaultTextHandler}
}

// entry is one of the legend: a filled box, a line and a sign, those of them that there are, or none and a text alone.
type entry struct {
	text  string
	line  draw.LineStyle
	glyph draw.GlyphStyle
	color color.Color
}

// figure is a picture that can be drawn.
type figure struct {
	spec   Spec
	view   view
	marks  []mark
	wide   []xy // the band of the level of the prediction, nil where there is none
	narrow []xy // the band of 50 %
	median path
	hump   []float64
	trend  []xy // where a backlog that grows goes at the present rate
	fans   []fan
	steps  []float64 // the moments of the steps in view
	legend []entry
	table  []cell // below the legend
}

// newFigure works out all that is drawn.
func newFigure(s Spec) (*figure, error) {
	s, more, err := planned(s)
	if err != nil {
		return nil, err
	}
	p := predicted(s.Prediction)
	s.Prediction = p
	f := &figure{spec: s, view: look(s)}
	if len(s.Plans) > 0 {
		f.marks = []mark{f.view.nowMark(p.TimeToClear)}
		err = f.compare(more)
	} else {
		f.marks = f.view.marks(p)
		err = f.fan()
	}
	if err != nil {
		return nil, err
	}
	f.markSteps()
	if v := f.view; math.IsInf(p.TimeToClear.Median, 1) && p.NetDrain < 0 && !math.IsInf(p.NetDrain, -1) {
		f.trend = []xy{{0, p.Backlog}, {v.right, p.Backlog - p.NetDrain*v.right}}
	}
	if law := p.Law(); law != nil && p.State != drain.Cleared && len(s.Plans) == 0 {
		f.hump = hump(law.CDF, f.view.right, bins)
	}
	f.entries()
	return f, nil
}

// predicted returns p, with times that are unknown where nothing was predicted.
func predicted(p drain.Prediction) drain.Prediction {
	if p.TimeToClear.Level == 0 {
		p.TimeToClear = drain.Bounds{Level: 0.9, Median: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	}
	return p
}

// fan works out the bands and the median.
func (f *figure) fan() error {
	p, right := f.spec.Prediction, f.view.right
	to := toward(p, f.spec.ToLevel)
	if to == nil {
		return nil
	}
	level := p.TimeToClear.Level
	paths, err := paths(p.Backlog, p.Target, to, []float64{(1 - level) / 2, 0.25, 0.5, 0.75, (1 + level) / 2}, right)
	if err != nil {
		return err
	}
	f.wide = band(paths[0], paths[4], p.Target, right)
	f.narrow = band(paths[1], paths[3], p.Target, right)
	f.median = paths[2]
	return nil
}

// entries lists what the picture shows.
func (f *figure) entries() {
	add := func(is bool, e entry) {
		if is {
			f.legend = append(f.legend, e)
		}
	}
	p := f.spec.Prediction
	add(f.view.history != nil, entry{text: "backlog so far", line: historyLine})
	add(f.median.pts != nil, entry{text: "forecast: median", line: medianLine})
	add(f.narrow != nil, entry{text: "50 %", color: narrow})
	add(f.wide != nil, entry{text: drain.FormatLevel(p.TimeToClear.Level), color: wide})
	add(f.hump != nil, entry{text: "time of clearing", color: orange})
	add(f.trend != nil, entry{text: "at this rate", line: trendLine})
	add(p.Target > 0, entry{text: "target", line: targetLine})
	add(slices.ContainsFunc(f.fans, func(one fan) bool { return one.median.pts != nil }), entry{text: "line: median, band: bounds"})
}

var (
	historyLine = draw.LineStyle{Color: ink, Width: 1.4}
	medianLine  = draw.LineStyle{Color: blue, Width: 2.2}
	humpLine    = draw.LineStyle{Color: amber, Width: 1.2}
	targetLine  = draw.LineStyle{Color: red, Width: 1.4, Dashes: []vg.Length{6, 4}}
	trendLine   = draw.LineStyle{Color: ink, Width: 1.4, Dashes: []vg.Length{1.5, 3}}
	nowLine     = draw.LineStyle{Color: ink, Width: 1}
	leadLine    = draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{2, 2}}
	staleLine   = draw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{2, 3}}
	gridLine    = draw.LineStyle{Color: faint, Width: 0.7}
	axisLine    = draw.LineStyle{Color: ink, Width: 0.8}
)

// draw draws the picture: the title, the legend, and the plot below them.
func (f *figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin*2/3, -margin)
	c.Max.Y -= drawTitle(c, f.spec.Title)
	p := f.plot()
	below := c // what the table leaves
	below.Max.Y -= tableHeight(f.table)
	// The legend is not there yet, and the axis not in place: of the height they leave about 9/10.
	height := 0.8 * below.Size().Y
	p.Y.Max = f.top(height, 0)
	for range 2 { // the rows of labels depend on the width of the labels of the y axis, and the other way round
		dc := p.DataCanvas(below)
		if len(f.table) > 0 { // they take a larger part of what a table leaves
			height = min(height, dc.Size().Y-line-8)
		}
		p.Y.Max = f.top(height, rows(f.labels(dc, p)))
	}
	x := p.DataCanvas(below).Min.X
	head := drawLegend(c, x, f.legend)
	if len(f.legend) == 0 && len(f.table) > 0 {
		head = 8
	}
	c.Max.Y -= head
	c.Max.Y -= drawTable(c, x, f.table)
	p.Draw(c)
}

// plot returns the axes and what is drawn between them.
func (f *figure) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	v := f.view
	p.X.Min, p.X.Max = v.left, v.right
	p.Y.Min = 0
	p.X.Label.Text = "time from now"
	p.X.Tick.Marker = elapsed{}
	if v.clock() {
		lo, hi := after(v.now, v.left), after(v.now, v.right)
		p.X.Tick.Marker = clock{v.now}
		p.X.Label.Text = "time (" + zones(lo, hi) + ")"
		if sameDay(lo, hi) {
			p.X.Label.Text += ", " + lo.Format("Mon 2 Jan 2006")
		} else if lo.Year() == hi.Year() {
			p.X.Label.Text += ", " + lo.Format("2006")
		}
	}
	p.Y.Label.Text = "backlog (items)"
	p.Y.Tick.Marker = items{}
	dress(p)
	p.Add(layers{f})
	return p
}

// dress sets the styles of the axes.
func dress(p *plot.Plot) {
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle, a.Tick.LineStyle = axisLine, axisLine
		a.Tick.Length = 5
		a.Label.Padding = 5
		a.Label.TextStyle = style(size, false, text.XCenter)
		y := a.Tick.Label.YAlign
		a.Tick.Label = style(size, false, a.Tick.Label.XAlign)
		a.Tick.Label.YAlign = y
	}
}

// top returns the upper end of an y axis of some height: what is drawn, and room for rows of labels above it.
func (f *figure) top(height vg.Length, rows int) float64 {
	highest := 0.0
	for _, h := range f.view.history {
		highest = math.Max(highest, h.y)
	}
	for _, y := range []float64{f.spec.Prediction.Backlog, f.spec.Prediction.Target} {
		if y > highest && !math.IsInf(y, 1) {
			highest = y
		}
	}
	for _, plan := range f.spec.Plans {
		if y := plan.Prediction.Backlog; y > highest && !math.IsInf(y, 1) {
			highest = y
		}
	}
	for _, t := range f.trend { // not so far that the rest is flat
		highest = math.Max(highest, math.Min(t.y, 1.6*highest))
	}
	if highest == 0 {
		highest = 1
	}
	room := float64(vg.Length(rows)*line+8) / float64(height)
	return highest / math.Max(0.3, 1-room)
}

// drawTitle draws the title and returns its height. It is made smaller until it fits into three lines, and only the smallest letters take more.
func drawTitle(c draw.Canvas, title string) vg.Length {
	const longest = 2000 // letters that have room at all
	title = legible(strings.TrimSpace(title))
	if title == "" {
		return 0
	}
	if r := []rune(title); len(r) > longest {
		title = string(r[:longest-1]) + "…"
	}
	for points := vg.Length(14); ; points-- {
		s := style(points, true, text.XLeft)
		lines := wrap(title, s.Width, c.Size().X)
		if len(lines) > 3 && points > 7 {
			continue
		}
		y := c.Max.Y
		for _, l := range lines {
			y -= 1.25 * points
			c.FillText(s, vg.Point{X: c.Min.X, Y: y}, l)
		}
		return c.Max.Y - y + 6
	}
}

// drawLegend draws the legend in a row from x on and returns its height.
func drawLegend(c draw.Canvas, x vg.Length, legend []entry) vg.Length {
	if len(legend) == 0 {
		return 0
	}
	for _, e := range legend {
		e.draw(c, x, c.Max.Y-line)
		x += e.width() + 20
	}
	return line + 8
}

const box = vg.Length(22) // the width of the signs of a legend

// signs returns the width that the signs of an entry take, with the gap to its text.
func (e entry) signs() vg.Length {
	if e.color == nil && e.line.Width == 0 && e.glyph.Shape == nil {
		return 0
	}
	return box + 6
}

func (e entry) width() vg.Length { return e.signs() + style(size, false, text.XLeft).Width(e.text) }

// draw draws an entry to the right of x, with the foot of its line of text at y.
func (e entry) draw(c draw.Canvas, x, y vg.Length) {
	mid := y + 5
	if e.color != nil {
		c.FillPolygon(e.color, []vg.Point{{X: x, Y: mid - 5}, {X: x + box, Y: mid - 5}, {X: x + box, Y: mid + 5}, {X: x, Y: mid + 5}})
	}
	if e.line.Width > 0 {
		c.StrokeLine2(e.line, x, mid, x+box, mid)
	}
	if e.glyph.Shape != nil {
		c.DrawGlyph(e.glyph, vg.Point{X: x + box/2, Y: mid})
	}
	c.FillText(style(size, false, text.XLeft), vg.Point{X: x + e.signs(), Y: y}, e.text)
}
