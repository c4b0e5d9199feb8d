package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/postsack/backlog/forecast"
)

var formats = []string{"text", "json", "csv"}

// writers write the results in each of the formats.
var writers = map[string]func(o options, results []result, out io.Writer) error{
	"text": writeText, "json": writeJSON, "csv": writeCSV,
}

// confidence is that of the binomial bounds on shares.
const confidence = 0.95

// schema is the version of the JSON and CSV forms.
const schema = 1

// number is a float64 that JSON can hold: what is infinite or NaN becomes null.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type jsonReport struct {
	Schema     int        `json:"schema"`
	Confidence float64    `json:"confidence"` // of within_lower and within_upper
	Files      []jsonFile `json:"files"`
	Mean       jsonMean   `json:"mean"`
}

type jsonFile struct {
	File         string         `json:"file"`
	Message      string         `json:"message"`
	Samples      int            `json:"samples"`
	Rejected     int            `json:"rejected"`
	From         string         `json:"from"`
	To           string         `json:"to"`
	Interval     number         `json:"interval_seconds"`
	Horizon      number         `json:"horizon_seconds"`
	Target       number         `json:"target"`
	Eligible     int            `json:"eligible"`
	Asks         int            `json:"asks"`
	Predictions  int            `json:"predictions"`
	StillOpen    int            `json:"still_open"`
	Unanswered   int            `json:"unanswered"`
	Coverage     []jsonCoverage `json:"coverage"`
	LineCoverage []jsonCoverage `json:"line_coverage"`
	Distances    []jsonDistance `json:"distances"`
	MedianFactor number         `json:"median_factor"`
	jsonScore
}

type jsonCoverage struct {
	Level       float64 `json:"level"`
	Claimed     number  `json:"claimed"`
	Within      number  `json:"within"`
	WithinLower number  `json:"within_lower"`
	WithinUpper number  `json:"within_upper"`
	Early       number  `json:"early"`
	Late        number  `json:"late"`
}

type jsonDistance struct {
	To           string `json:"to"`
	Fraction     number `json:"fraction"`
	Predictions  int    `json:"predictions"`
	StillOpen    int    `json:"still_open"`
	MedianFactor number `json:"median_factor"`
}

type jsonScore struct {
	Score     number `json:"score"`
	LineScore number `json:"line_score"`
	Skill     number `json:"skill"`
}

type jsonMean struct {
	Files        int                `json:"files"`
	Coverage     []jsonMeanCoverage `json:"coverage"`
	LineCoverage []jsonMeanCoverage `json:"line_coverage"`
	Distances    []jsonMeanDistance `json:"distances"`
	MedianFactor number             `json:"median_factor"`
	jsonScore
}

type jsonMeanCoverage struct {
	Level   float64 `json:"level"`
	Claimed number  `json:"claimed"`
	Within  number  `json:"within"`
	Early   number  `json:"early"`
	Late    number  `json:"late"`
}

type jsonMeanDistance struct {
	To           string `json:"to"`
	Fraction     number `json:"fraction"`
	MedianFactor number `json:"median_factor"`
}

func (s *score) form() []jsonCoverage {
	js := []jsonCoverage{}
	for i, c := range s.coverage {
		lower, upper := c.Bounds(confidence)
		a := s.share(i)
		js = append(js, jsonCoverage{c.Level, number(a.claimed), number(a.within), number(lower), number(upper), number(a.early), number(a.late)})
	}
	return js
}

// form returns the result as JSON and CSV have it.
func (r *result) form() jsonFile {
	clock := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	j := jsonFile{
		File: r.name, Message: r.silence(), Samples: r.samples, Rejected: r.rejected, From: clock(r.from), To: clock(r.to),
		Interval: number(r.interval), Horizon: number(r.horizon), Target: number(r.target),
		Eligible: len(r.eligible), Asks: r.asks, Predictions: r.predictions, StillOpen: r.open, Unanswered: r.unanswered,
		Coverage: r.ours.form(), LineCoverage: r.theirs.form(),
		MedianFactor: number(r.factor()),
		jsonScore:    scores(r.meanLoss(), r.lineLoss()),
	}
	for i, d := range r.distances {
		j.Distances = append(j.Distances, jsonDistance{distances[i].code, number(distances[i].fraction), len(d.off), d.open, number(d.factor())})
	}
	return j
}

func scores(ours, line float64) jsonScore {
	return jsonScore{number(ours), number(line), number(forecast.Skill(ours, line))}
}

func (m average) form() jsonMean {
	all := func(as []shares) (js []jsonMeanCoverage) {
		for _, a := range as {
			js = append(js, jsonMeanCoverage{a.level, number(a.claimed), number(a.within), number(a.early), number(a.late)})
		}
		return js
	}
	j := jsonMean{
		Files: m.files, Coverage: all(m.ours), LineCoverage: all(m.theirs),
		MedianFactor: number(m.factor), jsonScore: scores(m.loss, m.theirLoss),
	}
	for i, f := range m.distances {
		j.Distances = append(j.Distances, jsonMeanDistance{distances[i].code, number(distances[i].fraction), number(f)})
	}
	return j
}

// writeJSON writes one object: snake case, seconds as numbers, times in RFC 3339 (UTC), and null for what is unknown.
func writeJSON(_ options, results []result, out io.Writer) error {
	j := jsonReport{Schema: schema, Confidence: confidence, Files: []jsonFile{}, Mean: mean(results).form()}
	for i := range results {
		j.Files = append(j.Files, results[i].form())
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(j)
}

// writeCSV writes a header and a record for each file: what the JSON form has, under names made of the same ones. An empty field is unknown.
func writeCSV(_ options, results []result, out io.Writer) error {
	w := csv.NewWriter(out)
	for i := range results {
		j := results[i].form()
		var names, values []string
		add := func(name, value string) { names, values = append(names, name), append(values, value) }
		count := func(name string, n int) { add(name, strconv.Itoa(n)) }
		num := func(name string, x number) {
			value := ""
			if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
				value = strconv.FormatFloat(f, 'g', -1, 64)
			}
			add(name, value)
		}
		add("file", j.File)
		add("message", j.Message)
		count("samples", j.Samples)
		count("rejected", j.Rejected)
		add("from", j.From)
		add("to", j.To)
		num("interval_seconds", j.Interval)
		num("horizon_seconds", j.Horizon)
		num("target", j.Target)
		count("eligible", j.Eligible)
		count("asks", j.Asks)
		count("predictions", j.Predictions)
		count("still_open", j.StillOpen)
		count("unanswered", j.Unanswered)
		for _, part := range []struct {
			prefix string
			cs     []jsonCoverage
		}{{"", j.Coverage}, {"line_", j.LineCoverage}} {
			for _, c := range part.cs {
				num(fmt.Sprintf("%sclaimed_%g", part.prefix, c.Level), c.Claimed)
				name := fmt.Sprintf("%swithin_%g", part.prefix, c.Level)
				num(name, c.Within)
				num(name+"_lower", c.WithinLower)
				num(name+"_upper", c.WithinUpper)
				num(fmt.Sprintf("%searly_%g", part.prefix, c.Level), c.Early)
				num(fmt.Sprintf("%slate_%g", part.prefix, c.Level), c.Late)
			}
		}
		for _, d := range j.Distances {
			count(d.To+"_predictions", d.Predictions)
			count(d.To+"_still_open", d.StillOpen)
			num(d.To+"_median_factor", d.MedianFactor)
		}
		num("median_factor", j.MedianFactor)
		num("score", j.Score)
		num("line_score", j.LineScore)
		num("skill", j.Skill)
		if i == 0 {
			w.Write(names) // errors stay until Flush
		}
		w.Write(values)
	}
	w.Flush()
	return w.Error()
}
