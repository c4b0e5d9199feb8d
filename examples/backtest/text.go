package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/forecast"
)

// shown are the levels that people read.
var shown = []float64{0.5, 0.8, 0.9, 0.95}

// writeText writes all there is of one file, or a line for each of several and their mean.
func writeText(o options, results []result, out io.Writer) error {
	b := &strings.Builder{}
	if len(results) == 1 {
		one(b, o, &results[0])
	} else {
		many(b, results)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// one writes the report of a file.
func one(b *strings.Builder, o options, r *result) {
	fmt.Fprintf(b, "%s: %s", r.name, count(r.samples, "sample"))
	if r.rejected > 0 {
		fmt.Fprintf(b, " (%d rejected)", r.rejected)
	}
	if !math.IsNaN(r.interval) {
		fmt.Fprintf(b, ", %s apart", drain.FormatDuration(r.interval, r.interval/10))
	}
	from, to := r.from.In(o.zone), r.to.In(o.zone)
	width := to.Sub(from).Seconds() / 10
	fmt.Fprintf(b, ", %s – %s\n", drain.FormatClock(from, time.Time{}, width), drain.FormatClock(to, from, width))
	if s := r.silence(); s != "" {
		fmt.Fprintf(b, "  %s\n", s)
		return
	}
	fmt.Fprintf(b, "  %s, made at %d of the %d rows that have something to ask; up to %s ahead, and %s still open then\n",
		count(r.predictions, "prediction"), r.asks, len(r.eligible), drain.FormatDuration(r.horizon, r.horizon/50), were(r.open))
	if r.unanswered > 0 {
		fmt.Fprintf(b, "  %s unknown and counts as never\n", were(r.unanswered))
	}
	b.WriteByte('\n')
	w := table(b)
	fmt.Fprintf(w, "  bounds\tclaimed\theld\t(%s)\tearlier\tlater\tthe line claims\theld\n", drain.FormatLevel(confidence))
	for _, level := range shown {
		ours, line := r.ours.share(index(level)), r.theirs.share(index(level))
		lower, upper := r.ours.coverage[index(level)].Bounds(confidence)
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s – %s\t%s\t%s\t%s\t%s\n", drain.FormatLevel(level), drain.FormatProbability(ours.claimed), drain.FormatProbability(ours.within),
			drain.FormatProbability(lower), drain.FormatProbability(upper), drain.FormatProbability(ours.early), drain.FormatProbability(ours.late),
			drain.FormatProbability(line.claimed), drain.FormatProbability(line.within))
	}
	w.Flush()
	b.WriteByte('\n')
	w = table(b)
	fmt.Fprintln(w, "  time to fall to\tmedian off by\tpredictions\tstill open")
	for i, d := range r.distances {
		if len(d.off) > 0 {
			name := distances[i].name
			if i == toTarget {
				name += " (" + drain.FormatNumber(r.target) + ")"
			}
			fmt.Fprintf(w, "  %s\ta factor of %s\t%d\t%d\n", name, drain.FormatNumber(round(d.factor())), len(d.off), d.open)
		}
	}
	w.Flush()
	ours, line := r.meanLoss(), r.lineLoss()
	fmt.Fprintf(b, "\n  score %s, %s the straight line's %s: weighted interval score in factors of two, 0 is perfect\n", drain.FormatNumber(ours), compare(ours, line), drain.FormatNumber(line))
	fmt.Fprintf(b, "  (%s): bounds on the share for ever more predictions, if they were independent; those that overlap are not\n", drain.FormatLevel(confidence))
	fmt.Fprintln(b, "  claimed: what the predictions themselves give their bounds, which is more than the level where they reach past the horizon")
	fmt.Fprintf(b, "  the line: least squares through the last %d samples, with its own standard error\n", lineSamples)
}

// many writes a line for each file, and the mean.
func many(b *strings.Builder, results []result) {
	w := table(b)
	fmt.Fprint(w, "file\tpredictions\tstill open")
	for i, level := range shown {
		held := ""
		if i == 0 {
			held = " held"
		}
		fmt.Fprintf(w, "\t%s%s", drain.FormatLevel(level), held)
	}
	fmt.Fprintln(w, "\t90 % earlier\tlater\tmedian off by\tscore\tthe line's\tskill\tthe line's 90 % held")
	row := func(name, predictions, open string, cover, line func(level float64) shares, factor, ours, theirs float64) {
		fmt.Fprintf(w, "%s\t%s\t%s", name, predictions, open)
		for _, level := range shown {
			fmt.Fprintf(w, "\t%s", drain.FormatProbability(cover(level).within))
		}
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", drain.FormatProbability(cover(0.9).early), drain.FormatProbability(cover(0.9).late),
			drain.FormatNumber(round(factor)), drain.FormatNumber(ours), drain.FormatNumber(theirs), percent(forecast.Skill(ours, theirs)),
			drain.FormatProbability(line(0.9).within))
	}
	of := func(s *score) func(level float64) shares {
		return func(level float64) shares { return s.share(index(level)) }
	}
	var silent []*result
	for i := range results {
		r := &results[i]
		if r.silence() != "" {
			silent = append(silent, r)
			continue
		}
		row(r.name, strconv.Itoa(r.predictions), drain.FormatProbability(float64(r.open)/float64(r.predictions)),
			of(&r.ours), of(&r.theirs), r.factor(), r.meanLoss(), r.lineLoss())
	}
	m := mean(results)
	if m.files > 0 {
		of := func(as []shares) func(level float64) shares {
			return func(level float64) shares { return as[index(level)] }
		}
		row("mean of "+count(m.files, "file"), "", "", of(m.ours), of(m.theirs), m.factor, m.loss, m.theirLoss)
		w.Flush()
		fmt.Fprintf(b, "score: weighted interval score in factors of two, 0 is perfect; the line: least squares through the last %d samples, with its own standard error\n", lineSamples)
	}
	for _, r := range silent {
		fmt.Fprintf(b, "%s: %s\n", r.name, r.silence())
	}
}

func table(b *strings.Builder) *tabwriter.Writer { return tabwriter.NewWriter(b, 0, 8, 2, ' ', 0) }

// index returns where a level is among those of which the coverage is counted.
func index(level float64) int {
	for i, l := range levels {
		if l == level {
			return i
		}
	}
	panic("no such level")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func were(n int) string {
	switch n {
	case 0:
		return "none was"
	case 1:
		return "1 was"
	}
	return strconv.Itoa(n) + " were"
}

// round rounds to a hundredth: 1.00 is right.
func round(factor float64) float64 { return math.Round(factor*100) / 100 }

// percent writes a share that may be negative or large.
func percent(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return drain.FormatNumber(x)
	}
	return strconv.FormatFloat(math.Round(100*x)+0, 'f', 0, 64) + " %"
}

// compare says how much less or more a loss is than another one.
func compare(loss, than float64) string {
	switch skill := forecast.Skill(loss, than); {
	case skill == 0:
		return "as much as"
	case skill < 0:
		return percent(-skill) + " more than"
	default:
		return percent(skill) + " less than"
	}
}
