package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/examples/internal/scenario"
)

// scenarios are the regression cases: what other tools get wrong about one queue, each with a reference to the tool. See package scenario for the form.
const scenarios = "testdata/scenarios"

// TestScenarios asks each of them through the library and through the program.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txt"))
	require.NoError(t, err)
	cases := map[string]bool{}
	eta := scenario.Program(func(args []string, stdin string) (string, string, int) {
		o := run(stdin, "", args...)
		return o.stdout, o.stderr, o.code
	})
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		number, _, _ := strings.Cut(name, "-")
		cases[number] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Open(file)
			require.NoError(t, err)
			for _, failures := range [][]scenario.Failure{s.Check(scenario.Library()), s.Check(eta), s.Compare(scenario.Library(), eta)} {
				for _, f := range failures {
					t.Error(f)
				}
			}
		})
	}
	// One queue: T14 to T17 are about several queues, poison, expiry and plans.
	for _, number := range strings.Fields("T01 T02 T03 T04 T05 T06 T07 T08 T09 T10 T11 T12 T13 T18") {
		assert.True(t, cases[number], "%s has no scenario", number)
	}
}

// TestScenarioByGoRun asks one of them as a user does.
func TestScenarioByGoRun(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || testing.Short() {
		t.Skip("go run takes seconds, and the go command")
	}
	s, err := scenario.Open(filepath.Join(scenarios, "T01-keda.txt"))
	require.NoError(t, err)
	for _, f := range s.Check(scenario.Program(func(args []string, stdin string) (string, string, int) {
		c := exec.Command("go", append([]string{"run", "."}, args...)...)
		var stdout, stderr bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
		if err := c.Run(); err != nil {
			return stdout.String(), stderr.String() + err.Error(), exitData
		}
		return stdout.String(), stderr.String(), exitOK
	})) {
		t.Error(f)
	}
}
