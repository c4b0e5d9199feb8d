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

// expectation is what one line expects.
type expectation struct {
	line    int
	text    string // as it stands there
	subject string // text, states, coverage, swing or a field
	since   string // name of an answer, for what is expected of many
	op      string // =, <, <=, >, >=, contain, lack, covers
	words   []string
	want    operand
	within  float64 // ±
	percent bool    // ± is a share of what is wanted
}

// operand is the right side of a comparison: one of these.
type operand struct {
	number float64 // NaN: something else
	word   string
	name   string // @name
	truth  bool
}

// The words for null.
const (
	never   = "never"
	unknown = "unknown"
)

// reasons are all that a prediction can give, so that none that is misspelt is found to be missing as expected.
var reasons = append(drain.Problems(), drain.FewSamples, drain.Stale, drain.FlowsUnknown, drain.NothingLeaves, drain.NoTrend, drain.NetNegative, drain.RateChanged,
	drain.RateVaried, drain.MayNotClear, drain.LeavesUnmeasured, drain.EntersUnmeasured, drain.BacklogInferred, drain.FlowsFromDelay, drain.DelayDisagrees,
	drain.JumpUnconfirmed, drain.CountingOnly, drain.SamplesRejected, drain.SamplesRepaired)

// expectation reads what stands behind the word expect.
func (p *parser) expectation(rest string) (expectation, error) {
	e := expectation{line: p.at.n, text: rest, op: "=", want: operand{number: math.NaN()}}
	words, err := fields(rest)
	if err != nil {
		return e, err
	}
	if len(words) < 2 {
		return e, fmt.Errorf("%q, want a field and what is expected of it", rest)
	}
	e.subject, words = words[0], words[1:]
	if e.many() && words[0] == "since" && len(words) > 2 {
		e.since, words = words[1], words[2:]
		if p.named(e.since) == nil {
			return e, fmt.Errorf("since %s, want the name of a question above", e.since)
		}
	}
	if e.many() && e.subject != "states" && p.s.truth.IsZero() {
		return e, fmt.Errorf("%s without a truth, want a line such as: truth 2026-03-29T08:00:00Z", e.subject)
	}
	switch words[0] {
	case "<", "<=", ">", ">=", "covers", "contain", "lack":
		e.op, words = words[0], words[1:]
	case "contains", "lacks":
		e.op, words = strings.TrimSuffix(words[0], "s"), words[1:]
	}
	if e.subject == "states" || e.op == "contain" || e.op == "lack" {
		e.words = words
		return e, e.checkWords()
	}
	if n := len(words); n == 3 && words[1] == "±" || n == 2 && strings.HasPrefix(words[1], "±") {
		if err := e.tolerance(strings.TrimPrefix(words[n-1], "±")); err != nil {
			return e, err
		}
		words = words[:1]
	}
	if len(words) != 1 {
		return e, fmt.Errorf("%q, want one value, and ± with a number where it need not be exact", strings.Join(words, " "))
	}
	return e, e.operand(words[0], p)
}

// many reports whether it is about the answers that are given as the samples come in.
func (e *expectation) many() bool {
	return slices.Contains([]string{"states", "coverage", "swing"}, e.subject)
}

// fields cuts at spaces outside quotes, which are kept.
func fields(s string) ([]string, error) {
	var words []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexByte(s, ' ')
		if s[0] == '"' {
			end = strings.IndexByte(s[1:], '"') + 2
			if end < 2 {
				return nil, fmt.Errorf("%s, want a second quote", s)
			}
		}
		if end < 0 {
			end = len(s)
		}
		words, s = append(words, s[:end]), s[end:]
	}
	return words, nil
}

func (e *expectation) checkWords() error {
	if len(e.words) == 0 {
		return fmt.Errorf("%q, want a word behind it", e.text)
	}
	for i, w := range e.words {
		switch quoted, isQuoted := strings.CutPrefix(w, `"`); {
		case e.subject == "states" && !slices.Contains(drain.States(), drain.State(w)):
			return fmt.Errorf("%q is no state", w)
		case e.subject == "reasons" && !slices.Contains(reasons, drain.Reason(w)):
			return fmt.Errorf("%q is no reason", w)
		case isQuoted:
			e.words[i] = strings.TrimSuffix(quoted, `"`)
		}
	}
	return nil
}

func (e *expectation) tolerance(s string) error {
	if d, err := time.ParseDuration(s); err == nil {
		e.within = d.Seconds()
		return nil
	}
	number, percent := strings.CutSuffix(s, "%")
	x, err := drain.ParseEstimate(number)
	e.within, e.percent = x.Value(), percent
	if percent {
		e.within /= 100
	}
	return err
}

func (e *expectation) operand(w string, p *parser) error {
	if name, ok := strings.CutPrefix(w, "@"); ok {
		e.want.name = name
		if p.named(name) == nil || e.op == "covers" {
			return fmt.Errorf("@%s, want the name of a question above, and not behind covers", name)
		}
		return nil
	}
	if w == "truth" {
		e.want.truth = true
		if p.s.truth.IsZero() {
			return fmt.Errorf("truth is not told above, want a line such as: truth 2026-03-29T08:00:00Z")
		}
		return nil
	}
	if e.subject == "text" {
		e.want.word = strings.Trim(w, `"`)
		return nil
	}
	if e.subject == "state" && !slices.Contains(drain.States(), drain.State(w)) {
		return fmt.Errorf("%q is no state", w)
	}
	if t, err := time.Parse(time.RFC3339Nano, w); err == nil {
		e.want.number = instant(t)
		return nil
	}
	if x, err := drain.ParseEstimate(w); err == nil && e.subject != "queue" {
		e.want.number = x.Value()
		return nil
	}
	e.want.word = strings.Trim(w, `"`)
	if e.op != "=" || e.within != 0 {
		return fmt.Errorf("%q, want a number", w)
	}
	return nil
}

// instant is a clock time as a number.
func instant(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// check returns what was found instead, or nothing where all is as expected.
func (e expectation) check(got answer, others map[string]answer, s *Scenario, steps func() ([]step, error)) string {
	switch {
	case e.many():
		all, err := steps()
		if err != nil {
			return err.Error()
		}
		if from, ok := others[e.since]; ok {
			all = slices.DeleteFunc(slices.Clone(all), func(x step) bool { return !x.asOf.After(from.asOf) })
		}
		return e.checkSteps(all, s.truth)
	case e.op == "contain" || e.op == "lack":
		return e.checkWordsIn(got)
	case e.op == "covers":
		want, _ := e.resolve(e.subject+".lower_seconds", got, others, s)
		lower, _ := got.number(e.subject + ".lower_seconds")
		upper, _ := got.number(e.subject + ".upper_seconds")
		if lower <= want && want <= upper {
			return ""
		}
		return fmt.Sprintf("%s – %s, want %s within", format(lower), format(upper), format(want))
	}
	if e.subject == "text" {
		if got.text == e.want.word {
			return ""
		}
		return strconv.Quote(got.text)
	}
	x, isNumber := got.number(e.subject)
	if !isNumber {
		word, known := got.word(e.subject)
		switch {
		case !known:
			return "no such field"
		case word == e.want.word && math.IsNaN(e.want.number) && e.want.name == "" && !e.want.truth:
			return ""
		}
		return strconv.Quote(word)
	}
	switch e.want.word {
	case "":
	case never:
		if math.IsInf(x, 1) {
			return ""
		}
		return format(x)
	case unknown:
		if math.IsNaN(x) {
			return ""
		}
		return format(x)
	default:
		return format(x)
	}
	want, ok := e.resolve(e.subject, got, others, s)
	within := e.within
	if e.percent {
		within *= math.Abs(want)
	}
	if ok && compare(e.op, x, want, within) {
		return ""
	}
	if strings.HasSuffix(e.subject, "_time") || e.subject == "as_of" || e.subject == "since" || !math.IsNaN(e.want.number) {
		return got.show(e.subject, x)
	}
	return fmt.Sprintf("%s, want %s", got.show(e.subject, x), format(want))
}

// compare compares; what is unknown compares with nothing.
func compare(op string, x, want, within float64) bool {
	switch op {
	case "<":
		return x < want
	case "<=":
		return x <= want+within
	case ">":
		return x > want
	case ">=":
		return x >= want-within
	}
	return x == want || math.Abs(x-want) <= within
}

// resolve returns the number that is wanted of a field.
func (e expectation) resolve(field string, got answer, others map[string]answer, s *Scenario) (float64, bool) {
	switch {
	case e.want.name != "":
		return others[e.want.name].number(field)
	case e.want.truth && strings.HasSuffix(field, "_seconds"):
		return s.truth.Sub(got.asOf).Seconds(), true
	case e.want.truth:
		return instant(s.truth), true
	}
	return e.want.number, true
}

// checkWordsIn holds the words against the line of text, or a list of the JSON form.
func (e expectation) checkWordsIn(got answer) string {
	in := func(w string) bool { return strings.Contains(got.text, w) }
	found := strconv.Quote(got.text)
	if e.subject != "text" {
		list, ok := got.list(e.subject)
		if !ok {
			return "no such list"
		}
		found = strconv.Quote(strings.Join(list, ", "))
		in = func(w string) bool { return slices.Contains(list, w) }
		if e.subject == "warnings" {
			in = func(w string) bool {
				return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, w) })
			}
		}
	}
	for _, w := range e.words {
		if in(w) != (e.op == "contain") {
			return found
		}
	}
	return ""
}

// step is one of the answers that are given as the samples come in.
type step struct {
	asOf                 time.Time
	state                string
	median, lower, upper float64
}

// checkSteps holds what is expected of many answers.
func (e expectation) checkSteps(all []step, truth time.Time) string {
	if len(all) == 0 {
		return "no answers"
	}
	if e.subject == "states" {
		var states []string
		for _, x := range all {
			if len(states) == 0 || states[len(states)-1] != x.state {
				states = append(states, x.state)
			}
		}
		if e.op == "=" && slices.Equal(states, e.words) || e.op != "=" && slices.ContainsFunc(e.words, func(w string) bool { return slices.Contains(states, w) }) == (e.op == "contain") {
			return ""
		}
		return strings.Join(states, " ")
	}
	held, least, most := 0.0, math.Inf(1), 0.0
	var first, last time.Time // of the largest and the smallest ratio
	for _, x := range all {
		left := truth.Sub(x.asOf).Seconds()
		if x.lower <= left && left <= x.upper {
			held++
		}
		ratio := x.median / left
		if math.IsNaN(ratio) {
			ratio = math.Inf(1)
		}
		if ratio > most {
			most, first = ratio, x.asOf
		}
		if ratio < least {
			least, last = ratio, x.asOf
		}
	}
	x := held / float64(len(all))
	found := fmt.Sprintf("%s of %d answers", format(x), len(all))
	if e.subject == "swing" {
		x = most / least
		found = fmt.Sprintf("%s: %.4g of the true time at %s, %.4g at %s", format(x), most, first.Format(time.RFC3339), least, last.Format(time.RFC3339))
	}
	if compare(e.op, x, e.want.number, e.within) {
		return ""
	}
	return found
}

// format writes a number as expectations have it.
func format(x float64) string {
	switch {
	case math.IsNaN(x):
		return unknown
	case math.IsInf(x, 1):
		return never
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
