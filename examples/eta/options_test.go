package main

import (
	"bytes"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUsageErrors: a wrong command line ends with status 2, one line on standard error that names what is wrong and what is wanted, and no answer.
func TestUsageErrors(t *testing.T) {
	const (
		number   = "want a number such as 300, 1.4M or 1.4M±50k"
		moment   = "want a time from now such as 2h or 90m, or RFC 3339 such as 2026-11-23T18:00:00+01:00"
		unixTime = "want Unix seconds or a time such as 2026-11-23T15:04:05Z"
	)
	for words, want := range map[string]string{
		// Flags by themselves.
		"-speed 3":                  `flag provided but not defined: -speed`,
		"-level":                    `flag needs an argument: -level`,
		"-level high":               `invalid value "high" for flag -level: want a number between 0 and 1, such as 0.9`,
		"-level 0":                  `-level 0, want a number between 0 and 1, such as 0.9`,
		"-level 1":                  `-level 1, want a number between 0 and 1, such as 0.9`,
		"-level 90":                 `-level 90, want a number between 0 and 1, such as 0.9`,
		"-level NaN":                `-level NaN, want a number between 0 and 1, such as 0.9`,
		"-target -1":                `-target -1, want 0 or more`,
		"-target few":               `invalid value "few" for flag -target: "few", ` + number,
		"-target 5±1":               `-target 5±1, want a number without an error`,
		"-deadline soon":            `invalid value "soon" for flag -deadline: ` + moment,
		"-deadline 0s":              `invalid value "0s" for flag -deadline: ` + moment,
		"-deadline -2h":             `invalid value "-2h" for flag -deadline: ` + moment,
		"-deadline 2026-11-23":      `invalid value "2026-11-23" for flag -deadline: ` + moment,
		"-deadline 2h -deadline 17": `invalid value "17" for flag -deadline: ` + moment,
		"-now yesterday":            `invalid value "yesterday" for flag -now: time "yesterday", ` + unixTime,
		"-now 1e300":                `invalid value "1e300" for flag -now: time "1e300", want a time in the years 0 to 9999: Unix seconds, or a time such as 2026-11-23T15:04:05Z`,
		"-tz Europe/Bielefeld":      `invalid value "Europe/Bielefeld" for flag -tz: unknown time zone Europe/Bielefeld`,
		"-format yaml":              `-format "yaml", want one of text, json, csv, prometheus`,
		"-format=":                  `-format "", want one of text, json, csv, prometheus`,
		"-plot fan.gif":             `-plot "fan.gif", want a file that ends in .png or .svg`,
		"-plot png":                 `-plot "png", want a file that ends in .png or .svg`,
		"-follow=perhaps":           `invalid boolean value "perhaps" for -follow: parse error`,

		// What does not go together.
		"a.csv b.csv":                        `2 files, want one: a.csv, b.csv`,
		"a.csv -tz UTC b.jsonl -":            `3 files, want one: a.csv, b.jsonl, -`,
		"-follow -plot fan.png":              `-follow and -plot exclude each other: a picture shows one moment`,
		"-follow -now 1795446000":            `-follow and -now exclude each other: -follow answers as of each sample`,
		"-backlog 1 -net 1 q.csv":            `numbers and a file (q.csv) exclude each other`,
		"q.csv -net 1":                       `numbers and a file (q.csv) exclude each other`,
		"-backlog 1 -net 1 -":                `numbers and a file (-) exclude each other`,
		"-backlog 1 -net 1 -follow":          `-follow needs samples, not numbers`,
		"-net 300":                           `-backlog is missing, want the number of items waiting`,
		"-in 156 -out 456":                   `-backlog is missing, want the number of items waiting`,
		"-backlog 1M -net 3 -in 1 -out 4":    `-net, -in and -out exclude each other, want any two at most`,
		"-backlog 1M":                        `the rate is missing, want -net, or both -in and -out`,
		"-backlog 1M -in 1":                  `the rate is missing, want -net, or both -in and -out`,
		"-backlog 1M -out 1":                 `the rate is missing, want -net, or both -in and -out`,
		"-backlog 1M -delay 1h":              `the rate is missing, want -net, or both -in and -out`,
		"-backlog 1M -net 1 -in 1 -delay 1h": `-delay and -in exclude each other: the delay tells what comes in`,
		"-backlog 1M -net 1 -delay soon":     `invalid value "soon" for flag -delay: want seconds such as 9000 or 9000±900, or a time such as 2h30m or 2h30m±15m`,
		"-backlog 1M -net 1 -delay 1h±":      `invalid value "1h±" for flag -delay: want seconds such as 9000 or 9000±900, or a time such as 2h30m or 2h30m±15m`,
		"-backlog 1M -net 1 -delay -1h":      `invalid value "-1h" for flag -delay: want 0 or more`,

		// Numbers that are none, or out of range.
		"-backlog= -net 1":         `invalid value "" for flag -backlog: "", ` + number,
		"-backlog many -net 1":     `invalid value "many" for flag -backlog: "many", ` + number,
		"-backlog 1.4MB -net 1":    `invalid value "1.4MB" for flag -backlog: "1.4MB", ` + number,
		"-backlog 0x10 -net 1":     `invalid value "0x10" for flag -backlog: "0x10", ` + number,
		"-backlog NaN -net 1":      `invalid value "NaN" for flag -backlog: "NaN", ` + number,
		"-backlog 1M± -net 1":      `invalid value "1M±" for flag -backlog: "1M±", want a number behind the ±, such as 1.4M±50k`,
		"-backlog 1M -net 3+-few":  `invalid value "3+-few" for flag -net: "3+-few", want a number behind the ±, such as 1.4M±50k`,
		"-backlog 1M±-1 -net 1":    `invalid value "1M±-1" for flag -backlog: standard error of "1M±-1" is -1, want a number of 0 or more, up to 2⁶⁴`,
		"-backlog 1e30 -net 1":     `invalid value "1e30" for flag -backlog: "1e30" is 1e+30, want a number up to 2⁶⁴`,
		"-backlog -1 -net 1":       `Backlog is -1, want 0 or more`,
		"-backlog 1 -in -1 -out 1": `Inflow is -1, want 0 or more`,
		"-backlog 1 -in 1 -out -1": `Outflow is -1, want 0 or more`,
	} {
		assert.Equal(t, outcome{exitUsage, "", "eta: " + want + " (eta -help lists the flags)\n"}, run(samplesCSV, words), words)
	}
}

// TestTerminal: with nothing to go by and a person at the keyboard the program asks instead of waiting.
func TestTerminal(t *testing.T) {
	var stderr bytes.Buffer
	e := env{stdin: strings.NewReader(samplesCSV), stdout: io.Discard, stderr: &stderr, now: func() time.Time { return clock }, terminal: true}
	assert.Equal(t, exitUsage, e.run(nil))
	assert.Equal(t, "eta: nothing to predict from: want -backlog and -net, or a file, or samples on standard input (eta -help lists the flags)\n", stderr.String())
	assert.Equal(t, exitOK, e.run([]string{"-"})) // who writes "-" wants to type
	assert.Equal(t, exitOK, e.run([]string{"-backlog", "1", "-net", "1"}))
}

// TestHelp: on standard output, with every flag.
func TestHelp(t *testing.T) {
	for _, words := range []string{"-help", "-h", "--help", "q.csv -help"} {
		text := good(t, "", words)
		assert.True(t, strings.HasPrefix(text, usage), words)
		for _, name := range []string{"backlog", "net", "in", "out", "delay", "target", "level", "deadline", "now", "tz", "format", "plot", "follow", "plan", "at", "startup", "workers", "more", "shed", "pause", "need", "by", "retry", "abandon", "poison", "ttl", "stages"} {
			assert.Contains(t, text, "\n  -"+name+map[bool]string{true: "\n", false: " "}[name == "follow"], words) // all but -follow take a value
		}
		assert.Equal(t, 27, strings.Count(text, "\n  -"), "flags that this test does not know")
		for _, format := range formats() {
			assert.Contains(t, text, format, words)
		}
	}
	assert.ErrorIs(t, second(parse([]string{"-help"}, env{stdout: io.Discard})), flag.ErrHelp)
}

func second(_ options, err error) error { return err }

// TestDefaults: what is asked where the command line says nothing.
func TestDefaults(t *testing.T) {
	o, err := parse(nil, env{})
	require.NoError(t, err)
	assert.Equal(t, options{file: "-", level: 0.9, zone: time.Local, format: "text"}, o)

	q := o.question(clock)
	assert.Equal(t, 0.9, q.Level)
	assert.Zero(t, q.Target)
	assert.Empty(t, q.Deadlines)
	assert.True(t, clock.Equal(q.At))
}

// TestQuestion: relative deadlines count from the moment of asking, and everything is in the zone.
func TestQuestion(t *testing.T) {
	o, err := parse(strings.Fields("q.csv -deadline 90m -target 1k -tz Europe/Berlin -deadline 2026-11-23T12:00:00-05:00 -level .5"), env{})
	require.NoError(t, err)
	assert.Equal(t, "q.csv", o.file)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	q := o.question(clock)
	assert.Equal(t, 1000.0, q.Target)
	assert.Equal(t, 0.5, q.Level)
	assert.Equal(t, clock.In(berlin), q.At)
	assert.Equal(t, []time.Time{clock.Add(90 * time.Minute).In(berlin), clock.Add(2 * time.Hour).In(berlin)}, q.Deadlines) // 12:00 −05:00 is 17:00 UTC
}
