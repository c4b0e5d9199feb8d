package drain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/postsack/backlog/drain"
)

func ExampleNumbers() {
	p, err := drain.Numbers{
		Backlog: drain.Exactly(1.4e6),
		Inflow:  drain.Exactly(700),
		Outflow: drain.Exactly(1000),
	}.Predict(drain.Question{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("empty after %.0f s, arrivals going on\n", p.TimeToClear.Median)
	fmt.Printf("what waits now is served after %.0f s\n", p.CurrentBacklog.Median)
	fmt.Println(p.Warnings[0])
	// Output:
	// empty after 4667 s, arrivals going on
	// what waits now is served after 1400 s
	// no errors were given: bounds this narrow assume exact, constant rates, with no uncertainty but that of counting
}

func ExampleNumbers_willNotClear() {
	p, err := drain.Numbers{
		Backlog: drain.Exactly(84210),
		Inflow:  drain.About(62, 3),
		Outflow: drain.About(50, 3),
	}.Predict(drain.Question{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	fmt.Println("never:", math.IsInf(p.TimeToClear.Median, 1))
	// Output:
	// 84 210 items, growing by 12/s: will not clear at this rate (P(never) 99.8 %)
	// never: true
}

func ExampleEstimator() {
	est := drain.NewEstimator()
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	backlog := 5000.0
	for i := range 60 { // one sample a minute
		in, out := 40+float64(i*i%7), 90+float64(i*i%11)
		backlog += in - out
		now = now.Add(time.Minute)
		err := est.Observe(drain.Sample{Time: now, Backlog: drain.Items(backlog), Inflow: drain.Count(in), Outflow: drain.Count(out)})
		if err != nil {
			fmt.Println(err) // the sample was rejected and counted; what was accepted before stays
		}
	}
	p, err := est.Predict(drain.Question{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	fmt.Printf("%s, %s by 17:40\n", p.State, drain.FormatProbability(p.ClearedBy(now.Add(40*time.Minute))))
	// Output:
	// 1 880 items, draining at 52.0/min: cleared in 36 min (90 %: 32 min – 44 min), about 17:36 UTC
	// draining, 85 % by 17:40
}

func ExampleEstimator_tooFewSamples() {
	est := drain.NewEstimator()
	if err := est.Observe(drain.Sample{Time: time.Unix(1795429341, 0), Backlog: drain.Items(41)}); err != nil {
		fmt.Println(err)
	}
	p, err := est.Predict(drain.Question{})
	fmt.Println(p, err)
	fmt.Println(p.State, p.Warnings[0])
	// Output:
	// 41 items, too little known: cannot tell yet when it will clear <nil>
	// unknown 1 sample with a backlog so far: at least 3 are needed
}

func ExampleEstimator_Observe_rejected() {
	est := drain.NewEstimator()
	err := est.Observe(drain.Sample{Time: time.Unix(1795429341, 0), Backlog: drain.Items(-7)})
	fmt.Println(err)
	fmt.Println(est.Counts().Rejected)
	// Output:
	// drain: sample rejected: backlog is -7, want a count of 0 or more
	// map[negative:1]
}

func ExamplePrediction_Bounds() {
	p, err := drain.Numbers{Backlog: drain.About(1.4e6, 50e3), Net: drain.About(300, 50)}.Predict(drain.Question{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, level := range []float64{0.5, 0.9, 0.99} {
		b := p.Bounds(level)
		fmt.Printf("%2.0f %%: %.0f s to %.0f s\n", 100*level, b.Lower, b.Upper)
	}
	// Output:
	// 50 %: 4183 s to 5270 s
	// 90 %: 3634 s to 6458 s
	// 99 %: 3219 s to 8223 s
}

func ExamplePrediction_MarshalJSON() {
	p, err := drain.Numbers{Queue: "mail-out", Backlog: drain.Exactly(84210), Net: drain.About(-12, 3)}.Predict(drain.Question{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// JSON has no infinity: a time that is never, or unknown, is null.
	out, err := json.Marshal(p)
	var fields struct {
		Queue, State string
		TimeToClear  map[string]any `json:"time_to_clear"`
	}
	fmt.Println(err, json.Unmarshal(out, &fields))
	fmt.Println(fields.Queue, fields.State, fields.TimeToClear["median_seconds"])
	// Output:
	// <nil> <nil>
	// mail-out growing <nil>
}

func ExampleParseEstimate() {
	for _, s := range []string{"1.4M±50k", "300+-50", "2h"} {
		e, err := drain.ParseEstimate(s)
		fmt.Println(e, err)
	}
	// Output:
	// 1.4e+06±50000 <nil>
	// 300±50 <nil>
	// unknown drain: invalid argument: "2h", want a number such as 300, 1.4M or 1.4M±50k
}

func ExampleFormatDuration() {
	for _, seconds := range []float64{0.00042, 4666.7, 61 * 3600, 1e10, math.Inf(1)} {
		fmt.Println(drain.FormatDuration(seconds, 0))
	}
	fmt.Println(drain.FormatDuration(4666.7, 4*3600)) // bounds that are four hours apart
	// Output:
	// 420 µs
	// 1 h 18 min
	// 61 h 00 min
	// 317 years
	// never
	// 1 h 18 min
}
