package series_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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

// sample makes a sample; a negative count is one that is unknown.
func sample(t time.Time, backlog, inflow, outflow float64) drain.Sample {
	reading := func(n float64) drain.Reading {
		if n < 0 {
			return drain.Reading{}
		}
		return drain.Items(n)
	}
	return drain.Sample{Time: t, Backlog: reading(backlog), Inflow: reading(inflow), Outflow: reading(outflow)}
}

// read returns all samples of a text and the errors of all lines that cannot be read, the last being the one that ended the reading unless that
// was the end of the text.
func read(t *testing.T, text, name string) (samples []drain.Sample, lines []int, errs []string) {
	t.Helper()
	r, err := series.NewReader(strings.NewReader(text), name)
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

// assertSamples compares with times as instants, whatever their zones.
func assertSamples(t *testing.T, want, got []drain.Sample) {
	t.Helper()
	if !assert.Len(t, got, len(want)) {
		return
	}
	for i := range want {
		assert.True(t, want[i].Time.Equal(got[i].Time), "sample %d: time %s, want %s", i, got[i].Time, want[i].Time)
		got[i].Time = want[i].Time
		assert.Equal(t, want[i], got[i], "sample %d", i)
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
		{"empty lines", "q.csv", "\ntime,backlog\n\n1795429341,41\n\n\n1795429342,45\n\n", bare},
		{"quoted fields", "q.csv", "\"time\",\"backlog\"\n\"1795429341\",\"41\"\n\" 1795429342 \",45\n", bare},
		{"quoted fields behind spaces", "q.csv", "\"time\", \"backlog\"\n\"1795429341\", \"41\"\n1795429342, \"45\"\n", bare},
		{"empty is unknown", "q.csv", "time,backlog,inflow,outflow\n1795429341,,7,\n1795429342, ,,4\n", []drain.Sample{sample(start, -1, 7, -1), sample(second, -1, -1, 4)}},
		{"RFC 3339 with zone", "q.csv", "time,backlog\n2026-11-23T11:22:21+01:00,41\n2026-11-23T10:22:22.000Z,45\n", bare},
		{"fractions and exponents of counts", "q.csv", "time,backlog\n1795429341,4.1e1\n1795429342,45.0\n", bare},
		{"header alone", "q.csv", "time,backlog\n", nil},

		{"jsonl", "q.jsonl", `{"time": 1795429341, "backlog": 41, "inflow": 7, "outflow": 3}` + "\n" + `{"outflow":4,"inflow":8,"backlog":45,"time":1795429342}` + "\n", both},
		{"ndjson", "Q.NDJSON", `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"told by the brace", "standard input", " \n\t" + `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"told by the brace behind a byte order mark", "standard input", "\ufeff" + `{"time": 1795429341, "backlog": 41}` + "\n" + `{"time": 1795429342, "backlog": 45}`, bare},
		{"CRLF and empty lines", "q.jsonl", "\r\n" + `{"time": 1795429341, "backlog": 41}` + "\r\n\r\n" + ` {"time": 1795429342, "backlog": 45} ` + "\r\n", bare},
		{"other names are left alone", "q.jsonl", `{"time": 1795429341, "backlog": 41, "host": {"name": "a"}, "Backlog": 9}` + "\n" + `{"time": 1795429342, "backlog": 45, "tags": [1]}`, bare},
		{"texts", "q.jsonl", `{"time": "2026-11-23T11:22:21+01:00", "backlog": "41"}` + "\n" + `{"time": " 1795429342 ", "backlog": " 45 "}`, bare},
		{"null and absent are unknown", "q.jsonl", `{"time": 1795429341, "backlog": null, "inflow": 7}` + "\n" + `{"time": 1795429342, "outflow": 4, "inflow": ""}`, []drain.Sample{sample(start, -1, 7, -1), sample(second, -1, -1, 4)}},
		{"nothing", "q.jsonl", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, errs := read(t, c.text, c.file)
			assert.Empty(t, errs)
			assertSamples(t, c.want, got)
		})
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
		"-62167219200":                   time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC), // the first and the last second that RFC 3339 can write
		"253402300799":                   time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
		"2026-11-23T10:22:21Z":           start,
		"2026-11-23T10:22:21.530000001Z": start.Add(530*time.Millisecond + 1),
		"2026-11-23T11:22:21+01:00":      start,
	} {
		got, err := series.ParseTime(text)
		if assert.NoError(t, err, text) {
			assert.True(t, want.Equal(got), "%s: got %s", text, got)
		}
	}
	// More than nine digits are read as a float64: numbers near 1795429341 are 2⁻²² s = 238 ns apart.
	got, err := series.ParseTime("1795429341.5300000000")
	require.NoError(t, err)
	assert.WithinDuration(t, start.Add(530*time.Millisecond), got, 119)

	const year = "a time in the years 0 to 9999: Unix seconds, not milliseconds, or a time such as 2026-11-23T15:04:05Z"
	const what = "Unix seconds or a time such as 2026-11-23T15:04:05Z"
	for text, want := range map[string]string{
		"1795429341530":             year, // milliseconds: as seconds the year 58864
		"1795429341530.5":           year,
		"1.79542934153e12":          year,
		"-1e300":                    year,
		"9223372036854775807":       year,
		"92233720368547758070":      year, // past an int64
		"253402300800":              year,
		"-62167219201":              year,
		"9999-12-31T23:59:59-01:00": year, // in UTC it is 10000-01-01
		"0000-01-01T00:00:00+01:00": year,
		"":                          what,
		"noon":                      what,
		"NaN":                       what,
		"-Inf":                      what,
		"1795429341,5":              what,
		"1795429341.-5":             what,
		"1 795 429 341":             what,
		"2026-11-23":                what,
		"2026-11-23 10:22:21":       what,
		"2026-11-23T10:22:21":       what, // which zone?
		"2026-02-30T10:22:21Z":      what,
	} {
		got, err := series.ParseTime(text)
		assert.EqualError(t, err, fmt.Sprintf("series: time %q, want %s", text, want))
		assert.True(t, got.IsZero(), text)
	}
}

func TestErrors(t *testing.T) {
	const (
		header = "time,backlog,inflow\n"
		object = `, want a JSON object such as {"time": 1795429341.5, "backlog": 41}`
		what   = ", want Unix seconds or a time such as 2026-11-23T15:04:05Z"
		items  = ", want a number of items, or nothing where it is unknown"
		orNull = ", want a number of items, or null where it is unknown"
	)
	for _, c := range []struct{ name, file, text, want string }{
		{"empty file", "q.csv", "", `q.csv:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{"empty lines alone", "q.csv", "\n\n", `q.csv:1: header "", want a line that names the columns, such as time,backlog,inflow,outflow`},
		{"no time", "q.csv", "when,backlog\n1,2\n", `q.csv:1: header "when,backlog", want the columns time and backlog, and inflow and outflow where they are measured`},
		{"no backlog", "q.csv", "\n\ntime,inflow\n1,2\n", `q.csv:3: header "time,inflow", want the columns time and backlog, and inflow and outflow where they are measured`},
		{"no header at all", "q.csv", "1795429341,41\n", `q.csv:1: header "1795429341,41", want the columns time and backlog, and inflow and outflow where they are measured`},
		{"long header", "q.csv", strings.Repeat("x", 100) + "\n", `q.csv:1: header "` + strings.Repeat("x", 60) + `…", want the columns time and backlog, and inflow and outflow where they are measured`},
		{"header with an open quote", "q.csv", "\"time,backlog\n1,2\n", `q.csv:2: "extraneous or missing \" in quoted-field", want CSV`},
		{"too few fields", "q.csv", header + "1795429341,41\n", `q.csv:2: "1795429341,41", want 3 fields, as in the header`},
		{"too many fields", "q.csv", header + "1795429341,41,7,3\n", `q.csv:2: "1795429341,41,7,3", want 3 fields, as in the header`},
		{"bare quote", "q.csv", header + "1795429341,4\"1,7\n", `q.csv:2: "bare \" in non-quoted-field", want CSV`},
		{"no time", "q.csv", header + ",41,7\n", `q.csv:2: time ""` + what},
		{"text in time", "q.csv", header + "noon,41,7\n", `q.csv:2: time "noon"` + what},
		{"milliseconds", "q.csv", header + "1795429341530,41,7\n", `q.csv:2: time "1795429341530", want a time in the years 0 to 9999: Unix seconds, not milliseconds, or a time such as 2026-11-23T15:04:05Z`},
		{"text in backlog", "q.csv", header + "1795429341,many,7\n", `q.csv:2: backlog "many"` + items},
		{"comma as decimal point", "q.csv", header + "1795429341,\"4,1\",7\n", `q.csv:2: backlog "4,1"` + items},
		{"too large for a number", "q.csv", header + "1795429341,1e999,7\n", `q.csv:2: backlog "1e999"` + items},
		{"text in inflow, behind a record of two lines", "q.csv", "time,backlog,inflow,note\n1795429341,41,7,\"a\nb\"\n1795429342,41,-,c\n", `q.csv:4: inflow "-"` + items},
		{"long field", "q.csv", header + "1795429341," + strings.Repeat("ä", 100) + ",7\n", `q.csv:2: backlog "` + strings.Repeat("ä", 60) + `…"` + items},

		{"no object", "q.jsonl", "[1795429341, 41]", `q.jsonl:1: "[1795429341, 41]"` + object},
		{"null", "q.jsonl", "\nnull\n", `q.jsonl:2: "null"` + object},
		{"cut off", "q.jsonl", `{"time": 1795429341, "backl`, `q.jsonl:1: "{\"time\": 1795429341, \"backl"` + object},
		{"two objects", "q.jsonl", `{"time":1} {"time":2}`, `q.jsonl:1: "{\"time\":1} {\"time\":2}"` + object},
		{"CSV in a .jsonl", "q.jsonl", "time,backlog", `q.jsonl:1: "time,backlog"` + object},
		{"no time", "q.jsonl", `{"backlog": 41}`, `q.jsonl:1: time ""` + what},
		{"null time", "q.jsonl", `{"time": null, "backlog": 41}`, `q.jsonl:1: time ""` + what},
		{"time is an object", "q.jsonl", `{"time": {"seconds": 1}}`, `q.jsonl:1: time "{\"seconds\": 1}"` + what},
		{"milliseconds", "q.jsonl", `{"time": 1795429341530, "backlog": 41}`, `q.jsonl:1: time "1795429341530", want a time in the years 0 to 9999: Unix seconds, not milliseconds, or a time such as 2026-11-23T15:04:05Z`},
		{"text in backlog", "q.jsonl", `{"time": 1795429341, "backlog": "many"}`, `q.jsonl:1: backlog "many"` + orNull},
		{"truth in outflow", "q.jsonl", `{"time": 1795429341, "backlog": 41, "outflow": true}`, `q.jsonl:1: outflow "true"` + orNull},
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
	assertSamples(t, third, samples)
	assert.Equal(t, []int{2, 8}, lines) // the header is line 1, four bad lines and an empty one lie between
	require.Len(t, errs, 4)
	for i, line := range []string{"q.csv:3: time ", "q.csv:4: backlog ", "q.csv:5: ", "q.csv:6: "} {
		assert.True(t, strings.HasPrefix(errs[i], line), errs[i])
	}

	samples, lines, errs = read(t, `{"time":1795429341,"backlog":41}`+"\n"+`{"time":"noon"}`+"\n"+`oops`+"\n"+`{"time":1795429343,"backlog":45}`, "q.jsonl")
	assertSamples(t, third, samples)
	assert.Equal(t, []int{1, 4}, lines)
	require.Len(t, errs, 2)
	for i, line := range []string{"q.jsonl:2: time ", "q.jsonl:3: "} {
		assert.True(t, strings.HasPrefix(errs[i], line), errs[i])
	}
}

// TestLongLines: CSV may have a column of any length; a line of JSON of more than a mebibyte is a file of another kind, and ends the reading.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 1<<20)

	samples, _, errs := read(t, "time,note,backlog\n1795429341,"+long+",41\n", "q.csv")
	assert.Empty(t, errs)
	assertSamples(t, []drain.Sample{sample(start, 41, -1, -1)}, samples)

	fits := `{"time":1795429341,"backlog":41,"note":"` + long[:1<<20-100] + `"}` + "\n"
	samples, _, errs = read(t, fits+`{"note":"`+long+`"}`+"\n"+fits, "q.jsonl")
	assertSamples(t, []drain.Sample{sample(start, 41, -1, -1)}, samples)
	assert.Equal(t, []string{"q.jsonl:2: more than 1048576 bytes, want one JSON object a line: bufio.Scanner: token too long"}, errs)
}

// TestReadFails: an error of the underlying reader comes through, and is not one of a line.
func TestReadFails(t *testing.T) {
	broken := errors.New("the cable is out")
	for _, name := range []string{"q.csv", "q.jsonl"} {
		first := "time,backlog\n1795429341,41\n"
		if name == "q.jsonl" {
			first = `{"time":1795429341,"backlog":41}` + "\n"
		}
		r, err := series.NewReader(io.MultiReader(strings.NewReader(first), iotest.ErrReader(broken)), name)
		require.NoError(t, err)
		_, err = r.Read()
		require.NoError(t, err)
		_, err = r.Read()
		require.ErrorIs(t, err, broken)
		var bad *series.Error
		assert.False(t, errors.As(err, &bad))
	}
	_, err := series.NewReader(iotest.ErrReader(broken), "q.csv")
	assert.ErrorIs(t, err, broken)
}

// lasting reads to the end and holds what it gets against what every reader promises.
func lasting(t *testing.T, text, name string) {
	r, err := series.NewReader(strings.NewReader(text), name)
	// An error is one of a line, or the scanner's where a line of JSON is too long: the text itself does not fail.
	known := func(err error) bool {
		var bad *series.Error
		if !errors.As(err, &bad) {
			return errors.Is(err, bufio.ErrTooLong)
		}
		return bad.Name == name && bad.Line >= 1 && bad.Line <= strings.Count(text, "\n")+1 && bad.Want != ""
	}
	if err != nil {
		if !known(err) {
			t.Fatalf("NewReader: %v", err)
		}
		return
	}
	line := 0
	for n := 0; ; n++ {
		if n > len(text)+1 { // each read takes at least one byte
			t.Fatal("reads on for ever")
		}
		s, err := r.Read()
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrTooLong) {
			return
		}
		if err != nil {
			if !known(err) {
				t.Fatalf("Read: %v", err)
			}
			continue
		}
		if y := s.Time.UTC().Year(); y < 0 || y > 9999 {
			t.Fatalf("year %d", y)
		}
		if r.Line() <= line {
			t.Fatalf("line %d comes after line %d", r.Line(), line)
		}
		line = r.Line()
	}
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"", "time,backlog\n1795429341.53,41\n", "\ufefftime,backlog,inflow,outflow\r\n2026-11-23T11:22:21+01:00,41,,3\r\n",
		"time,backlog\n0000-01-01T00:00:00+23:59,1\n9999-12-31T23:59:59-23:59,1\n-62167219200.5,1\n253402300799.9999999999,1\n",
		"time,backlog\n1e11,-0\nNaN,Inf\n\"1\n2\",3\n4,\"5", "time,backlog\n1\n1,2,3\n", "backlog\n", "\n\n{",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { lasting(t, text, "q.csv") })
}

func FuzzJSONL(f *testing.F) {
	for _, text := range []string{
		"", `{"time": 1795429341.53, "backlog": 41}` + "\n" + `{"time": "2026-11-23T11:22:21+01:00", "backlog": null, "inflow": "3"}`,
		"null\n[]\n{}\n1\n\"x\"\n", `{"time": 253402300799.9999999999}` + "\r\n" + `{"time": "0000-01-01T00:00:00+23:59"}`,
		`{"time": 1e400, "time": -1e11, "backlog": 1e-400, "outflow": {}}`, "\ufeff{}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { lasting(t, text, "q.jsonl") })
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
