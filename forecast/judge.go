package forecast

import (
	"math"
	"slices"
)

// judge lays forecasts aside, scores them when their outcome is known, and lets the members' weights and the calibration of the whole follow.
//
// A forecast laid aside is scored when the level has fallen as far as asked; where it has not after 4096 usual distances of observations, or when its
// place is needed, it is scored as open at that age: forecast and outcome are then capped there, which keeps the score proper (see Scale).
//
// The weights of the members, for five of the levels, are exponential in their losses (Vovk 1990; Kivinen & Warmuth 1997; for quantiles level by level
// Berrisch & Ziel 2023), with the losses linear in what they said (the gradient of the pinball loss at what the panel said), and each member held to account
// as far as it was confident (sleeping experts: Freund, Schapire, Singer & Warmuth 1997; Blum & Mansour 2007):
//
//	w ∝ π·exp(-η·R)        R ← 0.999·R + κ·g·(s_member - s_panel)        g = 2·(1{outcome < s_panel} - p)
//
// With regret counted like R, the loss of the weighted mean of what the members say over n forecasts is above that of any member i, each forecast counting κᵢ, by no more than
// ln(Σπ/πᵢ)/η + η·n·B²/2 where |g·(s_member - s_panel)| <= B: the w·κ·g·(s_member - s_panel) sum to zero at each step, and Hoeffding's lemma does the rest. The
// factor forgets over some thousand forecasts, and the bound then holds for these.
//
// Sources: V. Vovk, Aggregating strategies, COLT 1990; J. Kivinen, M. Warmuth, Exponentiated gradient versus gradient descent for linear predictors,
// Information and Computation 132 (1997); Y. Freund, R. Schapire, Y. Singer, M. Warmuth, Using and combining predictors that specialize, STOC 1997; A. Blum,
// Y. Mansour, From external to internal regret, JMLR 8 (2007); J. Berrisch, F. Ziel, CRPS learning, Journal of Econometrics 237 (2023).
type judge struct {
	pending []laidAside
	next    int // the observation from which on a forecast is due
	round   int8
	regret  [judged][members]float32
	recalibration
	outcomes outcomes
	waiting  float64 // the highest level at which something pending happens next
}

const (
	// judged is the number of levels at which members are judged: the other levels take the weights of their neighbours.
	judged = 5
	// learning is η, and forgetting the factor. On recorded queues 0.05 and 0.2 scored the same within 0.003.
	learning, forgetting = 0.1, 0.999
	// leastForJudge is the number of observations before the first forecast is laid aside, and judgedFrom the share of earlier levels that a level must exceed:
	// nobody asks when a low level will be lower.
	leastForJudge, judgedFrom = 10, 0.6
	// A forecast is due every 8 observations, later every 1/64 of all so far, and at least every 256.
	densest, sparsest, ever = 8, 256, 64
	perInstant              = 2
	// leastAsked is the least level at which a forecast is laid aside: a single item is gone or is not.
	leastAsked = 2
)

// judgedLevels are the places of the judged levels among quantileLevels, and judgedBy the two judged ones, by whose mean weight each level goes.
var (
	judgedLevels = [judged]int{1, 3, 4, 5, 7}
	judgedBy     = [levels][2]int{{0, 0}, {0, 0}, {0, 1}, {1, 1}, {2, 2}, {3, 3}, {3, 4}, {4, 4}, {4, 4}}
)

// prior are the weights π before any record: what recorded queues of many kinds show together.
var prior = Shares{Rates: 0.2, Symmetry: 0.1, Level: 0.05, Likeness: 0.3, Speed: 0.5, Daytime: 0.15, Weekday: 0.1}

// rounds are the shares of the level asked for in turn.
var rounds = [...][perInstant]float64{{0.75, 0.1}, {0.5, 0}, {0.25, 0.75}, {0.1, 0.5}, {0, 0.25}}

// laidAside is a forecast of which the outcome is open. Places are packed to a twentieth of a factor of two.
type laidAside struct {
	start   float64
	target  float32
	share   float32
	members [members][judged]uint8 // all 255: it said nothing
	pooled  [levels]uint8
	final   [levels]uint8
}

const silent = math.MaxUint8

func newJudge(n int) judge {
	return judge{pending: make([]laidAside, 0, perInstant*n), next: leastForJudge, waiting: -1}
}

// due reports whether observation n is one at which to lay a forecast aside.
func (j *judge) due(n int) bool { return cap(j.pending) > 0 && n >= j.next }

// turn returns the shares to ask for.
func (j *judge) turn() [perInstant]float64 { return rounds[j.round] }

func (j *judge) laid(n int) {
	j.round = (j.round + 1) % int8(len(rounds))
	j.next = n + max(densest, min(n/ever, sparsest))
}

// pool returns the weighted means of what the members say, and the share of each in the median.
func (j *judge) pool(v *views, end float64) (k knots, share Shares) {
	var confidence [members]float64
	any := false
	for m := range members {
		if v.known[m] {
			d := v.doubt[m]
			confidence[m] = halfFactor * halfFactor / (halfFactor*halfFactor + d*d)
			any = true
		}
	}
	if !any {
		for i := range k {
			k[i] = end
		}
		return k, share
	}
	var weights [judged]Shares
	for l := range weights {
		weights[l] = j.weights(l, &confidence)
	}
	var finite [members]float64
	for m := range members {
		if v.known[m] {
			finite[m] = v.knots[m].finite(end)
		}
	}
	for i, p := range quantileLevels {
		a, b := &weights[judgedBy[i][0]], &weights[judgedBy[i][1]]
		mass := 0.0
		for m := range members {
			mass += (a[m] + b[m]) / 2 * finite[m]
		}
		if p >= mass {
			k[i] = end
			continue
		}
		for m := range members {
			if w := (a[m] + b[m]) / 2 * finite[m]; w > 0 {
				s := v.knots[m][i]
				if mass < 1-1e-6 || finite[m] < 1-1e-6 {
					s = v.knots[m].at(p/mass*finite[m], end)
				}
				k[i] += w / mass * s
			}
		}
	}
	k.settle(end)
	return k, weights[judged/2]
}

// weights returns the weights at a judged level of members with the given confidence, 0 for those that say nothing; they sum to 1.
func (j *judge) weights(l int, confidence *[members]float64) (w Shares) {
	least := float32(math.Inf(1))
	for m, c := range confidence {
		if c > 0 {
			least = min(least, j.regret[l][m])
		}
	}
	sum := 0.0
	for m, c := range confidence {
		if c > 0 {
			w[m] = prior[m] * c * math.Exp(-learning*float64(j.regret[l][m]-least))
			sum += w[m]
		}
	}
	for m := range w {
		w[m] /= sum
	}
	return w
}

// lay lays a forecast aside.
func (j *judge) lay(v *views, t, level, share float64, scale LogScale) {
	end := scale.Of(math.Inf(1))
	if len(j.pending) == cap(j.pending) {
		oldest := 0
		for i := range j.pending {
			if j.pending[i].start < j.pending[oldest].start {
				oldest = i
			}
		}
		j.score(&j.pending[oldest], t-j.pending[oldest].start, true, scale)
		j.remove(oldest)
	}
	l := laidAside{start: t, target: float32(share * level), share: float32(share)}
	for m := range members {
		for i, at := range judgedLevels {
			l.members[m][i] = silent
			if v.known[m] {
				l.members[m][i] = min(packPlace(v.knots[m][at]), silent-1)
			}
		}
	}
	k, _ := j.pool(v, end)
	final := j.recalibrate(j.outcomes.cautious(k, end), share, end)
	for i := range k {
		l.pooled[i], l.final[i] = packPlace(k[i]), packPlace(final[i])
	}
	j.pending = append(j.pending, l)
	j.waiting = math.Max(j.waiting, float64(l.target))
}

func (j *judge) remove(i int) {
	last := len(j.pending) - 1
	j.pending[i] = j.pending[last]
	j.pending = j.pending[:last]
}

// pass scores what a level at a time decides.
func (j *judge) pass(t, level float64, scale LogScale) {
	if level > j.waiting {
		return
	}
	j.waiting = -1
	for i := 0; i < len(j.pending); {
		l := &j.pending[i]
		switch {
		case level <= float64(l.target):
			j.score(l, t-l.start, false, scale)
			j.remove(i)
			continue
		case t-l.start >= scale.Horizon:
			j.score(l, scale.Horizon, true, scale)
			j.remove(i)
			continue
		}
		j.waiting = math.Max(j.waiting, float64(l.target))
		i++
	}
}

// score takes the outcome of a forecast: the time it took or, for one that is open, its age.
func (j *judge) score(l *laidAside, took float64, open bool, scale LogScale) {
	if !(took > 0) {
		return
	}
	y := scale.Of(took)
	end := scale.Of(math.Inf(1))
	if y >= end {
		open = true
	}
	most := end
	if open {
		most = y
	}
	place := func(c uint8) float64 { return math.Min(unpackPlace(c), most) }
	// The members.
	var confidence [members]float64
	for m := range members {
		if l.members[m][0] != silent {
			upper := l.members[m][3]
			d := doubt(unpackPlace(l.members[m][1]), unpackPlace(upper), unpackPlace(packPlace(end)))
			confidence[m] = halfFactor * halfFactor / (halfFactor*halfFactor + d*d)
		}
	}
	for i := range judged {
		p := quantileLevels[judgedLevels[i]]
		w := j.weights(i, &confidence)
		said := 0.0
		for m := range members {
			if confidence[m] > 0 {
				said += w[m] * place(l.members[m][i])
			}
		}
		slope := 2 * (1 - p)
		switch {
		case said >= most && open:
			slope = 0 // as open as the outcome
		case y >= said:
			slope = -2 * p
		}
		for m := range members {
			r := &j.regret[i][m]
			*r *= forgetting
			if confidence[m] > 0 {
				*r += float32(confidence[m] * slope * (place(l.members[m][i]) - said))
			}
		}
	}
	var pooled, final knots
	for i := range pooled {
		pooled[i], final[i] = unpackPlace(l.pooled[i]), unpackPlace(l.final[i])
	}
	j.recalibration.learn(&pooled, float64(l.share), y, open, end)
	j.outcomes.learn(&final, y, open, end)
}

// recalibration makes the panel's levels come true: of the forecasts so far it knows what share of the outcomes lay below the quantile at each level,
// and takes for the p-quantile the one below which a share of p lay. It is a map of probabilities, as that of a beta calibration (Kull, Silva Filho & Flach 2017), but
// free of a form, as there are but nine levels to calibrate; it is pulled to the identity by 160 forecasts that came true as they should, and does not change
// the median's order or that of any quantile.
//
//	F(p) = (outcomes below + 160·p)/(n + 160)        s'(p) = s(F⁻¹(p))
//
// There are two, for distances up to half of the level or so and for those of most of it. An outcome that is still open counts as spread over
// the levels from where it was left open on (Czado, Gneiting & Held 2009).
//
// Sources: M. Kull, T. Silva Filho, P. Flach, Beta calibration, AISTATS 2017; V. Kuleshov, N. Fenner, S. Ermon, Accurate uncertainties for deep learning using
// calibrated regression, ICML 2018; C. Czado, T. Gneiting, L. Held, Predictive model assessment for count data, Biometrics 65 (2009).
type recalibration struct {
	n     [2]float32
	below [2][levels]float32
}

const (
	pulled    = 160
	remembers = 0.99 // a forecast counts for some hundred
	// From a level to farShare of it is far, and to more is near; but to nearShare and more, and as far below, it is one of them alone.
	farShare, nearShare = 0.35, 0.5
	leastLevelP         = 1e-3
)

func distanceClass(share float64) int {
	if share < farShare {
		return 1
	}
	return 0
}

func (r *recalibration) learn(k *knots, share, y float64, open bool, end float64) {
	c := distanceClass(share)
	r.n[c] = r.n[c]*remembers + 1
	for i, h := range hits(k, y, open, end) {
		r.below[c][i] = r.below[c][i]*remembers + float32(h)
	}
}

// cautious widens the knots around the median while few forecasts were judged: 1 + caution times with none, 1 + caution/2 times with carefree. Without it the bounds of
// simulated queues in their first incident held in as little as 74 %.
func (o *outcomes) cautious(k knots, end float64) knots {
	by := 1 + caution*carefree/(carefree+float64(o.n))
	m := k[middle]
	for i, s := range k {
		if s < end {
			k[i] = math.Max(m+by*(s-m), s/2) // and not down to no time at all
		}
	}
	k.settle(end)
	return k
}

const caution, carefree = 0.8, 1

// hits returns, for each level, whether the outcome was below the quantile, or the probability of it for one that is open.
func hits(k *knots, y float64, open bool, end float64) (h [levels]float64) {
	// Places are packed: an outcome in the same place may be on either side.
	y = unpackPlace(packPlace(y))
	from := 0.0
	if open {
		from = quantileLevels[top]
		for i, s := range k {
			if s >= y {
				from = 0
				if i > 0 {
					from = quantileLevels[i-1]
					if s < end && s > k[i-1] {
						from += (quantileLevels[i] - quantileLevels[i-1]) * (y - k[i-1]) / (s - k[i-1])
					}
				}
				break
			}
		}
	}
	for i, p := range quantileLevels {
		switch {
		case open:
			h[i] = math.Max(0, (p-from)/(1-from))
		case y < k[i]:
			h[i] = 1
		case y == k[i]:
			h[i] = 0.5
		}
	}
	return h
}

// recalibrate returns the knots as they should be.
func (r *recalibration) recalibrate(k knots, share, end float64) (out knots) {
	// From one to the other gradually: a target a little lower is not reached much later.
	near := math.Max(0, math.Min(1, (share-farShare)/(2*(nearShare-farShare))+0.5))
	var f [levels]float64
	for i, p := range quantileLevels {
		f[i] = near*(float64(r.below[0][i])+pulled*p)/(float64(r.n[0])+pulled) + (1-near)*(float64(r.below[1][i])+pulled*p)/(float64(r.n[1])+pulled)
	}
	for i, p := range quantileLevels {
		x := 0.0
		switch {
		case p <= f[lowest]:
			x = quantileLevels[lowest] * p / f[lowest]
		case p >= f[top]:
			x = 1 - (1-quantileLevels[top])*(1-p)/(1-f[top])
		default:
			n := 1
			for f[n] < p {
				n++
			}
			x = quantileLevels[n-1] + (quantileLevels[n]-quantileLevels[n-1])*(p-f[n-1])/(f[n]-f[n-1])
		}
		out[i] = k.at(math.Max(leastLevelP, math.Min(1-leastLevelP, x)), end)
	}
	out.settle(end)
	return out
}

// Record is how the forecasts that a Panel has laid aside turned out.
type Record struct {
	// Forecasts is how many were judged.
	Forecasts int
	// Below is the share of outcomes at or below the quantile of each of QuantileLevels, an outcome still open counting as spread over the levels from there on.
	Below [levels]float64
	// MedianError is how far off half of the medians were, at most: as a factor, 1 for not at all. NaN where there are none.
	MedianError float64
}

// Within returns the share of the outcomes that the central interval at a level held; NaN where there are none.
func (r Record) Within(level float64) float64 {
	if r.Forecasts == 0 {
		return math.NaN()
	}
	at := func(p float64) float64 {
		// Between two levels in proportion.
		if i, ok := slices.BinarySearch(quantileLevels[:], p); ok {
			return r.Below[i]
		} else if i == 0 {
			return r.Below[0] * p / quantileLevels[0]
		} else if i == levels {
			return 1 - (1-r.Below[top])*(1-p)/(1-quantileLevels[top])
		} else {
			return r.Below[i-1] + (r.Below[i]-r.Below[i-1])*(p-quantileLevels[i-1])/(quantileLevels[i]-quantileLevels[i-1])
		}
	}
	p := math.Round((1-level)/2*1e9) / 1e9
	return at(1-p) - at(p)
}

// outcomes counts how forecasts turned out.
type outcomes struct {
	n     int
	below [levels]float32
	off   [errorBins]uint32 // medians by how far they were off, in quarters of a factor of two
}

const errorBins = 24

func (o *outcomes) learn(k *knots, y float64, open bool, end float64) {
	o.n++
	for i, h := range hits(k, y, open, end) {
		o.below[i] += float32(h)
	}
	off := 0.0
	if m := k[middle]; !open || m < y {
		off = math.Abs(y - math.Min(m, end))
	}
	o.off[min(int(4*off), errorBins-1)]++
}

func (j *judge) history() (r Record) {
	o := &j.outcomes
	r.Forecasts, r.MedianError = o.n, math.NaN()
	if o.n == 0 {
		return r
	}
	half := uint32(0)
	for i := range r.Below {
		r.Below[i] = float64(o.below[i]) / float64(o.n)
	}
	for i, n := range o.off {
		if half += n; 2*half >= uint32(o.n) {
			// Within the bin in proportion.
			part := (float64(o.n)/2 - float64(half-n)) / float64(n)
			r.MedianError = math.Exp2((float64(i) + part) / 4)
			break
		}
	}
	return r
}
