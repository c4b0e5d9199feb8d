package forecast

import "math"

// Paths are how a level may go on its way down, one for each of the QuantileLevels: what a law of the time needs beside itself to say what will become of it when
// something is worked off in addition. The time with an Extra is that of each path with the extra on top,
//
//	T'ₚ = inf{t: xₚ(t) + E(t) >= a}
//
// so that more is never later, whatever the paths are, and nothing changes nothing, as xₚ(t) < a before Tₚ, the p-quantile of the time without it, and xₚ(Tₚ) = a. Before that
// a path is between two others: the largest amount that the panel says was worked off by then, which is at t = Tₚ(d) for each nearer distance d; and where the rates alone see
// it, which may be above where it began:
//
//	xₚ(t) = (1 - w)·d(t) + w·x(t),    Tₚ(d(t)) = t,    P(νt + σW(t) >= x(t)) = p,    w = (0.3 + 0.7·s)·(1 - t/Tₚ)
//
// s is the share of Rates in the median: where nothing else speaks, as in a first outage, it is rates all the way. Past Tₚ a path goes on at its mean rate a/Tₚ, and one that
// never comes as the rates go; where the panel says that it comes no further, it is where the rates see it if that is farther back.
//
// That was measured by replaying 42 recorded queues with an outflow made up that begins at some time, of which the true time is then known: the loss (forecasts in factors
// of two) was 0.316 with 90 % bounds that held 90 % of the time, and 1.140 for the law without the extra (TestPathsOnRecordedQueues).
type Paths struct {
	distance float64
	law      Distribution // without an extra
	scale    LogScale
	rate     float64
	paths    [levels]way
}

// way is one path: piecewise linear through its nodes, the first of which is (0, 0), and on from the last one at a rate.
type way struct {
	t, x []float64
	rate float64
}

const (
	pathSteps  = 8   // distances at which the panel is asked
	pathTimes  = 24  // times at which the rates are, at most
	pathFactor = 1.8 // from one of them to the next
	leastRates = 0.3 // the share of the rates in a path, at least
)

// Paths returns the paths of the level over a distance; false where too little was observed.
func (p *Panel) Paths(distance float64) (*Paths, bool) {
	f := p.Predict(distance)
	if f.Law == nil {
		return nil, false
	}
	r, _ := p.drifts.Trend().Rate()
	w := &Paths{distance: distance, law: f.Law, scale: LogScale{Unit: p.pace.mean, Horizon: f.Horizon}, rate: r.Mean}
	var far [pathSteps + 1]float64
	var when [pathSteps + 1][levels]float64
	for j := pathSteps; j > 0; j-- {
		// Denser near the beginning, where times grow as the square of the distance.
		far[j] = distance * math.Pow(float64(j)/pathSteps, 1.5)
		law := f.Law
		if j < pathSteps {
			law = p.Predict(far[j]).Law
		}
		for i, q := range quantileLevels {
			when[j][i] = law.Quantile(q)
			if j < pathSteps {
				when[j][i] = math.Min(when[j][i], when[j+1][i])
			}
		}
	}
	// Where the rates see it at each of some times.
	var times [pathTimes]float64
	var rates [pathTimes][levels]float64
	laws := p.drifts.passages(distance)
	n := 0
	for t := w.scale.Unit / 2; n < pathTimes && laws.n > 0; t *= pathFactor {
		times[n] = t
		laws.places(t, &rates[n])
		n++
		if t > w.scale.Horizon {
			break
		}
	}
	share := leastRates + (1-leastRates)*f.Shares[Rates]
	for i := range w.paths {
		w.paths[i] = newWay(i, distance, &far, &when, times[:n], rates[:n], share)
	}
	return w, true
}

// newWay puts the path of a level together.
func newWay(level int, distance float64, far *[pathSteps + 1]float64, when *[pathSteps + 1][levels]float64, times []float64, rates [][levels]float64, share float64) way {
	var w way
	end := when[pathSteps][level]
	w.t, w.x = append(make([]float64, 0, pathSteps+pathTimes+1), 0), append(make([]float64, 0, pathSteps+pathTimes+1), 0)
	j := 1 // the distance that comes next
	// most is the largest amount by t.
	most := func(t float64) float64 {
		for j <= pathSteps && when[j][level] <= t {
			j++
		}
		switch {
		case j > pathSteps:
			return distance
		case math.IsInf(when[j][level], 1):
			return far[j-1]
		}
		t0, t1 := when[j-1][level], when[j][level]
		return far[j-1] + (far[j]-far[j-1])*(t-t0)/(t1-t0)
	}
	add := func(t, seen float64) {
		x := most(t)
		part := share
		if !math.IsInf(end, 1) {
			part *= 1 - t/end
		}
		if !math.IsNaN(seen) {
			x += part * (seen - x)
			if j <= pathSteps && math.IsInf(when[j][level], 1) { // the panel says that it comes no further, and not how far it goes back
				x = math.Min(x, seen)
			}
		}
		w.t, w.x = append(w.t, t), append(w.x, math.Min(x, distance*(1-1e-9)))
	}
	// Both kinds of nodes in the order of time, up to the end.
	k, seen := 1, 0
	for {
		for k < pathSteps && !(when[k][level] > w.t[len(w.t)-1]) {
			k++
		}
		next := math.Inf(1)
		if k < pathSteps {
			next = when[k][level]
		}
		if seen < len(times) && times[seen] <= next {
			if next = times[seen]; next < end {
				add(next, rates[seen][level])
			}
			seen++
			if next < end {
				continue
			}
		}
		if !(next < end) {
			break
		}
		at := math.NaN()
		switch {
		case seen > 0 && seen < len(times):
			part := (next - times[seen-1]) / (times[seen] - times[seen-1])
			at = rates[seen-1][level] + part*(rates[seen][level]-rates[seen-1][level])
		case seen == 0 && len(times) > 0:
			at = rates[0][level] * next / times[0]
		}
		add(next, at)
	}
	if last := len(w.t) - 1; math.IsInf(end, 1) {
		if last > 0 {
			w.rate = (w.x[last] - w.x[last-1]) / (w.t[last] - w.t[last-1])
		}
		return w
	}
	if !(end > w.t[len(w.t)-1]) { // at once
		return way{t: []float64{0}, x: []float64{distance}, rate: 0}
	}
	w.t, w.x = append(w.t, end), append(w.x, distance)
	w.rate = distance / end
	return w
}

// places returns the p-th largest places of νt + σW(t), as the mixture has it, for each of the levels.
func (p *passages) places(t float64, at *[levels]float64) {
	var mean, inv [memories + 1]float64
	var low, high float64
	for i := range p.n {
		mean[i] = p.drift[i] * t
		sd := math.Sqrt((p.tau2[i]*t + p.sigma2[i]) * t)
		inv[i] = 1 / sd
		if x := mean[i] + 2*sd; i == 0 || x > high {
			high = x
		}
		if x := mean[i] - 2*sd; i == 0 || x < low {
			low = x
		}
	}
	from := high
	for l, q := range quantileLevels {
		// Newton's rule for P(X >= x) = q within a bracket.
		lo, hi := low-(high-low), high+(high-low)
		if l > 0 {
			hi = math.Min(hi, from)
		}
		x := from
		if l == 0 {
			x = (low + high) / 2
		}
		for range 24 {
			c, density := 0.0, 0.0
			for i := range p.n {
				z := (x - mean[i]) * inv[i]
				c += 0.5 * math.Erfc(z/math.Sqrt2)
				density += math.Exp(-z*z/2) * inv[i] / math.Sqrt(2*math.Pi)
			}
			c, density = c/float64(p.n)-q, density/float64(p.n)
			if math.Abs(c) < 0.01*math.Min(q, 1-q) {
				break
			}
			if c > 0 {
				lo = x
			} else {
				hi = x
			}
			next := x + c/density
			if !(next > lo && next < hi) {
				next = (lo + hi) / 2
			}
			x = next
		}
		at[l], from = x, x
	}
}

// Law returns the law of the time with an extra, which counts from the last observation; nil where the extra is not Valid.
func (w *Paths) Law(extra Extra) Distribution {
	if !extra.Valid() {
		return nil
	}
	if len(extra) == 0 {
		return w.law
	}
	scale := w.scale
	scale.Horizon = w.Horizon(extra)
	course := extra.course()
	end := scale.Of(math.Inf(1))
	var k knots
	for i := range w.paths {
		k[i] = scale.Of(w.paths[i].arrives(course, w.distance))
	}
	k.settle(end)
	return newQuantileLaw(k, scale)
}

// Horizon is how far ahead, in seconds, the law with an extra looks: as far as without after its last step, and further where a steady flow takes longer.
func (w *Paths) Horizon(extra Extra) float64 {
	horizon := w.scale.Horizon
	if n := len(extra); n > 0 {
		horizon += 2 * math.Max(0, extra[n-1].At)
		if t := extra.Arrives(w.distance, w.rate); t < forever/10 {
			horizon = math.Max(horizon, 10*t)
		}
	}
	return math.Min(forever, horizon)
}

// arrives is the first time at which a path with the extra is at the distance.
func (w *way) arrives(c []piece, distance float64) float64 {
	i := 0 // the piece
	for j := range w.t {
		from, to, rate := w.t[j], math.Inf(1), w.rate
		if j+1 < len(w.t) {
			to = w.t[j+1]
			rate = (w.x[j+1] - w.x[j]) / (to - from)
		}
		for {
			until := to
			if i+1 < len(c) {
				until = math.Min(to, c[i+1].from)
			}
			left := distance - w.x[j] - rate*(from-w.t[j]) - c[i].at(from)
			if left <= 0 {
				return from
			}
			if x := firstRoot(left, rate+c[i].rateAt(from), c[i].slope/2); from+x <= until {
				return from + x
			}
			from = until
			if i+1 < len(c) && c[i+1].from <= until {
				i++
			}
			if from >= to {
				break
			}
		}
	}
	return math.Inf(1)
}
