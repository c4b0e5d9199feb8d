package chart

import (
	"fmt"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/postsack/backlog/drain"
)

// stepped is a prediction, with or without a plan beside it, and n steps at moments in minutes from noon.
func stepped(t *testing.T, planned bool, n int, minutes func(i int) float64) Spec {
	t.Helper()
	s := planless(plan(t, "", 200, 40, drain.Question{At: noon}))
	if planned {
		s.Plans = []Plan{plan(t, "fast", 400, 50, drain.Question{At: noon})}
	}
	for i := range n {
		s.Steps = append(s.Steps, Step{noon.Add(time.Duration(minutes(i) * float64(time.Minute))), fmt.Sprintf("change number %d", i+1)})
	}
	return s
}

func TestWriteSteps(t *testing.T) {
	for _, planned := range []bool{false, true} {
		s := stepped(t, planned, 4, func(i int) float64 { return 5 + 30*float64(i) })
		s.Steps = append(s.Steps, Step{noon.AddDate(0, 0, 1), "tomorrow"}, Step{noon.Add(-time.Hour), "before the picture"}, Step{Label: "no time"},
			Step{noon.Add(75 * time.Minute), " \n"}, Step{noon.Add(100 * time.Minute), "two\nlines <\x00>"})
		texts := write(t, s)
		for _, want := range []string{"change number 1", "change number 4", "13:15", "two lines <\ufffd>"} {
			assert.Contains(t, texts, "\n"+want+"\n")
		}
		for _, not := range []string{"tomorrow", "before the picture", "no time", "1: "} {
			assert.NotContains(t, texts, not)
		}
		f, err := newFigure(s)
		require.NoError(t, err)
		assert.Equal(t, []float64{300, 2100, 3900, 4500, 5700, 6000}, f.steps)
		written, _, lines := record(t, s)
		assert.Len(t, lines, 6)
		labels := regexp.MustCompile(`^(change number \d|13:15|two lines.*)$`)
		for _, w := range written {
			beside := func(l vg.Point) bool {
				return (math.Abs(float64(w.x0-l.X-gap)) < 0.1 || math.Abs(float64(l.X-w.x1-gap)) < 0.1) && math.Abs(float64(l.Y-w.y1)) < 8
			}
			assert.Equal(t, labels.MatchString(w.text), slices.ContainsFunc(lines, beside), "%+v and %v", w, lines)
		}

		s.History = []Point{{noon.Add(-2 * time.Hour), 1e6}, {noon, 1.4e6}}
		assert.Contains(t, write(t, s), "before the picture", "in view beside a history")
	}
	// No now on the clock: no place for a step.
	s := planless(plan(t, "", 200, 40, drain.Question{}))
	s.Steps = []Step{{noon, "a step"}, {time.Time{}.Add(time.Minute), "a step"}}
	assert.NotContains(t, write(t, s), "a step")
	// The zone is that of the picture.
	s = stepped(t, true, 0, nil)
	s.Zone = berlin(t)
	s.Steps = []Step{{noon.Add(67 * time.Minute), ""}}
	assert.Contains(t, write(t, s), "\n14:07\n")
	// Where bounds are one line to the eye they get one label, and steps keep theirs.
	s = spec(t, drain.Numbers{Backlog: drain.Exactly(1e6), Net: drain.Exactly(1e3)}, drain.Question{At: noon})
	s.Steps = []Step{{noon.Add(5 * time.Minute), "a step"}}
	texts := write(t, s)
	assert.Contains(t, texts, "\na step\n")
	assert.NotContains(t, texts, "\nmedian ")
	assert.Contains(t, texts, "\n12:16:40 (90 %: ")
	s.Plans = []Plan{{}}
	assert.NotContains(t, write(t, s), "\n12:16:40 (90 %: ", "it is in the legend")
}

// Labels keep apart, and off the lines of one another, and are neither in too many rows nor beside the picture.
func TestStepLabels(t *testing.T) {
	for name, test := range map[string]struct {
		n        int
		minutes  func(i int) float64
		numbered bool
	}{
		"apart":       {4, func(i int) float64 { return 10 + 40*float64(i) }, false},
		"close":       {4, func(i int) float64 { return 60 + 3*float64(i) }, false},
		"at once":     {3, func(int) float64 { return 60 }, false},
		"at the end":  {3, func(i int) float64 { return 170 + float64(i) }, false},
		"backwards":   {4, func(i int) float64 { return 100 - 5*float64(i) }, false},
		"many":        {15, func(i int) float64 { return 10 * float64(i) }, true},
		"a heap":      {15, func(i int) float64 { return 60 + float64(i)/60 }, true},
		"heaps":       {300, func(i int) float64 { return 0.5 * float64(i) }, true},
		"a great lot": {20000, func(i int) float64 { return 0.005 * float64(i) }, true},
	} {
		for _, planned := range []bool{false, true} {
			f, err := newFigure(stepped(t, planned, test.n, test.minutes))
			require.NoError(t, err)
			assert.Len(t, f.steps, test.n, name)
			width := func(m mark) vg.Length { return style(size, m.bold, text.XLeft).Width(m.text) }
			ls := place(f.marks, f.column, width, tableWidth)
			assert.LessOrEqual(t, rows(ls), mostRows, name)
			steps := 0
			for i, a := range ls {
				assert.True(t, a.box[0] >= 0 && a.box[1] <= tableWidth+gap, "%s: %v", name, a)
				if a.step {
					steps++
					assert.Equal(t, test.numbered, regexp.MustCompile(`^\d+(–\d+)?$`).MatchString(a.text), "%s: %s", name, a.text)
				}
				for j, b := range ls {
					assert.False(t, i != j && a.row == b.row && a.box[0] < b.box[1] && b.box[0] < a.box[1], "%s: %v and %v", name, a, b)
					assert.False(t, a.step && b.row > a.row && b.box[0] < a.at && a.at < b.box[1], "%s: line of %v on %v", name, a, b)
				}
			}
			assert.Greater(t, steps, 0, name)
			assert.LessOrEqual(t, float64(steps), float64(tableWidth/numberRoom)+1, name)
		}
	}
}

func TestStepNumbers(t *testing.T) {
	// Twelve in two heaps and one alone.
	s := stepped(t, true, 13, func(i int) float64 { return []float64{20, 80, 150}[i/6] + float64(i%6)/10 })
	texts := write(t, s)
	for _, want := range []string{"1–6", "7–12", "13", "1: change number 1", "13: change number 13"} {
		assert.Contains(t, texts, "\n"+want+"\n")
	}
	assert.NotContains(t, texts, " more\n")
	assert.NotContains(t, texts, "\nchange number")

	// The key is in its rows, and says how many are not in it; those have no number.
	s = stepped(t, true, 100, func(i int) float64 { return float64(i) })
	f, err := newFigure(s)
	require.NoError(t, err)
	plans := 0
	for _, e := range f.table {
		if strings.Contains(e.text, "(90 %") {
			plans = max(plans, e.row+1)
		}
	}
	assert.Equal(t, plans+mostKeys, tableRows(f.table))
	keys := 0
	for i, a := range f.table {
		assert.LessOrEqual(t, a.x+a.width(), tableWidth, a.text)
		if strings.Contains(a.text, ": change number ") {
			keys++
			assert.GreaterOrEqual(t, a.row, plans)
		}
		for _, b := range f.table[:i] {
			assert.False(t, a.row == b.row && a.x < b.x+b.width() && b.x < a.x+a.width(), "%v and %v", a.text, b.text)
		}
	}
	assert.Greater(t, keys, 10)
	assert.Equal(t, fmt.Sprintf("and %d more", 100-keys), f.table[len(f.table)-1].text)
	last := f.marks[len(f.marks)-1].text
	assert.True(t, strings.HasSuffix(last, fmt.Sprint(keys)), "%s is the last of %d", last, keys)
	write(t, s)
	s.Plans, s.Title = nil, ""
	write(t, s)
}

// Keys that just fit leave nothing over, whatever their widths; a long label has a row of its own.
func TestFlow(t *testing.T) {
	for n := range 60 {
		for _, word := range []string{"x", "some words", strings.Repeat("long ", 12)} {
			ms := make([]mark, n)
			for i := range ms {
				ms[i].text = word
			}
			key, shown := flow(ms, 300)
			want := shown
			if shown < n {
				want++
				assert.Equal(t, fmt.Sprintf("and %d more", n-shown), key[len(key)-1].text)
			}
			assert.Len(t, key, want)
			assert.LessOrEqual(t, tableRows(key), mostKeys)
			if word != strings.Repeat("long ", 12) {
				for _, e := range key {
					assert.LessOrEqual(t, e.x+e.width(), vg.Length(300))
				}
			}
		}
	}
}

// writing is a text in a picture, and the rectangle that it fills.
type writing struct {
	text           string
	x0, x1, y0, y1 vg.Length
}

// record draws a picture and returns the texts in it that are level, the height at which the median without a plan begins,
// and the upper ends of the lines of steps.
func record(t *testing.T, s Spec) (texts []writing, high vg.Length, lines []vg.Point) {
	t.Helper()
	f, err := newFigure(s)
	require.NoError(t, err)
	var c recorder.Canvas
	f.draw(draw.NewCanvas(&c, width, height))
	turned := 0
	var col color.Color
	var pen vg.Length
	for _, a := range c.Actions {
		switch a := a.(type) {
		case *recorder.Rotate:
			turned++
		case *recorder.Pop:
			turned = 0
		case *recorder.SetColor:
			col = a.Color
		case *recorder.SetLineWidth:
			pen = a.Width
		case *recorder.Stroke:
			if col == stepLine.Color || col == faintStep.Color {
				lines = append(lines, a.Path[len(a.Path)-1].Pos)
			}
			if col == color.Color(unplanned) && pen == f.fans[0].width && len(a.Path) > 5 {
				high = a.Path[0].Pos.Y
			}
		case *recorder.FillString:
			face := plot.DefaultTextHandler.(text.Plain).Fonts.Lookup(a.Font, a.Size)
			if w := face.Width(a.String); turned == 0 && strings.TrimSpace(a.String) != "" {
				texts = append(texts, writing{a.String, a.Point.X, a.Point.X + w, a.Point.Y - 0.15*a.Size, a.Point.Y + 0.7*a.Size})
			}
		}
	}
	return texts, high, lines
}

// In no picture does a text meet another one, the edge or, where it labels a moment, the data, however much of the picture the legend takes.
func TestTextsKeepApart(t *testing.T) {
	minutes := map[string]func(i int) float64{
		"here and there": func(i int) float64 { return 7 * float64(i) },
		"squares":        func(i int) float64 { return float64(i*i) / 2 },
		"at once":        func(i int) float64 { return 30 + float64(i)/100 },
		"at the end":     func(i int) float64 { return 180 - float64(i) },
	}
	for name, minutes := range minutes {
		for _, n := range []int{1, 4, 12, 60} {
			for _, plans := range []int{1, 3, 9} {
				s := stepped(t, false, n, minutes)
				for i := range plans {
					s.Plans = append(s.Plans, plan(t, strings.Repeat("a name ", 1+2*i), 250+50*float64(i), 30, drain.Question{At: noon}))
				}
				s.History = []Point{{noon.Add(-time.Hour), 1e6}, {noon, 1.4e6}}
				s.Zone = time.FixedZone("XST", 11.5*hour) // midnight comes soon: a date below the times
				if n > 1 {
					s.Title = strings.Repeat("a title ", 250)
				}
				texts, high, _ := record(t, s)
				require.NotZero(t, high)
				for i, a := range texts {
					assert.True(t, a.x0 >= 0 && a.x1 <= width && a.y0 >= 0 && a.y1 <= height, "%s, %d steps, %d plans: %+v", name, n, plans, a)
					for _, b := range texts[:i] {
						assert.False(t, a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1, "%s, %d steps, %d plans: %+v and %+v", name, n, plans, a, b)
					}
					if regexp.MustCompile(`^(now .*|\d+–\d+|change number \d+)$`).MatchString(a.text) {
						assert.Greater(t, a.y0, high+5, "%s, %d steps, %d plans: %+v", name, n, plans, a)
					}
				}
			}
		}
	}
}
