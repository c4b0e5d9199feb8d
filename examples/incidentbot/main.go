// Incidentbot tells a chat when a queue will be empty, from the alert that opens the incident to what became of the prediction.
//
//	incidentbot -exporter http://127.0.0.1:9744 -url http://127.0.0.1:9999/          plain JSON to any URL
//	SLACK_WEBHOOK_URL=… incidentbot -exporter URL                                    a Slack-compatible incoming webhook
//	SLACK_BOT_TOKEN=… incidentbot -exporter URL -slack-channel C0123456              Slack's Web API: one thread for each incident
//
// Alertmanager posts its webhook (version 4) to /alerts. The alerts of one queue, by their label -label, are one incident, open while any of them
// fires. The bot asks the exporter for a prediction, posts it, and asks again each -every. It says more only where the picture changes, in
// two polls one after the other: another state, a predicted instant outside the bounds that were said last, an end that came into sight or went out of
// it, an exporter that went away or came back. The incident is closed once the exporter says cleared in two polls or Alertmanager resolves the
// last alert, whichever is first, with what was predicted and what happened.
//
// An incoming webhook tells nothing of the message that it made, so that there are no threads with it: each message names its queue.
//
// # Delivery
//
// What is to be said is in the state file before Alertmanager's webhook is answered with 200 or the chat is asked, and stays there until the chat took it. Messages of one
// incident arrive in order. A message is sent again where the chat did not take it: after 408, 429 (not before Retry-After), 5xx, Slack's "ratelimited" and the
// like, and where no answer came. A request without an answer may have been taken: then the message arrives twice with Slack, which knows no idempotency; with -url the
// header Idempotency-Key has the same message ID each time. The same holds for the at most eight messages in flight when the program is killed. Any other refusal is final: it is
// logged, counted, and the message dropped. A chat that is away gets, per incident, the opening, the newest change and the closing: an
// undelivered change makes way for a newer one.
//
// Exit status: 0 asked to stop; 1 something failed; 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // -tz works where the machine has no zone files
)

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// goodbye is how long a stopping program goes on finishing requests and delivering messages.
const goodbye = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := env{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, seed: rand.Uint64()}
	os.Exit(e.run(ctx, os.Args[1:]))
}

// env is what the program takes from the machine.
type env struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	seed           uint64 // of the jitter between tries
}

// usageError is a command line that cannot be run.
type usageError struct{ error }

func (e env) run(ctx context.Context, args []string) int {
	o, err := parse(args, e)
	if err == nil {
		err = e.serve(ctx, o)
	}
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(e.stderr, "incidentbot: %v (incidentbot -help lists the flags)\n", err)
		return exitUsage
	}
	fmt.Fprintln(e.stderr, "incidentbot:", bare(err))
	return exitFailed
}

// serve runs until ctx is done.
func (e env) serve(ctx context.Context, o options) error {
	var handler slog.Handler = slog.NewTextHandler(e.stderr, nil)
	if o.log == "json" {
		handler = slog.NewJSONHandler(e.stderr, nil)
	}
	client := &http.Client{
		// A redirect would carry the message, and a token, to where nobody configured it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	b := newBot(o, client, e.now, rand.New(rand.NewPCG(e.seed, 1)), slog.New(handler))
	if err := b.load(); err != nil {
		return err
	}
	if err := b.save(); err != nil { // a file that cannot be written is known at once
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: b.handler(), ErrorLog: slog.NewLogLogger(handler, slog.LevelWarn), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	b.log.Info("listening", "address", listener.Addr().String(), "chat", b.chat.name(), "incidents", b.open(), "outbox", len(b.outbox))

	work, stop := context.WithCancel(ctx)
	defer stop()
	var loops sync.WaitGroup
	loops.Go(func() { b.watch(work) })
	loops.Go(func() { b.deliver(work) })
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	stop()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if e := server.Shutdown(last); e != nil {
		b.log.Warn("requests were cut off", "error", bare(e))
	}
	loops.Wait()
	b.log.Info("stopped", "incidents", b.open(), "outbox", len(b.outbox))
	return errors.Join(err, b.save())
}
