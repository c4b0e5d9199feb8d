package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const article = "-backlog 1.4M±50k -net 300±50 -in 156±16 -now 2026-03-27T16:00:00Z -tz UTC "

// TestPlanFlags: the short forms make one plan, in words, beside those of a file.
func TestPlanFlags(t *testing.T) {
	text := good(t, "", article+"-at 16:30 -workers +50x6±1.5 -shed 33% -at +20m -pause 15m -more 10±2 -deadline 90m")
	assert.Contains(t, text, "  50 workers more at 6/s ± 1.50/s each at 16:30, inflow × 0.670 at 16:30, outflow pauses at +20m0s, outflow +10/s ± 2/s at +20m0s ")
	assert.Contains(t, text, "by 17:30 UTC")
	file := filepath.Join(t.TempDir(), "plans.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"plans": [{"name": "off", "changes": [{"pause": true, "at": "+20m", "for": "15m"}]}]}`), 0o600))
	out := run("", article+"-more 10 -format json -plan "+file)
	require.Equal(t, exitOK, out.code, out.stderr)
	var p struct {
		Schema int
		Plans  []struct {
			Plan        struct{ Name string }
			TimeToClear struct {
				Median float64 `json:"median_seconds"`
			} `json:"time_to_clear"`
			Sooner struct {
				Median float64 `json:"median_seconds"`
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out.stdout), &p))
	require.Len(t, p.Plans, 2)
	assert.Equal(t, 2, p.Schema)
	assert.Equal(t, "off", p.Plans[0].Plan.Name)
	assert.Equal(t, "outflow +10/s", p.Plans[1].Plan.Name)
	assert.Negative(t, p.Plans[0].Sooner.Median)
	assert.Positive(t, p.Plans[1].Sooner.Median)
	// One record for each plan in CSV.
	assert.Len(t, strings.Split(strings.TrimSpace(good(t, "", article+"-more 10 -format csv")), "\n"), 3)
	for words, says := range map[string]string{
		"-workers ten":                 "want such as +10x2.5",
		"-shed 2":                      "want a share of the inflow",
		"-pause -3m":                   "want a time such as 30m",
		"-at noon":                     `"noon", want a time of day`,
		"-need 0.95":                   "-need and -by go together",
		"-need 2 -by 18:00":            "want a number between 0 and 1",
		"-more 1 -format prometheus":   "not of plans",
		"-startup soon":                "want a time such as 10m",
		"-retry -1":                    "want a number of 0 or more",
		"-ttl never":                   "want a time such as 1h",
		"-plan /nonexistent/plan.json": "no such file",
	} {
		out := run("", article+words)
		assert.NotEqual(t, exitOK, out.code, words)
		assert.Contains(t, out.stderr, says, words)
		assert.Equal(t, 1, strings.Count(out.stderr, "\n"), "one line: %s", out.stderr)
	}
}

// TestNeedFlags: what it takes, as text and as JSON.
func TestNeedFlags(t *testing.T) {
	text := good(t, "", article+"-workers x6 -need 0.95 -by 17:10")
	assert.Contains(t, text, "what it takes to be done by 17:10 UTC with probability 95 %:\n  outflow +")
	assert.Contains(t, text, "workers more at 6/s each: done by 17:10 UTC with ")
	assert.Contains(t, text, "of the inflow: done by 17:10 UTC with ")
	var p struct {
		Prediction struct{ Schema int }
		Needs      []struct {
			Lever    string
			Feasible bool
			Value    float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(good(t, "", article+"-workers x6 -need 0.95 -by 17:10 -format json")), &p))
	require.Len(t, p.Needs, 3)
	assert.Equal(t, "workers", p.Needs[1].Lever)
	assert.True(t, p.Needs[1].Feasible)
	assert.Contains(t, good(t, "", article+"-need 0.95 -by 16:01"), "not to be had: shed 100 % of the inflow gives ")
}

// TestFeedbackFlags: what a queue does to itself.
func TestFeedbackFlags(t *testing.T) {
	assert.Contains(t, good(t, "", "-backlog 10k -net 20 -retry 0.001 -tz UTC"), "  tipping point    30 000 items: above it the queue grows by itself")
	assert.Contains(t, good(t, "", "-backlog 10k -net -20±5 -retry 0.001 -tz UTC"), "more than 20/s more outflow brings it below")
	assert.Contains(t, good(t, "", "-backlog 10k -net 20 -poison 1000 -tz UTC"), "settles near 1 000 items in ")
	assert.Contains(t, good(t, "", "-backlog 720k -in 100 -out 200 -ttl 1h -tz UTC"), "items expire unserved; with that cleared in ")
}

// TestQueues: several queues in one file.
func TestQueues(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,queue,backlog\n")
	for k := range 60 {
		for i, q := range []string{"a", "b"} {
			fmt.Fprintf(&b, "%d,%s,%d\n", 1795429341+10*k, q, max(0, 3000*(1+i)-(40+k%3)*k))
		}
	}
	text := good(t, b.String(), "-tz UTC -deadline 1h")
	lines := strings.Split(text, "\n")
	assert.Contains(t, lines[0], "; driven by b (")
	assert.Contains(t, lines[1], " b: 3 ")
	assert.Contains(t, text, "all cleared with probability ")
	assert.Len(t, strings.Split(strings.TrimSpace(good(t, b.String(), "-format csv")), "\n"), 4)
	assert.Contains(t, good(t, b.String(), "-format json"), `"drivers": [`)
	assert.Equal(t, exitData, run(b.String(), "-plot x.png").code)
	assert.Equal(t, exitData, run(b.String(), "-more 3").code)
	file := filepath.Join(t.TempDir(), "plans.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"plans": [{"name": "more", "changes": [{"queue": "b", "by": 200, "at": "+0s"}]}]}`), 0o600))
	assert.Contains(t, good(t, b.String(), "-tz UTC -plan "+file), "  more: driven by a (")
	assert.Contains(t, good(t, b.String(), "-format json -plan "+file), `"drivers_with_plans": [`)
	mixed := run("time,queue,backlog\n1795429341,,5\n1795429351,a,5\n", "-tz UTC")
	assert.Equal(t, exitData, mixed.code)
	assert.Contains(t, mixed.stderr, `a sample of queue "a" comes after samples that name none`)
}

// TestStages: stages in one file, and a plan for one of them.
func TestStages(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,queue,backlog,inflow,outflow\n")
	for k := range 60 {
		fmt.Fprintf(&b, "%d,in,%d,100,%d\n", 1795429341+10*k, 6000-100*k, 200+k%3)
		fmt.Fprintf(&b, "%d,out,%d,,%d\n", 1795429341+10*k, 9000+20*k, 180+k%5)
	}
	file := filepath.Join(t.TempDir(), "plans.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"plans": [{"name": "more", "changes": [{"queue": "out", "by": 20, "at": "+1m"}]}]}`), 0o600))
	text := good(t, b.String(), "-tz UTC -stages in,out -plan "+file)
	assert.Contains(t, strings.Split(text, "\n")[0], "; the bottleneck is out (")
	assert.Contains(t, text, `  more: after "outflow +20/s" (out) the bottleneck is out (`)
	assert.Contains(t, good(t, b.String(), "-format json -stages in,out -plan "+file), `"steps": [`)
	assert.Len(t, strings.Split(strings.TrimSpace(good(t, b.String(), "-format csv -stages in,out")), "\n"), 4)
	assert.Equal(t, exitData, run(b.String(), "-stages in,print").code)
	bad := run(b.String()+"1795429941,in,-3,1,1\n", "-stages in,out")
	assert.Equal(t, exitOK, bad.code, "a bad sample is counted, no end")
	assert.Contains(t, bad.stderr, "backlog is -3")
	assert.Equal(t, exitUsage, run(b.String(), "-stages in,in").code)
}

// TestStepOfTheRecording: shortly before the next hop of a real Postfix comes back, and told when and with which capacity, the bounds have in them what came (20 mails or fewer at
// 10:27:45); without the plan the answer is never.
func TestStepOfTheRecording(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"plans": [{"name": "next hop back", "changes": [{"at": "2026-11-23T10:25:20Z", "to": "41±2"}]}]}`), 0o600))
	came := time.Date(2026, time.November, 23, 10, 27, 45, 0, time.UTC)
	for _, asked := range []string{"2026-11-23T10:24:20Z", "2026-11-23T10:24:40Z", "2026-11-23T10:25:12Z"} {
		var p struct {
			TimeToClear struct {
				MedianTime *time.Time `json:"median_time"`
			} `json:"time_to_clear"`
			Plans []struct {
				TimeToClear struct {
					Lower time.Time `json:"lower_time"`
					Upper time.Time `json:"upper_time"`
				} `json:"time_to_clear"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(good(t, "", "../data/postfix.csv -target 20 -format json -now "+asked+" -plan "+file)), &p))
		assert.Nil(t, p.TimeToClear.MedianTime)
		assert.True(t, p.Plans[0].TimeToClear.Lower.Before(came) && came.Before(p.Plans[0].TimeToClear.Upper), "%s: %+v", asked, p.Plans[0])
	}
	assert.Contains(t, good(t, "", "../data/postfix.csv -target 20 -tz UTC -now 2026-11-23T10:25:12Z -plan "+file), "instead of never")
}
