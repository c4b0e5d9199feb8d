package forecast

import "math"

// Trend follows the rate at which a running total rises: since when the present one holds, what it is, and what it was before. It finds
// changes by a sequential generalised likelihood ratio test, in bounded memory.
//
// The total S is taken for a Wiener process whose drift is constant between changes. With the present rate holding since t₀, a change at u is
// measured by the ratio of the likelihoods with and without it,
//
//	z² = ((S(u)-S(t₀))/(u-t₀) - (S(t)-S(u))/(t-u))² / (s²·(1/(u-t₀) + 1/(t-u)))
//
// and one is found where the largest z² over all u is beyond what chance gives: ν·ln(1 + z²/ν) > 5² (z as a normal deviate, for
// a variance s² with ν degrees of freedom: Wallace 1959), with three observations at least on both sides; or where five increments in a row
// are more than three standard deviations off on one side.
//
// Nothing is lost by looking only at the corners of the convex hull of the points (u, S(u)): along a side of the hull z² is a sum of squares of a linear
// function over linear functions, thus convex, and largest at an end. A path of n points has some 2·ln n corners (Andersen 1954), and
// at most 2·8 are kept. (The same pruning: Romano, Eckley, Fearnhead & Rigaill 2023.)
//
// The variance rate s² is that of second differences, which no constant drift touches, over spans of 1, 2, 4, 8 and 16 observations: the largest of
// the five, so that flows which are correlated over some ten samples do not pass for changes, and never below that of counting
// (see Drift). An increment counts to three standard deviations at most, so that one batch of a thousand is no change of the rate
// (Huber 1964). The false alarms that are left were counted (see the tests): none in 200 000 observations of
// increments that are independent, normal or counts, at random times, with heavy tails, in batches, or correlated by 0.5 from one to the next, which makes one
// in 60 000 or fewer with 95 % confidence, and two where they are correlated by 0.8. A rate that rises by 2, 3, 5 and 10 standard deviations
// of an increment after 100 observations is found after 17, 9, 5 and 5 on average.
//
// The zero Trend has seen nothing and is ready for use. It keeps a fixed amount of memory and Observe does not allocate.
//
// Sources: D. Siegmund, E. S. Venkatraman, Using the generalized likelihood ratio statistic for sequential detection of a change-point,
// Annals of Statistics 23 (1995); G. Romano, I. A. Eckley, P. Fearnhead, G. Rigaill, Fast online changepoint detection via functional pruning CUSUM
// statistics, JMLR 24 (2023); E. S. Andersen, On the fluctuations of sums of random variables II, Math. Scand. 2 (1954); D. L. Wallace, Bounds on
// normal approximations to Student's and the chi-square distributions, Ann. Math. Stat. 30 (1959); P. J. Huber, Robust estimation of a location
// parameter, Ann. Math. Stat. 35 (1964).
type Trend struct {
	start, last  corner
	lower, upper hull
	noise        [noiseSpans]noise
	before       Rate
	changed      bool
	run          int     // increments in a row that were clipped, on the side of its sign
	turn         corner  // where they begin
	step         float64 // the largest clipping since the start, less what was clipped the other way after it

	// The variance rate by now, without that of counting, and the square of the deviate that means a change with as many degrees of freedom.
	measured, threshold float64
}

const (
	// hullCorners is how many corners of a hull are kept; twice as many hold all of a random walk of 3000 points on average, and 10 and 12 scored the same.
	hullCorners = 8
	// changeZ is the normal deviate from which on a change is believed. On recorded queues 4, 4.5, 6 and 8 scored as 5 within a hundredth; with 4 and
	// 4.5 bursts of retries passed for changes, with 6 a repair was seen late.
	changeZ = 5
	// leastSide is how many observations there must be on either side of a change.
	leastSide = 3
	// runLength is how many increments in a row beyond three standard deviations on one side are a change, whatever z² says: their size may have
	// swollen the variance that it is measured by, as a kink in a line without noise does.
	runLength = 5
	// clip is how many standard deviations an increment counts to.
	clip = 3
	// noiseSpans is the number of spans, 1, 2, 4, … observations, over which noise is measured, and noiseMemory the number of differences that
	// are remembered of each.
	noiseSpans, noiseMemory = 5, 64
	// leastTerms is how many differences over a longer span there must be before they count: of fewer the largest of five is large by chance.
	leastTerms = 12
	// leastNoise is how many degrees of freedom the noise must have before anything is clipped or tested by it.
	leastNoise = 2
	// noiseCap is how many times its expectation a squared difference counts to: the square of clip. On recorded queues 16 scored a little worse; 4 and 2.5 scored
	// a little better, but took batches and bursts of retries for changes.
	noiseCap = clip * clip
)

// corner is a point of the path: number i, at a time, with the total there and the total of clipped increments.
type corner struct {
	i                    int
	time, total, clipped float64
}

// hull is the corners of one side of the convex hull, from the start on; the last point is not among them.
type hull struct {
	n       int
	corners [hullCorners]corner
}

// noise is the variance rate as second differences over one span tell it.
type noise struct {
	a, b     Observation // the last two ends of spans
	variance float64
	since, n int16
	ends     int8
}

// Observe takes one observation.
func (t *Trend) Observe(o Observation) {
	if t.last.i == 0 {
		t.start = corner{1, o.Time, o.Total, 0}
		t.last = t.start
		t.seeNoise(o)
		return
	}
	dt, moved := o.Time-t.last.time, o.Total-t.last.total
	if t.last.i > t.start.i {
		if t.nu() >= leastNoise {
			expected := (t.last.clipped - t.start.clipped) / (t.last.time - t.start.time) * dt
			most := clip * math.Sqrt(t.variance()*dt)
			clipped := expected + max(-most, min(moved-expected, most))
			switch off := moved - clipped; {
			case off*t.step < 0: // the way back, as from one reading that was off
				t.step += off
			case math.Abs(off) > math.Abs(t.step):
				t.step = off
			}
			t.count(moved, clipped)
			moved = clipped
		}
		// The point before this one is a corner of either hull, until this one shows that it lies within.
		t.lower.add(t.start, t.last, 1)
		t.upper.add(t.start, t.last, -1)
	}
	t.last = corner{t.last.i + 1, o.Time, o.Total, t.last.clipped + moved}
	t.seeNoise(o)
	if max(t.run, -t.run) >= runLength && t.turn.i-t.start.i >= leastSide {
		t.begin(t.turn)
		return
	}
	t.test()
}

// count counts increments in a row that were clipped on one side.
func (t *Trend) count(moved, clipped float64) {
	side := 0
	if moved > clipped {
		side = 1
	} else if moved < clipped {
		side = -1
	}
	if side == 0 || side*t.run <= 0 {
		t.run, t.turn = 0, t.last
	}
	t.run += side
}

// add makes p a corner, and of those before it none that lies on the wrong side of the line from the one before that to p.
func (h *hull) add(start, p corner, side float64) {
	for h.n > 0 {
		from := start
		if h.n > 1 {
			from = h.corners[h.n-2]
		}
		c := h.corners[h.n-1]
		if side*((c.clipped-from.clipped)*(p.time-from.time)-(p.clipped-from.clipped)*(c.time-from.time)) < 0 {
			break
		}
		h.n--
	}
	if h.n == hullCorners {
		h.drop(start, p)
	}
	h.corners[h.n] = p
	h.n++
}

// drop removes the corner that stands out least, by the area that goes with it.
func (h *hull) drop(start, p corner) {
	least, area := 0, math.Inf(1)
	for i, c := range h.corners {
		from, to := start, p
		if i > 0 {
			from = h.corners[i-1]
		}
		if i < hullCorners-1 {
			to = h.corners[i+1]
		}
		a := math.Abs((c.clipped-from.clipped)*(to.time-from.time) - (to.clipped-from.clipped)*(c.time-from.time))
		if a < area {
			least, area = i, a
		}
	}
	copy(h.corners[least:], h.corners[least+1:])
	h.n--
}

// test looks for a change and begins anew where there is one.
func (t *Trend) test() {
	if t.nu() < leastNoise || t.last.i-t.start.i < 2*leastSide {
		return
	}
	best, at := t.threshold*t.variance(), -1
	var of *hull
	for _, h := range []*hull{&t.lower, &t.upper} {
		for i := range h.corners[:h.n] {
			c := &h.corners[i]
			if c.i-t.start.i < leastSide || t.last.i-c.i < leastSide {
				continue
			}
			u, v := c.time-t.start.time, t.last.time-c.time
			// z²s² is d²/(uv(u + v)): no division but where a new best is found.
			d := (c.clipped-t.start.clipped)*v - (t.last.clipped-c.clipped)*u
			if w := u * v * (u + v); d*d > best*w {
				best, at, of = d*d/w, i, h
			}
		}
	}
	if at >= 0 {
		t.begin(of.corners[at])
	}
}

// begin makes the present rate that since a corner: what came before tells nothing of the present any more.
func (t *Trend) begin(at corner) {
	t.before = t.between(t.start, at)
	t.step, t.run = 0, 0
	t.changed = true
	t.start = at.unclipped() // it was by the rate that ended
	t.last = t.last.unclipped()
	t.lower.from(at)
	t.upper.from(at)
	for k := range t.noise { // no difference is taken across the change
		t.noise[k].ends, t.noise[k].since = 0, 0
	}
}

func (c corner) unclipped() corner {
	c.clipped = c.total
	return c
}

// from keeps the corners behind c.
func (h *hull) from(c corner) {
	kept := 0
	for _, d := range h.corners[:h.n] {
		if d.i > c.i {
			h.corners[kept] = d.unclipped()
			kept++
		}
	}
	h.n = kept
}

// seeNoise measures the noise.
func (t *Trend) seeNoise(o Observation) {
	floor := t.counting()
	few := t.noise[0].n
	for k := range t.noise {
		n := &t.noise[k]
		if n.since++; n.since < 1<<k && n.ends > 0 {
			continue
		}
		n.since = 0
		if n.ends == 2 {
			p, q := n.b.Time-n.a.Time, o.Time-n.b.Time
			d := (n.b.Total-n.a.Total)/p - (o.Total-n.b.Total)/q
			v := d * d * p * q / (p + q)
			if n.n > 3 {
				v = min(v, noiseCap*max(n.variance, floor))
			}
			n.n = min(n.n+1, noiseMemory)
			n.variance += (v - n.variance) / float64(n.n)
			n.a, n.b = n.b, o
			continue
		}
		n.a, n.b = n.b, o
		n.ends++
	}
	t.measured = t.noise[0].variance
	for k := range t.noise[1:] {
		if n := &t.noise[1+k]; n.n >= leastTerms && n.variance > t.measured {
			t.measured = n.variance
		}
	}
	if t.noise[0].n != few {
		t.threshold = t.nu() * math.Expm1(changeZ*changeZ/t.nu())
	}
}

// variance is the variance rate.
func (t *Trend) variance() float64 { return max(t.measured, t.counting()) }

// nu is its degrees of freedom, none while there are fewer than three observations. Second differences that share a span are correlated: three of them tell
// as much as two that do not.
func (t *Trend) nu() float64 { return float64(t.noise[0].n) / 1.5 }

// counting is the least variance rate, that of counting; see Drift.
func (t *Trend) counting() float64 {
	if span := t.last.time - t.start.time; span > 0 {
		return (math.Abs(t.last.total-t.start.total) + 0.5) / span
	}
	return 0
}

func (t *Trend) between(from, to corner) Rate {
	span, variance := to.time-from.time, t.variance()
	return Rate{
		Mean: (to.total - from.total) / span, SD: math.Sqrt(variance / span), Volatility: math.Sqrt(variance), Nu: max(1, t.nu()),
		Since: from.time, Span: span,
	}
}

// Rate returns the present rate; false while there are fewer than three observations.
func (t *Trend) Rate() (Rate, bool) {
	if t.noise[0].n == 0 {
		return Rate{}, false
	}
	return t.between(t.start, t.last), true
}

// Plain returns the present rate in items/s without the largest single step that was clipped since it holds, as far as the total has not gone back from it, so
// that one batch is no rate; NaN while there are fewer than two observations.
func (t *Trend) Plain() float64 {
	return (t.last.total - t.start.total - t.step) / (t.last.time - t.start.time)
}

// Before returns the rate that held before the present one; false where no change was found yet.
func (t *Trend) Before() (Rate, bool) { return t.before, t.changed }
