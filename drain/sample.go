package drain

import (
	"fmt"
	"math"
	"time"
)

// Reading is a count that may be unknown. The zero Reading is unknown, so that a flow nobody measured is never taken for a flow of zero.
type Reading struct {
	items float64
	known bool
}

// Items returns the reading of n items, n >= 0.
func Items(n float64) Reading { return Reading{n, true} }

// Value returns the count; NaN where it is unknown.
func (r Reading) Value() float64 {
	if !r.known {
		return math.NaN()
	}
	return r.items
}

// usable returns the count where it is one; NaN where it is unknown or no count.
func (r Reading) usable() float64 {
	if !(r.items >= 0 && r.items <= largest) {
		return math.NaN()
	}
	return r.Value()
}

// Known reports whether there is a count.
func (r Reading) Known() bool { return r.known }

// String returns the count, or "unknown".
func (r Reading) String() string {
	if !r.known {
		return "unknown"
	}
	return fmt.Sprint(r.items)
}

// largest is the largest number of items, or of items per second, that is taken for one: what a 64-bit counter can count to. Squares of it are far from
// the end of a float64.
const largest = 1 << 64

// Sample is what was measured at one instant. Samples may come at any spacing.
type Sample struct {
	// Time of the measurement.
	Time time.Time
	// Backlog is the number of items waiting at Time.
	Backlog Reading
	// Inflow and Outflow are the items that entered and left since the sample before this one.
	Inflow, Outflow Reading
}

// check returns why the sample cannot be used by itself, or nil.
func (s Sample) check() *Rejection {
	for _, f := range [...]struct {
		name string
		r    Reading
	}{{"backlog", s.Backlog}, {"inflow", s.Inflow}, {"outflow", s.Outflow}} {
		switch {
		case !f.r.known:
		case !(math.Abs(f.r.items) <= largest):
			return &Rejection{NotFinite, fmt.Sprintf("%s is %v, want a count of 0 or more, up to 2⁶⁴", f.name, f.r.items)}
		case f.r.items < 0:
			return &Rejection{Negative, fmt.Sprintf("%s is %v, want a count of 0 or more", f.name, f.r.items)}
		}
	}
	return nil
}
