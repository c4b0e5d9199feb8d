package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	o, err := parse(strings.Fields("a.csv -target 1.2k -asks 7 b.jsonl -tz Europe/Berlin -format json -plot p.SVG -"), nil)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	assert.Equal(t, options{files: []string{"a.csv", "b.jsonl", "-"}, target: 1200, asks: 7, zone: zone, format: "json", plot: "p.SVG"}, o)
	o, err = parse([]string{"a.csv"}, nil)
	require.NoError(t, err)
	assert.Equal(t, options{files: []string{"a.csv"}, asks: 400, zone: time.Local, format: "text"}, o)
	o, err = parse(strings.Fields("-data d -origins o -o f"), nil)
	require.NoError(t, err)
	assert.True(t, o.bench)
	assert.Equal(t, []string{"d", "o", "f"}, []string{o.data, o.origins, o.out})
}

// TestUsageErrors end with status 2 and one line.
func TestUsageErrors(t *testing.T) {
	for words, want := range map[string]string{
		"":                                "nothing to replay, want a file of samples",
		"-target 5":                       "nothing to replay, want a file of samples",
		"-data d -origins o":              "want -data, -origins and -o, and nothing else",
		"-origins o -o f":                 "want -data, -origins and -o, and nothing else",
		"-data d -o f":                    "want -data, -origins and -o, and nothing else",
		"-data d -origins o -o f q.csv":   "want -data, -origins and -o, and nothing else",
		"-data d -origins o -o f -asks 3": "want -data, -origins and -o, and nothing else",
		"-o q.csv":                        "want -data, -origins and -o, and nothing else",
		"-speed 3":                        "flag provided but not defined: -speed",
		"-data":                           "flag needs an argument: -data",
		"q.csv -target many":              `invalid value "many" for flag -target: "many", want a number such as 300, 1.4M or 1.4M±50k`,
		"q.csv -target 5±1":               `invalid value "5±1" for flag -target: want a number without an error`,
		"q.csv -target -5":                `invalid value "-5" for flag -target: want 0 or more`,
		"q.csv -asks 0":                   `invalid value "0" for flag -asks: want a whole number of 1 or more`,
		"q.csv -asks 1e3":                 `invalid value "1e3" for flag -asks: want a whole number of 1 or more`,
		"q.csv -tz Nowhere":               `invalid value "Nowhere" for flag -tz: unknown time zone Nowhere`,
		"q.csv -format xml":               `-format "xml", want one of text, json, csv`,
		"q.csv -plot q.pdf":               `-plot "q.pdf", want a file that ends in .png or .svg`,
		"- q.csv -":                       "- twice: standard input can be read once",
	} {
		var stdout, stderr bytes.Buffer
		e := env{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
		assert.Equal(t, exitUsage, e.run(strings.Fields(words)), words)
		assert.Equal(t, "backtest: "+want+" (backtest -help lists the flags)\n", stderr.String(), words)
		assert.Empty(t, stdout.String(), words)
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, env{stdout: &stdout, stderr: &stderr}.run([]string{"-help"}))
	assert.Empty(t, stderr.String())
	for _, want := range []string{"backtest FILE.csv …", "backtest -data DIR", "\n  -data DIR\n", "\n  -origins FILE\n", "\n  -o FILE\n", "\n  -target number\n", "\n  -asks number\n", "\n  -format form\n", "\n  -plot file\n", "\n  -tz zone\n"} {
		assert.Contains(t, stdout.String(), want)
	}
}
