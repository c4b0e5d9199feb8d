package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

const token = "xoxb-e2e"

// message is what was posted.
type message struct {
	At     time.Time       `json:"at"`
	Text   string          `json:"text"`
	Thread string          `json:"thread_ts"`
	TS     string          `json:"ts"`
	Blocks json.RawMessage `json:"blocks"`
}

// chat stands for Slack's Web API: it records what is posted and, at times, fails or is slow.
type chat struct {
	server   *httptest.Server
	mu       sync.Mutex
	messages []message
	requests int
	refused  int
	strange  []string
}

func newChat() *chat {
	c := &chat{}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	return c
}

func (c *chat) base() string { return c.server.URL }
func (c *chat) close()       { c.server.Close() }

func (c *chat) serve(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Channel string
		message
	}
	err := json.NewDecoder(r.Body).Decode(&m)
	c.mu.Lock()
	c.requests++
	n := c.requests
	if r.URL.Path != "/chat.postMessage" || r.Header.Get("Authorization") != "Bearer "+token || err != nil || m.Channel != "C1" {
		c.strange = append(c.strange, fmt.Sprint(r.URL.Path, " ", err))
	}
	c.mu.Unlock()
	switch {
	case n == 1: // the first message meets a chat that is down
		c.refuse()
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	case n == 2: // and then one that has had enough
		c.refuse()
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case n == 4: // later one that is slow
		time.Sleep(3 * time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.At = time.Now()
	m.TS = fmt.Sprintf("%d.%06d", m.At.Unix(), n)
	c.messages = append(c.messages, m.message)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"ok":true,"channel":"C1","ts":%q}`, m.TS)
}

func (c *chat) refuse() {
	c.mu.Lock()
	c.refused++
	c.mu.Unlock()
}

func (c *chat) all() []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]message(nil), c.messages...)
}
