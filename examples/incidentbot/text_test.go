package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata; -update writes it.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false) // to be read by people
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(v))
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if string(want) != got.String() {
		require.NoError(t, os.WriteFile(path+".got", got.Bytes(), 0o644))
	}
	assert.Equal(t, string(want), got.String())
}

// story is the messages of one incident, of a queue whose name and alert try to get out of the text.
func story() map[string]*message {
	const q = "mail <!channel> & co"
	deadline, chance := after(60), 0.93
	f := draining(q)
	f.Deadline, f.InTime = &deadline, &chance
	late := predicted(q, drain.Steady, 90, 70, never)
	base := message{ID: "i-1", Incident: "i", Key: "queue:" + q, Queue: q, At: t0, Summary: "<https://evil.example|click> grows & grows"}
	opening, change1, ending, without := base, base, base, base
	opening.Event, opening.Now = opened, view{Forecast: &f}
	change1.Event, change1.Now, change1.Shown, change1.Why = changed, view{Forecast: &late}, &f, []change{state, moved}
	cleared := after(75)
	ending.Event, ending.Now = closed, poll(cleared0(q))
	ending.Outcome = &outcome{Result: asCleared, At: &cleared, First: &f, Predictions: 2, Held: 2, Deadline: &deadline}
	without.Event, without.Now = opened, pollFails(exporterAway)
	return map[string]*message{"opened": &opening, "changed": &change1, "closed": &ending, "without": &without}
}

func cleared0(q string) forecast { return cleared(q, 75) }

func TestSlackBlocks(t *testing.T) {
	for name, m := range story() {
		text, blocks := m.slack("https://charts.example.org")
		golden(t, "slack-"+name+".json", map[string]any{"text": text, "blocks": blocks})
		all, err := json.Marshal(blocks)
		require.NoError(t, err)
		assert.NotContains(t, string(all), `\u003c!channel`, "nobody is called")
		assert.NotContains(t, text, "<!channel>")
		assert.NotContains(t, text, "<https")
	}
}

func TestPlainReports(t *testing.T) {
	for name, m := range story() {
		golden(t, "report-"+name+".json", m.report("https://charts.example.org"))
	}
}

func TestNoPictureWithoutABase(t *testing.T) {
	m := story()["opened"]
	_, blocks := m.slack("")
	for _, b := range blocks {
		assert.NotEqual(t, "image", b.Type)
	}
	assert.Nil(t, m.report("").ChartURL)
	assert.Empty(t, picture("https://charts.example.org", strings.Repeat("x", 3000), m.Now.Forecast), "a URL beyond Slack's limit would cost the message")
}

// TestSlackLimits holds that what Slack would refuse whole is cut, and not through an entity or a date.
func TestSlackLimits(t *testing.T) {
	m := story()["changed"]
	m.Queue = strings.Repeat("&", maxQueue)
	m.Now.Forecast.Line = strings.Repeat("<&>", 333)
	m.Summary = strings.Repeat("&", 300)
	text, blocks := m.slack("https://charts.example.org")
	assert.LessOrEqual(t, len([]rune(text)), maxSection)
	assert.LessOrEqual(t, len(blocks), maxBlocks)
	for _, b := range blocks {
		if b.Text != nil {
			assert.LessOrEqual(t, len([]rune(b.Text.Text)), maxSection)
			assert.Regexp(t, `(^|;)…$`, b.Text.Text)
		}
		assert.LessOrEqual(t, len([]rune(b.AltText)), maxAlt)
		assert.LessOrEqual(t, len(b.ImageURL), 3000)
	}

	date := slackVoice.date(t0)
	assert.Equal(t, "<!date^1795446000^{date_short_pretty} {time}|2026-11-23 15:00 UTC>", date)
	for n := 2; n < 100; n++ {
		short := cutMrkdwn("from &amp; "+date+" &lt; to "+date, n)
		assert.LessOrEqual(t, len([]rune(short)), n)
		assert.Equal(t, strings.Count(short, "<"), strings.Count(short, ">"), short)
		assert.Equal(t, strings.Count(short, "&"), strings.Count(short, ";"), short)
	}
	assert.Equal(t, "äöü", cut("äöü", 3))
	assert.Equal(t, "ä…", cut("äöü", 2))
}

func TestEachReasonHasWords(t *testing.T) {
	f, g := draining("q"), growing("q")
	for c, want := range map[change]string{
		first: "first prediction", back: "answers again", away: "stands, and is not revised: 2026-11-23 15:50 UTC", state: "was draining, is growing now",
		outOfSight: "no end in sight any more; said last: 2026-11-23 15:50 UTC",
	} {
		m := message{Event: changed, Queue: "q", Now: view{Forecast: &g}, Shown: &f, Why: []change{c}}
		assert.Contains(t, strings.Join(m.reasons(plainVoice), "\n"), want)
	}
	m := message{Event: changed, Queue: "q", Now: view{Forecast: &f}, Shown: &g, Why: []change{comeInSight}}
	assert.Equal(t, []string{"an end is in sight: about 2026-11-23 15:50 UTC"}, m.reasons(plainVoice))
	m = message{Event: changed, Queue: "q", Now: pollFails(exporterAway), Shown: &f, Why: []change{away}}
	assert.Equal(t, "q: the exporter does not answer now", m.line(plainVoice))
	p := predicted("other", drain.Draining, 50, 30, 80)
	m = message{Event: changed, Queue: "q", Now: view{Forecast: &p}}
	assert.True(t, strings.HasPrefix(m.line(plainVoice), "q: other: "), "a line that does not name the queue gets its name")
	assert.Equal(t, time.UTC, t0.Location())
}
