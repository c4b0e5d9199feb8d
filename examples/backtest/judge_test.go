package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/examples/internal/chart"
)

// people runs the form for people and returns the exit status and what was written.
func people(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = env{stdin: strings.NewReader(stdin), stdout: &out, stderr: &err}.run(args)
	return code, out.String(), err.String()
}

// report runs it, expects an answer and nothing on standard error, and returns the JSON form.
func report(t *testing.T, args ...string) jsonReport {
	t.Helper()
	code, stdout, stderr := people("", append(args, "-format", "json")...)
	require.Equal(t, exitOK, code, stderr)
	require.Empty(t, stderr)
	var j jsonReport
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&j))
	return j
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// peaks is a queue that rises by 30 a minute for 20 minutes and falls by 20 for 30, to nothing, again and again, exactly.
func peaks(n int) string {
	b := &strings.Builder{}
	b.WriteString("time,backlog\n")
	for i := range n {
		backlog := 30 * (i % 50)
		if i%50 > 20 {
			backlog = 600 - 20*(i%50-20)
		}
		fmt.Fprintf(b, "%d,%d\n", start.Unix()+60*int64(i), backlog)
	}
	return b.String()
}

// wander is a queue whose backlog is a random walk that falls by two a minute, with peaks of some 3000 that arrive now and then.
func wander(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 82))
	b := &strings.Builder{}
	b.WriteString("time,backlog\n")
	backlog := 0.0
	for i := range n {
		backlog = math.Max(0, math.Round(backlog-2+15*r.NormFloat64()))
		if r.IntN(2000) == 0 {
			backlog += 2000 + 2000*r.Float64()
		}
		fmt.Fprintf(b, "%d,%.0f\n", start.Unix()+60*int64(i), backlog)
	}
	return b.String()
}

// TestKnownTruth: every outcome of an exact queue is known, and so is what a straight line says of it.
func TestKnownTruth(t *testing.T) {
	rec := record(t, peaks(500))
	h := rec.survey(0)
	require.Equal(t, 499*60*0.2, h.horizon) // 99.8 min: a peak later is out of reach for nobody
	tally, err := rec.replay(h, h.eligible, 0, true)
	require.NoError(t, err)
	require.Equal(t, len(tally.dots), tally.predictions)
	require.Greater(t, tally.predictions, 100)
	next := 0
	for _, m := range h.eligible {
		for _, a := range amounts(m.backlog, 0) {
			d := tally.dots[next]
			next++
			// The first minute at which the queue is that low, straight from how it is made.
			i, backlog := m.row, math.Inf(1)
			for backlog > a.items {
				i++
				if backlog = float64(30 * (i % 50)); i%50 > 20 {
					backlog = float64(600 - 20*(i%50-20))
				}
			}
			assert.Equal(t, 60*float64(i-m.row), d.Actual)
			assert.Equal(t, h.horizon, d.Horizon)
			assert.True(t, d.Lower <= d.Median && d.Median <= d.Upper)
		}
	}
	assert.Equal(t, next, tally.predictions)
	assert.Zero(t, tally.open)
}

// TestStraightFall: on the last stretch of a long, exact fall a straight line is right to the sampling interval, and the predictions nearly are.
func TestStraightFall(t *testing.T) {
	var backlogs []float64
	for i := range 900 { // nothing for 400 min, up to 3000 within 10, down by 20 a minute, and nothing again
		backlogs = append(backlogs, math.Max(0, math.Min(300*float64(i-400), 3000-20*float64(i-410))))
	}
	rec := minutes(backlogs...)
	h := rec.survey(0)
	var falling []moment
	for _, m := range h.eligible {
		if m.row >= 410+lineSamples && m.row < 540 {
			falling = append(falling, m)
		}
	}
	require.Greater(t, len(falling), 60)
	tally, err := rec.replay(h, falling, 0, true)
	require.NoError(t, err)
	for _, d := range tally.dots {
		require.LessOrEqual(t, d.Actual, 90*60.0)
	}
	// At most one interval of 60 s late, which is at most log2(1 + 60/60) at the very end, and mostly far less.
	assert.Less(t, tally.lineLoss(), 0.05)
	assert.Less(t, tally.factor(), 1.4)
	assert.Greater(t, tally.ours.coverage[index(0.9)].Share(), 0.95)
}

// TestNothingLaterForPeople: what comes after a row does not change what is predicted at it, only what became of it.
func TestNothingLaterForPeople(t *testing.T) {
	text := wander(3000, 1)
	rows := strings.SplitAfter(text, "\n")
	cut := 1 + 1500
	calm := rows[:cut:cut]
	for i := cut; i < len(rows)-1; i++ { // the same times, and nothing ever waits again
		calm = append(calm, strings.Split(rows[i], ",")[0]+",0\n")
	}
	dots := func(text string) (of []chart.Dot, moments []moment) {
		rec := record(t, text)
		h := rec.survey(0)
		for _, m := range h.eligible {
			if m.row < 1500 {
				moments = append(moments, m)
			}
		}
		tally, err := rec.replay(h, moments, 0, true)
		require.NoError(t, err)
		return tally.dots, moments
	}
	was, asked := dots(text)
	is, same := dots(strings.Join(calm, ""))
	require.Greater(t, len(was), 500)
	require.Len(t, same, len(asked))
	require.Len(t, is, len(was))
	other := 0
	for i := range was {
		assert.Equal(t, [4]float64{was[i].Lower, was[i].Median, was[i].Upper, was[i].Horizon}, [4]float64{is[i].Lower, is[i].Median, is[i].Upper, is[i].Horizon})
		if was[i].Actual != is[i].Actual {
			other++
		}
	}
	for i := range asked {
		assert.Equal(t, [2]float64{float64(asked[i].row), asked[i].backlog}, [2]float64{float64(same[i].row), same[i].backlog})
	}
	assert.Positive(t, other, "what became of it is another thing")
}

// TestCoverageOfRandomWalks: for a queue that is what the predictions assume the 90 % bounds hold about as often as they claim, or more often, and those of the straight line do not.
func TestCoverageOfRandomWalks(t *testing.T) {
	var args []string
	for seed := range 6 {
		args = append(args, file(t, "wander.csv", wander(8000, uint64(seed))))
	}
	j := report(t, args...)
	require.Len(t, j.Files, 6)
	assert.Equal(t, 6, j.Mean.Files)
	sum := 0.0
	for _, f := range j.Files {
		assert.Equal(t, 400, f.Asks)
		assert.Greater(t, f.Eligible, 400)
		assert.Empty(t, f.Message)
		sum += float64(f.Coverage[8].Within) / 6
		for i, c := range f.Coverage {
			assert.Equal(t, levels[i], c.Level)
			assert.InDelta(t, 1, float64(c.Within+c.Early+c.Late), 1e-9)
			assert.True(t, c.WithinLower <= c.Within && c.Within <= c.WithinUpper)
		}
	}
	assert.InDelta(t, sum, float64(j.Mean.Coverage[8].Within), 1e-9)
	assert.Equal(t, 0.9, j.Mean.Coverage[8].Level)
	assert.Greater(t, float64(j.Mean.Coverage[8].Within), 0.85)
	assert.Less(t, float64(j.Mean.LineCoverage[8].Within), 0.6)
	assert.Greater(t, float64(j.Mean.Skill), 0.3)
	assert.InDelta(t, float64(1-j.Mean.Score/j.Mean.LineScore), float64(j.Mean.Skill), 1e-9)
}

// someResult is a result with known numbers: of 40 predictions 30 were held by the bounds of all levels, 6 were later than the horizon of an hour, and 4 came early.
func someResult(name string) result {
	r := result{name: name, samples: 301, target: 20, asks: 20, history: history{
		from: start, to: start.Add(5 * time.Hour), backlogs: 300, rejected: 1, interval: 60, horizon: 3600, eligible: make([]moment, 25),
	}}
	r.tally = newTally(60, 3600, true)
	sure := func(t float64) answer { // one time, as sure as can be
		a := answer{make([]float64, len(probabilities)), func(x float64) float64 {
			if x < t {
				return 0
			}
			return 1
		}}
		for i := range a.quantiles {
			a.quantiles[i] = t
		}
		return a
	}
	for i := range 40 {
		switch {
		case i < 30:
			r.add(i%2, sure(420), sure(180), 420) // log2(1 + 7) = 3 and log2(1 + 3) = 2: the line is off by 2, one quantile like the other
		case i < 36:
			r.add(1, sure(7200), never(), math.Inf(1))
		default:
			r.add(toTarget, never(), sure(60), 60) // log2(61) - log2(2) = 4.93, a factor of 30.5
		}
	}
	return r
}

// TestText: what people read about one file, and about several.
func TestText(t *testing.T) {
	o := options{zone: time.UTC}
	b := &strings.Builder{}
	require.NoError(t, writeText(o, []result{someResult("queue.csv")}, b))
	// 36 of 40 held: 90 %, Clopper-Pearson 76.3 % – 97.2 %. The loss of the line is the mean of 2·(p·1) over the nine levels, 1, for 30 of 40, that of the predictions the same
	// times 4.93 for 4 of 40.
	assert.Equal(t, `queue.csv: 301 samples (1 rejected), 1 min 00 s apart, 2026-11-23 15:00 UTC – 20:00 UTC
  40 predictions, made at 20 of the 25 rows that have something to ask; up to 1 h 00 min ahead, and 6 were still open then

  bounds  claimed  held  (95 %)       earlier  later  the line claims  held
  50 %    100 %    90 %  76 % – 97 %  10 %     0 %    100 %            25 %
  80 %    100 %    90 %  76 % – 97 %  10 %     0 %    100 %            25 %
  90 %    100 %    90 %  76 % – 97 %  10 %     0 %    100 %            25 %
  95 %    100 %    90 %  76 % – 97 %  10 %     0 %    100 %            25 %

  time to fall to  median off by     predictions  still open
  three quarters   a factor of 1     15           0
  half             a factor of 1     21           6
  the target (20)  a factor of 30.5  4            0

  score 0.493, 34 % less than the straight line's 0.750: weighted interval score in factors of two, 0 is perfect
  (95 %): bounds on the share for ever more predictions, if they were independent; those that overlap are not
  claimed: what the predictions themselves give their bounds, which is more than the level where they reach past the horizon
  the line: least squares through the last 60 samples, with its own standard error
`, b.String())

	b.Reset()
	other := someResult("other queue.csv")
	for range 40 {
		other.add(0, never(), never(), math.Inf(1))
	}
	short := result{name: "short.csv", samples: 3, history: history{backlogs: 3}, tally: newTally(60, 24, false)}
	require.NoError(t, writeText(o, []result{someResult("queue.csv"), short, other}, b))
	assert.Equal(t, `file             predictions  still open  50 % held  80 %  90 %  95 %  90 % earlier  later  median off by  score  the line's  skill  the line's 90 % held
queue.csv        40           15 %        90 %       90 %  90 %  90 %  10 %          0 %    1              0.493  0.750       34 %   25 %
other queue.csv  80           57 %        95 %       95 %  95 %  95 %  5 %           0 %    1              0.247  0.375       34 %   62 %
mean of 2 files                           92 %       92 %  92 %  92 %  8 %           0 %    1              0.370  0.562       34 %   44 %
score: weighted interval score in factors of two, 0 is perfect; the line: least squares through the last 60 samples, with its own standard error
short.csv: too short to replay: 3 samples with a backlog, want 9 before the first question and more after it
`, b.String())
}

// TestPostfix: the recording of the examples; what the predictions were worth is left out, as that changes with them.
func TestPostfix(t *testing.T) {
	t.Chdir("../..")
	code, stdout, stderr := people("", "examples/data/postfix.csv", "-tz", "Europe/Berlin", "-target", "20")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, stderr)
	assert.True(t, strings.HasPrefix(stdout, `examples/data/postfix.csv: 420 samples, 2.0 s apart, 2026-11-23 11:22:22 CET – 11:36:17 CET
  470 predictions, made at 94 of the 94 rows that have something to ask; up to 2 min 47 s ahead, and 282 were still open then
`), stdout)
	assert.Regexp(t, `\n  90 %  +\d[\d.]* %  +\d+ %  +\d+ % – \d+ %  +\d+ %  +\d+ %  +100 %  +60 %\n`, stdout, "the line said never, for sure, and was right 282 times of 470")
	assert.Regexp(t, `\n  three quarters   a factor of \d[\d.]*  +94  +41\n`, stdout)
	assert.Regexp(t, `\n  the target \(20\)  a factor of \d[\d.]*  +94  +71\n`, stdout)
	assert.Regexp(t, `\n  score 0\.\d+, \d+ % (less|more) than the straight line's 0\.259: `, stdout)
}

// TestTooShort is an answer: nothing was asked, and why.
func TestTooShort(t *testing.T) {
	flat := "time,backlog\n"
	for i := range 100 {
		flat += fmt.Sprintf("%d,5\n", 60*i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"one":   {"time,backlog\n0,5\n", "standard input: 1 sample, 1970-01-01 00:00:00 UTC – 00:00:00 UTC\n  too short to replay: 1 sample with a backlog, want 9 before the first question and more after it\n"},
		"three": {"time,backlog\n0,5\n60,4\n120,3\n", "standard input: 3 samples, 1 min 00 s apart, 1970-01-01 00:00:00 UTC – 00:02:00 UTC\n  too short to replay: 3 samples with a backlog, want 9 before the first question and more after it\n"},
		"flat": {flat, "standard input: 100 samples, 1 min 00 s apart, 1970-01-01 00:00 UTC – 01:39 UTC\n" +
			"  nothing to ask: at no sample with 20 min of the file still to come was the backlog above the target (0) and three quarters of those before it lower\n"},
	} {
		code, stdout, stderr := people(c.text, "-", "-tz", "UTC")
		assert.Equal(t, exitOK, code, name)
		assert.Empty(t, stderr, name)
		assert.Equal(t, c.want, stdout, name)

		path := file(t, "short.csv", c.text)
		j := report(t, path)
		assert.NotEmpty(t, j.Files[0].Message)
		assert.Zero(t, j.Files[0].Predictions)
		assert.Zero(t, j.Mean.Files)
		code, stdout, stderr = people("", path, "-format", "csv", "-plot", filepath.Join(t.TempDir(), "short.png"))
		assert.Equal(t, exitOK, code, stderr)
		assert.Equal(t, 2, strings.Count(stdout, "\n"), "a header and a record")
		assert.NotContains(t, stdout, "NaN")
	}
}

// TestNothingDecided: predictions of which the file holds no end are no coverage of 100 %.
func TestNothingDecided(t *testing.T) {
	text := "time,backlog\n"
	for i := range 50 {
		text += fmt.Sprintf("%d,%d\n", 2*i, 41+38*i)
	}
	code, stdout, stderr := people(text, "-", "-tz", "UTC")
	assert.Equal(t, exitOK, code, stderr)
	assert.Contains(t, stdout, "predictions, and what became of none of them is in the file\n")
	assert.NotContains(t, stdout, "100 %")
}

// TestForms: samples in the other forms that eta reads give the same, and the unit of times is said.
func TestForms(t *testing.T) {
	text := peaks(300)
	_, want, _ := people(text, "-", "-tz", "UTC")
	require.Contains(t, want, "predictions, made at")
	milli, lines := &strings.Builder{}, &strings.Builder{}
	for i, l := range strings.Split(strings.TrimSpace(text), "\n") {
		at, backlog, _ := strings.Cut(l, ",")
		if i == 0 {
			milli.WriteString(l + "\n")
			continue
		}
		fmt.Fprintf(milli, "%s000,%s\n", at, backlog)
		fmt.Fprintf(lines, `{"time": %s, "backlog": %s}`+"\n", at, backlog)
	}
	code, stdout, stderr := people(milli.String(), "-", "-tz", "UTC")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, want, stdout)
	assert.Equal(t, "backtest: standard input:2: time taken as Unix milliseconds\n", stderr)
	path := file(t, "peaks.jsonl", lines.String())
	code, stdout, stderr = people("", path, "-tz", "UTC")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, strings.Replace(want, "standard input", path, 1), stdout)
	assert.Empty(t, stderr)
	// A sample that is rejected is counted and does not stop it.
	code, stdout, stderr = people(strings.Replace(text, ",570\n", ",-570\n", 1), "-", "-tz", "UTC")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stdout, "300 samples (1 rejected)")
	assert.Empty(t, stderr)
}

// TestDataErrorsForPeople end with status 1, name file, line and value, and nothing is written.
func TestDataErrorsForPeople(t *testing.T) {
	good := file(t, "good.csv", peaks(300))
	text, header := file(t, "text.csv", "time,backlog\n0,5\n60,many\n"), file(t, "header.csv", "when,backlog\n0,5\n")
	empty, flows := file(t, "empty.csv", ""), file(t, "flows.csv", "time,inflow\n0,5\n60,5\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{text}, text + `:3: backlog "many", want a number of items, or nothing where it is unknown`},
		{[]string{"nowhere.csv"}, "open nowhere.csv: no such file or directory"},
		{[]string{flows}, flows + ": no sample with a backlog, want at least one"},
		{[]string{empty}, empty + `:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{[]string{good, text, "nowhere.csv"}, text + `:3: backlog "many", want a number of items, or nothing where it is unknown` + "\nopen nowhere.csv: no such file or directory"},
		{[]string{header}, header + `:1: header "when,backlog", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{[]string{good, "-plot", filepath.Join(t.TempDir(), "no", "such.png")}, ""},
	} {
		code, stdout, stderr := people("", c.args...)
		assert.Equal(t, exitData, code, c.args)
		if c.want == "" {
			assert.Contains(t, stderr, "no such file or directory")
			continue
		}
		assert.Equal(t, "backtest: "+c.want+"\n", stderr, c.args)
		assert.Empty(t, stdout, c.args)
	}
}

// TestProgressForPeople: as in the form for a scorer, on a terminal alone.
func TestProgressForPeople(t *testing.T) {
	path := file(t, "peaks.csv", peaks(100))
	var stdout, stderr bytes.Buffer
	code := env{stdout: &stdout, stderr: &stderr, terminal: true}.run([]string{path})
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "\r\033[K1 of 1 files: "+path+"\r\033[K", stderr.String())
}

// TestJSON: the shape, with null for what is unknown and no number that JSON has not.
func TestJSON(t *testing.T) {
	code, stdout, stderr := people("", file(t, "peaks.csv", peaks(300)), "-format", "json", "-target", "7")
	require.Equal(t, exitOK, code, stderr)
	var j map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &j))
	assert.Equal(t, []any{1.0, 0.95}, []any{j["schema"], j["confidence"]})
	f := j["files"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{
		"message": "", "samples": 300.0, "rejected": 0.0, "interval_seconds": 60.0, "horizon_seconds": 299 * 12.0, "target": 7.0, "unanswered": 0.0,
		"from": start.Format(time.RFC3339), "to": start.Add(299 * time.Minute).Format(time.RFC3339),
	} {
		assert.Equal(t, want, f[name], name)
	}
	for _, name := range []string{"file", "eligible", "asks", "predictions", "still_open", "median_factor", "score", "line_score", "skill"} {
		assert.NotNil(t, f[name], name)
	}
	assert.Len(t, f, 21)
	for _, name := range []string{"coverage", "line_coverage"} {
		require.Len(t, f[name], len(levels))
		assert.Len(t, f[name].([]any)[0], 7)
	}
	assert.Equal(t, 0.1, f["coverage"].([]any)[0].(map[string]any)["level"])
	require.Len(t, f["distances"], 5)
	assert.Equal(t, map[string]any{"to": "half", "fraction": 0.5}, part(f["distances"].([]any)[1], "to", "fraction"))
	assert.Equal(t, map[string]any{"to": "target", "fraction": nil}, part(f["distances"].([]any)[4], "to", "fraction"))
	m := j["mean"].(map[string]any)
	assert.Equal(t, 1.0, m["files"])
	assert.Equal(t, f["score"], m["score"])

	_, stdout, _ = people("time,backlog\n0,5\n", "-", "-format", "json")
	require.NoError(t, json.Unmarshal([]byte(stdout), &j))
	f = j["files"].([]any)[0].(map[string]any)
	for _, name := range []string{"interval_seconds", "horizon_seconds", "median_factor", "score", "line_score", "skill"} {
		assert.Nil(t, f[name], name)
		assert.Contains(t, f, name)
	}
}

func part(object any, names ...string) map[string]any {
	p := map[string]any{}
	for _, n := range names {
		p[n] = object.(map[string]any)[n]
	}
	return p
}

// TestCSV: a header and a record for each file, with the numbers of the JSON form.
func TestCSV(t *testing.T) {
	paths := []string{file(t, "a.csv", peaks(300)), file(t, "b.csv", peaks(400)), file(t, "c.csv", "time,backlog\n0,1\n")}
	j := report(t, paths...)
	code, stdout, stderr := people("", append(paths, "-format", "csv")...)
	require.Equal(t, exitOK, code, stderr)
	records, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 4)
	column := func(record int, name string) string {
		for i, n := range records[0] {
			if n == name {
				return records[record][i]
			}
		}
		t.Errorf("no column %s", name)
		return ""
	}
	for i, f := range j.Files {
		assert.Equal(t, paths[i], column(i+1, "file"))
		assert.Equal(t, strconv.Itoa(f.Predictions), column(i+1, "predictions"))
		if i == 2 {
			assert.Empty(t, column(3, "score"))
			assert.Empty(t, column(3, "within_0.9"))
			assert.NotEmpty(t, column(3, "message"))
			continue
		}
		for name, want := range map[string]number{
			"score": f.Score, "line_score": f.LineScore, "skill": f.Skill, "median_factor": f.MedianFactor, "interval_seconds": 60,
			"within_0.9": f.Coverage[8].Within, "within_0.9_upper": f.Coverage[8].WithinUpper, "early_0.9": f.Coverage[8].Early, "late_0.95": f.Coverage[9].Late,
			"claimed_0.1": f.Coverage[0].Claimed, "line_within_0.9": f.LineCoverage[8].Within, "half_median_factor": f.Distances[1].MedianFactor,
		} {
			got, err := strconv.ParseFloat(column(i+1, name), 64)
			require.NoError(t, err, name)
			assert.Equal(t, float64(want), got, name)
		}
	}
}

// TestPlot: both forms are written and hold what they should.
func TestPlot(t *testing.T) {
	dir := t.TempDir()
	path := file(t, "wander.csv", wander(4000, 3))
	for _, name := range []string{"p.svg", "p.png"} {
		code, _, stderr := people("", path, "-asks", "50", "-plot", filepath.Join(dir, name))
		require.Equal(t, exitOK, code, stderr)
	}
	picture, err := os.ReadFile(filepath.Join(dir, "p.png"))
	require.NoError(t, err)
	assert.Equal(t, "\x89PNG", string(picture[:4]))
	picture, err = os.ReadFile(filepath.Join(dir, "p.svg"))
	require.NoError(t, err)
	for _, want := range []string{"wander.csv: ", " predictions, ", "Do the bounds hold?", "Was the median right?", "bounds claim to hold", "straight line", "time it took", "time predicted", "still open"} {
		assert.Contains(t, string(picture), want)
	}
	code, _, stderr := people("", path, path, "-asks", "50", "-plot", filepath.Join(dir, "p.svg"))
	require.Equal(t, exitOK, code, stderr)
	picture, err = os.ReadFile(filepath.Join(dir, "p.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(picture), "2 files: ")
}

func BenchmarkReplay(b *testing.B) {
	text := wander(120_000, 9)
	b.Run("rows=120000", func(b *testing.B) {
		for b.Loop() {
			if code, _, stderr := people(text, "-"); code != exitOK {
				b.Fatal(stderr)
			}
		}
	})
}
