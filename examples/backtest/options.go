package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/plain"
)

// options are what the command line asks for.
type options struct {
	files  []string // "-" is standard input
	target float64
	asks   int
	zone   *time.Location
	format string
	plot   string

	bench              bool // the form for a scorer, with the following
	data, origins, out string
}

const usage = `Backtest replays recorded queues as if live, and tells how well predictions of them would have held.

  backtest FILE.csv …                                        FILE.jsonl likewise; - is standard input
  backtest -data DIR -origins origins.csv -o forecasts.csv   the quantiles that were predicted, for a scorer of your own

Files are in the forms that eta reads. Asked at rows whose backlog is high: when will it be three quarters, half, a quarter, a tenth of that, and the target?
Exit status: 0 an answer, whatever it says; 1 data that cannot be used; 2 wrong usage.

`

// parse reads the command line. Flags may stand before and behind the files.
func parse(args []string, help io.Writer) (options, error) {
	o := options{asks: 400, zone: time.Local, format: "text"}
	f := flag.NewFlagSet("backtest", flag.ContinueOnError)
	f.SetOutput(io.Discard) // backtest writes one line of its own
	f.Func("target", "the backlog that counts as cleared: a `number`, 0 unless given", func(s string) error {
		target, err := drain.ParseEstimate(s)
		switch {
		case err != nil:
			return plain.Error(err)
		case target.SE() > 0:
			return errors.New("want a number without an error")
		case target.Value() < 0:
			return errors.New("want 0 or more")
		}
		o.target = target.Value()
		return nil
	})
	f.Func("asks", "ask at no more than this `number` of rows of a file, 400 unless given", func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return errors.New("want a whole number of 1 or more")
		}
		o.asks = n
		return nil
	})
	f.Func("tz", "`zone` of clock times, such as Europe/Berlin (unless given: the machine's)", func(s string) (err error) {
		o.zone, err = time.LoadLocation(s)
		return err
	})
	f.StringVar(&o.format, "format", "text", "`form` of the answer: "+strings.Join(formats, ", "))
	f.StringVar(&o.plot, "plot", "", "draw what was predicted against what happened to this `file`, .png or .svg")
	f.StringVar(&o.data, "data", "", "folder with a `DIR`/SYSTEM.csv for each system")
	f.StringVar(&o.origins, "origins", "", "`FILE` with the moments of asking: system,row,fraction")
	f.StringVar(&o.out, "o", "", "`FILE` to write the forecasts to")
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usage)
			f.SetOutput(help)
			f.PrintDefaults()
			return o, err
		}
		if err != nil {
			return o, usageError{err}
		}
		if f.NArg() == 0 {
			break
		}
		o.files = append(o.files, f.Arg(0))
		args = f.Args()[1:]
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.bench = given["data"] || given["origins"] || given["o"]
	if err := o.check(given); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

func (o options) check(given map[string]bool) error {
	if o.bench {
		if o.data == "" || o.origins == "" || o.out == "" || len(o.files) > 0 || len(given) > 3 {
			return errors.New("want -data, -origins and -o, and nothing else")
		}
		return nil
	}
	switch stdin := slices.Index(o.files, "-"); {
	case len(o.files) == 0:
		return errors.New("nothing to replay, want a file of samples")
	case stdin >= 0 && slices.Contains(o.files[stdin+1:], "-"):
		return errors.New("- twice: standard input can be read once")
	case !slices.Contains(formats, o.format):
		return fmt.Errorf("-format %q, want one of %s", o.format, strings.Join(formats, ", "))
	case o.plot != "" && !slices.Contains([]string{".png", ".svg"}, strings.ToLower(filepath.Ext(o.plot))):
		return fmt.Errorf("-plot %q, want a file that ends in .png or .svg", o.plot)
	}
	return nil
}
