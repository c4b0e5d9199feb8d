package forecast

import (
	"math"
	"slices"
)

// The shares of a level at which the times of a drain are taken down.
var shares = [...]float64{0.75, 0.5, 0.25, 0.1, 0}

const nShares = len(shares)

// instant is what a forecast may go by: the level at a time, how it moved, and where in the week that was.
type instant struct {
	time, level float64
	height      float64            // log2(1 + level)
	moved       [len(lags)]float64 // by how much the height rose over the last observations
	week        float64            // share of the week that has passed, local time; NaN where it is unknown
}

// lags are the numbers of observations over which the movement of a level is taken.
var lags = [...]int{2, 8, 32}

// drains is a record of how long a level took to fall to a share of itself from earlier instants on, where it was then, and how it moved. What has not
// fallen so far is still running, and censored.
//
// The instants are a sample of all that were, the same number from each half factor of two of the level as far as there are so many, so that the highest levels,
// which are rare and asked about most, have as much of a record as the ordinary ones. Within each an instant is taken in with the chance that a reservoir gives it
// (Vitter 1985), as if there had been 16,384 so far at most, and in place of the one whose neighbours are nearest in time, so that those that stay are spread over it:
// on recorded queues on ordinary days that scored better by 0.006 than giving up any one. With 128 of them the bounds scored as with all.
//
// Source: J. S. Vitter, Random sampling with a reservoir, ACM Transactions on Mathematical Software 11 (1985).
type drains struct {
	start []float64
	level []float32
	high  []uint16          // height, see packHeight
	took  [][nShares]uint16 // see packTime; 0: not yet
	age   [][nShares]uint8  // since when the level was above the share, see packPlace
	moved [][len(lags)]int8
	week  []uint16 // share of the week; see packWeek

	seen    [heightBins]float32 // instants at levels within a half factor of two, and how many of the record are of those
	kept    [heightBins]uint8
	waiting float64 // the highest level at which something of the record happens next
	random  uint64
	upTo    float64 // the time until which it is known what still runs
	unit    float64 // of packed times, in seconds: the usual distance of observations when the record began
}

const (
	heightBins  = 64
	binsOctave  = 2
	remembered  = 1 << 14
	mostDrains  = 250
	leastLevel  = 1 // below one item there is nothing to drain
	packedTimes = 500
)

// packTime keeps a positive time, in units of the record, to a thousandth and a half; 0 is none.
func packTime(t float64) uint16 {
	return uint16(math.Max(1, math.Min(math.MaxUint16, math.Round((math.Log2(t)+64)*packedTimes))))
}

// unpackTime returns a packed time in units of the record.
func unpackTime(c uint16) float64 {
	// 2^whole from its bits: math.Exp2 would be the most of a forecast's cost.
	whole := int(c)/packedTimes - 64
	return fractions[int(c)%packedTimes] * math.Float64frombits(uint64(whole+1023)<<52)
}

// placeOfTime returns the place of a packed time on a scale: log2(1 + 2^x), x its logarithm over the scale's unit, from a table to 3e-5; log is log2 of the scale's unit in units of the record.
func placeOfTime(c uint16, log float64) float64 {
	x := float64(c)/packedTimes - 64 - log
	switch {
	case x >= placesTo:
		return x
	case x < -placesTo:
		return 0
	}
	y := (x + placesTo) * placesStep
	i := int(y)
	return places[i] + (y-float64(i))*(places[i+1]-places[i])
}

const placesTo, placesStep = 16, 32

var (
	fractions = func() (f [packedTimes]float64) {
		for i := range f {
			f[i] = math.Exp2(float64(i) / packedTimes)
		}
		return f
	}()
	places = func() (p [2*placesTo*placesStep + 2]float64) {
		for i := range p {
			p[i] = math.Log2(1 + math.Exp2(float64(i)/placesStep-placesTo))
		}
		return p
	}()
)

func packHeight(h float64) uint16   { return uint16(math.Min(math.MaxUint16, math.Round(h*1000))) }
func unpackHeight(c uint16) float64 { return float64(c) / 1000 }

// packPlace keeps a place on a scale to a fortieth of a factor of two.
func packPlace(s float64) uint8   { return uint8(math.Min(math.MaxUint8, math.Round(s*packedPlaces))) }
func unpackPlace(c uint8) float64 { return float64(c) / packedPlaces }

const packedPlaces = 20

func packMove(m float64) int8 { return int8(math.Max(-127, math.Min(127, math.Round(m*16)))) }

// packWeek keeps a share of the week to ten seconds; 0 is unknown.
func packWeek(w float64) uint16 {
	if math.IsNaN(w) {
		return 0
	}
	return 1 + uint16(math.Min(math.MaxUint16-1, w*(math.MaxUint16-1)))
}

func newDrains(n int) drains {
	n = min(n, mostDrains)
	return drains{
		start: make([]float64, 0, n), level: make([]float32, 0, n), high: make([]uint16, 0, n), took: make([][nShares]uint16, 0, n),
		age: make([][nShares]uint8, 0, n), moved: make([][len(lags)]int8, 0, n), week: make([]uint16, 0, n), random: 0x9e3779b97f4a7c15,
	}
}

// uniform returns a number from [0, 1), by Marsaglia's xorshift: the sample of instants is the same each time.
func (d *drains) uniform() float64 {
	d.random ^= d.random << 13
	d.random ^= d.random >> 7
	d.random ^= d.random << 17
	return float64(d.random>>11) / (1 << 53)
}

// binOf returns the bin of a packed height.
func binOf(h uint16) int { return min(int(h)*binsOctave/1000, heightBins-1) }

// pass takes down what has fallen far enough by a time.
func (d *drains) pass(t, level float64) {
	d.upTo = t
	if level > d.waiting {
		return
	}
	d.waiting = -1
	for i := range d.took {
		took := &d.took[i]
		if took[nShares-1] != 0 {
			continue
		}
		l := float64(d.level[i])
		for j, share := range shares {
			if took[j] != 0 {
				continue
			}
			if level > share*l {
				d.waiting = math.Max(d.waiting, share*l)
				break
			}
			took[j] = packTime((t - d.start[i]) / d.unit)
		}
	}
}

// due counts a level and reports whether its instant is to be taken into the record.
func (d *drains) due(level float64, height uint16) bool {
	if cap(d.start) == 0 || level < leastLevel {
		return false
	}
	b := binOf(height)
	d.seen[b] = min(d.seen[b]+1, remembered)
	chance := float64(d.kept[b]+1) / float64(d.seen[b])
	if len(d.start) < cap(d.start) {
		// The first of a height at once, the others more slowly, so that the record is not of one day.
		if d.kept[b] == 0 {
			return true
		}
		chance = float64(cap(d.start)) / 4 / float64(d.seen[b])
	}
	return d.uniform() < chance
}

// admit takes an instant into the record.
func (d *drains) admit(now *instant, unit float64, age func(height float64) float64) {
	i := len(d.start)
	if i == 0 {
		d.unit = unit
	}
	if i < cap(d.start) {
		d.grow()
	} else {
		i = d.victim()
	}
	d.start[i], d.level[i], d.high[i] = now.time, float32(now.level), packHeight(now.height)
	d.kept[binOf(d.high[i])]++
	d.took[i] = [nShares]uint16{}
	for j, share := range shares {
		d.age[i][j] = packPlace(age(share * now.level))
	}
	for j, m := range now.moved {
		d.moved[i][j] = packMove(m)
	}
	d.week[i] = packWeek(now.week)
	d.waiting = math.Max(d.waiting, shares[0]*float64(d.level[i]))
}

func (d *drains) grow() {
	n := len(d.start) + 1
	d.start, d.level, d.high, d.took, d.age, d.moved, d.week = d.start[:n], d.level[:n], d.high[:n], d.took[:n], d.age[:n], d.moved[:n], d.week[:n]
}

// victim returns the place of the one that is given up: of those at the heights that have most, the one whose neighbours are nearest in time.
func (d *drains) victim() int {
	most := 0
	for i := range d.kept {
		if d.kept[i] > d.kept[most] {
			most = i
		}
	}
	victim, least := -1, math.Inf(1) // an only one has no neighbours at all
	for i, h := range d.high {
		if binOf(h) != most {
			continue
		}
		// The distance in time between the neighbours of this one.
		before, after := math.Inf(-1), math.Inf(1)
		for k, h := range d.high {
			switch t := d.start[k]; {
			case binOf(h) != most || k == i:
			case t <= d.start[i]:
				before = math.Max(before, t)
			default:
				after = math.Min(after, t)
			}
		}
		if math.IsInf(before, -1) {
			before = d.start[i] - 0.5*(after-d.start[i])
		}
		if math.IsInf(after, 1) {
			after = d.start[i] + 0.5*(d.start[i]-before)
		}
		gap := after - before
		if victim < 0 || gap < least {
			victim, least = i, gap
		}
	}
	d.kept[most]--
	return victim
}

// rank returns the share of levels so far that were lower.
func (d *drains) rank(height float64) float64 {
	k := binOf(packHeight(height))
	below, all := 0.0, 0.0
	for i, n := range d.seen {
		switch {
		case i < k:
			below += float64(n)
		case i == k:
			below += float64(n) / 2
		}
		all += float64(n)
	}
	return below / math.Max(all, 1)
}

// likeness weighs an earlier instant by how like it is to the present one: exp(-½ Σ (difference/width)²). A width of 0 leaves the difference out.
type likeness struct {
	height  float64 // of the level, in factors of two
	age     float64 // of the time since the level was last where it shall be again, in factors of two
	moved   float64 // of each of the movements, in factors of two
	lastLag bool    // the movement over the last of the lags only
	day     float64 // of the time of day, in days
	week    float64 // of the time of week, in days
	leansOn int8    // the forecast that a thin record leans on: the number of another likeness, or basis
}

// basis stands for what is forecast without a record.
const basis = -1

// The likenesses, each of them a forecast, from what needs least of a record to what needs most; each leans on one before it.
var likenesses = [...]likeness{
	{height: 0.5, leansOn: basis},
	{height: 1.4, age: 2, moved: 1, day: 0.2, leansOn: 0},
	{height: 0.5, age: 1, moved: 0.5, lastLag: true, leansOn: 1},
	{height: 1, age: 1.5, moved: 0.75, day: 0.06, leansOn: 1},
	{height: 1, age: 1.5, moved: 0.75, day: 0.06, week: 0.5, leansOn: 3},
}

// nTimeless is how many of them do without a calendar; the next one needs the time of day, the last the day of the week.
const nLike, nTimeless = len(likenesses), 3

const (
	// leaning is how many drains that what a record leans on counts for.
	leaning = 1.8
	// farthest is the exponent from which on an earlier instant is not like the present one at all.
	farthest = 14
	// sameEnd is by which share of their length two drains must end apart to count as two: all that wait for the same end are one.
	sameEnd = 0.1
	day     = 86400.0
)

// forecast tells how long earlier drains took from like instants on: for each likeness the product-limit estimate, see survive, of as many drains as the weights are
// worth,
//
//	n = (Σw)²/Σ(Σw within drains that end together)²        (Kish 1965)
//
// leaning on another forecast; own is the share of each that is not. share is that of the level to fall to, age tells the place of the time for which the level has been above a height, and periodic says
// which of day and week the record spans.
//
// Sources: E. L. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958); V. Susarla, J. Van Ryzin, Nonparametric Bayesian
// estimation of survival curves from incomplete observations, JASA 71 (1976); R. Beran, Nonparametric regression with randomly censored survival data
// (1981), for the weights; L. Kish, Survey Sampling (1965).
func (d *drains) forecast(now *instant, share float64, age func(height float64) float64, base knots, scale LogScale, periodic [2]bool) (all [nLike]knots, known [nLike]bool, own [nLike]float64) {
	n := len(d.start)
	if n == 0 {
		return all, known, own
	}
	j, part := place(share)
	end, log := scale.Of(math.Inf(1)), math.Log2(scale.Unit/d.unit)
	var (
		weight [mostDrains][nLike]float32
		long   [mostDrains]float32
		bySize [mostDrains]uint64
		byEnd  [mostDrains]uint64
	)
	since := between(j, part, func(j int) float64 { return age(shares[j] * now.level) })
	days := now.week*7 - math.Trunc(now.week*7)
	var metric [nLike]struct{ height, age, moved, last, day, week float64 }
	active := nLike // the last ones need a calendar
	switch {
	case !periodic[0]:
		active = nTimeless
	case !periodic[1]:
		active--
	}
	for k, l := range likenesses[:active] {
		m := &metric[k]
		m.height, m.age, m.moved = inverse(l.height), inverse(l.age), inverse(l.moved)
		if l.lastLag {
			m.moved, m.last = 0, m.moved
		}
		if periodic[0] {
			m.day = inverse(l.day)
		}
		if periodic[1] {
			m.week = inverse(l.week)
		}
	}
	for i := range n {
		s, running, t := d.outcome(i, j, part, log, 1/scale.Unit)
		t = math.Min(t, scale.Horizon) // what takes longer has ended there for all that anyone asks
		long[i] = float32(t)
		key := uint64(math.Float32bits(float32(s))) << 16
		if running {
			key |= 1 << 15
		}
		bySize[i] = key | uint64(i)
		byEnd[i] = uint64(math.Float32bits(float32(math.Max(0, d.upTo-d.start[i]-t))))<<16 | uint64(i)

		h := unpackHeight(d.high[i]) - now.height
		a := between(j, part, func(j int) float64 { return unpackPlace(d.age[i][j]) }) - since
		var m, m3 float64
		for l, x := range d.moved[i] {
			x := float64(x)/16 - now.moved[l]
			m += x * x
			m3 = x * x
		}
		dd, dw := 1.0, 1.0 // where the time of one of them is not known: as if one width away
		if w := d.week[i]; w != 0 && periodic[0] {
			x := (float64(w) - 1) * (7. / (math.MaxUint16 - 1))
			dd = around(x-math.Trunc(x)-days, 1)
			dw = around(x-now.week*7, 7)
			dd, dw = dd*dd, dw*dw
		}
		h, a = h*h, a*a
		for k := range active {
			l := &metric[k]
			if e := h*l.height + a*l.age + m*l.moved + m3*l.last + dd*l.day + dw*l.week; e < farthest {
				weight[i][k] = bell(e)
			}
		}
	}
	slices.Sort(bySize[:n])
	slices.Sort(byEnd[:n])
	// The effective numbers.
	var sum, square, together [nLike]float64
	last := 0.0
	for x, key := range byEnd[:n] {
		i := key & 0x7fff
		ago := float64(math.Float32frombits(uint32(key >> 16)))
		apart := x > 0 && ago-last > sameEnd*float64(long[i])
		last = ago
		for k := range active {
			if apart {
				square[k] += together[k] * together[k]
				together[k] = 0
			}
			w := float64(weight[i][k])
			together[k] += w
			sum[k] += w
		}
	}
	for k := range active {
		l := &likenesses[k]
		leans := base
		if l.leansOn != basis {
			leans = all[l.leansOn]
		}
		all[k], known[k] = leans, true
		square[k] += together[k] * together[k]
		if !(sum[k] > 0) {
			continue
		}
		number := sum[k] * sum[k] / square[k]
		own[k] = number / (number + leaning)
		all[k] = d.survive(bySize[:n], &weight, k, number, number/sum[k], &leans, end)
	}
	return all, known, own
}

// place returns between which of the shares one lies, number j and the one before it, and how far from that one to j; the share before the first is 1.
func place(share float64) (j int, part float64) {
	above := 1.0
	for j, s := range shares {
		if share >= s-1e-9 { // by rounding
			return j, math.Min(1, (above-share)/(above-s))
		}
		above = s
	}
	return nShares - 1, 1
}

// outcome returns the place of the time that drain i took to a share, or the least that it will be for one that still runs, and the time itself in seconds. Between two shares
// the place is taken in proportion, before the first one the time.
func (d *drains) outcome(i, j int, part, log, perUnit float64) (s float64, running bool, t float64) {
	c := d.took[i][j]
	if running = c == 0; running {
		t = d.upTo - d.start[i]
		s = math.Log2(1 + t*perUnit)
	} else {
		t, s = d.unit*unpackTime(c), placeOfTime(c, log)
	}
	switch {
	case part == 1:
	case j == 0:
		t *= part
		s = math.Log2(1 + part*(math.Exp2(s)-1))
	case d.took[i][j-1] != 0:
		before := placeOfTime(d.took[i][j-1], log)
		s = before + (s-before)*part
	}
	return s, running, t
}

// between returns the value for a share of one that is known for the shares: in proportion between two of them, and that of the first before it.
func between(j int, part float64, at func(j int) float64) float64 {
	a := at(j)
	if part < 1 && j > 0 {
		before := at(j - 1)
		a = before + (a-before)*part
	}
	return a
}

// inverse returns 1/width², 0 for a width of 0.
func inverse(width float64) float64 {
	if width == 0 {
		return 0
	}
	return 1 / (width * width)
}

// bell returns exp(-e/2) for 0 <= e < farthest, right to a thousandth, from a table.
func bell(e float64) float32 {
	x := e * bellSteps
	i := int(x)
	return bells[i] + float32(x-float64(i))*(bells[i+1]-bells[i])
}

const bellSteps = 32

var bells = func() (b [farthest*bellSteps + 2]float32) {
	for i := range b {
		b[i] = float32(math.Exp(-float64(i) / bellSteps / 2))
	}
	return b
}()

// around returns the distance on a circle.
func around(x, turn float64) float64 {
	x = math.Abs(x)
	return math.Min(x, turn-x)
}

// survive returns the knots of the time to fall as the drains in the order of their times and a law tell it together: the product-limit estimate with as many
// drains more as leaning says, that take as long as the law has it (Susarla & Van Ryzin 1976, the posterior mean for a Dirichlet process). Drains that still
// run count until now, and what becomes of them is as the others and the law have it from there on. each is what a weight of 1 counts.
//
//	S(b) = S(a)·(c·S₀(b) + N)/(c·S₀(a) + N)   while N drains are at risk        S → S·(1 - w/(c·S₀ + N))   where one of weight w ends
func (d *drains) survive(order []uint64, weight *[mostDrains][nLike]float32, which int, number, each float64, law *knots, end float64) (k knots) {
	const c = leaning
	var level, from int // the next level, and where the law's quantiles are past the last drain
	risk, survival, before := number, 1.0, 0.0
	since := c + risk // c·S₀ + N just after the last drain
	// until returns where the survival falls to that of the next level, while nothing ends.
	until := func() float64 {
		left := ((1-quantileLevels[level])/survival*since - risk) / c // S₀ there
		switch {
		case !(left > 0):
			return end
		case left >= 1:
			return before
		}
		return math.Max(before, law.at(1-left, end))
	}
	for _, key := range order {
		w := float64(weight[key&0x7fff][which]) * each
		if w == 0 {
			continue
		}
		s := math.Min(end, float64(math.Float32frombits(uint32(key>>16))))
		at := c*(1-law.cdfFrom(s, end, &from)) + risk
		for survival*at <= (1-quantileLevels[level])*since {
			k[level] = math.Min(s, until())
			if level++; level == levels {
				return k
			}
		}
		survival *= at / since
		before = s
		if key&(1<<15) == 0 {
			survival *= math.Max(0, 1-w/at)
		}
		risk = math.Max(0, risk-w)
		since = math.Max(at-w, 1e-12)
		for survival <= 1-quantileLevels[level] { // not before this drain
			k[level] = s
			if level++; level == levels {
				return k
			}
		}
	}
	for ; level < levels; level++ {
		k[level] = until()
	}
	return k
}
