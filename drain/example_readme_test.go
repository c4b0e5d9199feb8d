package drain_test

import (
	"fmt"
	"log"
	"time"

	"github.com/postsack/backlog/drain"
)

// readme is the code of the README, which is compared with this file by a test of examples/eta.
func readme(samples []drain.Sample) error {
	est := drain.NewEstimator()
	for _, s := range samples {
		if err := est.Observe(s); err != nil {
			log.Print(err) // a sample that cannot be used; what was accepted before stays
		}
	}
	p, err := est.Predict(drain.Question{})
	if err != nil {
		return err
	}
	fmt.Println(p)                                           // the line that answers
	fmt.Println(p.State, p.TimeToClear.Upper, p.Never)       // and its parts
	fmt.Println(p.ClearedBy(p.AsOf.Add(2*time.Hour)) > 0.95) // done in two hours?
	return nil
}

func Example_samples() {
	now := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	var samples []drain.Sample
	for i := range 30 {
		samples = append(samples, drain.Sample{Time: now.Add(time.Duration(i) * time.Minute), Backlog: drain.Items(float64(1200 - 5*i + i*i%7))})
	}
	if err := readme(samples[:1]); err != nil {
		fmt.Println(err)
	}
	for i := range 2 { // one alone could be a failed scrape
		samples = append(samples, drain.Sample{Time: now.Add(time.Duration(30+i) * time.Minute), Backlog: drain.Items(0)})
	}
	if err := readme(samples); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 200 items, too little known: cannot tell yet when it will clear
	// unknown NaN NaN
	// false
	// 0 items, cleared
	// cleared 0 0
	// true
}
