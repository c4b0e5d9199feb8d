package drain

import (
	"fmt"
	"time"
)

// Question says what is asked. The zero Question asks when the queue will be empty, as of the last sample, with bounds at level 0.9.
type Question struct {
	// At is the moment of asking, from which all times count. Zero: the time of the last sample; for numbers, no clock times are given.
	At time.Time
	// Target is the backlog that counts as cleared, in items; 0 unless given.
	Target float64
	// Level is the probability mass of the central intervals, in (0, 1). Zero: 0.9, bounds at the 0.05 and 0.95 quantiles.
	Level float64
	// Deadlines are the moments for which the probability of being cleared by then is wanted.
	Deadlines []time.Time
	// Plans are what is known to change, or what might be done: each has an Outcome.
	Plans []Plan
	// Feedback is how the queue acts on its own flows, where that is known; what is left unknown of retries, abandonment and poison is
	// looked for in the samples. See Effects.
	Feedback Feedback
}

func (q Question) withDefaults() (Question, error) {
	if q.Level == 0 {
		q.Level = 0.9
	}
	if !(q.Level > 0 && q.Level < 1) {
		return q, fmt.Errorf("drain: %w: Level is %v, want a number between 0 and 1", ErrInvalid, q.Level)
	}
	if err := Exactly(q.Target).check("Target"); err != nil {
		return q, err
	}
	if err := q.Feedback.check(); err != nil {
		return q, err
	}
	if q.Target < 0 {
		return q, fmt.Errorf("drain: %w: Target is %v, want 0 or more", ErrInvalid, q.Target)
	}
	return q, nil
}
