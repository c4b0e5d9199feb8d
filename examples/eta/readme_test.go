package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blocks returns the code blocks of the README in one language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var found []string
	for i, part := range strings.Split(string(text), "```") {
		if code, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			found = append(found, code)
		}
	}
	require.NotEmpty(t, found)
	return found
}

// TestReadmeCommands runs each command of the README in the root of the repository and compares what it prints to the last letter.
func TestReadmeCommands(t *testing.T) {
	consoles := blocks(t, "console")
	picture := filepath.Join(t.TempDir(), "eta.png")
	t.Chdir("../..")
	for _, block := range consoles {
		command, want, _ := strings.Cut(block, "\n")
		t.Run(command, func(t *testing.T) {
			args, ok := strings.CutPrefix(command, "$ go run ./examples/eta ")
			require.True(t, ok)
			var stdout, stderr bytes.Buffer
			e := env{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { panic("the README looks at the clock") }}
			require.Equal(t, exitOK, e.run(strings.Fields(strings.ReplaceAll(args, "eta.png", picture))))
			assert.Equal(t, want, stdout.String())
			assert.Empty(t, stderr.String())
		})
	}
	assert.FileExists(t, picture)
}

// TestReadmeCode holds the Go code of the README against the example that the tests of package drain compile and run.
func TestReadmeCode(t *testing.T) {
	example, err := os.ReadFile("../../drain/example_readme_test.go")
	require.NoError(t, err)
	for _, block := range blocks(t, "go") {
		indented := "\t" + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n\t")
		assert.Contains(t, string(example), indented)
	}
}
