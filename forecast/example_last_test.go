package forecast_test

import (
	"fmt"

	"github.com/postsack/backlog/forecast"
)

// A queue of three partitions is cleared when the last of them is. Partition 1 has the most to do; partition 2 is done; what slows the consumers down slows all of them, with a
// correlation of 0.8·0.8.
func ExampleLast() {
	cleared := forecast.Last{
		Components: []forecast.Distribution{
			forecast.FirstPassage{Distance: 40_000, Drift: 30, DriftSD: 5, Volatility: 100},
			forecast.FirstPassage{Distance: 52_000, Drift: 30, DriftSD: 5, Volatility: 100},
			forecast.FirstPassage{},
		},
		Loadings: []float64{0.8, 0.8, 0.8},
	}
	for _, p := range []float64{0.05, 0.5, 0.95} {
		fmt.Printf("%.0f%%: %.0f min\n", 100*p, cleared.Quantile(p)/60)
	}
	for i, d := range cleared.Drivers() {
		fmt.Printf("driven by partition %d: %.0f%%\n", i, 100*d)
	}
	// Output:
	// 5%: 22 min
	// 50%: 29 min
	// 95%: 41 min
	// driven by partition 0: 5%
	// driven by partition 1: 95%
	// driven by partition 2: 0%
}
