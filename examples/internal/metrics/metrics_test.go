package metrics_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/metrics"
)

// at has the Unix time 1795446000 = 20780 · 86 400 + 15 · 3600.
var at = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// predict answers from numbers as of at.
func predict(t *testing.T, n drain.Numbers, deadlines ...time.Time) drain.Prediction {
	t.Helper()
	p, err := n.Predict(drain.Question{At: at, Deadlines: deadlines})
	require.NoError(t, err)
	return p
}

// snapshots are a queue that drains, one that grows and one of which nothing is known.
func snapshots(t *testing.T) map[string]metrics.Snapshot {
	unknown, err := drain.NewEstimator().Predict(drain.Question{At: at, Deadlines: []time.Time{at.Add(time.Hour)}})
	require.NoError(t, err)
	draining := predict(t, drain.Numbers{Queue: "mail", Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(700), Outflow: drain.Exactly(1000)}, at.Add(time.Hour), at.Add(2*time.Hour))
	draining.Counts = drain.Counts{ // numbers have none
		Offered:  20,
		Accepted: 20 - 3 - 1 - 2,
		Repaired: map[drain.Reason]int{drain.Gap: 1, drain.Negative: 2},
		Rejected: map[drain.Reason]int{drain.Negative: 3},
	}
	return map[string]metrics.Snapshot{
		"draining": {Prediction: draining},
		"growing":  {Prediction: predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(1200), Outflow: drain.Exactly(1000)})},
		"unknown":  {Prediction: unknown},
	}
}

// TestLint: Prometheus' own rules for names, units and help find nothing to say.
func TestLint(t *testing.T) {
	for name, s := range snapshots(t) {
		problems, err := testutil.CollectAndLint(s)
		assert.NoError(t, err, name)
		assert.Empty(t, problems, name)
	}
}

// TestRegistry: what is described is what is collected, a registry that checks it finds no fault, and the number of series is fixed.
func TestRegistry(t *testing.T) {
	for name, s := range snapshots(t) {
		registry := prometheus.NewPedanticRegistry()
		require.NoError(t, registry.Register(s), name)
		n, err := testutil.GatherAndCount(registry)
		require.NoError(t, err, name)
		// 19 gauges of the queue alone, 6 states, the samples, 11 reasons for a rejection and for a repair, and one series for each deadline.
		assert.Equal(t, 19+6+1+11+11+len(s.Prediction.Deadlines), n, name)
	}
}

// TestDraining holds values against arithmetic: 1 400 000 items, in 700/s, out 1000/s.
func TestDraining(t *testing.T) {
	s := snapshots(t)["draining"]
	b, c, d := s.Prediction.TimeToClear, s.Prediction.CurrentBacklog, s.Prediction.Delay
	assert.InDelta(t, 4666.7, b.Median, 0.1)         // 1.4e6/(1000 − 700)
	assert.InDelta(t, 1400.0, c.Median, 0.01)        // 1.4e6/1000
	assert.InDelta(t, 2000.0, d.Oldest.Median, 0.01) // 1.4e6/700: as much has entered since
	assert.InDelta(t, 1400.0, d.Newest.Median, 0.01) // 1.4e6/1000, once all that is ahead of it is served
	assert.NoError(t, testutil.CollectAndCompare(s, strings.NewReader(`
# HELP backlog_items Items waiting.
# TYPE backlog_items gauge
backlog_items{queue="mail"} 1.4e+06
# HELP backlog_inflow_per_second Items entering per second.
# TYPE backlog_inflow_per_second gauge
backlog_inflow_per_second{queue="mail"} 700
# HELP backlog_outflow_per_second Items leaving per second.
# TYPE backlog_outflow_per_second gauge
backlog_outflow_per_second{queue="mail"} 1000
# HELP backlog_net_drain_per_second Items by which the backlog shrinks per second; negative where it grows.
# TYPE backlog_net_drain_per_second gauge
backlog_net_drain_per_second{queue="mail"} 300
# HELP backlog_never_probability Probability that the target is not reached within the horizon.
# TYPE backlog_never_probability gauge
backlog_never_probability{queue="mail"} 0
# HELP backlog_deadline_probability Probability that the target is reached by the deadline.
# TYPE backlog_deadline_probability gauge
backlog_deadline_probability{deadline="2026-11-23T16:00:00Z",queue="mail"} 0
backlog_deadline_probability{deadline="2026-11-23T17:00:00Z",queue="mail"} 1
# HELP backlog_state 1 for the state that the queue is in, 0 for the others.
# TYPE backlog_state gauge
backlog_state{queue="mail",state="cleared"} 0
backlog_state{queue="mail",state="draining"} 1
backlog_state{queue="mail",state="growing"} 0
backlog_state{queue="mail",state="stalled"} 0
backlog_state{queue="mail",state="steady"} 0
backlog_state{queue="mail",state="unknown"} 0
# HELP backlog_samples_rejected_total Samples that could not be used.
# TYPE backlog_samples_rejected_total counter
backlog_samples_rejected_total{queue="mail",reason="absurd_jump"} 0
backlog_samples_rejected_total{queue="mail",reason="clock_ahead"} 0
backlog_samples_rejected_total{queue="mail",reason="clock_back"} 0
backlog_samples_rejected_total{queue="mail",reason="counter_reset"} 0
backlog_samples_rejected_total{queue="mail",reason="duplicate"} 0
backlog_samples_rejected_total{queue="mail",reason="gap"} 0
backlog_samples_rejected_total{queue="mail",reason="negative"} 3
backlog_samples_rejected_total{queue="mail",reason="not_finite"} 0
backlog_samples_rejected_total{queue="mail",reason="nothing_read"} 0
backlog_samples_rejected_total{queue="mail",reason="out_of_order"} 0
backlog_samples_rejected_total{queue="mail",reason="partial_reset"} 0
# HELP backlog_samples_repaired_total Samples that were used after a repair, or in part.
# TYPE backlog_samples_repaired_total counter
backlog_samples_repaired_total{queue="mail",reason="absurd_jump"} 0
backlog_samples_repaired_total{queue="mail",reason="clock_ahead"} 0
backlog_samples_repaired_total{queue="mail",reason="clock_back"} 0
backlog_samples_repaired_total{queue="mail",reason="counter_reset"} 0
backlog_samples_repaired_total{queue="mail",reason="duplicate"} 0
backlog_samples_repaired_total{queue="mail",reason="gap"} 1
backlog_samples_repaired_total{queue="mail",reason="negative"} 2
backlog_samples_repaired_total{queue="mail",reason="not_finite"} 0
backlog_samples_repaired_total{queue="mail",reason="nothing_read"} 0
backlog_samples_repaired_total{queue="mail",reason="out_of_order"} 0
backlog_samples_repaired_total{queue="mail",reason="partial_reset"} 0
# HELP backlog_samples_total Samples offered.
# TYPE backlog_samples_total counter
backlog_samples_total{queue="mail"} 20
# HELP backlog_net_positive_probability Probability that the backlog shrinks.
# TYPE backlog_net_positive_probability gauge
backlog_net_positive_probability{queue="mail"} 1
`), "backlog_items", "backlog_inflow_per_second", "backlog_outflow_per_second", "backlog_net_drain_per_second", "backlog_never_probability",
		"backlog_deadline_probability", "backlog_state", "backlog_samples_rejected_total", "backlog_samples_repaired_total", "backlog_samples_total", "backlog_net_positive_probability"))
	for name, want := range map[string]float64{
		"backlog_time_to_clear_seconds":         b.Median,
		"backlog_time_to_clear_lower_seconds":   b.Lower,
		"backlog_time_to_clear_upper_seconds":   b.Upper,
		"backlog_current_served_seconds":        c.Median,
		"backlog_delay_oldest_seconds":          d.Oldest.Median,
		"backlog_delay_newest_seconds":          d.Newest.Median,
		"backlog_leak_per_second":               math.NaN(), // what leaves is given, not compared
		"backlog_clear_timestamp_seconds":       1795446000 + b.Median,
		"backlog_clear_timestamp_lower_seconds": 1795446000 + b.Lower,
		"backlog_clear_timestamp_upper_seconds": 1795446000 + b.Upper,
		"backlog_record_coverage_ratio":         math.NaN(), // no record yet
		"backlog_record_predictions":            0,
		"backlog_last_sample_timestamp_seconds": math.NaN(), // numbers, no samples
	} {
		assert.Equal(t, text(want), values(t, s, name), name)
	}
}

// TestExtremes: +Inf is never and NaN is unknown.
func TestExtremes(t *testing.T) {
	growing, unknown := snapshots(t)["growing"], snapshots(t)["unknown"]
	for _, name := range []string{
		"backlog_time_to_clear_seconds", "backlog_time_to_clear_lower_seconds", "backlog_time_to_clear_upper_seconds",
		"backlog_clear_timestamp_seconds", "backlog_clear_timestamp_lower_seconds", "backlog_clear_timestamp_upper_seconds",
	} {
		assert.Equal(t, text(math.Inf(1)), values(t, growing, name), name)
		assert.Equal(t, text(math.NaN()), values(t, unknown, name), name)
	}
	assert.Equal(t, text(1), values(t, growing, "backlog_never_probability"))
	assert.Equal(t, text(0), values(t, growing, "backlog_net_positive_probability"))
	assert.Equal(t, text(-200), values(t, growing, "backlog_net_drain_per_second")) // 1000 − 1200
	for _, name := range []string{
		"backlog_items", "backlog_inflow_per_second", "backlog_outflow_per_second", "backlog_net_drain_per_second", "backlog_current_served_seconds",
		"backlog_never_probability", "backlog_deadline_probability", "backlog_record_coverage_ratio", "backlog_last_sample_timestamp_seconds",
		"backlog_delay_oldest_seconds", "backlog_delay_newest_seconds", "backlog_leak_per_second", "backlog_net_positive_probability",
	} {
		assert.Equal(t, text(math.NaN()), values(t, unknown, name), name)
	}
}

// TestEveryReason: all reasons are there for what was rejected and for what was repaired, those that never occurred with 0.
func TestEveryReason(t *testing.T) {
	for name, s := range snapshots(t) {
		for metric, want := range map[string]map[drain.Reason]int{
			"backlog_samples_rejected_total": s.Prediction.Counts.Rejected,
			"backlog_samples_repaired_total": s.Prediction.Counts.Repaired,
		} {
			got := map[drain.Reason]int{}
			each(t, s, metric, func(labels map[string]string, x float64) { got[drain.Reason(labels["reason"])] = int(x) })
			all := map[drain.Reason]int{}
			for _, r := range drain.Problems() {
				all[r] = want[r]
			}
			assert.Equal(t, all, got, name+" "+metric)
		}
	}
}

// TestCounts: what the estimator counted is what is shown.
func TestCounts(t *testing.T) {
	est := drain.NewEstimator()
	for i, s := range []drain.Sample{
		{Backlog: drain.Items(5), Delay: drain.Seconds(30)},
		{Backlog: drain.Items(-1)},                          // rejected
		{Backlog: drain.Items(6), Inflow: drain.Count(-1)},  // used in part
		{Backlog: drain.Items(-1), Inflow: drain.Count(-1)}, // rejected
		{Backlog: drain.Items(math.NaN())},                  // rejected
		{},                                                  // rejected: nothing but a time
		{Backlog: drain.Items(7), Delay: drain.Seconds(40)},
	} {
		s.Time = at.Add(time.Duration(i) * time.Minute)
		_ = est.Observe(s) // an error for each of those above
	}
	p, err := est.Predict(drain.Question{At: at.Add(6 * time.Minute)})
	require.NoError(t, err)
	s := metrics.Snapshot{Prediction: p}
	assert.Equal(t, "7", values(t, s, "backlog_samples_total"))
	// In the order of the names: absurd_jump, clock_ahead, clock_back, counter_reset, duplicate, gap, negative, not_finite, nothing_read, …
	assert.Equal(t, "0 0 0 0 0 0 2 1 1 0 0", values(t, s, "backlog_samples_rejected_total"))
	assert.Equal(t, "0 0 0 0 0 0 1 0 0 0 0", values(t, s, "backlog_samples_repaired_total"))
	assert.Equal(t, "40", values(t, s, "backlog_delay_oldest_seconds")) // that which was reported last
}

// TestLeak: what leaves unmeasured, or enters where it is negative.
func TestLeak(t *testing.T) {
	for _, rate := range []float64{0.25, -0.25, math.NaN()} {
		assert.Equal(t, text(rate), values(t, metrics.Snapshot{Prediction: drain.Prediction{Leak: drain.Leak{Rate: rate}}}, "backlog_leak_per_second"))
	}
}

// TestLastSample: the time of the last sample with a backlog, to the fraction of a second.
func TestLastSample(t *testing.T) {
	est := drain.NewEstimator()
	require.NoError(t, est.Observe(drain.Sample{Time: at.Add(250 * time.Millisecond), Backlog: drain.Items(5)}))
	p, err := est.Predict(drain.Question{At: at.Add(time.Minute)})
	require.NoError(t, err)
	assert.Equal(t, text(1795446000.25), values(t, metrics.Snapshot{Prediction: p}, "backlog_last_sample_timestamp_seconds"))
}

// TestDeadlines: a deadline asked for twice is one series, two in one second are two.
func TestDeadlines(t *testing.T) {
	n := drain.Numbers{Backlog: drain.Exactly(0), Net: drain.Exactly(1)}
	s := metrics.Snapshot{Prediction: predict(t, n, at, at.Add(500*time.Millisecond), at)}
	assert.NoError(t, testutil.CollectAndCompare(s, strings.NewReader(`
# HELP backlog_deadline_probability Probability that the target is reached by the deadline.
# TYPE backlog_deadline_probability gauge
backlog_deadline_probability{deadline="2026-11-23T15:00:00Z",queue=""} 1
backlog_deadline_probability{deadline="2026-11-23T15:00:00.5Z",queue=""} 1
`), "backlog_deadline_probability"))
}

// TestQueueName: a name that no label may have is written as well as it can be.
func TestQueueName(t *testing.T) {
	p := predict(t, drain.Numbers{Queue: "a\xffb\"\n", Backlog: drain.Exactly(1), Net: drain.Exactly(1)})
	b := &strings.Builder{}
	require.NoError(t, metrics.Snapshot{Prediction: p}.Write(b))
	assert.Contains(t, b.String(), `backlog_items{queue="a`+"\ufffd"+`b\"\n"} 1`+"\n")
}

// TestWrite: the text format, in the order of the names.
func TestWrite(t *testing.T) {
	b := &strings.Builder{}
	require.NoError(t, snapshots(t)["growing"].Write(b))
	assert.True(t, strings.HasPrefix(b.String(), "# HELP backlog_clear_timestamp_lower_seconds Unix time at which the backlog is at its target, by the lower bound.\n"+
		"# TYPE backlog_clear_timestamp_lower_seconds gauge\n"+
		"backlog_clear_timestamp_lower_seconds{queue=\"\"} +Inf\n"), b.String())

	full := errors.New("disk full")
	assert.ErrorIs(t, snapshots(t)["growing"].Write(failing{full}), full)
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

// text writes a number so that NaN equals NaN.
func text(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// values returns those of all series of one metric, with a space between.
func values(t *testing.T, s metrics.Snapshot, name string) string {
	t.Helper()
	var found []string
	each(t, s, name, func(_ map[string]string, x float64) { found = append(found, text(x)) })
	return strings.Join(found, " ")
}

// each calls f for all series of one metric, in the order of their labels.
func each(t *testing.T, s metrics.Snapshot, name string, f func(labels map[string]string, x float64)) {
	t.Helper()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(s))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			f(labels, m.GetGauge().GetValue()+m.GetCounter().GetValue()) // it is one of the two, and the other one is 0
		}
	}
}
