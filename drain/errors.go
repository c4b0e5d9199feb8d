package drain

import (
	"errors"
	"slices"
	"strings"
)

var (
	// ErrInvalid is a parameter out of its range: a negative target, a level outside (0, 1), a number that is not finite or above 2⁶⁴.
	ErrInvalid = errors.New("invalid argument")
	// ErrRejected is a sample that cannot be used, or not all of it. What was accepted before stays; the error is a *Rejection, which has the reason.
	ErrRejected = errors.New("sample rejected")
)

// Reason is a code that a program can branch on: what was wrong with a sample, or what a prediction rests on or lacks.
type Reason string

// What can be wrong with a sample. It is then rejected or, where that is possible, repaired, and counted under the reason: see Estimator.Counts.
const (
	// NotFinite: a reading is NaN, infinite or above 2⁶⁴, or the time is unset or more than 292 years from the first sample's. The reading is left out.
	NotFinite Reason = "not_finite"
	// Negative: a reading is below zero, as where two counters are not read at the same instant. The reading is left out.
	Negative Reason = "negative"
	// NothingRead: nothing of the sample is known but its time. It is rejected; a count or a rate that comes next is one since then, and what was counted
	// until then is unknown.
	NothingRead Reason = "nothing_read"
	// OutOfOrder: the sample is older than one before it. It is put where it belongs as long as no more than eight samples are newer; one that comes later still
	// is rejected.
	OutOfOrder Reason = "out_of_order"
	// Duplicate: there is a sample of that time already, to a 2⁵³rd of the time since the first one. One that says the same is rejected. Of another one the backlog, the delay and the
	// totals take the place of those before; counts are added to them.
	Duplicate Reason = "duplicate"
	// ClockAhead: the sample came from the future: far ahead of those before it (one of up to eight such), and three in a row that followed were not. It is
	// rejected.
	ClockAhead Reason = "clock_ahead"
	// ClockBack: the clock was set back. Eight samples in a row, in order, were older than all that was settled; the eighth and those after it are taken
	// as if the clock had gone on.
	ClockBack Reason = "clock_back"
	// Gap: a count or a rate came after far longer than such readings usually are apart, so that it is not known what it counts. The flow of the gap is
	// unknown. No other reading is lost.
	Gap Reason = "gap"
	// CounterReset: a total is below the one before it by an eighth of that or more: the counter began anew. What it had counted until then is lost, so
	// the flow of the interval is unknown; it goes on from the new total.
	CounterReset Reason = "counter_reset"
	// PartialReset: a total is below the one before it by less than an eighth: a sum over several counters that lost one, or replicas of a
	// counter that are read in turn. The flow of the interval is unknown; it goes on from the new total.
	PartialReset Reason = "partial_reset"
	// AbsurdJump: a backlog that is beyond all that was seen (a tenth of the one before or less, or ten times the largest so far or more; thirty standard
	// deviations off; not explained by the flows), and the next one is back. It is rejected.
	AbsurdJump Reason = "absurd_jump"
)

// problems are all that can be wrong with a sample, in the order of their notes.
var problems = [...]Reason{NotFinite, Negative, NothingRead, OutOfOrder, Duplicate, ClockAhead, ClockBack, Gap, CounterReset, PartialReset, AbsurdJump}

// sentence is how people read a problem.
func sentence(r Reason) string { return strings.ReplaceAll(string(r), "_", " ") }

// note is what was wrong with a sample: 0 for nothing, else 1 + the index among problems.
type note uint8

func noteOf(r Reason) note { return note(1 + slices.Index(problems[:], r)) }

// Problems returns all reasons for which a sample can be rejected or repaired, in a fixed order.
func Problems() []Reason { return slices.Clone(problems[:]) }

// Reasons that a prediction gives for what it says.
const (
	// FewSamples: fewer than three samples with a backlog.
	FewSamples Reason = "few_samples"
	// Stale: the last sample is more than three times as old as samples usually are apart. The state and the times are unknown once it is sixteen
	// times as old or, where it is more than three times as old, once the median of the time to clear has passed with no sample to show for it.
	Stale Reason = "stale"
	// FlowsUnknown: outflow is not known, so neither is the time of the current backlog nor a delay.
	FlowsUnknown Reason = "flows_unknown"
	// NothingLeaves: items wait, and none leave.
	NothingLeaves Reason = "nothing_leaves"
	// NoTrend: the net drain rate cannot be told from zero.
	NoTrend Reason = "no_trend"
	// NetNegative: more enters than leaves.
	NetNegative Reason = "net_negative"
	// RateChanged: the net drain rate changed while samples were taken; see Prediction.Since and Prediction.Before.
	RateChanged Reason = "rate_changed"
	// RateVaried: the queue grows or is stalled, and yet the median time to clear is finite, because its rate changed, or its backlog wandered, enough before
	// or, where it was made from numbers, because a few items may be served by chance before more come.
	RateVaried Reason = "rate_varied"
	// CameAsFast: the same, because a backlog takes about as long to go as it took to come.
	CameAsFast Reason = "came_as_fast"
	// DrainedBefore: the same, because from like backlogs the queue came down before.
	DrainedBefore Reason = "drained_before"
	// TimeOfDay: the same, because it comes down at this time of day, or of the week.
	TimeOfDay Reason = "time_of_day"
	// MayNotClear: P(never) is above (1 - level)/2, so the upper bound is never.
	MayNotClear Reason = "may_not_clear"
	// Planned: this is with a plan.
	Planned Reason = "planned"
	// AboveTipping: with the retries that are given or seen, the queue may be above the backlog from which it does not clear by itself: see Effects.
	AboveTipping Reason = "above_tipping"
	// Settles: with the feedback that is given or seen, the queue settles above the target.
	Settles Reason = "settles"
	// RetriesSeen: the inflow was seen to rise with the backlog, as with retries and log-ins: see Feedback.
	RetriesSeen Reason = "retries_seen"
	// AbandonmentSeen: more was seen to leave the more wait, beside what is served.
	AbandonmentSeen Reason = "abandonment_seen"
	// FloorSeen: the backlog came to rest above the target before, and went no lower since.
	FloorSeen Reason = "floor_seen"
	// Expires: items expire before they are served.
	Expires Reason = "expires"
	// LeavesUnmeasured: the backlog falls faster than the measured flows make it: items expire, bounce, are counted twice as they come, or somebody
	// else takes them.
	LeavesUnmeasured Reason = "leaves_unmeasured"
	// EntersUnmeasured: the backlog rises faster than the measured flows make it: items come by another way, or are counted twice as they leave.
	EntersUnmeasured Reason = "enters_unmeasured"
	// BacklogInferred: the backlog was worked out from the flows since it was last measured.
	BacklogInferred Reason = "backlog_inferred"
	// FlowsFromDelay: inflow and outflow are worked out from the reported delay.
	FlowsFromDelay Reason = "flows_from_delay"
	// DelayDisagrees: the reported delay is not what first in, first out makes of the measured inflow.
	DelayDisagrees Reason = "delay_disagrees"
	// JumpUnconfirmed: the last backlog is an absurd jump unless the next one confirms it; the prediction does without it.
	JumpUnconfirmed Reason = "jump_unconfirmed"
	// CountingOnly: no errors were given; the bounds are those of counting at exact, constant rates.
	CountingOnly Reason = "counting_only"
	// SamplesRejected: some samples could not be used.
	SamplesRejected Reason = "samples_rejected"
	// SamplesRepaired: some samples were used after a repair.
	SamplesRepaired Reason = "samples_repaired"
)

// Rejection is the error of a sample that could not be used, or not all of it.
type Rejection struct {
	Reason Reason
	// Detail says what was found and what was expected.
	Detail string
	// Partial is set where the other readings of the sample were used: it is then counted as repaired.
	Partial bool
}

// Error returns the reason and the detail.
func (r *Rejection) Error() string {
	if r.Partial {
		return "drain: sample used in part: " + r.Detail
	}
	return "drain: sample rejected: " + r.Detail
}

// Is makes errors.Is(err, ErrRejected) true.
func (r *Rejection) Is(target error) bool { return target == ErrRejected }

// Counts says what became of the samples: Offered = Accepted + Repaired + Rejected. A sample with several things wrong is counted once, under the first.
type Counts struct {
	// Offered is how many samples there were.
	Offered int
	// Accepted is how many were used as they are.
	Accepted int
	// Repaired is how many were used after a repair, or in part, and Rejected how many were not; both for each reason that occurred.
	Repaired, Rejected map[Reason]int
}

// tally counts samples.
type tally struct {
	offered            int
	repaired, rejected [len(problems)]uint32
}

func (t *tally) repair(n note) {
	if n > 0 {
		t.repaired[n-1]++
	}
}

func (t *tally) reject(n note) { t.rejected[n-1]++ }

func (t *tally) counts() Counts {
	c := Counts{Offered: t.offered, Accepted: t.offered, Repaired: map[Reason]int{}, Rejected: map[Reason]int{}}
	for i, r := range problems {
		if n := int(t.repaired[i]); n > 0 {
			c.Repaired[r] = n
			c.Accepted -= n
		}
		if n := int(t.rejected[i]); n > 0 {
			c.Rejected[r] = n
			c.Accepted -= n
		}
	}
	return c
}
