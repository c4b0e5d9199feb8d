// Package forecast tells how long it takes to work off an amount: the laws of that time, and forecasters that learn from observations which law holds.
// It knows nothing of queues; package drain, which most programs want instead, asks it about theirs.
//
// The laws: FirstPassage, for a net rate that is uncertain and wanders; StudentPassage, the same where the size of both is itself an estimate;
// UncertainDistance, where the amount is; Resumption, where nothing moves and one waits for that to end; Mixture, where several laws may hold;
// ChangingPassage, where the rate changes in a way that is known (an Extra) or follows the level; Last, for the last of several with a cause in common. Each
// is a Distribution, possibly defective: the amount may never be worked off. A law of a known rate and a measured noise is
// FirstPassage{Distance: a, Drift: m, Volatility: s}.
//
// The forecasters observe a running total: what has been worked off so far. Panel is what package drain forecasts with: several members, weighted by their record
// and recalibrated. Its members alone: Drift takes the rate over the last observations, Drifts the rates over several memory lengths, Reversal the time since the
// total was last where it shall be again. Trend tells since when the present rate holds and what it was before. They are streaming, of fixed memory and
// deterministic. A panel's Paths say what becomes of its forecast when something is worked off in addition. No part of the package reads a clock or a global source of randomness.
//
// The scores are for anyone's forecasts: Pinball, IntervalScore, WeightedIntervalScore, CRPS, Coverage, PIT and Skill, on a LogScale or another Scale that also takes
// care of what has not happened yet.
package forecast
