// Package drain answers when a queue will be empty, and how sure that is.
//
// Samples of the backlog, and of what enters and leaves where that is measured, go in one at a time; a Prediction comes out on demand: the median
// of the time to clear, bounds at any level, the probability of being done by a deadline and that of never. Without samples, rounded numbers
// are enough ("1.4 million ± 50 000 at 300 ± 50 a second"): see Numbers.
//
// Most callers want NewEstimator, Estimator.Observe and Estimator.Predict(Question{}), and print the Prediction or marshal it to JSON.
//
// # Samples
//
// A Sample has a time and any of a backlog, an inflow, an outflow and a delay. A flow is a Count of the interval, a Total of a cumulative counter, or a rate
// (PerSecond). Each may come in samples of its own, at times of its own, somewhat out of order, and be missing for a while; after one backlog the
// flows alone are enough. What is wrong with a sample has a code (Problems): it is repaired where that is possible, otherwise rejected, counted
// in either case (Counts), and everything accepted before stays.
//
// # Answers
//
// Three times are easily mixed up, and each has its own field: TimeToClear, until the backlog is at the target while arrivals go on;
// CurrentBacklog, until what waits now is served, whatever comes later; and Delay, how long an item waits.
//
// The State says what the flow does now, with the Evidence for it. It follows a change of the rate within a few samples and is flipped by no single one;
// Since and Before tell when the rate changed and what it was (forecast.Trend has the test and its false alarms). A growing queue is said to grow,
// with its rate and the probability of never; its median is +Inf, unless what is known of it says that it turns, and then the prediction gives that as a
// reason (DrainedBefore, TimeOfDay, CameAsFast, RateVaried). No time is negative or a sentinel; NaN is unknown.
//
// Where the backlog and the flows disagree beyond noise, the Leak says what leaves or enters unmeasured. The backlog is then the truth for the time to clear;
// the measured flows tell the delays and the time of the current backlog.
//
// The time to clear is that of a panel of forecasters (forecast.Panel): the rate of the last samples, the time for which the backlog has been above the target, and
// how earlier drains on this queue went, from like backlogs at like speeds, at this time of day and week. Their weights follow their record, the whole is recalibrated on
// its own, and both are part of the prediction: Weights, Basis and Record. Before there is a record the bounds rest on the first two, and are wide. The inflow and
// the outflow take no part in it: a capacity less the usual inflow, as they tell it, earned no weight beside the record on recorded queues. They tell the state, the
// delays and the time of the current backlog.
//
// The bounds hold about as often as they say where the queue does what it did before, or something between: in simulations 91 to 98 % of the 90 % bounds held with a
// record, 92 to 99 % in the first incident, and 86 to 95 % of those made at the beginning of one. They know nothing of what the samples do not show, such as a
// repair that is coming or the next outage: that is what a Plan says (Question.Plans), each of which has an Outcome beside the prediction without it. The record of the queue was made
// without plans; it gives the way that the queue goes by itself, on top of which a plan's items are worked off (forecast.Paths). Need answers the question the other way round: what does it
// take to be done by then? Feedback is what the queue does to itself, as given or as the samples show it, and a Group is a queue of several.
//
// The package reads no clock: AsOf is the time of the last sample, or Question.At. The older the last sample is by then, the wider are the bounds, around a
// median that stays where it is on the clock; once it is too old (Stale) the answer is unknown.
//
// The package does not cover queues served in another order than first in, first out, where Delay and CurrentBacklog are concerned (last in, first out;
// priorities); the time to clear does not depend on the order.
package drain
