package drain

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// balance holds the backlog against the flows. Over any stretch of time in which all three are known,
//
//	leak = inflow - outflow - change of the backlog
//
// is what left without being measured (negative: what entered). Readings that are not atomic, and flows that are read at other moments than the backlog and
// interpolated, make errors that do not add up, so that the rate of a running total of the leak tells a true one from them.
type balance struct {
	anchor, next mark
	known, total float64 // seconds of known balance, and the leak in them
	points       int
	last         leakRate
	// The rate of the leak over memories of 16, 64, 256 and 1024 marks: an outage of the measurement is told from a leak that has been there for ever.
	drifts [leakMemories]forecast.Drift
}

// mark is a moment at which the backlog was measured, with what had come and gone by then.
type mark struct {
	set             bool
	at, backlog     float64
	in, out         float64 // NaN until the flow has passed the moment
	inGaps, outGaps int
}

// leakRate is a leak in items/s between two marks, and the backlog between them.
type leakRate struct{ rate, level float64 }

// measured takes a measured backlog at t. A mark that still waits for a flow is kept: the flow may come far less often than the backlog.
func (b *balance) measured(t, backlog float64, in, out *stream) {
	if b.next.set && in.begun && out.begun && t-b.next.at < max(in.last-in.before.at, out.last-out.before.at)*4 {
		b.pass(in, out)
		return
	}
	b.next = mark{set: true, at: t, backlog: backlog, in: math.NaN(), out: math.NaN()}
	b.pass(in, out)
}

// pass completes the mark that waits, as far as the flows have come.
func (b *balance) pass(in, out *stream) {
	m := &b.next
	if !m.set {
		return
	}
	m.pass(&m.in, &m.inGaps, in)
	m.pass(&m.out, &m.outGaps, out)
	if math.IsNaN(m.in) || math.IsNaN(m.out) {
		if in.begun && out.begun && (in.last > m.at && math.IsNaN(m.in) || out.last > m.at && math.IsNaN(m.out)) {
			m.set, b.anchor.set = false, false // before the flow was known: nothing can be worked out from this backlog, nor from one before it
		}
		return
	}
	m.set = false
	if a := b.anchor; a.set && a.inGaps == m.inGaps && a.outGaps == m.outGaps && m.inGaps >= 0 && m.outGaps >= 0 {
		d, leak := m.at-a.at, (m.in-a.in)-(m.out-a.out)-(m.backlog-a.backlog)
		b.known += d
		b.total += leak
		b.last = leakRate{leak / d, (a.backlog + m.backlog) / 2}
		b.points++
		b.see()
	} else if b.points == 0 {
		b.see()
	}
	b.anchor = *m
	b.anchor.set = true
}

// pass notes what had come by the mark, once the flow has passed it. What is only guessed, in a gap, tells no leak: its number of gaps is one that no other has.
func (m *mark) pass(items *float64, gaps *int, s *stream) {
	if !math.IsNaN(*items) {
		return
	}
	if x, known, ok := s.at(m.at); ok {
		*items, *gaps = x, s.gaps
		if !known && m.at < s.last {
			*gaps = -1
		}
	}
}

// infer returns the backlog at the latest moment up to which both flows are known, from the one measured last; false where they do not tell it.
func (b *balance) infer(in, out *stream) (t, backlog float64, ok bool) {
	if !b.anchor.set || b.next.set {
		return 0, 0, false
	}
	t = min(in.last, out.last)
	i, _, known := in.at(t)
	o, _, both := out.at(t)
	if !known || !both {
		return 0, 0, false
	}
	return t, max(0, b.anchor.backlog+(i-b.anchor.in)-(o-b.anchor.out)), true
}

// What makes a leak worth saying: that chance would make one as large in fifty cases at most, that it has been seen between this many backlogs, and
// that it is this share of the larger flow.
const (
	leakDoubt  = 0.02
	leakPoints = 12
	leakShare  = 0.01
)

// leakMemories is the number of memories, and leakAgreement how many standard errors of a shorter one a longer one's rate may lie off.
const leakMemories, leakAgreement = 4, 3

// see observes the leak so far.
func (b *balance) see() {
	for i := range b.drifts {
		if b.points == 0 {
			b.drifts[i] = *forecast.NewDrift(2 << (2 * i))
		}
		b.drifts[i].Observe(forecast.Observation{Time: b.known, Total: b.total})
	}
}

// leak returns the rate at which items leave unmeasured (negative: enter), over the longest memory whose rate no shorter one contradicts; false where there
// is none worth saying. The flows are those measured now.
func (b *balance) leak(inflow, outflow float64) (leak forecast.Rate, ok bool) {
	if b.points < leakPoints {
		return leak, false
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	for i := range b.drifts {
		r, filled := b.drifts[i].Rate()
		if !filled || !(lo <= r.Mean && r.Mean <= hi) {
			break
		}
		leak, ok = r, true
		lo, hi = max(lo, r.Mean-leakAgreement*r.SD), min(hi, r.Mean+leakAgreement*r.SD)
	}
	if p := leak.Positive(); !ok || p > leakDoubt/2 && p < 1-leakDoubt/2 {
		return leak, false
	}
	return leak, math.Abs(leak.Mean) >= leakShare*max(inflow, outflow)
}
