package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
)

// kind is what the numbers of a column are.
type kind int

const (
	gauge kind = iota // a level that goes on from sample to sample: backlog, delay
	count             // of the interval
	total             // since ever
	rate              // per second
)

// kinds are those of the columns of package series.
var kinds = map[string]kind{
	"backlog": gauge, "delay_seconds": gauge, "inflow": count, "outflow": count, "inflow_total": total, "outflow_total": total,
	"inflow_per_second": rate, "outflow_per_second": rate,
}

// current is where a column stands.
type current struct {
	kind
	value float64 // of a gauge or a total, not rounded
}

// course is how a column goes on in a run of samples.
type course struct {
	given   bool
	values  []float64 // in turn; of a column with a rate none or the first one
	rate    float64   // per second
	rated   bool
	noise   float64
	follows bool
}

// units of time behind the slash of a rate, in seconds.
var units = map[string]float64{"s": 1, "min": 60, "h": 3600, "d": 86400, "week": 604800}

// run makes a run of samples.
func (p *parser) run(n, every, rest string) error {
	if p.s.columns == nil {
		return fmt.Errorf("no columns stand above the samples, want a line such as: time,backlog")
	}
	many, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	step, err := time.ParseDuration(every)
	if err != nil || step <= 0 {
		return fmt.Errorf("every %q, want a duration such as 60s or 1h30m", every)
	}
	courses, err := p.courses(rest)
	if err != nil {
		return err
	}
	for i := range many {
		at := p.s.start
		if len(p.s.rows) > 0 {
			at = p.last().Add(step)
		}
		p.s.rows = append(p.s.rows, row{at, p.next(courses, i, step.Seconds())})
	}
	return nil
}

// courses reads how each of the columns goes on.
func (p *parser) courses(rest string) ([]course, error) {
	courses := make([]course, len(p.current))
	for _, part := range strings.Split(rest, ",") {
		words := strings.Fields(part)
		if len(words) < 2 {
			return nil, fmt.Errorf("%q, want a column and how it goes on, such as: backlog -20/s ±5", strings.TrimSpace(part))
		}
		i := slices.Index(p.s.columns, words[0])
		if i < 0 || courses[i].given {
			return nil, fmt.Errorf("%q, want a column of those above, once", words[0])
		}
		c := &courses[i]
		c.given = true
		for _, w := range words[1:] {
			if err := c.read(w, p.s.columns[i], p.current[i].kind); err != nil {
				return nil, err
			}
		}
		switch {
		case c.noise > 0 && p.rng == nil:
			return nil, fmt.Errorf("±%v without a seed, want a line such as: seed 1", c.noise)
		case !c.rated && !c.follows && len(c.values) == 0, c.rated && (len(c.values) > 1 || len(c.values) == 1 && p.current[i].kind == count), c.follows && (c.rated || len(c.values) > 0 || c.noise > 0):
			return nil, fmt.Errorf("%q, want values, or a rate, or follows", strings.TrimSpace(part))
		}
	}
	return courses, nil
}

// read takes one word.
func (c *course) read(w, column string, k kind) error {
	if w == "follows" && column == "backlog" {
		c.follows = true
		return nil
	}
	if e, ok := strings.CutPrefix(w, "±"); ok {
		x, err := drain.ParseEstimate(e)
		if err != nil {
			return err
		}
		c.noise = x.Value()
		return nil
	}
	number, per, rated := strings.Cut(w, "/")
	x, err := drain.ParseEstimate(number)
	seconds := units[per]
	switch {
	case err != nil:
		return err
	case !rated:
		c.values = append(c.values, x.Value())
		return nil
	case seconds == 0 || k == rate || c.rated:
		return fmt.Errorf("%q, want one rate such as -20/s, 1/min or 1/week, and none for a column of rates", w)
	}
	c.rate, c.rated = x.Value()/seconds, true
	return nil
}

// next returns the fields of sample number i of a run, dt seconds after the one above.
func (p *parser) next(courses []course, i int, dt float64) []string {
	items := make([]float64, len(courses)) // that came or went in the interval
	for k, c := range courses {
		if c.given && !c.follows {
			items[k] = p.advance(k, c, i, dt)
		}
	}
	for k, c := range courses {
		if c.follows {
			p.follow(courses, items, k)
		}
	}
	fields := make([]string, len(courses))
	for k, c := range courses {
		if !c.given {
			continue
		}
		x := p.current[k].value
		switch p.current[k].kind {
		case count:
			x = items[k]
		case rate:
			x = items[k] / dt
		default:
			x = math.Round(x)
		}
		fields[k] = strconv.FormatFloat(x, 'f', -1, 64)
	}
	return fields
}

// advance moves a column on by one sample and returns the items that this means, for a flow.
func (p *parser) advance(k int, c course, i int, dt float64) float64 {
	off := 0.0
	if c.noise > 0 {
		off = c.noise * p.rng.NormFloat64()
	}
	now := &p.current[k]
	before := now.value
	switch {
	case now.kind == count && c.rated:
		return math.Max(0, math.Round((c.rate+off)*dt))
	case now.kind == count:
		return math.Max(0, math.Round(c.values[i%len(c.values)]+off))
	case now.kind == rate:
		return dt * math.Max(0, c.values[i%len(c.values)]+off)
	case !c.rated:
		now.value = math.Max(0, c.values[i%len(c.values)]+off)
	case i == 0 && len(c.values) > 0:
		now.value = c.values[0]
	default:
		now.value = math.Max(0, before+(c.rate+off)*dt)
	}
	return now.value - before
}

// follow sets the backlog, column k, to what the flows make of it, and lets no more leave than there is.
func (p *parser) follow(courses []course, items []float64, k int) {
	backlog := &p.current[k].value
	for j, name := range p.s.columns {
		if courses[j].given && strings.HasPrefix(name, "inflow") {
			*backlog += items[j]
		}
	}
	for j, name := range p.s.columns {
		if courses[j].given && strings.HasPrefix(name, "outflow") {
			missing := math.Max(0, items[j]-*backlog)
			items[j] -= missing
			p.current[j].value -= missing // a total; nothing else has a value
			*backlog -= items[j]
		}
	}
}
