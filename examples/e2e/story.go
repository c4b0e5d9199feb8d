package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// seen is a prediction that the exporter made.
type seen struct {
	at       time.Time
	backlog  int // the true one
	line     string
	state    string
	lower    time.Time // zero: never, or unknown
	median   time.Time
	upper    time.Time
	noUpper  bool
	answered bool
}

// ask asks the exporter.
func (l *lab) ask() (seen, error) {
	s := seen{at: time.Now(), backlog: l.work.backlog()}
	text, err := get(l.base("exporter") + "/api/v1/predictions?queue=" + mailOut)
	if err != nil {
		return s, err
	}
	var a struct {
		Predictions []struct {
			Line       string
			Prediction struct {
				State       string
				TimeToClear struct {
					Lower  *time.Time `json:"lower_time"`
					Median *time.Time `json:"median_time"`
					Upper  *time.Time `json:"upper_time"`
				} `json:"time_to_clear"`
			}
		}
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return s, err
	}
	p := a.Predictions[0]
	s.line, s.state, s.answered = p.Line, p.Prediction.State, true
	c := p.Prediction.TimeToClear
	if c.Median != nil {
		s.median = *c.Median
	}
	if c.Lower != nil {
		s.lower = *c.Lower
	}
	if s.noUpper = c.Upper == nil; !s.noUpper {
		s.upper = *c.Upper
	}
	return s, nil
}

// say prints what happens, and when.
func (l *lab) say(format string, args ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(l.begin).Seconds(), fmt.Sprintf(format, args...))
}

// follow looks every second, and asks every five, for as long as until allows.
func (l *lab) follow(ctx context.Context, until func() bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	next := time.Now()
	for !until() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-l.work.failed:
			return err
		case <-tick.C:
		}
		if time.Now().After(next) {
			next = next.Add(5 * time.Second)
			s, err := l.ask()
			if err != nil {
				continue // it may not have found the queue yet
			}
			l.seen = append(l.seen, s)
			l.say("%d wait; %s", s.backlog, s.line)
		}
	}
	return nil
}

func after(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// story is what happens.
func (l *lab) story(ctx context.Context) error {
	l.begin = time.Now()
	l.say("starting RabbitMQ, Prometheus, Alertmanager, exporter and bot")
	if err := l.startAll(ctx); err != nil {
		return err
	}
	var err error
	if l.work, err = newWork(ctx, fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", l.ports["amqp"]), l.inflow, l.outflow); err != nil {
		return err
	}
	l.say("%.0f items/s enter, %.0f/s can be taken", l.inflow, l.outflow)
	if err := l.follow(ctx, after(l.warmUp)); err != nil {
		return err
	}
	l.say("the outage begins")
	l.work.down.Store(true)
	if err := l.follow(ctx, after(l.outage)); err != nil {
		return err
	}
	l.check("an alert fired and the bot said so", l.posted(1))
	l.say("the outage ends")
	l.work.down.Store(false)
	end := time.Now().Add(l.limit)
	target := func() bool {
		if l.cleared.IsZero() && l.work.backlog() <= l.target {
			l.cleared = time.Now()
		}
		return !l.cleared.IsZero() || time.Now().After(end)
	}
	pause := after(12 * time.Second)
	if err := l.follow(ctx, func() bool { return pause() || target() }); err != nil {
		return err
	}
	l.picture("draining.png")
	l.asked()
	l.say("Prometheus is killed")
	for _, p := range l.running {
		if p.name == "prometheus" {
			p.stop(syscall.SIGKILL)
		}
	}
	away := after(15 * time.Second)
	if err := l.follow(ctx, func() bool { return away() || target() }); err != nil {
		return err
	}
	l.check("while Prometheus is away the exporter serves what it has, and its answer grows old", l.old())
	l.say("Prometheus is back")
	if _, err := l.startPrometheus(ctx); err != nil {
		return err
	}
	if err := l.follow(ctx, target); err != nil {
		return err
	}
	if l.cleared.IsZero() {
		return fmt.Errorf("not cleared in %s: %d wait", l.limit, l.work.backlog())
	}
	l.say("cleared: %d or fewer wait", l.target)
	closing := after(40 * time.Second)
	if err := l.follow(ctx, func() bool { return closing() || l.closed() }); err != nil {
		return err
	}
	l.checks()
	return nil
}

// posted reports whether as many messages came as there must be by now.
func (l *lab) posted(n int) error {
	if got := len(l.chat.all()); got < n {
		return fmt.Errorf("%d messages, want %d or more", got, n)
	}
	return nil
}

// closed reports whether the bot has closed the incident.
func (l *lab) closed() bool {
	all := l.chat.all()
	return len(all) > 1 && strings.Contains(all[len(all)-1].Text, "cleared at")
}

// old reports whether the last answer says that it is not fresh.
func (l *lab) old() error {
	text, err := get(l.base("exporter") + "/metrics")
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "\nbacklog_exporter_read_failures_total ") || strings.Contains(string(text), "\nbacklog_exporter_read_failures_total 0\n") {
		return errors.New("no failure was counted")
	}
	s, err := l.ask()
	if err == nil && s.state != "unknown" && !strings.Contains(string(text), `backlog_state{queue="mail-out",state="draining"} 1`) {
		err = fmt.Errorf("the state is %s", s.state)
	}
	return err
}

// asked checks what people in the chat get: the fan chart, and an answer to the slash command.
func (l *lab) asked() {
	var chart []byte
	err := errors.New("no message has a chart")
	if all := l.chat.all(); len(all) > 0 && all[0].chart() != "" {
		if chart, err = get(all[0].chart()); err == nil && !strings.HasPrefix(string(chart), "\x89PNG") {
			err = errors.New("it is no PNG")
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(l.dir, "chart.png"), chart, 0o644)
	}
	l.check("the fan chart of the first message", err)
	text, err := command(l.base("bot"), mailOut+" by +2h level 0.5")
	if err == nil && !strings.Contains(text, mailOut+": ") {
		err = fmt.Errorf("it says %q", text)
	}
	l.check("the slash command /drain", err)
	if err == nil {
		l.say("/drain %s by +2h level 0.5: %s", mailOut, text)
	}
}

// picture takes one of the page, where there is a browser.
func (l *lab) picture(name string) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		l.say("no picture of the page: chromium not found")
		return
	}
	err = l.tool(nil, browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1240,1100", "--virtual-time-budget=8000", "--user-data-dir="+filepath.Join(l.dir, "chromium"),
		"--screenshot="+filepath.Join(l.dir, name), l.base("exporter")+"/")
	if info, e := os.Stat(filepath.Join(l.dir, name)); err == nil && (e != nil || info.Size() < 10000) {
		err = errors.New("no picture was made")
	}
	l.check("the page in a browser", err)
}

// checks are those at the end.
func (l *lab) checks() {
	text, err := get(l.base("exporter") + "/metrics")
	if err == nil {
		err = l.tool(text, "promtool", "check", "metrics")
	}
	l.check("promtool check metrics", err)
	l.check("each expression of the dashboard is valid, and gives something", l.dashboard())
	all := l.chat.all()
	said := map[string]bool{}
	err = nil
	for i, m := range all {
		switch {
		case said[m.Text]:
			err = errors.Join(err, fmt.Errorf("said twice: %s", m.Text))
		case i == 0 && m.Thread != "":
			err = errors.Join(err, errors.New("the first message is in a thread"))
		case i > 0 && m.Thread != all[0].TS:
			err = errors.Join(err, fmt.Errorf("not in the thread: %s", m.Text))
		}
		said[m.Text] = true
	}
	if len(l.chat.strange) > 0 {
		err = errors.Join(err, fmt.Errorf("strange requests: %q", l.chat.strange))
	}
	l.check("nothing was said twice, and all in one thread", err)
	err = nil
	if l.chat.refused < 2 {
		err = errors.New("the chat was never down")
	}
	l.check("what the chat refused came later", errors.Join(err, l.posted(2)))
	err = nil
	if !l.closed() {
		err = errors.New("no closing message")
	}
	l.check("the bot closed the incident with what was predicted and what happened", err)
	if text, err := get(l.base("alertmanager") + "/api/v2/alerts?filter=" + url.QueryEscape(`queue="mail-out"`)); err == nil && strings.Contains(string(text), `"state":"active"`) {
		l.check("all alerts are resolved", errors.New("one still fires"))
	} else {
		l.check("all alerts are resolved", err)
	}
}

// report prints the true time beside the predictions, and what was posted.
func (l *lab) report() {
	fmt.Println()
	if !l.cleared.IsZero() {
		fmt.Printf("cleared at %s; predictions on the way (seconds from then to the true time, and the bounds of them):\n", l.cleared.Format("15:04:05"))
		fmt.Println("   asked   true  median   lower   upper  within  state")
		within, of := 0, 0
		for _, s := range l.seen {
			if !s.at.Before(l.cleared) || s.backlog <= l.target || s.state == "" {
				continue
			}
			number := func(t time.Time, none string) string {
				if t.IsZero() {
					return none
				}
				return fmt.Sprintf("%.0f", math.Max(0, t.Sub(s.at).Seconds()))
			}
			held := "-"
			if !s.lower.IsZero() {
				of++
				held = "no"
				if !l.cleared.Before(s.lower) && (s.noUpper || !l.cleared.After(s.upper)) {
					held = "yes"
					within++
				}
			}
			fmt.Printf("%5.0f s  %5.0f  %6s  %6s  %6s  %-6s  %s\n", s.at.Sub(l.begin).Seconds(), l.cleared.Sub(s.at).Seconds(), number(s.median, "never"), number(s.lower, "-"), number(s.upper, "never"), held, s.state)
		}
		fmt.Printf("%d of %d bounds at level 0.9 held\n", within, of)
	}
	if l.chat == nil {
		return
	}
	fmt.Println("\nposted to the chat:")
	for _, m := range l.chat.all() {
		thread := ""
		if m.Thread != "" {
			thread = "  ↳ "
		}
		fmt.Printf("%4.0f s  %s%s\n", m.At.Sub(l.begin).Seconds(), thread, strings.ReplaceAll(m.Text, "\n", "\n        "))
	}
	if text, err := json.MarshalIndent(l.chat.all(), "", "  "); err == nil && l.keep {
		os.WriteFile(filepath.Join(l.dir, "chat.json"), append(text, '\n'), 0o644)
	}
	fmt.Println()
}
