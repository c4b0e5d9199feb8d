package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/chart"
	"github.com/postsack/backlog/examples/internal/plain"
	"github.com/postsack/backlog/examples/internal/series"
)

// asker predicts as of a moment; a target of its own takes the place of the command line's for the levels of the fan chart.
type asker func(drain.Question) (drain.Prediction, error)

// mostListed is how many bad samples of a kind are listed on standard error: a file in which every tenth line is empty has nothing new to say after that.
const mostListed = 5

func (e env) fromNumbers(o options) error {
	at := o.now
	if at.IsZero() {
		at = e.now()
	}
	p, err := o.numbers.Predict(o.question(at))
	if err != nil {
		return err
	}
	if err := e.write(o, p, o.numbers.Predict); err != nil {
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
	est := newQueues(o)
	w := newWriter(o, e.stdout)
	var history []chart.Point
	var shown time.Time // of the last backlog that an answer was given for
	unit, listed := "", map[drain.Reason]int{}
	for {
		s, err := r.Read()
		if u := r.Unit(); u != unit {
			unit = u
			fmt.Fprintf(e.stderr, "eta: %s:%d: time taken as Unix %s\n", name, r.Line(), unit)
		}
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
		if err := est.observe(r.Queue(), s); err != nil {
			// The estimator counts it and the prediction says so.
			var rejection *drain.Rejection
			if !errors.As(err, &rejection) {
				return err
			}
			if listed[rejection.Reason]++; listed[rejection.Reason] <= mostListed {
				fmt.Fprintf(e.stderr, "eta: %s:%d: %s\n", name, r.Line(), plain.Error(rejection))
			} else if listed[rejection.Reason] == mostListed+1 {
				fmt.Fprintf(e.stderr, "eta: %s:%d: %s, and more such: they are counted, but not listed any more\n", name, r.Line(), rejection.Reason)
			}
			if !rejection.Partial {
				continue
			}
		}
		if !o.follow && (o.plot == "" || s.Backlog.Known()) {
			if o.plot != "" {
				history = append(history, chart.Point{Time: s.Time, Backlog: s.Backlog.Value()})
			}
			continue
		}
		// A backlog may also have been worked out from flows.
		p, err := est.predict(o.question(est.latest()))
		if err != nil {
			return err
		}
		if p.Samples == 0 || !s.Backlog.Known() && !p.LastSample.After(shown) {
			continue
		}
		shown = p.LastSample
		if !o.follow {
			history = append(history, chart.Point{Time: p.LastSample, Backlog: p.Backlog})
		} else if err := w.write(p); err != nil {
			return err
		}
	}
	at := o.now
	if at.IsZero() {
		at = est.latest()
	}
	p, err := est.predict(o.question(at))
	if err != nil {
		return err
	}
	switch {
	case p.Samples == 0 && !o.now.IsZero():
		return fmt.Errorf("%s: no sample with a backlog up to %s, want at least one", name, o.now.In(o.zone).Format(time.RFC3339))
	case p.Samples == 0:
		return fmt.Errorf("%s: no sample with a backlog, want at least one", name)
	case o.follow:
		return nil
	}
	if est.pipeline != nil {
		return e.writePipeline(o, est.pipeline, at)
	}
	if est.group != nil {
		return e.writeGroup(o, est.group, at)
	}
	if err := e.write(o, p, est.predict); err != nil {
		return err
	}
	slices.SortStableFunc(history, func(a, b chart.Point) int { return a.Time.Compare(b.Time) })
	return e.plot(o, history, p, est.predict)
}

// write writes the answer, with what it takes.
func (e env) write(o options, p drain.Prediction, ask asker) error {
	answers, err := o.needs(p, ask)
	if err != nil {
		return plain.Error(err)
	}
	w := newWriter(o, e.stdout)
	if n, ok := w.(needer); ok {
		n.needs(answers)
	}
	return w.write(p)
}

// plot draws the picture where one is wanted.
func (e env) plot(o options, history []chart.Point, p drain.Prediction, ask asker) error {
	if o.plot == "" {
		return nil
	}
	plans, steps := o.fans(p, ask)
	return chart.Write(o.plot, chart.Spec{
		Plans:      plans,
		Steps:      steps,
		History:    history,
		Prediction: p,
		ToLevel: func(level float64) (drain.Prediction, error) {
			q := o.question(p.AsOf)
			q.Target, q.Plans = level, nil
			return ask(q)
		},
		Zone:  o.zone,
		Title: p.String(),
	})
}
