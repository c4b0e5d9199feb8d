package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/metrics"
)

// writer writes one prediction after the other.
type writer interface {
	write(p drain.Prediction) error
}

// needer is a writer that also tells what it takes to be done in time.
type needer interface{ needs([]drain.Answer) }

// writers makes the writer of each format; follow says that many predictions are to come.
var writers = map[string]func(o options, out io.Writer) writer{
	"text":       func(o options, out io.Writer) writer { return &textWriter{out: out, line: o.follow} },
	"json":       func(o options, out io.Writer) writer { return &jsonWriter{out: out, line: o.follow} },
	"csv":        func(o options, out io.Writer) writer { return &csvWriter{out: csv.NewWriter(out)} },
	"prometheus": func(o options, out io.Writer) writer { return metricsWriter{out} },
}

func formats() []string { return []string{"text", "json", "csv", "prometheus"} }

func newWriter(o options, out io.Writer) writer { return writers[o.format](o, out) }

// textWriter writes the line that answers and, unless many are to come, a table of what there is to know besides.
type textWriter struct {
	out     io.Writer
	line    bool
	answers []drain.Answer
}

func (w *textWriter) needs(a []drain.Answer) { w.answers = a }

func (w *textWriter) write(p drain.Prediction) error {
	if w.line {
		line := p.String()
		for _, d := range p.Deadlines {
			line += fmt.Sprintf("; by %s: %s", deadlineClock(p, d), drain.FormatProbability(d.Probability))
		}
		_, err := fmt.Fprintln(w.out, line)
		return err
	}
	b := &strings.Builder{}
	fmt.Fprintln(b, p)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %s%s %s\n", name, strings.Repeat(" ", max(0, 16-utf8.RuneCountInString(name))), fmt.Sprintf(format, args...))
	}
	if !math.IsNaN(p.TimeToClear.Median) && p.State != drain.Cleared {
		row("time to clear", "%s, P(never) %s", span(p.TimeToClear), drain.FormatProbability(p.Never))
	}
	switch b := p.CurrentBacklog; {
	case math.IsInf(b.Lower, 1):
		row("current backlog", "never served at this rate")
	case !math.IsNaN(b.Median):
		row("current backlog", "served in %s", span(b))
	}
	if d := p.Delay; !math.IsNaN(d.Oldest.Median) || !math.IsNaN(d.Newest.Median) {
		row("delay", "%s of the item served now, %s of one that arrives now", d.Oldest, d.Newest)
	}
	if !math.IsNaN(p.NetDrain) {
		row("flow", "in %s, out %s, net drain %s", drain.FormatRate(p.Inflow), drain.FormatRate(p.Outflow), drain.FormatRate(p.NetDrain))
	}
	if s := p.Change(); s != "" {
		row("rate", "%s", s)
	}
	if p.Samples > 0 && !math.IsNaN(p.Evidence.NetPositive) {
		e := "P(net drain > 0) " + drain.FormatProbability(p.Evidence.NetPositive)
		if since := p.Evidence.SinceOutflow; !math.IsNaN(since) {
			e += ", last outflow " + drain.FormatDuration(since, 0) + " ago"
		}
		if p.Evidence.Age > 0 {
			e += ", last sample " + drain.FormatDuration(p.Evidence.Age, 0) + " old"
		}
		row("evidence", "%s", e)
	}
	if e := p.Effects; e.Tipping.Known() {
		row("tipping point", "%s: above it the queue grows by itself; P(above) %s", drain.FormatItems(math.Round(e.Tipping.Value())), drain.FormatProbability(e.AboveTipping))
		if e.NeededOutflow > 0 {
			row("", "more than %s more outflow brings it below", drain.FormatRate(e.NeededOutflow))
		}
	}
	if e := p.Effects; e.Settles.Known() {
		row("settles", "near %s, in %s", drain.FormatItems(math.Round(e.Settles.Value())), e.SettlesIn)
	}
	if e := p.Effects; e.Expire.Median > 0 {
		row("expiry", "%s expire unserved; with that cleared in %s", drain.FormatItems(math.Round(e.Expire.Median)), e.ClearWithExpiry)
	}
	if s := p.Basis(); s != "" {
		row("rests on", "%s", s)
	}
	if p.Record.Predictions > 0 {
		row("record", "%s", p.Record)
	}
	for _, d := range p.Deadlines {
		row("by "+deadlineClock(p, d), "cleared with probability %s", drain.FormatProbability(d.Probability))
	}
	if p.Samples > 0 {
		samples := "samples"
		if p.Samples == 1 {
			samples = "sample"
		}
		row("as of", "%s, %d %s", drain.FormatClock(p.AsOf, time.Time{}, 0), p.Samples, samples)
	}
	for _, s := range p.Warnings {
		row("warning", "%s", s)
	}
	plans(b, p)
	for i, a := range w.answers {
		if i == 0 {
			fmt.Fprintf(b, "what it takes to be done by %s with probability %s:\n", drain.FormatClock(a.Goal.By, p.AsOf, 600), drain.FormatProbability(a.Goal.Probability))
		}
		name := ""
		if a.Goal.Lever == drain.LatestStart {
			name = a.Goal.Plan.Name + ": "
		}
		fmt.Fprintf(b, "  %s%s\n", name, a)
	}
	_, err := io.WriteString(w.out, b.String())
	return err
}

// plans writes a table of the plans side by side.
func plans(b *strings.Builder, p drain.Prediction) {
	if len(p.Outcomes) == 0 {
		return
	}
	rows := [][]string{{"plan", "cleared in", drain.FormatLevel(p.TimeToClear.Level), "about", "never", "sooner by"}}
	for _, d := range p.Deadlines {
		rows[0] = append(rows[0], "by "+deadlineClock(p, d))
	}
	row := func(name string, q drain.Prediction, sooner string) {
		t := q.TimeToClear
		width := t.Upper - t.Lower
		if math.IsInf(width, 0) || math.IsNaN(width) {
			width = 0
		}
		about := "–"
		if at, ok := q.Time(t.Median); ok {
			about = drain.FormatClock(at, q.AsOf, max(width, 120))
		}
		cells := []string{
			name, drain.FormatDuration(t.Median, width), drain.FormatDuration(t.Lower, width) + " – " + drain.FormatDuration(t.Upper, width), about, drain.FormatProbability(q.Never), sooner,
		}
		for _, d := range q.Deadlines {
			cells = append(cells, drain.FormatProbability(d.Probability))
		}
		rows = append(rows, cells)
	}
	row("as it is", p, "")
	for _, o := range p.Outcomes {
		row(o.Plan.Name, o.Prediction, difference(o.Sooner))
	}
	widths := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, cells := range rows {
		line := " "
		for i, c := range cells {
			line += " " + c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+1)
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// difference writes by how much sooner, such as "13 min (9 min – 18 min)"; with a minus, where it is later.
func difference(d drain.Difference) string {
	switch {
	case math.IsInf(d.Lower, 1):
		return "instead of never"
	case math.IsInf(d.Upper, -1):
		return "never now"
	}
	one := func(seconds float64) string {
		switch width := math.Abs(d.Upper - d.Lower); {
		case math.IsInf(seconds, -1):
			return "-∞"
		case math.IsInf(seconds, 1):
			return "∞"
		case math.IsInf(width, 0) || math.IsNaN(width):
			return drain.FormatDuration(seconds, 0)
		default:
			return drain.FormatDuration(seconds, width)
		}
	}
	if d.Lower == d.Upper {
		return one(d.Median)
	}
	return fmt.Sprintf("%s (%s – %s)", one(d.Median), one(d.Lower), one(d.Upper))
}

// deadlineClock writes a deadline to the minute, or to the second where it has any.
func deadlineClock(p drain.Prediction, d drain.Deadline) string {
	if d.Time.Second() == 0 {
		return drain.FormatClock(d.Time, p.AsOf, 120)
	}
	return drain.FormatClock(d.Time, p.AsOf, 0)
}

// span writes median and bounds in seconds.
func span(b drain.Bounds) string {
	return fmt.Sprintf("%s (%s: %s – %s)", drain.FormatSeconds(b.Median), drain.FormatLevel(b.Level), drain.FormatSeconds(b.Lower), drain.FormatSeconds(b.Upper))
}

// jsonWriter writes indented JSON, or one line for each prediction.
type jsonWriter struct {
	out     io.Writer
	line    bool
	answers []drain.Answer
}

func (w *jsonWriter) needs(a []drain.Answer) { w.answers = a }

func (w *jsonWriter) write(p drain.Prediction) error {
	if len(w.answers) > 0 {
		return w.encode(struct {
			Prediction drain.Prediction `json:"prediction"`
			Needs      []drain.Answer   `json:"needs"`
		}{p, w.answers})
	}
	return w.encode(p)
}

func (w *jsonWriter) encode(p any) error {
	e := json.NewEncoder(w.out)
	e.SetEscapeHTML(false)
	if !w.line {
		e.SetIndent("", "  ")
	}
	return e.Encode(p)
}

// csvWriter writes a header and a record for each prediction: the numbers of the JSON form under the same names. An empty field is unknown, inf is
// never.
type csvWriter struct {
	out    *csv.Writer
	header bool
}

func (w *csvWriter) write(p drain.Prediction) error {
	if err := w.record(p); err != nil {
		return err
	}
	for _, o := range p.Outcomes {
		if err := w.record(o.Prediction); err != nil {
			return err
		}
	}
	return nil
}

func (w *csvWriter) record(p drain.Prediction) error {
	type column struct{ name, value string }
	number := func(x float64) string {
		switch {
		case math.IsNaN(x):
			return ""
		case math.IsInf(x, 1):
			return "inf"
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	clock := func(seconds float64) string {
		t, ok := p.Time(seconds)
		if !ok {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	b, c := p.TimeToClear, p.CurrentBacklog
	reasons := make([]string, len(p.Reasons))
	for i, r := range p.Reasons {
		reasons[i] = string(r)
	}
	row := []column{
		{"queue", p.Queue}, {"as_of", clock(0)}, {"state", string(p.State)}, {"reasons", strings.Join(reasons, " ")},
		{"samples", strconv.Itoa(p.Samples)}, {"backlog", number(p.Backlog)}, {"target", number(p.Target)},
		{"inflow_per_second", number(p.Inflow)}, {"outflow_per_second", number(p.Outflow)}, {"net_drain_per_second", number(p.NetDrain)},
		{"level", number(b.Level)}, {"median_seconds", number(b.Median)}, {"lower_seconds", number(b.Lower)}, {"upper_seconds", number(b.Upper)},
		{"median_time", clock(b.Median)}, {"lower_time", clock(b.Lower)}, {"upper_time", clock(b.Upper)},
	}
	for _, q := range drain.QuantileLevels() {
		row = append(row, column{fmt.Sprintf("q%g_seconds", q), number(p.Quantile(q))})
	}
	row = append(row,
		column{"current_backlog_median_seconds", number(c.Median)}, column{"current_backlog_lower_seconds", number(c.Lower)}, column{"current_backlog_upper_seconds", number(c.Upper)},
		column{"delay_oldest_seconds", number(p.Delay.Oldest.Median)}, column{"delay_newest_seconds", number(p.Delay.Newest.Median)},
		column{"never_probability", number(p.Never)}, column{"horizon_seconds", number(p.Horizon)},
	)
	since := ""
	if !p.Since.IsZero() {
		since = p.Since.UTC().Format(time.RFC3339Nano)
	}
	row = append(row,
		column{"delay_oldest_lower_seconds", number(p.Delay.Oldest.Lower)}, column{"delay_oldest_upper_seconds", number(p.Delay.Oldest.Upper)},
		column{"delay_newest_lower_seconds", number(p.Delay.Newest.Lower)}, column{"delay_newest_upper_seconds", number(p.Delay.Newest.Upper)},
		column{"since", since}, column{"net_drain_before_per_second", number(p.Before)},
		column{"net_positive_probability", number(p.Evidence.NetPositive)}, column{"since_outflow_seconds", number(p.Evidence.SinceOutflow)}, column{"age_seconds", number(p.Evidence.Age)},
		column{"leak_per_second", number(p.Leak.Rate)}, column{"leak_lower_per_second", number(p.Leak.Lower)}, column{"leak_upper_per_second", number(p.Leak.Upper)},
	)
	row = append(row,
		column{"record_predictions", strconv.Itoa(p.Record.Predictions)}, column{"record_within_level", number(p.Record.WithinLevel)}, column{"record_median_factor", number(p.Record.MedianFactor)},
	)
	for _, source := range drain.Sources() {
		share := math.NaN()
		for _, w := range p.Weights {
			if w.Source == source {
				share = w.Share
			}
		}
		row = append(row, column{"weight_" + string(source), number(share)})
	}
	row = append(row, column{"plan", p.Plan})
	for i, d := range p.Deadlines {
		name := fmt.Sprintf("deadline_%d_", i+1)
		row = append(row, column{name + "time", d.Time.UTC().Format(time.RFC3339Nano)}, column{name + "probability", number(d.Probability)})
	}
	names, values := make([]string, len(row)), make([]string, len(row))
	for i, c := range row {
		names[i], values[i] = c.name, c.value
	}
	records := [][]string{names, values}
	if w.header {
		records = records[1:]
	}
	w.header = true
	return w.out.WriteAll(slices.Clip(records))
}

// metricsWriter writes Prometheus' text format.
type metricsWriter struct{ out io.Writer }

func (w metricsWriter) write(p drain.Prediction) error {
	return metrics.Snapshot{Prediction: p}.Write(w.out)
}
