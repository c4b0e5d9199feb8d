package drain

import (
	"encoding/json"
	"math"
	"time"

	"github.com/postsack/backlog/forecast"
)

// Schema is the version of the JSON form of a Prediction.
const Schema = 2

// QuantileLevels returns the levels of the quantiles that the JSON of every prediction holds, in rising order.
func QuantileLevels() []float64 { return forecast.QuantileLevels() }

// number is a float64 that JSON can hold: what is infinite or NaN becomes null.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// instant is a clock time, null where there is none.
type instant struct{ *time.Time }

func (t instant) MarshalJSON() ([]byte, error) {
	if t.Time == nil {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339Nano))
}

type jsonPrediction struct {
	Schema            int            `json:"schema"`
	Queue             string         `json:"queue"`
	AsOf              instant        `json:"as_of"`
	State             State          `json:"state"`
	Reasons           []Reason       `json:"reasons"`
	Warnings          []string       `json:"warnings"`
	Samples           int            `json:"samples"`
	Backlog           number         `json:"backlog"`
	Target            number         `json:"target"`
	InflowPerSecond   number         `json:"inflow_per_second"`
	OutflowPerSecond  number         `json:"outflow_per_second"`
	NetDrainPerSecond number         `json:"net_drain_per_second"`
	TimeToClear       jsonClear      `json:"time_to_clear"`
	CurrentBacklog    jsonBounds     `json:"current_backlog"`
	Delay             jsonDelay      `json:"delay"`
	NeverProbability  number         `json:"never_probability"`
	HorizonSeconds    number         `json:"horizon_seconds"`
	Deadlines         []jsonDeadline `json:"deadlines"`
	Record            jsonRecord     `json:"record"`
	Weights           []jsonWeight   `json:"weights"`
	Since             instant        `json:"since"`
	Before            number         `json:"net_drain_before_per_second"`
	Evidence          jsonEvidence   `json:"evidence"`
	Leak              jsonLeak       `json:"leak"`
	Counts            jsonCounts     `json:"counts"`
	Plans             []jsonOutcome  `json:"plans"`
	Feedback          jsonFeedback   `json:"feedback"`
	Effects           jsonEffects    `json:"effects"`
}

type jsonFeedback struct {
	Retry      Estimate `json:"retry_per_second"`
	Abandon    Estimate `json:"abandon_per_second"`
	Poison     Estimate `json:"poison"`
	TimeToLive number   `json:"time_to_live_seconds"`
}

type jsonEffects struct {
	Tipping         Estimate   `json:"tipping_backlog"`
	AboveTipping    number     `json:"above_tipping_probability"`
	NeededOutflow   number     `json:"needed_outflow_per_second"`
	Settles         Estimate   `json:"settles_at_backlog"`
	SettlesIn       jsonBounds `json:"settles_in"`
	Expire          jsonExpire `json:"expire"`
	ClearWithExpiry jsonBounds `json:"time_to_clear_with_expiry"`
}

type jsonExpire struct {
	Median number `json:"median_items"`
	Lower  number `json:"lower_items"`
	Upper  number `json:"upper_items"`
}

type jsonOutcome struct {
	Plan             Plan           `json:"plan"`
	TimeToClear      jsonClear      `json:"time_to_clear"`
	NeverProbability number         `json:"never_probability"`
	HorizonSeconds   number         `json:"horizon_seconds"`
	Deadlines        []jsonDeadline `json:"deadlines"`
	Sooner           jsonSooner     `json:"sooner"`
}

type jsonSooner struct {
	jsonBounds
	Probability number `json:"probability"`
}

type jsonBounds struct {
	Median number `json:"median_seconds"`
	Lower  number `json:"lower_seconds"`
	Upper  number `json:"upper_seconds"`
}

type jsonClear struct {
	Level number `json:"level"`
	jsonBounds
	MedianTime instant        `json:"median_time"`
	LowerTime  instant        `json:"lower_time"`
	UpperTime  instant        `json:"upper_time"`
	Quantiles  []jsonQuantile `json:"quantiles"`
}

type jsonQuantile struct {
	P       float64 `json:"p"`
	Seconds number  `json:"seconds"`
}

type jsonDelay struct {
	Oldest      number `json:"oldest_seconds"`
	OldestLower number `json:"oldest_lower_seconds"`
	OldestUpper number `json:"oldest_upper_seconds"`
	Newest      number `json:"newest_seconds"`
	NewestLower number `json:"newest_lower_seconds"`
	NewestUpper number `json:"newest_upper_seconds"`
}

type jsonEvidence struct {
	NetPositive  number `json:"net_positive_probability"`
	SinceOutflow number `json:"since_outflow_seconds"`
	Age          number `json:"age_seconds"`
}

type jsonLeak struct {
	Rate  number `json:"per_second"`
	Lower number `json:"lower_per_second"`
	Upper number `json:"upper_per_second"`
}

type jsonCounts struct {
	Offered  int            `json:"offered"`
	Accepted int            `json:"accepted"`
	Repaired map[Reason]int `json:"repaired"`
	Rejected map[Reason]int `json:"rejected"`
}

type jsonDeadline struct {
	Time        instant `json:"time"`
	Probability number  `json:"probability"`
}

type jsonRecord struct {
	Predictions int    `json:"predictions"`
	WithinLevel number `json:"within_level"`
	Median      number `json:"median_factor"`
}

type jsonWeight struct {
	Source Source `json:"source"`
	Share  number `json:"share"`
}

// MarshalJSON writes the prediction in schema 2: snake case, seconds as numbers, times in RFC 3339 (UTC), and null for what is unknown or never; state
// and never_probability say which. horizon_seconds is null where there is no limit, since where no rate is known, net_drain_before_per_second where no
// change of it was found, the fields of record where no prediction was judged yet, and those of leak where there is no sign of one. counts has the samples offered and accepted, and those repaired and rejected
// for each reason that occurred.
//
// What schema 2 has beside schema 1: plans, an array of {"plan", as ReadPlans reads it, "time_to_clear", "never_probability", "horizon_seconds", "deadlines", as above, and "sooner", the seconds
// by which the target is reached before the time without the plan, with bounds and the probability of being sooner}; feedback, how the queue acts
// on its own flows, as given or seen; and effects, what follows from it; null where there is none; numbers with a standard error are texts such as "2.5±0.3".
func (p Prediction) MarshalJSON() ([]byte, error) {
	j := jsonPrediction{
		Schema: Schema, Queue: p.Queue, AsOf: p.instant(0), State: p.State,
		Reasons: append([]Reason{}, p.Reasons...), Warnings: append([]string{}, p.Warnings...), // [], not null
		Samples: p.Samples, Backlog: number(p.Backlog), Target: number(p.Target),
		InflowPerSecond: number(p.Inflow), OutflowPerSecond: number(p.Outflow), NetDrainPerSecond: number(p.NetDrain),
		TimeToClear:    p.jsonClear(),
		CurrentBacklog: jsonBoundsOf(p.CurrentBacklog),
		Delay: jsonDelay{
			number(p.Delay.Oldest.Median), number(p.Delay.Oldest.Lower), number(p.Delay.Oldest.Upper),
			number(p.Delay.Newest.Median), number(p.Delay.Newest.Lower), number(p.Delay.Newest.Upper),
		},
		Before:           number(p.Before),
		Evidence:         jsonEvidence{number(p.Evidence.NetPositive), number(p.Evidence.SinceOutflow), number(p.Evidence.Age)},
		Leak:             jsonLeak{number(p.Leak.Rate), number(p.Leak.Lower), number(p.Leak.Upper)},
		Counts:           jsonCounts{p.Counts.Offered, p.Counts.Accepted, p.Counts.Repaired, p.Counts.Rejected},
		NeverProbability: number(p.Never), HorizonSeconds: number(p.Horizon),
		Deadlines: p.jsonDeadlines(),
		Record:    jsonRecord{p.Record.Predictions, number(p.Record.WithinLevel), number(p.Record.MedianFactor)},
		Weights:   []jsonWeight{},
		Plans:     []jsonOutcome{},
		Feedback:  jsonFeedback{p.Feedback.Retry, p.Feedback.Abandon, p.Feedback.Poison, number(p.Feedback.lives())},
		Effects: jsonEffects{
			p.Effects.Tipping, number(p.Effects.AboveTipping), number(p.Effects.NeededOutflow), p.Effects.Settles, jsonBoundsOf(p.Effects.SettlesIn),
			jsonExpire{number(p.Effects.Expire.Median), number(p.Effects.Expire.Lower), number(p.Effects.Expire.Upper)}, jsonBoundsOf(p.Effects.ClearWithExpiry),
		},
	}
	for _, o := range p.Outcomes {
		with := o.Prediction
		j.Plans = append(j.Plans, jsonOutcome{
			o.Plan, with.jsonClear(), number(with.Never), number(with.Horizon), with.jsonDeadlines(), jsonSooner{jsonBoundsOf(o.Sooner.Bounds), number(o.Sooner.Probability)},
		})
	}
	for _, w := range p.Weights {
		j.Weights = append(j.Weights, jsonWeight{w.Source, number(w.Share)})
	}
	if !p.Since.IsZero() && writable(p.Since) {
		j.Since = instant{&p.Since}
	}
	if j.Counts.Repaired == nil { // {}, not null
		j.Counts.Repaired = map[Reason]int{}
	}
	if j.Counts.Rejected == nil {
		j.Counts.Rejected = map[Reason]int{}
	}
	return json.Marshal(j)
}

// instant is the clock time that lies the given number of seconds after AsOf.
func (p Prediction) instant(seconds float64) instant {
	t, ok := p.Time(seconds)
	if !ok {
		return instant{}
	}
	return instant{&t}
}

func jsonBoundsOf(b Bounds) jsonBounds {
	return jsonBounds{number(b.Median), number(b.Lower), number(b.Upper)}
}

func (p Prediction) jsonClear() jsonClear {
	b := p.TimeToClear
	j := jsonClear{
		Level: number(b.Level), jsonBounds: jsonBoundsOf(b),
		MedianTime: p.instant(b.Median), LowerTime: p.instant(b.Lower), UpperTime: p.instant(b.Upper),
	}
	for _, q := range forecast.QuantileLevels() {
		j.Quantiles = append(j.Quantiles, jsonQuantile{q, number(p.Quantile(q))})
	}
	return j
}

func (p Prediction) jsonDeadlines() []jsonDeadline {
	j := []jsonDeadline{} // [], not null
	for _, d := range p.Deadlines {
		at := instant{&d.Time}
		if !writable(d.Time) {
			at = instant{}
		}
		j = append(j, jsonDeadline{at, number(d.Probability)})
	}
	return j
}
