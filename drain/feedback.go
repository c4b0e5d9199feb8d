package drain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/postsack/backlog/forecast"
)

// Feedback is how a queue acts on its own flows, as far as somebody knows it:
//
//	inflow λ₀ + rQ        outflow μ + θQ        dQ/dt = -ν - (r - θ)(Q₀ - Q)
//
// where ν is the net drain rate at the present backlog Q₀. See Effects for what follows from it.
type Feedback struct {
	// Retry is r: how many items a second enter for each item that waits, such as retries and log-ins, in 1/s.
	Retry Estimate
	// Abandon is θ: the share of those waiting that leave by themselves, in 1/s, beside those that are served, or by which more are served the more wait.
	Abandon Estimate
	// Poison is how many of the items that wait never succeed, and are taken up again and again.
	Poison Estimate
	// TimeToLive is after how long an item that waits expires; 0: never. The queue is taken to be served first in, first out.
	TimeToLive time.Duration
}

// Effects is what follows from a Feedback. What does not apply is unknown.
type Effects struct {
	// Tipping is the backlog above which the queue does not clear by itself, Q* = Q₀ + ν/(r - θ) for r > θ. AboveTipping is the probability of being above it, and
	// NeededOutflow by how many items/s more it takes to be below; 0 where it is.
	Tipping       Estimate
	AboveTipping  float64
	NeededOutflow float64
	// Settles is the backlog near which the queue settles above the target: the poison, or Q₀ - ν/(θ - r) for θ > r. SettlesIn is the time until it is there: until all but the
	// poison is worked off or, as it comes ever closer, nineteen twentieths of the way.
	Settles   Estimate
	SettlesIn Bounds
	// Expire is how many items expire before they are served, if the flows go on as they are, and ClearWithExpiry the time until the target is reached with that; the
	// time to clear is without it.
	Expire          Bounds
	ClearWithExpiry Bounds
}

func (b Feedback) check() error {
	for _, e := range [...]struct {
		name string
		e    Estimate
	}{{"Retry", b.Retry}, {"Abandon", b.Abandon}, {"Poison", b.Poison}} {
		if e.e.known && !(usable(e.e) && e.e.value >= 0) {
			return fmt.Errorf("drain: %w: Feedback: %s is %v, want a number of 0 or more", ErrInvalid, e.name, e.e)
		}
	}
	if b.TimeToLive < 0 {
		return fmt.Errorf("drain: %w: Feedback: TimeToLive is %v, want 0 or more", ErrInvalid, b.TimeToLive)
	}
	return nil
}

// lives is the time to live in seconds, NaN for none.
func (b Feedback) lives() float64 {
	if b.TimeToLive == 0 {
		return math.NaN()
	}
	return b.TimeToLive.Seconds()
}

// kappa is r - θ, 0 where neither is known.
func (b Feedback) kappa() Estimate {
	k := Exactly(0)
	if b.Retry.known {
		k = b.Retry
	}
	if b.Abandon.known {
		k = About(k.value-b.Abandon.value, math.Hypot(k.se, b.Abandon.se))
	}
	return k
}

// drawn is draw k of κ.
func (b Feedback) drawn(l lottery, k int) float64 {
	x := 0.0
	for _, e := range [...]struct {
		name string
		e    Estimate
		sign float64
	}{{"retry", b.Retry, 1}, {"abandon", b.Abandon, -1}} {
		v := e.e.value
		if e.e.se > 0 && k >= 0 {
			v = math.Max(0, v+e.e.se*l.normal(e.name, k))
		}
		x += e.sign * v
	}
	return x
}

// uncertain reports whether κ must be drawn.
func (b Feedback) uncertain() bool { return b.Retry.se > 0 || b.Abandon.se > 0 }

// noEffects are those of nothing.
func noEffects(level float64) Effects {
	nan := math.NaN()
	none := Bounds{level, nan, nan, nan}
	return Effects{AboveTipping: nan, NeededOutflow: nan, SettlesIn: none, Expire: none, ClearWithExpiry: none}
}

// effects works out what follows for a net rate, and says it; to is the law of the time to fall to a level.
func (f *facts) effects(q Question, net, inflow, outflow Estimate, oldest float64, to func(level float64) forecast.Distribution) Effects {
	b, e := q.Feedback, noEffects(q.Level)
	if math.IsNaN(f.backlog) || f.state == Unknown {
		return e
	}
	k := b.kappa()
	if k.value > 0 && net.known {
		x := net.value / k.value
		e.Tipping = About(math.Max(0, f.backlog+x), math.Hypot(net.se/k.value, x*k.se/k.value))
		e.AboveTipping = 1 - normalAbove(net)
		e.NeededOutflow = math.Max(0, -net.value)
		if e.AboveTipping > 0.05 && f.state != Cleared {
			f.because(AboveTipping)
			f.warn("above %s, which are near at hand, what comes back makes the queue grow: P(above) %s", FormatItems(math.Round(e.Tipping.value)), FormatProbability(e.AboveTipping))
		}
	}
	if k.value < 0 && net.known && net.value > 0 {
		x := net.value / k.value
		at, se := f.backlog+x, math.Hypot(net.se/k.value, x*k.se/k.value)
		if at > q.Target && (!f.seen || at-2*se > q.Target) {
			e.Settles = About(at, se)
			t := math.Log(20) / -k.value
			z := -distuv.UnitNormal.Quantile((1-q.Level)/2) * k.se / -k.value
			e.SettlesIn = Bounds{q.Level, t, t / (1 + z), t / math.Max(1-z, 1e-3)}
		}
	}
	if b.Poison.known && b.Poison.value > q.Target && b.Poison.value > e.Settles.value {
		e.Settles = b.Poison
		e.SettlesIn = Bounds{q.Level, 0, 0, 0}
		if b.Poison.value < f.backlog {
			e.SettlesIn = bounds(to(b.Poison.value), q.Level)
		}
	}
	if e.Settles.known && f.state != Cleared {
		f.because(Settles)
	}
	if d := b.TimeToLive.Seconds(); d > 0 && inflow.known && outflow.known && f.backlog > 0 {
		var count, clear []float64
		l := lottery{}
		for i := range draws {
			in := math.Max(0, inflow.value+inflow.se*l.normal("inflow", i))
			out := math.Max(0, outflow.value+outflow.se*l.normal("outflow", i))
			age := oldest
			if math.IsNaN(age) { // what waits came at this rate
				age = f.backlog / math.Max(in, 1e-9)
			}
			n, t := expiry(f.backlog, q.Target, age, in, out, d)
			count, clear = append(count, n), append(clear, t)
		}
		e.Expire, e.ClearWithExpiry = sampled(count, q.Level), sampled(clear, q.Level)
		if e.Expire.Median > 0 {
			f.because(Expires)
			f.warn("%s expire before they are served (%s: %s – %s), if the flows go on as they are",
				FormatItems(math.Round(e.Expire.Median)), FormatLevel(q.Level), FormatNumber(math.Round(e.Expire.Lower)), FormatNumber(math.Round(e.Expire.Upper)))
		}
	}
	return e
}

// sampled are the bounds of some draws.
func sampled(x []float64, level float64) Bounds {
	slices.Sort(x)
	at := func(p float64) float64 { return x[min(len(x)-1, int(p*float64(len(x))))] }
	return Bounds{level, at(0.5), at((1 - level) / 2), at((1 + level) / 2)}
}

// expiry returns how many items expire before they are served, and when the backlog is at the target, in the fluid limit of a queue served first in, first out: what waits came
// evenly over the last oldest seconds, what is served is the oldest, and nothing is older than ttl. While the oldest is that old, as many expire as came then less those that are served.
func expiry(backlog, target, oldest, inflow, outflow, ttl float64) (expired, clear float64) {
	came := inflow // when what is served now came, items/s
	age := oldest
	if age > 0 && !math.IsInf(age, 1) {
		came = backlog / age
	}
	if age > ttl { // those that are older have expired, or do at once
		expired = came * (age - ttl)
		backlog -= expired
		age = ttl
	}
	t := 0.0
	// The waiting came in two pieces: those that wait now, at the rate came, and those to come, at the rate inflow.
	rate, left := came, age // of arrivals in the piece that the head is in
	for backlog > target {
		leave, speed := outflow, outflow/rate // how fast the head goes through the arrivals
		expiring := age >= ttl && speed < 1
		if expiring { // it goes with time
			leave, speed = rate, 1
		}
		piece, full, done := left/speed, math.Inf(1), math.Inf(1)
		if speed < 1 {
			full = (ttl - age) / (1 - speed)
		}
		if leave > inflow {
			done = (backlog - target) / (leave - inflow)
		}
		step := min(piece, full, done)
		if math.IsInf(step, 1) || math.IsNaN(step) { // for ever
			if expiring {
				expired = math.Inf(1)
			}
			return expired, step
		}
		if expiring {
			expired += (rate - outflow) * step
		}
		t += step
		age += step * (1 - speed)
		left -= step * speed
		backlog -= step * (leave - inflow)
		switch step {
		case done:
			return expired, t
		case piece:
			rate, left = inflow, math.Inf(1)
		case full:
			age = ttl
		}
	}
	return expired, t
}
