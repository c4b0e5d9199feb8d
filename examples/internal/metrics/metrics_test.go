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
	return map[string]metrics.Snapshot{
		"draining": {
			Prediction: predict(t, drain.Numbers{Queue: "mail", Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(700), Outflow: drain.Exactly(1000)}, at.Add(time.Hour), at.Add(2*time.Hour)),
			Rejected:   map[drain.Reason]int{drain.Negative: 3},
		},
		"growing": {Prediction: predict(t, drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(1200), Outflow: drain.Exactly(1000)})},
		"unknown": {Prediction: unknown},
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
		// 14 gauges of the queue alone, 6 states, 5 reasons for rejections, and one series for each deadline.
		assert.Equal(t, 14+6+5+len(s.Prediction.Deadlines), n, name)
	}
}

// TestDraining holds values against arithmetic: 1 400 000 items, in 700/s, out 1000/s.
func TestDraining(t *testing.T) {
	s := snapshots(t)["draining"]
	b, c := s.Prediction.TimeToClear, s.Prediction.CurrentBacklog
	assert.InDelta(t, 4666.7, b.Median, 0.1)  // 1.4e6/(1000 − 700)
	assert.InDelta(t, 1400.0, c.Median, 0.01) // 1.4e6/1000
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
backlog_samples_rejected_total{queue="mail",reason="duplicate"} 0
backlog_samples_rejected_total{queue="mail",reason="negative"} 3
backlog_samples_rejected_total{queue="mail",reason="no_backlog"} 0
backlog_samples_rejected_total{queue="mail",reason="not_finite"} 0
backlog_samples_rejected_total{queue="mail",reason="out_of_order"} 0
`), "backlog_items", "backlog_inflow_per_second", "backlog_outflow_per_second", "backlog_net_drain_per_second", "backlog_never_probability",
		"backlog_deadline_probability", "backlog_state", "backlog_samples_rejected_total"))
	for name, want := range map[string]float64{
		"backlog_time_to_clear_seconds":         b.Median,
		"backlog_time_to_clear_lower_seconds":   b.Lower,
		"backlog_time_to_clear_upper_seconds":   b.Upper,
		"backlog_current_served_seconds":        c.Median,
		"backlog_clear_timestamp_seconds":       1795446000 + b.Median,
		"backlog_clear_timestamp_lower_seconds": 1795446000 + b.Lower,
		"backlog_clear_timestamp_upper_seconds": 1795446000 + b.Upper,
		"backlog_record_coverage_ratio":         math.NaN(), // no record yet
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
	assert.Equal(t, text(-200), values(t, growing, "backlog_net_drain_per_second")) // 1000 − 1200
	for _, name := range []string{
		"backlog_items", "backlog_inflow_per_second", "backlog_outflow_per_second", "backlog_net_drain_per_second", "backlog_current_served_seconds",
		"backlog_never_probability", "backlog_deadline_probability", "backlog_record_coverage_ratio", "backlog_last_sample_timestamp_seconds",
	} {
		assert.Equal(t, text(math.NaN()), values(t, unknown, name), name)
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
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(s))
	families, err := registry.Gather()
	require.NoError(t, err)
	var found []string
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				found = append(found, text(m.GetGauge().GetValue()))
			}
		}
	}
	return strings.Join(found, " ")
}
