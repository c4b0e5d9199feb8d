package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parse reads a scenario of these lines.
func parse(t *testing.T, lines ...string) *Scenario {
	t.Helper()
	s, err := Read(strings.NewReader(strings.Join(lines, "\n")), "q.txt")
	require.NoError(t, err)
	return s
}

// samples returns what the lines make, one sample a line: seconds since the start and the fields.
func samples(t *testing.T, lines ...string) []string {
	t.Helper()
	s := parse(t, append(lines, "ask")...)
	var rows []string
	for _, r := range s.rows {
		rows = append(rows, fmt.Sprintf("%v: %s", r.at.Sub(s.start).Seconds(), strings.Join(r.fields, " ")))
	}
	return rows
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"rows", []string{"time,backlog", "2026-06-01T00:00:10Z,5", "+1.5s,", "-1s,NaN # comment"}, []string{"10: 5", "11.5: ", "10.5: NaN"}},
		{"Unix seconds", []string{"start 1795429341", "time,backlog", "1795429342,5"}, []string{"1: 5"}},
		{"a level and a cycle", []string{"time,backlog,outflow", "3 samples every 10s: backlog 40, outflow 0 7"}, []string{"0: 40 0", "10: 40 7", "20: 40 0"}},
		{"a rate from a level", []string{"time,backlog", "3 samples every 60s: backlog 1k -30/min"}, []string{"0: 1000", "60: 970", "120: 940"}},
		{"goes on", []string{"time,backlog", "+0s,100", "2 samples every 10s: backlog 2/s"}, []string{"0: 100", "10: 120", "20: 140"}},
		{"never negative", []string{"time,backlog", "3 samples every 10s: backlog 15 -1/s"}, []string{"0: 15", "10: 5", "20: 0"}},
		{"parts of an item are kept", []string{"time,backlog", "4 samples every 1s: backlog 1 0.4/s"}, []string{"0: 1", "1: 1", "2: 2", "3: 2"}}, // 1, 1.4, 1.8, 2.2
		{"flows of an interval", []string{"time,inflow,outflow_total,inflow_per_second", "2 samples every 10s: inflow 3/s, outflow_total 100 2/s"},
			[]string{"0: 30 100 ", "10: 30 120 "}},
		{"follows", []string{"time,backlog,inflow,outflow", "+0s,100,,", "3 samples every 10s: backlog follows, inflow 1/s, outflow 70"},
			[]string{"0: 100  ", "10: 40 10 70", "20: 0 10 50", "30: 0 10 10"}}, // 100 + 10 - 70; 50 wait, and 50 leave
		{"follows totals and rates", []string{"time,backlog,inflow_per_second,outflow_total", "+0s,100,,7", "2 samples every 10s: backlog follows, inflow_per_second 1, outflow_total 8/s"},
			[]string{"0: 100  7", "10: 30 1 87", "20: 0 1 127"}}, // 30 + 10 wait, so that 40 of 80 leave
		{"repeat", []string{"time,backlog", "repeat 2", "1 sample every 1s: backlog 1", "+5s,2", "end"}, []string{"0: 1", "5: 2", "6: 1", "11: 2"}},
		{"what cannot be is no level", []string{"time,backlog", "+0s,100", "+1s,-3", "1 sample every 1s: backlog 1/s"}, []string{"0: 100", "1: -3", "2: 101"}},
	} {
		assert.Equal(t, c.want, samples(t, c.lines...), c.name)
	}
}

// TestNoise: a fixed sequence for each seed; about a level it stays, about a rate it adds up.
func TestNoise(t *testing.T) {
	value := func(row string) (x float64) {
		_, err := fmt.Sscanf(row[strings.Index(row, " "):], "%f", &x)
		require.NoError(t, err)
		return x
	}
	run := func(seed, course string) []string {
		return samples(t, "seed "+seed, "time,backlog", "1000 samples every 1s: backlog "+course)
	}
	assert.Equal(t, run("1", "1000 ±10"), run("1", "1000 ±10"))
	assert.NotEqual(t, run("1", "1000 ±10"), run("2", "1000 ±10"))
	for course, sd := range map[string]float64{"1M ±10": 10, "1M 0/s ±10": 10 * 31.6} { // √1000 = 31.6
		far := 0
		for seed := range 50 {
			rows := run(fmt.Sprint(seed+1), course)
			if off := value(rows[999]) - 1e6; off > sd || off < -sd {
				far++
			}
		}
		assert.InDelta(t, 16, far, 10, course) // a third of 50 is beyond one standard deviation; three standard deviations of that count are 10
	}
}

// TestErrors: a line that cannot be understood is named, with what was wanted.
func TestErrors(t *testing.T) {
	const columns = "time,backlog,outflow\n"
	for text, want := range map[string]string{
		"# nothing\n\n":                                         `q.txt:0: nothing is asked`,
		"numbers backlog=1 net=1\n":                             `q.txt:1: nothing is asked`,
		"what\n":                                                `q.txt:1: "what", want start, seed, numbers`,
		"\n# two\nnumbers backlog=1 speed=1\n":                  `q.txt:3: "speed=1", want backlog=`,
		"numbers backlog=many\n":                                `q.txt:1: drain: invalid argument: "many"`,
		"numbers backlog=1 net=1\nnumbers net=1\n":              `q.txt:2: numbers stand beside`,
		"time,backlog,lag\n":                                    `q.txt:1: column "lag", want those of package series`,
		"numbers backlog=1 net=1\ntime,backlog\n":               `q.txt:2: columns "time,backlog" stand beside numbers`,
		"start noon\n":                                          `q.txt:1: series: time "noon"`,
		"seed one\n":                                            `q.txt:1: seed "one", want a whole number`,
		columns + "+1s,5\n":                                     `q.txt:2: 2 fields, want 3`,
		columns + "+1s,5,many\n":                                `q.txt:2: outflow "many", want a number`,
		columns + "+1week,5,\n":                                 `q.txt:2: "+1week", want a duration`,
		"2 samples every 1s: backlog 5\n":                       `q.txt:1: no columns stand above`,
		columns + "2 samples every day: backlog 5\n":            `q.txt:2: every "day", want a duration`,
		columns + "2 samples every 1s: lag 5\n":                 `q.txt:2: "lag", want a column of those above, once`,
		columns + "2 samples every 1s: backlog 5, backlog 5":    `q.txt:2: "backlog", want a column of those above, once`,
		columns + "2 samples every 1s: backlog\n":               `q.txt:2: "backlog", want a column and how it goes on`,
		columns + "2 samples every 1s: backlog ±5\n":            `q.txt:2: ±5 without a seed`,
		"seed 1\n" + columns + "2 samples every 1s: backlog ±5": `q.txt:3: "backlog ±5", want values, or a rate, or follows`,
		columns + "2 samples every 1s: backlog 5 6 1/s\n":       `q.txt:2: "backlog 5 6 1/s", want values, or a rate`,
		columns + "2 samples every 1s: outflow 5 1/s\n":         `q.txt:2: "outflow 5 1/s", want values, or a rate`,
		columns + "2 samples every 1s: backlog 5/fortnight\n":   `q.txt:2: "5/fortnight", want one rate`,
		columns + "2 samples every 1s: outflow follows\n":       `q.txt:2: drain: invalid argument: "follows"`,
		columns + "repeat some\nend\n":                          `q.txt:2: repeat "some", want how often`,
		columns + "repeat 2\n+1s,5,\nask\nend\n":                `q.txt:4: "ask" within repeat`,
		columns + "repeat 2\n+1s,5,\n":                          `q.txt:2: repeat without end`,
		columns + "ask\n":                                       `q.txt:2: no numbers and no samples stand above`,
		columns + "+1s,5,\nstart 7\n":                           `q.txt:3: start stands behind samples`,
		"expect state draining\n":                               `q.txt:1: nothing was asked above`,
	} {
		_, err := Read(strings.NewReader(text), "q.txt")
		assert.ErrorContains(t, err, want, text)
		var e *Error
		assert.ErrorAs(t, err, &e, text)
	}
	for line, want := range map[string]string{
		"ask a":                                      `a second answer named a`,
		"ask -speed 5":                               `"-speed", want -now, -target`,
		"ask -target":                                `"-target", want flags with a value each`,
		"ask -level much":                            `"much"`,
		"ask -deadline soon":                         `"soon"`,
		"ask -tz Moon/Crater":                        `Moon/Crater`,
		"ask -now +soon":                             `"+soon", want a duration`,
		"expect state":                               `"state", want a field and what is expected of it`,
		"expect state drainig":                       `"drainig" is no state`,
		"expect states drainig":                      `"drainig" is no state`,
		"expect states since b draining":             `since b, want the name of a question above`,
		"expect swing <= 2":                          `swing without a truth`,
		"expect coverage >= 0.9":                     `coverage without a truth`,
		"expect backlog truth":                       `truth is not told above`,
		"expect backlog @b":                          `@b, want the name of a question above`,
		"expect time_to_clear covers @a":             `not behind covers`,
		"expect reasons lack net_negativ":            `"net_negativ" is no reason`,
		`expect text contain "61 h`:                  `"61 h, want a second quote`,
		"expect text contain":                        `want a word behind it`,
		"expect backlog 5 ± much":                    `"much"`,
		"expect backlog 5 6":                         `"5 6", want one value`,
		"expect backlog < many":                      `"many", want a number`,
		"expect time_to_clear.upper_seconds > never": `"never", want a number`,
	} {
		_, err := Read(strings.NewReader("numbers backlog=1 net=1\nask a\n"+line+"\n"), "q.txt")
		assert.ErrorContains(t, err, "q.txt:3: ", line)
		assert.ErrorContains(t, err, want, line)
	}
	_, err := Open("none.txt")
	assert.ErrorContains(t, err, "none.txt")
}
