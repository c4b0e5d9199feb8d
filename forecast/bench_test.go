package forecast_test

import (
	"math/rand/v2"
	"testing"

	"github.com/postsack/backlog/forecast"
)

// noisy returns a panel after n observations of a queue whose load follows the day, one a minute.
func noisy(n int) (*forecast.Panel, func()) {
	p := forecast.NewPanel(forecast.PanelOptions{Local: func(t float64) float64 { return t }})
	src := rand.New(rand.NewPCG(1, 2))
	level, t := 200.0, 0.0
	step := func() {
		t += 60
		load := 0.9
		if int(t/3600)%24 < 8 {
			load = 1.05
		}
		level = max(0, level+10*src.NormFloat64()+100*(load-1))
		p.Observe(forecast.Observation{Time: t, Total: -level})
	}
	for range n {
		step()
	}
	return p, step
}

func BenchmarkPanelObserve(b *testing.B) {
	_, step := noisy(10000)
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}

func BenchmarkPanelPredict(b *testing.B) {
	p, _ := noisy(10000)
	b.ReportAllocs()
	for b.Loop() {
		p.Predict(100)
	}
}
