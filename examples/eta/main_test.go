package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clock is what the clock shows in all tests. 2026-11-23T15:00:00Z is the Unix time 20780 · 86 400 + 15 · 3600 = 1 795 446 000.
var clock = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// outcome is what a run leaves behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs the program; words are the arguments with spaces between.
func run(stdin, words string, more ...string) outcome {
	var stdout, stderr bytes.Buffer
	e := env{stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, now: func() time.Time { return clock }}
	code := e.run(append(strings.Fields(words), more...))
	return outcome{code, stdout.String(), stderr.String()}
}

// good runs the program, holds that it answers and says nothing on standard error, and returns the answer.
func good(t *testing.T, stdin, words string, more ...string) string {
	t.Helper()
	o := run(stdin, words, more...)
	require.Equal(t, exitOK, o.code, o.stderr)
	require.Empty(t, o.stderr)
	return o.stdout
}

// answer is the JSON form; nil is null.
type answer struct {
	AsOf        time.Time `json:"as_of"`
	State       string    `json:"state"`
	Reasons     []string  `json:"reasons"`
	Samples     int       `json:"samples"`
	Backlog     *float64  `json:"backlog"`
	Target      *float64  `json:"target"`
	Inflow      *float64  `json:"inflow_per_second"`
	Outflow     *float64  `json:"outflow_per_second"`
	Net         *float64  `json:"net_drain_per_second"`
	TimeToClear struct {
		Level      float64    `json:"level"`
		Median     *float64   `json:"median_seconds"`
		Lower      *float64   `json:"lower_seconds"`
		Upper      *float64   `json:"upper_seconds"`
		MedianTime *time.Time `json:"median_time"`
		Quantiles  []struct {
			P       float64  `json:"p"`
			Seconds *float64 `json:"seconds"`
		} `json:"quantiles"`
	} `json:"time_to_clear"`
	Current struct {
		Median *float64 `json:"median_seconds"`
	} `json:"current_backlog"`
	Never     *float64 `json:"never_probability"`
	Deadlines []struct {
		Time        time.Time `json:"time"`
		Probability *float64  `json:"probability"`
	} `json:"deadlines"`
}

// quantile returns the quantile at one of the nine levels, +Inf for null.
func (a answer) quantile(p float64) float64 {
	for _, q := range a.TimeToClear.Quantiles {
		if q.P == p && q.Seconds != nil {
			return *q.Seconds
		}
	}
	return math.Inf(1)
}

// ask returns the answer in JSON.
func ask(t *testing.T, stdin, words string, more ...string) answer {
	t.Helper()
	var a answer
	require.NoError(t, json.Unmarshal([]byte(good(t, stdin, "-format json -tz UTC "+words, more...)), &a))
	return a
}

// write writes a file into a folder of the test's own and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Samples of a queue that drains, one a minute from the clock's 15:00 to 15:20: backlog 1000 − 30·i; in 60, 61, 62, 60 … and out 30 more.
var (
	samplesCSV   = samples("time,backlog,inflow,outflow\n", "%d,%d,%d,%d\n")
	samplesJSONL = samples("", `{"time": %d, "backlog": %d, "inflow": %d, "outflow": %d}`+"\n")
)

func samples(header, format string) string {
	b := &strings.Builder{}
	b.WriteString(header)
	for i := range 21 {
		fmt.Fprintf(b, format, clock.Unix()+int64(60*i), 1000-30*i, 60+i%3, 90+i%3)
	}
	return b.String()
}

// TestNumbers: the figures that users were promised.
func TestNumbers(t *testing.T) {
	a := ask(t, "", "-backlog 1.4e6 -net 300")
	assert.InDelta(t, 1.4e6/300, *a.TimeToClear.Median, 0.1) // 4666.7 s
	assert.Equal(t, "draining", a.State)
	assert.Equal(t, 0.9, a.TimeToClear.Level)
	assert.Equal(t, clock, a.AsOf)
	assert.WithinDuration(t, clock.Add(4666700*time.Millisecond), *a.TimeToClear.MedianTime, 100*time.Millisecond)
	assert.Contains(t, good(t, "", "-backlog 1.4e6 -net 300"), "1 h 18 min") // 4666.7 s are 77 min 47 s

	// Averaged over Normal(1.4e6, 50 000) and Normal(300, 50).
	for _, words := range []string{"-backlog 1.4M±50k -net 300±50", "-backlog 1.4M+-50k -net 300+-50", "-net=300±50 -backlog=1400k±0.05M"} {
		a = ask(t, "", words)
		assert.InDelta(t, 3633.5, a.quantile(0.05), 0.1, words)
		assert.InDelta(t, 6458.3, a.quantile(0.95), 0.1, words)
		assert.InDelta(t, 1.4e6/300, *a.TimeToClear.Median, 0.1, words)
	}
	// Without the backlog's error nearly 1.4e6/(300 ± 1.6449·50): 3662.4 and 6429.5.
	a = ask(t, "", "-backlog 1.4M -net 300±50")
	assert.InDelta(t, 3662.6, a.quantile(0.05), 0.1)
	assert.InDelta(t, 6429.2, a.quantile(0.95), 0.1)

	a = ask(t, "", "-in 700 -out 1000 -backlog 1.4M") // T1
	assert.InDelta(t, 4667, *a.TimeToClear.Median, 1) // 1.4e6/(1000 − 700) = 4666.7
	assert.InDelta(t, 1400, *a.Current.Median, 0.1)   // 1.4e6/1000
	assert.Equal(t, []float64{700, 1000, 300}, []float64{*a.Inflow, *a.Outflow, *a.Net})

	a = ask(t, "", "-in 1200 -out 1000 -backlog 1.4M") // T2
	assert.Equal(t, "growing", a.State)
	assert.Nil(t, a.TimeToClear.Median)
	assert.Nil(t, a.TimeToClear.Upper)
	assert.Nil(t, a.TimeToClear.MedianTime)
	assert.Greater(t, *a.Never, 0.999)
	assert.Equal(t, -200.0, *a.Net)
}

// TestNumbersWithNow: -now takes the clock's place.
func TestNumbersWithNow(t *testing.T) {
	for text, want := range map[string]time.Time{"2026-11-23T17:00:00+01:00": clock.Add(time.Hour), "1795446001.5": clock.Add(1500 * time.Millisecond)} {
		assert.Equal(t, want, ask(t, "", "-backlog 1 -net 1 -now "+text).AsOf.UTC())
	}
}

// TestSamples: from a file and from standard input, CSV and JSON lines, flags before and behind the file, all give one answer.
func TestSamples(t *testing.T) {
	csv, jsonl := write(t, "q.csv", samplesCSV), write(t, "q.jsonl", samplesJSONL)
	want := good(t, samplesCSV, "-format json -tz UTC")
	for _, c := range []struct{ stdin, words string }{
		{samplesCSV, "-format json -tz UTC -"},
		{samplesJSONL, "- -format json -tz UTC"},
		{"", "-format json -tz UTC " + csv},
		{"", "-format json " + csv + " -tz UTC"},
		{"", csv + " -format json -tz UTC"},
		{"", csv + " -format json -tz UTC --"},
		{"", "-format json -tz UTC -- " + csv},
		{"", jsonl + " -format json -tz UTC"},
	} {
		assert.Equal(t, want, good(t, c.stdin, c.words), c.words)
	}

	a := ask(t, "", csv)
	assert.Equal(t, "draining", a.State)
	assert.Equal(t, clock.Add(20*time.Minute), a.AsOf) // the last sample's time, whatever the clock shows
	assert.Equal(t, 21, a.Samples)
	assert.Equal(t, 400.0, *a.Backlog)         // 1000 − 20·30
	assert.InDelta(t, 0.5, *a.Net, 1e-9)       // 30 a minute, at every memory length
	assert.Less(t, *a.TimeToClear.Lower, 800.) // 400/0.5
	assert.Greater(t, *a.TimeToClear.Upper, 800.)
}

// TestNow: samples later than -now are not looked at, not even read.
func TestNow(t *testing.T) {
	lines := strings.SplitAfter(samplesCSV, "\n")
	cut := strings.Join(lines[:1+11], "")                                                   // 15:00 … 15:10
	spoilt := cut + strings.Join(lines[1+11:1+12], "") + "rubbish\n1795446000,-5,0,0,0,0\n" // a line past 15:10 ends the reading
	want := good(t, cut, "-format json -tz UTC")
	for _, now := range []string{"2026-11-23T15:10:00Z", "2026-11-23T16:10:00+01:00", "1795446600"} { // 1795446000 + 600
		assert.Equal(t, want, good(t, spoilt, "-format json -tz UTC -now "+now))
	}
	// Between two samples the answer is that of the one before, 30 s on: every clock time stays where it was.
	a, later := ask(t, cut, ""), ask(t, spoilt, "-now 2026-11-23T15:10:30Z")
	assert.Equal(t, clock.Add(10*time.Minute+30*time.Second), later.AsOf)
	assert.Equal(t, 11, later.Samples)
	assert.InDelta(t, *a.TimeToClear.Median-30, *later.TimeToClear.Median, 1e-3)
	// Long after the last sample the rates are too old to tell a state from: T10.
	stale := ask(t, cut, "-now 2026-11-24T15:00:00Z")
	assert.Equal(t, "unknown", stale.State)
	assert.Contains(t, stale.Reasons, "stale")
}

func TestDeadlines(t *testing.T) {
	a := ask(t, "", "-backlog 1.4M -net 300±50 -deadline 90m -deadline 2026-11-23T17:00:00+01:00 -deadline 2h")
	require.Len(t, a.Deadlines, 3)
	for i, want := range []struct {
		at          time.Time
		probability float64
	}{
		// P(rate ≥ 1.4e6/t) for Normal(300, 50), but for the noise of counting:
		{clock.Add(90 * time.Minute), 0.7910}, // Φ((300 − 259.26)/50) = Φ(0.8148) = 0.7924
		{clock.Add(time.Hour), 0.0376},        // Φ((300 − 388.89)/50) = Φ(−1.7778) = 0.0377
		{clock.Add(2 * time.Hour), 0.9827},    // Φ((300 − 194.44)/50) = Φ(2.1111) = 0.9826
	} {
		assert.True(t, want.at.Equal(a.Deadlines[i].Time))
		assert.InDelta(t, want.probability, *a.Deadlines[i].Probability, 0.002)
	}
	// For samples a time from now counts from the last sample.
	a = ask(t, samplesCSV, "-deadline 1h")
	assert.Equal(t, clock.Add(20*time.Minute+time.Hour), a.Deadlines[0].Time)
}

func TestTarget(t *testing.T) {
	a := ask(t, "", "-backlog 1.4M -net 300 -target 500k")
	assert.Equal(t, 500e3, *a.Target)
	assert.InDelta(t, 3000, *a.TimeToClear.Median, 0.1) // (1.4e6 − 500 000)/300
	assert.Equal(t, "cleared", ask(t, "", "-backlog 1.4M -net 300 -target 1.4e6").State)
	assert.Equal(t, "cleared", ask(t, samplesCSV, "-target 400").State)
}

// TestLevel: bounds at level 0.5 are the quartiles.
func TestLevel(t *testing.T) {
	a := ask(t, "", "-backlog 1.4M -net 300±50 -level 0.5")
	assert.Equal(t, 0.5, a.TimeToClear.Level)
	assert.Equal(t, a.quantile(0.25), *a.TimeToClear.Lower)
	assert.Equal(t, a.quantile(0.75), *a.TimeToClear.Upper)
}

// TestZone: text has clock times of the zone, JSON has UTC.
func TestZone(t *testing.T) {
	for zone, want := range map[string]string{"UTC": ", about 16:18 UTC\n", "Europe/Berlin": ", about 17:18 CET\n", "Asia/Kolkata": ", about 21:48 IST\n"} { // +0, +1 h, +5 h 30 min
		assert.Contains(t, good(t, "", "-backlog 1.4M -net 300±50 -tz "+zone), want)
	}
	assert.Contains(t, good(t, "", "-backlog 1 -net 1 -format json -tz Europe/Berlin"), `"as_of": "2026-11-23T15:00:00Z"`)
}

// TestFollow: one answer for each sample, in each format; a bad line gives one line on standard error, and the next one is read.
func TestFollow(t *testing.T) {
	lines := strings.SplitAfter(samplesCSV, "\n")
	broken := strings.Join(lines[:3], "") + "1795446090,many,1,1\n" + strings.Join(lines[3:], "")
	for format, count := range map[string]func(string) int{
		"text":       func(s string) int { return strings.Count(s, " items, ") },
		"json":       func(s string) int { return strings.Count(s, `{"schema":2,`) },
		"csv":        func(s string) int { return strings.Count(s, "\n") - 1 }, // the header, once
		"prometheus": func(s string) int { return strings.Count(s, "# TYPE backlog_items gauge\n") },
	} {
		o := run(broken, "-follow -tz UTC -format "+format)
		assert.Equal(t, exitOK, o.code, format)
		assert.Equal(t, 21, count(o.stdout), format)
		assert.Equal(t, "eta: standard input:4: backlog \"many\", want a number of items, or nothing where it is unknown\n", o.stderr, format)
	}

	// Text and JSON: one line for each answer; the last one is that of a run without -follow.
	text := strings.Split(strings.TrimSuffix(good(t, samplesCSV, "-follow -tz UTC"), "\n"), "\n")
	assert.Len(t, text, 21)
	assert.Equal(t, "1 000 items, too little known: cannot tell yet when it will clear", text[0])
	assert.True(t, strings.HasPrefix(good(t, samplesCSV, "-tz UTC"), text[20]+"\n"))
	var last answer
	for line := range strings.Lines(good(t, samplesCSV, "-follow -format json")) {
		last = answer{}
		require.NoError(t, json.Unmarshal([]byte(line), &last))
	}
	assert.Equal(t, ask(t, samplesCSV, ""), last)

	// From a file, and samples without a backlog get no answer of their own.
	assert.Equal(t, 2, strings.Count(good(t, "", "-follow "+write(t, "q.csv", "time,backlog,inflow\n1,5,\n2,,3\n3,8,\n")), "\n"))
}

// TestFollowAnswersAtOnce: each answer comes before the next sample is sent.
func TestFollowAnswersAtOnce(t *testing.T) {
	for format, lines := range map[string][]string{"csv": strings.SplitAfter(samplesCSV, "\n"), "jsonl": append([]string{""}, strings.SplitAfter(samplesJSONL, "\n")...)} {
		stdin, send := io.Pipe()
		receive, stdout := io.Pipe()
		e := env{stdin: stdin, stdout: stdout, stderr: io.Discard}
		done := make(chan int)
		go func() {
			code := e.run([]string{"-follow"})
			stdout.Close()
			done <- code
		}()
		answers := bufio.NewReader(receive)
		_, err := io.WriteString(send, lines[0])
		require.NoError(t, err)
		for _, line := range lines[1 : 1+21] {
			_, err := io.WriteString(send, line)
			require.NoError(t, err)
			answer, err := answers.ReadString('\n')
			require.NoError(t, err)
			assert.Contains(t, answer, " items, ", format)
		}
		require.NoError(t, send.Close())
		assert.Equal(t, exitOK, <-done)
	}
}

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	picture := filepath.Join(dir, "fan.png")
	assert.Equal(t, good(t, samplesCSV, "-tz UTC"), good(t, samplesCSV, "-tz UTC -plot "+picture)) // the answer is the same
	f, err := os.Open(picture)
	require.NoError(t, err)
	defer f.Close()
	image, err := png.Decode(f)
	require.NoError(t, err)
	assert.Equal(t, "(0,0)-(1200,675)", image.Bounds().String())

	// Every state can be drawn, from numbers and from samples.
	for name, c := range map[string]struct{ stdin, words string }{
		"draining.svg": {"", "-backlog 1.4M±50k -net 300±50 -deadline 2h"},
		"growing.SVG":  {"", "-backlog 1.4M -in 1200 -out 1000"},
		"stalled.svg":  {"", "-backlog 100 -in 0 -out 0"},
		"cleared.svg":  {"", "-backlog 0 -net 1"},
		"unknown.svg":  {"time,backlog\n1795446000,5\n", ""},
	} {
		path := filepath.Join(dir, name)
		good(t, c.stdin, c.words+" -plot "+path)
		text, err := os.ReadFile(path)
		require.NoError(t, err, name)
		var root struct {
			XMLName xml.Name
		}
		require.NoError(t, xml.Unmarshal(text, &root), name)
		assert.Equal(t, "svg", root.XMLName.Local, name)
	}

	o := run("", "-backlog 1 -net 1 -plot "+filepath.Join(dir, "missing", "fan.svg"))
	assert.Equal(t, exitData, o.code)
	assert.Equal(t, "eta: open "+filepath.Join(dir, "missing", "fan.svg")+": no such file or directory\n", o.stderr)
}

// TestRejected: a sample that cannot be used is said on standard error, with file and line, and counted; the others are answered from.
func TestRejected(t *testing.T) {
	for _, c := range []struct{ name, line, class, detail, reason string }{
		{"negative backlog", "1795447260,-3,,", "rejected", "sample rejected: backlog is -3, want a count of 0 or more", "negative"},
		{"negative backlog, flows good", "1795447260,-3,1,1", "repaired", "sample used in part: backlog is -3, want a count of 0 or more", "negative"},
		{"negative flow", "1795447260,,,-1", "rejected", "sample rejected: outflow is -1, want a count of 0 or more", "negative"},
		{"not a number", "1795447260,NaN,,", "rejected", "sample rejected: backlog is NaN, want a count of 0 or more, up to 2⁶⁴", "not_finite"},
		{"time goes back", "1795446000,3,1,1", "rejected", "sample rejected: time 2026-11-23T15:00:00Z is not after 2026-11-23T15:12:00Z, and the samples until then are settled; want samples in the order of their times, or no more than 8 behind", "out_of_order"},
		{"there already", "1795447200,400,,", "rejected", "sample rejected: the sample of 2026-11-23T15:20:00Z is there already", "duplicate"},
		{"nothing", "1795447260,,,", "rejected", "sample rejected: nothing but a time, want a backlog, an inflow, an outflow or a delay", "nothing_read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "q.csv", samplesCSV+c.line+"\n")
			o := run("", "-format json "+path)
			assert.Equal(t, exitOK, o.code)
			assert.Equal(t, "eta: "+path+":23: "+c.detail+"\n", o.stderr) // a header and 21 samples stand before
			var a answer
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &a))
			assert.Contains(t, a.Reasons, "samples_"+c.class)
			assert.Contains(t, a.Reasons, c.reason)
			if c.class == "rejected" {
				// Of the forecast nothing changes but that the record may have taken in one sample more or less.
				assert.InEpsilon(t, ask(t, samplesCSV, "").quantile(0.95), a.quantile(0.95), 1e-3)
				assert.Equal(t, 21, a.Samples)
			}
			assert.Contains(t, run("", "-format prometheus "+path).stdout, `backlog_samples_`+c.class+`_total{queue="",reason="`+c.reason+`"} 1`+"\n")
			assert.Contains(t, run("", path).stdout, "\n  warning          1 sample "+c.class+": 1 "+strings.ReplaceAll(c.reason, "_", " ")+"\n")
		})
	}
	// Flows may come before the first backlog.
	o := run("time,backlog,inflow\n1795446000,,7\n1795446060,5,7\n", "-format json")
	assert.Equal(t, outcome{exitOK, o.stdout, ""}, o)
}

// TestUnits: milliseconds are recognised, and said once.
func TestUnits(t *testing.T) {
	seconds := run(samplesCSV, "")
	o := run(regexp.MustCompile(`(?m)^(\d+),`).ReplaceAllString(samplesCSV, "${1}000,"), "")
	assert.Equal(t, outcome{exitOK, seconds.stdout, "eta: standard input:2: time taken as Unix milliseconds\n"}, o)
}

// TestFlowsAlone: after one backlog the flows tell the rest, under -follow too.
func TestFlowsAlone(t *testing.T) {
	whole, flows := &strings.Builder{}, &strings.Builder{}
	fmt.Fprintln(whole, "time,backlog,inflow,outflow")
	fmt.Fprintln(flows, "time,backlog,inflow_total,outflow_per_second")
	backlog, total := 1000, 500
	for i := range 30 {
		in, out := 40+i*i%7, 60+i%5
		now := 1795446000 + 60*i
		if i == 0 {
			fmt.Fprintf(flows, "%d,%d,%d,\n", now, backlog, total)
			fmt.Fprintf(flows, "%d,,,%d\n", now, 1)
			fmt.Fprintf(whole, "%d,%d,,\n", now, backlog)
			continue
		}
		backlog += in - out
		total += in
		fmt.Fprintf(whole, "%d,%d,%d,%d\n", now, backlog, in, out)
		fmt.Fprintf(flows, "%d,,%d,%.17g\n", now, total, float64(out)/60)
	}
	want, got := ask(t, whole.String(), ""), ask(t, flows.String(), "")
	assert.InDelta(t, *want.Backlog, *got.Backlog, 1e-6)
	assert.InEpsilon(t, *want.TimeToClear.Median, *got.TimeToClear.Median, 1e-9)
	assert.Equal(t, want.Samples, got.Samples)
	assert.Contains(t, got.Reasons, "backlog_inferred")
	o := run(flows.String(), "-follow -format csv")
	assert.Equal(t, 1+1+29, strings.Count(o.stdout, "\n"), "a header, the first backlog and 29 answers")
}

// TestUnusable: data that cannot be used end with status 1, one line on standard error and no answer.
func TestUnusable(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, stdin, words, want string }{
		{"missing file", "", filepath.Join(dir, "none.csv"), "open " + filepath.Join(dir, "none.csv") + ": no such file or directory"},
		{"a folder", "", dir, dir + ":1: read " + dir + ": is a directory"},
		{"nothing", "", "", `standard input:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{"bad header", "a,b\n1,2\n", "", `standard input:1: header "a,b", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"text in a number", "time,backlog\n1795446000,5\n1795446060,many\n", "", `standard input:3: backlog "many", want a number of items, or nothing where it is unknown`},
		{"text in a time", "time,backlog\nnoon,5\n", "", `standard input:2: time "noon", want Unix seconds or a time such as 2026-11-23T15:04:05Z`},
		{"no object", `{"time": 1, "backlog": 2}` + "\n7\n", "", `standard input:2: "7", want a JSON object such as {"time": 1795429341.5, "backlog": 41}`},
		{"no samples", "time,backlog\n", "", "standard input: no sample with a backlog, want at least one"},
		{"no backlog known", "time,backlog\n1795446000,\n", "", "standard input:2: sample rejected: nothing but a time, want a backlog, an inflow, an outflow or a delay\neta: standard input: no sample with a backlog, want at least one"},
		{"-now before the first sample", samplesCSV, "-tz Europe/Berlin -now 2026-11-23T14:59:59Z", "standard input: no sample with a backlog up to 2026-11-23T15:59:59+01:00, want at least one"},
		{"-follow and no good line", "time,backlog\nnoon,5\n", "-follow", "standard input:2: time \"noon\", want Unix seconds or a time such as 2026-11-23T15:04:05Z\neta: standard input: no sample with a backlog, want at least one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, format := range formats() {
				assert.Equal(t, outcome{exitData, "", "eta: " + c.want + "\n"}, run(c.stdin, c.words+" -format "+format))
			}
		})
	}
}

// full is where nothing more can be written.
type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestNowhereToWrite: an answer that does not arrive is not a success.
func TestNowhereToWrite(t *testing.T) {
	for _, format := range formats() {
		for _, words := range []string{"-backlog 1 -net 1", "-", "-follow"} {
			var stderr bytes.Buffer
			e := env{stdin: strings.NewReader(samplesCSV), stdout: full{}, stderr: &stderr, now: func() time.Time { return clock }}
			assert.Equal(t, exitData, e.run(strings.Fields(words+" -format "+format)), "%s %s", words, format)
			assert.Equal(t, "eta: disk full\n", stderr.String(), "%s %s", words, format)
		}
	}
}

// FuzzRun feeds any text as samples: an answer or an error, never anything else.
func FuzzRun(f *testing.F) {
	f.Add(samplesCSV)
	f.Add(samplesJSONL)
	f.Add("time,backlog\n1,5\n1,6\n2,0\n3,1e19\n4,1e-300\n")
	f.Add("time,backlog,inflow,outflow\n-62167219200,5,1e19,0\n253402300799.9,0.1,,\n")
	f.Add("time,backlog,inflow,outflow\n0,5,,\n1,5,0,0\n2,5,0,0\n3,5,0,0\n4,-1,0,0\n")
	f.Add("time,backlog\n253402300799,0\n")
	f.Add("time,backlog\n0001-01-01T00:00:00Z,5\n0001-01-01T00:00:01Z,6\n")
	f.Fuzz(func(t *testing.T, text string) {
		// (An hour from the last second of the year 9999 there is no time that RFC 3339 can write, hence a fixed deadline.)
		o := run(text, "-format json -deadline 2026-11-23T16:00:00Z -tz UTC")
		if o.code == exitData && o.stdout == "" && strings.HasPrefix(o.stderr, "eta: ") {
			return
		}
		if o.code != exitOK {
			t.Fatalf("exit status %d: %s%s", o.code, o.stdout, o.stderr)
		}
		var a answer
		if err := json.Unmarshal([]byte(o.stdout), &a); err != nil {
			t.Fatalf("%v: %s", err, o.stdout)
		}
		if n := len(a.TimeToClear.Quantiles); n != 9 {
			t.Fatalf("%d quantiles", n)
		}
		last := 0.0
		for _, q := range a.TimeToClear.Quantiles {
			if s := a.quantile(q.P); !(s >= last) { // +Inf for null: behind a null only a null may come
				t.Fatalf("quantile %v at %v comes after %v", s, q.P, last)
			} else {
				last = s
			}
		}
		for _, p := range []*float64{a.Never, a.Deadlines[0].Probability} {
			if p != nil && !(*p >= 0 && *p <= 1) {
				t.Fatalf("probability %v", *p)
			}
		}
	})
}
