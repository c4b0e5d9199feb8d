// E2e sends a real queue through an outage, and everything that a user would set up watches it: a RabbitMQ, a Prometheus that scrapes it, the exporter that predicts, an Alertmanager that
// fires, and the incident bot that posts to a chat, which here is a recorder. When the queue has drained it prints the true time beside the predictions made on the way.
//
//	go run ./examples/e2e                        some three and a half minutes
//	go run ./examples/e2e -o DIR                 keeps the logs, what was posted and pictures in DIR
//
// On the way Prometheus is killed and comes back, and the chat fails and is slow; nothing may be lost and nothing said twice. All servers are its own, on 127.0.0.1, in a temporary
// directory, and stopped at the end. It needs Debian's packages rabbitmq-server, prometheus and prometheus-alertmanager, and takes a picture of the page where there is chromium.
//
// Exit status: 0 all checks passed; 1 one failed; 2 wrong usage; 3 skipped, as something is missing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitSkipped
)

// options are the course of the outage.
type options struct {
	output, source        string
	warmUp, outage, limit time.Duration
	inflow, outflow       float64
	target                int
}

func main() {
	var o options
	flag.StringVar(&o.output, "o", "", "`directory` to keep logs, messages and pictures in")
	flag.StringVar(&o.source, "source", "", "`directory` of the examples; unless given, that of this program's source")
	flag.DurationVar(&o.warmUp, "warm-up", 45*time.Second, "steady work before the outage")
	flag.DurationVar(&o.outage, "outage", 40*time.Second, "how long nothing is taken from the queue")
	flag.DurationVar(&o.limit, "limit", 150*time.Second, "how long the drain may take")
	flag.Float64Var(&o.inflow, "in", 40, "items/s that enter, on average")
	flag.Float64Var(&o.outflow, "out", 70, "items/s that are taken at most")
	flag.IntVar(&o.target, "target", 20, "the backlog that counts as cleared")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "e2e: unexpected argument %q\n", flag.Arg(0))
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, o)
	stop()
	os.Exit(code)
}

// rabbit is RabbitMQ's own start script: the one on the PATH changes user and directory.
const rabbit = "/usr/lib/rabbitmq/bin/rabbitmq-server"

func run(ctx context.Context, o options) int {
	for program, packet := range map[string]string{
		rabbit: "rabbitmq-server", "epmd": "erlang-base", "prometheus": "prometheus", "promtool": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager",
	} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Printf("skipped: %s not found: apt-get install %s\n", program, packet)
			return exitSkipped
		}
	}
	l, err := newLab(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return exitFailed
	}
	defer l.close()
	err = l.story(ctx)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "e2e: interrupted")
		return exitFailed
	}
	if err != nil {
		l.check("the whole story", err)
	}
	l.report()
	fmt.Printf("%d checks passed, %d failed\n", l.passed, l.failed)
	if l.failed > 0 {
		return exitFailed
	}
	return exitOK
}
