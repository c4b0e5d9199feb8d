package forecast_test

import (
	"fmt"
	"math"

	"github.com/postsack/backlog/forecast"
)

// 1.4 million mails wait, and 300±50 more leave than arrive per second. Each second's net flow scatters, with a long-run standard
// deviation of 1000 per square root of a second.
func ExampleFirstPassage() {
	empty := forecast.FirstPassage{Distance: 1.4e6, Drift: 300, DriftSD: 50, Volatility: 1000}
	for _, p := range []float64{0.05, 0.5, 0.95} {
		fmt.Printf("%.0f%%: %.0f min\n", 100*p, empty.Quantile(p)/60)
	}
	fmt.Printf("within an hour: %.3f\n", empty.CDF(3600))
	fmt.Printf("never: %.1g\n", empty.Survival(math.Inf(1)))
	// Output:
	// 5%: 60 min
	// 50%: 78 min
	// 95%: 108 min
	// within an hour: 0.047
	// never: 9e-10
}

// The same, where the 50 and the 1000 are themselves estimated, from six intervals: five degrees of freedom.
func ExampleStudentPassage() {
	empty := forecast.StudentPassage{Distance: 1.4e6, Drift: 300, DriftSD: 50, Volatility: 1000, Nu: 5}
	for _, p := range []float64{0.05, 0.5, 0.95} {
		fmt.Printf("%.0f%%: %.0f min\n", 100*p, empty.Quantile(p)/60)
	}
	fmt.Printf("never: %.1g\n", empty.Survival(math.Inf(1)))
	// Output:
	// 5%: 57 min
	// 50%: 78 min
	// 95%: 118 min
	// never: 0.0009
}
