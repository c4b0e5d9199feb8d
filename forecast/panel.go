package forecast

import "math"

// Panel forecasts how long a level takes to fall by a distance, from several forecasters that know different things, weighted by the record of each. It is
// what package drain forecasts with.
//
// A panel observes a total as the other forecasters do, and takes it for what remains with its sign changed: Total is minus the level, and the level is
// never below zero.
//
// The members, each of which has a file of its own:
//
//	Rates      Drifts: the rate holds, or one between it and what it was
//	Symmetry   Reversal: as long down as it took up
//	Level      how earlier drains went from like levels (Kaplan-Meier; see drains)
//	Likeness   from like levels, after a like time, at a like speed and time of day
//	Speed      the same, more narrowly, by the speed over the last 32 observations
//	Daytime    the same, more narrowly, by time of day
//	Weekday    the same, by time of day and day of week
//
// Each gives nine quantiles as places on a LogScale whose unit is the usual distance of two observations. Never, which is past 4096 of them or past ten times what a steady
// fall takes, is one outcome, of which the panel's probability is the weighted mean of the members'; the quantiles of what is not never are weighted means of theirs, level by
// level (quantile averaging: Vincent 1912; Lichtendahl, Grushka-Cockayne & Winkler 2013), which keep the shape that the members agree on, where a mixture of
// laws would be wider than each:
//
//	s(p) = Σ wᵢ(p)·κᵢ·sᵢ(p) / Σ wᵢ(p)·κᵢ        κᵢ = c²/(c² + dᵢ²)        c = 0.2
//
// where dᵢ is by how many factors of two a member's quartiles are apart: κ is its own confidence, an inverse variance, so that one that is sure counts more, for
// this question. The weights w follow the record: see judge. Then the whole is recalibrated on its own record: see recalibration. While next to nothing
// was judged it is wider.
//
// A Panel is streaming, of fixed memory, and Observe does not allocate once the first observation is there. The zero Panel has seen nothing and is ready for use.
// Panels must not be copied; see LookAhead.
//
// Sources: S. B. Vincent, The functions of the vibrissae in the behavior of the white rat (1912); K. C. Lichtendahl, Y. Grushka-Cockayne, R. L. Winkler, Is it
// better to average probabilities or quantiles?, Management Science 59 (2013).
type Panel struct {
	options PanelOptions
	drifts  Drifts
	pace    pace
	first   float64
	last    Observation
	n       int
	past    *past // nil: there is no record, and no need of it
	frozen  bool
	record  *record
}

// past is what a record and Symmetry need to know of the last observations.
type past struct {
	stairs  stairs
	heights [ringSize]float32
}

// PanelOptions say how much a panel remembers and what it may know. The zero value is the default.
type PanelOptions struct {
	// Memories is how many memory lengths Rates has, of 8, 16, … samples, up to 8; 0 is 8.
	Memories int
	// Drains is how many earlier drains are remembered, up to 250; 0 is 144, and a negative number is none: then Rates and Symmetry are the only members,
	// and nothing is judged.
	Drains int
	// RatesAlone leaves Symmetry out as well.
	RatesAlone bool
	// Pending is how many instants of which the outcome is still open are remembered to judge the forecasts made then; 0 is 8, and a negative number is
	// none: the members' weights stay as they are, and nothing is recalibrated.
	Pending int
	// Local returns the local time for the time of an observation, as seconds since a Monday at midnight: what tells day and week apart. Without it no time of
	// day is looked at.
	Local func(time float64) float64
}

const (
	defaultDrains  = 144
	defaultPending = 8
	// horizonUnits is how far ahead the record looks, in usual distances of observations.
	horizonUnits = 4096
	// ringSize is how many heights are kept, for the longest lag.
	ringSize = 33
	// halfFactor is c of the confidence. On recorded queues 0.1, 0.5 and 1 scored the same within 0.003 and gave bounds that were too wide; drains at a steady
	// rate want it low.
	halfFactor = 0.2
)

// Member is one of the forecasters of a Panel.
type Member int8

// The members.
const (
	Rates Member = iota
	Symmetry
	Level
	Likeness
	Speed
	Daytime
	Weekday
)

const members = int(Weekday) + 1

// Shares are what each Member has in a forecast; they sum to 1.
type Shares [members]float64

// record is what a panel has learnt; its copies share it.
type record struct {
	drains drains
	judge  judge
}

// NewPanel returns a panel with other options than the default.
func NewPanel(o PanelOptions) *Panel { return &Panel{options: o} }

// LookAhead makes this panel one that looks ahead of another at observations which may still change: it goes on from there, shares the record and leaves it alone.
func (p *Panel) LookAhead(of *Panel) {
	drifts, own := p.drifts, p.past
	drifts.CopyFrom(&of.drifts)
	*p = *of
	p.drifts, p.frozen = drifts, true
	if of.past != nil {
		if own == nil {
			own = &past{}
		}
		*own = *of.past
		p.past = own
	}
}

// Trend returns the trend of the total, for reading.
func (p *Panel) Trend() *Trend { return p.drifts.Trend() }

// Rates returns the rates that the panel remembers, for reading.
func (p *Panel) Rates() *Drifts { return &p.drifts }

// Observe takes one observation.
func (p *Panel) Observe(o Observation) {
	level := math.Max(0, -o.Total)
	if p.n == 0 {
		p.first = o.Time
	}
	if p.n == 0 {
		if p.options.Memories > 0 {
			p.drifts = NewDrifts(p.options.Memories, 2)
		}
		if !p.options.RatesAlone {
			p.past = &past{}
		}
	}
	if p.record == nil && p.past != nil && p.options.Drains >= 0 && !p.frozen {
		p.record = newRecord(p.options)
	}
	p.drifts.Observe(o)
	p.pace.see(o.Time)
	if p.past != nil {
		p.past.stairs.see(o.Time, level)
		p.past.heights[p.n%ringSize] = float32(math.Log2(1 + level))
	}
	p.n++
	p.last = o
	if p.frozen || p.record == nil {
		return
	}
	p.record.drains.pass(o.Time, level)
	if d := &p.record.drains; p.n > 2 && d.due(level, packHeight(p.height(0))) {
		now := p.now()
		d.admit(&now, p.pace.mean, p.age)
	}
	p.record.judge.pass(o.Time, level, p.scale())
	p.layAside()
}

func newRecord(o PanelOptions) *record {
	pick := func(n, standard int) int {
		if n == 0 {
			return standard
		}
		return max(n, 0)
	}
	return &record{drains: newDrains(pick(o.Drains, defaultDrains)), judge: newJudge(pick(o.Pending, defaultPending))}
}

// scale is that of the record: from the usual distance of observations to what the record looks ahead.
func (p *Panel) scale() LogScale {
	return LogScale{Unit: p.pace.mean, Horizon: horizonUnits * p.pace.mean}
}

// height returns log2(1 + level), some observations ago.
func (p *Panel) height(ago int) float64 {
	return float64(p.past.heights[(p.n-1-min(ago, p.n-1))%ringSize])
}

// now is the present instant.
func (p *Panel) now() instant {
	i := instant{time: p.last.Time, level: math.Max(0, -p.last.Total), height: p.height(0), week: math.NaN()}
	for l, lag := range lags {
		i.moved[l] = i.height - p.height(lag)
	}
	if p.options.Local != nil {
		_, i.week = math.Modf(p.options.Local(p.last.Time) / (7 * day))
	}
	return i
}

// age returns the place of the time for which the level has been above a height; twice as long as is known where it never was at or below it.
func (p *Panel) age(height float64) float64 {
	scale := p.scale()
	if since, ok := p.past.stairs.since(height); ok {
		return scale.Of(p.last.Time - since)
	}
	return scale.Of(2 * (p.last.Time - p.first))
}

// periodic says which of day and week the observations tell apart: eight in a day, over two days, and over fifteen.
func (p *Panel) periodic() [2]bool {
	span := p.last.Time - p.first
	known := p.options.Local != nil && p.pace.mean < day/8
	return [2]bool{known && span > 2*day, known && span > 15*day}
}

// PanelForecast is what a panel says of a time.
type PanelForecast struct {
	// Law of the time in seconds from the last observation on; nil where too little was observed.
	Law Distribution
	// Horizon in seconds, past which nothing is known: what the law says is never is not before it.
	Horizon float64
	// Shares are what each member has in the median; what a record takes from others where it is thin counts for those.
	Shares Shares
}

// views are what the members say.
type views struct {
	knots [members]knots
	known [members]bool
	doubt [members]float64
	own   [nLike]float64 // the share of each likeness that is of its own record
	base  Shares         // those in what a record leans on
}

// trace gives what a record takes from others, where it is thin, to those.
func (v *views) trace(s Shares) Shares {
	for k := nLike - 1; k >= 0; k-- {
		m := Level + Member(k)
		leans := s[m] * (1 - v.own[k])
		s[m] -= leans
		if on := likenesses[k].leansOn; on != basis {
			s[Level+Member(on)] += leans
			continue
		}
		for b, share := range v.base {
			s[b] += leans * share
		}
	}
	return s
}

// Forecast returns the law of the time until the level has fallen by distance, as do the other forecasters.
func (p *Panel) Forecast(distance float64) Distribution { return p.Predict(distance).Law }

// Predict returns the law of the time until the level has fallen by distance, with what went into it.
func (p *Panel) Predict(distance float64) PanelForecast {
	if p.n < 3 || !(distance > 0) {
		return PanelForecast{}
	}
	scale := p.scale()
	// A steady fall that takes longer than the record looks ahead is forecast all the same.
	if r, ok := p.drifts.Trend().Rate(); ok && r.Mean > 2*r.SD {
		scale.Horizon = math.Min(forever, math.Max(scale.Horizon, 10*distance/r.Mean))
	}
	v := p.ask(distance, scale)
	level := -p.last.Total
	if near := level * (1 - shares[0]); distance < near {
		// The nearer the target, the more is chance. The members are as sure of themselves as they are for the first of the shares, so that a target is not forecast in
		// another way than those close by.
		first := p.ask(near, scale)
		for m := range members {
			if first.known[m] {
				v.doubt[m] = first.doubt[m]
			}
		}
	}
	k, weights := p.judge().pool(&v, scale.Of(math.Inf(1)))
	if p.options.Drains >= 0 && p.options.Pending >= 0 { // without a record nothing would ever end the caution
		k = p.judge().outcomes.cautious(k, scale.Of(math.Inf(1)))
	}
	k = p.judge().recalibrate(k, (level-distance)/level, scale.Of(math.Inf(1)))
	return PanelForecast{Law: newQuantileLaw(k, scale), Horizon: scale.Horizon, Shares: v.trace(weights)}
}

func (p *Panel) judge() *judge {
	if p.record == nil {
		return &judge{}
	}
	return &p.record.judge
}

// ask returns what the members say.
func (p *Panel) ask(distance float64, scale LogScale) (v views) {
	end := scale.Of(math.Inf(1))
	say := func(m Member, k knots) {
		v.knots[m], v.known[m], v.doubt[m] = k, true, doubt(k[first4], k[third4], end)
	}
	if laws := p.drifts.passages(distance); laws.n > 0 {
		say(Rates, laws.knots(scale))
	}
	if p.past == nil {
		return v
	}
	level := -p.last.Total
	age := p.age(level - distance)
	if _, ok := p.past.stairs.since(level - distance); ok {
		say(Symmetry, reversalKnots(age, end))
	}
	if p.record == nil {
		return v
	}
	var base knots
	base, v.base = (&judge{}).pool(&v, end)
	now := p.now()
	var all [nLike]knots
	var known [nLike]bool
	all, known, v.own = p.record.drains.forecast(&now, math.Max(0, (level-distance)/level), p.age, base, scale, p.periodic())
	for i := range all {
		if known[i] {
			say(Level+Member(i), all[i])
		}
	}
	return v
}

// layAside lays forecasts of the present aside, to be judged when their outcome is known, where it is time to.
func (p *Panel) layAside() {
	j := &p.record.judge
	level := -p.last.Total
	if !j.due(p.n) || level < leastAsked || p.record.drains.rank(p.height(0)) < judgedFrom {
		return
	}
	scale := p.scale()
	for _, share := range j.turn() {
		v := p.ask(level*(1-share), scale)
		j.lay(&v, p.last.Time, level, share, scale)
	}
	j.laid(p.n)
}

// Record returns how the forecasts laid aside turned out.
func (p *Panel) Record() Record { return p.judge().history() }
