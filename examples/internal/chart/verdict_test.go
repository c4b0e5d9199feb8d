package chart

import (
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

// drawVerdict draws a PNG and an SVG, checks that they are ones and that no coordinate is infinite, and returns the SVG's texts, one a line.
func drawVerdict(t *testing.T, v Verdict) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, WriteVerdict(filepath.Join(dir, "a.PNG"), v))
	f, err := os.Open(filepath.Join(dir, "a.PNG"))
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	assert.Equal(t, [2]int{1200, 675}, [2]int{img.Bounds().Dx(), img.Bounds().Dy()})
	require.NoError(t, WriteVerdict(filepath.Join(dir, "a.svg"), v))
	svg, err := os.ReadFile(filepath.Join(dir, "a.svg"))
	require.NoError(t, err)
	texts := []string{""}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
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

func someVerdict() Verdict {
	v := Verdict{Title: "some queue: 300 predictions"}
	for _, level := range []float64{0.1, 0.5, 0.9, 0.95} {
		v.Bounds = append(v.Bounds, Share{level, level, level * 0.9, level*0.9 - 0.05, level*0.9 + 0.05})
		v.Line = append(v.Line, Share{level, level, level * 0.1, 0, level * 0.2})
	}
	for i := range 300 {
		actual := 60 * math.Exp(float64(i%60)/15)
		v.Dots = append(v.Dots, Dot{Lower: actual / 4, Median: actual * (0.5 + float64(i%7)/5), Upper: actual * 10, Actual: actual, Horizon: 7200})
	}
	return v
}

func TestVerdict(t *testing.T) {
	v := someVerdict()
	texts := drawVerdict(t, v)
	for _, want := range []string{"some queue: 300 predictions", "Do the bounds hold?", "Was the median right?", "bounds claim to hold", "bounds held", "time it took", "time predicted",
		"ideal", "predictions", "95 % sure", "straight line", "right to a factor of 2", "median", "90 %", "predicted for later than 2 h 00 min", "1 min", "10 min", "1 h", "50 %", "0 %", "20 %", "100 %"} {
		assert.Contains(t, texts, "\n"+want+"\n")
	}
	assert.NotContains(t, texts, "still open")

	// Some that are later, of all kinds.
	v.Dots = append(v.Dots,
		Dot{Lower: 5, Median: 50, Upper: math.Inf(1), Actual: math.Inf(1), Horizon: 7200},
		Dot{Lower: 8000, Median: 9000, Upper: 1e5, Actual: 7201, Horizon: 7200},
		Dot{Lower: math.Inf(1), Median: math.Inf(1), Upper: math.Inf(1), Actual: 60, Horizon: 7200},
		Dot{Lower: 0, Median: 0, Upper: 0, Actual: 60, Horizon: 7200})
	texts = drawVerdict(t, v)
	assert.Contains(t, texts, "\nstill open\n")
	assert.Contains(t, texts, "\npredicted for later than 2 h 00 min\n")
	v.Dots[0].Horizon = 7300
	assert.Contains(t, drawVerdict(t, v), "\npredicted for later than its horizon\n")
}

// TestVerdictOfLittle: nothing, and what cannot be drawn, is left out, and the picture is one.
func TestVerdictOfLittle(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, v := range map[string]Verdict{
		"nothing": {},
		"nonsense": {Dots: []Dot{{nan, 1, 2, 3, 4}, {1, nan, 2, 3, 4}, {1, 2, nan, 3, 4}, {1, 2, 3, nan, 4}, {1, 2, 3, 4, nan}, {3, 2, 1, 4, 5}, {-1, 2, 3, 4, 5}, {1, 2, 3, 0, 5}, {1, 2, 3, 4, inf},
			{1, 2, 3, 4, 1e300}, {1, 2, 3, 4, 0}}},
	} {
		texts := drawVerdict(t, v)
		assert.Contains(t, texts, "\nno predictions\n", name)
		assert.NotContains(t, texts, "straight line", name)
	}
	for name, d := range map[string]Dot{
		"one":           {1, 2, 3, 4, 5},
		"one open":      {1, 2, 3, inf, 5},
		"one, now":      {0, 0, 0, 1, 5},
		"microseconds":  {1e-6, 2e-6, 3e-6, 4e-6, 5e-6},
		"centuries":     {1e9, 2e9, 3e9, 4e9, 5e9},
		"all decades":   {1e-9, 1e-9, 1e11, 1e11, 2e11},
		"never, so far": {inf, inf, inf, inf, 5},
	} {
		assert.NotContains(t, drawVerdict(t, Verdict{Dots: []Dot{d}}), "no predictions", name)
	}
	// One share makes no curve and no band, but a point.
	drawVerdict(t, Verdict{Bounds: []Share{{0.9, 0.9, 1, 0.5, 1}}})
}

func TestVerdictErrors(t *testing.T) {
	assert.ErrorContains(t, WriteVerdict("a.pdf", Verdict{}), `a.pdf: extension is ".pdf", want .png or .svg`)
	assert.Error(t, WriteVerdict(filepath.Join(t.TempDir(), "no", "a.png"), Verdict{}))
}

// TestDecades: two ticks or more on any axis, in order, before the strip, none of whose labels meet.
func TestDecades(t *testing.T) {
	for lo := -6.0; lo < 9; lo += 0.37 {
		for length := 0.2; length < 11; length *= 1.3 {
			d := decades{lo, lo + length, lo + 1.13*length}
			ticks := d.Ticks(d.from, d.end)
			require.GreaterOrEqual(t, len(ticks), 2, "%v", d)
			for i, tick := range ticks {
				assert.NotEmpty(t, tick.Label)
				assert.True(t, tick.Value >= d.from-1e-9 && tick.Value <= d.to+1e-9, "%v: %v", d, tick)
				if i > 0 {
					pixels := 420 * (tick.Value - ticks[i-1].Value) / (d.end - d.from)
					letters := float64(len([]rune(tick.Label))+len([]rune(ticks[i-1].Label))) / 2
					assert.Greater(t, pixels, 7*letters, "%v: %v, %v", d, ticks[i-1].Label, tick.Label)
				}
			}
		}
	}
	labels := func(d decades) (s []string) {
		for _, t := range d.Ticks(0, 0) {
			s = append(s, t.Label)
		}
		return s
	}
	assert.Equal(t, []string{"1 s", "3 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 d"}, labels(decades{-0.1, 5, 5.1}))
	var _ plot.Ticker = decades{}
}

// TestUsableDots: by rising outcome, those that are still open last, and no more than have room.
func TestUsableDots(t *testing.T) {
	var v Verdict
	for i := range 5000 {
		v.Dots = append(v.Dots, Dot{1, 2, 3, float64(1 + i*7919%5000), 4000})
	}
	ds := v.usableDots()
	require.Len(t, ds, mostDots)
	for i := 1; i < len(ds); i++ {
		assert.LessOrEqual(t, math.Min(ds[i-1].Actual, 4000.5), math.Min(ds[i].Actual, 4000.5))
	}
	assert.Equal(t, 1.0, ds[0].Actual)
	assert.Greater(t, ds[1999].Actual, 4000.0)
}
