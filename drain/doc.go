// Package drain answers when a queue will be empty, and how sure that is.
//
// Samples of the backlog, and of what enters and leaves where that is measured, go in one at a time; a Prediction comes out on demand: the median
// of the time to clear, bounds at any level, the probability of being done by a deadline and that of never. Without samples, rounded numbers
// are enough ("1.4 million ± 50 000 at 300 ± 50 a second"): see Numbers.
//
// Most callers want NewEstimator, Estimator.Observe and Estimator.Predict(Question{}), and print the Prediction or marshal it to JSON.
//
// Three times are easily mixed up, and each has its own field: TimeToClear, until the backlog is at the target while arrivals go on;
// CurrentBacklog, until what waits now is served, whatever comes later; and Delay, how long an item waits.
//
// The bounds of a prediction from samples are those of a mixture of random walks with drift (package forecast), one for each of several memory
// lengths. They hold about as often as they say, or more often, where the net flow goes on as it did over one of them, or wanders from it at
// the pace at which it wandered so far. They know nothing of what the samples do not show: a repair that is planned, tonight's peak, an outage to come.
//
// A growing queue is said to grow, with its rate and the probability of never; its median is +Inf, unless its rate varied so much before that it
// may well turn, and then the prediction gives that as a reason (RateVaried). No time is negative or a sentinel; NaN is unknown. The
// package reads no clock: AsOf is the time of the last sample, or Question.At.
//
// The package does not cover queues served in another order than first in, first out, where Delay and CurrentBacklog are concerned, nor priorities.
package drain
