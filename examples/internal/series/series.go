// Package series reads the samples of a queue from CSV and JSON lines.
//
// CSV has a header that names the columns, in any order, in capitals or not. Other columns are left alone, an empty field is unknown; of two columns with
// one name the first counts. JSON lines are one object a line with the same names, in small letters; a name that is missing, null or an empty text is unknown.
//
//	time                                     Unix seconds, fractions allowed, or RFC 3339
//	backlog                                  items waiting at that time
//	inflow, outflow                          items that entered and left in the interval that ends there
//	inflow_total, outflow_total              the same as cumulative counters
//	inflow_per_second, outflow_per_second    the same as rates
//	delay_seconds                            how long the item had waited that was served then
//	queue                                    name of the queue that the line is of, where a file holds several: any text of up to 200 bytes
//
// Lines of several queues may be mixed in any order. The interval of a line begins at the line before it of the same queue, and totals are those of that queue; a flow
// has one form in a file, in all its queues. Names are compared as they are written: case matters, and in JSON 7 and 7.0 are two queues, 7 and "7" one.
//
// A count or a rate whose field stands there and is empty (null) was due and not read, so that the next one of that queue counts from this line on; where each
// series has lines of its own, counts belong to columns or names that the other lines do not have, or are better written as totals.
//
// Every sample needs a time, and the header of CSV one of the others too, the queue aside; of the three forms of a flow a file has one. Numbers are decimal, with
// an exponent or without; NaN, Inf and what is below zero are left to the estimator, which counts them.
//
// A Unix time of 10¹¹ or more is taken for milliseconds, of 10¹⁴ for microseconds and of 10¹⁷ for nanoseconds, each time for itself, so that a file may mix them.
// As seconds 10¹¹ is in the year 5138, as milliseconds it is in March 1973, and so on for the others: times outside those years are misread.
package series

import (
	"bufio"
	"bytes"
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
	// Name is the file's name, Line the number of the line, the first being 1; that of the first line where a CSV record has several.
	Name string
	Line int
	// Field is the column, or "header"; empty where it is the line that cannot be read. Value is what stood there, Want what was expected.
	Field, Value, Want string
}

// Error returns `name:line: field "value", want …`, the value cut off after 60 characters.
func (e *Error) Error() string {
	what := e.Field
	if what != "" {
		what += " "
	}
	return fmt.Sprintf("%s:%d: %s%q, want %s", e.Name, e.Line, what, abridge(e.Value), e.Want)
}

// abridge keeps an error message to one readable line.
func abridge(s string) string {
	n := 0
	for i := range s {
		if n == 60 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// Reader reads samples one by one.
type Reader struct {
	name string
	line int
	unit string
	// queue is that of the last sample.
	queue string
	// forms holds for each flow the field that the file gives it in, 0 where there was none yet.
	forms [flows]int

	// One of the two: CSV, from source, with the index of each of the fields and of the queue in a record, -1 for a column that is not there; or lines of JSON.
	csv         *csv.Reader
	source      *source
	columns     [len(fields)]int
	queueColumn int
	lines       *bufio.Scanner
}

// The flows, as numbers.
const (
	noFlow = iota
	inflow
	outflow
	flows
)

// fields are the columns, in the order of Reader.columns; the first is the time, which has no set.
var fields = [...]struct {
	name string
	flow int // of which the field is one of three forms
	of   string
	set  func(s *drain.Sample, x float64)
	read func(s *drain.Sample) // says that a reading was due and failed; nil where nothing is lost by that
}{
	{"time", noFlow, "", nil, nil},
	{"backlog", noFlow, "items", func(s *drain.Sample, x float64) { s.Backlog = drain.Items(x) }, nil},
	{"inflow", inflow, "items", func(s *drain.Sample, x float64) { s.Inflow = drain.Count(x) }, func(s *drain.Sample) { notRead(&s.Inflow) }},
	{"outflow", outflow, "items", func(s *drain.Sample, x float64) { s.Outflow = drain.Count(x) }, func(s *drain.Sample) { notRead(&s.Outflow) }},
	{"inflow_total", inflow, "items", func(s *drain.Sample, x float64) { s.Inflow = drain.Total(x) }, nil},
	{"outflow_total", outflow, "items", func(s *drain.Sample, x float64) { s.Outflow = drain.Total(x) }, nil},
	{"inflow_per_second", inflow, "items per second", func(s *drain.Sample, x float64) { s.Inflow = drain.PerSecond(x) }, func(s *drain.Sample) { notRead(&s.Inflow) }},
	{"outflow_per_second", outflow, "items per second", func(s *drain.Sample, x float64) { s.Outflow = drain.PerSecond(x) }, func(s *drain.Sample) { notRead(&s.Outflow) }},
	{"delay_seconds", noFlow, "seconds", func(s *drain.Sample, x float64) { s.Delay = drain.Seconds(x) }, nil},
}

// notRead says of a flow that a reading was due and failed, unless another of its forms has one.
func notRead(f *drain.Flow) {
	if !f.Known() {
		*f = drain.NotRead()
	}
}

// queueName is the column of the queue, which is none of the fields: it is no number, and with a time alone it makes no sample.
const queueName = "queue"

// longestQueue is how many bytes the name of a queue may have: no more than people read, and few enough to keep those of many queues. wantQueue says the number.
const longestQueue = 200

const wantQueue = "the name of a queue: a text of at most 200 bytes"

// longest is how many bytes a line of JSON or a record of CSV may have: far more than nine numbers need, far less than a binary file read by mistake, or
// than a file in which a quote is opened and never closed.
const longest = 1 << 20

// byteOrderMark is what spreadsheets write before the first line.
const byteOrderMark = "\ufeff"

// NewReader returns a reader of r. The name is that of the file, for errors; one that ends in .jsonl or .ndjson is JSON lines, everything else is
// CSV unless its first byte that is not white space is a brace. The header of CSV is read at once: an *Error where it cannot be used.
func NewReader(r io.Reader, name string) (*Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		b.Discard(len(byteOrderMark))
	}
	rd := &Reader{name: name}
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, ".jsonl") || strings.HasSuffix(lower, ".ndjson") || startsWithBrace(b) {
		rd.lines = bufio.NewScanner(b)
		rd.lines.Buffer(nil, longest)
		return rd, nil
	}
	rd.source = &source{r: b, line: 1}
	rd.csv = csv.NewReader(rd.source)
	rd.csv.ReuseRecord = true
	rd.csv.TrimLeadingSpace = true
	if err := rd.header(); err != nil {
		return nil, err
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

// header reads the header of CSV and finds the columns in it.
func (r *Reader) header() error {
	header, err := r.record()
	if err == io.EOF {
		r.line = 1
		return r.bad("header", "", "a line that names the columns, such as time,backlog,inflow,outflow")
	}
	if err != nil {
		return err
	}
	text := strings.Join(header, ",")
	for i, h := range header {
		header[i] = strings.ToLower(strings.TrimSpace(h))
	}
	var forms [flows][]string
	for k, f := range fields {
		if r.columns[k] = slices.Index(header, f.name); r.columns[k] >= 0 {
			forms[f.flow] = append(forms[f.flow], f.name)
		}
	}
	r.queueColumn = slices.Index(header, queueName)
	if r.columns[0] < 0 || slices.Max(r.columns[1:]) < 0 {
		return r.bad("header", text, "the column time, and at least one of backlog, inflow, outflow (or …_total, …_per_second) and delay_seconds")
	}
	for _, names := range forms[inflow:] {
		if len(names) > 1 { // which one is meant?
			return r.bad("header", text, "one of "+strings.Join(names, ", "))
		}
	}
	return nil
}

// Line returns the number of the line that was read last, the first of them where a CSV record has several.
func (r *Reader) Line() int { return r.line }

// Unit returns "milliseconds", "microseconds" or "nanoseconds", which the last time that was not in seconds was taken for; empty where there was none.
func (r *Reader) Unit() string { return r.unit }

// Queue returns the name of the queue of the sample that Read returned last, without the spaces around it; empty where the file or the line has none. A line that
// cannot be read leaves it as it is.
func (r *Reader) Queue() string { return r.queue }

// Read returns the next sample; io.EOF at the end, an *Error for a line that cannot be read. After an *Error the next line can be read; a quote that opens
// a field and is not closed on its line has taken that for a part of the field, though. Any other error names the file and the line, and ends the reading:
// the file itself cannot be read, or has a line of JSON or a record of CSV that is longer than a mebibyte.
func (r *Reader) Read() (drain.Sample, error) {
	if r.csv == nil {
		return r.readJSON()
	}
	rec, err := r.record()
	if err != nil {
		return drain.Sample{}, err
	}
	queue := ""
	if r.queueColumn >= 0 {
		queue = rec[r.queueColumn]
	}
	return r.sample(queue, "nothing", func(k int) (string, bool) {
		if i := r.columns[k]; i >= 0 {
			return rec[i], true
		}
		return "", false
	})
}

// record returns the next record of CSV.
func (r *Reader) record() ([]string, error) {
	r.source.next()
	rec, err := r.csv.Read()
	var p *csv.ParseError
	switch {
	case err == nil:
		r.line, _ = r.csv.FieldPos(0)
		return rec, nil
	case err == io.EOF:
		return nil, err
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: more than %d bytes after line %d, want a record of CSV, its quotes closed: %w", r.name, r.source.line, longest, r.line, err)
	case !errors.As(err, &p):
		return nil, fmt.Errorf("%s:%d: %w", r.name, r.source.line, err)
	}
	r.line = p.StartLine
	if p.Err == csv.ErrFieldCount {
		return nil, r.bad("", strings.Join(rec, ","), fmt.Sprintf("%d fields, as in the header", r.csv.FieldsPerRecord))
	}
	return nil, r.bad("", `"`, "quotes around a whole field, doubled within it")
}

// source is what CSV is read from, up to longest bytes a record.
type source struct {
	r    io.Reader
	line int  // of the byte that comes next
	left int  // bytes that the record may still take
	full bool // it wanted more: nothing tells where the next one would begin
}

// next begins a record.
func (s *source) next() {
	if !s.full {
		s.left = longest
	}
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		s.full = true
		return 0, bufio.ErrTooLong
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	s.line += bytes.Count(p[:n], []byte{'\n'})
	return n, err
}

func (r *Reader) readJSON() (drain.Sample, error) {
	for r.lines.Scan() && r.lines.Err() == nil { // with an error of the file comes what was read of the line, which means nothing
		r.line++
		text := bytes.TrimSpace(r.lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(text, &object); err != nil || object == nil {
			return drain.Sample{}, r.bad("", string(text), `a JSON object such as {"time": 1795429341.5, "backlog": 41}`)
		}
		queue := object[queueName]
		if len(queue) > 0 && strings.ContainsRune("{[tf", rune(queue[0])) { // as a text it would be a name
			return drain.Sample{}, r.bad(queueName, string(queue), wantQueue)
		}
		return r.sample(textOf(queue), "null", func(k int) (string, bool) {
			raw, due := object[fields[k].name]
			return textOf(raw), due
		})
	}
	err := r.lines.Err()
	switch {
	case err == nil:
		return drain.Sample{}, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return drain.Sample{}, fmt.Errorf("%s:%d: more than %d bytes, want one JSON object a line: %w", r.name, r.line+1, longest, err)
	}
	return drain.Sample{}, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
}

// textOf is what a text of JSON says, and how anything else is written; empty where it is null or missing.
func textOf(raw json.RawMessage) string {
	value := string(raw)
	switch {
	case value == "null":
		return ""
	case strings.HasPrefix(value, `"`):
		json.Unmarshal(raw, &value) // cannot fail: it is part of what was valid
	}
	return value
}

// sample makes a sample of the fields of one line, whose value is empty where it is unknown; unknown is how people write that, and due says that it stands there.
func (r *Reader) sample(queue, unknown string, value func(field int) (value string, due bool)) (drain.Sample, error) {
	if queue = strings.TrimSpace(queue); len(queue) > longestQueue {
		return drain.Sample{}, r.bad(queueName, queue, wantQueue)
	}
	var s drain.Sample
	forms := r.forms
	for k, f := range fields {
		v, due := value(k)
		v = strings.TrimSpace(v)
		if f.set == nil {
			t, unit, want := parseTime(v)
			if want != "" {
				return drain.Sample{}, r.bad(f.name, v, want)
			}
			if unit != "" {
				r.unit = unit
			}
			s.Time = t
			continue
		}
		if v == "" {
			if due && f.read != nil {
				f.read(&s)
			}
			continue
		}
		x, ok := number(v)
		if !ok {
			return drain.Sample{}, r.bad(f.name, v, fmt.Sprintf("a number of %s, or %s where it is unknown", f.of, unknown))
		}
		if f.flow != noFlow {
			if first := forms[f.flow]; first != 0 && first != k { // the same items would count twice
				return drain.Sample{}, r.bad(f.name, v, "one form of this flow in a file: "+fields[first].name+" came first")
			}
			forms[f.flow] = k
		}
		f.set(&s, x)
	}
	r.forms = forms // not those of a line that is left out
	if queue != r.queue {
		r.queue = strings.Clone(queue) // who keeps it would keep the whole record
	}
	return s, nil
}

func (r *Reader) bad(field, value, want string) error {
	return &Error{r.name, r.line, field, value, want}
}

// number reads a decimal number, NaN or Inf; one too large for a float64 is infinite. That none of these is a number of items is for the estimator to say.
func number(s string) (x float64, ok bool) {
	if strings.ContainsAny(s, "xX_") { // 0x1p-2 and 1_000, which strconv reads too
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x + 0, err == nil || errors.Is(err, strconv.ErrRange) // + 0 makes -0, which would be printed like that, 0
}

const (
	wantTime = "Unix seconds or a time such as 2026-11-23T15:04:05Z"
	wantYear = "a time in the years 0 to 9999: Unix seconds, or a time such as 2026-11-23T15:04:05Z"
)

// ParseTime reads a time as RFC 3339 has it or as Unix seconds, milli-, micro- or nanoseconds, which are told by their size; fractions and exponents are
// allowed. It is rounded to the nanosecond. It is an error if it lies outside the years 0 to 9999, which are those that RFC 3339 can write, in UTC.
func ParseTime(s string) (time.Time, error) {
	t, _, want := parseTime(s)
	if want != "" {
		return t, fmt.Errorf("series: time %q, want %s", s, want)
	}
	return t, nil
}

// parseTime returns the time in UTC and its unit, where that is not the second, or what was wanted instead.
func parseTime(s string) (t time.Time, unit, want string) {
	x, ok := number(s)
	switch {
	case !ok:
		var err error
		if t, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return time.Time{}, "", wantTime
		}
		t = t.UTC()
	case math.IsNaN(x):
		return time.Time{}, "", wantTime
	case x == 0: // rounded or not
		t = time.Unix(0, 0).UTC()
	case math.Abs(x) >= 1e20: // the year 5138 in the smallest unit
		return time.Time{}, "", wantYear
	default:
		t, unit = unix(s)
	}
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}, "", wantYear
	}
	return t, unit, ""
}

// unix is the Unix time that a decimal number of less than 10²⁰ gives, rounded to the nanosecond, and its unit. It goes by the digits, as a float64 would lose the
// last of them.
func unix(number string) (time.Time, string) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(mantissa, "+-"), ".")
	shift, _ := strconv.Atoi(exponent) // 0 where there is none
	digits := strings.TrimLeft(whole+fraction, "0")
	point := len(digits) - len(fraction) + shift // the number is 0.digits · 10^point
	unit := ""
	switch {
	case point > 17:
		point -= 9
		unit = "nanoseconds"
	case point > 14:
		point -= 6
		unit = "microseconds"
	case point > 11:
		point -= 3
		unit = "milliseconds"
	}
	digit := func(i int) int64 { // the one i places behind the point of seconds
		if i += point; i < 0 || i >= len(digits) {
			return 0
		}
		return int64(digits[i] - '0')
	}
	var sec, nano int64
	for i := range 11 {
		sec = 10*sec + digit(i-11)
	}
	for i := range 9 {
		nano = 10*nano + digit(i)
	}
	if digit(9) >= 5 {
		nano++
	}
	if mantissa[0] == '-' {
		sec, nano = -sec, -nano
	}
	return time.Unix(sec, nano).UTC(), unit
}
