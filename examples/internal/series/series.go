// Package series reads the samples of a queue from CSV and JSON lines.
//
// CSV has a header that names the columns, in any order: time and backlog, and inflow and outflow where they are measured. Other columns are
// left alone, an empty field is unknown. JSON lines are one object a line with the same names; a name that is missing or null is unknown.
//
// A time is Unix seconds, fractions allowed, or RFC 3339. The backlog is the number of items at that time; inflow and outflow are the items that entered
// and left in the interval that ends there.
package series

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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
	// columns holds the index of each of the fields in a CSV record, -1 for a column that is not there.
	columns [4]int
}

// fields are the names of the columns, in the order of Reader.columns.
var fields = [4]string{"time", "backlog", "inflow", "outflow"}

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
	rd := &Reader{name: name, csv: c, columns: [4]int{-1, -1, -1, -1}}
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
			if h == f && rd.columns[k] < 0 {
				rd.columns[k] = i
			}
		}
	}
	if rd.columns[0] < 0 || rd.columns[1] < 0 {
		return nil, &Error{name, rd.line, "header", strings.Join(header, ","), "the columns time and backlog, and inflow and outflow where they are measured"}
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
			if s.Time, want = parseTime(v); want != "" {
				return s, r.bad(fields[k], v, want)
			}
			continue
		}
		if v == "" {
			continue
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return s, r.bad(fields[k], v, wantCount)
		}
		set(&s, k, n)
	}
	return s, nil
}

const (
	wantTime  = "Unix seconds or a time such as 2026-11-23T15:04:05Z"
	wantYear  = "a time in the years 0 to 9999: Unix seconds, not milliseconds, or a time such as 2026-11-23T15:04:05Z"
	wantCount = "a number of items, or nothing where it is unknown"
)

func set(s *drain.Sample, field int, n float64) {
	switch field {
	case 1:
		s.Backlog = drain.Items(n)
	case 2:
		s.Inflow = drain.Items(n)
	case 3:
		s.Outflow = drain.Items(n)
	}
}

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
		raw := strings.TrimSpace(string(object[f]))
		if unquoted := ""; json.Unmarshal(object[f], &unquoted) == nil {
			raw = strings.TrimSpace(unquoted)
		}
		if raw == "null" {
			raw = ""
		}
		if k == 0 {
			var want string
			if s.Time, want = parseTime(raw); want != "" {
				return s, r.bad(f, raw, want)
			}
			continue
		}
		if raw == "" {
			continue
		}
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil {
			return s, r.bad(f, raw, "a number of items, or null where it is unknown")
		}
		set(&s, k, n)
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

// ParseTime reads Unix seconds, fractions allowed, to the nanosecond, or RFC 3339.
func ParseTime(s string) (time.Time, error) {
	t, want := parseTime(s)
	if want != "" {
		return t, fmt.Errorf("series: time %q, want %s", s, want)
	}
	return t, nil
}

// parseTime returns the time or, where there is none, what was wanted instead.
func parseTime(s string) (t time.Time, want string) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return checked(t)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && len(fraction) <= 9 && strings.Trim(fraction, "0123456789") == "" && s[len(s)-1] != '.' {
		nano, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if strings.HasPrefix(whole, "-") {
			nano = -nano
		}
		return checked(time.Unix(sec, nano).UTC())
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(f) || math.IsInf(f, 0):
		return time.Time{}, wantTime
	case math.Abs(f) >= 1e12: // the year 33658; far larger ones do not fit into an int64
		return time.Time{}, wantYear
	}
	w, frac := math.Modf(f)
	return checked(time.Unix(int64(w), int64(math.Round(frac*1e9))).UTC())
}

// checked refuses times that RFC 3339 cannot write in UTC: such a number is not Unix seconds.
func checked(t time.Time) (time.Time, string) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, wantYear
	}
	return t, ""
}
