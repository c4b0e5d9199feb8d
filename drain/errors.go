package drain

import (
	"errors"
	"slices"
)

var (
	// ErrInvalid is a parameter out of its range: a negative target, a level outside (0, 1), a number that is not finite or above 2⁶⁴.
	ErrInvalid = errors.New("invalid argument")
	// ErrRejected is a sample that cannot be used, or not all of it. What was accepted before stays; the error is a *Rejection, which has the reason.
	ErrRejected = errors.New("sample rejected")
)

// Reason is a code that a program can branch on: why a sample was rejected, or what a prediction rests on or lacks.
type Reason string

// Reasons for which a sample is rejected. Each is counted by Estimator.Rejected.
const (
	// NotFinite: the backlog or a flow is NaN, infinite or above 2⁶⁴, or the time is more than 292 years after the first sample's.
	NotFinite Reason = "not_finite"
	// Negative: the backlog or a flow is below zero.
	Negative Reason = "negative"
	// OutOfOrder: the sample is older than the one before it.
	OutOfOrder Reason = "out_of_order"
	// Duplicate: the sample is the same as the one before it, time and all.
	Duplicate Reason = "duplicate"
	// NoBacklog: the first sample has no backlog, so there is nothing to count from yet.
	NoBacklog Reason = "no_backlog"
)

var rejections = [...]Reason{NotFinite, Negative, OutOfOrder, Duplicate, NoBacklog}

// Rejections returns all reasons for which a sample can be rejected, in a fixed order.
func Rejections() []Reason { return slices.Clone(rejections[:]) }

// Reasons that a prediction gives for what it says.
const (
	// FewSamples: fewer than three samples with a backlog.
	FewSamples Reason = "few_samples"
	// Stale: the last sample is more than three times as old as samples usually are apart; at sixteen times the state is Unknown, and so are the times.
	Stale Reason = "stale"
	// FlowsUnknown: outflow is not known, so neither is the time of the current backlog nor a delay.
	FlowsUnknown Reason = "flows_unknown"
	// NothingLeaves: the measured outflow of the window is zero.
	NothingLeaves Reason = "nothing_leaves"
	// NoTrend: the net drain rate cannot be told from zero.
	NoTrend Reason = "no_trend"
	// NetNegative: more enters than leaves.
	NetNegative Reason = "net_negative"
	// RateVaried: the queue grows or is stalled, and yet the median time to clear is finite, because its rate changed, or its backlog wandered, enough before.
	RateVaried Reason = "rate_varied"
	// CountingOnly: no errors were given; the bounds are those of counting at exact, constant rates.
	CountingOnly Reason = "counting_only"
	// SamplesRejected: some samples could not be used.
	SamplesRejected Reason = "samples_rejected"
)

// Rejection is the error of a sample that could not be used.
type Rejection struct {
	Reason Reason
	// Detail says what was found and what was expected.
	Detail string
}

// Error returns the reason and the detail.
func (r *Rejection) Error() string { return "drain: sample rejected: " + r.Detail }

// Is makes errors.Is(err, ErrRejected) true.
func (r *Rejection) Is(target error) bool { return target == ErrRejected }
