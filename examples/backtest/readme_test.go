package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme runs the README's command in the root of the repository.
func TestReadme(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	found := 0
	for line := range strings.Lines(string(text)) {
		args, ok := strings.CutPrefix(line, "go run ./examples/backtest ")
		if !ok {
			continue
		}
		found++
		code, stdout, stderr := people("", strings.Fields(args)...)
		assert.Equal(t, exitOK, code)
		assert.Contains(t, stdout, "the straight line's")
		assert.Empty(t, stderr)
	}
	assert.Equal(t, 1, found)
}
