package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/plain"
	"github.com/postsack/backlog/examples/internal/series"
)

// options are what the command line asks for.
type options struct {
	file      string         // "-" is standard input
	numbers   *drain.Numbers // nil: from samples
	target    float64
	level     float64
	deadlines []deadline
	now       time.Time // zero: unset
	zone      *time.Location
	format    string
	plot      string
	follow    bool
	planned   planFlags
	feedback  drain.Feedback
	stages    []string
}

// deadline is a moment, or a time from the moment of asking.
type deadline struct {
	at    time.Time
	after time.Duration
}

// on returns the deadline's moment for a question asked at now.
func (d deadline) on(now time.Time) time.Time {
	if d.at.IsZero() {
		return now.Add(d.after)
	}
	return d.at
}

// question returns the question asked at a moment.
func (o options) question(at time.Time) drain.Question {
	q := drain.Question{At: at.In(o.zone), Target: o.target, Level: o.level}
	for _, d := range o.deadlines {
		q.Deadlines = append(q.Deadlines, d.on(at).In(o.zone))
	}
	q.Plans, q.Feedback = o.planned.plans, o.feedback
	return q
}

const usage = `Eta tells when a queue will be empty, with bounds.

  eta -backlog 1.4e6 -net 300             two numbers
  eta -backlog 1.4M±50k -net 300±50       rounded numbers: ± (or +-) is one standard error
  eta -backlog 1.4M -in 156 -out 456      rates apart
  eta -backlog 1.4M -net 300 -delay 2h30m the delay tells what comes in
  eta FILE.csv -at 18:00 -workers +10x2.5 what if ten more workers start at 18:00, each at 2.5 items a second?
  eta FILE.csv -need 0.95 -by 09:00       what does it take to be done by nine, 95 % sure?
  eta FILE.csv                            samples; - or nothing: standard input; FILE.jsonl likewise

CSV has a header that names the columns, JSON lines have the same names; what is empty, null or missing is unknown:
  time                                    Unix seconds (milli-, micro- and nanoseconds are recognised) or RFC 3339
  backlog                                 items waiting at that time
  inflow, outflow                         items that entered and left in the interval that ends there,
  inflow_total, outflow_total             or cumulative counters of them,
  inflow_per_second, outflow_per_second   or rates
  delay_seconds                           how long the item had waited that was served then
Exit status: 0 an answer, whatever it says; 1 data that cannot be used; 2 wrong usage.

`

// parse reads the command line. Flags may stand before and behind the file.
func parse(args []string, e env) (options, error) {
	o := options{level: 0.9, zone: time.Local, format: "text"}
	var n drain.Numbers
	var files []string
	f := flag.NewFlagSet("eta", flag.ContinueOnError)
	f.SetOutput(discard{})
	estimate := func(name, help string, to *drain.Estimate) {
		f.Func(name, help, func(s string) (err error) { *to, err = drain.ParseEstimate(s); return plain.Error(err) })
	}
	estimate("backlog", "items waiting: a `number` such as 1.4e6, 1.4M or 1.4M±50k", &n.Backlog)
	estimate("net", "items by which the backlog shrinks per second: a `number` such as 300 or 300±50", &n.Net)
	estimate("in", "items entering per second: a `number` such as 156±16", &n.Inflow)
	estimate("out", "items leaving per second: a `number` such as 456", &n.Outflow)
	f.Func("delay", "how long the item had waited that is served now: a `time` such as 9000±900 (seconds) or 2h30m±15m; tells the inflow where -in is not given", func(s string) (err error) {
		n.Delay, err = parseDelay(s)
		return err
	})
	var target drain.Estimate
	estimate("target", "the backlog that counts as cleared: a `number`, 0 unless given", &target)
	f.Func("level", "probability `mass` of the bounds, between 0 and 1; 0.9 unless given", func(s string) (err error) {
		if o.level, err = strconv.ParseFloat(s, 64); err != nil {
			return errors.New("want a number between 0 and 1, such as 0.9")
		}
		return nil
	})
	f.Func("deadline", "a `time`, as 2h from now or as RFC 3339: how probable is it to be cleared by then? May be given several times", func(s string) error {
		d, err := parseDeadline(s)
		o.deadlines = append(o.deadlines, d)
		return err
	})
	f.Func("now", "predict as of this `time`, in Unix seconds or RFC 3339; later samples are not looked at (unless given: the last sample's; for numbers, the clock's)", func(s string) (err error) {
		o.now, err = series.ParseTime(s)
		return plain.Error(err)
	})
	f.Func("tz", "`zone` of clock times, such as Europe/Berlin (unless given: the machine's)", func(s string) (err error) {
		o.zone, err = time.LoadLocation(s)
		return err
	})
	f.StringVar(&o.format, "format", "text", "`form` of the answer: "+strings.Join(formats(), ", "))
	f.StringVar(&o.plot, "plot", "", "draw the backlog and the forecast to this `file`, .png or .svg")
	f.StringVar(&o.planned.file, "plan", "", "what if? Plans in a `file` of JSON, each shown beside the prediction without it; see package drain, ReadPlans")
	f.Func("at", "`moment` of the changes that follow it, and of those of -need: 18:00, +2h or RFC 3339; now unless given", func(s string) (err error) {
		o.planned.at, err = drain.ParseWhen(s)
		return plain.Error(err)
	})
	f.Func("startup", "`time` from that moment until they work, such as 10m", func(s string) (err error) {
		if o.planned.startup, err = time.ParseDuration(s); err != nil || o.planned.startup < 0 {
			return errors.New("want a time such as 10m")
		}
		return nil
	})
	f.Func("workers", "what if? `NxRATE` more of them, such as +10x2.5 or -3x2.5±0.3 (items per second each); x2.5 with -need asks how many", o.planned.parseWorkers)
	f.Func("more", "what if? a `number` of items per second more leave, such as 50 or 50±10", func(s string) error {
		e, err := drain.ParseEstimate(s)
		if err == nil {
			o.planned.add(drain.Change{By: e})
		}
		return plain.Error(err)
	})
	f.Func("shed", "what if? a `share` of the inflow is turned away, such as 0.3 or 30%", o.planned.parseShed)
	f.Func("pause", "what if? nothing leaves for a `time`, such as 30m", o.planned.parsePause)
	estimate("retry", "items per second that enter for each that waits, such as retries: a `number` such as 0.001±0.0002", &o.feedback.Retry)
	estimate("abandon", "share of those waiting that leave by themselves per second: a `number` such as 0.0001", &o.feedback.Abandon)
	estimate("poison", "items that never succeed: a `number`", &o.feedback.Poison)
	f.Func("ttl", "`time` after which an item that waits expires, such as 1h", func(s string) (err error) {
		if o.feedback.TimeToLive, err = time.ParseDuration(s); err != nil || o.feedback.TimeToLive <= 0 {
			return errors.New("want a time such as 1h")
		}
		return nil
	})
	f.Func("stages", "the queues are stages, each of which feeds the next: their `names` in order, such as receive,scan,send", func(s string) error {
		for _, name := range strings.Split(s, ",") {
			if name = strings.TrimSpace(name); name == "" || slices.Contains(o.stages, name) {
				return errors.New("want names of queues, each once, such as receive,scan,send")
			}
			o.stages = append(o.stages, name)
		}
		return nil
	})
	f.Func("need", "what does it take to be done by -by with this `probability`, such as 0.95?", func(s string) (err error) {
		if o.planned.need, err = strconv.ParseFloat(s, 64); err != nil || !(o.planned.need > 0 && o.planned.need < 1) {
			return errors.New("want a number between 0 and 1, such as 0.95")
		}
		return nil
	})
	f.Func("by", "the `moment` that -need is about: 09:00, +2h or RFC 3339", func(s string) error {
		w, err := drain.ParseWhen(s)
		o.planned.by = &w
		return plain.Error(err)
	})
	f.BoolVar(&o.follow, "follow", false, "a new answer for each new sample")
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(e.stdout, usage)
			f.SetOutput(e.stdout)
			f.PrintDefaults()
			return o, err
		}
		if err != nil {
			return o, usageError{err}
		}
		if f.NArg() == 0 {
			break
		}
		files = append(files, f.Arg(0))
		args = f.Args()[1:]
	}
	if target.SE() > 0 {
		return o, usageError{fmt.Errorf("-target %s, want a number without an error", target)}
	}
	if target.Known() {
		o.target = target.Value()
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["backlog"] || given["net"] || given["in"] || given["out"] || given["delay"] {
		o.numbers = &n
	}
	o.file = "-"
	if len(files) > 0 {
		o.file = files[0]
	}
	if err := o.planned.finish(); err != nil {
		return o, err
	}
	if err := o.check(files, given, e); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// discard keeps package flag from writing its own report: eta writes one line.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (o options) check(files []string, given map[string]bool, e env) error {
	switch {
	case !(o.level > 0 && o.level < 1):
		return fmt.Errorf("-level %v, want a number between 0 and 1, such as 0.9", o.level)
	case o.target < 0:
		return fmt.Errorf("-target %v, want 0 or more", o.target)
	case !slices.Contains(formats(), o.format):
		return fmt.Errorf("-format %q, want one of %s", o.format, strings.Join(formats(), ", "))
	case o.plot != "" && !slices.Contains([]string{".png", ".svg"}, strings.ToLower(filepath.Ext(o.plot))):
		return fmt.Errorf("-plot %q, want a file that ends in .png or .svg", o.plot)
	case len(files) > 1:
		return fmt.Errorf("%d files, want one: %s", len(files), strings.Join(files, ", "))
	case o.follow && o.plot != "":
		return errors.New("-follow and -plot exclude each other: a picture shows one moment")
	case (o.planned.need > 0) != (o.planned.by != nil):
		return errors.New("-need and -by go together: how sure, and by when")
	case o.follow && (len(o.planned.plans) > 0 || o.planned.need > 0):
		return errors.New("-follow answers without plans")
	case o.format == "prometheus" && (len(o.planned.plans) > 0 || o.planned.need > 0):
		return errors.New("-format prometheus is of what is, not of plans")
	case len(o.stages) > 0 && (o.numbers != nil || o.follow):
		return errors.New("-stages needs a file of samples that name their queue")
	case o.follow && given["now"]:
		return errors.New("-follow and -now exclude each other: -follow answers as of each sample")
	case o.numbers == nil && len(files) == 0 && e.terminal:
		return errors.New("nothing to predict from: want -backlog and -net, or a file, or samples on standard input")
	case o.numbers == nil:
		return nil
	case len(files) > 0:
		return fmt.Errorf("numbers and a file (%s) exclude each other", files[0])
	case o.follow:
		return errors.New("-follow needs samples, not numbers")
	case !given["backlog"]:
		return errors.New("-backlog is missing, want the number of items waiting")
	case given["net"] && given["in"] && given["out"]:
		return errors.New("-net, -in and -out exclude each other, want any two at most")
	case given["delay"] && given["in"] && (given["net"] || given["out"]):
		return errors.New("-delay and -in exclude each other: the delay tells what comes in")
	case !given["net"] && !((given["in"] || given["delay"]) && given["out"]):
		return errors.New("the rate is missing, want -net, or both -in and -out")
	}
	_, err := o.numbers.Predict(drain.Question{})
	return plain.Error(err)
}

// parseDelay reads seconds or a duration, with an optional standard error.
func parseDelay(s string) (drain.Estimate, error) {
	var parts [2]float64
	value, se, _ := strings.Cut(strings.Replace(s, "+-", "±", 1), "±")
	for i, part := range []string{value, se} {
		part = strings.TrimSpace(part)
		if i == 1 && part == "" && !strings.Contains(s, "±") && !strings.Contains(s, "+-") {
			break
		}
		if d, err := time.ParseDuration(part); err == nil {
			parts[i] = d.Seconds()
		} else if e, err := drain.ParseEstimate(part); err == nil {
			parts[i] = e.Value()
		} else {
			return drain.Estimate{}, errors.New("want seconds such as 9000 or 9000±900, or a time such as 2h30m or 2h30m±15m")
		}
		if !(parts[i] >= 0) {
			return drain.Estimate{}, errors.New("want 0 or more")
		}
	}
	return drain.About(parts[0], parts[1]), nil
}

func parseDeadline(s string) (deadline, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return deadline{at: t}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return deadline{}, errors.New("want a time from now such as 2h or 90m, or RFC 3339 such as 2026-11-23T18:00:00+01:00")
	}
	return deadline{after: d}, nil
}
