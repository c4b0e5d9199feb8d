package drain

import "math"

// reactions are what tells how a queue acts on its own flows, and where it comes to rest.
type reactions struct {
	rest          rest
	in, out, leak reaction
	points        int // of the balance, so far
}

// flowed takes the flows up to t, of those that have a reading then.
func (a *reactions) flowed(w *flows, t float64) {
	if rate, ok := w.in.lastRate(t); ok {
		a.in.observe(rate)
	}
	if rate, ok := w.out.lastRate(t); ok {
		d := w.out.last - w.out.before.at
		// Where no more waited that can be served than may leave in an interval, that is what bounds it.
		if a.out.level-a.rest.floor.lowest > a.out.most {
			a.out.observe(rate)
		}
		a.out.most = math.Max(rate*d, a.out.most*(1-1.0/averageMemory))
	}
}

// goOn begins the intervals after t.
func (a *reactions) goOn(w *flows, t, backlog float64) {
	for _, f := range [...]struct {
		s *stream
		a *reaction
	}{{&w.in, &a.in}, {&w.out, &a.out}} {
		if f.s.begun && f.s.last == t {
			f.a.begin(backlog)
		}
	}
	if b := &w.balance; b.points > a.points {
		a.points = b.points
		a.leak.add(b.last.level, b.last.rate, 0)
	}
}

// reaction is how a rate answers to the backlog: its least-squares line over the level at which an interval began, with one slope and an offset of its own while the backlog rises and
// while it falls. A flow that drives the backlog is another one at the same level on the way up than on the way down; one that the backlog drives is the same. So a slope is believed
// only where both ways show it and they differ by little. Its error is that of sums over blocks of intervals, of the length that makes it largest, as what disturbs a flow lasts.
type reaction struct {
	level, slow float64 // where the interval that comes begins, and a running mean of that
	most        float64 // items of the largest interval, but for a slow decay
	ways        [2]branch
	blocks      [3]block
}

// branch holds the weight, means and central sums of what was seen one way.
type branch struct{ n, q, x, qq, qx, xx float64 }

// residual is the sum of squares about its own line.
func (b *branch) residual() float64 {
	if !(b.qq > 0) {
		return b.xx
	}
	return math.Max(0, b.xx-b.qx*b.qx/b.qq)
}

// block sums scores, and the squares of such sums.
type block struct {
	n            int
	sum, squares float64
}

const (
	slowed        = 4.0 // intervals over which the running mean of the level is taken, from which it rises or falls
	blockLeast    = 16  // intervals of the shortest block, and by how many times the others are longer
	blockFactor   = 4
	reactionFew   = 64  // intervals before anything is believed
	reactionWay   = 8   // each way
	reactionT     = 4.0 // least slope, in standard errors
	reactionShare = 1. / 3
	reactionSize  = 0.02 // least part of the rate, over one standard deviation of the level
)

// begin is where an interval begins.
func (a *reaction) begin(level float64) {
	if a.ways[0].n+a.ways[1].n == 0 {
		a.slow = level
	}
	a.level = level
	a.slow += (level - a.slow) / slowed
}

// observe takes the rate of an interval.
func (a *reaction) observe(rate float64) {
	way := 0
	if a.level < a.slow {
		way = 1
	}
	a.add(a.level, rate, way)
}

// add takes a rate at a level.
func (a *reaction) add(level, rate float64, way int) {
	if math.IsNaN(level) || math.IsNaN(rate) {
		return
	}
	const keep = 1 - 1.0/averageMemory
	b := &a.ways[way]
	if b.n > 1 {
		slope, _ := a.slope()
		score := (level - b.q) * (rate - b.x - slope*(level-b.q))
		length := blockLeast
		for i := range a.blocks {
			k := &a.blocks[i]
			k.sum += score
			k.n++
			if k.n == length {
				k.squares += k.sum * k.sum
				k.n, k.sum = 0, 0
			}
			k.squares *= keep
			length *= blockFactor
		}
	}
	for i := range a.ways {
		w := &a.ways[i]
		w.n, w.qq, w.qx, w.xx = w.n*keep, w.qq*keep, w.qx*keep, w.xx*keep
	}
	b.n++
	dq, dx := level-b.q, rate-b.x
	b.q += dq / b.n
	b.x += dx / b.n
	b.qq += dq * (level - b.q)
	b.qx += dq * (rate - b.x)
	b.xx += dx * (rate - b.x)
}

// slope returns that of both ways together.
func (a *reaction) slope() (slope, qq float64) {
	qq = a.ways[0].qq + a.ways[1].qq
	if !(qq > 0) {
		return 0, 0
	}
	return (a.ways[0].qx + a.ways[1].qx) / qq, qq
}

// found returns the slope where it is shown: more by level than a rate that drives the backlog would leave, which lies above itself the way given by drives (1: while the backlog rises,
// -1: while it falls, 0: none does). flow is the mean of the flow, beside which it must count.
func (a *reaction) found(drives, flow float64) (Estimate, bool) {
	up, down := &a.ways[0], &a.ways[1]
	n := up.n + down.n
	slope, qq := a.slope()
	if n < reactionFew || !(slope > 0) {
		return Estimate{}, false
	}
	squares := 0.0
	for _, k := range a.blocks {
		// The one that is open counts too: it may be the one that holds what disturbs.
		squares = math.Max(squares, k.squares+k.sum*k.sum)
	}
	se := math.Sqrt(squares) / qq
	sd := math.Sqrt(qq / n)
	mean := (up.n*up.x + down.n*down.x) / n
	if slope < reactionT*se || slope*sd < reactionSize*flow {
		return Estimate{}, false
	}
	if drives != 0 {
		naive := math.Sqrt((up.residual() + down.residual()) / (n - 3) / qq)
		for _, b := range [...]*branch{up, down} {
			if b.n < reactionWay || !(b.qq > 0) {
				return Estimate{}, false
			}
			own := b.qx / b.qq
			err := se * math.Max(1, math.Sqrt(b.residual()/(b.n-2)/b.qq)/naive)
			if own < slope*reactionShare || own < reactionT/2*err {
				return Estimate{}, false
			}
		}
		offset := (up.x - slope*up.q) - (down.x - slope*down.q)
		if drives*offset > slope*sd*reactionShare {
			return Estimate{}, false
		}
	} else if math.Abs(mean-slope*(up.n*up.q+down.n*down.q)/n) > mean/2 { // what does not go with the level is another thing
		return Estimate{}, false
	}
	return About(slope, se), true
}
