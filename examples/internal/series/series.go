// Package series reads the samples of a queue from CSV and JSON lines.
//
// CSV has a header that names the columns, in any order. Other columns are left alone, an empty field is unknown. JSON lines are one object a line with
// the same names; a name that is missing or null is unknown.
//
//	time                                     Unix seconds, fractions allowed, or RFC 3339
//	backlog                                  items waiting at that time
//	inflow, outflow                          items that entered and left in the interval that ends there
//	inflow_total, outflow_total              the same as cumulative counters
//	inflow_per_second, outflow_per_second    the same as rates
//	delay_seconds                            how long the item had waited that was served then
//
// Time and one of the others are needed; of the three forms of a flow a file has one. A number too large for seconds is taken for milliseconds, micro- or
// nanoseconds (see Reader.Unit), as no queue is older than 1973 or younger than the year 5138.
package series

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
)

// Error is a line that cannot be read.
type Error struct {
	// Name is the file's name, Line the number of the line, the first being 1.
	Name string
	Line int
	// Field is the column, Value what stood there, Want what was expected; Field may be empty.
	Field, Value, Want string
}

// Error returns "name:line: field "value", want …".
func (e *Error) Error() string {
	what := e.Field
	if what != "" {
		what += " "
	}
	return fmt.Sprintf("%s:%d: %s%q, want %s", e.Name, e.Line, what, abridge(e.Value), e.Want)
}

// Reader reads samples one by one.
type Reader struct {
	name  string
	line  int
	csv   *csv.Reader
	lines *bufio.Scanner
	unit  string
	// columns holds the index of each of the fields in a CSV record, -1 for a column that is not there.
	columns [len(fields)]int
}

// fields are the columns, in the order of Reader.columns; the first is the time, which has no set.
var fields = [...]struct {
	name string
	set  func(s *drain.Sample, x float64)
}{
	{"time", nil},
	{"backlog", func(s *drain.Sample, x float64) { s.Backlog = drain.Items(x) }},
	{"inflow", func(s *drain.Sample, x float64) { s.Inflow = drain.Count(x) }},
	{"outflow", func(s *drain.Sample, x float64) { s.Outflow = drain.Count(x) }},
	{"inflow_total", func(s *drain.Sample, x float64) { s.Inflow = drain.Total(x) }},
	{"outflow_total", func(s *drain.Sample, x float64) { s.Outflow = drain.Total(x) }},
	{"inflow_per_second", func(s *drain.Sample, x float64) { s.Inflow = drain.PerSecond(x) }},
	{"outflow_per_second", func(s *drain.Sample, x float64) { s.Outflow = drain.PerSecond(x) }},
	{"delay_seconds", func(s *drain.Sample, x float64) { s.Delay = drain.Seconds(x) }},
}

// longest is how long a line of JSON may be: far more than four numbers need, far less than a binary file read by mistake.
const longest = 1 << 20

// byteOrderMark is what spreadsheets write before the first line.
const byteOrderMark = "\ufeff"

// NewReader returns a reader of r. The name is that of the file, for errors; one that ends in .jsonl or .ndjson is JSON lines, everything else is
// CSV unless its first byte that is not white space is a brace.
func NewReader(r io.Reader, name string) (*Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		b.Discard(len(byteOrderMark))
	}
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, ".jsonl") || strings.HasSuffix(lower, ".ndjson") || startsWithBrace(b) {
		s := bufio.NewScanner(b)
		s.Buffer(nil, longest)
		return &Reader{name: name, lines: s}, nil
	}
	c := csv.NewReader(b)
	c.ReuseRecord = true
	c.TrimLeadingSpace = true
	rd := &Reader{name: name, csv: c}
	for k := range rd.columns {
		rd.columns[k] = -1
	}
	header, err := c.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{name, 1, "header", "", "a line that names the columns, such as time,backlog,inflow,outflow"}
		}
		return nil, rd.csvError(err)
	}
	rd.line, _ = c.FieldPos(0)
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		for k, f := range fields {
			if h == f.name && rd.columns[k] < 0 {
				rd.columns[k] = i
			}
		}
	}
	if rd.columns[0] < 0 || slices.Max(rd.columns[1:]) < 0 {
		return nil, &Error{name, rd.line, "header", strings.Join(header, ","), "the columns time and backlog, and inflow and outflow where they are measured"}
	}
	for _, forms := range [][]int{{2, 4, 6}, {3, 5, 7}} { // the same flow in several forms: which one is meant?
		var names []string
		for _, k := range forms {
			if rd.columns[k] >= 0 {
				names = append(names, fields[k].name)
			}
		}
		if len(names) > 1 {
			return nil, &Error{name, rd.line, "header", strings.Join(header, ","), "one of " + strings.Join(names, " and ")}
		}
	}
	return rd, nil
}

func startsWithBrace(b *bufio.Reader) bool {
	for n := 1; ; n++ {
		p, err := b.Peek(n)
		if err != nil || n == b.Size() {
			return false
		}
		if c := p[n-1]; !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c == '{'
		}
	}
}

// Line returns the number of the line that was read last.
func (r *Reader) Line() int { return r.line }

// Read returns the next sample; io.EOF at the end, an *Error for a line that cannot be read. After an *Error the next line can be read.
func (r *Reader) Read() (drain.Sample, error) {
	if r.csv != nil {
		return r.readCSV()
	}
	return r.readJSON()
}

func (r *Reader) readCSV() (drain.Sample, error) {
	rec, err := r.csv.Read()
	if errors.Is(err, csv.ErrFieldCount) {
		r.line, _ = r.csv.FieldPos(0)
		return drain.Sample{}, r.bad("", strings.Join(rec, ","), fmt.Sprintf("%d fields, as in the header", r.csv.FieldsPerRecord))
	}
	if err != nil {
		return drain.Sample{}, r.csvError(err)
	}
	r.line, _ = r.csv.FieldPos(0)
	var s drain.Sample
	for k, i := range r.columns {
		if i < 0 {
			continue
		}
		v := strings.TrimSpace(rec[i])
		if k == 0 {
			var want string
			if s.Time, want = r.time(v); want != "" {
				return s, r.bad(fields[k].name, v, want)
			}
			continue
		}
		if v == "" {
			continue
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return s, r.bad(fields[k].name, v, wantCount)
		}
		fields[k].set(&s, n)
	}
	return s, nil
}

const (
	wantTime  = "Unix seconds or a time such as 2026-11-23T15:04:05Z"
	wantYear  = "a time in the years 0 to 9999: Unix seconds, or a time such as 2026-11-23T15:04:05Z"
	wantCount = "a number of items, or nothing where it is unknown"
)

func (r *Reader) bad(field, value, want string) error {
	return &Error{r.name, r.line, field, value, want}
}

// csvError turns an error of the csv package into one of this package's.
func (r *Reader) csvError(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	r.line = p.Line
	return r.bad("", p.Err.Error(), "CSV")
}

func (r *Reader) readJSON() (drain.Sample, error) {
	for r.lines.Scan() {
		r.line++
		text := strings.TrimSpace(r.lines.Text())
		if text == "" {
			continue
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
			return drain.Sample{}, r.bad("", text, `a JSON object such as {"time": 1795429341.5, "backlog": 41}`)
		}
		return r.fromObject(object)
	}
	if err := r.lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("more than %d bytes, want one JSON object a line: %w", longest, err)
		}
		return drain.Sample{}, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
	}
	return drain.Sample{}, io.EOF
}

func (r *Reader) fromObject(object map[string]json.RawMessage) (drain.Sample, error) {
	var s drain.Sample
	for k, f := range fields {
		raw := strings.TrimSpace(string(object[f.name]))
		if unquoted := ""; json.Unmarshal(object[f.name], &unquoted) == nil {
			raw = strings.TrimSpace(unquoted)
		}
		if raw == "null" {
			raw = ""
		}
		if k == 0 {
			var want string
			if s.Time, want = r.time(raw); want != "" {
				return s, r.bad(f.name, raw, want)
			}
			continue
		}
		if raw == "" {
			continue
		}
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil {
			return s, r.bad(f.name, raw, "a number of items, or null where it is unknown")
		}
		f.set(&s, n)
	}
	return s, nil
}

// abridge keeps an error message to one readable line.
func abridge(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// units are those of Unix times, by the number from which on a time is taken to be in them: in each of them it is 1973 then, and in the unit before the
// year 5138.
var units = []struct {
	name string
	from float64
	per  int64 // second
}{
	{"nanoseconds", 1e17, 1e9},
	{"microseconds", 1e14, 1e6},
	{"milliseconds", 1e11, 1e3},
	{"", 0, 1},
}

// Unit returns "milliseconds", "microseconds" or "nanoseconds" where the last time that was not in seconds was taken for that; empty otherwise.
func (r *Reader) Unit() string { return r.unit }

func (r *Reader) time(s string) (time.Time, string) {
	t, unit, want := parseTime(s)
	if unit != "" {
		r.unit = unit
	}
	return t, want
}

// ParseTime reads Unix seconds, fractions allowed, to the nanosecond, or RFC 3339; milli-, micro- and nanoseconds are known by their size.
func ParseTime(s string) (time.Time, error) {
	t, _, want := parseTime(s)
	if want != "" {
		return t, fmt.Errorf("series: time %q, want %s", s, want)
	}
	return t, nil
}

// parseTime returns the time and its unit, where that is not the second, or what was wanted instead.
func parseTime(s string) (t time.Time, unit, want string) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return checked(t, "")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return time.Time{}, "", wantTime
	}
	u := units[0]
	for _, u = range units {
		if math.Abs(f) >= u.from {
			break
		}
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && len(fraction) <= 9 && strings.Trim(fraction, "0123456789") == "" && s[len(s)-1] != '.' {
		// To the last digit, which a float64 would lose.
		nano, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if strings.HasPrefix(whole, "-") {
			nano = -nano
		}
		return checked(time.Unix(n/u.per, n%u.per*(1e9/u.per)+nano/u.per).UTC(), u.name)
	}
	if math.Abs(f) >= 1e20 { // in nanoseconds the year 5138; far larger numbers do not fit into an int64
		return time.Time{}, "", wantYear
	}
	w, frac := math.Modf(f / float64(u.per))
	return checked(time.Unix(int64(w), int64(math.Round(frac*1e9))).UTC(), u.name)
}

// checked refuses times that RFC 3339 cannot write in UTC.
func checked(t time.Time, unit string) (time.Time, string, string) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, "", wantYear
	}
	return t, unit, ""
}
