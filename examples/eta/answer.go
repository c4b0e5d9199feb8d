package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/examples/internal/series"
)

// asker predicts as of a moment; a target of its own takes the place of the command line's for the levels of the fan chart.
type asker func(drain.Question) (drain.Prediction, error)

func (e env) fromNumbers(o options) error {
	at := o.now
	if at.IsZero() {
		at = e.now()
	}
	p, err := o.numbers.Predict(o.question(at))
	if err != nil {
		return err
	}
	w := newWriter(o, e.stdout)
	if err := w.write(p, nil); err != nil {
		return err
	}
	return e.plot(o, nil, p, o.numbers.Predict)
}

func (e env) fromSamples(o options) error {
	in, name := e.stdin, "standard input"
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, o.file
	}
	r, err := series.NewReader(in, name)
	if err != nil {
		return err
	}
	est := drain.NewEstimator()
	w := newWriter(o, e.stdout)
	var history []chart.Point
	var last time.Time
	for {
		s, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad := (*series.Error)(nil); o.follow && errors.As(err, &bad) {
			fmt.Fprintln(e.stderr, "eta:", err) // a stream goes on after a line that cannot be read
			continue
		}
		if err != nil {
			return err
		}
		if !o.now.IsZero() && s.Time.After(o.now) {
			break
		}
		if err := est.Observe(s); err != nil {
			// The estimator counts it and the prediction says so.
			var rejection *drain.Rejection
			if !errors.As(err, &rejection) {
				return err
			}
			fmt.Fprintf(e.stderr, "eta: %s:%d: sample rejected: %s\n", name, r.Line(), rejection.Detail)
			continue
		}
		if !s.Backlog.Known() {
			continue
		}
		last = s.Time
		if o.plot != "" {
			history = append(history, chart.Point{Time: s.Time, Backlog: s.Backlog.Value()})
		}
		if o.follow {
			p, err := est.Predict(o.question(last))
			if err != nil {
				return err
			}
			if err := w.write(p, est.Rejected()); err != nil {
				return err
			}
		}
	}
	if last.IsZero() {
		if !o.now.IsZero() {
			return fmt.Errorf("%s: no sample with a backlog up to %s, want at least one", name, o.now.In(o.zone).Format(time.RFC3339))
		}
		return fmt.Errorf("%s: no sample with a backlog, want at least one", name)
	}
	if o.follow {
		return nil
	}
	at := o.now
	if at.IsZero() {
		at = last
	}
	p, err := est.Predict(o.question(at))
	if err != nil {
		return err
	}
	if err := w.write(p, est.Rejected()); err != nil {
		return err
	}
	return e.plot(o, history, p, est.Predict)
}

// plot draws the picture where one is wanted.
func (e env) plot(o options, history []chart.Point, p drain.Prediction, ask asker) error {
	if o.plot == "" {
		return nil
	}
	return chart.Write(o.plot, chart.Spec{
		History:    history,
		Prediction: p,
		ToLevel: func(level float64) (drain.Prediction, error) {
			q := o.question(p.AsOf)
			q.Target = level
			return ask(q)
		},
		Zone:  o.zone,
		Title: p.String(),
	})
}
