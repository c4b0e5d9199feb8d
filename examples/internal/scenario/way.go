package scenario

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/postsack/backlog/drain"
)

// Failure is an expectation that does not hold.
type Failure struct {
	File string
	Line int
	// Expect is what was expected, as it stands in the file, and Found what was there.
	Expect, Found string
	// Through is the way of asking, such as "the library".
	Through string
}

// Error returns "file:line: expect …: found … (through …)".
func (f Failure) Error() string {
	return fmt.Sprintf("%s:%d: expect %s: found %s (through %s)", f.File, f.Line, f.Expect, f.Found, f.Through)
}

// Way is a way of asking: Library or Program.
type Way interface {
	// Name is that in failures.
	Name() string
	ask(s *Scenario, a *ask) (answer, error)
	// follow asks after each sample above the question.
	follow(s *Scenario, a *ask) ([]step, error)
	// complaints are the errors of samples that cannot be used; more says that there were others, which are not among them.
	complaints(s *Scenario, a *ask) (lines []string, more bool)
}

// Check asks every question in one way and returns what does not hold.
func (s *Scenario) Check(w Way) []Failure {
	var failures []Failure
	fail := func(line int, expect, found string) {
		failures = append(failures, Failure{s.File, line, expect, found, w.Name()})
	}
	named := map[string]answer{}
	for _, a := range s.asks {
		got, err := w.ask(s, a)
		if err != nil {
			fail(a.line, "an answer", err.Error())
			continue
		}
		for _, found := range got.wrong() {
			fail(a.line, "a possible answer", found)
		}
		steps := sync.OnceValues(func() ([]step, error) { return w.follow(s, a) })
		for _, e := range a.expects {
			if found := e.check(got, named, s, steps); found != "" {
				fail(e.line, e.text, found)
			}
		}
		if a.name != "" {
			named[a.name] = got
		}
	}
	return failures
}

// Compare asks every question in two ways and returns where the answers differ.
func (s *Scenario) Compare(one, two Way) []Failure {
	var failures []Failure
	for _, a := range s.asks {
		x, err := one.ask(s, a)
		y, err2 := two.ask(s, a)
		if err = errors.Join(err, err2); err != nil {
			failures = append(failures, Failure{s.File, a.line, "two answers", err.Error(), one.Name() + " and " + two.Name()})
			continue
		}
		differ := func(what, found string) {
			failures = append(failures, Failure{s.File, a.line, what + " as through " + one.Name(), found, two.Name()})
		}
		if !reflect.DeepEqual(x.tree, y.tree) {
			differ("JSON", difference(x.tree, y.tree))
		}
		if x.text != y.text {
			differ("text", difference(x.text, y.text))
		}
		all, _ := one.complaints(s, a)
		listed, more := two.complaints(s, a)
		for _, l := range listed { // in the same order, and all, unless the way says that there are more
			for len(all) > 0 && all[0] != l && more {
				all = all[1:]
			}
			if len(all) == 0 || all[0] != l {
				differ("errors of samples", fmt.Sprintf("%q", l))
				all, more = nil, true
				break
			}
			all = all[1:]
		}
		if len(all) > 0 && !more {
			differ("errors of samples", fmt.Sprintf("none for %q", all[0]))
		}
	}
	return failures
}

// difference says where two values differ first.
func difference(x, y any) string {
	if a, ok := x.(map[string]any); ok {
		if b, ok := y.(map[string]any); ok {
			for _, k := range slices.Sorted(maps.Keys(a)) {
				if !reflect.DeepEqual(a[k], b[k]) {
					return k + ": " + difference(a[k], b[k])
				}
			}
		}
	}
	return fmt.Sprintf("%v, want %v", y, x)
}

// Library returns the way through drain.Estimator and drain.Numbers.
func Library() Way { return library{} }

type library struct{}

func (library) Name() string { return "the library" }

// set sets a column of a sample.
var set = map[string]func(s *drain.Sample, x float64){
	"backlog":            func(s *drain.Sample, x float64) { s.Backlog = drain.Items(x) },
	"delay_seconds":      func(s *drain.Sample, x float64) { s.Delay = drain.Seconds(x) },
	"inflow":             func(s *drain.Sample, x float64) { s.Inflow = drain.Count(x) },
	"outflow":            func(s *drain.Sample, x float64) { s.Outflow = drain.Count(x) },
	"inflow_total":       func(s *drain.Sample, x float64) { s.Inflow = drain.Total(x) },
	"outflow_total":      func(s *drain.Sample, x float64) { s.Outflow = drain.Total(x) },
	"inflow_per_second":  func(s *drain.Sample, x float64) { s.Inflow = drain.PerSecond(x) },
	"outflow_per_second": func(s *drain.Sample, x float64) { s.Outflow = drain.PerSecond(x) },
}

func (s *Scenario) sample(r row) drain.Sample {
	x := drain.Sample{Time: r.at}
	for i, f := range r.fields {
		if f != "" {
			n, _ := strconv.ParseFloat(f, 64) // the parser saw to it
			set[s.columns[i]](&x, n)
		}
	}
	return x
}

// observe feeds the samples that the question may look at, and calls seen after each that was used.
func (s *Scenario) observe(a *ask, seen func(*drain.Estimator, drain.Sample) error) (est *drain.Estimator, complaints []string, err error) {
	est = drain.NewEstimator()
	for _, r := range s.rows[:a.rows] {
		if !a.now.IsZero() && r.at.After(a.now) {
			break
		}
		x := s.sample(r)
		if err := est.Observe(x); err != nil {
			complaints = append(complaints, strings.TrimPrefix(err.Error(), "drain: "))
			var rejection *drain.Rejection
			if !errors.As(err, &rejection) {
				return nil, nil, err
			}
			if !rejection.Partial {
				continue
			}
		}
		if seen != nil {
			if err := seen(est, x); err != nil {
				return nil, nil, err
			}
		}
	}
	return est, complaints, nil
}

// question returns the question without any times.
func (a *ask) question() (drain.Question, error) {
	q := drain.Question{Level: a.level}
	if a.target != "" {
		e, err := drain.ParseEstimate(a.target)
		if err != nil {
			return q, err
		}
		q.Target = e.Value()
	}
	return q, nil
}

// predict asks with the flags of the question, as of now or, where that is unset, of the last sample.
func (a *ask) predict(now time.Time, predict func(drain.Question) (drain.Prediction, error)) (drain.Prediction, error) {
	q, err := a.question()
	if err != nil {
		return drain.Prediction{}, err
	}
	if now.IsZero() { // clock times are in the zone of At
		p, err := predict(q)
		if err != nil || p.AsOf.IsZero() {
			return p, err
		}
		now = p.AsOf
	}
	q.At = now.In(a.zone)
	for _, d := range a.deadlines {
		t, err := time.Parse(time.RFC3339, d)
		if err != nil {
			after, err := time.ParseDuration(d)
			if err != nil {
				return drain.Prediction{}, err
			}
			t = now.Add(after)
		}
		q.Deadlines = append(q.Deadlines, t.In(a.zone))
	}
	return predict(q)
}

func (library) ask(s *Scenario, a *ask) (answer, error) {
	var predict func(drain.Question) (drain.Prediction, error)
	if s.numbers != nil {
		var n drain.Numbers
		for name, to := range map[string]*drain.Estimate{"backlog": &n.Backlog, "net": &n.Net, "in": &n.Inflow, "out": &n.Outflow} {
			if text, given := s.numbers[name]; given {
				var err error
				if *to, err = drain.ParseEstimate(text); err != nil {
					return answer{}, err
				}
			}
		}
		predict = n.Predict
	} else {
		est, _, err := s.observe(a, nil)
		if err != nil {
			return answer{}, err
		}
		predict = est.Predict
	}
	p, err := a.predict(a.now, predict)
	if err != nil {
		return answer{}, err
	}
	form, err := json.Marshal(p)
	if err != nil {
		return answer{}, err
	}
	t, c := p.TimeToClear, p.CurrentBacklog
	return newAnswer(form, p.String(), map[string]float64{
		"backlog": p.Backlog, "target": p.Target, "inflow_per_second": p.Inflow, "outflow_per_second": p.Outflow, "net_drain_per_second": p.NetDrain,
		"level": t.Level, "median_seconds": t.Median, "lower_seconds": t.Lower, "upper_seconds": t.Upper,
		"current_backlog_median_seconds": c.Median, "current_backlog_lower_seconds": c.Lower, "current_backlog_upper_seconds": c.Upper,
		"delay_oldest_seconds": p.Delay.Oldest.Median, "delay_newest_seconds": p.Delay.Newest.Median,
		"never_probability": p.Never, "horizon_seconds": p.Horizon,
	})
}

func (library) follow(s *Scenario, a *ask) ([]step, error) {
	var steps []step
	var shown time.Time // the last sample with a backlog that was answered for; it may have been worked out from flows
	q, err := a.question()
	if err != nil {
		return nil, err
	}
	all := *a
	all.now = time.Time{}
	_, _, err = s.observe(&all, func(est *drain.Estimator, x drain.Sample) error {
		p, err := est.Predict(q)
		if err == nil && p.Samples > 0 && (x.Backlog.Known() || p.LastSample.After(shown)) {
			t := p.TimeToClear
			steps = append(steps, step{p.AsOf, string(p.State), t.Median, t.Lower, t.Upper})
			shown = p.LastSample
		}
		return err
	})
	return steps, err
}

func (library) complaints(s *Scenario, a *ask) ([]string, bool) {
	_, complaints, _ := s.observe(a, nil)
	return complaints, false
}

// Program returns the way through eta: a function that runs it, with its arguments and standard input.
func Program(eta func(args []string, stdin string) (stdout, stderr string, status int)) Way {
	return program{eta}
}

type program struct {
	eta func(args []string, stdin string) (stdout, stderr string, status int)
}

func (program) Name() string { return "the program" }

// run runs the program and returns what it writes.
func (w program) run(s *Scenario, a *ask, args ...string) (stdout, stderr string, err error) {
	args = append(args, "-tz", a.zone.String(), "-level", strconv.FormatFloat(a.level, 'g', -1, 64))
	if a.target != "" {
		args = append(args, "-target", a.target)
	}
	if !a.now.IsZero() && !slices.Contains(args, "-follow") {
		args = append(args, "-now", a.now.Format(time.RFC3339Nano))
	}
	for _, d := range a.deadlines {
		args = append(args, "-deadline", d)
	}
	for name, value := range s.numbers {
		args = append(args, "-"+name, value)
	}
	in := &strings.Builder{}
	if s.numbers == nil {
		args = append(args, "-")
		fmt.Fprintln(in, "time,"+strings.Join(s.columns, ","))
		for _, r := range s.rows[:a.rows] {
			fmt.Fprintln(in, r.at.Format(time.RFC3339Nano)+","+strings.Join(r.fields, ","))
		}
	}
	stdout, stderr, status := w.eta(args, in.String())
	if status != 0 {
		return stdout, stderr, fmt.Errorf("exit status %d of eta %s: %s", status, strings.Join(args, " "), stderr)
	}
	return stdout, stderr, nil
}

func (w program) ask(s *Scenario, a *ask) (answer, error) {
	form, _, err := w.run(s, a, "-format", "json")
	if err != nil {
		return answer{}, err
	}
	text, _, err := w.run(s, a, "-format", "text")
	if err != nil {
		return answer{}, err
	}
	table, _, err := w.run(s, a, "-format", "csv")
	if err != nil {
		return answer{}, err
	}
	records, err := read(table)
	if err != nil {
		return answer{}, err
	}
	numbers := map[string]float64{}
	for _, column := range columns {
		if numbers[column], err = records[0].number(column); err != nil {
			return answer{}, err
		}
	}
	return newAnswer([]byte(form), text, numbers)
}

func (w program) follow(s *Scenario, a *ask) ([]step, error) {
	table, _, err := w.run(s, a, "-format", "csv", "-follow")
	if err != nil {
		return nil, err
	}
	records, err := read(table)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, r := range records {
		x := step{state: r["state"]}
		var errs [4]error
		x.asOf, errs[0] = time.Parse(time.RFC3339Nano, r["as_of"])
		x.median, errs[1] = r.number("median_seconds")
		x.lower, errs[2] = r.number("lower_seconds")
		x.upper, errs[3] = r.number("upper_seconds")
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		steps = append(steps, x)
	}
	return steps, nil
}

// complaints are the lines on standard error without the place of the sample.
func (w program) complaints(s *Scenario, a *ask) (lines []string, more bool) {
	_, stderr, err := w.run(s, a, "-format", "json")
	if err != nil {
		return []string{err.Error()}, false
	}
	for l := range strings.Lines(stderr) {
		l = strings.TrimSpace(l)
		if strings.Contains(l, ", and more such: ") {
			more = true
			continue
		}
		if parts := strings.SplitN(l, ":", 4); len(parts) == 4 { // eta: standard input:23: sample rejected: …
			l = strings.TrimSpace(parts[3])
		}
		lines = append(lines, l)
	}
	return lines, more
}

// record is a line of CSV by its columns.
type record map[string]string

func read(table string) ([]record, error) {
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("CSV: %w", err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("CSV %q, want a header and an answer", table)
	}
	var records []record
	for _, l := range lines[1:] {
		r := record{}
		for i, column := range lines[0] {
			r[column] = l[i]
		}
		records = append(records, r)
	}
	return records, nil
}

// number reads a column: nothing is unknown, inf is never.
func (r record) number(column string) (float64, error) {
	text, ok := r[column]
	switch {
	case !ok:
		return 0, fmt.Errorf("CSV without column %s", column)
	case text == "":
		return math.NaN(), nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("CSV column %s: %w", column, err)
	}
	return x, nil
}
