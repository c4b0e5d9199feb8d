// Package metrics turns a prediction into Prometheus metrics. Times are seconds: +Inf is never, NaN is unknown; every series is always there.
package metrics

import (
	"io"
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/postsack/backlog/drain"
)

// Snapshot is a prometheus.Collector of one prediction.
type Snapshot struct{ Prediction drain.Prediction }

// gauges are those with the label queue alone.
var gauges = []struct {
	desc  *prometheus.Desc
	value func(drain.Prediction) float64
}{
	{describe("items", "Items waiting."), func(p drain.Prediction) float64 { return p.Backlog }},
	{describe("inflow_per_second", "Items entering per second."), func(p drain.Prediction) float64 { return p.Inflow }},
	{describe("outflow_per_second", "Items leaving per second."), func(p drain.Prediction) float64 { return p.Outflow }},
	{describe("net_drain_per_second", "Items by which the backlog shrinks per second; negative where it grows."), func(p drain.Prediction) float64 { return p.NetDrain }},
	{describe("time_to_clear_seconds", "Median of the time until the backlog is at its target; +Inf is never."), func(p drain.Prediction) float64 { return p.TimeToClear.Median }},
	{describe("time_to_clear_lower_seconds", "Lower bound of the time until the backlog is at its target."), func(p drain.Prediction) float64 { return p.TimeToClear.Lower }},
	{describe("time_to_clear_upper_seconds", "Upper bound of the time until the backlog is at its target; +Inf is never."), func(p drain.Prediction) float64 { return p.TimeToClear.Upper }},
	{describe("current_served_seconds", "Median of the time until all that waits now is served, whatever arrives later."), func(p drain.Prediction) float64 { return p.CurrentBacklog.Median }},
	{describe("delay_oldest_seconds", "Median of how long the item served now had waited."), func(p drain.Prediction) float64 { return p.Delay.Oldest.Median }},
	{describe("delay_newest_seconds", "Median of how long an item that arrives now will wait; +Inf is never."), func(p drain.Prediction) float64 { return p.Delay.Newest.Median }},
	{describe("leak_per_second", "Items leaving per second without being measured; negative where they enter, NaN where there is no sign of it."), func(p drain.Prediction) float64 { return p.Leak.Rate }},
	{describe("net_positive_probability", "Probability that the backlog shrinks."), func(p drain.Prediction) float64 { return p.Evidence.NetPositive }},
	{describe("clear_timestamp_seconds", "Unix time at which the backlog is at its target, by the median; +Inf is never."), func(p drain.Prediction) float64 { return unix(p, p.TimeToClear.Median) }},
	{describe("clear_timestamp_lower_seconds", "Unix time at which the backlog is at its target, by the lower bound."), func(p drain.Prediction) float64 { return unix(p, p.TimeToClear.Lower) }},
	{describe("clear_timestamp_upper_seconds", "Unix time at which the backlog is at its target, by the upper bound; +Inf is never."), func(p drain.Prediction) float64 { return unix(p, p.TimeToClear.Upper) }},
	{describe("never_probability", "Probability that the target is not reached within the horizon."), func(p drain.Prediction) float64 { return p.Never }},
	{describe("record_coverage_ratio", "Share of the earlier predictions whose bounds held."), func(p drain.Prediction) float64 { return p.Record.WithinLevel }},
	{describe("record_predictions", "Earlier predictions that were judged."), func(p drain.Prediction) float64 { return float64(p.Record.Predictions) }},
	{describe("last_sample_timestamp_seconds", "Unix time of the last sample with a backlog."), func(p drain.Prediction) float64 { return seconds(p.LastSample) }},
}

var (
	deadline = describe("deadline_probability", "Probability that the target is reached by the deadline.", "deadline")
	state    = describe("state", "1 for the state that the queue is in, 0 for the others.", "state")
	samples  = describe("samples_total", "Samples offered.")
	rejected = describe("samples_rejected_total", "Samples that could not be used.", "reason")
	repaired = describe("samples_repaired_total", "Samples that were used after a repair, or in part.", "reason")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("backlog_"+name, help, append([]string{"queue"}, labels...), nil)
}

// unix is the Unix time that lies after seconds from the moment of asking.
func unix(p drain.Prediction, after float64) float64 { return seconds(p.AsOf) + after }

// seconds is t as Unix seconds, NaN where it is unset.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// Describe sends all descriptions.
func (s Snapshot) Describe(to chan<- *prometheus.Desc) {
	for _, g := range gauges {
		to <- g.desc
	}
	to <- deadline
	to <- state
	to <- samples
	to <- rejected
	to <- repaired
}

// Collect sends all values.
func (s Snapshot) Collect(to chan<- prometheus.Metric) {
	p := s.Prediction
	p.Queue = strings.ToValidUTF8(p.Queue, "\ufffd") // a label must be
	for _, g := range gauges {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(p), p.Queue)
	}
	named := map[string]bool{}
	for _, d := range p.Deadlines {
		at := d.Time.UTC().Format(time.RFC3339Nano)
		if named[at] { // asked for twice, yet a series must not come twice
			continue
		}
		named[at] = true
		to <- prometheus.MustNewConstMetric(deadline, prometheus.GaugeValue, d.Probability, p.Queue, at)
	}
	for _, st := range drain.States() {
		is := 0.0
		if st == p.State {
			is = 1
		}
		to <- prometheus.MustNewConstMetric(state, prometheus.GaugeValue, is, p.Queue, string(st))
	}
	to <- prometheus.MustNewConstMetric(samples, prometheus.CounterValue, float64(p.Counts.Offered), p.Queue)
	for _, r := range drain.Problems() {
		to <- prometheus.MustNewConstMetric(rejected, prometheus.CounterValue, float64(p.Counts.Rejected[r]), p.Queue, string(r))
		to <- prometheus.MustNewConstMetric(repaired, prometheus.CounterValue, float64(p.Counts.Repaired[r]), p.Queue, string(r))
	}
}

// Write writes the metrics in Prometheus' text format.
func (s Snapshot) Write(w io.Writer) error {
	registry := prometheus.NewRegistry()
	if err := registry.Register(s); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}
