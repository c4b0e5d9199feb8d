package chart

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/postsack/backlog/drain"
)

// layers draws what is between the axes, from back to front.
type layers struct{ f *figure }

var _ plot.Plotter = layers{}

// Plot draws on the data area.
func (l layers) Plot(c draw.Canvas, p *plot.Plot) {
	f := l.f
	f.drawGrid(c, p)
	f.drawSteps(c, p)
	f.drawBands(c, p)
	f.fill(c, p, wide, f.wide)
	f.fill(c, p, narrow, f.narrow)
	if f.spec.Prediction.Target > 0 {
		y := c.Y(p.Y.Norm(f.spec.Prediction.Target))
		c.StrokeLine2(targetLine, c.Min.X, y, c.Max.X, y)
	}
	f.drawHump(c, p)
	f.drawHistory(c, p)
	c.StrokeLines(medianLine, c.ClipLinesXY(points2(c, p, f.median.pts))...)
	f.drawMedians(c, p)
	c.StrokeLines(trendLine, c.ClipLinesXY(points2(c, p, f.trend))...)
	f.drawLabels(c, p)
	f.drawTarget(c, p)
}

// points2 returns the places of points.
func points2(c draw.Canvas, p *plot.Plot, ps []xy) []vg.Point {
	at := make([]vg.Point, len(ps))
	for i, q := range ps {
		at[i] = vg.Point{X: c.X(p.X.Norm(q.x)), Y: c.Y(p.Y.Norm(q.y))}
	}
	return at
}

func (f *figure) fill(c draw.Canvas, p *plot.Plot, col color.Color, polygon []xy) {
	if len(polygon) > 2 {
		c.FillPolygon(col, c.ClipPolygonXY(points2(c, p, polygon)))
	}
}

func (f *figure) drawGrid(c draw.Canvas, p *plot.Plot) {
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x := c.X(p.X.Norm(t.Value))
		c.StrokeLine2(gridLine, x, c.Min.Y, x, c.Max.Y)
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		y := c.Y(p.Y.Norm(t.Value))
		c.StrokeLine2(gridLine, c.Min.X, y, c.Max.X, y)
	}
}

// drawHistory draws the backlog so far, with a dot for each of a few points, and a dotted line for the time that nothing is known of.
func (f *figure) drawHistory(c draw.Canvas, p *plot.Plot) {
	ps := thin(f.view.history, f.view.left, f.view.right, columns)
	if len(ps) == 0 {
		return
	}
	at := points2(c, p, ps)
	c.StrokeLines(historyLine, c.ClipLinesXY(at)...)
	if len(at) <= 40 {
		for _, pt := range at {
			c.DrawGlyph(draw.GlyphStyle{Color: ink, Radius: 2.2, Shape: draw.CircleGlyph{}}, pt)
		}
	}
	last := ps[len(ps)-1]
	c.StrokeLines(staleLine, points2(c, p, []xy{last, {0, last.y}}))
}

// drawHump draws the distribution of the time to clear on the line of the target, at most 15 % of the plot high.
func (f *figure) drawHump(c draw.Canvas, p *plot.Plot) {
	if f.hump == nil {
		return
	}
	base := f.spec.Prediction.Target
	high := 0.15 * p.Y.Max
	if base+high > p.Y.Max {
		high = p.Y.Max - base
	}
	step := f.view.right / float64(len(f.hump))
	ps := []xy{{0, base}}
	for i, d := range f.hump {
		ps = append(ps, xy{(float64(i) + 0.5) * step, base + d*high})
	}
	ps = append(ps, xy{f.view.right, base + f.hump[len(f.hump)-1]*high}, xy{f.view.right, base})
	f.fill(c, p, orange, ps)
	high *= 0.01 // what is lower is not worth a line along the axis
	first := slices.IndexFunc(ps, func(q xy) bool { return q.y > base+high })
	last := len(ps) - 2
	for last > first && ps[last].y <= base+high {
		last--
	}
	if first >= 0 {
		c.StrokeLines(humpLine, c.ClipLinesXY(points2(c, p, ps[max(0, first-1):last+1]))...)
	}
}

// labels places the marks.
func (f *figure) labels(c draw.Canvas, p *plot.Plot) []label {
	x := func(t float64) vg.Length { return c.X(p.X.Norm(t)) - c.Min.X }
	width := func(m mark) vg.Length { return style(size, m.bold, text.XLeft).Width(m.text) }
	marks := f.marks
	// Bounds that are one line to the eye get one text.
	if b := f.spec.Prediction.TimeToClear; f.spec.Prediction.State != drain.Cleared && b.Upper <= f.view.right && x(b.Upper)-x(b.Lower) < 8 && f.fans == nil {
		steps := slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return !m.step })
		marks = append([]mark{marks[0], f.view.merged(b)}, steps...)
	}
	return place(marks, x, width, c.Size().X)
}

// drawLabels draws the marks: a line from the target up to a row below the upper edge, and the text beside it.
func (f *figure) drawLabels(c draw.Canvas, p *plot.Plot) {
	base := c.Y(p.Y.Norm(math.Max(0, f.spec.Prediction.Target)))
	ls := f.labels(c, p)
	for _, l := range ls {
		x := c.Min.X + l.at
		bottom := c.Max.Y - vg.Length(l.row+1)*line
		switch {
		case l.rule:
			c.StrokeLine2(nowLine, x, c.Min.Y, x, c.Max.Y)
		case !l.edge && !l.step: // the lines of steps are behind everything
			lead := leadLine
			if l.bold {
				lead.Color, lead.Width = blue, 1.2
			}
			c.StrokeLine2(lead, x, base, x, bottom+line-2)
			c.StrokeLine2(draw.LineStyle{Color: lead.Color, Width: 2}, x, base-5, x, base+5)
		}
	}
	for _, l := range ls {
		bottom := c.Max.Y - vg.Length(l.row+1)*line
		f.write(c, style(size, l.bold, text.XLeft), c.Min.X+l.box[0], bottom, l.text)
	}
}

// drawTarget names the target: below its line at the right, where no forecast goes, or above it where there is no room.
func (f *figure) drawTarget(c draw.Canvas, p *plot.Plot) {
	target := f.spec.Prediction.Target
	if !(target > 0) {
		return
	}
	s := style(size, false, text.XLeft)
	s.Color = red
	t := targetText(target)
	y := c.Y(p.Y.Norm(target))
	if y-c.Min.Y > line+2 {
		f.write(c, s, c.Max.X-gap-s.Width(t), y-line, t)
		return
	}
	f.write(c, s, c.Min.X+gap, y+3, t)
}

// write writes on a veil that hides what is behind.
func (f *figure) write(c draw.Canvas, s text.Style, x, y vg.Length, t string) {
	t = legible(t)
	w := s.Width(t)
	c.FillPolygon(veil, []vg.Point{{X: x - 2, Y: y - 1}, {X: x + w + 2, Y: y - 1}, {X: x + w + 2, Y: y + size}, {X: x - 2, Y: y + size}})
	c.FillText(s, vg.Point{X: x, Y: y}, t)
}
