// Eta tells when a queue will be empty, with bounds.
//
//	eta -backlog 1.4e6 -net 300                  two numbers
//	eta -backlog 1.4M±50k -net 300±50            rounded numbers: ± (or +-) is one standard error
//	eta -backlog 1.4M -in 156 -out 456           rates apart
//	eta -backlog 1.4M -net 300 -delay 2h30m      the delay tells what comes in
//	eta FILE.csv -at 18:00 -workers +10x2.5      what if ten more workers start at 18:00, each at 2.5 items a second?
//	eta FILE.csv -plan FILE.json                 the same from a file, with several plans
//	eta FILE.csv -need 0.95 -by 09:00            what does it take to be done by nine, 95 % sure?
//	eta FILE.csv                                 samples; - or nothing: standard input; FILE.jsonl likewise
//
// Exit status: 0 an answer, whatever it says; 1 data that cannot be used; 2 wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
	_ "time/tzdata" // -tz works where the machine has no zone files

	"golang.org/x/term"

	"github.com/postsack/backlog/examples/internal/plain"
)

// Exit codes.
const (
	exitOK = iota
	exitData
	exitUsage
)

func main() {
	e := env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now, terminal: term.IsTerminal(int(os.Stdin.Fd()))}
	os.Exit(e.run(os.Args[1:]))
}

// env is what the program takes from the machine.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	terminal       bool // standard input is a terminal
}

// usageError is a command line that cannot be run.
type usageError struct{ error }

func (e env) run(args []string) int {
	o, err := parse(args, e)
	if err == nil {
		err = e.answer(o)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(e.stderr, "eta: %v (eta -help lists the flags)\n", err)
		return exitUsage
	}
	fmt.Fprintln(e.stderr, "eta:", plain.Error(err))
	return exitData
}

func (e env) answer(o options) error {
	if o.numbers != nil {
		return e.fromNumbers(o)
	}
	return e.fromSamples(o)
}
