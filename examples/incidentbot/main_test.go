package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func environment(vars map[string]string) (env, *buffer, *buffer) {
	var stdout, stderr buffer
	return env{stdout: &stdout, stderr: &stderr, getenv: func(name string) string { return vars[name] }, now: time.Now, seed: 1}, &stdout, &stderr
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	x := "-exporter http://x -url http://chat/ "
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"-frobnicate":                     {exitUsage, "flag provided but not defined: -frobnicate"},
		"":                                {exitUsage, "-exporter is missing"},
		"-exporter http://x":              {exitUsage, "0 chats"},
		x + "-slack-channel C1":           {exitUsage, "-slack-channel and a token"},
		x + "more":                        {exitUsage, `"more" is not a flag`},
		x + "-every 1ms":                  {exitUsage, "-every 1ms"},
		x + "-pause -1s":                  {exitUsage, "-pause -1s"},
		x + "-log xml":                    {exitUsage, `-log "xml"`},
		x + "-tz Mars/Olympus":            {exitUsage, "Mars/Olympus"},
		x + "-label=":                     {exitUsage, "-label is empty"},
		x + "-state=":                     {exitUsage, "-state is empty"},
		x + "-url-file f":                 {exitUsage, "exclude each other"},
		"-exporter x -url http://c":       {exitUsage, "-exporter is not a URL"},
		"-exporter http://x -url s3cr":    {exitUsage, "-url is not a URL"},
		x + "-alerts-token-file " + empty: {exitFailed, "is empty"},
		x + "-slack-signing-file " + dir + "/missing":       {exitFailed, "no such file"},
		x + "-state " + dir + "/none/s.json":                {exitFailed, "no such file"},
		x + "-state " + dir + "/s.json -listen 256.0.0.1:1": {exitFailed, "256.0.0.1"},
	} {
		e, _, stderr := environment(nil)
		assert.Equal(t, want.code, e.run(t.Context(), strings.Fields(args)), args)
		assert.Contains(t, stderr.String(), want.says, args)
		assert.NotContains(t, stderr.String(), "s3cr", args)
	}
	e, _, stderr := environment(map[string]string{"SLACK_WEBHOOK_URL": "http://hooks/secret"})
	assert.Equal(t, exitUsage, e.run(t.Context(), strings.Fields(x)))
	assert.Contains(t, stderr.String(), "2 chats")
	e, stdout, _ := environment(nil)
	assert.Equal(t, exitOK, e.run(t.Context(), []string{"-help"}))
	assert.Contains(t, stdout.String(), "-alerts-token-file")
}

func TestSecretsFromFilesAndEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("from the file\n"), 0o600))
	vars := map[string]string{"SLACK_BOT_TOKEN": "from the environment", "SLACK_SIGNING_SECRET": " signing "}
	e, _, _ := environment(vars)
	o, err := parse([]string{"-exporter", "http://x/", "-slack-channel", "C1"}, e)
	require.NoError(t, err)
	assert.Equal(t, "from the environment", o.token)
	assert.Equal(t, "signing", o.signing)
	assert.Equal(t, "http://x", o.exporter)
	o, err = parse([]string{"-exporter", "http://x", "-slack-channel", "C1", "-slack-token-file", file}, e)
	require.NoError(t, err)
	assert.Equal(t, "from the file", o.token)
}

// TestProgram runs the whole program over a real network: alert, message, stop, start, no repetition.
func TestProgram(t *testing.T) {
	t.Parallel()
	x, chat := &fakeExporter{}, &fakeChat{}
	x.set(growing("q"), "q")
	exporter, target := httptest.NewServer(x), httptest.NewServer(chat)
	defer exporter.Close()
	defer target.Close()
	args := []string{"-exporter", exporter.URL, "-url", target.URL + "/secret-path", "-state", filepath.Join(t.TempDir(), "s.json"), "-listen", "127.0.0.1:0", "-log", "json"}
	for n := range 2 {
		e, _, stderr := environment(nil)
		ctx, stop := context.WithCancel(t.Context())
		code := make(chan int)
		go func() { code <- e.run(ctx, args) }()
		address := regexp.MustCompile(`"address":"([^"]+)"`)
		require.Eventually(t, func() bool { return address.MatchString(stderr.String()) }, 5*time.Second, time.Millisecond)
		fire := func(queue string) {
			response, err := http.Post("http://"+address.FindStringSubmatch(stderr.String())[1]+"/alerts", "application/json", bytes.NewReader(hookOf(firing, t0, queue)))
			require.NoError(t, err)
			response.Body.Close()
			require.Equal(t, http.StatusOK, response.StatusCode)
		}
		fire("q")
		require.Eventually(t, func() bool { return len(chat.events()) == 1 }, 5*time.Second, time.Millisecond)
		if n == 1 { // stopped while a message is in flight
			x.set(growing("r"), "r")
			chat.will(func(int, http.ResponseWriter, *http.Request) bool { time.Sleep(300 * time.Millisecond); return true })
			fire("r")
			require.Eventually(t, func() bool { return chat.count() == 2 }, 5*time.Second, time.Millisecond)
		}
		stop()
		assert.Equal(t, exitOK, <-code)
		assert.Contains(t, stderr.String(), `"msg":"stopped"`)
		assert.NotContains(t, stderr.String(), "secret-path")
	}
	assert.Equal(t, []string{"q opened", "r opened"}, chat.events())
}
