package drain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// MarshalJSON writes a number, or a text such as "2.5±0.3" where there is a standard error; null for what is unknown.
func (e Estimate) MarshalJSON() ([]byte, error) {
	switch {
	case !e.known:
		return []byte("null"), nil
	case e.se == 0:
		return json.Marshal(number(e.value))
	}
	return json.Marshal(e.String())
}

// UnmarshalJSON reads a number, a text that ParseEstimate reads, or null.
func (e *Estimate) UnmarshalJSON(b []byte) error {
	var s string
	switch b = bytes.TrimSpace(b); {
	case bytes.Equal(b, []byte("null")):
		*e = Estimate{}
		return nil
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	default:
		s = string(b)
	}
	parsed, err := ParseEstimate(s)
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}

// span is a time.Duration as people write it: "1h30m", or a number of seconds.
type span time.Duration

func (d span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

func (d *span) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		t, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q, want a time such as 90m, or a number of seconds", s)
		}
		*d = span(t)
		return nil
	}
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil || !(seconds > -1e9 && seconds < 4e9) {
		return fmt.Errorf("%s, want a time such as \"90m\", or a number of seconds", b)
	}
	*d = span(seconds * float64(time.Second))
	return nil
}

type jsonPlan struct {
	Name    string       `json:"name"`
	Changes []jsonChange `json:"changes,omitempty"`
	Risks   []jsonRisk   `json:"risks,omitempty"`
}

type jsonChange struct {
	Label   string    `json:"label,omitempty"`
	At      *When     `json:"at,omitempty"`
	For     *span     `json:"for,omitempty"`
	Over    *span     `json:"over,omitempty"`
	Startup *span     `json:"startup,omitempty"`
	Flow    FlowName  `json:"flow,omitempty"`
	By      *Estimate `json:"by,omitempty"`
	Factor  *Estimate `json:"factor,omitempty"`
	To      *Estimate `json:"to,omitempty"`
	Workers float64   `json:"workers,omitempty"`
	Each    *Estimate `json:"each,omitempty"`
	Pause   bool      `json:"pause,omitempty"`
	Queue   string    `json:"queue,omitempty"`
}

type jsonRisk struct {
	Label       string  `json:"label,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Every       *span   `json:"every,omitempty"`
	From        *When   `json:"from,omitempty"`
	Until       *When   `json:"until,omitempty"`
	Length      *span   `json:"length"`
	LengthSD    *span   `json:"length_sd,omitempty"`
	Remaining   float64 `json:"remaining,omitempty"`
	Queue       string  `json:"queue,omitempty"`
}

// given is what a pointer points to, or the zero value.
func given[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}

// unless is a pointer to a value, nil for the zero one.
func unless[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// MarshalJSON writes the plan as ReadPlans reads it.
func (p Plan) MarshalJSON() ([]byte, error) {
	j := jsonPlan{Name: p.Name}
	for _, c := range p.Changes {
		j.Changes = append(j.Changes, jsonChange{
			c.Label, unless(c.At), unless(span(c.For)), unless(span(c.Over)), unless(span(c.Startup)), c.Flow,
			unless(c.By), unless(c.Factor), unless(c.To), c.Workers, unless(c.Each), c.Pause, c.Queue,
		})
	}
	for _, r := range p.Risks {
		j.Risks = append(j.Risks, jsonRisk{
			r.Label, r.Probability, unless(span(r.Every)), unless(r.From), unless(r.Until), unless(span(r.Length)), unless(span(r.LengthSD)), r.Remaining, r.Queue,
		})
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads one plan of ReadPlans.
func (p *Plan) UnmarshalJSON(b []byte) error {
	var j jsonPlan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	*p = Plan{Name: j.Name}
	for _, c := range j.Changes {
		p.Changes = append(p.Changes, Change{
			c.Label, given(c.At), time.Duration(given(c.For)), time.Duration(given(c.Over)), time.Duration(given(c.Startup)), c.Flow, c.Queue,
			given(c.By), given(c.Factor), given(c.To), c.Workers, given(c.Each), c.Pause,
		})
	}
	for _, r := range j.Risks {
		p.Risks = append(p.Risks, Risk{
			r.Label, r.Probability, time.Duration(given(r.Every)), given(r.From), given(r.Until), time.Duration(given(r.Length)), time.Duration(given(r.LengthSD)), r.Remaining, r.Queue,
		})
	}
	return nil
}

// mostPlanned bounds the size of a file of plans.
const mostPlanned = 1 << 20

// ReadPlans reads plans as JSON, and validates them:
//
//	{"plans": [{"name": "fifty machines", "changes": [{"at": "18:00", "workers": 50, "each": "2.5±0.5", "over": "30m"}],
//	            "risks": [{"probability": 0.1, "until": "+24h", "length": "6h", "length_sd": "3h"}]}]}
//
// where the fields are those of Change and Risk in small letters. Moments are those of ParseWhen, times such as "90m" or a number of seconds, and numbers may have a standard error
// ("2.5±0.5"). A field that is not known is an error, which wraps ErrInvalid as all of them do.
func ReadPlans(r io.Reader) ([]Plan, error) {
	b, err := io.ReadAll(io.LimitReader(r, mostPlanned+1))
	if err != nil {
		return nil, err
	}
	if len(b) > mostPlanned {
		return nil, fmt.Errorf("drain: %w: plans of more than %d bytes", ErrInvalid, mostPlanned)
	}
	var file struct {
		Plans []Plan `json:"plans"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("drain: %w: plans: %w", ErrInvalid, err)
	}
	if d.More() {
		return nil, fmt.Errorf("drain: %w: plans: want one JSON object, and nothing after it", ErrInvalid)
	}
	if len(file.Plans) == 0 {
		return nil, fmt.Errorf("drain: %w: no plans, want {\"plans\": [...]} with at least one", ErrInvalid)
	}
	names := map[string]bool{}
	for i, p := range file.Plans {
		if p.Name == "" {
			return nil, fmt.Errorf("drain: %w: plan %d has no name", ErrInvalid, i+1)
		}
		if names[p.Name] {
			return nil, fmt.Errorf("drain: %w: two plans are named %q", ErrInvalid, p.Name)
		}
		names[p.Name] = true
		if err := p.Validate(); err != nil {
			return nil, err
		}
	}
	return file.Plans, nil
}
