// Backtest replays recorded queues as if live, and tells how well predictions of them would have held.
//
//	go run ./examples/backtest FILE.csv …
//
// A file is in one of the forms that examples/eta reads; - is standard input. A prediction sees the rows up to its own and no other. It is asked for at rows where there
// is something to ask: the backlog is above the target and at least three quarters of all backlogs before it, nine or more, were lower. Of these rows at most -asks
// are taken, spread evenly. The question is when the backlog will have fallen to three quarters, half, a quarter and a tenth of what it is then, and to the target; amounts
// below the target are not asked for, nor is the same one twice.
//
// All predictions of a file look equally far ahead: 4000 usual sampling intervals, a fifth of the file at most. What happens later is "still open", whatever the rest of
// the file has, and a prediction that is later too counts as right. Rows with less than that left are not asked at, so that nothing depends on how a question turned out.
//
// A straight line through the last 60 backlogs, with its own standard error, answers the same questions: what monitoring offers.
//
//	go run ./examples/backtest -data DIR -origins origins.csv -o forecasts.csv
//
// is for a scorer of your own. DIR holds one file SYSTEM.csv for each system. The origins name the moments of asking, as
// system,row,fraction: after data row `row` of the system (0 is the first after the header), when will the backlog have fallen to `fraction` of what
// it is then? The answer to each is a row system,row,fraction and the quantiles of the time in seconds at the levels 0.025, 0.05, 0.1, 0.25,
// 0.5, 0.75, 0.9, 0.95 and 0.975, "inf" where the time is never. A forecast has seen the rows up to its own and no other.
//
// Exit status: 0 an answer, whatever it says; 1 data that cannot be used; 2 wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	_ "time/tzdata" // -tz works where the machine has no zone files

	"golang.org/x/term"
)

// Exit codes, as those of examples/eta.
const (
	exitOK = iota
	exitData
	exitUsage
)

func main() {
	e := env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	os.Exit(e.run(os.Args[1:]))
}

// env is what the program takes from the machine.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool // standard error is a terminal: it shows the progress
}

// usageError is a command line that cannot be run.
type usageError struct{ error }

func (e env) run(args []string) int {
	o, err := parse(args, e.stdout)
	if err == nil {
		if o.bench {
			err = e.forScorer(o)
		} else {
			err = e.forPeople(o)
		}
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(e.stderr, "backtest: %v (backtest -help lists the flags)\n", err)
		return exitUsage
	}
	fmt.Fprintln(e.stderr, "backtest:", err)
	return exitData
}

// each does the n jobs side by side, says on a terminal how many are done, and returns all their errors.
func (e env) each(n int, what string, name func(i int) string, do func(i int) error) error {
	progress := io.Discard
	if e.terminal {
		progress = e.stderr
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do(i)
			mu.Lock()
			defer mu.Unlock()
			done++
			fmt.Fprintf(progress, "\r\033[K%d of %d %s: %s", done, n, what, name(i))
		})
	}
	wg.Wait()
	fmt.Fprint(progress, "\r\033[K")
	return errors.Join(errs...)
}
