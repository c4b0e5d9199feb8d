package drain_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/postsack/backlog/drain"
)

// FuzzEstimator feeds samples made of bytes, ten each, in any order, and holds every prediction against what all of them promise.
func FuzzEstimator(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"), 0.0)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 255, 255, 255, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1, 1, 1}, 3.0)
	f.Add([]byte{9, 9, 9, 9, 9, 9, 9, 255}, 1e300)
	drains := []byte{}
	for i := range 60 { // a queue that drains, flows as counters, one sample in five late
		step := byte(10)
		if i%5 == 4 {
			step = 246
		}
		drains = append(drains, step, 9, 4, byte(255-4*i), byte(i), byte(i), byte(i), byte(i), 16, byte(i))
	}
	f.Add(drains, 0.0)
	f.Fuzz(func(t *testing.T, data []byte, target float64) {
		e := drain.NewEstimator()
		offered := 0
		now := time.Unix(1e9, 0)
		for ; len(data) >= 10; data = data[10:] {
			// The step in time may be zero, tiny, huge or backwards; two bytes make values that are unknown, huge, negative or not numbers, and choose
			// the form of the flows.
			step := time.Duration(int8(data[0])) * time.Duration(math.Pow(10, float64(data[1]%14)))
			at := now.Add(step)
			if data[1] < 128 { // otherwise the clock is off this once
				now = at
			}
			value := func(hi, lo byte) (x float64, known bool) {
				x = float64(hi)*256 + float64(lo)
				switch data[8] % 16 {
				case 1:
					return 0, false
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
				return x, true
			}
			flow := func(hi, lo, form byte) drain.Flow {
				x, known := value(hi, lo)
				switch form % 4 {
				case 0:
					return drain.Flow{}
				case 1:
					return drain.Total(x)
				case 2:
					return drain.PerSecond(x)
				}
				if !known {
					return drain.Flow{}
				}
				return drain.Count(x)
			}
			s := drain.Sample{Time: at, Inflow: flow(data[4], data[5], data[9]), Outflow: flow(data[6], data[7], data[9]/4)}
			if x, known := value(data[2], data[3]); known && data[9]&16 == 0 {
				s.Backlog = drain.Items(x)
			}
			if data[9]&32 != 0 {
				s.Delay = drain.Seconds(float64(data[3]))
			}
			offered++
			var r *drain.Rejection
			if err := e.Observe(s); err != nil && !errors.As(err, &r) {
				t.Fatal(err)
			}
			if offered%8 == 0 || len(data) < 20 {
				check(t, e, target)
			}
		}
		c := e.Counts()
		sum := c.Accepted
		for _, by := range []map[drain.Reason]int{c.Repaired, c.Rejected} {
			for _, n := range by {
				sum += n
			}
		}
		if c.Offered != offered || sum != offered || c.Accepted < 0 {
			t.Fatalf("%d offered, counts %+v", offered, c)
		}
	})
}

func check(t *testing.T, e *drain.Estimator, target float64) {
	later(t, e, target)
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
	for _, x := range []float64{p.Delay.Oldest.Median, p.Delay.Newest.Median, p.CurrentBacklog.Lower, p.Evidence.SinceOutflow, p.Evidence.Age, p.Inflow, p.Outflow} {
		if x < 0 {
			t.Fatalf("negative: %+v", p)
		}
	}
	if p.State == drain.Draining && !(p.NetDrain > 0) || p.State == drain.Growing && !(p.NetDrain < 0) {
		t.Fatalf("%s with a net drain rate of %v", p.State, p.NetDrain)
	}
	if b := p.CurrentBacklog; b.Lower > b.Median || b.Median > b.Upper {
		t.Fatalf("current backlog %v", b)
	}
	if d := p.Delay.Oldest; d.Lower > d.Median || d.Median > d.Upper {
		t.Fatalf("delay %v", d)
	}
	if math.IsNaN(p.Leak.Rate) != math.IsNaN(p.Leak.Lower) || p.Leak.Lower > p.Leak.Upper {
		t.Fatalf("leak %v", p.Leak)
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
	if p.State == drain.Growing && !math.IsInf(b.Median, 1) && !turns(p) {
		t.Fatalf("growing, and yet %v: %v", b, p.Reasons)
	}
	if !(b.Lower <= b.Median && b.Median <= b.Upper) {
		t.Fatalf("bounds %v", b)
	}
}

// later asks some time after the last sample.
func later(t *testing.T, e *drain.Estimator, target float64) {
	p, err := e.Predict(drain.Question{Target: target})
	if err != nil || p.AsOf.IsZero() {
		return
	}
	p, err = e.Predict(drain.Question{Target: target, At: p.AsOf.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if b := p.TimeToClear; p.Law() != nil && !(0 <= b.Lower && b.Lower <= b.Median && b.Median <= b.Upper && p.Never >= 0 && p.Never <= 1) {
		t.Fatalf("a minute later: %v, P(never) %v", b, p.Never)
	}
}
