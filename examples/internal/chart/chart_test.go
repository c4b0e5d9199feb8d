package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"

	"github.com/postsack/backlog/drain"
)

// noon is a moment to ask at.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// spec is a prediction from numbers.
func spec(t *testing.T, n drain.Numbers, q drain.Question) Spec {
	t.Helper()
	p, err := n.Predict(q)
	require.NoError(t, err)
	return Spec{Prediction: p, Title: p.String(), ToLevel: func(level float64) (drain.Prediction, error) {
		q := q
		q.Target = level
		return n.Predict(q)
	}}
}

// rampage is a backlog that grows for up and falls for down steps of ten seconds, 20 items each, a little unevenly.
func rampage(t *testing.T, up, down int, elapsed time.Duration) Spec {
	t.Helper()
	e := drain.NewEstimator()
	var s Spec
	backlog := 100.
	at := noon
	for i := range up + down {
		backlog += 20 + float64(i*i%7)
		if i >= up {
			backlog -= 45
		}
		backlog = math.Max(0, backlog)
		at = noon.Add(time.Duration(i) * 10 * time.Second)
		require.NoError(t, e.Observe(drain.Sample{Time: at, Backlog: drain.Items(backlog)}))
		s.History = append(s.History, Point{at, backlog})
	}
	var err error
	q := drain.Question{At: at.Add(elapsed)}
	s.Prediction, err = e.Predict(q)
	require.NoError(t, err)
	s.ToLevel = func(level float64) (drain.Prediction, error) {
		q := q
		q.Target = level
		return e.Predict(q)
	}
	s.Title = s.Prediction.String()
	return s
}

// write draws a PNG and an SVG, checks that they are ones, and returns the texts in them, one a line.
func write(t *testing.T, s Spec) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Write(filepath.Join(dir, "a.PNG"), s))
	f, err := os.Open(filepath.Join(dir, "a.PNG"))
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	assert.Equal(t, 1200, img.Bounds().Dx())
	assert.Equal(t, 675, img.Bounds().Dy())
	for _, c := range [][2]int{{0, 0}, {1199, 0}, {0, 674}, {1199, 674}} {
		assert.Equal(t, color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBAModel.Convert(img.At(c[0], c[1])), "a white margin")
	}
	require.NoError(t, Write(filepath.Join(dir, "a.svg"), s))
	b, err := os.ReadFile(filepath.Join(dir, "a.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(b), `<svg width="900pt" height="506.25pt"`) // 1200 x 675 at 96 per inch
	texts := []string{""}
	d := xml.NewDecoder(bytes.NewReader(b))
	for inText := false; ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
			for _, a := range token.Attr {
				assert.NotRegexp(t, "NaN|Inf", a.Value)
				if inText && a.Name.Local == "style" {
					assert.Contains(t, a.Value, "font-family:'Liberation Sans',Arial,")
				}
			}
		case xml.CharData:
			if inText {
				texts = append(texts, string(token))
			}
		case xml.EndElement:
			inText = false
		}
	}
	return strings.Join(append(texts, ""), "\n")
}

func TestWriteNumbers(t *testing.T) {
	n := drain.Numbers{Backlog: drain.About(1.4e6, 50e3), Net: drain.About(300, 50)}
	texts := write(t, spec(t, n, drain.Question{}))
	for _, want := range []string{"cleared in 1 h 18 min", "time from now", "1 h 15 min", "\nnow\n", "median 1 h 18 min",
		"5 % by 1 h", "95 % by 1 h", "forecast: median", "\n50 %\n", "\n90 %\n", "time of clearing", "500 k", "1.5 M"} {
		assert.Contains(t, texts, want)
	}
	assert.NotContains(t, texts, "target")
	assert.NotContains(t, texts, "backlog so far")

	s := spec(t, n, drain.Question{At: noon, Target: 2e5})
	s.Zone = berlin(t)
	texts = write(t, s)
	for _, want := range []string{"time (CET), Mon 23 Nov 2026", "now 13:00", "median 14:07", "target 200 000"} { // 1.2 M / 300 per second: 4000 s
		assert.Contains(t, texts, want)
	}
}

func TestWriteNever(t *testing.T) {
	n := drain.Numbers{Backlog: drain.Exactly(1e6), Net: drain.About(60, 50)}
	texts := write(t, spec(t, n, drain.Question{At: noon}))
	assert.Contains(t, texts, "upper bound: never (P(never) 12 %)") // Φ(-1.2) = 0.115
	n.Net = drain.About(-60, 50)
	texts = write(t, spec(t, n, drain.Question{At: noon}))
	assert.Contains(t, texts, "will not clear at this rate (P(never) 88 %)")
	assert.Contains(t, texts, "\nat this rate\n")
	n.Net = drain.About(-60, 1)
	texts = write(t, spec(t, n, drain.Question{At: noon}))
	assert.Contains(t, texts, "will not clear at this rate (P(never)")
	assert.NotContains(t, texts, "forecast: median")
}

func TestWriteSamples(t *testing.T) {
	texts := write(t, rampage(t, 60, 40, 0))
	for _, want := range []string{"backlog so far", "forecast: median", "time (UTC), Mon 23 Nov 2026", "median 12:"} {
		assert.Contains(t, texts, want)
	}
	texts = write(t, rampage(t, 60, 300, 0))
	assert.Contains(t, texts, ": cleared\n")
	assert.NotContains(t, texts, "forecast")
	write(t, rampage(t, 60, 40, time.Minute))
	write(t, rampage(t, 60, 0, 0))
	texts = write(t, rampage(t, 2, 0, 0))
	assert.Contains(t, texts, "cannot tell yet")
	write(t, rampage(t, 1, 0, 0))
}

func TestWriteDegenerate(t *testing.T) {
	exact := func(backlog, net float64) drain.Numbers {
		return drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.Exactly(net)}
	}
	with := func(s Spec, change func(*Spec)) Spec { change(&s); return s }
	inf, nan := math.Inf(1), math.NaN()
	rough := drain.Numbers{Backlog: drain.Exactly(1e6), Net: drain.About(100, 20)}
	for name, s := range map[string]Spec{
		"nothing":           {},
		"a point":           {History: []Point{{noon, 5}}},
		"an empty queue":    {History: []Point{{noon, 0}, {noon.Add(time.Hour), 0}}},
		"no backlog":        {Prediction: drain.Prediction{Backlog: nan, AsOf: noon, NetDrain: nan}},
		"times unknown":     {Prediction: drain.Prediction{Backlog: 5, AsOf: noon, TimeToClear: drain.Bounds{Level: 0.9, Median: nan, Lower: nan, Upper: nan}}},
		"all never":         {Prediction: drain.Prediction{Backlog: 5, NetDrain: -inf, AsOf: noon, Never: 1, TimeToClear: drain.Bounds{Level: 0.9, Median: inf, Lower: inf, Upper: inf}}},
		"bad points":        {History: []Point{{noon, nan}, {noon, inf}, {noon, -1}, {time.Time{}, 4}, {noon, 3}, {noon, 4}, {noon.Add(-time.Hour), 2}, {noon.Add(time.Hour), 3}}},
		"long ago":          {History: []Point{{noon.AddDate(-3000, 0, 0), 3}, {noon, 4}}},
		"nanoseconds":       {History: []Point{{noon, 3}, {noon.Add(1), 4}}},
		"cleared":           spec(t, exact(0, 5), drain.Question{At: noon}),
		"at rest":           spec(t, exact(5, 0), drain.Question{At: noon}),
		"exact":             spec(t, exact(1e6, 1e3), drain.Question{At: noon}),
		"microseconds":      spec(t, exact(10, 1e6), drain.Question{At: noon}),
		"less":              spec(t, exact(10, 1e18), drain.Question{At: noon}),
		"years":             spec(t, exact(1e6, 1e-2), drain.Question{At: noon}),
		"millennia":         spec(t, exact(1e15, 1e4), drain.Question{At: noon}),
		"longer than that":  spec(t, exact(1e15, 1e-300), drain.Question{At: noon}),
		"the same, exactly": spec(t, exact(1e19, 1e-300), drain.Question{}),
		"huge":              spec(t, drain.Numbers{Backlog: drain.About(1e15, 1e14), Net: drain.About(1e11, 1e10)}, drain.Question{At: noon, Target: 5e14}),
		"tiny":              spec(t, drain.Numbers{Backlog: drain.About(1e-6, 1e-7), Net: drain.About(1e-9, 1e-10)}, drain.Question{At: noon}),
		"target just below": spec(t, rough, drain.Question{At: noon, Target: 999999}),
		"target above":      spec(t, rough, drain.Question{At: noon, Target: 1e7}),
		"level 0.3":         spec(t, rough, drain.Question{At: noon, Level: 0.3}),
		"level 0.5":         spec(t, rough, drain.Question{At: noon, Level: 0.5}),
		"level 1-":          spec(t, rough, drain.Question{At: noon, Level: 1 - 1e-12}),
		"no ToLevel":        with(spec(t, rough, drain.Question{At: noon}), func(s *Spec) { s.ToLevel = nil }),
		"no ToLevel, never": with(spec(t, drain.Numbers{Backlog: drain.Exactly(100), Net: drain.About(1, 2)}, drain.Question{At: noon}), func(s *Spec) { s.ToLevel = nil }),
		"backlog infinite":  with(spec(t, rough, drain.Question{At: noon}), func(s *Spec) { s.Prediction.Backlog = inf }),
		"history of 1e300":  with(spec(t, rough, drain.Question{At: noon}), func(s *Spec) { s.History = []Point{{noon.Add(-time.Hour), 1e300}, {noon, 1e6}} }),
		"history far off":   with(spec(t, rough, drain.Question{At: noon}), func(s *Spec) { s.History = []Point{{noon.AddDate(-9, 0, 0), 1}, {noon.AddDate(-8, 0, 0), 1e6}} }),
		"no name for zone":  with(spec(t, rough, drain.Question{At: noon}), func(s *Spec) { s.Zone = time.FixedZone("", 3600) }),
		"title of signs":    with(spec(t, rough, drain.Question{}), func(s *Spec) { s.Title = "<a & \"b\" 'c'> \x00\x1b\xff\n\n\u202f µ±→" }),
		"title too long":    with(spec(t, rough, drain.Question{}), func(s *Spec) { s.Title = strings.Repeat("x", 1e5) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write(t, s)
		})
	}
}

func TestWriteErrors(t *testing.T) {
	for _, name := range []string{"a.pdf", "png", "a."} {
		path := filepath.Join(t.TempDir(), name)
		err := Write(path, Spec{})
		assert.ErrorContains(t, err, "want .png or .svg")
		assert.ErrorContains(t, err, path)
		assert.NoFileExists(t, path)
	}
	assert.ErrorIs(t, Write(filepath.Join(t.TempDir(), "none", "a.png"), Spec{}), os.ErrNotExist)

	failure := errors.New("failure")
	s := spec(t, drain.Numbers{Backlog: drain.Exactly(10), Net: drain.About(1, 0.1)}, drain.Question{})
	s.ToLevel = func(float64) (drain.Prediction, error) { return drain.Prediction{}, failure }
	path := filepath.Join(t.TempDir(), "a.svg")
	assert.ErrorIs(t, Write(path, s), failure)
	assert.NoFileExists(t, path)
}

// A long title is wrapped, and all of it is there.
func TestTitle(t *testing.T) {
	words := strings.Fields(strings.Repeat("84 210 items, growing by 12/s: will not clear at this rate; ", 12))
	s := Spec{Title: strings.Join(words, " ")}
	assert.Contains(t, strings.Join(strings.Fields(write(t, s)), " "), s.Title)

	width := func(s string) vg.Length { return vg.Length(len(s)) }
	assert.Equal(t, []string{"ab cd", "ef", "", "abcde", "fgh i"}, wrap("ab cd  ef\n\nabcdefgh i", width, 5))
}

func TestLabelsKeepApart(t *testing.T) {
	size := func(m mark) vg.Length { return vg.Length(7 * len(m.text)) }
	x := func(t float64) vg.Length { return vg.Length(t) }
	now := mark{text: "now 12:00", rule: true, x: 300}
	for _, ms := range [][]mark{
		{now, {x: 400, text: "5 % by 12:10"}, {x: 500, text: "median 12:20"}, {x: 600, text: "95 % by 12:30"}},
		{now, {x: 301, text: "5 % by 12:10"}, {x: 302, text: "median 12:20"}, {x: 303, text: "95 % by 12:30"}},
		{now, {x: 797, text: "5 % by 12:10"}, {x: 798, text: "median 12:20"}, {x: 799, text: "95 % by 12:30"}},
		{now, {x: 310, text: "5 % by 12:10"}, {x: 800, text: "median", edge: true}, {x: 800, text: "upper bound: never", edge: true}},
		{now, {x: 310, text: strings.Repeat("a text as wide as all", 9)}, {x: 400, text: "median 12:20"}},
	} {
		ls := place(ms, x, size, 800)
		require.Len(t, ls, len(ms))
		for i, a := range ls {
			for _, b := range ls[:i] {
				assert.False(t, a.row == b.row && a.box[0] < b.box[1] && b.box[0] < a.box[1], "%v and %v", a, b)
			}
		}
		assert.LessOrEqual(t, rows(ls), len(ms))
	}
}

func TestThin(t *testing.T) {
	var ps []xy
	for i := range 100000 {
		ps = append(ps, xy{float64(i), float64(i % 100)})
	}
	ps[51234].y = 1e6
	ps[71234].y = -1
	kept := thin(ps, 0, 99999, 500)
	assert.LessOrEqual(t, len(kept), 2*500+4)
	assert.Contains(t, kept, ps[51234])
	assert.Contains(t, kept, ps[71234])
	assert.Equal(t, ps[0], kept[0])
	assert.Equal(t, ps[99999], kept[len(kept)-1])
	for i := 1; i < len(kept); i++ {
		assert.Greater(t, kept[i].x, kept[i-1].x)
	}
	assert.Equal(t, ps[:100], thin(ps[:100], 0, 100, 500))
}

func TestLook(t *testing.T) {
	s := rampage(t, 3000, 80, 0)
	v := look(s)
	assert.LessOrEqual(t, -v.left, mostPast*v.right, "a forecast has its share of the picture")
	assert.GreaterOrEqual(t, v.left, s.History[0].Time.Sub(s.Prediction.AsOf).Seconds())
	assert.InDelta(t, v.left, v.history[0].x, 1e-9)
	assert.Equal(t, 0., v.history[len(v.history)-1].x)

	// A last sample long before the moment of asking.
	s.History = s.History[:1]
	v = look(s)
	assert.Equal(t, []xy{{v.left, s.History[0].Backlog}}, v.history)

	n := drain.Numbers{Backlog: drain.Exactly(1000), Net: drain.About(1, 0.01)}
	s = spec(t, n, drain.Question{At: noon})
	v = look(s)
	assert.InDelta(t, 1.08*s.Prediction.TimeToClear.Upper, v.right, 1e-9)
	assert.Equal(t, 0., v.left)
}
