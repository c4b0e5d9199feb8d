package drain_test

import (
	"fmt"
	"time"

	"github.com/postsack/backlog/drain"
)

// The story of the 1.4 million mails, told with numbers alone. A mail provider's storage failed on Monday; on Friday afternoon a spokesman says that
// 1.4 million mails are waiting, that about 300 a second more go out than come in, and that mails arrive two to three hours late.
// All of that is rounded, so each number gets a standard error.
func Example() {
	backlog := drain.About(1.4e6, 50e3) // "1.4 million"
	net := drain.About(300, 50)         // "about 300 a second"
	delay := drain.About(9000, 900)     // "two to three hours", in seconds

	friday := time.Date(2026, time.March, 27, 16, 0, 0, 0, time.UTC)
	evening := friday.Add(90 * time.Minute)

	// What waits now came in within the last delay, which tells the inflow, and with it the outflow.
	inflow := drain.InflowFromDelay(backlog, delay)
	fmt.Printf("inflow %.0f ± %.0f mails/s\n", inflow.Value(), inflow.SE())

	p, err := drain.Numbers{Backlog: backlog, Net: net, Inflow: inflow}.Predict(drain.Question{At: friday, Deadlines: []time.Time{evening}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	fmt.Printf("outflow %.0f mails/s, so what waits now is out in %s\n", p.Outflow, drain.FormatDuration(p.CurrentBacklog.Median, p.CurrentBacklog.Upper-p.CurrentBacklog.Lower))
	fmt.Printf("cleared by %s: %s\n", evening.Format("15:04"), drain.FormatProbability(p.Deadlines[0].Probability))

	// Output:
	// inflow 156 ± 17 mails/s
	// 1.40 M items, draining at 300/s: cleared in 1 h 18 min (90 %: 1 h 01 min – 1 h 48 min), about 17:18 UTC
	// outflow 456 mails/s, so what waits now is out in 51 min
	// cleared by 17:30: 79 %
}
