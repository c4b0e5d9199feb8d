package forecast

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKronrod: the rules integrate powers of x exactly up to the degrees 22 and 13, as rules of 15 and 7 such points do (with the next even power they fail), and the polynomial
// through 15 points leads to the ends up to degree 14.
func TestKronrod(t *testing.T) {
	for n := range 25 {
		k := kronrod(func(x float64) float64 { return math.Pow(x, float64(n)) }, -1, 1)
		want := (1 + math.Pow(-1, float64(n))) / float64(n+1)
		if n <= 23 { // odd ones are 0 by symmetry
			assert.InDelta(t, want, k.fine, 1e-15, "degree %d", n)
		} else {
			assert.Greater(t, math.Abs(want-k.fine), 1e-10, "degree %d", n)
		}
		if n <= 13 || n%2 == 1 {
			assert.InDelta(t, want, k.coarse, 1e-15, "degree %d", n)
		} else {
			assert.Greater(t, math.Abs(want-k.coarse), 1e-5, "degree %d", n)
		}
		if n <= 14 {
			assert.InDelta(t, math.Pow(kronrodEdge, float64(n)), k.last, 1e-12, "degree %d", n)
			assert.InDelta(t, math.Pow(-kronrodEdge, float64(n)), k.first, 1e-12, "degree %d", n)
		}
	}
	k := kronrod(func(x float64) float64 { return x }, 3, 7)
	assert.InDelta(t, (49.-9)/2, k.fine, 1e-13)
	assert.InDelta(t, (kronrodRule[0].x+1)/2, kronrodGap, 1e-16)
}
