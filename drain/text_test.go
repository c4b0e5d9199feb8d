package drain_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func TestFormatDuration(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		seconds, width float64
		want           string
	}{
		{0, 0, "0 s"}, {4.2e-7, 0, "420 ns"}, {1e-6, 0, "1.0 µs"}, {0.00042, 0, "420 µs"}, {0.35, 0, "350 ms"}, {4.666, 0, "4.7 s"}, {9.96, 0, "10 s"}, {59.4, 0, "59 s"},
		{59.6, 0, "1 min 00 s"}, {61, 0, "1 min 01 s"}, {3599.7, 0, "1 h 00 min"}, {4666.7, 0, "1 h 18 min"}, {86399, 0, "24 h 00 min"}, {90000, 0, "25 h 00 min"},
		{61 * 3600, 0, "61 h 00 min"}, {72 * 3600, 0, "3 d 00 h"}, {400 * 86400, 0, "400 d 00 h"}, // T12: nothing wraps
		{1e10, 0, "317 years"}, {math.MaxInt64 / 1e9, 0, "292 years"}, {3e12, 0, "95064 years"},
		// No seconds where the bounds are minutes apart, and so on; a short time keeps a finer unit.
		{754, 600, "13 min"}, {754, 119, "12 min 34 s"}, {754, 120, "13 min"}, {4666.7, 2760, "1 h 18 min"}, {5 * 3600, 4 * 3600, "5 h"}, {0.6 * 3600, 4 * 3600, "36 min"},
		{8 * 86400, 4 * 86400, "8 d"}, {40, 600, "40 s"}, {4.6, 3, "4.6 s"}, {4.6, 30, "5 s"}, {90, inf, "1 min 30 s"},
		{inf, 0, "never"}, {math.NaN(), 0, "unknown"}, {-61, 0, "-1 min 01 s"},
	} {
		assert.Equal(t, c.want, drain.FormatDuration(c.seconds, c.width), "%v, width %v", c.seconds, c.width)
	}
}

func TestFormatNumbers(t *testing.T) {
	for want, n := range map[string]float64{
		"0 items": 0, "1 item": 1, "42 items": 42, "84 210 items": 84210, "999 999 items": 999999, "1.00 M items": 999999.6, "1.40 M items": 1.4e6, "12.3 M items": 12345678,
		"999 M items": 9.99e8, "1.00 G items": 9.999e8, "5.00 P items": 5e15, "1.50 items": 1.5, "unknown items": math.NaN(), "∞ items": math.Inf(1), "-7 items": -7, "1 235 items": 1234.6,
	} {
		assert.Equal(t, want, drain.FormatItems(n))
	}
	// T13: from billions a second to one a week.
	for want, n := range map[string]float64{
		"300/s": 300, "12/s": 12, "28.4/s": 28.4, "1 000/s": 1000, "3.00 G/s": 3e9, "30.6/min": 0.51, "1/min": 1.0 / 60, "1/h": 1.0 / 3600, "1/week": 1.0 / (7 * 86400), "5.22/year": 0.1 / (7 * 86400),
		"0/s": 0, "-200/s": -200, "unknown": math.NaN(),
	} {
		assert.Equal(t, want, drain.FormatRate(n))
	}
	for want, p := range map[string]float64{"0 %": 0, "< 0.1 %": 1e-9, "0.5 %": 0.005, "1 %": 0.0099, "50 %": 0.5, "97 %": 0.97, "99.5 %": 0.995, "> 99.9 %": 0.99999, "100 %": 1, "unknown": math.NaN()} {
		assert.Equal(t, want, drain.FormatProbability(p))
	}
}

func TestFormatClock(t *testing.T) { // T18
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	now := time.Date(2026, time.March, 28, 23, 30, 0, 0, berlin) // clocks go from 02:00 to 03:00 in the night that follows
	for _, c := range []struct {
		after time.Duration
		width float64
		want  string
	}{
		{20 * time.Minute, 600, "23:50 CET"},
		{20*time.Minute + 4*time.Second, 60, "23:50:04 CET"},
		{time.Hour, 600, "2026-03-29 00:30 CET"},
		{150 * time.Minute, 600, "2026-03-29 03:00 CEST"},
		{30 * time.Minute, 600, "2026-03-29 00:00 CET"},
		{29*time.Minute + 45*time.Second, 600, "2026-03-29 00:00 CET"}, // rounded to the minute it is tomorrow's
	} {
		assert.Equal(t, c.want, drain.FormatClock(now.Add(c.after), now, c.width))
	}
}

func TestString(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, time.November, 23, 14, 32, 0, 0, berlin)
	line := func(n drain.Numbers, q drain.Question) string {
		p, err := n.Predict(q)
		require.NoError(t, err)
		return p.String()
	}
	n := drain.Numbers{Backlog: drain.Exactly(1.4e6), Net: drain.About(300, 50)}
	assert.Equal(t, "1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 01 min – 1 h 47 min), about 15:50 CET", line(n, drain.Question{At: at}))
	assert.Equal(t, "1.40 M items, draining at 300/s: cleared in 1 h 18 min (97.5 %: 57 min – 2 h 04 min)", line(n, drain.Question{Level: 0.975}))
	assert.Equal(t, "1.40 M items, draining at 300/s: fallen to 5 000 items in 1 h 17 min (90 %: 1 h 01 min – 1 h 47 min), about 15:49 CET", line(n, drain.Question{At: at, Target: 5000}))
	n.Queue = "mail-out"
	assert.Equal(t, "mail-out: 1.40 M items, cleared (at or below 2.00 M items)", line(n, drain.Question{At: at, Target: 2e6}))
	n = drain.Numbers{Backlog: drain.Exactly(84210), Net: drain.About(-12, 6.38)}
	assert.Equal(t, "84 210 items, growing by 12/s: will not clear at this rate (P(never) 97 %)", line(n, drain.Question{At: at}))
	assert.Equal(t, "84 210 items, growing by 12/s: will not fall to 100 items at this rate (P(never) 97 %)", line(n, drain.Question{At: at, Target: 100}))
	n = drain.Numbers{Backlog: drain.Exactly(1.4e6), Net: drain.Exactly(300)}
	assert.Equal(t, "1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 17 min 40 s – 1 h 17 min 53 s), about 15:49:47 CET", line(n, drain.Question{At: at}))
	n = drain.Numbers{Backlog: drain.Exactly(1000), Net: drain.About(1, 2)}
	assert.Contains(t, line(n, drain.Question{At: at}), "– never)")
	assert.Contains(t, line(n, drain.Question{At: at, Level: 0.99999}), "(99.999 %: ")
	n = drain.Numbers{Backlog: drain.Exactly(100), Net: drain.About(10, 3)} // 10 s, with an upper bound of 20 s: to the second
	assert.Contains(t, line(n, drain.Question{At: at}), ", about 14:32:10 CET")
}

func TestFormatSeconds(t *testing.T) {
	for want, s := range map[string]float64{"0 s": 0, "52.8 s": 52.8312, "0.00123 s": 0.0012345, "99.9 s": 99.9, "100.0 s": 99.96, "4666.7 s": 4666.667, "never": math.Inf(1), "unknown": math.NaN()} {
		assert.Equal(t, want, drain.FormatSeconds(s))
	}
	assert.Equal(t, "90 %", drain.FormatLevel(0.9))
	assert.Equal(t, "99.999 %", drain.FormatLevel(0.99999))
	assert.Equal(t, "1 h 18 min (90 %: 1 h 01 min – 1 h 47 min)", drain.Bounds{Level: 0.9, Median: 4667, Lower: 3663, Upper: 6429}.String())
	assert.Equal(t, "never", drain.Bounds{Level: 0.9, Median: math.Inf(1), Lower: math.Inf(1), Upper: math.Inf(1)}.String())
	assert.Equal(t, "unknown", drain.Bounds{Level: 0.9, Median: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}.String())
}
