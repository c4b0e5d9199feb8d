package drain

import (
	"fmt"
	"math"
	"time"
)

// Reading is a number that may be unknown. The zero Reading is unknown, so that what nobody measured is never taken for zero.
type Reading struct {
	value float64
	known bool
}

// Items returns the reading of n items, n >= 0.
func Items(n float64) Reading { return Reading{n, true} }

// Seconds returns the reading of a time of s seconds, s >= 0.
func Seconds(s float64) Reading { return Reading{s, true} }

// Value returns the number; NaN where it is unknown.
func (r Reading) Value() float64 {
	if !r.known {
		return math.NaN()
	}
	return r.value
}

// Known reports whether there is a number.
func (r Reading) Known() bool { return r.known }

// String returns the number, or "unknown".
func (r Reading) String() string {
	if !r.known {
		return unknown
	}
	return fmt.Sprint(r.value)
}

// Flow is a reading of what entered or left, in one of three forms: Count, Total or PerSecond. The zero Flow is unknown.
type Flow struct {
	value float64
	form  form
}

type form uint8

const (
	unmeasured form = iota
	counted
	running
	rated
	notRead
)

// Count returns the flow of n items in the interval that ends with the sample and began with the reading of the same flow before it; n >= 0. What
// was counted after a gap (see Gap) may be that of the whole gap or of its end: the interval is unknown.
func Count(n float64) Flow { return Flow{n, counted} }

// Total returns the flow that a cumulative counter shows: n items since it began, n >= 0. Nothing is lost in a gap. A counter that shows less than
// before was reset (see CounterReset, PartialReset).
func Total(n float64) Flow { return Flow{n, running} }

// PerSecond returns the flow of r items per second, the mean since the reading of the same flow before it; r >= 0. It says nothing of a gap.
func PerSecond(r float64) Flow { return Flow{r, rated} }

// NotRead returns the flow of which a reading was due and failed: a count or a rate that comes next is one since then, and what was counted until then is
// lost. A total loses nothing by it. It is unknown, as the zero Flow is; that one says that no reading was due, as where each series has samples of its own.
func NotRead() Flow { return Flow{form: notRead} }

// Value returns the number, whatever its form; NaN where it is unknown.
func (f Flow) Value() float64 {
	if !f.Known() {
		return math.NaN()
	}
	return f.value
}

// Known reports whether there is a number.
func (f Flow) Known() bool { return f.form != unmeasured && f.form != notRead }

// String returns the number with its form, such as "40", "total 91822" or "40/s"; "unknown" where there is none.
func (f Flow) String() string {
	switch f.form {
	case counted:
		return fmt.Sprint(f.value)
	case running:
		return "total " + fmt.Sprint(f.value)
	case rated:
		return fmt.Sprint(f.value) + "/s"
	}
	return unknown
}

// largest is the largest number of items, or of items per second, that is taken for one: what a 64-bit counter can count to. Squares of it are far from
// the end of a float64.
const largest = 1 << 64

// Sample is what was measured at one instant; any part of it may be unknown. Samples may come at any spacing, and each part in samples of its own: a backlog
// now, the inflow three seconds later.
type Sample struct {
	// Time of the measurement.
	Time time.Time
	// Backlog is the number of items waiting at Time.
	Backlog Reading
	// Inflow and Outflow are what entered and left: Count, Total or PerSecond.
	Inflow, Outflow Flow
	// Delay is how long the item served at Time had waited, in seconds: the age of the oldest item, where the queue is first in, first out.
	Delay Reading
}

// record is a sample as the estimator keeps it, with NaN for what is unknown.
type record struct {
	at             int64 // nanoseconds since the epoch of the estimator
	backlog, delay float64
	in, out        Flow
	note           note
	missed         bool // nothing was read
}

// record returns what of the sample can be used, and why the first of its readings that cannot be used is not.
func (s Sample) record() (record, *Rejection) {
	r := record{backlog: s.Backlog.Value() + 0, delay: s.Delay.Value() + 0, in: s.Inflow, out: s.Outflow} // + 0 makes 0 of -0
	var refused *Rejection
	check := func(name, want string, x float64) bool {
		var reason Reason
		switch {
		case !(math.Abs(x) <= largest):
			reason = NotFinite
			want += ", up to 2⁶⁴"
		case x < 0:
			reason = Negative
		default:
			return true
		}
		if refused == nil {
			refused = &Rejection{Reason: reason, Detail: fmt.Sprintf("%s is %v, want %s", name, x, want)}
		}
		return false
	}
	if s.Backlog.known && !check("backlog", "a count of 0 or more", r.backlog) {
		r.backlog = math.NaN()
	}
	if s.Delay.known && !check("delay", "a number of seconds of 0 or more", r.delay) {
		r.delay = math.NaN()
	}
	if s.Inflow.Known() && !check("inflow", "a count of 0 or more", r.in.value) {
		r.in = Flow{}
	}
	if s.Outflow.Known() && !check("outflow", "a count of 0 or more", r.out.value) {
		r.out = Flow{}
	}
	return r, refused
}

// empty reports whether nothing is known.
func (r record) empty() bool {
	return math.IsNaN(r.backlog) && math.IsNaN(r.delay) && !r.in.Known() && !r.out.Known()
}
