package forecast

import "math"

// erfcx returns exp(x*x)*erfc(x), the scaled complementary error function, for x >= -1/2; erfcx(+Inf) is 0.
//
// With w = 3/(3+x) the ratio erfcx(x)/w is smooth down to w = 0 (x = +Inf), so 20 pieces of width 1/16 in w, each a polynomial of
// degree 9, cover the half-line without an asymptotic series: truncation below 3e-19, measured error 4e-16 relative.
func erfcx(x float64) float64 {
	w := 3 / (3 + x)
	y := 16 * w
	k := uint(int(y))
	if k >= uint(len(erfcxTable)) {
		return math.NaN()
	}
	c := &erfcxTable[k]
	z := y - (float64(k) + 0.5)
	// Estrin's scheme: a Horner chain of nine dependent additions would take twice as long.
	z2 := z * z
	z4 := z2 * z2
	p01 := math.FMA(c[1], z, c[0])
	p23 := math.FMA(c[3], z, c[2])
	p45 := math.FMA(c[5], z, c[4])
	p67 := math.FMA(c[7], z, c[6])
	p89 := math.FMA(c[9], z, c[8])
	p03 := math.FMA(p23, z2, p01)
	p47 := math.FMA(p67, z2, p45)
	return w * math.FMA(math.FMA(p89, z4, p47), z4, p03)
}

// erfcxSlope returns -erfcx'(x) for x >= -1/2, positive. It differentiates the polynomials of erfcx, because the identity
// 2/sqrt(pi) - 2*x*erfcx(x) loses 2*x*x times the rounding error by cancellation. Measured error 1e-15 relative.
func erfcxSlope(x float64) float64 {
	w := 3 / (3 + x)
	y := 16 * w
	k := uint(int(y))
	if k >= uint(len(erfcxTable)) {
		return math.NaN()
	}
	c := &erfcxTable[k]
	z := y - (float64(k) + 0.5)
	p, dp := c[9], 0.0
	for j := 8; j >= 0; j-- {
		dp = math.FMA(dp, z, p)
		p = math.FMA(p, z, c[j])
	}
	// dw/dx = -w*w/3 and dP/dw = 16*dP/dz.
	return w * (w / 3) * math.FMA(y, dp, p)
}

// erfcxDrop returns erfcx(y) - erfcx(y+delta) for y >= -1/2, delta >= 0, without cancellation.
//
// From delta = max(1,y)/2 on, the difference keeps at least a third of the larger term (a quarter for y < 0) and is taken as it
// stands. Below, the positive integrand -erfcx' is integrated by the Gauss-Legendre rule of eight nodes: its singularity in terms of
// the half-length, as for 1/u^2 on [y, 1.5y], is at 5, so the error is about (5+sqrt(24))^-16 = 1e-16.
func erfcxDrop(y, delta float64) float64 {
	if !(delta < 0.5*math.Max(1, y)) {
		return erfcx(y) - erfcx(y+delta)
	}
	sum := 0.0
	for i, w := range gaussWeight {
		h := delta * gaussNode[i]
		sum += w * (erfcxSlope(y+h) + erfcxSlope(y+(delta-h)))
	}
	return delta * sum
}

// Gauss-Legendre rule of eight nodes on [0, 1]; the other four nodes are 1-gaussNode (testdata/first_passage.py gauss).
var gaussNode = [4]float64{0.019855071751231884, 0.10166676129318664, 0.2372337950418355, 0.4082826787521751}
var gaussWeight = [4]float64{0.05061426814518813, 0.11119051722668724, 0.15685332293894363, 0.18134189168918099}

// erfcxTable holds the coefficients of erfcx(x)/w in z, 16*w = k + 1/2 + z, lowest power first: interpolation at Chebyshev nodes in
// 60 digits, written by testdata/first_passage.py erfcx.
var erfcxTable = [20][10]float64{
	{0.19411852845330965, 0.012477453328096268, 0.0007542246001500968, 4.236959439387235e-05, 2.172852406724655e-06,
		9.87220996325173e-08, 3.743436840078223e-09, 1.0031150588037215e-10, 3.3628233699088557e-13, -1.5857539148590704e-13},
	{0.207394851394377, 0.014122219495706266, 0.0008954159802547429, 5.212660922780716e-05, 2.726127107030049e-06,
		1.2328575465151981e-07, 4.4396121283240745e-09, 9.602364463135446e-11, -1.5972143095126638e-12, -2.745200397307588e-13},
	{0.2224674674261853, 0.016080979515618612, 0.001069453983833845, 6.4356014678157e-05, 3.4123624026269826e-06,
		1.5181318420578217e-07, 5.041607776266071e-09, 7.194125119570088e-11, -4.61896062951412e-12, -3.9412840707018153e-13},
	{0.2396858262244336, 0.018427394755530437, 0.0012845913251927433, 7.962665358522492e-05, 4.249195732042915e-06,
		1.8326315164891793e-07, 5.380921698052243e-09, 1.9742415760238946e-11, -8.549426890192981e-12, -4.661799879496965e-13},
	{0.2594818768092734, 0.02125340281648569, 0.001550879964067752, 9.856385941897679e-05, 5.246258941450342e-06,
		2.1542562263728048e-07, 5.240529333073985e-09, -6.538631010598857e-11, -1.266811898851058e-11, -4.257070601451191e-13},
	{0.28239019029586565, 0.024672947367128543, 0.0018802802173869745, 0.00012180492948897047, 6.398768389677318e-06,
		2.447357212610295e-07, 4.3951898712224435e-09, -1.802705205394216e-10, -1.5732087270750512e-11, -2.28454770837609e-13},
	{0.30907187051295437, 0.028825766324035208, 0.0022865966677108195, 0.000149928056981604, 7.680940333006826e-06,
		2.664179196604557e-07, 2.67945198812911e-09, -3.1078769673392746e-10, -1.6344164756046106e-11, 1.1061224126390216e-13},
	{0.34034211127238495, 0.03388081345299819, 0.0027851638725889384, 0.00018335780643871983, 9.04122059929438e-06,
		2.7507532636680744e-07, 6.318532765945011e-11, -4.3301190899126143e-10, -1.3565942275717003e-11, 5.062631491332341e-13},
	{0.377200762317469, 0.04003875212079536, 0.003392226862777335, 0.00022225883649587325, 1.0401510022731323e-05,
		2.6567333134859803e-07, -3.2981699986421173e-09, -5.191656895808458e-10, -7.435875718258617e-12, 8.349200726377536e-13},
	{0.42086466349696694, 0.047532893287569884, 0.004124008613232577, 0.0002664371314700969, 1.1661821888494466e-05,
		2.3467553385744365e-07, -7.0661820474200166e-09, -5.461898592044263e-10, 9.346301887556952e-13, 9.91097376695569e-13},
	{0.47279989141621714, 0.05662799636966007, 0.004995520293518346, 0.00031527086986514165, 1.2710280800087225e-05,
		1.8098597151923705e-07, -1.0779959535940956e-08, -5.03080989127534e-10, 9.745975767092578e-12, 9.321052788390036e-13},
	{0.5347515589436609, 0.06761652750427874, 0.006019232489442425, 0.0003676892682115905, 1.3436699943745931e-05,
		1.0640057088447907e-07, -1.395412604803679e-08, -3.939134259825675e-10, 1.7146541489451936e-11, 6.875183455399538e-13},
	{0.6087685369758867, 0.08081225275145086, 0.007203767419273988, 0.00042220821930960393, 1.3746885322458297e-05,
		1.5443305532583287e-08, -1.618004409163535e-08, -2.3584520522700355e-10, 2.179732872465133e-11, 3.361444261349217e-13},
	{0.6972205113007747, 0.09654137845175215, 0.008552780790105859, 0.00047701958379743327, 1.3574708480049864e-05,
		-8.533484560610922e-08, -1.719958861541693e-08, -5.365228099068849e-11, 2.3153896212192958e-11, -3.0158594664705484e-14},
	{0.8028051622699304, 0.11513176755471428, 0.010064175969619213, 0.0005301204907795523, 1.2889773896464273e-05,
		-1.8837355662266305e-07, -1.6935782305155643e-08, 1.2671357266393677e-10, 2.1438458756866536e-11, -3.3669797518970463e-13},
	{0.9285439108974038, 0.13690099763472893, 0.011729741561445718, 0.0005794627402372996, 1.1699758503620179e-05,
		-2.8617441121192403e-07, -1.5481387452171915e-08, 2.834191862506679e-10, 1.7405839470142864e-11, -5.409430156780526e-13},
	{1.077765511236798, 0.16214414637019992, 0.013535240787549831, 0.000623101250178432, 1.004773334064772e-05,
		-3.7220717782320067e-07, -1.3057945955776611e-08, 4.0181186903340915e-10, 1.2043217782870037e-11, -6.329238727576941e-13},
	{1.2540776625261636, 0.1911221861489481, 0.015460921749551352, 0.0006593236372738362, 8.00565452072786e-06,
		-4.4152264755799097e-07, -9.961616668246512e-09, 4.751866549639677e-10, 6.3111777737717896e-12, -6.267384393745512e-13},
	{1.4613276487130673, 0.22405175916620373, 0.017482372071001805, 0.0006867487293440196, 5.665612325383092e-06,
		-4.910377145601117e-07, -6.510093984461362e-09, 5.038353030694606e-10, 9.774949680704042e-13, -5.493223671725418e-13},
	{1.7035536972484024, 0.261096921226189, 0.01957161449288202, 0.0007043882433952899, 3.130407607836182e-06,
		-5.195298404126063e-07, -2.999903765160861e-09, 4.931621483395781e-10, -3.4523443030867346e-12, -4.306646989716244e-13},
}

// passage is what the law is at one instant, free of units:
//
//	x1 = (a-mt)/sqrt(2v)   delta = sqrt(2v) a/(sigma^2 t)   x2 = delta - x1   q = x1^2   e = x2^2 - x1^2
//
// so that CDF = exp(-q)/2 (erfcx(x1) + erfcx(x2)): of the textbook formula's two terms the second is a huge number times a tiny one
// whose exponents cancel exactly. ratio is a/sqrt(v), slope is d log f/d log t.
type passage struct {
	x1, x2, q, delta, e, ratio, slope float64
}

func (k *passage) cdf() float64 {
	switch {
	case k.x1 <= 0:
		return 1 - 0.5*math.Exp(-k.q)*(erfcx(-k.x1)-erfcx(k.x2))
	case k.x2 >= 0:
		return 0.5 * math.Exp(-k.q) * (erfcx(k.x1) + erfcx(k.x2))
	}
	// erfc(x2) = 2 - erfc(-x2), and exp(e) is at least twice what is taken off it.
	return math.Exp(k.e) + 0.5*math.Exp(-k.q)*(erfcx(k.x1)-erfcx(-k.x2))
}

// survival adds positive terms only, but for the last case, where it is at least 0.19.
func (k *passage) survival() float64 {
	switch {
	case k.x1 <= 0 || k.x2 >= 0 && k.delta < 0.5:
		return 0.5 * math.Exp(-k.q) * erfcxDrop(-k.x1, k.delta)
	case k.x2 < 0:
		return 0.5*math.Exp(-k.q)*erfcxDrop(-k.x2, k.delta) - math.Expm1(k.e)
	}
	return 1 - 0.5*math.Exp(-k.q)*(erfcx(k.x1)+erfcx(k.x2))
}

func (k *passage) logCDF() float64 {
	c := k.cdf()
	switch {
	case c > 0.5:
		return math.Log1p(-k.survival())
	case k.x1 <= 0:
		return math.Log(c) // 1/2, and NaN
	case k.x2 >= 0:
		return math.Log(0.5*(erfcx(k.x1)+erfcx(k.x2))) - k.q
	}
	return k.e + math.Log1p(-0.5*math.Exp(-k.x2*k.x2)*(erfcx(-k.x2)-erfcx(k.x1)))
}

// logSurvival reports false where a factor of the survival leaves the range of a float64.
func (k *passage) logSurvival() (float64, bool) {
	if c := k.cdf(); c <= 0.5 {
		return math.Log1p(-c), true
	}
	const tiny = 1e-290
	if k.x1 <= 0 || k.x2 >= 0 && k.delta < 0.5 {
		if math.IsInf(k.q, 1) {
			return math.Inf(-1), true
		}
		drop := erfcxDrop(-k.x1, k.delta)
		return math.Log(0.5*drop) - k.q, !(drop < tiny)
	}
	s := k.survival()
	return math.Log(s), !(s < tiny)
}

// tinyLogSurvival is log P(T > t) for delta near or below the smallest float64, where erfcx(y)-erfcx(y+delta) = -delta*erfcx'(y).
func (f FirstPassage) tinyLogSurvival(t float64) float64 {
	k, s := f.at(t), f.split(t)
	if k.x1 > 0 && k.x2 < 0 {
		near := math.Log(0.5*erfcxSlope(k.x1)) + s.delta.log() - k.q
		far := s.e.log() // of its absolute value
		hi, lo := math.Max(near, far), math.Min(near, far)
		return hi + math.Log1p(math.Exp(lo-hi))
	}
	y := -k.x1
	slope := -0.5*math.Log(math.Pi) - 2*math.Log(y) // where the asymptote is exact and erfcxSlope may underflow
	if y < 1e9 {
		slope = math.Log(erfcxSlope(y))
	}
	return slope + s.delta.log() - math.Ln2 - k.q
}

// split holds the quantities of a passage as fraction and exponent.
type split struct {
	x1, x2, delta, e, ratio wide
	slope                   float64
}

// split computes the passage for a > 0 and 0 < t <= +Inf, not both tau and sigma 0.
func (f FirstPassage) split(t float64) (s split) {
	a, m, tau, sigma := widen(f.Distance), widen(f.Drift), widen(f.DriftSD), widen(f.Volatility)
	root2 := widen(math.Sqrt2)
	var scale, grow wide // sqrt(v) or, at t = +Inf, sqrt(v)/t; v/(sigma^2 t) likewise
	if math.IsInf(t, 1) {
		if f.DriftSD == 0 { // m < 0: the limit has x1 = +Inf, x2 = -Inf
			s.e = m.times(a).times(widen(2)).over(sigma.times(sigma))
			s.x1, s.x2 = wide{0.5, 1 << 20}, wide{-0.5, 1 << 20}
			return s
		}
		scale = widen(math.Abs(f.DriftSD))
		s.x1 = widen(-f.Drift).over(scale)
		grow = scale.times(scale)
	} else {
		wt := widen(t)
		v1 := tau.times(tau).times(wt).plus(sigma.times(sigma))
		scale = v1.times(wt).sqrt()
		grow = v1
		// a - mt: the product's rounding error is taken off as well.
		p := m.f * wt.f
		d := a.plus(wide{-p, m.e + wt.e}.norm()).plus(wide{-math.FMA(m.f, wt.f, -p), m.e + wt.e}.norm())
		s.x1 = d.over(scale)
		s.ratio = a.over(scale)
	}
	s.x1 = s.x1.over(root2)
	if sigma.f == 0 {
		s.x2, s.delta, s.e = wide{0.5, 1 << 20}, wide{0.5, 1 << 20}, wide{0.5, 1 << 20}
		s.slope = root2.times(s.ratio).times(s.x1).float() - 2
		return s
	}
	grow = grow.over(sigma.times(sigma))
	s.delta = root2.times(a).over(scale).times(grow)
	s.x2 = s.delta.plus(s.x1.negative())
	b := a.over(sigma.times(sigma))
	s.e = tau.times(tau).times(b).plus(m).times(b).times(widen(2))
	s.slope = widen(0.5).plus(s.x1.times(s.x2)).over(grow).float() - 2
	return s
}

// wide is the number f*2^e with f zero or in [1/2, 1): a float64 whose range no product of a few float64 leaves.
type wide struct {
	f float64
	e int
}

func widen(x float64) wide { return wide{x, 0}.norm() }

func (x wide) norm() wide {
	f, e := math.Frexp(x.f)
	if f == 0 {
		return wide{}
	}
	return wide{f, x.e + e}
}

func (x wide) negative() wide    { return wide{-x.f, x.e} }
func (x wide) times(y wide) wide { return wide{x.f * y.f, x.e + y.e}.norm() }
func (x wide) over(y wide) wide  { return wide{x.f / y.f, x.e - y.e}.norm() }

// log is also for x below the normal floats, where math.Log of go1.26 is wrong on amd64 (by 11 for 1e-313).
func (x wide) log() float64   { return math.Log(math.Abs(x.f)) + float64(x.e)*math.Ln2 }
func (x wide) float() float64 { return math.Ldexp(x.f, max(min(x.e, 3000), -3000)) }

func (x wide) plus(y wide) wide {
	if x.f == 0 || y.f != 0 && y.e > x.e {
		x, y = y, x
	}
	return wide{x.f + math.Ldexp(y.f, max(y.e-x.e, -3000)), x.e}.norm()
}

func (x wide) sqrt() wide {
	if x.e%2 != 0 {
		x.f, x.e = x.f/2, x.e+1
	}
	return wide{math.Sqrt(x.f), x.e / 2}.norm()
}
