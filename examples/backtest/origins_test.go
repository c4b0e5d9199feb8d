package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/series"
)

// bench is a folder with data, origins and, after a run, forecasts.
type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T) bench {
	return bench{t, t.TempDir()}
}

func (b bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b bench) write(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(b.path(name), []byte(text), 0o600))
}

// run replays and returns the exit status and what stands on standard error.
func (b bench) run(terminal bool) (int, string) {
	var stdout, stderr bytes.Buffer
	e := env{stdout: &stdout, stderr: &stderr, terminal: terminal}
	code := e.run([]string{"-data", b.dir, "-origins", b.path("origins"), "-o", b.path("forecasts")})
	assert.Empty(b.t, stdout.String())
	return code, stderr.String()
}

// forecasts runs with the origins given, without their header, and returns the records of the forecasts, without theirs.
func (b bench) forecasts(origins string) [][]string {
	b.t.Helper()
	b.write("origins", "system,row,fraction\n"+origins)
	code, stderr := b.run(false)
	require.Equal(b.t, exitOK, code, stderr)
	require.Empty(b.t, stderr)
	text, err := os.ReadFile(b.path("forecasts"))
	require.NoError(b.t, err)
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(b.t, err)
	require.Equal(b.t, "system,row,fraction,q0.025,q0.05,q0.1,q0.25,q0.5,q0.75,q0.9,q0.95,q0.975", strings.Join(records[0], ","))
	return records[1:]
}

// queue returns rows 0 … n−1 of a queue, one a minute: backlog, by a function of the row, and what it takes in flows to get there.
func queue(n int, backlog func(row int) int) string {
	text := &strings.Builder{}
	text.WriteString("time,backlog,inflow,outflow\n")
	for row := range n {
		out := 0
		if row > 0 {
			out = 60 + backlog(row-1) - backlog(row)
		}
		fmt.Fprintf(text, "%d,%d,60,%d\n", 1795446000+60*row, backlog(row), out)
	}
	return text.String()
}

func falling(row int) int { return 2000 - 10*row + row*row%7 }
func rising(row int) int  { return 50 + 20*row + row*row%5 }

// TestForecasts: one row for each origin with the nine quantiles, in rising order, "inf" behind those that are known.
func TestForecasts(t *testing.T) {
	b := newBench(t)
	b.write("falling.csv", queue(100, falling))
	b.write("rising.csv", queue(100, rising))
	records := b.forecasts("falling,60,0.5\nrising,60,0.5\nfalling,60,0\nrising,1,0.25\n")
	require.Len(t, records, 4)
	for i, want := range []string{"falling,60,0.5", "falling,60,0", "rising,1,0.25", "rising,60,0.5"} {
		require.Len(t, records[i], 3+9)
		assert.Equal(t, want, strings.Join(records[i][:3], ","))
		last := 0.0
		for _, text := range records[i][3:] {
			seconds, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, seconds, last)
			last = seconds
			if math.IsInf(seconds, 1) {
				assert.Equal(t, "inf", text)
			}
		}
	}
	// Row 60 has 1402 items (3600 mod 7 is 2) and 10 a minute go: half of them, 701, takes 4206 s.
	median, err := strconv.ParseFloat(records[0][3+4], 64)
	require.NoError(t, err)
	assert.InEpsilon(t, 4206, median, 0.1)
	// One of two samples: nothing can be vouched for. One that grew for an hour from the start: not within a day.
	assert.Equal(t, strings.Repeat(",inf", 9), ","+strings.Join(records[2][3:], ","))
	median, err = strconv.ParseFloat(records[3][3+4], 64)
	require.NoError(t, err)
	assert.Greater(t, median, 86400.0)
}

// TestSameAsEstimator: a forecast is what an estimator says that has seen the rows up to the origin's, and nothing else.
func TestSameAsEstimator(t *testing.T) {
	b := newBench(t)
	b.write("falling.csv", queue(100, falling))
	got := b.forecasts("falling,70,0.75\n")[0]

	r, err := series.NewReader(strings.NewReader(queue(100, falling)), "falling.csv")
	require.NoError(t, err)
	est := drain.NewEstimator()
	for range 71 { // rows 0 … 70
		s, err := r.Read()
		require.NoError(t, err)
		require.NoError(t, est.Observe(s))
	}
	p, err := est.Predict(drain.Question{Target: 0.75 * float64(falling(70))})
	require.NoError(t, err)
	for i, q := range drain.QuantileLevels() {
		seconds, err := strconv.ParseFloat(got[3+i], 64)
		require.NoError(t, err)
		assert.InEpsilon(t, p.Quantile(q), seconds, 1e-7) // eight digits
	}
}

// TestNothingLater: what comes after an origin's row does not change its forecast, even where it cannot be read.
func TestNothingLater(t *testing.T) {
	b := newBench(t)
	const origins = "falling,20,0.5\nfalling,60,0.5\nfalling,60,0\n"
	b.write("falling.csv", queue(100, falling))
	want := b.forecasts(origins)
	upTo60 := strings.Join(strings.SplitAfter(queue(100, falling), "\n")[:1+61], "") // header, rows 0 … 60
	for name, tail := range map[string]string{
		"nothing":      "",
		"outage":       strings.Join(strings.SplitAfter(queue(100, rising), "\n")[1+61:], ""),
		"rubbish":      "no,such,row,at all\n",
		"another time": "1,1,1,1\n",
	} {
		b.write("falling.csv", upTo60+tail)
		assert.Equal(t, want, b.forecasts(origins), name)
	}
	// Other origins do not change it either.
	assert.Equal(t, want[1], b.forecasts("falling,60,0.5\n")[0])
	// What came before does.
	b.write("falling.csv", strings.Replace(upTo60, ",1402,", ",1500,", 1))
	assert.NotEqual(t, want[1], b.forecasts("falling,60,0.5\n")[0])
}

// TestOrder: systems as they are first named, rows rising, fractions of a row and their spelling as they are given.
func TestOrder(t *testing.T) {
	b := newBench(t)
	b.write("b.csv", queue(50, falling))
	b.write("a.csv", queue(50, falling))
	var got []string
	for _, r := range b.forecasts("b,40,0.50\na,10,.25\nb,20,0\nb,40,2.5e-1\na,10,0.75\n") {
		got = append(got, strings.Join(r[:3], ","))
	}
	assert.Equal(t, []string{"b,20,0", "b,40,0.50", "b,40,2.5e-1", "a,10,.25", "a,10,0.75"}, got)
	// Many fractions of one row, too: a sort that is not stable keeps the order of up to a dozen by luck.
	var origins strings.Builder
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("a,%d,0.%02d", 30-i%2, 99-i))
		fmt.Fprintln(&origins, want[i])
	}
	slices.SortStableFunc(want, func(x, y string) int { return strings.Compare(x[:4], y[:4]) }) // by row
	got = nil
	for _, r := range b.forecasts(origins.String()) {
		got = append(got, strings.Join(r[:3], ","))
	}
	assert.Equal(t, want, got)
	assert.Empty(t, b.forecasts(""))
}

// TestRejectedSample: the replay goes on as a live one would, and a rejected row is a row; a backlog of 0 is cleared at once.
func TestRejectedSample(t *testing.T) {
	b := newBench(t)
	lines := strings.SplitAfter(queue(50, falling), "\n")
	lines[1+30] = "1795447800,-1,60,70\n" // row 30
	b.write("q.csv", strings.Join(lines, ""))
	b.write("empty.csv", "time,backlog\n0,0\n60,0\n120,0\n180,0\n")
	records := b.forecasts("q,30,0.5\nq,40,0.5\nempty,3,0.5\n")
	for _, r := range records[:2] {
		assert.NotEqual(t, "inf", r[3+4])
	}
	assert.Equal(t, strings.Repeat(",0", 9), ","+strings.Join(records[2][3:], ","))
}

// TestDataErrors end with status 1, a line that names the file, and no forecasts.
func TestDataErrors(t *testing.T) {
	b := newBench(t)
	b.write("q.csv", queue(50, falling))
	b.write("text.csv", "time,backlog\n0,5\n60,many\n")
	b.write("header.csv", "when,backlog\n0,5\n")
	b.write("late.csv", "time,backlog\n0,\n60,\n")
	b.write("back.csv", "time,backlog\n120,5\n60,4\n")
	o := b.path("origins")
	const head = "system,row,fraction\n"
	for _, c := range []struct{ origins, want string }{
		{head + "none,1,0.5\n", "open " + b.path("none.csv") + ": no such file or directory"},
		{head + "q,50,0.5\n", b.path("q.csv") + ": an origin asks for row 50, but there are only 50"},
		{head + "q,1,0.5\nq,99,0.5\n", b.path("q.csv") + ": an origin asks for row 99, but there are only 50"},
		{head + "text,2,0.5\n", b.path("text.csv") + `:3: backlog "many", want a number of items, or nothing where it is unknown`},
		{head + "header,0,0.5\n", b.path("header.csv") + `:1: header "when,backlog", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{head + "late,1,0.5\n", b.path("late.csv") + ": no backlog is known at row 1, where an origin asks"},
		{head + "back,1,0.5\n", b.path("back.csv") + ":3: row 1, where an origin asks: drain: invalid argument: At is 1970-01-01T00:01:00Z, before the last sample at 1970-01-01T00:02:00Z"},
		{head + "none,1,0.5\nq,50,0.5\n", "open " + b.path("none.csv") + ": no such file or directory\n" + b.path("q.csv") + ": an origin asks for row 50, but there are only 50"},
		{head + "q,-1,0.5\n", o + `:2: row "-1", want the number of a data row, 0 or more`},
		{head + "q,1,0.5\nq,1.5,0.5\n", o + `:3: row "1.5", want the number of a data row, 0 or more`},
		{head + "q,1,1\n", o + `:2: fraction "1", want a number from 0 to below 1`},
		{head + "q,1,-0.1\n", o + `:2: fraction "-0.1", want a number from 0 to below 1`},
		{head + "q,1,half\n", o + `:2: fraction "half", want a number from 0 to below 1`},
		{head + "q,1,NaN\n", o + `:2: fraction "NaN", want a number from 0 to below 1`},
		{head + "q,1\n", o + ": record on line 2: wrong number of fields"},
		{"row,system,fraction\n1,q,0.5\n", o + `:1: header "row,system,fraction", want system,row,fraction`},
		{"a,b\n", o + ": record on line 1: wrong number of fields"},
		{"", o + `:1: header "", want system,row,fraction`},
	} {
		b.write("origins", c.origins)
		code, stderr := b.run(false)
		assert.Equal(t, exitData, code, c.origins)
		assert.Equal(t, "backtest: "+c.want+"\n", stderr, c.origins)
		assert.NoFileExists(t, b.path("forecasts"))
	}

	require.NoError(t, os.Remove(o))
	code, stderr := b.run(false)
	assert.Equal(t, exitData, code)
	assert.Equal(t, "backtest: open "+o+": no such file or directory\n", stderr)
}

func TestUnwritableOutput(t *testing.T) {
	b := newBench(t)
	b.write("q.csv", queue(50, falling))
	b.write("origins", "system,row,fraction\nq,10,0.5\n")
	require.NoError(t, os.Mkdir(b.path("forecasts"), 0o700))
	code, stderr := b.run(false)
	assert.Equal(t, exitData, code)
	assert.Equal(t, "backtest: open "+b.path("forecasts")+": is a directory\n", stderr)

	if _, err := os.Stat("/dev/full"); err == nil { // where every write fails for want of space
		require.NoError(t, os.Remove(b.path("forecasts")))
		require.NoError(t, os.Symlink("/dev/full", b.path("forecasts")))
		code, stderr = b.run(false)
		assert.Equal(t, exitData, code)
		assert.Equal(t, "backtest: write "+b.path("forecasts")+": no space left on device\n", stderr)
	}
}

// TestProgress: on a terminal one line that is written over, and cleared at the end; elsewhere nothing (forecasts holds that).
func TestProgress(t *testing.T) {
	b := newBench(t)
	b.write("a.csv", queue(50, falling))
	b.write("b.csv", queue(50, falling))
	b.write("origins", "system,row,fraction\na,10,0.5\nb,10,0.5\n")
	code, stderr := b.run(true)
	assert.Equal(t, exitOK, code)
	const clear = "\r\033[K"
	either := func(first, second string) string {
		return clear + "1 of 2 systems: " + first + clear + "2 of 2 systems: " + second + clear
	}
	assert.Contains(t, []string{either("a", "b"), either("b", "a")}, stderr) // they run side by side
}

// TestJoinedErrors: all systems that fail are named.
func TestJoinedErrors(t *testing.T) {
	b := newBench(t)
	b.write("origins", "system,row,fraction\na,0,0\nb,0,0\n")
	err := env{stderr: io.Discard}.forScorer(options{data: b.dir, origins: b.path("origins"), out: b.path("forecasts")})
	assert.ErrorContains(t, err, "a.csv")
	assert.ErrorContains(t, err, "b.csv")
	assert.True(t, errors.Is(err, os.ErrNotExist))
}
