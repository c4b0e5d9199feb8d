package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// What Slack and the bot share.
const token, secret = "xoxb-e2e", "signing-e2e"

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

// command sends a slash command as Slack does, signed, and returns what everybody sees.
func command(to, text string) (string, error) {
	body := url.Values{"command": {"/drain"}, "text": {text}}.Encode()
	at := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", at, body)
	r, err := http.NewRequest(http.MethodPost, to+"/slack/command", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", at)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var a struct {
		Type string `json:"response_type"`
		Text string `json:"text"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
		return "", fmt.Errorf("%s: %w", answer.Status, err)
	}
	if a.Type != "in_channel" {
		return "", fmt.Errorf("%s: %s", answer.Status, a.Text)
	}
	return a.Text, nil
}

// chart is the URL of the picture in a message.
func (m message) chart() string {
	var blocks []struct {
		ImageURL string `json:"image_url"`
	}
	json.Unmarshal(m.Blocks, &blocks)
	for _, b := range blocks {
		if b.ImageURL != "" {
			return b.ImageURL
		}
	}
	return ""
}

func (c *chat) all() []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]message(nil), c.messages...)
}
