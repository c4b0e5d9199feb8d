// Exporter reads queues from a Prometheus server and says when they will be empty: as metrics, as JSON and as a page with fan charts.
//
//	exporter -config backlog.yml                 serves on 127.0.0.1:9744
//	exporter -config backlog.yml -check          reads the configuration, says what is wrong with it, and ends
//
// It first reads a stretch of the past, so that each queue has a record at once, then step by step. What it could not read, as the server was away, it reads later; until then its answers
// grow old, and say so.
//
//	/                                            a page for people
//	/metrics                                     backlog_…, for the server to scrape
//	/api/v1/predictions?queue=NAME&deadline=TIME&level=0.95&target=N          JSON, as of eta; without a queue all of them
//	/api/v1/chart.png?queue=NAME, chart.svg      the fan chart of one
//	/healthz, /readyz                            whether it runs, and whether it has read everything once
//
// Exit status: 0 ended by a signal; 1 it cannot run; 2 wrong usage or configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // zones work where the machine has no files of them
)

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr, nil))
}

// run is the program; listening, where it is not nil, gets the address once there is one.
func run(ctx context.Context, args []string, stderr io.Writer, listening func(net.Addr)) int {
	flags := flag.NewFlagSet("exporter", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "backlog.yml", "the configuration `file`")
	listen := flags.String("listen", "127.0.0.1:9744", "`address` to serve on")
	format := flags.String("log", "text", "`format` of the log: text or json")
	verbose := flags.Bool("v", false, "log every sample that was rejected, too")
	check := flags.Bool("check", false, "read the configuration and end")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	options := &slog.HandlerOptions{}
	if *verbose {
		options.Level = slog.LevelDebug
	}
	var log *slog.Logger
	switch *format {
	case "text":
		log = slog.New(slog.NewTextHandler(stderr, options))
	case "json":
		log = slog.New(slog.NewJSONHandler(stderr, options))
	default:
		fmt.Fprintf(stderr, "exporter: -log is %q, want text or json\n", *format)
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "exporter: unexpected argument %q (exporter -help lists the flags)\n", flags.Arg(0))
		return exitUsage
	}
	c, err := readConfig(*path)
	if err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitUsage
	}
	source, err := newServer(c.Prometheus, c.Timeout)
	if err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitUsage
	}
	if *check {
		fmt.Fprintf(stderr, "exporter: %s: %d queues or labels of queues\n", *path, len(c.Queues))
		return exitOK
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitFailed
	}
	if listening != nil {
		listening(listener.Addr())
	}
	x := newExporter(c, source, log, time.Now)
	server := &http.Server{
		Handler: x.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	followed := make(chan struct{})
	following, end := context.WithCancel(ctx)
	go func() { defer close(followed); x.run(following) }()
	log.Info("serving", "address", listener.Addr().String(), "prometheus", c.Prometheus, "step", c.Step)
	code := exitOK
	select {
	case <-ctx.Done():
		log.Info("shutting down")
	case err := <-failed:
		log.Error("cannot serve", "error", err)
		code = exitFailed
	}
	end()
	stopping, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		log.Warn("requests were cut off", "error", err)
	}
	<-followed
	return code
}
