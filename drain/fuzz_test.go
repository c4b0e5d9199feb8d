package drain_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/postsack/backlog/drain"
)

// FuzzEstimator feeds samples made of bytes, eight each, and holds every prediction against what all of them promise.
func FuzzEstimator(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"), 0.0)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 255, 255, 255, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1, 1, 1}, 3.0)
	f.Add([]byte{9, 9, 9, 9, 9, 9, 9, 255}, 1e300)
	f.Fuzz(func(t *testing.T, data []byte, target float64) {
		e := drain.NewEstimator()
		offered, accepted := 0, 0
		now := time.Unix(1e9, 0)
		for ; len(data) >= 8; data = data[8:] {
			// The step in time may be zero, tiny, huge or backwards; the last byte makes values that are unknown, huge, negative or not numbers.
			step := time.Duration(int8(data[0])) * time.Duration(math.Pow(10, float64(data[1]%12)))
			now = now.Add(step)
			reading := func(hi, lo byte) drain.Reading {
				x := float64(hi)*256 + float64(lo)
				switch data[7] % 16 {
				case 1:
					return drain.Reading{}
				case 2:
					x *= 1e300
				case 3:
					x = math.NaN()
				case 4:
					x = -x
				case 5:
					x = math.Inf(1)
				case 6:
					x *= 1e-300
				}
				return drain.Items(x)
			}
			offered++
			err := e.Observe(drain.Sample{Time: now, Backlog: reading(data[2], data[3]), Inflow: drain.Items(float64(data[4])), Outflow: reading(data[5], data[6])})
			var r *drain.Rejection
			switch {
			case err == nil:
				accepted++
			case errors.As(err, &r):
				now = now.Add(-step)
			default:
				t.Fatal(err)
			}
			if offered%8 == 0 || len(data) < 16 {
				check(t, e, target)
			}
		}
		rejected := 0
		for _, n := range e.Rejected() {
			rejected += n
		}
		if accepted+rejected != offered {
			t.Fatalf("%d accepted, %d rejected, %d offered", accepted, rejected, offered)
		}
	})
}

func check(t *testing.T, e *drain.Estimator, target float64) {
	p, err := e.Predict(drain.Question{Target: target})
	if err != nil {
		if !errors.Is(err, drain.ErrInvalid) {
			t.Fatal(err)
		}
		return
	}
	if _, err := json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if p.String() == "" {
		t.Fatal("no text")
	}
	if p.State == drain.Unknown && p.Law() == nil {
		return
	}
	if !(p.Never >= 0 && p.Never <= 1) {
		t.Fatalf("P(never) = %v", p.Never)
	}
	before := 0.0
	for _, l := range drain.QuantileLevels() {
		q := p.Quantile(l)
		if !(q >= before) {
			t.Fatalf("quantile %v is %v, that before it %v: %v", l, q, before, p)
		}
		before = q
	}
	b := p.TimeToClear
	if p.State == drain.Growing && !math.IsInf(b.Median, 1) && !slices.Contains(p.Reasons, drain.RateVaried) {
		t.Fatalf("growing, and yet %v: %v", b, p.Reasons)
	}
	if !(b.Lower <= b.Median && b.Median <= b.Upper) {
		t.Fatalf("bounds %v", b)
	}
}
