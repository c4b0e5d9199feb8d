package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// step is something that happens, and what the bot then says: "event", or "event why,why", in order.
type step struct {
	do   any // a view: a poll 30 s after the step before; "fire" or "resolve" of rule a; "fire b"; "wait 10m"; "refire": with a new start
	want string
}

func poll(f forecast) view     { return view{Forecast: &f} }
func pollFails(p problem) view { return view{Problem: p} }
func sees(s drain.State) view  { return poll(predicted("q", s, 50, 30, 80)) }
func medianAt(minute float64) view {
	return poll(predicted("q", drain.Draining, minute, minute-20, minute+30))
}

func TestWhatIsSaid(t *testing.T) {
	const q = "q"
	grows, drains, late := poll(growing(q)), poll(draining(q)), medianAt(90) // 90 is beyond the upper bound, 80
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"opened once, however often Alertmanager repeats it", []step{
			{"fire", ""}, {grows, "opened"}, {"fire", ""}, {grows, ""}, {"fire", ""}, {"wait 4h", ""}, {"fire", ""}, {grows, ""}, {grows, ""},
		}},
		{"two rules are one incident, open while either fires", []step{
			{"fire", ""}, {grows, "opened"}, {"fire b", ""}, {grows, ""}, {"resolve", ""}, {grows, ""}, {"resolve b", ""}, {grows, "closed"},
		}},
		{"a new state is said when two polls show it, after the pause", []step{
			{"fire", ""}, {grows, "opened"}, {drains, ""}, {drains, ""}, {drains, ""}, {drains, "changed state,in_sight"}, {drains, ""}, {drains, ""}, {drains, ""}, {drains, ""}, {drains, ""},
		}},
		{"a state that flaps is not said", []step{
			{"fire", ""}, {sees(drain.Draining), "opened"}, {"wait 10m", ""}, {sees(drain.Steady), ""}, {sees(drain.Draining), ""}, {sees(drain.Steady), ""},
			{sees(drain.Draining), ""}, {sees(drain.Stalled), ""}, {sees(drain.Steady), ""}, {sees(drain.Draining), ""},
		}},
		{"a state that flaps does not hide a median outside the bounds", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {late, ""}, {poll(predicted(q, drain.Steady, 95, 70, 130)), "changed moved"},
		}},
		{"a median within the bounds is nothing new", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {medianAt(79), ""}, {medianAt(31), ""}, {medianAt(80), ""},
		}},
		{"the bounds said last count, not the first", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {late, ""}, {late, "changed moved"}, {"wait 10m", ""}, {late, ""}, {late, ""},
			{medianAt(50), ""}, {medianAt(50), "changed moved"},
		}},
		{"one median outside is not said", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {late, ""}, {drains, ""}, {late, ""}, {drains, ""},
		}},
		{"out of sight and back", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {poll(predicted(q, drain.Draining, never, 70, never)), ""},
			{poll(predicted(q, drain.Draining, never, 70, never)), "changed out_of_sight"}, {"wait 10m", ""}, {drains, ""}, {drains, "changed in_sight"},
		}},
		{"unknown is said like a state", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {poll(predicted(q, drain.Unknown, never, never, never)), ""},
			{poll(predicted(q, drain.Unknown, never, never, never)), "changed state,out_of_sight"},
		}},
		{"cleared in two polls closes, without a pause", []step{
			{"fire", ""}, {grows, "opened"}, {poll(cleared(q, 40)), ""}, {poll(cleared(q, 41)), "closed"}, {poll(cleared(q, 42)), ""},
		}},
		{"cleared once does not", []step{
			{"fire", ""}, {drains, "opened"}, {poll(cleared(q, 40)), ""}, {drains, ""}, {poll(cleared(q, 41)), ""}, {drains, ""},
		}},
		{"closed as cleared, Alertmanager repeats what still fires, and resolves it later", []step{
			{"fire", ""}, {grows, "opened"}, {poll(cleared(q, 40)), ""}, {poll(cleared(q, 41)), "closed"}, {"fire", ""}, {"fire", ""}, {"wait 4h", ""}, {"fire", ""}, {"resolve", ""},
		}},
		{"another rule that fired before that is part of it", []step{
			{"fire", ""}, {grows, "opened"}, {poll(cleared(q, 40)), ""}, {poll(cleared(q, 41)), "closed"}, {"fire b", ""}, {sees(drain.Draining), ""}, {"resolve", ""}, {"resolve b", ""},
		}},
		{"a start anew is a new incident", []step{
			{"fire", ""}, {grows, "opened"}, {poll(cleared(q, 40)), ""}, {poll(cleared(q, 41)), "closed"}, {"refire", ""}, {grows, "opened"}, {grows, ""},
		}},
		{"after it was resolved, so is the same start: Prometheus was away", []step{
			{"fire", ""}, {grows, "opened"}, {"resolve", ""}, {grows, "closed"}, {"fire", ""}, {grows, "opened"},
		}},
		{"closed as cleared, but it grows again while the alert still fires", []step{
			{"fire", ""}, {grows, "opened"}, {poll(cleared(q, 40)), ""}, {poll(cleared(q, 41)), "closed"}, {sees(drain.Steady), ""}, {grows, ""}, {drains, ""}, {grows, ""}, {grows, "opened"}, {grows, ""},
		}},
		{"resolved and firing again before anybody was told: it goes on", []step{
			{"fire", ""}, {grows, "opened"}, {"resolve", ""}, {"fire", ""}, {grows, ""},
		}},
		{"over before it was said", []step{
			{"fire", ""}, {"resolve", ""}, {grows, "opened; closed"},
		}},
		{"the exporter is away, and back: the prediction follows at once", []step{
			{"fire", ""}, {pollFails(exporterAway), "opened"}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""},
			{drains, "changed first_prediction"}, {drains, ""},
		}},
		{"the exporter goes away in the middle: said after four polls, and when it is back for two", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), "changed exporter_away"},
			{pollFails(exporterAway), ""}, {"wait 10m", ""}, {drains, ""}, {drains, "changed exporter_back"},
		}},
		{"a restart of the exporter is not said", []step{
			{"fire", ""}, {drains, "opened"}, {"wait 10m", ""}, {pollFails(exporterAway), ""}, {pollFails(exporterAway), ""}, {drains, ""}, {drains, ""},
		}},
		{"a queue that the exporter does not know, until it does", []step{
			{"fire", ""}, {pollFails(queueUnknown), "opened"}, {pollFails(queueUnknown), ""}, {grows, "changed first_prediction"},
		}},
		{"resolved while the exporter is away", []step{
			{"fire", ""}, {drains, "opened"}, {"resolve", ""}, {pollFails(exporterAway), "closed"},
		}},
		{"Alertmanager falls silent", []step{
			{"fire", ""}, {grows, "opened"}, {"wait 169h", ""}, {grows, "closed"}, {"fire", ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := t0
			l := newLab(t)
			l.make(func() time.Time { return now })
			starts := t0
			a := func(rule, status string) []alert {
				return []alert{{Status: status, StartsAt: starts, Labels: map[string]string{"alertname": rule, "queue": q}}}
			}
			for n, s := range c.steps {
				switch do := s.do.(type) {
				case view:
					now = now.Add(30 * time.Second)
					require.NotNil(t, l.incidents["queue:q"], "step %d", n)
					l.learn(l.incidents["queue:q"], do)
				case string:
					word, rest, _ := strings.Cut(do, " ")
					if rest == "" {
						rest = "a"
					}
					switch word {
					case "fire":
						require.NoError(t, l.take(a(rest, firing)))
					case "refire":
						starts = now.Add(time.Second)
						require.NoError(t, l.take(a(rest, firing)))
					case "resolve":
						require.NoError(t, l.take(a(rest, resolved)))
					case "wait":
						d, err := time.ParseDuration(rest)
						require.NoError(t, err)
						now = now.Add(d)
					}
				}
				var got []string
				for _, m := range l.outbox {
					text := string(m.Event)
					for i, w := range m.Why {
						text += []string{" ", ","}[min(i, 1)] + string(w)
					}
					got = append(got, text)
				}
				l.outbox = nil // the chat took it
				require.Equal(t, s.want, strings.Join(got, "; "), "step %d, %v", n, s.do)
			}
		})
	}
}

// outcomeOf runs an incident with these polls and returns its closing.
func outcomeOf(t *testing.T, end view, resolve bool, polls ...view) *message {
	t.Helper()
	i := newIncident("queue:q", "q", alert{Labels: map[string]string{"queue": "q"}, Annotations: map[string]string{"summary": "q grows", "deadline": "16:00"}, StartsAt: t0}, time.UTC, t0)
	i.Alerts["a"] = mark{t0, true}
	now := t0
	for _, v := range polls {
		for range 2 {
			now = now.Add(5 * time.Minute)
			i.observe(v)
			if e, why, r := i.next(now, 0); e != "" {
				i.speak(e, why, r, now)
			}
		}
	}
	if resolve {
		i.Alerts["a"] = mark{t0, false}
		i.observe(end)
	} else {
		i.observe(end)
		i.observe(end)
	}
	e, why, r := i.next(now, 0)
	require.Equal(t, closed, e)
	return i.speak(e, why, r, now)
}

func TestClosing(t *testing.T) {
	for _, c := range []struct {
		name string
		m    *message
		want string
	}{
		{"within", outcomeOf(t, poll(cleared("q", 49)), false, poll(draining("q"))),
			"q: cleared at 2026-11-23 15:49 UTC, before the deadline 2026-11-23 16:00 UTC, predicted first 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC): within the bounds"},
		// 85 min is beyond 80, the first upper bound, and within 70 – 120, the second.
		{"outside the first, within the second", outcomeOf(t, poll(cleared("q", 85)), false, poll(draining("q")), medianAt(90)),
			"q: cleared at 2026-11-23 16:25 UTC, after the deadline 2026-11-23 16:00 UTC, predicted first 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC): outside the bounds; 1 of the 2 predictions said held"},
		{"never said, but cleared", outcomeOf(t, poll(cleared("q", 49)), false, poll(growing("q"))),
			"q: cleared at 2026-11-23 15:49 UTC, before the deadline 2026-11-23 16:00 UTC, predicted first never: that did not hold"},
		{"not before", outcomeOf(t, poll(cleared("q", 75)), false, poll(predicted("q", drain.Draining, never, 70, never))),
			"q: cleared at 2026-11-23 16:15 UTC, after the deadline 2026-11-23 16:00 UTC, predicted first never (2026-11-23 16:10 UTC – never): within the bounds"},
		{"unknown tells nothing", outcomeOf(t, poll(cleared("q", 49)), false, poll(predicted("q", drain.Unknown, never, never, never))),
			"q: cleared at 2026-11-23 15:49 UTC, before the deadline 2026-11-23 16:00 UTC; there was no prediction"},
		{"resolved, not cleared", outcomeOf(t, poll(draining("q")), true, poll(draining("q"))),
			"q: resolved by Alertmanager at 2026-11-23 15:10 UTC, not cleared, predicted first 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC)"},
		{"resolved, and cleared in the one poll", outcomeOf(t, poll(cleared("q", 49)), true, poll(draining("q"))),
			"q: cleared at 2026-11-23 15:49 UTC, before the deadline 2026-11-23 16:00 UTC, predicted first 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC): within the bounds"},
		{"resolved, nobody knows", outcomeOf(t, pollFails(exporterAway), true, poll(draining("q"))),
			"q: resolved by Alertmanager at 2026-11-23 15:10 UTC; the exporter does not answer: whether it is cleared is not known, predicted first 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC)"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.m.line(plainVoice)) })
	}
}

func TestSaidIsBounded(t *testing.T) {
	i := newIncident("queue:q", "q", alert{Labels: map[string]string{"queue": "q"}, StartsAt: t0}, time.UTC, t0)
	i.Alerts["a"] = mark{t0, true}
	for n := range 2 * maxSaid {
		v := medianAt(float64(100 + 100*(n%2)))
		if n == 0 {
			v = medianAt(1000)
		}
		for range 2 {
			i.observe(v)
		}
		e, why, r := i.next(t0.Add(time.Duration(n)*time.Hour), 0)
		require.NotEmpty(t, e, "message %d", n)
		i.Heard = t0.Add(time.Duration(n) * time.Hour)
		i.speak(e, why, r, t0)
	}
	assert.Len(t, i.Said, maxSaid)
	assert.Equal(t, maxSaid, i.Dropped)
	assert.Equal(t, after(1000), *i.Said[0].Forecast.Median, "the first prediction stays")
	assert.Equal(t, after(200), *i.Said[maxSaid-1].Forecast.Median)
}

func TestAlertsOfOneIncidentAreBounded(t *testing.T) {
	l := newLab(t)
	var alerts []alert
	for n := range maxMarks + 1 {
		alerts = append(alerts, alert{Status: firing, StartsAt: t0, Labels: map[string]string{"queue": "q", "pod": fmt.Sprint(n)}})
	}
	require.NoError(t, l.take(alerts[:maxMarks]))
	require.ErrorIs(t, l.take(alerts[maxMarks:]), errFull)
	done := alerts[0]
	done.Status = resolved
	require.NoError(t, l.take([]alert{done}))
	require.NoError(t, l.take(alerts[maxMarks:]), "the place of one that was resolved")
	assert.Len(t, l.incidents["queue:q"].Alerts, maxMarks)
}

func TestIncidentsAreBounded(t *testing.T) {
	l := newLab(t)
	at := func(n int) alert {
		return alert{Status: firing, StartsAt: t0, Labels: map[string]string{"queue": fmt.Sprint(n)}}
	}
	for n := range maxIncidents {
		require.NoError(t, l.take([]alert{at(n)}))
	}
	require.ErrorIs(t, l.take([]alert{at(maxIncidents), at(3)}), errFull)
	assert.Len(t, l.incidents, maxIncidents)
	l.incidents["queue:7"].Closed, l.incidents["queue:7"].Cleared = &t0, true // closed, and still firing
	require.NoError(t, l.take([]alert{at(maxIncidents)}), "the place of one that is closed")
	assert.Len(t, l.incidents, maxIncidents)
	assert.NotContains(t, l.incidents, "queue:7")
}

func TestDeadlineOfAnAlert(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for annotation, want := range map[string]time.Time{
		"2026-11-23T18:00:00+01:00": t0.Add(2 * time.Hour),
		"17:30":                     t0.Add(90 * time.Minute), // in Berlin, where t0 is 16:00
		"09:00":                     t0.Add(17 * time.Hour),   // tomorrow
		"soon":                      {},
		"9999-12-31T23:59:59-01:00": {}, // in UTC the year 10000, which JSON cannot hold
		"":                          {},
	} {
		i := newIncident("k", "q", alert{Annotations: map[string]string{"deadline": annotation}, StartsAt: t0}, berlin, t0)
		if want.IsZero() {
			assert.Nil(t, i.Deadline, annotation)
			continue
		}
		if assert.NotNil(t, i.Deadline, annotation) {
			assert.True(t, want.Equal(*i.Deadline), "%s: %v", annotation, i.Deadline)
		}
	}
}
