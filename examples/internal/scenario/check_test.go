package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// queue is one of which everything can be expected: 60 000 items of which 10/s leave, and then one negative depth.
var queue = []string{
	"time,backlog,outflow",
	"21 samples every 60s: backlog 60k -10/s, outflow 600",
	"truth +4800s",
	"ask first",
	"+60s,-5,",
	"ask -now +9m -deadline 1h",
}

// TestExpectations: what is right holds; what is wrong does not, and the failure names the file, the line, what was expected and what was found.
func TestExpectations(t *testing.T) {
	for _, c := range []struct{ right, wrong, found string }{
		{"state draining", "state growing", `found "draining"`},
		{"backlog 48k", "backlog 48001", "found 48000"}, // 60 000 - 20·600
		{"backlog 48001 ± 1", "backlog 48002 ± 1", "found 48000"},
		{"backlog 48.4k ± 1%", "backlog 48.5k ± 1%", "found 48000"}, // 1 % are 484 and 485
		{"backlog < 48001", "backlog < 48000", "found 48000"},
		{"backlog <= 48000", "backlog <= 47999", "found 48000"},
		{"backlog > 47999", "backlog > 48000", "found 48000"},
		{"backlog >= 48000", "backlog >= 48001", "found 48000"},
		{"backlog @first", "samples > @first", "found 21, want 21"},
		{"inflow_per_second unknown", "outflow_per_second unknown", "found 10"},
		{"inflow_per_second unknown", "inflow_per_second never", "found unknown"},
		{"inflow_per_second unknown", "inflow_per_second 0", "found unknown"},
		{"inflow_per_second unknown", "inflow_per_second <= 0", "found unknown"},
		{"backlog 48000", "back_log 48000", "found no such field"},
		{"state draining", "state.name draining", "found no such field"},
		{"reasons contain stale negative", "reasons contain gap", `found "negative, `},
		{"reasons lack gap", "reasons lack stale gap", `found "negative, `},
		{"warnings contain \"1 sample rejected\"", "warnings contain \"2 samples\"", "1 sample rejected"},
		{"warnings lack \"2 samples\"", "warnings lack rejected", "1 sample rejected"},
		{"text contain \"48 000 items\" draining", "text contain growing", `found "48 000 items, draining`},
		{"text lack growing", "text lack draining", `found "48 000 items, draining`},
		{"text lack growing", "text \"48 000 items\"", `found "48 000 items, draining`},
		{"counts.rejected.negative 1", "counts.rejected.negative 0", "found 1"},
		{"counts.rejected.gap 0", "counts.rejected.gap 1", "found 0"},
		{"counts.rejected.gap 0", "counts.rejected.gaps 0", "found no such field"},
		{"as_of 2026-06-01T00:30:00Z", "as_of 2026-06-01T00:30:01Z", "found 2026-06-01T00:30:00Z"}, // 20 + 1 + 9 min
		{"as_of 2026-06-01T00:30:01Z ± 1s", "as_of 2026-06-01T00:30:02Z ± 1s", "found 2026-06-01T00:30:00Z"},
		{"as_of > @first", "as_of @first", "found 2026-06-01T00:30:00Z"},
		{"time_to_clear.median_seconds truth ± 1%", "time_to_clear.lower_seconds truth ± 1%", ", want 4200"}, // 4800 s less ten minutes
		{"time_to_clear.median_time truth ± 1m", "time_to_clear.lower_time truth ± 1m", "found 2026-06-01T01:"},
		{"time_to_clear covers truth", "time_to_clear covers 42k", "want 42000 within"},
		{"time_to_clear covers 4200", "current_backlog covers 1", "want 1 within"},
		{"deadlines.1.probability < 0.5", "deadlines.1.probability > 0.5", "found 0.0"}, // 3600 s of 4200
		{"deadlines.1.probability < 0.5", "deadlines.2.probability < 0.5", "found no such field"},
		{"states unknown draining", "states draining", "found unknown draining"},
		{"states contain unknown", "states contain growing", "found unknown draining"},
		{"states lack growing", "states lack growing unknown", "found unknown draining"},
		{"states unknown draining", "states since first draining", "found no answers"}, // the sample above was rejected
		{"coverage >= 0.8", "coverage >= 0.99", "of 21 answers"},                       // two were unknown
		{"swing >= 1.5", "swing < 1000", "found never: "},                              // for the same reason
	} {
		expect := append(slices.Clone(queue), "expect "+c.right)
		assert.Empty(t, parse(t, expect...).Check(Library()), c.right)
		s := parse(t, append(expect, "expect "+c.wrong)...)
		failures := s.Check(Library())
		if assert.Len(t, failures, 1, c.wrong) {
			message := failures[0].Error()
			assert.True(t, strings.HasPrefix(message, "q.txt:8: expect "+c.wrong+": found "), message)
			assert.Contains(t, message, c.found)
			assert.True(t, strings.HasSuffix(message, " (through the library)"), message)
		}
	}
}

func TestNever(t *testing.T) {
	s := parse(t, "numbers backlog=1000 in=12 out=10", "ask",
		"expect time_to_clear.median_seconds never", "expect time_to_clear.median_time never", "expect time_to_clear.median_seconds > 1e18",
		"expect time_to_clear.median_seconds unknown", "expect time_to_clear.median_seconds 500", "expect current_backlog.median_seconds never")
	var lines []int
	for _, f := range s.Check(Library()) {
		lines = append(lines, f.Line)
	}
	assert.Equal(t, []int{6, 7, 8}, lines)
}

// TestSteps: of answers given as samples come in, since that of a name.
func TestSteps(t *testing.T) {
	s := parse(t, "time,backlog,outflow", "10 samples every 60s: backlog 60k -10/s, outflow 600", "truth +5460s", "ask a", "20 samples every 60s: backlog -10/s, outflow 600", "ask",
		"expect states since a draining", "expect coverage since a 1", "expect swing since a < 1.02", "expect swing since a < 1", "expect states since a unknown draining")
	var found []string
	for _, f := range s.Check(Library()) {
		found = append(found, f.Error())
	}
	require.Len(t, found, 2)
	assert.Contains(t, found[0], "q.txt:10: expect swing since a < 1: found 1.0")
	assert.Equal(t, "q.txt:11: expect states since a unknown draining: found draining (through the library)", found[1])
}

// fake is a program that answers T1 as the library does, but for what a test changes.
func fake(t *testing.T, change func(tree map[string]any, csv map[string]string)) Way {
	t.Helper()
	p, err := drain.Numbers{Backlog: drain.Exactly(1.4e6), Inflow: drain.Exactly(700), Outflow: drain.Exactly(1000)}.Predict(
		drain.Question{At: time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	form, err := json.Marshal(p)
	require.NoError(t, err)
	a, err := newAnswer(form, "", nil)
	require.NoError(t, err)
	csv := map[string]string{"state": "draining", "as_of": "2026-06-01T00:00:00Z"}
	for field, column := range columns {
		x, _ := a.find(field)
		csv[column] = fmt.Sprint(x)
	}
	if change != nil {
		change(a.tree, csv)
	}
	form, err = json.Marshal(a.tree)
	require.NoError(t, err)
	return Program(func(args []string, _ string) (string, string, int) {
		switch args[1] {
		case "json":
			return string(form), "", 0
		case "csv":
			names := slices.Sorted(maps.Keys(csv))
			var values []string
			for _, n := range names {
				values = append(values, csv[n])
			}
			return strings.Join(names, ",") + "\n" + strings.Join(values, ",") + "\n", "", 0
		}
		return p.String() + "\n  more\n", "", 0
	})
}

// TestImpossible: what no answer may be is found, though nobody expected anything; and so is what differs between the two ways.
func TestImpossible(t *testing.T) {
	s := parse(t, "numbers backlog=1.4M in=700 out=1000", "ask", "expect state draining")
	assert.Empty(t, s.Check(fake(t, nil)))
	assert.Empty(t, s.Compare(Library(), fake(t, nil)))
	clear := func(tree map[string]any) map[string]any { return tree["time_to_clear"].(map[string]any) }
	for want, change := range map[string]func(tree map[string]any, csv map[string]string){
		"median_seconds is -7000": func(tree map[string]any, csv map[string]string) {
			clear(tree)["median_seconds"], csv["median_seconds"] = -7000, "-7000"
		},
		"never_probability is 1.5": func(tree map[string]any, csv map[string]string) {
			tree["never_probability"], csv["never_probability"] = 1.5, "1.5"
		},
		"want them in order": func(tree map[string]any, csv map[string]string) {
			clear(tree)["lower_seconds"], csv["lower_seconds"] = 1e9, "1e9"
		},
		"quantile 5 is 4666": func(tree map[string]any, _ map[string]string) {
			clear(tree)["quantiles"].([]any)[3].(map[string]any)["seconds"] = 5000
		},
		"backlog is 1.4e+06 in JSON, 7 in CSV": func(_ map[string]any, csv map[string]string) { csv["backlog"] = "7" },
		"target is missing":                    func(tree map[string]any, _ map[string]string) { delete(tree, "target") },
	} {
		failures := s.Check(fake(t, change))
		if assert.NotEmpty(t, failures, want) {
			assert.Contains(t, failures[0].Error(), "q.txt:2: expect a possible answer: found ")
			assert.Contains(t, failures[0].Error(), want)
			assert.Contains(t, failures[0].Error(), "(through the program)")
		}
	}
	other := fake(t, func(tree map[string]any, _ map[string]string) { tree["samples"] = 7 })
	assert.Empty(t, s.Check(other)) // possible, and not the library's
	failures := s.Compare(Library(), other)
	require.Len(t, failures, 1)
	assert.Equal(t, "q.txt:2: expect JSON as through the library: found samples: 7, want 0 (through the program)", failures[0].Error())

	for _, text := range []string{"cleared in -7000 s", "cleared in NaN", "+Inf left", "-3 items"} {
		assert.Regexp(t, unreadable, text)
	}
	assert.NotRegexp(t, unreadable, "will not clear (P(never) 97 %), about 2026-03-29 03:30 CEST, 1e-06/s")
}

// TestProgramFails: an exit status and what cannot be read are failures, and complaints of samples must be the library's.
func TestProgramFails(t *testing.T) {
	s := parse(t, "time,backlog", "5 samples every 60s: backlog 100 -1/min", "+60s,-3", "ask", "expect states draining")
	for want, eta := range map[string]func(args []string, stdin string) (string, string, int){
		"exit status 2": func([]string, string) (string, string, int) { return "", "eta: wrong", 2 },
		"JSON \"what\"": func(args []string, _ string) (string, string, int) {
			if args[1] == "csv" {
				return strings.Join(slices.Sorted(maps.Values(columns)), ",") + "\n" + strings.Repeat(",", len(columns)-1) + "\n", "", 0
			}
			return "what", "", 0
		},
		"CSV \"{}\", want": func([]string, string) (string, string, int) { return "{}", "", 0 },
	} {
		failures := s.Check(Program(eta))
		if assert.NotEmpty(t, failures, want) {
			assert.Contains(t, failures[0].Error(), "q.txt:4: expect an answer: found ")
			assert.Contains(t, failures[0].Found, want)
		}
		assert.NotEmpty(t, s.Compare(Library(), Program(eta)))
	}
	lines, _ := Library().complaints(s, s.asks[0])
	require.Equal(t, []string{"sample rejected: backlog is -3, want a count of 0 or more"}, lines)
	for stderr, more := range map[string]bool{"eta: standard input:7: " + lines[0] + "\n": false, "eta: standard input:7: " + lines[0] + "\neta: standard input:9: negative, and more such: they are\n": true} {
		got, m := Program(func([]string, string) (string, string, int) { return "", stderr, 0 }).complaints(s, s.asks[0])
		assert.Equal(t, lines, got)
		assert.Equal(t, more, m)
	}
}

// TestInput: the program is given the samples above the question, and its flags.
func TestInput(t *testing.T) {
	s := parse(t, "time,backlog,outflow", "2026-06-01T02:00:00+02:00,5,", "+90s,4,1", "ask -now +1m -target 2 -level 0.5 -deadline 2h -tz Europe/Berlin", "+60s,3,1")
	var got []string
	var in string
	_, _ = Program(func(args []string, stdin string) (string, string, int) {
		got, in = args, stdin
		return "", "", 1
	}).ask(s, s.asks[0])
	assert.Equal(t, "-format json -tz Europe/Berlin -level 0.5 -target 2 -now 2026-06-01T02:02:30+02:00 -deadline 2h -", strings.Join(got, " "))
	assert.Equal(t, "time,backlog,outflow\n2026-06-01T02:00:00+02:00,5,\n2026-06-01T02:01:30+02:00,4,1\n", in)
}
