package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeSlack answers chat.postMessage, and records what it took.
type fakeSlack struct {
	mu    sync.Mutex
	taken []map[string]any
	fails []string // answers before it takes anything
}

func (s *fakeSlack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/api/chat.postMessage" || r.Header.Get("Authorization") != "Bearer xoxb-secret" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if len(s.fails) > 0 {
		answer := s.fails[0]
		s.fails = s.fails[1:]
		if answer == "429" {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, answer)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var m map[string]any
	if json.Unmarshal(body, &m) != nil || m["channel"] != "C1" {
		fmt.Fprint(w, `{"ok":false,"error":"channel_not_found"}`)
		return
	}
	s.taken = append(s.taken, m)
	fmt.Fprintf(w, `{"ok":true,"channel":"C1","ts":"1795446000.%06d"}`, len(s.taken))
}

func (s *fakeSlack) messages() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// inSlack runs a test against Slack's Web API.
func inSlack(t *testing.T, s *fakeSlack, f func(*testing.T, *lab)) {
	in(t, func(t *testing.T, l *lab) {
		l.stop()
		l.net["slack"] = s
		l.chatIs(webAPI{"http://slack/api", "C1", "xoxb-secret", "", &http.Client{Transport: l.net}})
		l.start()
		f(t, l)
	})
}

// chatIs puts another chat in the place of the fake one; the loops must not run.
func (l *lab) chatIs(c chat) {
	l.bot.chat = c
}

func TestThreads(t *testing.T) {
	s := &fakeSlack{}
	inSlack(t, s, func(t *testing.T, l *lab) {
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(time.Second)
		l.stop()
		c := l.bot.chat
		l.make(time.Now) // the thread outlives a restart
		l.chatIs(c)
		l.start()
		l.x.set(draining("q"), "q")
		pass(5 * time.Minute)
		l.x.set(cleared("q", 49), "q")
		pass(5 * time.Minute)
		m := s.messages()
		require.Len(t, m, 3)
		assert.NotContains(t, m[0], "thread_ts")
		assert.Equal(t, "1795446000.000001", m[1]["thread_ts"])
		assert.Equal(t, false, m[1]["reply_broadcast"])
		assert.Equal(t, "1795446000.000001", m[2]["thread_ts"])
		assert.Equal(t, true, m[2]["reply_broadcast"], "the end is for all")
		l.resolve(t0, "q")
		l.fire(time.Now(), "q")
		l.x.set(growing("q"), "q")
		pass(time.Minute)
		require.Len(t, s.messages(), 4)
		assert.NotContains(t, s.messages()[3], "thread_ts", "a new incident, a new thread")
	})
}

// TestThreadOfWaitingMessages has the opening and the closing wait for Slack together.
func TestThreadOfWaitingMessages(t *testing.T) {
	s := &fakeSlack{fails: []string{"429", `{"ok":false,"error":"ratelimited"}`, `{"ok":false,"error":"internal_error"}`, `<html>`}}
	inSlack(t, s, func(t *testing.T, l *lab) {
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		l.resolve(t0, "q")
		pass(29 * time.Second)
		s.mu.Lock()
		assert.Len(t, s.fails, 3, "Retry-After is honoured")
		s.mu.Unlock()
		pass(time.Minute)
		m := s.messages()
		require.Len(t, m, 2)
		assert.NotContains(t, m[0], "thread_ts")
		assert.Equal(t, "1795446000.000001", m[1]["thread_ts"])
	})
}

func TestSlackRefuses(t *testing.T) {
	s := &fakeSlack{fails: []string{`{"ok":false,"error":"not_in_channel"}`}}
	inSlack(t, s, func(t *testing.T, l *lab) {
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(10 * time.Minute)
		assert.Empty(t, s.messages())
		assert.Empty(t, l.waiting())
		assert.Contains(t, l.logs.String(), "not_in_channel")
		assert.NotContains(t, l.logs.String(), "xoxb-secret")
	})
}

func TestIncomingWebhook(t *testing.T) {
	var got []byte
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		fmt.Fprint(w, "ok")
	})
	c := newChat(options{webhook: "http://hooks/services/secret"}, &http.Client{Transport: network{"hooks": h}})
	m := story()["without"]
	thread, _, err := c.send(t.Context(), m)
	require.NoError(t, err)
	assert.Empty(t, thread)
	text, blocks := m.slack("")
	want, err := json.Marshal(map[string]any{"text": text, "blocks": blocks})
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
	assert.NotContains(t, c.name(), "secret")
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "999999999": longestPause, "99999999999999999999": 0,
		"Mon, 23 Nov 2026 15:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 14:00:00 GMT": 0,
	} {
		h := http.Header{"Retry-After": {value}, "Date": {"Mon, 23 Nov 2026 15:00:00 GMT"}}
		assert.Equal(t, want, retryAfter(h), value)
	}
	assert.Zero(t, retryAfter(http.Header{"Retry-After": {"Mon, 23 Nov 2026 15:01:00 GMT"}}), "no clock to count from")
}
