package drain

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Estimate is a number that is known only roughly: a value and its standard error, in the same unit. The zero Estimate is unknown.
type Estimate struct {
	value, se float64
	known     bool
}

// About returns the estimate value ± se, se being one standard error. A rounded "about 300", right to the next fifty either way, is
// About(300, 50) for somebody careful.
func About(value, se float64) Estimate { return Estimate{value, se, true} }

// Exactly returns an estimate without error.
func Exactly(value float64) Estimate { return Estimate{value: value, known: true} }

// Value returns the value; NaN where it is unknown.
func (e Estimate) Value() float64 {
	if !e.known {
		return math.NaN()
	}
	return e.value
}

// SE returns the standard error; NaN where the value is unknown.
func (e Estimate) SE() float64 {
	if !e.known {
		return math.NaN()
	}
	return e.se
}

// Known reports whether there is a value.
func (e Estimate) Known() bool { return e.known }

// String returns the estimate as ParseEstimate reads it, such as "1.4e+06±50000"; "unknown" for the zero Estimate.
func (e Estimate) String() string {
	if !e.known {
		return "unknown"
	}
	s := strconv.FormatFloat(e.value, 'g', -1, 64)
	if e.se != 0 {
		s += "±" + strconv.FormatFloat(e.se, 'g', -1, 64)
	}
	return s
}

// check returns an error that names the estimate where it cannot be used.
func (e Estimate) check(name string) error {
	switch {
	case !e.known:
		return nil
	case !(math.Abs(e.value) <= largest):
		return fmt.Errorf("drain: %w: %s is %v, want a number up to 2⁶⁴", ErrInvalid, name, e.value)
	case !(e.se >= 0 && e.se <= largest):
		return fmt.Errorf("drain: %w: standard error of %s is %v, want a number of 0 or more, up to 2⁶⁴", ErrInvalid, name, e.se)
	}
	return nil
}

// Scale factors of the suffixes that people write behind a number.
var suffixes = map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9}

// ParseEstimate reads a number with an optional standard error, each with an optional suffix k, M or G (thousand, million, milliard): "1.4M±50k",
// "300+-50", "1.4e6". The error is a wrapped ErrInvalid.
func ParseEstimate(s string) (Estimate, error) {
	value, se, has := strings.Cut(strings.Replace(s, "+-", "±", 1), "±")
	v, ok := parseNumber(value)
	if !ok {
		return Estimate{}, fmt.Errorf("drain: %w: %q, want a number such as 300, 1.4M or 1.4M±50k", ErrInvalid, s)
	}
	e := Exactly(v)
	if has {
		if e.se, ok = parseNumber(se); !ok {
			return Estimate{}, fmt.Errorf("drain: %w: %q, want a number behind the ±, such as 1.4M±50k", ErrInvalid, s)
		}
	}
	if err := e.check(strconv.Quote(s)); err != nil {
		return Estimate{}, err
	}
	return e, nil
}

func parseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	factor := 1.0
	if n := len(s); n > 0 && suffixes[s[n-1]] != 0 {
		factor, s = suffixes[s[n-1]], s[:n-1]
	}
	// ParseFloat also takes hexadecimal numbers and underscores, and words for infinities: nobody means them here.
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v * factor, err == nil
}
