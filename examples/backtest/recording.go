package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"time"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/series"
)

// recording is what a file holds.
type recording struct {
	name    string
	samples []drain.Sample
	note    string // how the times were read, where that is not plain
}

// read takes all samples of a file into memory: the moments to ask at are spread over all that is eligible, and what happened is known at the end only.
func (e env) read(name string) (recording, error) {
	in := e.stdin
	rec := recording{name: name}
	if name == "-" {
		rec.name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return rec, err
		}
		defer f.Close()
		in = f
	}
	r, err := series.NewReader(in, rec.name)
	if err != nil {
		return rec, err
	}
	for {
		s, err := r.Read()
		if rec.note == "" && r.Unit() != "" {
			rec.note = fmt.Sprintf("%s:%d: time taken as Unix %s", rec.name, r.Line(), r.Unit())
		}
		if errors.Is(err, io.EOF) {
			return rec, nil
		}
		if err != nil {
			return rec, err
		}
		rec.samples = append(rec.samples, s)
	}
}

// history is what a recording tells of a queue: what became of it, and when there was something to ask.
type history struct {
	epoch              time.Time // from which times are counted in seconds
	from, to           time.Time // of the backlogs
	stretches          []*stretch
	backlogs, rejected int     // samples
	interval, horizon  float64 // seconds; NaN where there are too few backlogs
	eligible           []moment
}

// stretch holds backlogs by one clock, in the order of their times; another one begins where the clock was set back for good. Nobody knows how long the time between is.
type stretch struct {
	at, backlog []float64
	lows        []float64 // see index
}

// moment is one at which there is something to ask.
type moment struct {
	row     int
	at      float64 // seconds since the epoch: of the newest sample, as of which the estimator answers
	backlog float64
	within  *stretch
}

// When there is something to ask: the backlog is above the target, and at least highShare of the backlogs before it were lower, of which there must be enoughPast.
const (
	highShare  = 0.75
	enoughPast = 9
)

// How far ahead predictions look: so many usual sampling intervals, and no more than this share of the file.
const (
	horizonIntervals = 4000
	horizonShare     = 0.2
)

// survey goes through the samples as an estimator takes them: what it rejects is no backlog that the queue had.
func (rec recording) survey(target float64) history {
	h := history{interval: math.NaN(), horizon: math.NaN()}
	past := newRanks(rec.samples)
	est := drain.NewEstimator()
	var now *stretch
	var high []moment
	var odd struct { // a backlog that is an absurd jump unless the next one confirms it
		stretch *stretch
		at      float64
		row     int
		before  int // jumps found until then
	}
	jumps := func() int {
		c := est.Counts()
		return c.Rejected[drain.AbsurdJump] + c.Repaired[drain.AbsurdJump]
	}
	peak := 0.0
	for row, s := range rec.samples {
		before := est.Latest()
		if err := est.Observe(s); err != nil {
			var r *drain.Rejection
			if !errors.As(err, &r) || !r.Partial {
				continue
			}
		}
		latest := est.Latest()
		if h.epoch.IsZero() {
			h.epoch = latest
		}
		if now == nil || latest.Before(before) && !now.dropAfter(latest.Sub(h.epoch).Seconds()) {
			now = &stretch{}
			h.stretches = append(h.stretches, now)
		}
		b, ok := backlogOf(s)
		if !ok {
			continue
		}
		at := s.Time.Sub(h.epoch).Seconds()
		last, newest := math.NaN(), true
		if n := len(now.at); n > 0 {
			last, newest = now.backlog[n-1], at > now.at[n-1]
		}
		now.insert(at, b)
		if odd.stretch != nil {
			if jumps() > odd.before {
				odd.stretch.remove(odd.at)
				high = slices.DeleteFunc(high, func(m moment) bool { return m.row == odd.row })
			}
			odd.stretch = nil
		}
		if newest && (b < last/10 || b > 10*peak) { // others are never absurd: see drain.AbsurdJump
			odd.stretch, odd.at, odd.row, odd.before = now, at, row, jumps()
		}
		peak = math.Max(peak, b)
		if newest && b > target && past.n >= enoughPast && float64(past.below(b)) >= highShare*float64(past.n) {
			high = append(high, moment{row, latest.Sub(h.epoch).Seconds(), b, now})
		}
		past.add(b)
	}
	for _, n := range est.Counts().Rejected {
		h.rejected += n
	}
	h.finish(high)
	return h
}

// finish works out the horizon, and at which of the moments a question is answered within it whatever the answer is.
func (h *history) finish(high []moment) {
	var steps []float64
	span := 0.0
	for _, s := range h.stretches {
		for i, at := range s.at {
			if i > 0 {
				steps = append(steps, at-s.at[i-1])
			}
			t := h.epoch.Add(time.Duration(at * 1e9))
			if h.from.IsZero() || t.Before(h.from) {
				h.from = t
			}
			if t.After(h.to) {
				h.to = t
			}
		}
		if n := len(s.at); n > 0 {
			span += s.at[n-1] - s.at[0]
			h.backlogs += n
		}
		s.index()
	}
	if len(steps) == 0 {
		return
	}
	slices.Sort(steps)
	h.interval = steps[len(steps)/2]
	h.horizon = math.Min(horizonIntervals*h.interval, horizonShare*span)
	for _, m := range high {
		if n := len(m.within.at); n > 0 && m.at+h.horizon <= m.within.at[n-1] {
			h.eligible = append(h.eligible, m)
		}
	}
}

// spread returns at most n of the moments, spread evenly.
func (h history) spread(n int) []moment {
	m := len(h.eligible)
	if m <= n {
		return h.eligible
	}
	spread := make([]moment, n)
	for i := range spread {
		spread[i] = h.eligible[(2*i+1)*m/(2*n)] // the middle of each n-th
	}
	return spread
}

// backlogOf returns the backlog of a sample where it has one that can be used.
func backlogOf(s drain.Sample) (float64, bool) {
	b := s.Backlog.Value()
	return b, b >= 0 && b <= 1<<64 // see drain.NotFinite
}

// insert puts a backlog in its place, which is at the end or near it; of two at one time the last one holds.
func (s *stretch) insert(at, backlog float64) {
	i := len(s.at)
	for i > 0 && s.at[i-1] > at {
		i--
	}
	if i > 0 && s.at[i-1] == at {
		s.backlog[i-1] = backlog
		return
	}
	s.at, s.backlog = slices.Insert(s.at, i, at), slices.Insert(s.backlog, i, backlog)
}

func (s *stretch) remove(at float64) {
	if i, ok := slices.BinarySearch(s.at, at); ok {
		s.at, s.backlog = slices.Delete(s.at, i, i+1), slices.Delete(s.backlog, i, i+1)
	}
}

// dropAfter drops the last backlogs where they turned out to be from the future. More than eight are none of those, which the estimator finds among as many: the clock was
// set back, and false is returned.
func (s *stretch) dropAfter(at float64) bool {
	i := sort.Search(len(s.at), func(i int) bool { return s.at[i] > at })
	if len(s.at)-i > 8 {
		return false
	}
	s.at, s.backlog = s.at[:i], s.backlog[:i]
	return true
}

// index makes a tree of minima: lows[1] is that of all, lows[i] that of lows[2i] and lows[2i+1], and the second half are the backlogs.
func (s *stretch) index() {
	size := 1
	for size < len(s.backlog) {
		size *= 2
	}
	s.lows = make([]float64, 2*size)
	for i := range size {
		s.lows[size+i] = math.Inf(1)
	}
	copy(s.lows[size:], s.backlog)
	for i := size - 1; i > 0; i-- {
		s.lows[i] = math.Min(s.lows[2*i], s.lows[2*i+1])
	}
}

// reached returns how many seconds after a time the backlog was first measured at a level or below it; +Inf where that is not within the horizon. It takes a
// logarithm of the number of backlogs.
func (s *stretch) reached(at, level, horizon float64) float64 {
	size := len(s.lows) / 2
	i := size + sort.Search(len(s.at), func(i int) bool { return s.at[i] > at })
	// Up, as long as what lies to the right of i under the same node is too high, and down to the first that is not.
	for i < 2*size && s.lows[i] > level {
		for i%2 == 1 {
			i /= 2
		}
		if i == 0 {
			return math.Inf(1)
		}
		i++
	}
	if i >= 2*size {
		return math.Inf(1)
	}
	for i < size {
		if i *= 2; s.lows[i] > level {
			i++
		}
	}
	if i-size >= len(s.at) {
		return math.Inf(1)
	}
	if t := s.at[i-size] - at; t <= horizon {
		return t
	}
	return math.Inf(1)
}

// ranks counts the backlogs so far by their size (a Fenwick tree).
type ranks struct {
	sizes []float64 // all that there are, in order
	count []int
	n     int
}

func newRanks(samples []drain.Sample) *ranks {
	r := &ranks{}
	for _, s := range samples {
		if b, ok := backlogOf(s); ok {
			r.sizes = append(r.sizes, b)
		}
	}
	slices.Sort(r.sizes)
	r.sizes = slices.Compact(r.sizes)
	r.count = make([]int, len(r.sizes)+1)
	return r
}

func (r *ranks) add(b float64) {
	i, _ := slices.BinarySearch(r.sizes, b)
	for i++; i < len(r.count); i += i & -i {
		r.count[i]++
	}
	r.n++
}

// below returns how many of those added are lower.
func (r *ranks) below(b float64) int {
	n := 0
	for i, _ := slices.BinarySearch(r.sizes, b); i > 0; i -= i & -i {
		n += r.count[i]
	}
	return n
}
