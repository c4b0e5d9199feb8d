package scenario

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/series"
)

// Scenario is what one file tells and asks.
type Scenario struct {
	// File is its name, as it stands in failures.
	File    string
	start   time.Time
	truth   time.Time         // zero: not told
	numbers map[string]string // eta's flags; nil: from samples
	columns []string          // without the time
	rows    []row
	asks    []*ask
}

// row is a sample: its fields, as they stand in CSV, in the order of the columns.
type row struct {
	at     time.Time
	fields []string
}

// ask is a question, with what is expected of the answer.
type ask struct {
	line      int
	name      string
	rows      int // samples above it
	now       time.Time
	target    string
	level     float64
	deadlines []string
	zone      *time.Location
	expects   []expectation
}

// Error is a line that cannot be understood.
type Error struct {
	File string
	Line int
	Text string // what is wrong, and what was wanted
}

// Error returns "file:line: text".
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Open reads a file.
func Open(path string) (*Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, filepath.Base(path))
}

// Read reads a scenario; the name is that of the file, for errors. What cannot be understood is an *Error.
func Read(r io.Reader, name string) (*Scenario, error) {
	p := &parser{s: &Scenario{File: name, start: time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)}}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		if text := strings.TrimSpace(uncomment(in.Text())); text != "" {
			p.lines = append(p.lines, line{n, text})
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for len(p.lines) > 0 {
		if err := p.statement(); err != nil {
			return nil, &Error{name, p.at.n, err.Error()}
		}
	}
	if len(p.s.asks) == 0 {
		return nil, &Error{name, p.at.n, "nothing is asked, want a line such as: ask"}
	}
	return p.s, nil
}

// uncomment cuts a line at the first # outside quotes.
func uncomment(s string) string {
	quoted := false
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted:
			return s[:i]
		}
	}
	return s
}

type line struct {
	n    int
	text string
}

// parser reads the statements one by one.
type parser struct {
	s       *Scenario
	lines   []line // that are to come
	at      line   // that is read
	rng     *rand.Rand
	current []current // of each column
}

var (
	runLine = regexp.MustCompile(`^(\d+) samples? every (\S+): *(.*)$`)
	rowLine = regexp.MustCompile(`^[-+0-9][^ ]*,`)
)

func (p *parser) statement() error {
	p.at, p.lines = p.lines[0], p.lines[1:]
	text := p.at.text
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.HasPrefix(text, "time,"):
		return p.header(text)
	case runLine.MatchString(text):
		m := runLine.FindStringSubmatch(text)
		return p.run(m[1], m[2], m[3])
	case rowLine.MatchString(text):
		return p.sample(text)
	}
	switch word {
	case "start":
		return p.begin(rest)
	case "seed":
		seed, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			return fmt.Errorf("seed %q, want a whole number", rest)
		}
		p.rng = rand.New(rand.NewPCG(seed, 0))
		return nil
	case "numbers":
		return p.numbers(rest)
	case "repeat":
		return p.repeat(rest)
	case "truth":
		t, err := p.moment(rest)
		p.s.truth = t
		return err
	case "ask":
		return p.ask(rest)
	case "expect":
		if len(p.s.asks) == 0 {
			return fmt.Errorf("nothing was asked above, want a line such as: ask")
		}
		e, err := p.expectation(rest)
		a := p.s.asks[len(p.s.asks)-1]
		a.expects = append(a.expects, e)
		return err
	}
	return fmt.Errorf("%q, want start, seed, numbers, columns such as time,backlog, a sample, a run of samples, repeat, truth, ask or expect", text)
}

func (p *parser) begin(rest string) (err error) {
	if len(p.s.rows) > 0 {
		return fmt.Errorf("start stands behind samples, want it before the first")
	}
	p.s.start, err = series.ParseTime(rest)
	return err
}

func (p *parser) numbers(rest string) error {
	if p.s.columns != nil || p.s.numbers != nil {
		return fmt.Errorf("numbers stand beside samples or other numbers, want either, once")
	}
	p.s.numbers = map[string]string{}
	for _, word := range strings.Fields(rest) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "backlog", "net", "in", "out":
		default:
			return fmt.Errorf("%q, want backlog=…, net=…, in=… or out=…", word)
		}
		if _, err := drain.ParseEstimate(value); err != nil {
			return err
		}
		p.s.numbers[name] = value
	}
	return nil
}

func (p *parser) header(text string) error {
	if p.s.columns != nil || p.s.numbers != nil {
		return fmt.Errorf("columns %q stand beside numbers or other columns, want them once", text)
	}
	for _, name := range strings.Split(text, ",")[1:] {
		name = strings.TrimSpace(name)
		k, known := kinds[name]
		if !known {
			return fmt.Errorf("column %q, want those of package series", name)
		}
		p.s.columns = append(p.s.columns, name)
		p.current = append(p.current, current{kind: k})
	}
	return nil
}

// last is the time of the sample above; that of the first one to come where there is none.
func (p *parser) last() time.Time {
	if n := len(p.s.rows); n > 0 {
		return p.s.rows[n-1].at
	}
	return p.s.start
}

// moment reads a time, or a duration since the sample above.
func (p *parser) moment(s string) (time.Time, error) {
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		d, err := time.ParseDuration(s)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q, want a duration such as +60s or +1h30m", s)
		}
		return p.last().Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil { // in its own zone
		return t, nil
	}
	return series.ParseTime(s)
}

func (p *parser) sample(text string) error {
	fields := strings.Split(text, ",")
	if len(fields) != len(p.s.columns)+1 {
		return fmt.Errorf("%d fields, want %d, as the columns", len(fields), len(p.s.columns)+1)
	}
	at, err := p.moment(strings.TrimSpace(fields[0]))
	if err != nil {
		return err
	}
	r := row{at: at}
	for i, f := range fields[1:] {
		f = strings.TrimSpace(f)
		r.fields = append(r.fields, f)
		if f == "" {
			continue
		}
		x, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return fmt.Errorf("%s %q, want a number, or nothing where it is unknown", p.s.columns[i], f)
		}
		if x >= 0 && !math.IsInf(x, 1) { // what cannot be is no level to go on from
			p.current[i].value = x
		}
	}
	p.s.rows = append(p.s.rows, r)
	return nil
}

func (p *parser) repeat(rest string) error {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 {
		return fmt.Errorf("repeat %q, want how often", rest)
	}
	begin, end := p.at, 0
	for end < len(p.lines) && p.lines[end].text != "end" {
		if l := p.lines[end]; !runLine.MatchString(l.text) && !rowLine.MatchString(l.text) {
			p.at = l
			return fmt.Errorf("%q within repeat, want samples, and then: end", l.text)
		}
		end++
	}
	if end == len(p.lines) {
		return fmt.Errorf("repeat without end")
	}
	block, after := p.lines[:end], p.lines[end+1:]
	for range n {
		p.lines = block
		for len(p.lines) > 0 {
			if err := p.statement(); err != nil {
				return err
			}
		}
	}
	p.at, p.lines = begin, after
	return nil
}

func (p *parser) ask(rest string) error {
	s := p.s
	if s.numbers == nil && len(s.rows) == 0 {
		return fmt.Errorf("no numbers and no samples stand above the question")
	}
	a := &ask{line: p.at.n, rows: len(s.rows), level: 0.9, zone: time.UTC}
	if s.numbers != nil {
		a.now = s.start
	}
	words := strings.Fields(rest)
	if len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		a.name, words = words[0], words[1:]
		if p.named(a.name) != nil {
			return fmt.Errorf("a second answer named %s", a.name)
		}
	}
	if len(words)%2 != 0 {
		return fmt.Errorf("%q, want flags with a value each", rest)
	}
	for ; len(words) > 0; words = words[2:] {
		var err error
		switch flag, value := words[0], words[1]; flag {
		case "-now":
			a.now, err = p.moment(value)
		case "-target":
			_, err = drain.ParseEstimate(value)
			a.target = value
		case "-level":
			a.level, err = strconv.ParseFloat(value, 64)
		case "-deadline":
			a.deadlines = append(a.deadlines, value)
			if _, e := time.Parse(time.RFC3339, value); e != nil {
				_, err = time.ParseDuration(value)
			}
		case "-tz":
			a.zone, err = time.LoadLocation(value)
		default:
			err = fmt.Errorf("%q, want -now, -target, -level, -deadline or -tz", flag)
		}
		if err != nil {
			return err
		}
	}
	s.asks = append(s.asks, a)
	return nil
}

// named returns the question of a name; nil where there is none so far.
func (p *parser) named(name string) *ask {
	for _, a := range p.s.asks {
		if name != "" && a.name == name {
			return a
		}
	}
	return nil
}
