package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// request asks the bot.
func (l *lab) request(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	l.handler().ServeHTTP(w, r)
	return w
}

func TestMalformedWebhooks(t *testing.T) {
	l := newLab(t)
	before, err := os.ReadFile(l.state)
	require.NoError(t, err)
	alert := `{"status":"firing","labels":{"queue":"q"},"startsAt":"2026-11-23T15:00:00Z"}`
	for name, c := range map[string]struct {
		method, body string
		code         int
		why          string
	}{
		"GET":              {"GET", "", 405, "want POST"},
		"empty":            {"POST", "", 400, "not JSON"},
		"not JSON":         {"POST", "alerts", 400, "not JSON"},
		"cut off":          {"POST", `{"version":"4","alerts":[` + alert, 400, "not JSON"},
		"two":              {"POST", `{"version":"4","alerts":[` + alert + `]}{}`, 400, "something follows"},
		"version 3":        {"POST", `{"version":"3","alerts":[` + alert + `]}`, 400, `version "3", want "4"`},
		"version 4":        {"POST", `{"version":4,"alerts":[` + alert + `]}`, 400, "not JSON"},
		"no version":       {"POST", `{"alerts":[` + alert + `]}`, 400, `version ""`},
		"null":             {"POST", `null`, 400, `version ""`},
		"no alerts":        {"POST", `{"version":"4","alerts":[]}`, 400, "no alerts"},
		"null alert":       {"POST", `{"version":"4","alerts":[null]}`, 400, "alert 0: status"},
		"no labels":        {"POST", `{"version":"4","alerts":[` + strings.Replace(alert, `{"queue":"q"}`, `{}`, 1) + `]}`, 400, "no labels"},
		"odd status":       {"POST", `{"version":"4","alerts":[` + alert + `,` + strings.Replace(alert, "firing", "burning", 1) + `]}`, 400, `alert 1: status "burning"`},
		"no time":          {"POST", `{"version":"4","alerts":[{"status":"firing","labels":{"queue":"q"}}]}`, 400, "no startsAt"},
		"not a time":       {"POST", `{"version":"4","alerts":[` + strings.Replace(alert, "2026", "year", 1) + `]}`, 400, "not JSON"},
		"labels of labels": {"POST", `{"version":"4","alerts":[` + strings.Replace(alert, `"q"`, `{}`, 1) + `]}`, 400, "not JSON"},
		"too many alerts":  {"POST", `{"version":"4","alerts":[` + strings.Repeat(alert+",", maxAlerts) + alert + `]}`, 413, "too many alerts"},
		"too large":        {"POST", `{"version":"4","alerts":[` + strings.Repeat(" ", maxBody), 413, "more than 1048576 bytes"},
	} {
		w := l.request(c.method, "/alerts", c.body)
		assert.Equal(t, c.code, w.Code, name)
		assert.Contains(t, w.Body.String(), c.why, name)
	}
	assert.Empty(t, l.incidents)
	after, err := os.ReadFile(l.state)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Equal(t, 200, l.request("POST", "/alerts", `{"version":"4","alerts":[`+alert+`]}`).Code, "what the others were made from")
}

func TestBearerToken(t *testing.T) {
	l := newLab(t)
	l.bot.o.alertsToken = "open sesame"
	body := string(hookOf(firing, t0, "q"))
	assert.Equal(t, 401, l.request("POST", "/alerts", body).Code)
	assert.Equal(t, 401, l.request("POST", "/alerts", body, "Authorization", "Bearer open barley").Code)
	assert.Equal(t, 401, l.request("POST", "/alerts", body, "Authorization", "open sesame").Code)
	assert.Empty(t, l.incidents)
	assert.Equal(t, 200, l.request("POST", "/alerts", body, "Authorization", "Bearer open sesame").Code)
	assert.NotContains(t, l.logs.String(), "sesame")
}

func TestHealthAndMetrics(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		pass(time.Second)
		assert.Equal(t, 200, l.request("GET", "/healthz", "").Code)
		assert.Equal(t, 200, l.request("GET", "/readyz", "").Code)
		l.x.fail(0, true)
		pass(5 * time.Minute)
		assert.Equal(t, 503, l.request("GET", "/readyz", "").Code)
		assert.Equal(t, 200, l.request("GET", "/healthz", "").Code, "a restart would not help")
		l.x.fail(http.StatusInternalServerError, false)
		pass(time.Minute)
		assert.Equal(t, 200, l.request("GET", "/readyz", "").Code, "an error is an answer")
		l.x.fail(0, false)
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(time.Second)
		text := l.request("GET", "/metrics", "").Body.String()
		for _, line := range []string{
			`incidentbot_messages_sent_total{event="opened"} 1`, `incidentbot_messages_sent_total{event="closed"} 0`, `incidentbot_messages_failed_total{event="opened"} 0`,
			"incidentbot_messages_retried_total 0", "incidentbot_outbox_messages 0", "incidentbot_incidents_open 1", `incidentbot_webhooks_total{code="200"} 1`,
		} {
			assert.Contains(t, text, line+"\n")
		}
		state, err := os.ReadFile(l.state)
		require.NoError(t, err)
		assert.NotContains(t, text+string(state)+l.logs.String(), "secret-path")
	})
}

// FuzzWebhook holds that no webhook makes the bot panic or answer 5xx, that a refused one changes nothing, and that what is saved can be loaded.
func FuzzWebhook(f *testing.F) {
	f.Add(hookOf(firing, t0, "q", "r"))
	f.Add(hookOf(resolved, t0, "q"))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"x"},"annotations":{"deadline":"09:00","summary":"\u0000\ud800"},"startsAt":"9999-12-31T23:59:59.999999999-23:59"}]}`))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"queue":""},"annotations":{"deadline":"+290y"},"startsAt":"0001-01-01T00:00:01Z"},{"status":"resolved","labels":{"queue":"q"},"startsAt":"2026-11-23T15:00:00Z"}]}`))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"queue":"q"},"annotations":{"deadline":"99999999h"},"startsAt":"2026-11-23T15:00:00Z"}]}`))
	f.Add([]byte(`{"version":"5"}`))
	f.Add([]byte(`[]`))
	l := newLab(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		l.t = t
		l.bot.incidents, l.bot.outbox = map[string]*incident{}, nil
		require.NoError(t, l.take([]alert{{Status: firing, StartsAt: t0, Labels: map[string]string{"queue": "q"}}}))
		before, err := l.encode()
		require.NoError(t, err)
		w := httptest.NewRecorder()
		l.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/alerts", bytes.NewReader(body)))
		after, err := l.encode()
		require.NoError(t, err)
		switch w.Code {
		case http.StatusOK:
			for _, i := range l.incidents { // what is said of it can be written
				for _, v := range []view{pollFails(exporterAway), poll(cleared("q", 3)), poll(cleared("q", 4))} {
					l.learn(i, v)
				}
			}
			for _, m := range l.outbox {
				m.slack("https://charts.example.org")
				if _, err := json.Marshal(m.report("")); err != nil {
					t.Fatal(err)
				}
			}
			require.NoError(t, l.save())
			require.NoError(t, newBot(testOptions(l.state), nil, time.Now, nil, l.log).load())
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if !bytes.Equal(before, after) {
				t.Fatalf("a refused webhook changed the state from %s to %s", before, after)
			}
			if w.Body.Len() < 5 {
				t.Fatal("no reason")
			}
		default:
			t.Fatalf("status %d", w.Code)
		}
	})
}
