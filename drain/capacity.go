package drain

import (
	"math"

	"github.com/postsack/backlog/forecast"
)

// average is a rate over the last 2000 intervals or so, the nearer ones counting more: items per second of the seconds that it has seen.
type average struct{ items, seconds float64 }

// averageMemory is long, as what it is for, capacity and the usual inflow, should outlast an incident; 200 and 500 scored worse on recorded queues, 4000 the same.
const averageMemory = 2000

func (a *average) add(items, seconds float64) {
	const keep = 1 - 1.0/averageMemory
	a.items = keep*a.items + items
	a.seconds = keep*a.seconds + seconds
}

func (a *average) rate() float64 { return a.items / a.seconds }

// working is the rate of a flow that works: over the intervals that were busy and no silence, or over all where there were none.
func (s *stream) working() float64 {
	if s.busyFlow.items > 0 {
		return s.busyFlow.rate()
	}
	return s.allFlow.rate()
}

// flowsApart is the net drain rate that the flows tell one by one, and the backlog alone does not: what leaves while the queue is busy is what it can do, what
// leaves while it is not is only what came in. So a busy queue will in the long run fall at
//
//	capacity - inflow
//
// of the outflow over intervals that began with more items than the queue usually has and the inflow over all. It is taken to be known to one half of itself, as
// either mean may be off today, and to what chance makes of it in so many busy seconds. False where the queue was busy for less than thirty usual
// intervals, where the flows do not balance, and where more comes than it can do: a queue that lives has known otherwise, and what was seen is an outage.
func (q *queue) flowsApart(net forecast.Rate) (forecast.Rate, bool) {
	if !q.out.begun || !q.in.begun || !(q.out.busyFlow.seconds >= busyIntervals*q.out.usual()) || !(q.in.allFlow.seconds > 0) {
		return forecast.Rate{}, false
	}
	if _, leaks := q.balance.leak(q.in.allFlow.rate(), q.out.busyFlow.rate()); leaks {
		return forecast.Rate{}, false
	}
	rate := q.out.busyFlow.rate() - q.in.allFlow.rate()
	return forecast.Rate{Mean: rate, SD: math.Hypot(rate/2, net.Volatility/math.Sqrt(q.out.busyFlow.seconds)), Volatility: net.Volatility, Nu: batchesLessOne}, rate > 0
}

const (
	// busyIntervals is how many usual intervals a queue must have been busy for its capacity to be known.
	busyIntervals = 30
	// batchesLessOne is the degrees of freedom that a forecast.Drift has.
	batchesLessOne = 7
	// apart is the weight of what the flows tell beside what the backlog does. On the recorded queues that have flows it took the loss from 0.782 to 0.748;
	// 0.1, 0.2 and 0.4 gave 0.765, 0.754 and 0.746, the last one for a worse one on quiet days.
	apart = 0.3
)

// clearing is the law of the time until distance items are worked off.
func (q *queue) clearing(net forecast.Rate, distance float64) forecast.Distribution {
	laws := q.drifts.Laws(distance)
	if len(laws) == 0 {
		return nil
	}
	flows, ok := q.flowsApart(net)
	if !ok {
		return forecast.Mixture{Components: laws}.Prepare()
	}
	weights := make([]float64, len(laws)+1)
	for i := range laws {
		weights[i] = (1 - apart) / float64(len(laws))
	}
	weights[len(laws)] = apart
	return forecast.Mixture{Components: append(laws, flows.Passage(distance)), Weights: weights}.Prepare()
}
