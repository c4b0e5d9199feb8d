package drain_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

func BenchmarkObserve(b *testing.B) {
	q := walk(4096, 1e5, -1, 40, 1)
	e := q.estimator(b)
	samples := make([]drain.Sample, q.n)
	for i := range samples {
		samples[i] = drain.Sample{Backlog: drain.Items(q.backlog(i)), Inflow: drain.Count(5), Outflow: drain.Count(6)}
	}
	now := at(1e6)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := samples[i%len(samples)]
		s.Time = now.Add(at(10 * float64(i)).Sub(start))
		if err := e.Observe(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	for _, n := range []int{10, 100, 10000} {
		q := walk(n, 1e6, -10, 40, 1)
		q.in = func(i int) float64 { return float64(40 + i%7) }
		q.out = func(i int) float64 { return float64(50 + i%5) }
		e := q.estimator(b)
		deadline := at(5e5)
		b.Run(fmt.Sprintf("samples=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				// Two times with three quantiles each, P(never), delays and a deadline.
				p, err := e.Predict(drain.Question{})
				if err != nil || !(p.ClearedBy(deadline) >= 0) {
					b.Fatal(p, err)
				}
			}
		})
	}
}

func TestMemoryIsFixed(t *testing.T) {
	// What WithMemory says, measured over 100 estimators, after few samples and after many.
	const n = 100
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // the second one sweeps what the first found
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	measure := func(options ...drain.Option) (few, many float64) {
		before := heap()
		estimators := make([]*drain.Estimator, n)
		for i := range estimators {
			estimators[i] = drain.NewEstimator(options...)
		}
		observe := func(from, to int) {
			for _, e := range estimators {
				for i := from; i < to; i++ {
					require.NoError(t, e.Observe(drain.Sample{Time: at(float64(i)), Backlog: drain.Items(float64(i * i % 70)), Inflow: drain.Count(1)}))
				}
			}
		}
		observe(0, 20)
		few = (heap() - before) / n
		observe(20, 600)
		many = (heap() - before) / n
		runtime.KeepAlive(estimators)
		return few, many
	}
	for _, bytes := range []int{1 << 20, 16384, 12288, 8192, 4096, 2048, 0} {
		var options []drain.Option
		if bytes < 1<<20 {
			options = append(options, drain.WithMemory(bytes))
		}
		limit := float64(min(max(bytes, 2048), 16384))
		few, many := measure(options...)
		for try := 0; try < 3 && (many > limit || math.Abs(few-many) > 64); try++ { // what else is in the heap comes and goes
			few, many = measure(options...)
		}
		t.Logf("%d: %.0f bytes each", bytes, many)
		assert.LessOrEqual(t, many, limit)
		assert.InDelta(t, few, many, 64)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	e := walk(100, 1e5, -1, 40, 1).estimator(t)
	seconds := 1e5
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		seconds++
		require.NoError(t, e.Observe(drain.Sample{Time: at(seconds), Backlog: drain.Items(5), Inflow: drain.Count(1), Outflow: drain.Count(2)}))
	}))
}
