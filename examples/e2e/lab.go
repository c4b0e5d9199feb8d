package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// lab is everything that was started, and where.
type lab struct {
	options
	dir     string // temporary, or that of -o
	keep    bool
	ports   map[string]int
	running []*process
	chat    *chat
	work    *work

	begin          time.Time
	seen           []seen
	cleared        time.Time
	passed, failed int
}

// process is a program that was started.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

func newLab(o options) (*lab, error) {
	l := &lab{options: o, ports: map[string]int{}, keep: o.output != ""}
	if l.source == "" {
		_, file, _, _ := runtime.Caller(0)
		l.source = filepath.Dir(filepath.Dir(file))
	}
	var err error
	if l.source, err = filepath.Abs(l.source); err != nil {
		return nil, err
	}
	if l.keep {
		if err = os.MkdirAll(o.output, 0o755); err == nil {
			l.dir, err = filepath.Abs(o.output)
		}
	} else {
		l.dir, err = os.MkdirTemp("", "backlog_e2e.")
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"amqp", "rabbit", "epmd", "dist", "prometheus", "alertmanager", "exporter", "bot"} {
		// Free now; somebody else may take it before it is used, and then the server says so.
		n, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		l.ports[name] = n.Addr().(*net.TCPAddr).Port
		defer n.Close()
	}
	return l, nil
}

func (l *lab) close() {
	if l.work != nil {
		l.work.stop()
	}
	for i := len(l.running) - 1; i >= 0; i-- {
		l.running[i].stop(syscall.SIGTERM)
	}
	if l.chat != nil {
		l.chat.close()
	}
	if !l.keep {
		os.RemoveAll(l.dir)
	}
}

// base is the URL of a server.
func (l *lab) base(name string) string { return fmt.Sprintf("http://127.0.0.1:%d", l.ports[name]) }

// file writes one into the lab; $name is a port.
func (l *lab) file(name, text string) (string, error) {
	text = regexp.MustCompile(`\$([a-z]+)`).ReplaceAllStringFunc(text, func(s string) string { return fmt.Sprint(l.ports[s[1:]]) })
	path := filepath.Join(l.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// start starts a program, whose output goes to a file of its name.
func (l *lab) start(name string, environment []string, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(l.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, log, log
	cmd.Env = append(os.Environ(), environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program, which then stops them in order
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &process{name, cmd, log, make(chan struct{})}
	go func() { cmd.Wait(); log.Close(); close(p.done) }()
	l.running = append(l.running, p)
	return p, nil
}

// stop ends a process and all that it started.
func (p *process) stop(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		syscall.Kill(-p.cmd.Process.Pid, s)
		select {
		case <-p.done:
		case <-time.After(15 * time.Second):
		}
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what is left of it
	<-p.done
}

// ready waits until a URL answers, or its process has ended.
func (l *lab) ready(ctx context.Context, p *process, url string) error {
	for range 300 {
		r, err := client.Get(url)
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log.Name())
			return fmt.Errorf("%s has ended: %s", p.name, tail(text, 600))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer at %s", p.name, url)
}

func tail(text []byte, n int) string {
	return strings.TrimSpace(string(text[max(0, len(text)-n):]))
}

var client = &http.Client{Timeout: 10 * time.Second}

// get reads an answer, which must be a good one.
func get(url string) ([]byte, error) {
	r, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, r.Status, tail(text, 300))
	}
	return text, err
}

// tool runs a program to its end.
func (l *lab) tool(stdin []byte, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdin = l.dir, bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, tail(out, 600))
	}
	return nil
}

// check counts a check, and prints it.
func (l *lab) check(what string, err error) {
	if err != nil {
		l.failed++
		fmt.Printf("FAILED  %s: %v\n", what, err)
		return
	}
	l.passed++
	fmt.Printf("ok      %s\n", what)
}

// build builds one of the examples.
func (l *lab) build(name string) (string, error) {
	to := filepath.Join(l.dir, name)
	cmd := exec.Command("go", "build", "-o", to, "./"+name)
	cmd.Dir = l.source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", name, err, tail(out, 600))
	}
	return to, nil
}

func (l *lab) startRabbit(ctx context.Context) error {
	if _, err := l.start("epmd", nil, "epmd", "-address", "127.0.0.1", "-port", fmt.Sprint(l.ports["epmd"])); err != nil {
		return err
	}
	conf, err := l.file("rabbitmq.conf", `listeners.tcp.default = 127.0.0.1:$amqp
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $rabbit
# Unless said otherwise the numbers of queues are those of the last five seconds.
collect_statistics_interval = 1000
`)
	if err != nil {
		return err
	}
	plugins, _ := l.file("enabled_plugins", "[rabbitmq_prometheus].\n")
	none, _ := l.file("rabbitmq-env.conf", "")
	at := func(name string) string { return filepath.Join(l.dir, name) }
	p, err := l.start("rabbitmq", []string{
		"HOME=" + l.dir, "ERL_EPMD_ADDRESS=127.0.0.1", fmt.Sprint("ERL_EPMD_PORT=", l.ports["epmd"]), "RABBITMQ_NODENAME=backlog@localhost", fmt.Sprint("RABBITMQ_DIST_PORT=", l.ports["dist"]),
		"RABBITMQ_MNESIA_BASE=" + at("mnesia"), "RABBITMQ_LOG_BASE=" + at("rabbitmq_log"), "RABBITMQ_CONFIG_FILE=" + conf, "RABBITMQ_ADVANCED_CONFIG_FILE=" + at("advanced.config"),
		"RABBITMQ_CONF_ENV_FILE=" + none, "RABBITMQ_ENABLED_PLUGINS_FILE=" + plugins, "RABBITMQ_PID_FILE=" + at("rabbitmq.pid"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
	}, rabbit)
	if err != nil {
		return err
	}
	return l.ready(ctx, p, l.base("rabbit")+"/metrics")
}

func (l *lab) startPrometheus(ctx context.Context) (*process, error) {
	p, err := l.start("prometheus", nil, "prometheus", "--config.file="+filepath.Join(l.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(l.dir, "tsdb"),
		fmt.Sprint("--web.listen-address=127.0.0.1:", l.ports["prometheus"]))
	if err != nil {
		return nil, err
	}
	return p, l.ready(ctx, p, l.base("prometheus")+"/-/ready")
}

// start all that watches the queue.
func (l *lab) startAll(ctx context.Context) error {
	exporter, err := l.build("exporter")
	if err != nil {
		return err
	}
	bot, err := l.build("incidentbot")
	if err != nil {
		return err
	}
	if err := l.startRabbit(ctx); err != nil {
		return err
	}
	// The rules of the example, which wait for minutes; the outage is shorter than that.
	rules, err := os.ReadFile(filepath.Join(l.source, "exporter", "alerts.yml"))
	if err != nil {
		return err
	}
	rules = regexp.MustCompile(`for: \d+[mh]`).ReplaceAll(rules, []byte("for: 3s"))
	if err := os.WriteFile(filepath.Join(l.dir, "alerts.yml"), rules, 0o600); err != nil {
		return err
	}
	if _, err := l.file("prometheus.yml", `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [alerts.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$alertmanager"]}]}]}
scrape_configs:
  - job_name: rabbitmq
    metrics_path: /metrics/detailed
    params: {family: [queue_coarse_metrics, channel_queue_metrics, channel_queue_exchange_metrics]}
    static_configs: [{targets: ["127.0.0.1:$rabbit"]}]
  - job_name: backlog
    static_configs: [{targets: ["127.0.0.1:$exporter"]}]
`); err != nil {
		return err
	}
	l.check("promtool check config and rules", l.tool(nil, "promtool", "check", "config", "prometheus.yml"))
	l.check("promtool check config of the example", l.tool(nil, "promtool", "check", "config", filepath.Join(l.source, "exporter", "prometheus.yml")))
	tests := filepath.Join(l.source, "exporter", "alerts_test.yml")
	l.check("promtool test rules", l.tool(nil, "promtool", "test", "rules", tests))
	if _, err := l.startPrometheus(ctx); err != nil {
		return err
	}
	alerting, _ := l.file("alertmanager.yml", `route: {receiver: bot, group_by: [queue], group_wait: 1s, group_interval: 2s, repeat_interval: 10s}
receivers: [{name: bot, webhook_configs: [{url: "http://127.0.0.1:$bot/alerts", send_resolved: true}]}]
`)
	am, err := l.start("alertmanager", nil, "prometheus-alertmanager", "--config.file="+alerting, "--storage.path="+filepath.Join(l.dir, "alertmanager"),
		fmt.Sprint("--web.listen-address=127.0.0.1:", l.ports["alertmanager"]), "--cluster.listen-address=")
	if err != nil {
		return err
	}
	if err := l.ready(ctx, am, l.base("alertmanager")+"/-/ready"); err != nil {
		return err
	}
	config, _ := l.file("backlog.yml", fmt.Sprintf(`prometheus: http://127.0.0.1:$prometheus
step: 1s
history: 10m
timeout: 5s
queues:
  - label: queue
    backlog: sum by (queue) (rabbitmq_detailed_queue_messages)
    inflow_total: sum by (queue) (rabbitmq_detailed_queue_messages_published_total)
    outflow_total: sum by (queue) (rabbitmq_detailed_channel_messages_acked_total)
    target: %d
    zone: Europe/Berlin
    deadlines: [%q]
`, l.target, time.Now().Add(l.warmUp+l.outage+time.Minute).Format(time.RFC3339)))
	x, err := l.start("exporter", nil, exporter, "-config", config, "-listen", fmt.Sprint("127.0.0.1:", l.ports["exporter"]))
	if err != nil {
		return err
	}
	if err := l.ready(ctx, x, l.base("exporter")+"/healthz"); err != nil {
		return err
	}
	l.chat = newChat()
	b, err := l.start("incidentbot", []string{"SLACK_BOT_TOKEN=" + token, "SLACK_SIGNING_SECRET=" + secret}, bot, "-exporter", l.base("exporter"), "-listen", fmt.Sprint("127.0.0.1:", l.ports["bot"]), "-state", filepath.Join(l.dir, "bot.json"),
		"-every", "2s", "-pause", "6s", "-slack-channel", "C1", "-slack-api", l.chat.base(), "-chart-base", l.base("exporter"), "-tz", "Europe/Berlin")
	if err != nil {
		return err
	}
	return l.ready(ctx, b, l.base("bot")+"/healthz")
}

// expressions are those of the dashboard.
func (l *lab) expressions() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(l.source, "exporter", "dashboard.json"))
	if err != nil {
		return nil, err
	}
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	var all []string
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all = append(all, strings.ReplaceAll(t.Expr, "$queue", ".*"))
		}
	}
	return all, nil
}

// dashboard asks the server for each expression of the dashboard; those of the record and of rejected samples may give nothing.
func (l *lab) dashboard() error {
	expressions, err := l.expressions()
	if err != nil {
		return err
	}
	if len(expressions) < 10 {
		return fmt.Errorf("%d expressions", len(expressions))
	}
	for _, e := range expressions {
		text, err := get(l.base("prometheus") + "/api/v1/query?query=" + url.QueryEscape(e))
		if err != nil {
			return err
		}
		if strings.Contains(string(text), `"result":[]`) && !strings.Contains(e, "samples_re") && !strings.Contains(e, "< Inf") {
			return fmt.Errorf("%s gives nothing", e)
		}
	}
	return nil
}
