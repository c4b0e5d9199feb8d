package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/plain"
)

// config is what the configuration file says; see backlog.yml.
type config struct {
	// Prometheus is the base URL of the server.
	Prometheus string `yaml:"prometheus"`
	// Step is the time between two samples: that between two scrapes of the server, or more.
	Step time.Duration `yaml:"step"`
	// History is how far back the first reading goes.
	History time.Duration `yaml:"history"`
	// Timeout is how long one query may take.
	Timeout time.Duration `yaml:"timeout"`
	// Forget is after how long without a sample a queue that was found by a label is dropped.
	Forget time.Duration `yaml:"forget"`
	// MaxQueues is how many queues there may be: each takes some 30 KiB.
	MaxQueues int     `yaml:"max_queues"`
	Queues    []entry `yaml:"queues"`
}

// entry is one queue or, with a label, all those that an expression finds.
type entry struct {
	Name string `yaml:"name"`
	// Label is the one whose values are the names of the queues.
	Label string `yaml:"label"`

	// PromQL expressions. Of a flow either the rate in items/s or the running total, which needs no rate().
	Backlog      string `yaml:"backlog"`
	Inflow       string `yaml:"inflow"`
	Outflow      string `yaml:"outflow"`
	InflowTotal  string `yaml:"inflow_total"`
	OutflowTotal string `yaml:"outflow_total"`

	Target    float64    `yaml:"target"`
	Level     float64    `yaml:"level"`
	Deadlines []deadline `yaml:"deadlines"`
	Zone      string     `yaml:"zone"`
	// Memory bounds the estimator of each queue; see drain.WithMemory.
	Memory int `yaml:"memory"`

	zone *time.Location
}

// deadline is a moment that drain.ParseWhen reads.
type deadline struct{ drain.When }

// UnmarshalYAML says where one stands that cannot be read.
func (d *deadline) UnmarshalYAML(node *yaml.Node) error {
	if err := d.UnmarshalText([]byte(node.Value)); err != nil {
		return fmt.Errorf("line %d: deadline %w", node.Line, plain.Error(err))
	}
	return nil
}

// mostPoints is how many steps the history may have: Prometheus answers no more in one query, and it is enough for any record.
const mostPoints = 11000

func readConfig(path string) (config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(bytes.NewReader(text))
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseConfig(r io.Reader) (config, error) {
	c := config{Step: 15 * time.Second, History: 12 * time.Hour, Timeout: 10 * time.Second, Forget: 24 * time.Hour, MaxQueues: 10000}
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, plain.Error(err)
	}
	u, err := url.Parse(c.Prometheus)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return c, errors.New("prometheus: want the URL of a server, such as http://127.0.0.1:9090")
	}
	switch {
	case c.Step < time.Second:
		return c, fmt.Errorf("step is %s, want 1s or more", c.Step)
	case c.History < 0 || c.History > mostPoints*c.Step:
		return c, fmt.Errorf("history is %s, want 0s to %s, %d steps", c.History, mostPoints*c.Step, mostPoints)
	case c.Timeout <= 0:
		return c, fmt.Errorf("timeout is %s, want more than 0s", c.Timeout)
	case c.Forget <= 0:
		return c, fmt.Errorf("forget is %s, want more than 0s", c.Forget)
	case c.MaxQueues <= 0:
		return c, fmt.Errorf("max_queues is %d, want 1 or more", c.MaxQueues)
	case len(c.Queues) == 0:
		return c, errors.New("queues: none, want one or more")
	}
	names := map[string]bool{}
	for i := range c.Queues {
		e := &c.Queues[i]
		if err := e.check(); err != nil {
			return c, fmt.Errorf("queue %d (%s%s): %w", i+1, e.Name, e.Label, err)
		}
		if e.Name != "" && names[e.Name] {
			return c, fmt.Errorf("queue %d: a second one is named %q", i+1, e.Name)
		}
		names[e.Name] = true
	}
	return c, nil
}

func (e *entry) check() error {
	switch {
	case (e.Name == "") == (e.Label == ""):
		return errors.New("want a name, or the label whose values are the names")
	case e.Backlog == "" && e.Inflow == "" && e.Outflow == "" && e.InflowTotal == "" && e.OutflowTotal == "":
		return errors.New("no expression: want a backlog, an inflow or inflow_total, an outflow or outflow_total")
	case e.Inflow != "" && e.InflowTotal != "":
		return errors.New("inflow and inflow_total, want one of them")
	case e.Outflow != "" && e.OutflowTotal != "":
		return errors.New("outflow and outflow_total, want one of them")
	case e.Memory < 0:
		return fmt.Errorf("memory is %d bytes, want 0 or more", e.Memory)
	}
	var err error
	if e.zone, err = time.LoadLocation(e.Zone); err != nil {
		return fmt.Errorf("zone is %q, want a name such as Europe/Berlin", e.Zone)
	}
	// The rest is checked by the library, with its words.
	_, err = drain.NewEstimator().Predict(drain.Question{Target: e.Target, Level: e.Level})
	return plain.Error(err)
}

// expressions are those that are asked for, in a fixed order.
func (e *entry) expressions() []expression {
	var all []expression
	for _, x := range []expression{
		{e.Backlog, func(s *drain.Sample, v float64) { s.Backlog = drain.Items(v) }},
		{e.Inflow, func(s *drain.Sample, v float64) { s.Inflow = drain.PerSecond(v) }},
		{e.Outflow, func(s *drain.Sample, v float64) { s.Outflow = drain.PerSecond(v) }},
		{e.InflowTotal, func(s *drain.Sample, v float64) { s.Inflow = drain.Total(v) }},
		{e.OutflowTotal, func(s *drain.Sample, v float64) { s.Outflow = drain.Total(v) }},
	} {
		if x.query != "" {
			all = append(all, x)
		}
	}
	return all
}

// expression is a query and where its values go.
type expression struct {
	query string
	set   func(*drain.Sample, float64)
}
