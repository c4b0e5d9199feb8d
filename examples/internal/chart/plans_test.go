package chart

import (
	"bytes"
	"errors"
	"image/color"
	"image/png"
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

// plan is one that drains 1.4 million by net ± se per second.
func plan(t *testing.T, name string, net, se float64, q drain.Question) Plan {
	t.Helper()
	s := spec(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Net: drain.About(net, se)}, q)
	return Plan{Name: name, Prediction: s.Prediction, ToLevel: s.ToLevel}
}

// planless is the spec of a plan that there is none beside.
func planless(p Plan, plans ...Plan) Spec {
	return Spec{Prediction: p.Prediction, ToLevel: p.ToLevel, Title: "a title", Plans: plans}
}

// paint draws a PNG and returns how many pixels have each colour.
func paint(t *testing.T, s Spec) map[color.NRGBA]int {
	t.Helper()
	f, err := newFigure(s)
	require.NoError(t, err)
	var buf bytes.Buffer
	require.NoError(t, writePNG(&buf, f))
	img, err := png.Decode(&buf)
	require.NoError(t, err)
	n := map[color.NRGBA]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			n[color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)]++
		}
	}
	return n
}

func TestWritePlans(t *testing.T) {
	q := drain.Question{At: noon, Target: 2e5}
	s := planless(plan(t, "", 200, 40, q), plan(t, "ten workers", 400, 50, q), plan(t, "", 600, 50, q))
	texts := write(t, s)
	for _, want := range []string{
		"no plan: " + s.Prediction.TimeToClear.String() + ", about 13:40", // 1.2 M / 200 per second: 6000 s
		"ten workers: " + s.Plans[0].Prediction.TimeToClear.String() + ", about 12:50",
		"plan 2: " + s.Plans[1].Prediction.TimeToClear.String() + ", about 12:33",
		"line: median, band: bounds", "target 200 000", "now 12:00",
	} {
		assert.Contains(t, texts, "\n"+legible(want)+"\n")
	}
	for _, not := range []string{"forecast: median", "50 %\n", "time of clearing", "\nmedian ", " more\n", "5 % by"} {
		assert.NotContains(t, texts, not)
	}

	// Each has its fan, from its backlog to its target.
	f, err := newFigure(s)
	require.NoError(t, err)
	require.Len(t, f.fans, 3)
	for i, p := range append([]drain.Prediction{s.Prediction}, s.Plans[0].Prediction, s.Plans[1].Prediction) {
		require.True(t, f.fans[i].median.goal)
		falls(t, f.fans[i].median.pts)
		for want, p := range map[float64]path{p.TimeToClear.Lower: f.fans[i].fast, p.TimeToClear.Median: f.fans[i].median, p.TimeToClear.Upper: f.fans[i].slow} {
			assert.InDelta(t, want, p.pts[len(p.pts)-1].x, 1e-6)
			assert.Equal(t, 2e5, p.pts[len(p.pts)-1].y)
		}
		assert.Greater(t, area(f.fans[i].band), 0.)
	}
	assert.Nil(t, f.hump)
	assert.Nil(t, f.wide)

	// Each has a colour, and only then.
	drawn, alone := paint(t, s), paint(t, planless(plan(t, "", 200, 40, q)))
	for _, c := range []color.NRGBA{unplanned, palette[0], palette[1]} {
		assert.Greater(t, drawn[c], 100, "%v", c)
	}
	for i, one := range f.fans[1:] { // on white, and lighter than in the legend
		alpha := int(one.shade(0x28).A)
		on := func(c uint8) float64 { return 255 - float64((255-int(c))*alpha)/255 }
		n := 0
		for c, k := range drawn {
			if math.Abs(on(one.color.R)-float64(c.R)) < 1.5 && math.Abs(on(one.color.G)-float64(c.G)) < 1.5 && math.Abs(on(one.color.B)-float64(c.B)) < 1.5 {
				n += k
			}
		}
		assert.Greater(t, n, 1000, "band %d", i)
	}
	assert.Zero(t, drawn[palette[2]])
	assert.Less(t, alone[palette[1]], 100)
}

// Nothing planned: the same picture to the last byte. What is out of sight is nothing, too.
func TestWriteNoPlans(t *testing.T) {
	s := rampage(t, 60, 40, 0)
	t.Chdir(t.TempDir())
	for _, ext := range []string{".png", ".svg"} {
		require.NoError(t, Write("a"+ext, s))
		s := s
		s.Plans = []Plan{}
		s.Steps = []Step{{Time: noon.AddDate(-1, 0, 0), Label: "past"}, {Time: noon.AddDate(1, 0, 0), Label: "to come"}, {Label: "no time"}}
		require.NoError(t, Write("b"+ext, s))
		a, err := os.ReadFile("a" + ext)
		require.NoError(t, err)
		b, err := os.ReadFile("b" + ext)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(a, b), ext)
	}
}

func TestWriteManyPlans(t *testing.T) {
	q := drain.Question{At: noon}
	s := planless(plan(t, "", 150, 20, q))
	for i := range mostPlans {
		s.Plans = append(s.Plans, plan(t, strings.Repeat("w", i+1), 200+50*float64(i), 30, q))
	}
	texts := write(t, s)
	assert.Contains(t, texts, "\nwwwwww: ")
	assert.NotContains(t, texts, " more\n")
	drawn := paint(t, s)
	for _, c := range palette {
		assert.Greater(t, drawn[c], 100, "%v", c)
	}

	far := look(s).right
	failing := plan(t, "seventh", 1, 0.1, q) // neither drawn nor asked, and without a say on the time axis
	failing.ToLevel = func(float64) (drain.Prediction, error) { return drain.Prediction{}, errors.New("failure") }
	s.Plans = append(s.Plans, failing, failing)
	texts = write(t, s)
	assert.Contains(t, texts, "\nand 2 more\n")
	assert.NotContains(t, texts, "seventh")
	f, err := newFigure(s)
	require.NoError(t, err)
	assert.Equal(t, far, f.view.right)
	// No two entries share a place.
	for i, a := range f.table {
		for _, b := range f.table[:i] {
			assert.False(t, a.row == b.row && a.x < b.x+b.width() && b.x < a.x+a.width(), "%v and %v", a.text, b.text)
		}
		assert.LessOrEqual(t, a.x+a.width(), tableWidth, a.text)
	}
}

// The time axis holds all finite medians, whatever the prediction without a plan and the history, and is not stretched by what is never.
func TestReach(t *testing.T) {
	q := drain.Question{At: noon}
	never, slow, fast := plan(t, "", -10, 20, q), plan(t, "", 20, 1, q), plan(t, "", 500, 30, q)
	require.True(t, math.IsInf(never.Prediction.TimeToClear.Median, 1) && !math.IsInf(never.Prediction.TimeToClear.Lower, 1))
	for _, ps := range [][]Plan{{slow, fast}, {fast, slow}, {never, fast}, {fast, never}, {never, slow, fast}, {{Prediction: predicted(drain.Prediction{})}, slow}} {
		for _, past := range []time.Duration{0, time.Minute, 100 * time.Hour} {
			s := planless(ps[0], ps[1:]...)
			if past > 0 {
				s.History = []Point{{noon.Add(-past), 1e6}, {noon, 1.4e6}}
			}
			right, most := look(s).right, 0.0
			for _, p := range ps {
				if m := p.Prediction.TimeToClear.Median; m < math.Inf(1) {
					assert.Greater(t, right, 1.05*m)
					most = math.Max(most, m)
				}
			}
			assert.Less(t, right, 2*most)
		}
	}
	// A state that is not draining, with a median far from its lower bound and a short history, is cut off alone, and not beside a plan.
	odd := never.Prediction
	odd.TimeToClear = drain.Bounds{Level: 0.9, Median: 1e5, Lower: 100, Upper: math.Inf(1)}
	odd.State = drain.Steady
	s := Spec{Prediction: odd, History: []Point{{noon.Add(-time.Minute), 1e6}, {noon, 1.4e6}}}
	assert.Less(t, look(s).right, 1e5)
	s.Plans = []Plan{fast}
	assert.Greater(t, look(s).right, 1e5)
	// One that is there by now has no use for the length of a history.
	there := Plan{Prediction: drain.Prediction{TimeToClear: drain.Bounds{Level: 0.9}, Backlog: 5}}
	s = planless(fast, there)
	s.History = []Point{{noon.Add(-100 * time.Hour), 1e6}, {noon, 1.4e6}}
	assert.Less(t, look(s).right, 2*fast.Prediction.TimeToClear.Median)
	assert.Equal(t, look(planless(never)).right, look(planless(never, never)).right, "nothing finite")
	assert.EqualValues(t, farthest, look(planless(fast, plan(t, "", 1e-6, 1e-8, q), Plan{Prediction: drain.Prediction{TimeToClear: drain.Bounds{Level: 0.9, Median: farthest}}})).right)
}

func TestWriteUnusualPlans(t *testing.T) {
	q := drain.Question{At: noon}
	inf, nan := math.Inf(1), math.NaN()
	fast := plan(t, "fast", 500, 30, q)
	bounds := func(lower, median, upper float64) Plan {
		p := plan(t, "odd", 300, 30, q)
		p.Prediction.TimeToClear = drain.Bounds{Level: 0.9, Median: median, Lower: lower, Upper: upper}
		return p
	}
	with := func(p Plan, change func(*Plan)) Plan { change(&p); return p }
	rough := plan(t, "odd", 100, 80, q)
	require.True(t, math.IsInf(rough.Prediction.TimeToClear.Upper, 1))
	for name, test := range map[string]struct {
		plan Plan
		want string
	}{
		"nothing":          {Plan{}, "plan 1: unknown"},
		"times unknown":    {bounds(nan, nan, nan), "odd: unknown"},
		"median unknown":   {bounds(5, nan, inf), "odd: unknown"},
		"never":            {plan(t, "odd", -100, 1, q), "odd: never"},
		"hardly":           {plan(t, "odd", -10, 20, q), "odd: never (90 %: "},
		"all never":        {bounds(inf, inf, inf), "odd: never"},
		"upper never":      {rough, " – never), about "},
		"cleared":          {plan(t, "odd", 5, 1, drain.Question{At: noon, Target: 2e6}), "odd: cleared"},
		"at rest":          {plan(t, "odd", 0, 0, q), "odd: never"},
		"no AsOf":          {plan(t, "odd", 400, 50, drain.Question{}), "odd: 58 min (90 %: "},
		"now":              {bounds(0, 0, 0), "odd: 0 s"},
		"later than all":   {bounds(1e10, 1e12, inf), "odd: " + bounds(1e10, 1e12, inf).Prediction.TimeToClear.String()},
		"no ToLevel":       {with(rough, func(p *Plan) { p.ToLevel = nil }), "odd: "},
		"backlog infinite": {with(rough, func(p *Plan) { p.Prediction.Backlog = inf }), "odd: "},
		"backlog unknown":  {with(rough, func(p *Plan) { p.Prediction.Backlog = nan }), "odd: "},
		"higher":           {with(rough, func(p *Plan) { p.Prediction.Backlog = 5e6 }), "odd: "},
		"blank name":       {with(rough, func(p *Plan) { p.Name = " \n\t " }), "plan 1: "},
		"name of signs":    {with(rough, func(p *Plan) { p.Name = "<a\n& \"b\" \x00\xff>" }), "<a & \"b\" \ufffd\ufffd>: "},
		"name too long":    {with(rough, func(p *Plan) { p.Name = strings.Repeat("x", 1e5) }), "x…: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range []Spec{planless(fast, test.plan), planless(test.plan, test.plan), {Plans: []Plan{test.plan}}, {Plans: []Plan{test.plan, fast}, History: []Point{{noon, 1e6}}}} {
				s.Steps = []Step{{Time: noon.Add(time.Minute), Label: "a step"}}
				assert.Contains(t, write(t, s), legible(test.want))
			}
		})
	}
	// Neither has a time: durations.
	no := drain.Question{}
	texts := write(t, planless(plan(t, "", 200, 40, no), plan(t, "fast", 400, 50, no)))
	assert.Contains(t, texts, "time from now")
	assert.NotContains(t, texts, "about")
	// Cleared without a plan, which is no news about the plans.
	texts = write(t, planless(plan(t, "", 5, 1, drain.Question{At: noon, Target: 2e6}), fast))
	assert.Contains(t, texts, "no plan: cleared")
	assert.NotContains(t, texts, "now 12:00: cleared")
	// A backlog that a plan makes higher is in the picture.
	f, err := newFigure(planless(fast, with(fast, func(p *Plan) { p.Prediction.Backlog = 5e6 })))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, f.top(300, 1), 5e6)
	// Nothing to see: nothing to explain.
	assert.NotContains(t, write(t, Spec{Plans: []Plan{{}}}), "band")
}

func TestPlanErrors(t *testing.T) {
	q := drain.Question{At: noon}
	path := filepath.Join(t.TempDir(), "a.svg")
	failure := errors.New("failure")
	s := planless(plan(t, "", 200, 40, q), plan(t, "ten workers", 400, 50, q))
	s.Plans[0].ToLevel = func(float64) (drain.Prediction, error) { return drain.Prediction{}, failure }
	err := Write(path, s)
	assert.ErrorIs(t, err, failure)
	assert.Regexp(t, `^chart: plan "ten workers": prediction for a backlog of [0-9.e+]+: failure$`, err)
	assert.NoFileExists(t, path)

	s.Plans[0].ToLevel = nil
	s.Plans[0].Prediction.AsOf = noon.Add(time.Second)
	assert.EqualError(t, Write(path, s), `chart: plan "ten workers" is as of 2026-11-23T12:00:01Z, want 2026-11-23T12:00:00Z as the others`)
	assert.NoFileExists(t, path)
	s.Plans[0].Prediction.AsOf = noon.In(berlin(t)) // the same moment
	assert.NoError(t, Write(path, s))
	s.Prediction.AsOf = time.Time{}
	assert.Contains(t, write(t, s), "now 13:00", "that of the plan")
	s.Plans = append(s.Plans, s.Plans[0])
	s.Plans[1].Prediction.AsOf = noon.Add(time.Second)
	assert.ErrorContains(t, Write(path, s), `want 2026-11-23T13:00:00+01:00 as the others`)

	s.Plans = s.Plans[:1]
	s.ToLevel = func(float64) (drain.Prediction, error) { return drain.Prediction{}, failure }
	assert.Regexp(t, `^chart: prediction for a backlog of [0-9.e+]+: failure$`, Write(path, s))
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "short", shorten("short", 100))
	assert.Equal(t, "", shorten("", 100))
	assert.Equal(t, "…", shorten("short", 1))
	long := shorten("a much longer text than that", 100)
	assert.Regexp(t, "^a much longer?.*…$", long)
	assert.LessOrEqual(t, entry{text: long}.width(), vg.Length(100))
	assert.Greater(t, entry{text: long}.width(), vg.Length(80), "no more is cut off than need be")
}
