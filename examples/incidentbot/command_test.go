package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSlacksOwnExample has the secret, body and signature of Slack's page "Verifying requests from Slack".
func TestSlacksOwnExample(t *testing.T) {
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	assert.Equal(t, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", []byte(body)))
}

// command posts a slash command, signed at the given time.
func (l *lab) command(text string, at time.Time, header ...string) *httptest.ResponseRecorder {
	body := url.Values{"command": {"/drain"}, "text": {text}, "user_name": {"ada"}}.Encode()
	stamp := fmt.Sprint(at.Unix())
	return l.request("POST", "/slack/command", body, append([]string{"X-Slack-Request-Timestamp", stamp, "X-Slack-Signature", sign(l.o.signing, stamp, []byte(body))}, header...)...)
}

func TestSignatures(t *testing.T) {
	now := t0
	l := newLab(t)
	l.make(func() time.Time { return now })
	l.x.set(draining("q"), "q")
	now = t0.Add(time.Hour)
	assert.Equal(t, 200, l.command("q", now).Code)
	assert.Equal(t, 401, l.command("q", now).Code, "replayed")
	assert.Equal(t, 200, l.command("q", now.Add(time.Second)).Code, "the same command, anew")
	assert.Equal(t, 200, l.command("help", now.Add(-window)).Code)
	assert.Equal(t, 401, l.command("q", now.Add(-window-time.Second)).Code, "old")
	assert.Equal(t, 401, l.command("q", now.Add(window+time.Second)).Code, "from the future")
	good := sign(l.o.signing, fmt.Sprint(now.Unix()), []byte("text=help"))
	for name, header := range map[string][]string{
		"none":            {},
		"no timestamp":    {"X-Slack-Signature", good},
		"not a time":      {"X-Slack-Signature", good, "X-Slack-Request-Timestamp", "now"},
		"of another time": {"X-Slack-Signature", good, "X-Slack-Request-Timestamp", fmt.Sprint(now.Unix() + 1)},
		"of another key":  {"X-Slack-Signature", sign("another", fmt.Sprint(now.Unix()), []byte("text=help")), "X-Slack-Request-Timestamp", fmt.Sprint(now.Unix())},
		"empty":           {"X-Slack-Signature", "v0=", "X-Slack-Request-Timestamp", fmt.Sprint(now.Unix())},
	} {
		assert.Equal(t, 401, l.request("POST", "/slack/command", "text=help", header...).Code, name)
	}
	assert.Equal(t, 200, l.request("POST", "/slack/command", "text=help", "X-Slack-Signature", good, "X-Slack-Request-Timestamp", fmt.Sprint(now.Unix())).Code, "what the others were made from")
	assert.Equal(t, 405, l.request("GET", "/slack/command", "").Code)
	assert.Equal(t, 413, l.request("POST", "/slack/command", strings.Repeat("x", maxCommand+1)).Code)
	assert.NotContains(t, l.logs.String(), l.o.signing)

	now = now.Add(30 * time.Second)
	signedBefore := now.Add(-10 * time.Second)
	l.make(func() time.Time { return now })
	assert.Equal(t, 401, l.command("q", signedBefore).Code, "a restart forgets what it has seen: nothing from before it is taken")
	l.bot.o.signing = ""
	assert.Equal(t, 404, l.command("q", now).Code, "no secret, no command")
}

func TestSignaturesAreForgotten(t *testing.T) {
	var s signatures
	for n := range maxSeen {
		require.True(t, s.fresh(fmt.Sprint(n), t0, t0.Add(window)))
	}
	assert.False(t, s.fresh("one more", t0, t0.Add(window)), "refused, as it could not be remembered")
	assert.True(t, s.fresh("one more", t0.Add(2*window), t0.Add(3*window)))
	assert.Len(t, s.seen, 1)
}

func TestGrammar(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(hours float64) *time.Time { u := t0.Add(time.Duration(hours * float64(time.Hour))); return &u }
	for text, want := range map[string]wish{
		"":                                       {},
		"  help ":                                {},
		"HELP":                                   {},
		"mail-out":                               {queue: "mail-out"},
		"mail-out by +2h":                        {queue: "mail-out", by: at(2)},
		"mail-out by 09:00":                      {queue: "mail-out", by: at(17)},  // t0 is 16:00 in Berlin
		"mail-out by 16:30":                      {queue: "mail-out", by: at(0.5)}, // still today
		"mail-out by 2026-11-23T18:00:00Z":       {queue: "mail-out", by: at(3)},
		"mail-out level 0.95":                    {queue: "mail-out", level: 0.95},
		"mail-out LEVEL 95% BY +90m":             {queue: "mail-out", level: 0.95, by: at(1.5)},
		`"mail out" by +2h`:                      {queue: "mail out", by: at(2)},
		"“mail out”":                             {queue: "mail out"},
		"a&amp;b &lt;":                           {},
		"a&amp;b":                                {queue: "a&b"},
		"by by +2h":                              {queue: "by", by: at(2)},
		"q by":                                   {},
		"q by +2h by +3h":                        {},
		"q by yesterday":                         {},
		"q by now":                               {},
		"q by 2026-11-23T14:00:00Z":              {},
		"q level 1":                              {},
		"q level 0":                              {},
		"q level NaN":                            {},
		"q level 950%":                           {},
		"q until +2h":                            {},
		"q +2h":                                  {},
		`"q`:                                     {},
		`""`:                                     {},
		`"q"x`:                                   {},
		strings.Repeat("q", maxQueue+1):          {},
		"q level 0.9 level 0.8":                  {},
		"q by 99999-01-01T00:00:00Z level 0.95 ": {},
	} {
		got, err := parseCommand(text, t0.In(berlin))
		if help := strings.EqualFold(strings.TrimSpace(text), "help") || text == ""; want.queue == "" && !help {
			assert.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, want.queue, got.queue, text)
		assert.InDelta(t, want.level, got.level, 1e-12, text)
		if want.by == nil {
			assert.Nil(t, got.by, text)
		} else if assert.NotNil(t, got.by, text) {
			assert.True(t, want.by.Equal(*got.by), "%s: %v", text, got.by)
		}
	}
}

// told reads the answer to a command.
func told(t *testing.T, w *httptest.ResponseRecorder) reply {
	t.Helper()
	require.Equal(t, 200, w.Code, w.Body.String())
	var r reply
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &r))
	return r
}

func TestCommand(t *testing.T) {
	now := t0
	l := newLab(t)
	l.make(func() time.Time { now = now.Add(time.Millisecond); return now })
	ask := func(text string) reply { return told(t, l.command(text, now.Add(time.Second))) }
	l.x.set(draining("mail-out"), "mail-out")
	w := ask("mail-out by +2h level 0.95")
	assert.Equal(t, "in_channel", w.Type)
	assert.Equal(t, "mail-out: 1 403 items, draining", w.Text)
	require.Len(t, w.Blocks, 3)
	assert.Equal(t, "image", w.Blocks[1].Type)
	small := fmt.Sprint(w.Blocks[2].Elements)
	assert.Contains(t, small, "(95 %)")
	assert.Contains(t, small, "by <!date^1795453200^{date_short_pretty} {time}|2026-11-23 17:00 UTC> with 93 %")

	for _, text := range []string{"", "help"} {
		assert.Equal(t, "ephemeral", ask(text).Type)
		assert.Contains(t, ask(text+" ").Text, "/drain QUEUE [by TIME] [level 0.95]")
		now = now.Add(time.Minute)
	}
	assert.Contains(t, ask("mail-out by yesterday").Text, errTime.Error())

	for _, name := range []string{"mail-in", "orders", "<!channel>", "thumbnails"} {
		l.x.set(draining(name), name)
	}
	w = ask("mail-uot<!here>")
	assert.Equal(t, "ephemeral", w.Type)
	assert.True(t, strings.HasPrefix(w.Text, `no queue "mail-uot&lt;!here&gt;"; known queues: mail-out, mail-in, `), w.Text)
	assert.NotContains(t, w.Text, "<!")

	l.x.fail(500, false)
	assert.Contains(t, ask("mail-out").Text, "the exporter answers with an error: no prediction")
	l.x.fail(502, false)
	now = now.Add(time.Minute)
	assert.Contains(t, ask("mail-out").Text, "the exporter does not answer: no prediction")
}

func TestNearest(t *testing.T) {
	var names []string
	for n := range 30 {
		names = append(names, fmt.Sprintf("orders-%02d", n))
	}
	names = append(names, "mail-out", "mail-in", "mail-outbound-relay-of-the-second-data-centre")
	got := nearest("mail-ou", names)
	assert.Len(t, got, maxNames)
	assert.Equal(t, []string{"mail-out", "mail-outbound-relay-of-the-second-data-centre", "mail-in"}, got[:3])
	// By hand: kitten → sitten → sittin → sitting.
	assert.Equal(t, 3, distance("kitten", "sitting"))
	assert.Equal(t, 4, distance("", "übel"))
	assert.Empty(t, nearest("q", nil))
}

// TestCommandInTime holds that an exporter that hangs leaves Slack its answer within three seconds.
func TestCommandInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.x.fail(0, true)
		begin := time.Now()
		r := told(t, l.command("q", time.Now()))
		assert.Equal(t, haste, time.Since(begin))
		assert.Equal(t, "the exporter does not answer: no prediction", r.Text)
		synctest.Wait()
	})
}

// inline answers in the same goroutine: the fuzzer wants the same coverage for the same input.
type inline struct{ http.Handler }

func (h inline) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// FuzzCommand holds that no text makes the bot panic, and that what it takes for a wish is one.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"mail-out by 09:00 level 0.95", "help", `"a b" by +2h`, "q by 2026-11-23T18:00:00Z", "“", "q level 5e-324", "q by +9999999h", "&lt;!channel&gt;", "q by 00:00:60"} {
		f.Add(s)
	}
	x := &fakeExporter{}
	x.set(draining("mail-out"), "mail-out")
	l := newLab(f)
	l.bot.exporter.client = &http.Client{Transport: inline{x}}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parseCommand(text, t0)
		if err == nil && w.queue != "" {
			if len(w.queue) > maxQueue || w.level != 0 && !(w.level > 0 && w.level < 1) || w.by != nil && !w.by.After(t0) {
				t.Fatalf("%q is taken for %+v", text, w)
			}
		}
		r := l.answer(t.Context(), "/drain", text)
		if r.Text == "" || len([]rune(r.Text)) > maxSection || r.Type != "in_channel" && r.Type != "ephemeral" {
			t.Fatalf("%q is answered with %+v", text, r)
		}
		if i := strings.Index(r.Text, "<"); i >= 0 && !strings.HasPrefix(r.Text[i:], "<!date^") {
			t.Fatalf("%q gets out of the text: %s", text, r.Text)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
