package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// in runs a test in a bubble, where time passes only while all wait.
func in(t *testing.T, f func(*testing.T, *lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.start()
		f(t, l)
		l.stop()
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestFromAlertToClosing(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(time.Second)
		require.Equal(t, []string{"q opened"}, l.chat.events(), "without waiting for the next poll")
		l.x.set(draining("q"), "q")
		pass(3 * time.Minute)
		l.x.set(cleared("q", 49), "q")
		pass(time.Hour)
		assert.Equal(t, []string{"q opened", "q changed", "q closed"}, l.chat.events())
		last := l.chat.messages()[2]
		assert.Equal(t, 2, last.Outcome.Predictions)
		assert.Equal(t, 1, last.Outcome.Held, "never did not hold, 15:30 – 16:20 did")
		assert.Equal(t, after(49), *last.Outcome.ClearedAt)
		l.resolve(t0, "q")
		pass(time.Hour)
		assert.Len(t, l.chat.events(), 3)
		assert.Zero(t, l.kept(), "forgotten once it is over")
	})
}

// TestGrowsAgain has a queue that grows again while its alert still fires, of which Alertmanager has nothing to say.
func TestGrowsAgain(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.x.set(draining("q"), "q")
		l.fire(t0, "q")
		pass(time.Second)
		l.x.set(cleared("q", 49), "q")
		pass(5 * time.Minute)
		l.x.set(growing("q"), "q")
		pass(5 * time.Minute)
		assert.Equal(t, []string{"q opened", "q closed", "q opened"}, l.chat.events())
		m := l.chat.messages()
		assert.NotEqual(t, m[0].Incident, m[2].Incident)
		assert.Equal(t, m[0].Incident, m[1].Incident)
	})
}

// TestChatThatFails holds that nothing is lost and nothing comes twice, whatever the chat does first.
func TestChatThatFails(t *testing.T) {
	cases := map[string]func(try int, w http.ResponseWriter, r *http.Request) bool{
		"slow": func(int, http.ResponseWriter, *http.Request) bool { time.Sleep(9 * time.Second); return true },
		"500": func(try int, w http.ResponseWriter, _ *http.Request) bool {
			if try > 5 {
				return true
			}
			w.WriteHeader(http.StatusInternalServerError)
			return false
		},
		"every other 503": func(try int, w http.ResponseWriter, _ *http.Request) bool {
			if try%2 == 0 {
				return true
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		},
		"429": func(try int, w http.ResponseWriter, _ *http.Request) bool {
			if try > 3 {
				return true
			}
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return false
		},
		"dies before it takes": func(try int, _ http.ResponseWriter, _ *http.Request) bool {
			if try%3 != 0 {
				panic(http.ErrAbortHandler)
			}
			return true
		},
		"hangs at first": func(try int, _ http.ResponseWriter, r *http.Request) bool {
			if try > 4 {
				return true
			}
			<-r.Context().Done()
			return false
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, l *lab) {
				l.chat.will(answer)
				queues := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
				for _, q := range queues {
					l.x.set(growing(q), q)
				}
				l.fire(t0, queues...)
				pass(5 * time.Minute)
				for _, q := range queues {
					l.x.set(cleared(q, 49), q)
				}
				pass(10 * time.Minute)
				count := map[string]int{}
				for _, e := range l.chat.events() {
					count[e]++
				}
				assert.Len(t, count, 2*len(queues))
				for e, n := range count {
					assert.Equal(t, 1, n, e)
				}
				for _, q := range queues {
					events := l.chat.events()
					assert.Less(t, slices.Index(events, q+" opened"), slices.Index(events, q+" closed"), "order of %s", q)
				}
				assert.Empty(t, l.waiting())
			})
		})
	}
}

func TestRetryAfterHoldsForAll(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		var mu sync.Mutex
		var times []time.Duration
		begin := time.Now()
		l.chat.answer = func(try int, w http.ResponseWriter, _ *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(begin))
			if try > 1 {
				return true
			}
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			return false
		}
		l.x.set(growing("a"), "a")
		l.x.set(growing("b"), "b")
		l.fire(t0, "a")
		pass(time.Second)
		l.fire(t0, "b")
		pass(598 * time.Second)
		count := func() int { mu.Lock(); defer mu.Unlock(); return len(times) }
		assert.Equal(t, 1, count(), "the pause is the chat's, not the message's")
		pass(3 * time.Second)
		assert.Equal(t, 3, count())
	})
}

func TestBackOffGrowsToItsLimit(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		var mu sync.Mutex
		var tries []time.Time
		l.chat.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			tries = append(tries, time.Now())
			w.WriteHeader(http.StatusBadGateway)
			return false
		}
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(3 * time.Hour)
		mu.Lock()
		defer mu.Unlock()
		for n := 1; n < len(tries); n++ {
			pause, full := tries[n].Sub(tries[n-1]), min(firstPause<<min(n-1, 20), lastPause)
			assert.GreaterOrEqual(t, pause, full/2, "try %d", n)
			assert.LessOrEqual(t, pause, full, "try %d", n)
		}
		// 1 + 2 + … + 256 s are nine pauses within 8.5 min; from there on each is at least 150 s and at most 300 s: 34 to 70 of them in three hours.
		assert.Greater(t, len(tries), 40)
		assert.Less(t, len(tries), 90)
		assert.Len(t, l.waiting(), 1, "and it is still there")
	})
}

func TestRefusedForGood(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.chat.answer = func(try int, w http.ResponseWriter, _ *http.Request) bool {
			if try == 1 {
				http.Error(w, "invalid_payload", http.StatusBadRequest)
				return false
			}
			return true
		}
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(time.Minute)
		assert.Equal(t, 1, l.chat.count(), "no second try")
		assert.Equal(t, 1.0, testutil.ToFloat64(l.stats.failed.WithLabelValues("opened")))
		assert.Contains(t, l.logs.String(), "message given up")
		assert.Contains(t, l.logs.String(), "invalid_payload")
		assert.NotContains(t, l.logs.String(), "secret-path")
		l.x.set(draining("q"), "q")
		pass(5 * time.Minute)
		assert.Equal(t, []string{"q changed"}, l.chat.events(), "what follows is said")
	})
}

func TestChangesMakeWayForNewerOnes(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	refuseWhileDown := func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
		return !down.Load()
	}
	t.Run("the newest is told against what was said", func(t *testing.T) {
		in(t, func(t *testing.T, l *lab) {
			down.Store(false)
			l.chat.will(refuseWhileDown)
			l.x.set(draining("q"), "q")
			l.fire(t0, "q")
			pass(10 * time.Minute)
			down.Store(true)
			for _, m := range []float64{100, 200, 300} {
				l.x.set(predicted("q", drain.Draining, m, m-20, m+20), "q")
				pass(5 * time.Minute)
				assert.Len(t, l.waiting(), 1)
			}
			down.Store(false)
			pass(10 * time.Minute)
			require.Equal(t, []string{"q opened", "q changed"}, l.chat.events())
			assert.Equal(t, after(300), *l.chat.messages()[1].Median)
			assert.Equal(t, []string{"now about 2026-11-23 20:00 UTC, which is outside of what was said last: 2026-11-23 15:50 UTC (2026-11-23 15:30 UTC – 2026-11-23 16:20 UTC)"}, l.chat.messages()[1].Reasons)
			l.x.set(cleared("q", 310), "q")
			pass(5 * time.Minute)
			assert.Equal(t, 2, l.chat.messages()[2].Outcome.Predictions, "those that nobody read do not count")
		})
	})
	t.Run("back to what was said: nothing to say", func(t *testing.T) {
		in(t, func(t *testing.T, l *lab) {
			down.Store(false)
			l.chat.will(refuseWhileDown)
			l.x.set(draining("q"), "q")
			l.fire(t0, "q")
			pass(10 * time.Minute)
			down.Store(true)
			l.x.set(predicted("q", drain.Draining, 200, 190, 210), "q")
			pass(5 * time.Minute)
			assert.Len(t, l.waiting(), 1)
			l.x.set(draining("q"), "q")
			pass(10 * time.Minute)
			assert.Empty(t, l.waiting())
			l.x.fail(http.StatusBadGateway, false)
			pass(10 * time.Minute)
			assert.Len(t, l.waiting(), 1, "away")
			l.x.fail(0, false)
			pass(10 * time.Minute)
			assert.Empty(t, l.waiting(), "and back, which nobody needs to know")
			down.Store(false)
			pass(time.Hour)
			assert.Equal(t, []string{"q opened"}, l.chat.events())
			l.x.set(cleared("q", 49), "q")
			pass(5 * time.Minute)
			require.Len(t, l.chat.messages(), 2)
			assert.Equal(t, 1, l.chat.messages()[1].Outcome.Predictions)
		})
	})
	t.Run("the first prediction comes and goes", func(t *testing.T) {
		in(t, func(t *testing.T, l *lab) {
			down.Store(false)
			l.chat.will(refuseWhileDown)
			l.x.fail(http.StatusBadGateway, false)
			l.fire(t0, "q")
			pass(10 * time.Minute)
			down.Store(true)
			l.x.set(draining("q"), "q")
			l.x.fail(0, false)
			pass(5 * time.Minute)
			require.Len(t, l.waiting(), 1)
			assert.Equal(t, []change{first}, l.waiting()[0].Why)
			l.x.fail(http.StatusBadGateway, false)
			pass(10 * time.Minute)
			assert.Empty(t, l.waiting())
			down.Store(false)
			l.x.fail(0, false)
			pass(time.Hour)
			require.Equal(t, []string{"q opened", "q changed"}, l.chat.events())
			assert.Equal(t, []string{"first_prediction"}, l.chat.messages()[1].Why)
		})
	})
}

// TestRestart holds that a restart at any point neither repeats nor forgets.
func TestRestart(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		var down atomic.Bool
		down.Store(true)
		l.chat.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			if down.Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
			return !down.Load()
		}
		l.x.set(growing("q"), "q")
		l.fire(t0, "q")
		pass(time.Minute)
		l.restart() // before it was delivered
		down.Store(false)
		pass(10 * time.Minute)
		l.restart() // after it was
		l.fire(t0, "q")
		pass(10 * time.Minute)
		require.Equal(t, []string{"q opened"}, l.chat.events())
		l.x.set(draining("q"), "q")
		pass(31 * time.Second)
		l.restart() // between the two polls that show the change
		pass(10 * time.Minute)
		require.Equal(t, []string{"q opened", "q changed"}, l.chat.events())
		down.Store(true)
		l.x.set(cleared("q", 49), "q")
		pass(5 * time.Minute)
		l.restart() // closed, and not delivered
		l.fire(t0, "q")
		down.Store(false)
		pass(10 * time.Minute)
		l.restart()
		pass(time.Hour)
		assert.Equal(t, []string{"q opened", "q changed", "q closed"}, l.chat.events())
		assert.Equal(t, 2, l.chat.messages()[2].Outcome.Predictions)
		seen := map[string]bool{}
		for _, m := range l.chat.messages() {
			assert.False(t, seen[m.ID], "an ID of its own")
			seen[m.ID] = true
		}
	})
}

// TestKilled holds that a webhook answered with 200 is in the file, and that nothing is sent that is not.
func TestKilled(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.x.set(growing("q"), "q")
		l.stop()
		l.make(time.Now)
		l.fire(t0, "q") // 200, and no loop has run
		l.make(time.Now)
		l.start()
		pass(time.Minute)
		assert.Equal(t, []string{"q opened"}, l.chat.events())
	})
}

func TestStateThatCannotBeWritten(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.chat.will(func(try int, w http.ResponseWriter, _ *http.Request) bool {
			if try < 8 { // for a minute, so that the outbox is looked at after the poll that opens q
				w.WriteHeader(http.StatusBadGateway)
			}
			return try >= 8
		})
		l.x.set(growing("saved"), "saved")
		l.x.set(growing("q"), "q")
		l.fire(t0, "saved")
		pass(500 * time.Millisecond)
		dir := filepath.Dir(l.state)
		require.Equal(t, 200, l.request("GET", "/readyz", "").Code)
		require.NoError(t, os.Rename(dir, dir+".away"))
		assert.Equal(t, 503, l.request("GET", "/readyz", "").Code, "before anything had to be saved")
		assert.Equal(t, http.StatusInternalServerError, l.hook(hookOf(firing, t0, "q")))
		pass(5 * time.Minute)
		assert.Equal(t, []string{"saved opened"}, l.chat.events(), "what is not saved is not said: it could be said again")
		assert.Equal(t, 503, l.request("GET", "/readyz", "").Code)
		require.NoError(t, os.Rename(dir+".away", dir))
		l.fire(t0, "q") // Alertmanager comes again
		pass(time.Minute)
		assert.Equal(t, []string{"saved opened", "q opened"}, l.chat.events())
		assert.Equal(t, 200, l.request("GET", "/readyz", "").Code)
	})
}

// TestFullOutbox holds that what finds no room is said later, and that changes need none where they replace one.
func TestFullOutbox(t *testing.T) {
	now := t0
	l := newLab(t)
	l.make(func() time.Time { return now })
	l.bot.o.pause = 0
	require.NoError(t, l.take([]alert{{Status: firing, StartsAt: t0, Labels: map[string]string{"queue": "q"}}, {Status: firing, StartsAt: t0, Labels: map[string]string{"queue": "r"}}}))
	q, r := l.incidents["queue:q"], l.incidents["queue:r"]
	l.learn(q, poll(draining("q")))
	l.learn(q, medianAt(90))
	l.learn(q, medianAt(90))
	require.Len(t, l.outbox, 2)
	for len(l.outbox) < maxOutbox {
		l.bot.outbox = append(l.bot.outbox, &message{ID: fmt.Sprint(len(l.outbox)), Incident: "another", Event: opened})
	}
	l.learn(r, poll(growing("r")))
	assert.Equal(t, maxOutbox, len(l.outbox))
	assert.Zero(t, r.Messages)
	l.learn(q, medianAt(150))
	l.learn(q, medianAt(150))
	assert.Equal(t, maxOutbox, len(l.outbox))
	assert.Equal(t, after(150), *l.outbox[maxOutbox-1].Now.Forecast.Median, "in the place of the one with 90")
	l.learn(q, poll(cleared("q", 100)))
	l.learn(q, poll(cleared("q", 101)))
	assert.Nil(t, q.Closed, "its closing waits, too")
	l.bot.outbox = l.bot.outbox[2:]
	l.learn(r, poll(growing("r")))
	l.learn(q, poll(cleared("q", 102)))
	require.Equal(t, maxOutbox, len(l.outbox))
	assert.Equal(t, opened, l.outbox[maxOutbox-2].Event)
	assert.Equal(t, closed, l.outbox[maxOutbox-1].Event)
	assert.Equal(t, after(100), *l.outbox[maxOutbox-1].Outcome.At)
}

func TestBrokenStateFile(t *testing.T) {
	l := newLab(t)
	for _, text := range []string{"", "{", `{"schema":7}`, `{"schema":1,"incidents":[null]}`, `{"schema":1,"incidents":[{"key":"k"}]}`, `{"schema":1,"outbox":[{"id":"x","event":"closed"}]}`} {
		require.NoError(t, os.WriteFile(l.state, []byte(text), 0o600))
		b := newBot(testOptions(l.state), nil, time.Now, nil, l.log)
		assert.Error(t, b.load(), text)
	}
}

// TestThousandQueuesAtOnce has more of them than the outbox has room for.
func TestThousandQueuesAtOnce(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *lab) {
		var down atomic.Bool
		down.Store(true)
		l.chat.will(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			if down.Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
			return !down.Load()
		})
		const queues = maxOutbox + 100
		var names []string
		for n := range queues {
			name := fmt.Sprintf("queue-%04d", n)
			names = append(names, name)
			l.x.set(growing(name), name)
		}
		for some := range slices.Chunk(names, 600) {
			l.fire(t0, some...)
		}
		pass(5 * time.Second)
		assert.Equal(t, maxOutbox, len(l.waiting()))
		assert.Equal(t, queues, l.open())
		down.Store(false)
		pass(20 * time.Second) // back-off up to 4 s, 8 messages in each gather, and no poll in between that would say the others
		events := l.chat.events()
		assert.Equal(t, queues, len(events))
		slices.Sort(events)
		assert.Equal(t, queues, len(slices.Compact(events)), "each once")
		assert.Empty(t, l.waiting())
	})
}

// TestExporterThatHangs holds that it costs a round two times patience, not one for each queue.
func TestExporterThatHangs(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.x.fail(0, true)
		var names []string
		for n := range 200 {
			names = append(names, fmt.Sprint("queue-", n))
		}
		l.fire(t0, names...)
		pass(2*patience + 4*time.Second) // the round, and 200 messages, 8 in each gather
		assert.Len(t, l.chat.events(), 200)
		for _, m := range l.chat.messages() {
			assert.Equal(t, exporterAway, *m.Problem)
			assert.Contains(t, m.Line, m.Queue+" grows")
			assert.Contains(t, m.Line, "the exporter does not answer: no prediction")
		}
		for _, n := range names {
			l.x.set(growing(n), n)
		}
		l.x.fail(0, false)
		pass(time.Minute)
		assert.Len(t, l.chat.events(), 400, "the predictions follow")
	})
}

func TestAlertWithoutAQueue(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		for _, labels := range []string{`{"alertname":"DiskFull","host":"mx1"}`, `{"alertname":"DiskFull","queue":"` + strings.Repeat("x", maxQueue+1) + `"}`} {
			hook := func(status string) []byte {
				return []byte(`{"version":"4","alerts":[{"status":"` + status + `","startsAt":"2026-11-23T15:00:00Z","labels":` + labels + `,"annotations":{"summary":"the disk of mx1 is full"}}]}`)
			}
			l.chat.reset()
			require.Equal(t, http.StatusOK, l.hook(hook(firing)))
			pass(10 * time.Minute)
			require.Equal(t, http.StatusOK, l.hook(hook(resolved)))
			pass(time.Minute)
			require.Equal(t, []string{" opened", " closed"}, l.chat.events())
			assert.Equal(t, "the disk of mx1 is full (the alert does not name a queue: no prediction)", l.chat.messages()[0].Line)
			assert.Regexp(t, `^the disk of mx1 is full: resolved by Alertmanager at \d{4}-\d\d-\d\d \d\d:\d\d UTC$`, l.chat.messages()[1].Line)
			assert.Nil(t, l.chat.messages()[0].ChartURL)
		}
	})
}

func TestGoodbye(t *testing.T) {
	in(t, func(t *testing.T, l *lab) {
		l.chat.answer = func(int, http.ResponseWriter, *http.Request) bool { time.Sleep(3 * time.Second); return true }
		l.x.set(growing("a"), "a")
		l.x.set(growing("b"), "b")
		l.fire(t0, "a", "b")
		pass(time.Second)
		begin := time.Now()
		l.stop()
		assert.Equal(t, []string{"a opened", "b opened"}, slices.Sorted(slices.Values(l.chat.events())), "what can be delivered is")
		assert.LessOrEqual(t, time.Since(begin), 2*time.Second+gather)

		l.make(time.Now)
		l.start()
		l.chat.answer = func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return false }
		l.x.set(growing("c"), "c")
		l.fire(t0, "c")
		pass(time.Second)
		begin = time.Now()
		l.stop()
		assert.LessOrEqual(t, time.Since(begin), goodbye)
		require.Len(t, l.waiting(), 1, "what cannot is kept")
		assert.Zero(t, l.waiting()[0].Tries, "it is not the chat that failed")
		l.make(time.Now)
		l.chat.will(nil)
		l.start()
		pass(time.Minute)
		assert.Len(t, l.chat.events(), 3)
	})
}

// TestRealConnections counts deliveries over a real network: a server that closes connections, before and in the middle of its answers.
func TestRealConnections(t *testing.T) {
	t.Parallel()
	chat := &fakeChat{}
	chat.answer = func(try int, w http.ResponseWriter, _ *http.Request) bool {
		switch try {
		case 1: // closed without an answer, nothing taken
			c, _, err := http.NewResponseController(w).Hijack()
			assert.NoError(t, err)
			assert.NoError(t, c.(*net.TCPConn).SetLinger(0))
			c.Close()
			return false
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		case 3:
			http.Redirect(w, &http.Request{}, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
			return false
		}
		return true
	}
	server := httptest.NewServer(chat)
	defer server.Close()
	x := &fakeExporter{}
	x.set(growing("q"), "q")
	x.set(growing("r"), "r")
	exporter := httptest.NewServer(x)
	defer exporter.Close()
	l := newLab(t)
	o := testOptions(l.state)
	o.url, o.exporter = server.URL, exporter.URL
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	l.bot = newBot(o, client, time.Now, l.rng, l.log)
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() { l.watch(ctx) })
	loops.Go(func() { l.deliver(ctx) })
	l.fire(t0, "q")
	// Two failures wait at most 1 s and 2 s; the third answer is final, as a redirect is not followed.
	require.Eventually(t, func() bool { return testutil.ToFloat64(l.stats.failed.WithLabelValues("opened")) == 1 }, 8*time.Second, 10*time.Millisecond)
	l.fire(t0, "r")
	require.Eventually(t, func() bool { return len(chat.events()) == 1 }, 5*time.Second, 10*time.Millisecond)
	cancel()
	loops.Wait()
	assert.Equal(t, []string{"r opened"}, chat.events())
	assert.Equal(t, 2.0, testutil.ToFloat64(l.stats.retried))
	assert.NotContains(t, l.logs.String(), strings.TrimPrefix(server.URL, "http://")+"/", "no URL in the log")
}
