package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
)

// answer is what was said to one question.
type answer struct {
	asOf time.Time
	text string         // the line that answers
	tree map[string]any // the JSON form
	// numbers are by the columns of the CSV form, which tells never (+Inf) from unknown (NaN), where JSON has null for both.
	numbers map[string]float64
}

func newAnswer(form []byte, text string, numbers map[string]float64) (answer, error) {
	a := answer{numbers: numbers}
	if err := json.Unmarshal(form, &a.tree); err != nil {
		return a, fmt.Errorf("JSON %q: %w", form, err)
	}
	a.text, _, _ = strings.Cut(text, "\n")
	if x, ok := a.tree["as_of"].(string); ok {
		var err error
		if a.asOf, err = time.Parse(time.RFC3339Nano, x); err != nil {
			return a, err
		}
	}
	return a, nil
}

// columns are those of the CSV form that are fields of the JSON form too.
var columns = map[string]string{
	"backlog": "backlog", "target": "target", "inflow_per_second": "inflow_per_second", "outflow_per_second": "outflow_per_second",
	"net_drain_per_second": "net_drain_per_second", "time_to_clear.level": "level",
	"time_to_clear.median_seconds": "median_seconds", "time_to_clear.lower_seconds": "lower_seconds", "time_to_clear.upper_seconds": "upper_seconds",
	"current_backlog.median_seconds": "current_backlog_median_seconds", "current_backlog.lower_seconds": "current_backlog_lower_seconds",
	"current_backlog.upper_seconds": "current_backlog_upper_seconds", "delay.oldest_seconds": "delay_oldest_seconds", "delay.newest_seconds": "delay_newest_seconds",
	"never_probability": "never_probability", "horizon_seconds": "horizon_seconds",
}

// find returns a field of the JSON form; of a list by its number, the first being 1.
func (a answer) find(field string) (any, bool) {
	var x any = a.tree
	for _, name := range strings.Split(field, ".") {
		switch y := x.(type) {
		case map[string]any:
			var ok bool
			if x, ok = y[name]; !ok {
				none := field == "counts.rejected."+name || field == "counts.repaired."+name
				return 0.0, none && slices.Contains(drain.Problems(), drain.Reason(name))
			}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 1 || i > len(y) {
				return nil, false
			}
			x = y[i-1]
		default:
			return nil, false
		}
	}
	return x, true
}

// number returns a field as a number: of a clock time its instant, of null +Inf for never and NaN for unknown; false where it is none of these.
func (a answer) number(field string) (float64, bool) {
	x, ok := a.find(field)
	if !ok {
		return math.NaN(), false
	}
	switch x := x.(type) {
	case float64:
		return x, true
	case string:
		t, err := time.Parse(time.RFC3339Nano, x)
		return instant(t), err == nil
	case nil:
		seconds := strings.Replace(field, "_time", "_seconds", 1) // what is never has no clock time
		if n := a.numbers[columns[seconds]]; math.IsInf(n, 1) {
			return n, true
		}
		return math.NaN(), true
	}
	return math.NaN(), false
}

// word returns a field that is a word.
func (a answer) word(field string) (string, bool) {
	x, _ := a.find(field)
	s, ok := x.(string)
	return s, ok
}

// list returns a field that is a list of words.
func (a answer) list(field string) ([]string, bool) {
	x, _ := a.find(field)
	items, ok := x.([]any)
	var words []string
	for _, x := range items {
		words = append(words, fmt.Sprint(x))
	}
	return words, ok
}

// show writes a number as the field has it, a clock time where it is one.
func (a answer) show(field string, x float64) string {
	if _, isTime := a.word(field); isTime && !math.IsInf(x, 0) && !math.IsNaN(x) {
		whole, frac := math.Modf(x)
		return time.Unix(int64(whole), int64(math.Round(frac*1e3))*1e6).UTC().Format(time.RFC3339Nano)
	}
	return format(x)
}

// unreadable is what no line for people may have; a minus before a digit is a negative number, unless it stands in a date or an exponent.
var unreadable = regexp.MustCompile(`NaN|[Ii]nf|(^|[^0-9e])-[0-9]`)

// wrong returns what no answer may be, whatever is expected of it.
func (a answer) wrong() []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if unreadable.MatchString(a.text) {
		say("text %q has a negative number, or one that is none", a.text)
	}
	positive("", a.tree, say)
	for _, field := range slices.Sorted(maps.Keys(columns)) {
		x, known := a.number(field)
		if n, given := a.numbers[columns[field]]; !known || !given {
			say("%s is missing", field)
		} else if n != x && !(math.IsNaN(n) && math.IsNaN(x)) {
			say("%s is %s in JSON, %s in CSV", field, format(x), format(n))
		}
	}
	for _, b := range []string{"time_to_clear", "current_backlog"} {
		lower, _ := a.number(b + ".lower_seconds")
		median, _ := a.number(b + ".median_seconds")
		upper, _ := a.number(b + ".upper_seconds")
		if !(lower <= median && median <= upper) && !(math.IsNaN(lower) && math.IsNaN(median) && math.IsNaN(upper)) {
			say("%s is %s, %s, %s, want them in order", b, format(lower), format(median), format(upper))
		}
	}
	quantiles, _ := a.find("time_to_clear.quantiles")
	list, _ := quantiles.([]any)
	last := 0.0
	for i, x := range list {
		q := math.Inf(1) // behind null only null may come
		if s, ok := x.(map[string]any)["seconds"].(float64); ok {
			q = s
		}
		if q < last {
			say("quantile %d is %s and stands behind %s", i+1, format(q), format(last))
		}
		last = q
	}
	return found
}

// positive holds that no time and no probability is negative, and no probability above 1.
func positive(name string, x any, say func(string, ...any)) {
	switch x := x.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			positive(k, x[k], say)
		}
	case []any:
		for _, y := range x {
			positive(name, y, say)
		}
	case float64:
		probability := strings.HasSuffix(name, "probability")
		if x < 0 && (probability || strings.HasSuffix(name, "seconds")) || x > 1 && probability {
			say("%s is %s", name, format(x))
		}
	}
}
