package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/postsack/backlog/forecast"
)

// Two forecasts of when a repair will be done, one of about an hour, give or take a lot, the other one sure of 40 minutes; and what may happen.
func ExampleWeightedIntervalScore() {
	levels := []float64{0.05, 0.25, 0.5, 0.75, 0.95}
	minutes := map[string][]float64{
		"unsure": {20, 40, 60, 90, 240},
		"sure":   {36, 38, 40, 42, 44},
	}
	on := forecast.LogScale{Unit: 60, Horizon: 86400} // a minute is little, and a day is as good as never
	for _, outcome := range []float64{41, 75, math.Inf(1)} {
		loss := func(name string) float64 {
			var places []float64
			for _, m := range minutes[name] {
				places = append(places, on.Of(60*m))
			}
			return forecast.WeightedIntervalScore(levels, places, on.Of(60*outcome))
		}
		fmt.Printf("done after %v min: unsure %.2f, sure %.2f\n", outcome, loss("unsure"), loss("sure"))
	}
	// Output:
	// done after 41 min: unsure 0.29, sure 0.03
	// done after 75 min: unsure 0.25, sure 0.83
	// done after +Inf min: unsure 3.72, sure 5.07
}

// Forecasts of your own, a law each, against what happened; 900 s is as far as anyone looks, and what takes longer is still open then.
func ExampleCoverage() {
	law := forecast.FirstPassage{Distance: 1000, Drift: 3, DriftSD: 1, Volatility: 20}
	on := forecast.PlainScale{Horizon: 900}
	held, where, loss := forecast.Coverage{Level: 0.9}, forecast.PIT{}, 0.0
	src := rand.NewPCG(1, 2)
	for range 500 {
		happened := law.Rand(src)
		held.Add(on.Of(law.Quantile(0.05)), on.Of(law.Quantile(0.95)), on.Of(happened))
		where.Add(law, happened, 900)
		loss += forecast.CRPS(law, happened, on) / 500
	}
	lower, upper := held.Bounds(0.95)
	_, p := where.ChiSquare()
	fmt.Printf("%d of %d held, so %.0f to %.0f %% would\n", held.Within, held.N(), 100*lower, 100*upper)
	fmt.Printf("%d too early, %d too late; uniform with p = %.1f; loss %.0f s\n", held.Early, held.Late, p, loss)
	// Output:
	// 447 of 500 held, so 86 to 92 % would
	// 28 too early, 25 too late; uniform with p = 0.4; loss 102 s
}
