package forecast

import (
	"math"
	"slices"
)

// CRPS returns the loss of a whole law, the continuous ranked probability score of a time that is known up to the horizon of a scale:
//
//	∫ (F(t) - 1{y <= t})² ds(t)    over t from 0 to the horizon
//
// where:
//
//	F  the CDF of the law that was forecast
//	y  the outcome in seconds; +Inf, or any time past the horizon, is "not by then"
//	s  the scale, such as LogScale{Unit: 60, Horizon: 86400}: the loss is in its unit
//
// The range is 0 to s(horizon). It is proper, as only min(T, horizon) matters; and for a forecast that is sure of q it is the absolute error
// |s(q) - s(y)|.
//
// It is computed to 1e-7 of s(horizon), for laws with jumps too; that takes some 300 values of the CDF where it is smooth, and up to 500 more for each jump.
//
// Special cases: 0 where law and outcome are both never, or both past the horizon for sure; NaN for a nil law, an outcome that is NaN or negative, and a scale that is out
// of range or has no finite horizon.
//
// Sources: Matheson & Winkler, Scoring rules for continuous probability distributions, Management Science 22 (1976), doi:10.1287/mnsc.22.10.1087; Gneiting & Ranjan, Comparing
// density forecasts using threshold- and quantile-weighted scoring rules, Journal of Business & Economic Statistics 29 (2011), doi:10.1198/jbes.2010.08110 (the weight
// ds/dt); Avati et al., Countdown regression: sharp and calibrated survival predictions, UAI 2019 (the same up to a time of
// censoring).
func CRPS(law Distribution, outcome float64, on Scale) float64 {
	if law == nil || on == nil {
		return math.NaN()
	}
	end, at := on.Of(math.Inf(1)), on.Of(outcome)
	if !(end > 0 && end <= math.MaxFloat64) || math.IsNaN(at) {
		return math.NaN()
	}
	if m, ok := law.(interface{ Prepare() Distribution }); ok {
		law = m.Prepare()
	}
	// Between the outcome and some quantiles: none of the panels hides a step of the CDF that is higher than two neighbouring levels are apart.
	panels := []float64{0, at, end}
	for _, p := range crpsLevels {
		if s := on.Of(law.Quantile(p)); s > 0 && s < end { // so that a law may also be wrong about its quantiles
			panels = append(panels, s)
		}
	}
	slices.Sort(panels)
	q := &quadrature{end: end, left: crpsPanels}
	sum := 0.0
	for i, from := range panels[:len(panels)-1] {
		g := func(s float64) float64 { f := law.CDF(on.Time(s)); return f * f }
		if from >= at {
			g = func(s float64) float64 { f := law.Survival(on.Time(s)); return f * f }
		}
		sum += q.integrate(g, from, panels[i+1])
	}
	return sum
}

// crpsLevels are where a law is looked at first: more of them would cost more than they save.
var crpsLevels = [...]float64{0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999}

const (
	// crpsError is the error allowed in each panel, as a share of its width, or of crpsShare of the scale where that is more: what the parts of a steep rise add is small. The
	// estimate of it is ten times too large and more, so that the sum is within 1e-7 of the scale.
	crpsError = 1e-8
	crpsShare = 1e-4
	// crpsWidth, as a share of the scale, is how wide a panel may be that holds a step of the CDF. The squares of F and of 1 - F do not fall and do not rise, so the errors of all such
	// panels together are below this width times two.
	crpsWidth = 1e-8
	// crpsPanels is an end for a CDF that is none, such as one that is noise. A law with a thousand jumps takes some 30 000.
	crpsPanels = 100_000
)

// quadrature integrates over parts of a scale.
type quadrature struct {
	end  float64 // the length of the scale
	left int     // panels that may still be taken
}

// integrate halves a panel until what two rules make of it agrees, and its ends are where the points of the rules lead to: a step of the CDF just inside an end lies between
// none of them.
func (q *quadrature) integrate(g func(float64) float64, from, to float64) float64 {
	if !(to > from) {
		return 0
	}
	q.left--
	k := kronrod(g, from, to)
	w := to - from
	if w <= crpsWidth*q.end || q.left < 0 || math.IsNaN(k.fine) {
		return k.fine
	}
	middle := from + w/2
	off := math.Max(math.Abs(g(middle-w/2*kronrodEdge)-k.first), math.Abs(g(middle+w/2*kronrodEdge)-k.last))
	if math.Max(math.Abs(k.fine-k.coarse), off*w*kronrodGap) <= crpsError*math.Max(w, crpsShare*q.end) {
		return k.fine
	}
	return q.integrate(g, from, middle) + q.integrate(g, middle, to)
}

// kronrodSum is what the points of the rules tell of an integral, by the rule of Gauss with 7 points (coarse) and that of Kronrod, which has 8 more (fine), and of the two
// ends, by the polynomial through all of them.
type kronrodSum struct{ fine, coarse, first, last float64 }

func kronrod(g func(float64) float64, from, to float64) (k kronrodSum) {
	middle, half := from+(to-from)/2, (to-from)/2
	for i, r := range kronrodRule {
		y := g(middle + half*r.x)
		k.fine += half * r.fine * y
		k.coarse += half * r.coarse * y
		k.last += kronrodEnd[i] * y
		k.first += kronrodEnd[len(kronrodEnd)-1-i] * y
	}
	return k
}

// kronrodRule has the points on [-1, 1] and their weights.
//
// Source: QUADPACK, Piessens et al. (1983), routine QK15; the test holds them against powers of x.
var kronrodRule = func() (rule [15]struct{ x, fine, coarse float64 }) {
	half := [8]struct{ x, fine, coarse float64 }{
		{0.991455371120812639206854697526329, 0.022935322010529224963732008058970, 0},
		{0.949107912342758524526189684047851, 0.063092092629978553290700663189204, 0.129484966168869693270611432679082},
		{0.864864423359769072789712788640926, 0.104790010322250183839876322541518, 0},
		{0.741531185599394439863864773280788, 0.140653259715525918745189590510238, 0.279705391489276667901467771423780},
		{0.586087235467691130294144838257730, 0.169004726639267902826583426598550, 0},
		{0.405845151377397166906606412076961, 0.190350578064785409913256402421014, 0.381830050505118944950369775488975},
		{0.207784955007898467600689403773245, 0.204432940075298892414161999234649, 0},
		{0, 0.209482141084727828012999174891714, 0.417959183673469387755102040816327},
	}
	for i, r := range half {
		rule[len(rule)-1-i] = r
		r.x = -r.x
		rule[i] = r
	}
	return rule
}()

// kronrodEdge is where an end is looked at: not quite there, as the panels begin and end at the steps that are known. A step in what is left out adds up to 1e-7/2 of a panel.
const kronrodEdge = 1 - 1e-7

// kronrodEnd has the weights with which values at the points of the rule make the value at kronrodEdge of the polynomial through them (Lagrange).
var kronrodEnd = func() (weights [len(kronrodRule)]float64) {
	for i := range weights {
		weights[i] = 1
		for j, r := range kronrodRule {
			if j != i {
				weights[i] *= (kronrodEdge - r.x) / (kronrodRule[i].x - r.x)
			}
		}
	}
	return weights
}()

// kronrodGap is the distance of an end to the point next to it, as a share of the panel.
const kronrodGap = (1 - 0.991455371120812639206854697526329) / 2
