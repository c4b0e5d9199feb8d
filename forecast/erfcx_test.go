package forecast

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Values from mpmath 1.2.1, mp.dps = 40, printed with nstr(.., 20): exp(x*x)*erfc(x) and 2/sqrt(pi) - 2*x*exp(x*x)*erfc(x); from x = 1000 on
// the first four terms of the asymptotic series, 1/(x*sqrt(pi))*(1-1/(2*x*x)+...) and its negative derivative.
func TestErfcx(t *testing.T) {
	for _, c := range []struct{ x, erfcx, slope float64 }{
		{-0.5, 1.9523604891825570933, 3.0807396562780696672},
		{-0.25, 1.3586423701047221152, 1.8077003521478736315},
		{0.0, 1.0, 1.1283791670955125739},
		{0.1, 0.89645697996912663666, 0.94908777110168723661},
		{0.5, 0.61569034419292587487, 0.51268882290258669903},
		{1.0, 0.42758357615580700441, 0.27321201478389856507},
		{2.0, 0.25539567631050574387, 0.10679646185348959844},
		{3.7, 0.14743499753718507247, 0.037360185320342985236},
		{5.0, 0.11070463773306862637, 0.021332789764826310194},
		{8.0, 0.069985166200880927723, 0.0086165078814177303321},
		{13.0, 0.043271921864609692663, 0.0033091986156605646533},
		{26.0, 0.021683584850562906616, 0.00083275486624142985516},
		{100.0, 0.0056416137829894329036, 0.000056410497625993184868},
		{1000.0, 0.0005641893014533876542, 5.6418873726549666885e-7},
		{100000000.0, 5.6418958354775625874e-9, 5.6418958354775620232e-17},
		{1e+150, 5.6418958354775629776e-151, 5.6418958354775630857e-301},
	} {
		assert.InEpsilon(t, c.erfcx, erfcx(c.x), 1e-15, "erfcx(%v)", c.x)
		assert.InEpsilon(t, c.slope, erfcxSlope(c.x), 4e-15, "erfcxSlope(%v)", c.x)
	}
	assert.Zero(t, erfcx(math.Inf(1)))
	assert.Zero(t, erfcxSlope(math.Inf(1)))
	assert.True(t, math.IsNaN(erfcx(math.NaN())))
	assert.True(t, math.IsNaN(erfcxSlope(math.NaN())))
}

// Against math.Erfc over the range where exp(x*x) is exact enough: each piece of the table and its ends.
func TestErfcxAgainstErfc(t *testing.T) {
	for x := 0.0; x < 5; x += 1.0 / 512 { // x*x is exact
		assert.InEpsilon(t, math.Exp(x*x)*math.Erfc(x), erfcx(x), 2e-15, "x = %v", x)
	}
}

// The integral and the plain difference agree where the method changes, up to what the latter loses.
func TestErfcxDrop(t *testing.T) {
	for _, y := range []float64{-0.49, -0.1, 0, 0.3, 1, 2, 7, 40} {
		limit := 0.5 * math.Max(1, y)
		for _, delta := range []float64{0.2 * limit, 0.9999 * limit} {
			want := math.FMA(-1, erfcx(y+delta), erfcx(y))
			assert.InEpsilon(t, want, erfcxDrop(y, delta), 1e-14, "y = %v, delta = %v", y, delta)
		}
		assert.InEpsilon(t, erfcxSlope(y)*1e-200, erfcxDrop(y, 1e-200), 2e-15)
	}
}

func TestWide(t *testing.T) {
	for _, x := range []float64{1, -3, 5e-324, 1e-310, math.MaxFloat64, 0} {
		assert.Equal(t, x, widen(x).float())
		assert.Equal(t, x, widen(x).times(widen(1e300)).times(widen(1e300)).over(widen(1e300)).over(widen(1e300)).float())
	}
	assert.Equal(t, 1e-160, widen(1e-320).plus(widen(1e-160)).float())
	assert.InEpsilon(t, 1e100, widen(1e200).sqrt().float(), 1e-15)
	assert.InEpsilon(t, -320*math.Ln10, widen(math.Ldexp(1, -1070)).log()+1070*math.Ln2-320*math.Ln10, 1e-14)
}
