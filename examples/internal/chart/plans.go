package chart

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/postsack/backlog/drain"
)

// mostPlans is how many plans are drawn: the colour-blind tell no more colours apart.
const mostPlans = 6

// Colours of the fans: grey without a plan, then those of Okabe and Ito without black, which is the history, and yellow, which does not show on white. The red
// of the target comes late.
var (
	unplanned = color.NRGBA{0x70, 0x70, 0x70, 0xff}
	palette   = [mostPlans]color.NRGBA{
		{0x00, 0x72, 0xb2, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0xd5, 0x5e, 0x00, 0xff},
	}
)

// fan is the fan of one of several predictions, without a path where there is none to draw.
type fan struct {
	color              color.NRGBA
	width              vg.Length // of the median
	fast, median, slow path
	band               []xy
}

// shade returns the colour of a fan, so transparent that several bands on top of one another are told apart.
func (f fan) shade(alpha uint8) color.NRGBA {
	c := f.color
	c.A = alpha
	return c
}

// planned returns a spec with the plans to draw, each with a name, and how many more there are. Where a plan alone has an AsOf it is that of all.
func planned(s Spec) (_ Spec, more int, err error) {
	var plans []Plan
	for i, p := range s.Plans[:min(mostPlans, len(s.Plans))] {
		p.Prediction = predicted(p.Prediction)
		if p.Name = oneLine(p.Name); p.Name == "" {
			p.Name = "plan " + strconv.Itoa(i+1)
		}
		is := p.Prediction.AsOf
		if s.Prediction.AsOf.IsZero() {
			s.Prediction.AsOf = is
		}
		if all := s.Prediction.AsOf; !is.IsZero() && !is.Equal(all) {
			return s, 0, fmt.Errorf("plan %q is as of %s, want %s as the others", p.Name, is.Format(time.RFC3339Nano), all.Format(time.RFC3339Nano))
		}
		plans = append(plans, p)
	}
	more = len(s.Plans) - len(plans)
	s.Plans = plans
	return s, more, nil
}

// compare works out the fans and their part of the legend.
func (f *figure) compare(more int) error {
	var legend []entry
	add := func(name string, p drain.Prediction, toLevel law, col color.NRGBA, width vg.Length) error {
		one := fan{color: col, width: width}
		if to := toward(p, toLevel); to != nil {
			level := p.TimeToClear.Level
			ps, err := paths(p.Backlog, p.Target, to, []float64{(1 - level) / 2, 0.5, (1 + level) / 2}, f.view.right)
			if err != nil {
				return err
			}
			one.fast, one.median, one.slow = ps[0], ps[1], ps[2]
			one.band = band(one.fast, one.slow, p.Target, f.view.right)
		}
		f.fans = append(f.fans, one)
		t := shorten(name, longestName) + ": " + f.view.outcome(p)
		legend = append(legend, entry{text: t, line: draw.LineStyle{Color: col, Width: width}, color: one.shade(0x40)})
		return nil
	}
	// Where a plan has not begun its median hides most of the one without it, which is therefore wider.
	if err := add("no plan", f.spec.Prediction, f.spec.ToLevel, unplanned, 3.4); err != nil {
		return err
	}
	for i, p := range f.spec.Plans {
		if err := add(p.Name, p.Prediction, p.ToLevel, palette[i], 2); err != nil {
			return fmt.Errorf("plan %q: %w", p.Name, err)
		}
	}
	if more > 0 {
		legend = append(legend, entry{text: "and " + strconv.Itoa(more) + " more"})
	}
	f.table = columnwise(legend, tableWidth)
	return nil
}

// outcome writes the time to clear and, where there is a clock, when the median is.
func (v view) outcome(p drain.Prediction) string {
	b := p.TimeToClear
	if p.State == drain.Cleared {
		return "cleared"
	}
	t := b.String()
	if v.clock() && b.Median > 0 && b.Median <= farthest {
		t += ", about " + v.when(b.Median, b)
	}
	return t
}

// drawBands draws the bands with their edges, by which they are told apart where they overlap.
func (f *figure) drawBands(c draw.Canvas, p *plot.Plot) {
	for _, one := range f.fans {
		f.fill(c, p, one.shade(0x28), one.band)
	}
	for _, one := range f.fans {
		for _, edge := range []path{one.fast, one.slow} {
			c.StrokeLines(draw.LineStyle{Color: one.shade(0x90), Width: 0.8}, c.ClipLinesXY(points2(c, p, edge.pts))...)
		}
	}
}

// drawMedians draws the medians, with a dot at the end of those that get to the target.
func (f *figure) drawMedians(c draw.Canvas, p *plot.Plot) {
	for _, one := range f.fans {
		c.StrokeLines(draw.LineStyle{Color: one.color, Width: one.width}, c.ClipLinesXY(points2(c, p, one.median.pts))...)
	}
	for _, one := range f.fans {
		if n := len(one.median.pts); n > 0 && one.median.goal {
			at := points2(c, p, one.median.pts[n-1:])[0]
			c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: 4.5, Shape: draw.CircleGlyph{}}, at)
			c.DrawGlyph(draw.GlyphStyle{Color: one.color, Radius: 3.5, Shape: draw.CircleGlyph{}}, at)
		}
	}
}

// cell is an entry of a table: x from its left, and its row from the top.
type cell struct {
	entry
	x   vg.Length
	row int
}

const (
	// tableWidth is how wide a table may be: as the picture without its margins and the widest labels of the y axis.
	tableWidth = width - 2*margin - 65
	columnGap  = vg.Length(14)
	// longestName is how long the name of a plan may be, so that the rest of its entry has room beside it.
	longestName = vg.Length(260)
)

// columnwise puts entries into as many columns as have room, one below the other and then in the next column.
func columnwise(es []entry, width vg.Length) []cell {
	widest := vg.Length(0)
	for _, e := range es {
		widest = max(widest, e.width()+columnGap)
	}
	columns := max(1, int((width+columnGap)/widest))
	rows := (len(es) + columns - 1) / columns
	cells := make([]cell, len(es))
	for i, e := range es {
		cells[i] = cell{e, vg.Length(i/rows) * widest, i % rows}
	}
	return cells
}

// tableRows returns how many rows a table has.
func tableRows(cells []cell) int {
	n := 0
	for _, e := range cells {
		n = max(n, e.row+1)
	}
	return n
}

func tableHeight(cells []cell) vg.Length { return vg.Length(tableRows(cells)) * line }

// drawTable draws a table below a legend, from x on, and returns its height.
func drawTable(c draw.Canvas, x vg.Length, cells []cell) vg.Length {
	for _, e := range cells {
		e.draw(c, x+e.x, c.Max.Y+8-vg.Length(e.row+1)*line) // the gap below a legend is below the table instead
	}
	return tableHeight(cells)
}

// oneLine returns a text without what breaks lines.
func oneLine(s string) string { return strings.Join(strings.Fields(legible(s)), " ") }

// shorten returns a text, or as much of it as has room, with an ellipsis.
func shorten(s string, most vg.Length) string {
	const longest = 200 // letters that have room at all
	width := style(size, false, text.XLeft).Width
	r := []rune(s)
	if len(r) <= longest && width(s) <= most {
		return s
	}
	for n := min(len(r), longest); n > 0; n-- {
		if t := strings.TrimSpace(string(r[:n])) + "…"; width(t) <= most {
			return t
		}
	}
	return "…"
}
