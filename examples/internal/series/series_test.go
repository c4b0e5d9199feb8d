package series_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/series"
)

// start is what 1795429341 means: 1 795 429 341 = 20780 · 86 400 + 37 341, and 37 341 s after midnight are 10:22:21.
var start = time.Date(2026, time.November, 23, 10, 22, 21, 0, time.UTC)

// missed is a count that was due and not read.
const missed = -2

// sample makes a sample of counts; a negative one is one that is unknown.
func sample(t time.Time, backlog, inflow, outflow float64) drain.Sample {
	s := drain.Sample{Time: t}
	if backlog >= 0 {
		s.Backlog = drain.Items(backlog)
	}
	if inflow >= 0 {
		s.Inflow = drain.Count(inflow)
	}
	if outflow >= 0 {
		s.Outflow = drain.Count(outflow)
	}
	if inflow == missed {
		s.Inflow = drain.NotRead()
	}
	if outflow == missed {
		s.Outflow = drain.NotRead()
	}
	return s
}

// read returns all samples of a text and the errors of all lines that cannot be read, the last being the one that ended the reading unless that
// was the end of the text.
func read(t *testing.T, text, name string) (samples []drain.Sample, lines []int, errs []string) {
	t.Helper()
	return readFrom(strings.NewReader(text), name)
}

func readFrom(in io.Reader, name string) (samples []drain.Sample, lines []int, errs []string) {
	r, err := series.NewReader(in, name)
	if err != nil {
		return nil, nil, []string{err.Error()}
	}
	for {
		s, err := r.Read()
		if errors.Is(err, io.EOF) {
			return samples, lines, errs
		}
		if err == nil {
			samples, lines = append(samples, s), append(lines, r.Line())
			continue
		}
		errs = append(errs, err.Error())
		if bad := (*series.Error)(nil); !errors.As(err, &bad) {
			return samples, lines, errs
		}
	}
}

func TestRead(t *testing.T) {
	second := start.Add(time.Second)
	both := []drain.Sample{sample(start, 41, 7, 3), sample(second, 45, 8, 4)}
	bare := []drain.Sample{sample(start, 41, -1, -1), sample(second, 45, -1, -1)}
	for _, c := range []struct {
		name, file, text string
		want             []drain.Sample
	}{
		{"csv", "q.csv", "time,backlog,inflow,outflow\n1795429341,41,7,3\n1795429342,45,8,4\n", both},
		{"no flows", "q.csv", "time,backlog\n1795429341,41\n1795429342,45\n", bare},
		{"no newline at the end", "q.csv", "time,backlog\n1795429341,41\n1795429342,45", bare},
		{"any order of columns", "q.csv", "outflow,backlog,time,inflow\n3,41,1795429341,7\n4,45,1795429342,8\n", both},
		{"extra columns", "q.csv", "host,time,note,backlog\na,1795429341,\"x,y\nz\",41\nb,1795429342,text,45\n", bare},
		{"the first of two columns with one name", "q.csv", "time,backlog,backlog\n1795429341,41,1\n1795429342,45,2\n", bare},
		{"capitals in the header", "q.csv", "Time,BACKLOG\n1795429341,41\n1795429342,45\n", bare},
		{"byte order mark", "q.csv", "\ufefftime,backlog\n1795429341,41\n1795429342,45\n", bare},
		{"byte order mark, quoted header", "q.csv", "\ufeff\"time\",\"backlog\"\n1795429341,41\n1795429342,45\n", bare},
		{"CRLF", "q.csv", "time,backlog\r\n1795429341,41\r\n1795429342,45\r\n", bare},
		{"spaces", "q.csv", " time , backlog \n 1795429341 , 41 \n\t1795429342\t, 45\n", bare},
		{"a carriage return at the end", "q.csv", "time,backlog\r\n1795429341,41\r\n1795429342,45\r", bare},
		{"empty lines", "q.csv", "\ntime,backlog\n\n1795429341,41\n\n\n1795429342,45\n\n", bare},
		{"quoted fields", "q.csv", "\"time\",\"backlog\"\n\"1795429341\",\"41\"\n\" 1795429342 \",45\n", bare},
		{"quoted fields behind spaces", "q.csv", "\"time\", \"backlog\"\n\"1795429341\", \"41\"\n1795429342, \"45\"\n", bare},
		{"empty is unknown", "q.csv", "time,backlog,inflow,outflow\n1795429341,,7,\n1795429342, ,,4\n", []drain.Sample{sample(start, -1, 7, missed), sample(second, -1, missed, 4)}},
		{"RFC 3339 with zone", "q.csv", "time,backlog\n2026-11-23T11:22:21+01:00,41\n2026-11-23T10:22:22.000Z,45\n", bare},
		{"fractions, exponents and signs of counts", "q.csv", "time,backlog\n1795429341,4.1e1\n1795429342,+45.0\n", bare},
		{"nothing but a time", "q.csv", "time,backlog,inflow\n1795429341,,\n1795429342,45,\n", []drain.Sample{sample(start, -1, missed, -1), sample(second, 45, missed, -1)}},
		{"no backlog", "q.csv", "time,inflow\n1795429341,7\n", []drain.Sample{sample(start, -1, 7, -1)}},
		{"a file of one form for each flow", "q.csv", "time,inflow,outflow_total\n1795429341,7,900\n", []drain.Sample{{Time: start, Inflow: drain.Count(7), Outflow: drain.Total(900)}}},
		{"header alone", "q.csv", "time,backlog\n", nil},

		{"jsonl", "q.jsonl", `{"time": 1795429341, "backlog": 41, "inflow": 7, "outflow": 3}` + "\n" + `{"outflow":4,"inflow":8,"backlog":45,"time":1795429342}` + "\n", both},
		{"ndjson", "Q.NDJSON", `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"told by the brace", "standard input", " \n\t" + `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"told by the brace behind a byte order mark", "standard input", "\ufeff" + `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"byte order mark and CRLF", "q.jsonl", "\ufeff" + `{"time": 1795429341, "backlog": 41}` + "\r\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"CRLF and empty lines", "q.jsonl", "\r\n" + `{"time": 1795429341, "backlog": 41}` + "\r\n\r\n" + ` {"time": 1795429342, "backlog": 45} ` + "\r\n", bare},
		{"other names are left alone", "q.jsonl", `{"time": 1795429341, "backlog": 41, "host": {"name": "a"}, "Backlog": 9}` + "\n" + `{"time": 1795429342, "backlog": 45, "tags": [1]}`, bare},
		{"texts", "q.jsonl", `{"time": "2026-11-23T11:22:21+01:00", "backlog": "41"}` + "\n" + `{"time": " 1795429342 ", "backlog": " 45 "}`, bare},
		{"null and absent are unknown", "q.jsonl", `{"time": 1795429341, "backlog": null, "inflow": 7}` + "\n" + `{"time": 1795429342, "outflow": 4, "inflow": ""}`, []drain.Sample{sample(start, -1, 7, -1), sample(second, -1, missed, 4)}},
		{"another form that is null", "q.jsonl", `{"time": 1795429341, "inflow": 7, "inflow_total": null, "inflow_per_second": ""}`, []drain.Sample{sample(start, -1, 7, -1)}},
		{"a form for each flow", "q.jsonl", `{"time": 1795429341, "inflow": 7, "outflow_total": 900}`, []drain.Sample{{Time: start, Inflow: drain.Count(7), Outflow: drain.Total(900)}}},
		{"nothing but a time", "q.jsonl", `{"time": 1795429341}`, []drain.Sample{{Time: start}}},
		{"the last of two names", "q.jsonl", `{"time": 1795429341, "backlog": 1, "backlog": 41}` + "\n" + `{"time": 1, "time": 1795429342, "backlog": 45}`, bare},
		{"nothing", "q.jsonl", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, errs := read(t, c.text, c.file)
			assert.Empty(t, errs)
			assert.Equal(t, c.want, got) // times are in UTC, whatever the zone they are written in

			got, _, errs = readFrom(iotest.OneByteReader(strings.NewReader(c.text)), c.file) // as a pipe may give it
			assert.Empty(t, errs)
			assert.Equal(t, c.want, got)
		})
	}
}

// TestForms: each column, in each format, is what it is called.
func TestForms(t *testing.T) {
	for name, want := range map[string]drain.Sample{
		"backlog":            {Time: start, Backlog: drain.Items(41.5)},
		"inflow":             {Time: start, Inflow: drain.Count(41.5)},
		"outflow":            {Time: start, Outflow: drain.Count(41.5)},
		"inflow_total":       {Time: start, Inflow: drain.Total(41.5)},
		"outflow_total":      {Time: start, Outflow: drain.Total(41.5)},
		"inflow_per_second":  {Time: start, Inflow: drain.PerSecond(41.5)},
		"outflow_per_second": {Time: start, Outflow: drain.PerSecond(41.5)},
		"delay_seconds":      {Time: start, Delay: drain.Seconds(41.5)},
	} {
		for file, text := range map[string]string{
			"q.csv":   "time," + name + "\n1795429341,41.5\n1795429341,\n",
			"q.jsonl": `{"time": 1795429341, "` + name + `": 41.5}` + "\n" + `{"time": 1795429341, "` + name + `": null}`,
		} {
			got, _, errs := read(t, text, file)
			assert.Empty(t, errs, name)
			empty := drain.Sample{Time: start} // of a count and a rate, an empty field is one that was due
			switch name {
			case "inflow", "inflow_per_second":
				empty.Inflow = drain.NotRead()
			case "outflow", "outflow_per_second":
				empty.Outflow = drain.NotRead()
			}
			assert.Equal(t, []drain.Sample{want, empty}, got, name)
		}
	}
}

// TestQueue: lines of several queues come in any order, each with its name.
func TestQueue(t *testing.T) {
	long := strings.Repeat("ä", 100) // 200 bytes
	for _, c := range []struct {
		name, file, text string
		want             []string
	}{
		{"no column", "q.csv", "time,backlog\n1795429341,41\n1795429342,45\n", []string{"", ""}},
		{"any order of lines", "q.csv", "time,queue,backlog\n1795429341,a,41\n1795429341,b,1\n1795429340,b,2\n1795429342,a,45\n", []string{"a", "b", "b", "a"}},
		{"the last column", "q.csv", "time,backlog,queue\n1795429341,41,a\n1795429341,42,b", []string{"a", "b"}},
		{"the first column, in capitals", "q.csv", "\ufeffQueue,time,backlog\r\na,1795429341,41\r\nA,1795429341,42\r\n", []string{"a", "A"}},
		{"the first of two columns", "q.csv", "time,queue,queue,backlog\n1795429341,a,b,41\n", []string{"a"}},
		{"empty", "q.csv", "time,queue,backlog\n1795429341,a,41\n1795429341,,42\n1795429341, ,43\n1795429341,\"\",44\n1795429341,a,45\n", []string{"a", "", "", "", "a"}},
		{"any text", "q.csv", "time,queue,backlog\n1795429341, größte  queue\t,41\n1795429341,\" a,\"\"b\"\"\nc \",42\n1795429341,0x7,43\n1795429341,null,44\n", []string{"größte  queue", "a,\"b\"\nc", "0x7", "null"}},
		{"long", "q.csv", "time,queue,backlog\n1795429341,  " + long + "  ,41\n", []string{long}},
		{"a time and a name", "q.csv", "time,queue,inflow\n1795429341,a,\n", []string{"a"}},

		{"no name", "q.jsonl", `{"time": 1795429341, "backlog": 41}`, []string{""}},
		{"any order of lines", "q.jsonl", `{"queue": "a", "time": 1795429341}` + "\n" + `{"time": 1795429341, "queue": "b"}` + "\n\n" + `{"time": 1, "queue": "a"}`, []string{"a", "b", "a"}},
		{"null, absent and empty", "q.jsonl", `{"time": 1, "queue": "a"}` + "\n" + `{"time": 1, "queue": null}` + "\n" + `{"time": 1, "queue": "a"}` + "\n" + `{"time": 1}` + "\n" + `{"time": 1, "queue": " "}`,
			[]string{"a", "", "a", "", ""}},
		{"numbers", "q.jsonl", `{"time": 1, "queue": 7}` + "\n" + `{"time": 1, "queue": "7"}` + "\n" + `{"time": 1, "queue": -7.0e1}` + "\n" + `{"time": 1, "queue": 0}`, []string{"7", "7", "-7.0e1", "0"}},
		{"any text", "q.jsonl", `{"time": 1, "queue": " gr\u00f6\u00dfte  queue\t"}` + "\n" + `{"time": 1, "queue": "{\"a\": [1]}"}` + "\n" + `{"time": 1, "queue": "true"}` + "\n" + `{"time": 1, "queue": "null"}`,
			[]string{"größte  queue", `{"a": [1]}`, "true", "null"}},
		{"long", "q.jsonl", `{"time": 1, "queue": "  ` + strings.Repeat(`\u00e4`, 100) + `  "}`, []string{long}},
		{"the last of two names", "q.jsonl", `{"time": 1, "queue": true, "queue": "b"}`, []string{"b"}},
		{"capitals are another name", "q.jsonl", `{"time": 1, "Queue": ["a"]}`, []string{""}},
	} {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			r, err := series.NewReader(strings.NewReader(c.text), c.file)
			require.NoError(t, err)
			assert.Empty(t, r.Queue())
			for _, want := range c.want {
				_, err := r.Read()
				require.NoError(t, err)
				assert.Equal(t, want, r.Queue())
			}
			_, err = r.Read()
			assert.Equal(t, io.EOF, err)
			assert.Equal(t, c.want[len(c.want)-1], r.Queue())
		})
	}
}

// TestQueueOfALineLeftOut: a line that cannot be read, be it for its queue or for something else, leaves the queue, the unit and the forms as they are.
func TestQueueOfALineLeftOut(t *testing.T) {
	long := strings.Repeat("x", 201)
	for file, text := range map[string]string{
		"q.csv": "time,queue,inflow\n1795429341,a,7\n1795429341,b,many\nnoon,b,7\n1795429341000," + long + ",7\n1795429341,b\n1795429341,\"b,7\n",
		"q.jsonl": `{"time": 1795429341, "queue": "a", "inflow": 7}` + "\n" + `{"time": 1795429341, "queue": "b", "inflow": "many"}` + "\n" + `{"time": "noon", "queue": "b"}` + "\n" +
			`{"time": 1795429341000, "queue": "` + long + `", "inflow": 7}` + "\n" + `{"time": 1795429341000, "queue": ["b"]}` + "\n" + `{"time": 1795429341, "queue": "b`,
	} {
		r, err := series.NewReader(strings.NewReader(text), file)
		require.NoError(t, err)
		_, err = r.Read()
		require.NoError(t, err)
		for range 5 {
			s, err := r.Read()
			var bad *series.Error
			assert.ErrorAs(t, err, &bad)
			assert.Zero(t, s)
			assert.Equal(t, "a", r.Queue(), err)
			assert.Empty(t, r.Unit(), err)
		}
		_, err = r.Read()
		assert.Equal(t, io.EOF, err)
	}

	_, lines, errs := read(t, `{"time": 1, "queue": [1], "inflow": 7}`+"\n"+`{"time": 1, "queue": "a", "inflow_total": 7}`, "q.jsonl")
	assert.Equal(t, []int{2}, lines)
	assert.Len(t, errs, 1)
}

// TestQueueIsKeptAlone: a name that is kept does not keep the record that it stood in.
func TestQueueIsKeptAlone(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString("time,queue,backlog,note\n")
	note := strings.Repeat("x", 1<<19)
	for i := range 64 {
		fmt.Fprintf(text, "1795429341,q%d,41,%s\n", i, note)
	}
	r, err := series.NewReader(strings.NewReader(text.String()), "q.csv")
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	queues := map[string]bool{}
	for range 64 {
		_, err := r.Read()
		require.NoError(t, err)
		queues[r.Queue()] = true
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Len(t, queues, 64)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20)) // the records have 32 MiB, the reader's buffers less than 4
	runtime.KeepAlive(r)
	runtime.KeepAlive(text)
}

// TestNumbers: what is a number, be it of items or not, is for the estimator to judge.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0": 0, "-0.0": 0, "-1e-400": 0, "-7": -7, "+7": 7, "7.": 7, ".5": 0.5, "5E-1": 0.5, "007": 7, "1e300": 1e300,
		"NaN": math.NaN(), "nan": math.NaN(), "Inf": math.Inf(1), "-Infinity": math.Inf(-1), "1e999": math.Inf(1), "-1e999": math.Inf(-1),
	} {
		for file, text := range map[string]string{"q.csv": "time,backlog\n1795429341," + text, "q.jsonl": `{"time": 1795429341, "backlog": "` + text + `"}`} {
			got, _, errs := read(t, text, file)
			assert.Empty(t, errs)
			if !assert.Len(t, got, 1, text) || !assert.True(t, got[0].Backlog.Known(), text) {
				continue
			}
			x := got[0].Backlog.Value()
			assert.True(t, x == want || math.IsNaN(x) && math.IsNaN(want), "%s: %v, want %v", text, x, want)
			assert.False(t, x == 0 && math.Signbit(x), text) // -0 would be printed

			err := drain.NewEstimator().Observe(got[0])
			assert.Equal(t, !(want >= 0 && want <= 1<<64), errors.Is(err, drain.ErrRejected), text)
		}
	}
	for _, text := range []string{"0x10", "0X1p-2", "0x_1p4", "1_000", "1,5", "1 000", "1e", "e5", "--1", "+-1", ".", "٣", "½", "12k", "true", "infinite"} {
		samples, _, errs := read(t, "time,backlog\n1795429341,\""+text+"\"\n", "q.csv")
		assert.Empty(t, samples, text)
		assert.Equal(t, []string{`q.csv:2: backlog "` + text + `", want a number of items, or nothing where it is unknown`}, errs)
		samples, _, errs = read(t, `{"time": 1795429341, "backlog": "`+text+`"}`, "q.jsonl")
		assert.Empty(t, samples, text)
		assert.Equal(t, []string{`q.jsonl:1: backlog "` + text + `", want a number of items, or null where it is unknown`}, errs)
	}
}

// TestUnits: each time is taken by its size, to the nanosecond, and the reader says which unit it took it for.
func TestUnits(t *testing.T) {
	for _, c := range []struct{ file, head, line string }{
		{"q.csv", "time,backlog\n", "%s,1\n"},
		{"q.jsonl", "", `{"time": %s, "backlog": 1}` + "\n"},
	} {
		b := &strings.Builder{}
		b.WriteString(c.head)
		steps := []struct {
			text, unit string
			want       time.Time
		}{
			{"1795429341", "", start},
			{"1795429341530", "milliseconds", start.Add(530 * time.Millisecond)},
			{"1795429342", "milliseconds", start.Add(time.Second)}, // the last time that was not in seconds
			{"1795429341530000001", "nanoseconds", start.Add(530*time.Millisecond + 1)},
			{`"2026-11-23T10:22:21Z"`, "nanoseconds", start},
			{"1795429341530001", "microseconds", start.Add(530*time.Millisecond + time.Microsecond)},
		}
		for _, s := range steps {
			fmt.Fprintf(b, c.line, s.text)
		}
		r, err := series.NewReader(strings.NewReader(b.String()), c.file)
		require.NoError(t, err)
		assert.Empty(t, r.Unit())
		for _, s := range steps {
			got, err := r.Read()
			require.NoError(t, err)
			assert.Equal(t, s.want, got.Time)
			assert.Equal(t, s.unit, r.Unit(), s.text)
		}
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1795429341":                     start,
		"+1795429341":                    start,
		"1795429341.53":                  start.Add(530 * time.Millisecond), // a float64 has 1795429341.5299999713897705
		"1795429341.530000001":           start.Add(530*time.Millisecond + 1),
		"1795429341.000000001":           start.Add(1),
		"1795429341.999999999":           start.Add(time.Second - 1),
		"1795429341.":                    start,
		"0":                              time.Unix(0, 0),
		"-1":                             time.Unix(-1, 0),
		"-1.25":                          time.Unix(-2, 750e6),
		"-0.25":                          time.Unix(-1, 750e6),
		".5":                             time.Unix(0, 500e6),
		"1.5e3":                          time.Unix(1500, 0),
		"1.795429341e9":                  start,
		"1.7954293415300000010E+0009":    start.Add(530*time.Millisecond + 1),
		"1795429341530000001e-9":         start.Add(530*time.Millisecond + 1),
		"-0":                             time.Unix(0, 0),
		"-0e99999999999999999999":        time.Unix(0, 0),
		"1e-99999999999999999999":        time.Unix(0, 0),
		"0.01e-9223372036854775808":      time.Unix(0, 0),
		"0.00000000000000000001e29":      time.Unix(1e9, 0),
		"0000000000000001795429341":      start,
		"1795429341.0000000005":          start.Add(1), // rounded, half a nanosecond away from zero
		"1795429341.00000000049999":      start,
		"1795429341.9999999995":          start.Add(time.Second),
		"-1.0000000005":                  time.Unix(-1, -1),
		"-62167219200":                   time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC), // the first second that RFC 3339 can write
		"99999999999":                    time.Date(5138, time.November, 16, 9, 46, 39, 0, time.UTC),
		"100000000000":                   time.Date(1973, time.March, 3, 9, 46, 40, 0, time.UTC), // 10¹¹ ms = 10⁸ s: 1157 days, 9 h, 46 min and 40 s
		"99999999999999":                 time.Date(5138, time.November, 16, 9, 46, 39, 999e6, time.UTC),
		"100000000000000":                time.Date(1973, time.March, 3, 9, 46, 40, 0, time.UTC),
		"99999999999999999":              time.Date(5138, time.November, 16, 9, 46, 39, 999999e3, time.UTC),
		"100000000000000000":             time.Date(1973, time.March, 3, 9, 46, 40, 0, time.UTC),
		"1e17":                           time.Date(1973, time.March, 3, 9, 46, 40, 0, time.UTC),
		"99999999999999990000":           time.Date(5138, time.November, 16, 9, 46, 39, 999990e3, time.UTC), // past an int64
		"-100000000000":                  time.Unix(-1e8, 0),
		"1795429341530":                  start.Add(530 * time.Millisecond),
		"1795429341530.5":                start.Add(530500 * time.Microsecond),
		"1795429341530.0000014":          start.Add(530*time.Millisecond + 1),
		"1.79542934153e12":               start.Add(530 * time.Millisecond),
		"-1795429341530":                 time.Unix(-1795429342, 470e6),
		"1795429341530001":               start.Add(530001 * time.Microsecond),
		"1795429341530001.25":            start.Add(530001*time.Microsecond + 250),
		"1795429341530000001":            start.Add(530*time.Millisecond + 1), // a float64 has 1795429341530000128
		"1795429341530000001.5":          start.Add(530*time.Millisecond + 2),
		"9999-12-31T23:59:59.999999999Z": time.Date(9999, time.December, 31, 23, 59, 59, 999999999, time.UTC),
		"0000-01-01T00:00:00Z":           time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-23T10:22:21Z":           start,
		"2026-11-23T10:22:21.530000001Z": start.Add(530*time.Millisecond + 1),
		"2026-11-23T11:22:21+01:00":      start,
	} {
		got, err := series.ParseTime(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want.UTC(), got, text)
		}
	}

	const year = "a time in the years 0 to 9999: Unix seconds, or a time such as 2026-11-23T15:04:05Z"
	const what = "Unix seconds or a time such as 2026-11-23T15:04:05Z"
	for text, want := range map[string]string{
		"-1e300":                    year,
		"1e999":                     year,
		"10e9223372036854775807":    year,
		"-Inf":                      year,
		"100000000000000000000":     year, // 10²⁰ ns, the year 5138 again: there is no smaller unit
		"-62167219201":              year,
		"9999-12-31T23:59:59-01:00": year, // in UTC it is 10000-01-01
		"0000-01-01T00:00:00+01:00": year,
		"":                          what,
		"noon":                      what,
		"NaN":                       what,
		"0x6b03dcdd":                what,
		"1_795_429_341":             what,
		"1795429341s":               what,
		"-62167219200.5e":           what,
		"+ 1":                       what,
		"1795429341,5":              what,
		"1795429341.-5":             what,
		"1 795 429 341":             what,
		"2026-11-23":                what,
		"2026-11-23 10:22:21":       what,
		"2026-11-23T10:22:21":       what, // which zone?
		"2026-11-23T10:22:60Z":      what,
		"2026-02-30T10:22:21Z":      what,
	} {
		got, err := series.ParseTime(text)
		assert.EqualError(t, err, fmt.Sprintf("series: time %q, want %s", text, want))
		assert.True(t, got.IsZero(), text)
	}
}

// TestParseTimeExactly holds numbers with any digits, points and exponents against rational arithmetic.
func TestParseTimeExactly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + rnd.IntN(10))
		}
		return string(b)
	}
	ten := func(n int64) *big.Rat {
		return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil))
	}
	for range 20_000 {
		text := []string{"", "-", "+"}[rnd.IntN(3)] + digits(1+rnd.IntN(20))
		if rnd.IntN(2) == 0 {
			text += "." + digits(rnd.IntN(15))
		}
		if rnd.IntN(2) == 0 {
			text += fmt.Sprintf("e%d", rnd.IntN(24)-14)
		}
		x, ok := new(big.Rat).SetString(text)
		require.True(t, ok, text)

		// 10¹¹ and more: by how many thousands too large for seconds.
		thousands := int64(0)
		for size := new(big.Rat).Abs(x); size.Cmp(ten(11)) >= 0; size.Quo(size, ten(3)) {
			thousands++
		}
		got, err := series.ParseTime(text)
		if thousands > 3 {
			assert.Error(t, err, text)
			continue
		}
		x.Mul(x, ten(9-3*thousands)) // nanoseconds, to be rounded: ⌊|x| + ½⌋
		nano := new(big.Rat).Add(new(big.Rat).Abs(x), big.NewRat(1, 2))
		n := new(big.Int).Quo(nano.Num(), nano.Denom())
		sec, rest := new(big.Int).QuoRem(n, big.NewInt(1e9), new(big.Int))
		want := time.Unix(int64(x.Sign())*sec.Int64(), int64(x.Sign())*rest.Int64()).UTC()
		if want.Year() < 0 {
			assert.Error(t, err, text)
			continue
		}
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, got, text)
		}
	}
}

func TestErrors(t *testing.T) {
	const (
		header = "time,backlog,inflow\n"
		object = `, want a JSON object such as {"time": 1795429341.5, "backlog": 41}`
		what   = ", want Unix seconds or a time such as 2026-11-23T15:04:05Z"
		items  = ", want a number of items, or nothing where it is unknown"
		orNull = ", want a number of items, or null where it is unknown"
		quotes = `"\"", want quotes around a whole field, doubled within it`
		year   = ", want a time in the years 0 to 9999: Unix seconds, or a time such as 2026-11-23T15:04:05Z"
		queue  = ", want the name of a queue: a text of at most 200 bytes"
	)
	long := strings.Repeat("ä", 100) + "x" // 201 bytes
	for _, c := range []struct{ name, file, text, want string }{
		{"empty file", "q.csv", "", `q.csv:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{"empty lines alone", "q.csv", "\n\n", `q.csv:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{"no time", "q.csv", "when,backlog\n1,2\n", `q.csv:1: header "when,backlog", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"time alone", "q.csv", "\n\ntime,host\n1,2\n", `q.csv:3: header "time,host", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"time and queue alone", "q.csv", "time,queue\n1,a\n", `q.csv:1: header "time,queue", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"no header at all", "q.csv", "1795429341,41\n", `q.csv:1: header "1795429341,41", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"long header", "q.csv", strings.Repeat("x", 100) + "\n", `q.csv:1: header "` + strings.Repeat("x", 60) + `…", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"header with an open quote", "q.csv", "\n\"time,backlog\n1,2\n", `q.csv:2: ` + quotes},
		{"header with two forms of one flow", "q.csv", "time,inflow,backlog,inflow_total\n1,2,3,4\n", `q.csv:1: header "time,inflow,backlog,inflow_total", want one of inflow, inflow_total`},
		{"header with three forms of one flow", "q.csv", "time,Outflow_Per_Second,outflow,outflow_total\n", `q.csv:1: header "time,Outflow_Per_Second,outflow,outflow_total", want one of outflow, outflow_total, outflow_per_second`},
		{"other separators", "q.csv", "time;backlog\n", `q.csv:1: header "time;backlog", want the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds`},
		{"too few fields", "q.csv", header + "1795429341,41\n", `q.csv:2: "1795429341,41", want 3 fields, as in the header`},
		{"too many fields", "q.csv", header + "1795429341,41,7,3\n", `q.csv:2: "1795429341,41,7,3", want 3 fields, as in the header`},
		{"stray quote in a field", "q.csv", header + "1795429341,4\"1,7\n", `q.csv:2: ` + quotes},
		{"stray quote at the end of a field", "q.csv", header + "1795429341,41,7\"\n", `q.csv:2: ` + quotes},
		{"stray quote within quotes", "q.csv", header + "1795429341,\"4\"1\",7\n", `q.csv:2: ` + quotes},
		{"stray quote before a field: the rest of the file belongs to it", "q.csv", header + "\n1795429341,\"41,7\n1795429342,42,8\n", `q.csv:3: ` + quotes},
		{"stray quote before a field, and another one", "q.csv", header + "1795429341,\"41,7\n\"1795429342\",42,8\n", `q.csv:2: ` + quotes},
		{"no time", "q.csv", header + ",41,7\n", `q.csv:2: time ""` + what},
		{"text in time", "q.csv", header + "noon,41,7\n", `q.csv:2: time "noon"` + what},
		{"before the year 0", "q.csv", header + "-62167219201,41,7\n", `q.csv:2: time "-62167219201"` + year},
		{"text in backlog", "q.csv", header + "1795429341,many,7\n", `q.csv:2: backlog "many"` + items},
		{"comma as decimal point", "q.csv", header + "1795429341,\"4,1\",7\n", `q.csv:2: backlog "4,1"` + items},
		{"text in a rate", "q.csv", "time,inflow_per_second\n1795429341,7/s\n", `q.csv:2: inflow_per_second "7/s", want a number of items per second, or nothing where it is unknown`},
		{"text in a delay", "q.csv", "time,delay_seconds\n1795429341,7m\n", `q.csv:2: delay_seconds "7m", want a number of seconds, or nothing where it is unknown`},
		{"text in inflow, behind a record of two lines", "q.csv", "time,backlog,inflow,note\n1795429341,41,7,\"a\nb\"\n1795429342,41,-,c\n", `q.csv:4: inflow "-"` + items},
		{"bytes that are no text", "q.csv", header + "1795429341,\xff" + strings.Repeat("x", 60) + ",7\n", `q.csv:2: backlog "\xff` + strings.Repeat("x", 59) + `…"` + items},
		{"long field", "q.csv", header + "1795429341," + strings.Repeat("ä", 100) + ",7\n", `q.csv:2: backlog "` + strings.Repeat("ä", 60) + `…"` + items},
		{"long queue", "q.csv", "time,backlog,queue\n1795429341,41, " + long + " \n", `q.csv:2: queue "` + strings.Repeat("ä", 60) + `…"` + queue},

		{"no object", "q.jsonl", "[1795429341, 41]", `q.jsonl:1: "[1795429341, 41]"` + object},
		{"null", "q.jsonl", "\nnull\n", `q.jsonl:2: "null"` + object},
		{"cut off", "q.jsonl", `{"time": 1795429341, "backl`, `q.jsonl:1: "{\"time\": 1795429341, \"backl"` + object},
		{"two objects", "q.jsonl", `{"time":1} {"time":2}`, `q.jsonl:1: "{\"time\":1} {\"time\":2}"` + object},
		{"CSV in a .jsonl", "q.jsonl", "time,backlog", `q.jsonl:1: "time,backlog"` + object},
		{"no time", "q.jsonl", `{"backlog": 41}`, `q.jsonl:1: time ""` + what},
		{"null time", "q.jsonl", `{"time": null, "backlog": 41}`, `q.jsonl:1: time ""` + what},
		{"time is an object", "q.jsonl", `{"time": {"seconds": 1}}`, `q.jsonl:1: time "{\"seconds\": 1}"` + what},
		{"time is a truth", "q.jsonl", `{"time": true, "backlog": 41}`, `q.jsonl:1: time "true"` + what},
		{"before the year 0", "q.jsonl", `{"time": -1e11, "backlog": 41}` + "\n" + `{"time": -62167219200.1, "backlog": 41}`, `q.jsonl:2: time "-62167219200.1"` + year},
		{"two forms of one flow", "q.jsonl", `{"time": 1795429341, "inflow": 7, "inflow_total": 91822}`, `q.jsonl:1: inflow_total "91822", want one form of this flow in a file: inflow came first`},
		{"two forms of one flow in two lines", "q.jsonl", `{"time": 1795429341, "outflow_per_second": 7}` + "\n\n" + `{"time": 1795429341, "outflow": 8}`, `q.jsonl:3: outflow "8", want one form of this flow in a file: outflow_per_second came first`},
		{"NaN that is no JSON", "q.jsonl", `{"time": 1, "backlog": NaN}`, `q.jsonl:1: "{\"time\": 1, \"backlog\": NaN}"` + object},
		{"null as a text", "q.jsonl", `{"time": 1795429341, "backlog": "null"}`, `q.jsonl:1: backlog "null"` + orNull},
		{"an array in inflow", "q.jsonl", `{"time": 1795429341, "inflow": [7]}`, `q.jsonl:1: inflow "[7]"` + orNull},
		{"text in a rate", "q.jsonl", `{"time": 1795429341, "outflow_per_second": "7/s"}`, `q.jsonl:1: outflow_per_second "7/s", want a number of items per second, or null where it is unknown`},
		{"text in a delay", "q.jsonl", `{"time": 1795429341, "delay_seconds": "7m"}`, `q.jsonl:1: delay_seconds "7m", want a number of seconds, or null where it is unknown`},
		{"text in backlog", "q.jsonl", `{"time": 1795429341, "backlog": "many"}`, `q.jsonl:1: backlog "many"` + orNull},
		{"truth in outflow", "q.jsonl", `{"time": 1795429341, "backlog": 41, "outflow": true}`, `q.jsonl:1: outflow "true"` + orNull},
		{"two forms of one flow in two queues", "q.jsonl", `{"time": 1795429341, "queue": "a", "inflow": 7}` + "\n" + `{"time": 1795429341, "queue": "b", "inflow_total": 8}`, `q.jsonl:2: inflow_total "8", want one form of this flow in a file: inflow came first`},
		{"queue is an object", "q.jsonl", `{"time": 1795429341, "queue": {"name": "a"}}`, `q.jsonl:1: queue "{\"name\": \"a\"}"` + queue},
		{"queue is an array", "q.jsonl", "\n" + `{"time": 1795429341, "queue": []}`, `q.jsonl:2: queue "[]"` + queue},
		{"queue is a truth", "q.jsonl", `{"time": 1795429341, "queue": true}`, `q.jsonl:1: queue "true"` + queue},
		{"queue is an untruth", "q.jsonl", `{"time": 1795429341, "queue": false}`, `q.jsonl:1: queue "false"` + queue},
		{"long queue", "q.jsonl", `{"time": 1795429341, "queue": "` + long + `"}`, `q.jsonl:1: queue "` + strings.Repeat("ä", 60) + `…"` + queue},
		{"long number of a queue", "q.jsonl", `{"time": 1795429341, "queue": ` + strings.Repeat("1", 201) + `}`, `q.jsonl:1: queue "` + strings.Repeat("1", 60) + `…"` + queue},
		{"long value", "q.jsonl", `{"time": 1795429341, "backlog": "` + strings.Repeat("x", 100) + `"}`, `q.jsonl:1: backlog "` + strings.Repeat("x", 60) + `…"` + orNull},
	} {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			_, _, errs := read(t, c.text, c.file)
			assert.Equal(t, []string{c.want}, errs)
		})
	}
}

// TestErrorFields: a program gets the parts of an error.
func TestErrorFields(t *testing.T) {
	r, err := series.NewReader(strings.NewReader("time,backlog\n1795429341,many\n"), "q.csv")
	require.NoError(t, err)
	_, err = r.Read()
	var bad *series.Error
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, series.Error{Name: "q.csv", Line: 2, Field: "backlog", Value: "many", Want: "a number of items, or nothing where it is unknown"}, *bad)
}

// TestGoesOn: after a bad line comes the next one, and Line says where it stood.
func TestGoesOn(t *testing.T) {
	third := []drain.Sample{sample(start, 41, -1, -1), sample(start.Add(2*time.Second), 45, -1, -1)}

	samples, lines, errs := read(t, "time,backlog\n1795429341,41\nnoon,42\n1795429342,4x\n1795429342\n17954293\"42,1\n\n1795429343,45\n", "q.csv")
	assert.Equal(t, third, samples)
	assert.Equal(t, []int{2, 8}, lines) // the header is line 1, four bad lines and an empty one lie between
	require.Len(t, errs, 4)
	for i, line := range []string{"q.csv:3: time ", "q.csv:4: backlog ", "q.csv:5: ", "q.csv:6: "} {
		assert.True(t, strings.HasPrefix(errs[i], line), errs[i])
	}

	samples, lines, errs = read(t, `{"time":1795429341,"backlog":41}`+"\n"+`{"time":"noon"}`+"\n"+`oops`+"\n"+`{"time":1795429343,"backlog":45}`, "q.jsonl")
	assert.Equal(t, third, samples)
	assert.Equal(t, []int{1, 4}, lines)
	require.Len(t, errs, 2)
	for i, line := range []string{"q.jsonl:2: time ", "q.jsonl:3: "} {
		assert.True(t, strings.HasPrefix(errs[i], line), errs[i])
	}
}

// TestFormOfALineLeftOut: a line that cannot be read does not say which form a flow is in.
func TestFormOfALineLeftOut(t *testing.T) {
	samples, lines, errs := read(t, `{"time":1795429341,"inflow":7,"delay_seconds":"long"}`+"\n"+`{"time":1795429341,"inflow_total":7}`, "q.jsonl")
	assert.Equal(t, []drain.Sample{{Time: start, Inflow: drain.Total(7)}}, samples)
	assert.Equal(t, []int{2}, lines)
	assert.Len(t, errs, 1)
}

// TestLongLines: a line of JSON or a record of CSV of more than a mebibyte is a file of another kind, or an open quote, and ends the reading.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	want := []drain.Sample{sample(start, 41, -1, -1)}

	fits := "1795429341," + long[:1<<20-100] + ",41\n"
	samples, _, errs := read(t, "time,note,backlog\n"+fits+"1795429341,"+long+long+",41\n"+fits, "q.csv")
	assert.Equal(t, want, samples)
	assert.Equal(t, []string{"q.csv:3: more than 1048576 bytes after line 2, want a record of CSV, its quotes closed: bufio.Scanner: token too long"}, errs)

	// The open quote is in line 3. Lines have 15 bytes, so the limit is reached about 1048576/15 = 69905 lines on; buffers make it some hundred more or less.
	r, err := series.NewReader(strings.NewReader("time,backlog\n1795429341,41\n1795429342,\"42\n"+strings.Repeat("1795429343,043\n", 200_000)), "q.csv")
	require.NoError(t, err)
	_, err = r.Read()
	require.NoError(t, err)
	_, err = r.Read()
	var name, rest string
	var line int
	_, scanErr := fmt.Sscanf(strings.Replace(err.Error(), ":", " ", 2), "%s %d %s", &name, &line, &rest)
	require.NoError(t, scanErr, err)
	assert.InDelta(t, 69905, line, 300)
	assert.Equal(t, 2, r.Line())
	for range 3 { // it stays so
		_, again := r.Read()
		assert.EqualError(t, again, err.Error())
		assert.ErrorIs(t, again, bufio.ErrTooLong)
	}

	_, _, errs = read(t, long+long, "q.csv")
	assert.Equal(t, []string{"q.csv:1: more than 1048576 bytes after line 0, want a record of CSV, its quotes closed: bufio.Scanner: token too long"}, errs)

	// No record of a file of any length is too long, even if one begins where the buffer of the one before ended.
	samples, _, errs = read(t, "time,backlog\n"+strings.Repeat("1795429341,41\n", 300_000), "q.csv")
	assert.Len(t, samples, 300_000)
	assert.Empty(t, errs)

	fits = `{"time":1795429341,"backlog":41,"note":"` + long[:1<<20-100] + `"}` + "\n"
	samples, _, errs = read(t, fits+`{"note":"`+long+`"}`+"\n"+fits, "q.jsonl")
	assert.Equal(t, want, samples)
	assert.Equal(t, []string{"q.jsonl:2: more than 1048576 bytes, want one JSON object a line: bufio.Scanner: token too long"}, errs)
}

// TestReadFails: an error of the underlying reader comes through with the name and the line, and is not one of a line. What it cut off is no sample.
func TestReadFails(t *testing.T) {
	broken := errors.New("the cable is out")
	for _, c := range []struct{ name, text string }{
		{"q.csv", "time,backlog\n1795429341,41\n"},
		{"q.csv", "time,backlog\n1795429341,41\n17954"},
		{"q.csv", "time,backlog\n1795429341,41\n1795429342,4"},
		{"q.csv", "time,backlog\n1795429341,41\n\"1795429342,4"},
		{"q.jsonl", "\n" + `{"time":1795429341,"backlog":41}` + "\n"},
		{"q.jsonl", "\n" + `{"time":1795429341,"backlog":41}` + "\n" + `{"time":17954`},
		{"q.jsonl", "\n" + `{"time":1795429341,"backlog":41}` + "\n" + `   `},
	} {
		r, err := series.NewReader(io.MultiReader(strings.NewReader(c.text), iotest.ErrReader(broken)), c.name)
		require.NoError(t, err)
		_, err = r.Read()
		require.NoError(t, err)
		s, err := r.Read()
		assert.ErrorIs(t, err, broken, c.text)
		assert.EqualError(t, err, c.name+":3: the cable is out")
		var bad *series.Error
		assert.False(t, errors.As(err, &bad))
		assert.Zero(t, s)
		assert.Equal(t, 2, r.Line())
	}
	for _, text := range []string{"", "time", "time,backlog"} {
		_, err := series.NewReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), "q.csv")
		assert.ErrorIs(t, err, broken)
		assert.EqualError(t, err, "q.csv:1: the cable is out")
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 1000
	csv, jsonl := &strings.Builder{}, &strings.Builder{}
	csv.WriteString("time,backlog,inflow,outflow\n")
	for i := range n {
		fmt.Fprintf(csv, "%d.53,%d,%d,%d\n", start.Unix()+int64(2*i), 3000-i, 40, 41)
		fmt.Fprintf(jsonl, `{"time":%d.53,"backlog":%d,"inflow":%d,"outflow":%d}`+"\n", start.Unix()+int64(2*i), 3000-i, 40, 41)
	}
	for _, c := range []struct{ format, text string }{{"csv", csv.String()}, {"jsonl", jsonl.String()}} {
		b.Run("format="+c.format, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				r, err := series.NewReader(strings.NewReader(c.text), "q."+c.format)
				if err != nil {
					b.Fatal(err)
				}
				for i := 0; ; i++ {
					if _, err := r.Read(); errors.Is(err, io.EOF) && i == n {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
