package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// TestText holds the text form of each state to the last letter. The clock shows 15:00 UTC.
func TestText(t *testing.T) {
	const exact = "  warning          no errors were given: bounds this narrow assume exact, constant rates, with no uncertainty but that of counting\n"
	for _, c := range []struct{ name, stdin, words, want string }{
		// 1.4e6/300 = 4666.7 s = 1 h 17 min 47 s; bounds as in TestNumbers, 1 h 01 min 03 s and 1 h 47 min 09 s; deadlines as in TestDeadlines.
		{"draining", "", "-backlog 1.4M -net 300±50 -deadline 2h -deadline 2026-11-24T00:00:30Z", "" +
			"1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 01 min – 1 h 47 min), about 16:18 UTC\n" +
			"  time to clear    4666.7 s (90 %: 3662.6 s – 6429.2 s), P(never) < 0.1 %\n" + // P(rate < 0) = Φ(−6) = 1e-9
			"  flow             in unknown, out unknown, net drain 300/s\n" +
			"  by 17:00 UTC     cleared with probability 98 %\n" +
			"  by 2026-11-24 00:00:30 UTC cleared with probability > 99.9 %\n"},
		// Delays 1.4e6/1200 = 1166.7 s = 19 min 27 s and 1.4e6/1000 = 1400 s = 23 min 20 s. The variance of the time served is, by counting,
		// 1.4e6/1000² = 1.18² s², and 1.6449·1.18 = 1.95.
		{"growing", "", "-backlog 1.4M -in 1200 -out 1000 -deadline 90m", "" +
			"1.40 M items, growing by 200/s: will not clear at this rate (P(never) 100 %)\n" +
			"  time to clear    never (90 %: never – never), P(never) 100 %\n" +
			"  current backlog  served in 1400.0 s (90 %: 1398.1 s – 1401.9 s)\n" +
			"  delay            19 min 27 s (90 %: 19 min 25 s – 19 min 28 s) of the item served now, 23 min 20 s (90 %: 23 min 18 s – 23 min 22 s) of one that arrives now\n" +
			"  flow             in 1 200/s, out 1 000/s, net drain -200/s\n" +
			"  by 16:30 UTC     cleared with probability 0 %\n" + exact},
		{"growing, with a chance", "", "-backlog 84210 -net -12±6.38 -target 100", "" + // P(rate < 0) = Φ(12/6.38) = Φ(1.881) = 0.970
			"84 210 items, growing by 12/s: will not fall to 100 items at this rate (P(never) 97 %)\n" +
			"  time to clear    never (90 %: never – never), P(never) 97 %\n" +
			"  flow             in unknown, out unknown, net drain -12/s\n"},
		{"cleared", "", "-backlog 0 -in 5 -out 7", "" +
			"0 items, cleared\n" +
			"  current backlog  served in 0 s (90 %: 0 s – 0 s)\n" +
			"  delay            0 s of the item served now, 0 s of one that arrives now\n" +
			"  flow             in 5/s, out 7/s, net drain 2/s\n"},
		{"cleared to a target", "", "-backlog 5 -net 1±.5 -target 10", "" +
			"5 items, cleared (at or below 10 items)\n" +
			"  flow             in unknown, out unknown, net drain 1/s\n"},
		{"unknown", "time,backlog\n1795446000,5\n", "-deadline 90s", "" +
			"5 items, too little known: cannot tell yet when it will clear\n" +
			"  by 15:01:30 UTC  cleared with probability unknown\n" +
			"  as of            2026-11-23 15:00:00 UTC, 1 sample\n" +
			"  warning          1 sample with a backlog so far: at least 3 are needed\n"},
		{"cleared, two samples", "time,backlog\n1795446000,0\n1795446060.5,0\n", "", "" +
			"0 items, cleared\n" +
			"  current backlog  served in 0 s (90 %: 0 s – 0 s)\n" +
			"  delay            0 s of the item served now, 0 s of one that arrives now\n" +
			"  as of            2026-11-23 15:01:01 UTC, 2 samples\n"},
		{"stalled", "", "-backlog 100 -in 0 -out 0", "" +
			"100 items, stalled, nothing leaves: will not clear at this rate (P(never) 100 %)\n" +
			"  time to clear    never (90 %: never – never), P(never) 100 %\n" +
			"  current backlog  never served at this rate\n" +
			"  delay            unknown of the item served now, never of one that arrives now\n" +
			"  flow             in 0/s, out 0/s, net drain 0/s\n" + exact},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, good(t, c.stdin, "-tz UTC "+c.words))
		})
	}
}

// TestTextOfSamples: lines of samples that follow from them, whatever the forecast.
func TestTextOfSamples(t *testing.T) {
	draining := good(t, samplesCSV, "-tz Europe/Berlin")
	assert.True(t, strings.HasPrefix(draining, "400 items, draining at 30/min: cleared in 1"), draining) // 400/30 = 13 min 20 s
	assert.Contains(t, draining, "\n  flow             in 1.02/s, out 1.52/s, net drain 30/min\n")       // 20 intervals: 1221/1200 s and 1821/1200 s
	assert.True(t, strings.HasSuffix(draining, "\n  as of            2026-11-23 16:20:00 CET, 21 samples\n"), draining)

	stalled := good(t, "time,backlog,inflow,outflow\n0,100,,\n10,100,0,0\n20,100,0,0\n30,100,0,0\n40,100,0,0\n", "-tz UTC") // T5
	assert.True(t, strings.HasPrefix(stalled, "100 items, stalled, nothing leaves: will not clear at this rate "), stalled)
	assert.True(t, strings.HasSuffix(stalled, "\n"+
		"  current backlog  never served at this rate\n"+
		"  delay            unknown of the item served now, never of one that arrives now\n"+
		"  flow             in 0/s, out 0/s, net drain 0/s\n"+
		"  evidence         P(net drain > 0) 50 %\n"+
		"  rests on         how fast the backlog moved lately\n"+
		"  as of            1970-01-01 00:00:40 UTC, 5 samples\n"), stalled)
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		b    drain.Bounds
		want string
	}{
		{drain.Bounds{Level: 0.9, Median: 4666.65, Lower: 99.94, Upper: 1e9}, "4666.6 s (90 %: 99.9 s – 1000000000.0 s)"}, // 4666.65 is 4666.64999… in binary
		{drain.Bounds{Level: 0.975, Median: 1.234, Lower: 0.01234, Upper: 99.96}, "1.23 s (97.5 %: 0.0123 s – 100.0 s)"},
		{drain.Bounds{Level: 0.5, Median: math.Inf(1), Lower: 0, Upper: math.Inf(1)}, "never (50 %: 0 s – never)"},
	} {
		assert.Equal(t, c.want, span(c.b))
	}
}

// questions are runs of every state, and what is unknown or never in them.
var questions = map[string]struct{ stdin, words string }{
	"draining": {samplesCSV, "-deadline 1h -deadline 2026-11-23T18:00:00Z"},
	"growing":  {"", "-backlog 1.4M -in 1200 -out 1000 -deadline 1h -deadline 2h"},
	"cleared":  {"", "-backlog 0 -net 1 -deadline 1h -deadline 2h"},
	"steady":   {"", "-backlog 100 -in 50±5 -out 50±5 -deadline 1h -deadline 2h"},
	"stalled":  {"", "-backlog 100 -in 0 -out 0 -deadline 1h -deadline 2h"},
	"unknown":  {"time,backlog\n1795446000,5\n", "-deadline 1h -deadline 2h"},
}

// keys returns the names of an object, in their order in the text.
func keys(t *testing.T, text json.RawMessage) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, err := d.Token() // the brace
	require.NoError(t, err)
	var names []string
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		names = append(names, name.(string))
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return strings.Join(names, " ")
}

// TestJSON: the names of the contract, in every state, none more and none less.
func TestJSON(t *testing.T) {
	for state, q := range questions {
		t.Run(state, func(t *testing.T) {
			text := good(t, q.stdin, "-format json "+q.words)
			assert.Equal(t, "schema queue as_of state reasons warnings samples backlog target inflow_per_second outflow_per_second net_drain_per_second "+
				"time_to_clear current_backlog delay never_probability horizon_seconds deadlines record weights since net_drain_before_per_second evidence leak counts plans feedback effects", keys(t, json.RawMessage(text)))
			var p map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(text), &p))
			assert.Equal(t, "2", string(p["schema"]))
			assert.Equal(t, `""`, string(p["queue"]))
			assert.Equal(t, `"`+state+`"`, string(p["state"]))
			assert.Equal(t, "level median_seconds lower_seconds upper_seconds median_time lower_time upper_time quantiles", keys(t, p["time_to_clear"]))
			assert.Equal(t, "median_seconds lower_seconds upper_seconds", keys(t, p["current_backlog"]))
			assert.Equal(t, "oldest_seconds oldest_lower_seconds oldest_upper_seconds newest_seconds newest_lower_seconds newest_upper_seconds", keys(t, p["delay"]))
			assert.Equal(t, "predictions within_level median_factor", keys(t, p["record"]))
			for _, name := range []string{"reasons", "warnings"} {
				assert.NotEqual(t, "null", string(p[name]), "%s, want at least []", name)
			}
			var deadlines []json.RawMessage
			require.NoError(t, json.Unmarshal(p["deadlines"], &deadlines))
			require.Len(t, deadlines, 2)
			assert.Equal(t, "time probability", keys(t, deadlines[0]))

			a := ask(t, q.stdin, q.words)
			var levels []float64
			for _, q := range a.TimeToClear.Quantiles {
				levels = append(levels, q.P)
			}
			assert.Equal(t, []float64{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975}, levels)
		})
	}
}

// TestJSONNull: what is unknown or never is null.
func TestJSONNull(t *testing.T) {
	var p map[string]any
	require.NoError(t, json.Unmarshal([]byte(good(t, questions["unknown"].stdin, "-format json -deadline 1h")), &p))
	for _, name := range []string{"inflow_per_second", "outflow_per_second", "net_drain_per_second", "never_probability", "horizon_seconds"} {
		assert.Nil(t, p[name], name)
	}
	null := map[string]any{"median_seconds": nil, "lower_seconds": nil, "upper_seconds": nil}
	assert.Equal(t, null, p["current_backlog"])
	for name, x := range p["delay"].(map[string]any) {
		assert.Nil(t, x, name)
	}
	assert.Equal(t, map[string]any{"predictions": 0.0, "within_level": nil, "median_factor": nil}, p["record"])
	assert.Equal(t, []any{map[string]any{"time": "2026-11-23T16:00:00Z", "probability": nil}}, p["deadlines"])
	maps.Copy(null, map[string]any{"level": 0.9, "median_time": nil, "lower_time": nil, "upper_time": nil})
	delete(p["time_to_clear"].(map[string]any), "quantiles")
	assert.Equal(t, null, p["time_to_clear"])
	assert.Equal(t, 5.0, p["backlog"])

	a := ask(t, "", questions["growing"].words)
	for _, q := range a.TimeToClear.Quantiles {
		assert.Nil(t, q.Seconds)
	}
	assert.Equal(t, 1.0, *a.Never)
	assert.Zero(t, *ask(t, "", "-backlog 5 -target 10 -net 1").TimeToClear.Median) // cleared is 0, not null
}

// TestCSV: a header and one record of the same length, whose numbers are those of the JSON form.
func TestCSV(t *testing.T) {
	for state, q := range questions {
		t.Run(state, func(t *testing.T) {
			records, err := csv.NewReader(strings.NewReader(good(t, q.stdin, "-format csv "+q.words))).ReadAll() // all records must have the length of the first
			require.NoError(t, err)
			require.Len(t, records, 2)
			assert.Equal(t, "queue as_of state reasons samples backlog target inflow_per_second outflow_per_second net_drain_per_second "+
				"level median_seconds lower_seconds upper_seconds median_time lower_time upper_time "+
				"q0.025_seconds q0.05_seconds q0.1_seconds q0.25_seconds q0.5_seconds q0.75_seconds q0.9_seconds q0.95_seconds q0.975_seconds "+
				"current_backlog_median_seconds current_backlog_lower_seconds current_backlog_upper_seconds delay_oldest_seconds delay_newest_seconds "+
				"never_probability horizon_seconds delay_oldest_lower_seconds delay_oldest_upper_seconds delay_newest_lower_seconds delay_newest_upper_seconds since net_drain_before_per_second net_positive_probability since_outflow_seconds age_seconds leak_per_second leak_lower_per_second leak_upper_per_second record_predictions record_within_level record_median_factor weight_recent_rate weight_time_above weight_earlier_drains weight_day_pattern weight_week_pattern plan deadline_1_time deadline_1_probability deadline_2_time deadline_2_probability", strings.Join(records[0], " "))
			record := map[string]string{}
			for i, name := range records[0] {
				record[name] = records[1][i]
			}
			assert.Equal(t, state, record["state"])
			a := ask(t, q.stdin, q.words)
			assert.Equal(t, strings.Join(a.Reasons, " "), record["reasons"])
			same := func(name string, want *float64) {
				switch got := record[name]; got {
				case "", "inf":
					assert.Nil(t, want, name)
				default:
					require.NotNil(t, want, name)
					assert.Equal(t, fmt.Sprint(*want), got, name)
				}
			}
			same("backlog", a.Backlog)
			same("target", a.Target)
			same("inflow_per_second", a.Inflow)
			same("outflow_per_second", a.Outflow)
			same("net_drain_per_second", a.Net)
			same("median_seconds", a.TimeToClear.Median)
			same("lower_seconds", a.TimeToClear.Lower)
			same("upper_seconds", a.TimeToClear.Upper)
			same("current_backlog_median_seconds", a.Current.Median)
			same("never_probability", a.Never)
			for _, q := range a.TimeToClear.Quantiles {
				same(fmt.Sprintf("q%g_seconds", q.P), q.Seconds)
			}
			for i, d := range a.Deadlines {
				same(fmt.Sprintf("deadline_%d_probability", i+1), d.Probability)
			}
		})
	}

	// Never is inf, unknown is empty.
	line := func(name string) string {
		return strings.Split(good(t, questions[name].stdin, "-format csv "+questions[name].words), "\n")[1]
	}
	assert.True(t, strings.HasPrefix(line("growing"), ",2026-11-23T15:00:00Z,growing,counting_only net_negative,0,1.4e+06,0,1200,1000,-200,0.9,inf,inf,inf,,,,inf,"), line("growing"))
	assert.True(t, strings.HasPrefix(line("unknown"), ",2026-11-23T15:00:00Z,unknown,flows_unknown few_samples,1,5,0,,,,0.9,,,,,,,,"), line("unknown"))
}

// scrape parses Prometheus' text format and returns the value of each series, named as in the text but with its labels in the order of their names.
func scrape(t *testing.T, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	series := map[string]float64{}
	for name, family := range families {
		assert.NotEmpty(t, family.GetHelp(), name)
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.Sort(labels)
			value := m.GetGauge().GetValue()
			if strings.HasSuffix(name, "_total") {
				value = m.GetCounter().GetValue()
			}
			series[name+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return series
}

// TestPrometheus: every metric of the contract is there in every state, with the label queue; +Inf is never, NaN is unknown, nothing but a rate is negative.
func TestPrometheus(t *testing.T) {
	names := strings.Fields(`items inflow_per_second outflow_per_second net_drain_per_second
		time_to_clear_seconds time_to_clear_lower_seconds time_to_clear_upper_seconds current_served_seconds
		clear_timestamp_seconds clear_timestamp_lower_seconds clear_timestamp_upper_seconds
		never_probability record_coverage_ratio record_predictions last_sample_timestamp_seconds
		delay_oldest_seconds delay_newest_seconds leak_per_second net_positive_probability samples_total`)
	for state, q := range questions {
		t.Run(state, func(t *testing.T) {
			series := scrape(t, good(t, q.stdin, "-format prometheus "+q.words))
			want := map[string]bool{}
			for _, name := range names {
				want["backlog_"+name+`{queue=""}`] = true
			}
			for _, s := range []string{"cleared", "draining", "steady", "stalled", "growing", "unknown"} {
				name := `backlog_state{queue="",state="` + s + `"}`
				want[name] = true
				assert.Equal(t, map[bool]float64{true: 1, false: 0}[s == state], series[name], name)
			}
			for _, r := range drain.Problems() {
				for _, what := range []string{"rejected", "repaired"} {
					name := `backlog_samples_` + what + `_total{queue="",reason="` + string(r) + `"}`
					want[name] = true
					assert.Zero(t, series[name], name)
				}
			}
			a := ask(t, q.stdin, q.words)
			for _, d := range a.Deadlines {
				want[`backlog_deadline_probability{deadline="`+d.Time.Format("2006-01-02T15:04:05Z")+`",queue=""}`] = true
			}
			assert.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(series)))
			for name, value := range series {
				if !strings.HasPrefix(name, "backlog_net_drain_per_second") {
					assert.False(t, value < 0, "%s is %v", name, value)
				}
			}
			for name, x := range map[string]*float64{
				"items": a.Backlog, "inflow_per_second": a.Inflow, "outflow_per_second": a.Outflow, "net_drain_per_second": a.Net, "never_probability": a.Never,
				"time_to_clear_seconds": a.TimeToClear.Median, "time_to_clear_lower_seconds": a.TimeToClear.Lower, "time_to_clear_upper_seconds": a.TimeToClear.Upper,
				"current_served_seconds": a.Current.Median,
			} {
				value := series["backlog_"+name+`{queue=""}`]
				if x == nil {
					assert.True(t, math.IsNaN(value) || math.IsInf(value, 1), "%s is %v", name, value)
				} else {
					assert.Equal(t, *x, value, name)
				}
			}
		})
	}

	growing := scrape(t, good(t, "", "-format prometheus "+questions["growing"].words))
	assert.Equal(t, math.Inf(1), growing[`backlog_time_to_clear_seconds{queue=""}`])
	assert.Equal(t, math.Inf(1), growing[`backlog_clear_timestamp_upper_seconds{queue=""}`])
	assert.True(t, math.IsNaN(growing[`backlog_last_sample_timestamp_seconds{queue=""}`]))
	unknown := scrape(t, good(t, questions["unknown"].stdin, "-format prometheus -deadline 1h"))
	for _, name := range []string{`time_to_clear_seconds{queue=""}`, `never_probability{queue=""}`, `deadline_probability{deadline="2026-11-23T16:00:00Z",queue=""}`} {
		assert.True(t, math.IsNaN(unknown["backlog_"+name]), name)
	}
	assert.Equal(t, 1795446000.0, unknown[`backlog_last_sample_timestamp_seconds{queue=""}`])

	// 1.4e6/300 = 4666.7 s past 15:00, which is 1795446000.
	draining := scrape(t, good(t, "", "-format prometheus -backlog 1.4M -net 300 -deadline 2h -deadline 2h"))
	assert.InDelta(t, 1795450666.7, draining[`backlog_clear_timestamp_seconds{queue=""}`], 0.1)
}
