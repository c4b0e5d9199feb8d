package drain_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// decoded reads what other programs read: the keys of schema 2.
func decoded(t *testing.T, p drain.Prediction) map[string]any {
	t.Helper()
	out, err := json.Marshal(p)
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(out, &fields))
	return fields
}

func TestJSON(t *testing.T) {
	at := time.Date(2026, time.November, 23, 14, 0, 0, 0, time.FixedZone("CET", 3600))
	p, err := drain.Numbers{Queue: "mail-out", Backlog: drain.Exactly(1.4e6), Inflow: drain.About(156, 16), Outflow: drain.About(456, 50)}.Predict(
		drain.Question{At: at, Target: 20, Deadlines: []time.Time{at.Add(2 * time.Hour)}})
	require.NoError(t, err)
	f := decoded(t, p)
	keys := func(m map[string]any) (names []string) {
		for k := range m {
			names = append(names, k)
		}
		return names
	}
	assert.ElementsMatch(t, []string{"schema", "queue", "as_of", "state", "reasons", "warnings", "samples", "backlog", "target", "inflow_per_second",
		"outflow_per_second", "net_drain_per_second", "time_to_clear", "current_backlog", "delay", "never_probability", "horizon_seconds", "deadlines", "record",
		"weights", "since", "net_drain_before_per_second", "evidence", "leak", "counts", "plans", "feedback", "effects"}, keys(f))
	assert.Equal(t, 2.0, f["schema"])
	assert.Equal(t, "mail-out", f["queue"])
	assert.Equal(t, "2026-11-23T13:00:00Z", f["as_of"])
	assert.Equal(t, "draining", f["state"])
	assert.Equal(t, []any{}, f["reasons"])
	assert.Equal(t, []any{}, f["warnings"])
	assert.Equal(t, 315576000.0, f["horizon_seconds"], "ten years of 365.25 days")
	clear := f["time_to_clear"].(map[string]any)
	assert.ElementsMatch(t, []string{"level", "median_seconds", "lower_seconds", "upper_seconds", "median_time", "lower_time", "upper_time", "quantiles"}, keys(clear))
	assert.Equal(t, p.TimeToClear.Median, clear["median_seconds"], "all digits")
	median, err := time.Parse(time.RFC3339, clear["median_time"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, at.Add(time.Duration(p.TimeToClear.Median*1e9)), median, time.Microsecond)
	quantiles := clear["quantiles"].([]any)
	require.Len(t, quantiles, 9)
	for i, want := range []float64{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975} {
		q := quantiles[i].(map[string]any)
		assert.Equal(t, want, q["p"])
		assert.Equal(t, p.Quantile(want), q["seconds"])
	}
	assert.ElementsMatch(t, []string{"median_seconds", "lower_seconds", "upper_seconds"}, keys(f["current_backlog"].(map[string]any)))
	delay := f["delay"].(map[string]any)
	assert.ElementsMatch(t, []string{"oldest_seconds", "oldest_lower_seconds", "oldest_upper_seconds", "newest_seconds", "newest_lower_seconds", "newest_upper_seconds"}, keys(delay))
	assert.Equal(t, p.Delay.Oldest.Upper, delay["oldest_upper_seconds"])
	assert.Equal(t, map[string]any{"net_positive_probability": p.Evidence.NetPositive, "since_outflow_seconds": nil, "age_seconds": nil}, f["evidence"])
	assert.Equal(t, map[string]any{"per_second": nil, "lower_per_second": nil, "upper_per_second": nil}, f["leak"])
	assert.Equal(t, map[string]any{"offered": 0.0, "accepted": 0.0, "repaired": map[string]any{}, "rejected": map[string]any{}}, f["counts"])
	assert.Nil(t, f["since"])
	assert.Equal(t, []any{}, f["weights"])
	assert.Equal(t, map[string]any{"predictions": 0.0, "within_level": nil, "median_factor": nil}, f["record"])
	deadline := f["deadlines"].([]any)[0].(map[string]any)
	assert.Equal(t, "2026-11-23T15:00:00Z", deadline["time"])
	assert.Equal(t, p.Deadlines[0].Probability, deadline["probability"])
}

func TestJSONWithoutInfinities(t *testing.T) {
	p, err := drain.Numbers{Backlog: drain.Exactly(10), Inflow: drain.Exactly(12), Outflow: drain.Exactly(1)}.Predict(drain.Question{})
	require.NoError(t, err)
	f := decoded(t, p)
	clear := f["time_to_clear"].(map[string]any)
	for _, key := range []string{"median_seconds", "upper_seconds", "median_time", "upper_time"} {
		assert.Contains(t, clear, key)
		assert.Nil(t, clear[key], key)
	}
	assert.Nil(t, f["as_of"], "none was given")
	assert.InDelta(t, 1, f["never_probability"], 1e-6)

	p, err = drain.NewEstimator().Predict(drain.Question{})
	require.NoError(t, err)
	f = decoded(t, p)
	assert.Nil(t, f["backlog"])
	assert.Nil(t, f["never_probability"])
	assert.Equal(t, "unknown", f["state"])
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, time.November, 23, 14, 0, 0, 5e8, time.UTC)
	p, err := drain.Numbers{Backlog: drain.Exactly(1), Net: drain.Exactly(1)}.Predict(drain.Question{At: at})
	require.NoError(t, err)
	got, ok := p.Time(90.25)
	assert.True(t, ok)
	assert.Equal(t, at.Add(90250*time.Millisecond), got)
	got, ok = p.Time(1e10) // 317 years: more than a time.Duration holds
	assert.True(t, ok)
	assert.Equal(t, 2343, got.Year())
	for _, never := range []float64{math.Inf(1), math.NaN(), 1e12, math.MaxFloat64, -1} {
		_, ok = p.Time(never)
		assert.False(t, ok, "%v", never)
	}
}
