package chart

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return zone
}

func texts(ticks []plot.Tick) []string {
	var s []string
	for _, t := range ticks {
		s = append(s, t.Label)
	}
	return s
}

func TestClockTicks(t *testing.T) {
	zone := berlin(t)
	at := func(month time.Month, day, hour, min int) time.Time {
		return time.Date(2026, month, day, hour, min, 0, 0, zone)
	}
	for _, test := range []struct {
		name string
		now  time.Time
		span float64
		want []string
	}{
		{"half hours from an odd minute", at(11, 23, 14, 37), 3 * hour, []string{"15:00", "15:30", "16:00", "16:30", "17:00", "17:30"}},
		{"seconds", at(11, 23, 14, 37), 9, []string{"14:37:00", "14:37:01", "14:37:02", "14:37:03", "14:37:04", "14:37:05", "14:37:06", "14:37:07", "14:37:08", "14:37:09"}},
		{"microseconds", at(11, 23, 14, 37), 1e-5, []string{"14:37:00.000000", "14:37:00.000002", "14:37:00.000004", "14:37:00.000006", "14:37:00.000008", "14:37:00.000010"}},
		{"past midnight", at(11, 23, 22, 10), 5 * hour, []string{
			"22:30\nMon 23 Nov", "23:00\n ", "23:30\n ", "00:00\nTue 24 Nov", "00:30\n ", "01:00\n ", "01:30\n ", "02:00\n ", "02:30\n ", "03:00\n "}},
		// 02:00 CET is 03:00 CEST: there is no 02:30, and an hour lies between 01:30 and 03:30.
		{"clock put forward", at(3, 29, 0, 50), 3 * hour, []string{"01:00", "01:30", "03:00", "03:30", "04:00", "04:30"}},
		{"clock put forward, every two hours", at(3, 28, 23, 0), 14 * hour, []string{
			"00:00\nSun 29 Mar", "04:00\n ", "06:00\n ", "08:00\n ", "10:00\n ", "12:00\n ", "14:00\n "}},
		// 03:00 CEST is 02:00 CET: 02:00 and 02:30 come twice.
		{"clock put back", at(10, 25, 0, 50), 3.9 * hour, []string{"01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30"}},
		{"clock put back, every two hours", at(10, 24, 23, 0), 14 * hour, []string{
			"00:00\nSun 25 Oct", "02:00\n ", "04:00\n ", "06:00\n ", "08:00\n ", "10:00\n ", "12:00\n "}},
		{"days", at(3, 27, 14, 0), 5 * day, []string{
			"00:00\nSat 28 Mar", "12:00\n ", "00:00\nSun 29 Mar", "12:00\n ", "00:00\nMon 30 Mar", "12:00\n ", "00:00\nTue 31 Mar", "12:00\n ", "00:00\nWed 1 Apr", "12:00\n "}},
		{"weeks begin on Monday", at(12, 1, 14, 0), 40 * day, []string{
			"Mon 7 Dec\n2026", "Mon 14 Dec\n ", "Mon 21 Dec\n ", "Mon 28 Dec\n ", "Mon 4 Jan\n2027"}},
		{"months", at(11, 23, 14, 0), 200 * day, []string{"Dec\n2026", "Jan\n2027", "Feb\n ", "Mar\n ", "Apr\n ", "May\n ", "Jun\n "}},
		{"years", at(11, 23, 14, 0), 9 * year, []string{"2027", "2028", "2029", "2030", "2031", "2032", "2033", "2034", "2035"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, texts(clock{test.now}.Ticks(0, test.span)))
		})
	}
}

// Whatever the span, there are neither none nor too many, and all are on the wall clock.
func TestClockTicksCount(t *testing.T) {
	now := time.Date(2026, 3, 28, 21, 17, 3, 141592653, berlin(t))
	for span := 1e-6; span < 2*farthest; span *= 1.37 {
		n := len(clock{now}.Ticks(-span/3, span*2/3))
		assert.GreaterOrEqual(t, n, 2, "span %g s", span)
		assert.LessOrEqual(t, n, most+1, "span %g s", span)
		n = len(elapsed{}.Ticks(-span/3, span*2/3))
		assert.GreaterOrEqual(t, n, 2, "span %g s", span)
		assert.LessOrEqual(t, n, most+1, "span %g s", span)
	}
}

func TestZones(t *testing.T) {
	zone := berlin(t)
	summer, winter := time.Date(2026, 10, 24, 12, 0, 0, 0, zone), time.Date(2026, 10, 25, 12, 0, 0, 0, zone)
	assert.Equal(t, "CEST", zones(summer, summer))
	assert.Equal(t, "CEST/CET", zones(summer, winter))
	assert.Equal(t, "UTC+03", zones(summer.In(time.FixedZone("+03", 3*hour)), winter))
	assert.Equal(t, "UTC", zones(summer.UTC(), winter.UTC()))
}

func TestElapsedTicks(t *testing.T) {
	for _, test := range []struct {
		min, max float64
		want     []string
	}{
		{0, 2 * hour, []string{"0", "15 min", "30 min", "45 min", "1 h", "1 h 15 min", "1 h 30 min", "1 h 45 min", "2 h"}},
		{-60, 60, []string{"−1 min", "−45 s", "−30 s", "−15 s", "0", "15 s", "30 s", "45 s", "1 min"}},
		{0, 3.1e-4, []string{"0", "50 µs", "100 µs", "150 µs", "200 µs", "250 µs", "300 µs"}},
		{0, 3 * day, []string{"0", "12 h", "1 d", "1 d 12 h", "2 d", "2 d 12 h", "3 d"}},
		{0, 5e3 * year, []string{"0", "500 years", "1 k years", "1.5 k years", "2 k years", "2.5 k years", "3 k years", "3.5 k years", "4 k years", "4.5 k years", "5 k years"}},
	} {
		assert.Equal(t, test.want, texts(elapsed{}.Ticks(test.min, test.max)))
	}
}

func TestItemTicks(t *testing.T) {
	for _, test := range []struct {
		max  float64
		want []string
	}{
		{1.55e6, []string{"0", "500 k", "1 M", "1.5 M"}},
		{1.3e6, []string{"0", "200 k", "400 k", "600 k", "800 k", "1 M", "1.2 M"}},
		{900, []string{"0", "200", "400", "600", "800"}},
		{4, []string{"0", "1", "2", "3", "4"}},
		{1, []string{"0", "0.2", "0.4", "0.6", "0.8", "1"}},
		{1.1e15, []string{"0", "200 T", "400 T", "600 T", "800 T", "1 P"}},
		{1.1e-3, []string{"0", "0.0002", "0.0004", "0.0006", "0.0008", "0.001"}},
	} {
		assert.Equal(t, test.want, texts(items{}.Ticks(0, test.max)))
	}
}
