package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
)

// options are what the command line and the environment ask for.
type options struct {
	listen      string
	exporter    string
	chartBase   string
	label       string
	state       string
	every       time.Duration
	pause       time.Duration
	zone        *time.Location
	log         string
	webhook     string // URL of the incoming webhook; a secret
	channel     string
	token       string // of the Web API; a secret
	api         string
	url         string // may hold a secret
	signing     string // secret of the slash command; empty: no slash command
	alertsToken string // empty: anyone may post alerts
}

const usage = `Incidentbot tells a chat when a queue will be empty, from the alert that opens the incident to what became of the prediction.

  incidentbot -exporter URL -url URL                     plain JSON to any URL
  SLACK_WEBHOOK_URL=… incidentbot -exporter URL          a Slack-compatible incoming webhook
  SLACK_BOT_TOKEN=… incidentbot -exporter URL -slack-channel C0123456     Slack's Web API, with threads

It takes Alertmanager's webhook at /alerts and Slack's slash command at /slack/command, and shows /healthz, /readyz and /metrics.
Secrets come from the environment (SLACK_WEBHOOK_URL, SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET) or from files.
Exit status: 0 asked to stop; 1 something failed; 2 wrong usage.

`

// parse reads the command line, the environment and the files of secrets.
func parse(args []string, e env) (options, error) {
	o := options{zone: time.UTC}
	var webhookFile, tokenFile, signingFile, alertsFile, urlFile string
	f := flag.NewFlagSet("incidentbot", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error is written once, in one line
	f.StringVar(&o.listen, "listen", "127.0.0.1:9755", "`address` to listen on")
	f.StringVar(&o.exporter, "exporter", "", "base `URL` of the exporter, such as http://127.0.0.1:9744")
	f.StringVar(&o.chartBase, "chart-base", "", "base `URL` of the exporter as the chat's servers see it; without it there are no charts")
	f.StringVar(&o.label, "label", "queue", "`label` of an alert that names its queue")
	f.StringVar(&o.state, "state", "incidentbot.json", "`file` of what is open, was said and is to be said")
	f.DurationVar(&o.every, "every", 30*time.Second, "`time` between two polls of the exporter; not below its own step")
	f.DurationVar(&o.pause, "pause", 2*time.Minute, "shortest `time` between two messages of an incident")
	f.Func("tz", "`zone` of clock times in deadlines and commands, such as Europe/Berlin; UTC unless given", func(s string) (err error) {
		o.zone, err = time.LoadLocation(s)
		return err
	})
	f.StringVar(&o.log, "log", "text", "`form` of the log: text, json")
	f.StringVar(&webhookFile, "slack-webhook-file", "", "`file` with the URL of an incoming webhook; or SLACK_WEBHOOK_URL")
	f.StringVar(&o.channel, "slack-channel", "", "`channel` for Slack's Web API, such as C0123456")
	f.StringVar(&tokenFile, "slack-token-file", "", "`file` with the token of the Web API; or SLACK_BOT_TOKEN")
	f.StringVar(&o.api, "slack-api", "https://slack.com/api", "base `URL` of the Web API")
	f.StringVar(&o.url, "url", "", "`URL` that gets plain JSON")
	f.StringVar(&urlFile, "url-file", "", "`file` with the URL that gets plain JSON, where it holds a secret")
	f.StringVar(&signingFile, "slack-signing-file", "", "`file` with the signing secret of the slash command; or SLACK_SIGNING_SECRET; without it there is no slash command")
	f.StringVar(&alertsFile, "alerts-token-file", "", "`file` with the bearer token that Alertmanager must show")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(e.stdout, usage)
		f.SetOutput(e.stdout)
		f.PrintDefaults()
		return o, err
	} else if err != nil {
		return o, usageError{err}
	}
	if f.NArg() > 0 {
		return o, usageError{fmt.Errorf("%q is not a flag", f.Arg(0))}
	}
	if urlFile != "" && o.url != "" {
		return o, usageError{errors.New("-url and -url-file exclude each other")}
	}
	for _, s := range []struct {
		to         *string
		file, name string
	}{
		{&o.webhook, webhookFile, "SLACK_WEBHOOK_URL"}, {&o.token, tokenFile, "SLACK_BOT_TOKEN"},
		{&o.signing, signingFile, "SLACK_SIGNING_SECRET"}, {&o.alertsToken, alertsFile, ""}, {&o.url, urlFile, ""},
	} {
		if err := secret(s.to, s.file, s.name, e); err != nil {
			return o, err
		}
	}
	if err := o.check(); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// secret reads a secret from a file, or else from the environment.
func secret(to *string, file, name string, e env) error {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if *to = strings.TrimSpace(string(text)); *to == "" {
			return fmt.Errorf("%s is empty", file)
		}
	} else if name != "" {
		*to = strings.TrimSpace(e.getenv(name))
	}
	return nil
}

func (o *options) check() error {
	// A token in the environment without a channel is for something else, or half a configuration: both would be silent.
	chats := 0
	for _, given := range []bool{o.webhook != "", o.channel != "" || o.token != "", o.url != ""} {
		if given {
			chats++
		}
	}
	switch {
	case o.exporter == "":
		return errors.New("-exporter is missing, want the URL of the exporter, such as http://127.0.0.1:9744")
	case (o.channel == "") != (o.token == ""):
		return errors.New("-slack-channel and a token (SLACK_BOT_TOKEN or -slack-token-file) go together")
	case chats != 1:
		return fmt.Errorf("%d chats, want one of SLACK_WEBHOOK_URL, SLACK_BOT_TOKEN with -slack-channel, and -url; run a second bot for a second chat", chats)
	case o.label == "":
		return errors.New("-label is empty, want the label that names the queue")
	case o.state == "":
		return errors.New("-state is empty, want a file")
	case o.every < time.Second:
		return fmt.Errorf("-every %v, want a second or more", o.every)
	case o.pause < 0:
		return fmt.Errorf("-pause %v, want 0 or more", o.pause)
	case o.log != "text" && o.log != "json":
		return fmt.Errorf("-log %q, want text or json", o.log)
	}
	for _, u := range []struct {
		name string
		to   *string
	}{{"-exporter", &o.exporter}, {"-chart-base", &o.chartBase}, {"-slack-api", &o.api}, {"the incoming webhook", &o.webhook}, {"-url", &o.url}} {
		if *u.to == "" {
			continue
		}
		parsed, err := url.Parse(*u.to)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return fmt.Errorf("%s is not a URL of http or https", u.name) // without the value, which may be a secret
		}
	}
	for _, base := range []*string{&o.exporter, &o.chartBase, &o.api} {
		*base = strings.TrimRight(*base, "/")
	}
	return nil
}
