package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// start is the time of the first sample in these tests.
var start = time.Unix(1795446000, 0).UTC()

// record reads a text as a file.
func record(t *testing.T, text string) recording {
	t.Helper()
	rec, err := env{stdin: strings.NewReader(text)}.read("-")
	require.NoError(t, err)
	return rec
}

// minutes returns a recording of backlogs, one a minute from start on.
func minutes(backlogs ...float64) recording {
	rec := recording{name: "test"}
	for i, b := range backlogs {
		rec.samples = append(rec.samples, drain.Sample{Time: start.Add(time.Duration(i) * time.Minute), Backlog: drain.Items(b)})
	}
	return rec
}

// TestReached holds the tree against a walk, at all moments of random histories of 1 to 70 backlogs.
func TestReached(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	for n := 1; n <= 70; n++ {
		s := &stretch{}
		at := 0.0
		for range n {
			at += 1 + float64(r.IntN(3))
			s.insert(at, float64(r.IntN(12)))
		}
		s.index()
		for from := -1.0; from <= at+1; from += 0.5 {
			for level := -1.0; level <= 12; level++ {
				for _, horizon := range []float64{2, 17, 1e9} {
					want := math.Inf(1)
					for i := range s.at {
						if s.at[i] > from && s.backlog[i] <= level {
							if s.at[i]-from <= horizon {
								want = s.at[i] - from
							}
							break
						}
					}
					if got := s.reached(from, level, horizon); got != want {
						t.Fatalf("%v, %v: from %v to %v is %v, want %v", s.at, s.backlog, from, level, got, want)
					}
				}
			}
		}
	}
}

func TestRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	var backlogs []float64
	for range 300 {
		backlogs = append(backlogs, float64(r.IntN(40)))
	}
	ranks := newRanks(minutes(backlogs...).samples)
	for i, b := range backlogs {
		below := 0
		for _, past := range backlogs[:i] {
			if past < b {
				below++
			}
		}
		require.Equal(t, below, ranks.below(b))
		require.Equal(t, i, ranks.n)
		ranks.add(b)
	}
}

// TestSurvey: who is asked, by the rule and the past alone, and how far ahead.
func TestSurvey(t *testing.T) {
	// 8 zeros, then 1, 2, …, 12, and 40 zeros: 60 rows, 59 min. Rows 9 to 19 are above three quarters of their past, and row 8 has 8 before it.
	var backlogs []float64
	for row := range 60 {
		backlogs = append(backlogs, math.Max(0, float64(min(row, 19)-7)))
		if row > 19 {
			backlogs[row] = 0
		}
	}
	rows := func(h history) (rows []int) {
		for _, m := range h.eligible {
			rows = append(rows, m.row)
		}
		return rows
	}
	h := minutes(backlogs...).survey(0)
	assert.Equal(t, 60.0, h.interval)
	assert.Equal(t, 59*60*0.2, h.horizon, "a fifth")
	assert.Equal(t, []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, rows(h))
	assert.Equal(t, moment{row: 12, at: 720, backlog: 5, within: h.stretches[0]}, h.eligible[3])
	assert.Equal(t, start, h.from)
	assert.Equal(t, start.Add(59*time.Minute), h.to)
	assert.Equal(t, []int{14, 15, 16, 17, 18, 19}, rows(minutes(backlogs...).survey(6)), "above the target")
	// Row 19 at 19 min with a horizon of a fifth of the file must end within it: 23 min and 45 s is enough, 23 min is not.
	assert.Equal(t, []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, rows(minutes(backlogs[:24]...).survey(0)), "18 + 23/5 = 22.6, 19 + 23/5 = 23.6")
	assert.Equal(t, []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, rows(minutes(backlogs[:25]...).survey(0)), "19 + 24/5 = 23.8")
	// Three quarters of nine were lower: seven, not six.
	assert.Equal(t, []int{9}, rows(minutes(5, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0).survey(0)))
	assert.Empty(t, rows(minutes(5, 5, 5, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0).survey(0)))
	// The longest horizon is 4000 intervals.
	long := make([]float64, 30_000)
	assert.Equal(t, 4000*60.0, minutes(long...).survey(0).horizon)

	for _, few := range []recording{{}, minutes(7)} {
		h := few.survey(0)
		assert.True(t, math.IsNaN(h.interval) && math.IsNaN(h.horizon))
		assert.Empty(t, h.eligible)
		assert.Equal(t, len(few.samples), h.backlogs)
	}
}

func TestSpread(t *testing.T) {
	var h history
	for row := range 1000 {
		h.eligible = append(h.eligible, moment{row: row})
	}
	assert.Len(t, h.spread(1000), 1000)
	assert.Len(t, h.spread(1001), 1000)
	assert.Equal(t, 500, h.spread(1)[0].row)
	for _, n := range []int{2, 3, 7, 400, 999} {
		spread := h.spread(n)
		require.Len(t, spread, n)
		assert.True(t, slices.IsSortedFunc(spread, func(a, b moment) int { return a.row - b.row }))
		step := 1000 / float64(n)
		assert.InDelta(t, step/2, spread[0].row, 1)
		assert.InDelta(t, 1000-step/2, spread[n-1].row, 1)
		for i := 1; i < n; i++ {
			assert.InDelta(t, step, spread[i].row-spread[i-1].row, 1)
		}
	}
}

// TestWhatTheQueueHad: what an estimator rejects is no backlog that the queue had, and no question.
func TestWhatTheQueueHad(t *testing.T) {
	line := func(minute int, backlog float64) string {
		return fmt.Sprintf("%d,%v\n", start.Unix()+60*int64(minute), backlog)
	}
	steady := func(from, to int) string { // about 100 items
		b := &strings.Builder{}
		for i := from; i < to; i++ {
			b.WriteString(line(i, 100+float64(i%5)))
		}
		return b.String()
	}
	const head = "time,backlog\n"
	plain := record(t, head+steady(0, 60)).survey(0)
	require.Len(t, plain.stretches, 1)
	require.Len(t, plain.stretches[0].at, 60)
	same := func(name string, h history, without int) {
		require.Len(t, h.stretches, 1, name)
		assert.Len(t, h.stretches[0].at, 60-without, name)
		assert.True(t, slices.IsSorted(h.stretches[0].at), name)
		assert.Equal(t, math.Inf(1), h.stretches[0].reached(0, 50, 1e9), name)
		for _, b := range h.stretches[0].backlog {
			assert.True(t, b >= 100 && b < 105, "%s: %v", name, b)
		}
		for _, m := range h.eligible {
			assert.InDelta(t, 102, m.backlog, 2, name)
		}
	}
	same("plain", plain, 0)
	negative := record(t, head+steady(0, 30)+line(30, -5)+steady(31, 60)).survey(0)
	same("negative", negative, 1)
	assert.Equal(t, 1, negative.rejected)
	same("late", record(t, head+steady(0, 30)+line(31, 101)+line(30, 100)+steady(32, 60)).survey(0), 0)
	// The row that is late is no moment of its own: what is newer was known by then. In its place it would be one.
	eligible := func(h history, row int) bool {
		return slices.ContainsFunc(h.eligible, func(m moment) bool { return m.row == row })
	}
	assert.False(t, eligible(record(t, head+steady(0, 30)+line(31, 100)+line(30, 104)+steady(32, 60)).survey(0), 31))
	assert.True(t, eligible(record(t, head+steady(0, 30)+line(30, 100)+line(31, 104)+steady(32, 60)).survey(0), 31))
	same("twice", record(t, head+steady(0, 30)+steady(29, 60)).survey(0), 0)
	// To zero and back, and to the sky and back, of which the next sample shows that it was nothing.
	same("down", record(t, head+steady(0, 30)+line(30, 0)+steady(31, 60)).survey(0), 1)
	same("up", record(t, head+steady(0, 30)+line(30, 1e9)+steady(31, 60)).survey(0), 1)
	// But to zero and there to stay is the truth.
	cleared := record(t, head+steady(0, 30)+line(30, 0)+line(31, 0)+line(32, 0)).survey(0)
	assert.Equal(t, 1800.0, cleared.stretches[0].reached(0, 0, 1e9))
	// A clock a year ahead for two samples: dropped, and the horizon stays that of an hour.
	future := record(t, head+steady(0, 30)+line(525_600, 3)+line(525_601, 3)+steady(30, 60)).survey(0)
	same("future", future, 0)
	assert.Equal(t, 2, future.rejected)
	assert.Equal(t, plain.horizon, future.horizon)

	// A clock set back by an hour begins another stretch once the estimator sees it, with the eighth sample; nobody knows how long it was between.
	back := record(t, head+steady(0, 100)+steady(40, 100)).survey(0)
	require.Len(t, back.stretches, 2)
	assert.Equal(t, 7, back.rejected)
	assert.Len(t, back.stretches[0].at, 100)
	assert.Len(t, back.stretches[1].at, 60-7)
	assert.Equal(t, 60.0*(99+52)*0.2, back.horizon)
	for _, m := range back.eligible {
		assert.LessOrEqual(t, m.at+back.horizon, m.within.at[len(m.within.at)-1], "answered within its stretch")
	}
}

// TestFlowsBetween: where flows have lines of their own, newer than the backlog, the question is as of the newest line, as the estimator answers it.
func TestFlowsBetween(t *testing.T) {
	b := &strings.Builder{}
	b.WriteString("time,backlog,outflow_total\n")
	for i := range 40 {
		fmt.Fprintf(b, "%d,,%d\n%d,%d,\n", 60*i+10, 5*i, 60*i, 10*min(i, 20))
	}
	h := record(t, b.String()).survey(0)
	require.NotEmpty(t, h.eligible)
	for _, m := range h.eligible {
		assert.Equal(t, 1, m.row%2, "a line with a backlog")
		assert.Equal(t, 0.0, math.Mod(m.at, 60), "seconds from the newest line on, the first of which is the epoch")
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		backlog, target float64
		want            []amount
	}{
		{1000, 0, []amount{{750, 0}, {500, 1}, {250, 2}, {100, 3}, {0, 4}}},
		{1000, 250, []amount{{750, 0}, {500, 1}, {250, 4}}},
		{1000, 900, []amount{{900, 4}}},
		{1.5, 0, []amount{{1.125, 0}, {0.75, 1}, {0.375, 2}, {0.15000000000000002, 3}, {0, 4}}},
		// Of whole items 0.75·7 = 5.25 is 5, 3.5 is 3, 1.75 is 1 and 0.7 is 0, the target.
		{7, 0, []amount{{5, 0}, {3, 1}, {1, 2}, {0, 4}}},
		{2, 0, []amount{{1, 0}, {0, 4}}}, // half is 1 again
		{1, 0, []amount{{0, 4}}},
	} {
		assert.Equal(t, c.want, amounts(c.backlog, c.target), "%v to %v", c.backlog, c.target)
	}
}
