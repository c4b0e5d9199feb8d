package drain

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// When is a moment in a plan: an instant, a time from the moment of asking, or a time of day, which is the next one from the moment of asking on. The zero When is
// the moment of asking.
type When struct {
	at    time.Time
	after time.Duration
	clock bool // hour, minute and second of at, whatever its day
}

// At is an instant.
func At(t time.Time) When { return When{at: t} }

// In is a time from the moment of asking; negative: before it.
func In(d time.Duration) When { return When{after: d} }

// ParseWhen reads "now", a time from the moment of asking ("+2h", "90m"), a time of day in the zone of asking ("18:00", "18:00:30") or an instant in RFC 3339. The error is a wrapped
// ErrInvalid.
func ParseWhen(s string) (When, error) {
	s = strings.TrimSpace(s)
	if s == "now" {
		return When{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return At(t), nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return When{at: t, clock: true}, nil
		}
	}
	d, err := time.ParseDuration(strings.TrimPrefix(s, "+"))
	if err != nil {
		return When{}, fmt.Errorf("drain: %w: %q, want a time of day such as 18:00, a time from now such as +2h, or RFC 3339 such as 2026-11-23T18:00:00+01:00", ErrInvalid, s)
	}
	return In(d), nil
}

// On returns the instant for a question asked at a moment. A time of day is in the zone of that moment; one that a change to summer time leaves out is an hour later.
func (w When) On(asked time.Time) time.Time {
	switch {
	case w.clock:
		y, m, d := asked.Date()
		t := time.Date(y, m, d, w.at.Hour(), w.at.Minute(), w.at.Second(), 0, asked.Location())
		if t.Before(asked) {
			t = time.Date(y, m, d+1, w.at.Hour(), w.at.Minute(), w.at.Second(), 0, asked.Location())
		}
		return t
	case !w.at.IsZero():
		return w.at.In(asked.Location())
	}
	return asked.Add(w.after)
}

// IsZero reports whether it is the moment of asking.
func (w When) IsZero() bool { return w == When{} }

// needsClock reports whether it cannot be told without a moment of asking.
func (w When) needsClock() bool { return w.clock || !w.at.IsZero() }

// String returns the moment as ParseWhen reads it.
func (w When) String() string {
	switch {
	case w.clock && w.at.Second() != 0:
		return w.at.Format("15:04:05")
	case w.clock:
		return w.at.Format("15:04")
	case !w.at.IsZero():
		return w.at.Format(time.RFC3339Nano)
	case w.after == 0:
		return "now"
	case w.after > 0:
		return "+" + w.after.String()
	}
	return w.after.String()
}

// MarshalText and UnmarshalText are String and ParseWhen.
func (w When) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what ParseWhen reads.
func (w *When) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWhen(string(text))
	return err
}

// errNoMoment is that of a plan with clock times for a question without any.
var errNoMoment = errors.New("At is unset, want the moment from which the plan's times count")
