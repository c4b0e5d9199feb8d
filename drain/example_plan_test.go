package drain_test

import (
	"fmt"
	"log"
	"time"

	"github.com/postsack/backlog/drain"
)

// The article: storage failed on Monday, and on Friday 1.4 million mails are waiting. Ten machines more work already, which the 300 a second have in them; fifty are to follow, and another
// outage of some six hours is not ruled out. When is it over, and what does it take to be done by Saturday noon, 95 % sure?
func Example_plans() {
	friday := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.FixedZone("CET", 3600))
	noon := friday.Add(20 * time.Hour)
	mails := drain.Numbers{Backlog: drain.About(1.4e6, 5e4), Net: drain.About(300, 50), Delay: drain.About(9000, 900)}

	fifty := drain.Change{Label: "fifty machines", At: drain.In(30 * time.Minute), Workers: 50, Each: drain.About(6, 1.5), Over: 30 * time.Minute}
	outage := drain.Risk{Label: "outage", Probability: 0.1, Until: drain.In(2 * time.Hour), Length: 6 * time.Hour, LengthSD: 2 * time.Hour}
	p, err := mails.Predict(drain.Question{At: friday, Deadlines: []time.Time{noon}, Plans: []drain.Plan{
		{Name: "fifty machines", Changes: []drain.Change{fifty}},
		{Name: "another outage", Risks: []drain.Risk{outage}},
		{Name: "both", Changes: []drain.Change{fifty}, Risks: []drain.Risk{outage}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p)
	for _, o := range p.Outcomes {
		fmt.Printf("%s: %s; by noon %s\n", o.Plan.Name, o.Prediction.TimeToClear, drain.FormatProbability(o.Prediction.Deadlines[0].Probability))
	}
	goal := drain.Goal{By: noon, Probability: 0.95, Lever: drain.MoreWorkers, Each: drain.About(6, 1.5), Plan: drain.Plan{Risks: []drain.Risk{outage}}}
	sooner := goal
	sooner.By, sooner.Probability = friday.Add(time.Hour), 0.9
	for _, goal := range []drain.Goal{goal, sooner} {
		answer, err := drain.Need(mails.Predict, drain.Question{At: friday}, goal)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer)
	}
	// Output:
	// 1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 01 min – 1 h 48 min), about 17:18 CET
	// fifty machines: 1 h 01 min (90 %: 53 min – 1 h 13 min); by noon > 99.9 %
	// another outage: 1 h 19 min (90 %: 1 h 01 min – 8 h); by noon 99.8 %
	// both: 1 h 02 min (90 %: 53 min – 4 h); by noon > 99.9 %
	// nothing more is needed: done by 12:00 CET with 99.8 %
	// 33 workers more at 6/s ± 1.50/s each: done by 17:00 CET with 91 %
}
