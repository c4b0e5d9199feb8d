package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/series"
)

// origin is a moment of asking: after data row row, for the time to fall to fraction of the backlog. The fraction is kept as it was written.
type origin struct {
	row      int
	fraction float64
	text     string
}

// system is a queue with the origins asked of it, in the order of their rows.
type system struct {
	name    string
	origins []origin
}

func readOrigins(path string) ([]system, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 3
	header, err := r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !slices.Equal(header, []string{"system", "row", "fraction"}) {
		return nil, &series.Error{Name: path, Line: 1, Field: "header", Value: strings.Join(header, ","), Want: "system,row,fraction"}
	}
	var systems []system
	index := map[string]int{}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		line, _ := r.FieldPos(0)
		row, err := strconv.Atoi(rec[1])
		if err != nil || row < 0 {
			return nil, &series.Error{Name: path, Line: line, Field: "row", Value: rec[1], Want: "the number of a data row, 0 or more"}
		}
		fraction, err := strconv.ParseFloat(rec[2], 64)
		if err != nil || !(fraction >= 0 && fraction < 1) {
			return nil, &series.Error{Name: path, Line: line, Field: "fraction", Value: rec[2], Want: "a number from 0 to below 1"}
		}
		i, ok := index[rec[0]]
		if !ok {
			i = len(systems)
			index[rec[0]] = i
			systems = append(systems, system{name: rec[0]})
		}
		systems[i].origins = append(systems[i].origins, origin{row, fraction, rec[2]})
	}
	for _, s := range systems {
		slices.SortStableFunc(s.origins, func(a, b origin) int { return cmp.Compare(a.row, b.row) })
	}
	return systems, nil
}

// forScorer forecasts every system and writes the forecasts in the order of the systems.
func (e env) forScorer(o options) error {
	systems, err := readOrigins(o.origins)
	if err != nil {
		return err
	}
	forecasts := make([][][]string, len(systems))
	err = e.each(len(systems), "systems", func(i int) string { return systems[i].name }, func(i int) (err error) {
		forecasts[i], err = systems[i].replay(filepath.Join(o.data, systems[i].name+".csv"))
		return err
	})
	if err != nil {
		return err
	}
	return write(o.out, forecasts)
}

func write(path string, forecasts [][][]string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriter(f)
	w := csv.NewWriter(b)
	header := []string{"system", "row", "fraction"}
	for _, p := range drain.QuantileLevels() {
		header = append(header, fmt.Sprintf("q%g", p))
	}
	if err := w.Write(header); err != nil {
		return err
	}
	for _, rows := range forecasts {
		if err := w.WriteAll(rows); err != nil {
			return err
		}
	}
	return b.Flush()
}

// replay feeds the rows of a file to an estimator, one by one, and asks at each origin.
func (s system) replay(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := series.NewReader(f, path)
	if err != nil {
		return nil, err
	}
	est := drain.NewEstimator()
	backlog := math.NaN()
	var forecasts [][]string
	for row, asked := 0, 0; asked < len(s.origins); row++ {
		sample, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: an origin asks for row %d, but there are only %d", path, s.origins[asked].row, row)
		}
		if err != nil {
			return nil, err
		}
		// A rejected sample is counted by the estimator and said in the prediction's warnings; the replay goes on as a live one would.
		if est.Observe(sample) == nil && sample.Backlog.Known() {
			backlog = sample.Backlog.Value()
		}
		for ; asked < len(s.origins) && s.origins[asked].row == row; asked++ {
			o := s.origins[asked]
			if math.IsNaN(backlog) {
				return nil, fmt.Errorf("%s: no backlog is known at row %d, where an origin asks", path, row)
			}
			p, err := est.Predict(drain.Question{At: sample.Time, Target: o.fraction * backlog})
			if err != nil {
				return nil, fmt.Errorf("%s:%d: row %d, where an origin asks: %w", path, r.Line(), row, err)
			}
			forecasts = append(forecasts, s.forecast(o, p))
		}
	}
	return forecasts, nil
}

func (s system) forecast(o origin, p drain.Prediction) []string {
	rec := []string{s.name, strconv.Itoa(o.row), o.text}
	for _, q := range drain.QuantileLevels() {
		t := p.Quantile(q)
		if math.IsInf(t, 1) || math.IsNaN(t) { // too few samples to say anything: no time can be vouched for
			rec = append(rec, "inf")
			continue
		}
		rec = append(rec, strconv.FormatFloat(t, 'g', 8, 64))
	}
	return rec
}
