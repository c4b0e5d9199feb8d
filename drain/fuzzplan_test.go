package drain_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/drain"
)

// FuzzPlans: whatever a file of plans holds, it is refused, or its predictions are in order, its difference is a number, and it can be written and read again.
func FuzzPlans(f *testing.F) {
	for _, s := range []string{
		`{"plans": [{"name": "a", "changes": [{"at": "18:00", "workers": 50, "each": "2.5±0.5", "over": "30m", "startup": 90}], "risks": [{"probability": 0.1, "until": "+24h", "length": "6h", "length_sd": "3h"}]}]}`,
		`{"plans": [{"name": "a", "changes": [{"pause": true, "at": "-1h", "for": "2h"}, {"to": 500, "over": 60}, {"flow": "inflow", "factor": "1e9±1e9"}], "risks": [{"every": "1ms", "length": 3600, "remaining": 0.5}]}]}`,
		`{"plans": [{"name": "a", "changes": [{"by": -1e19, "at": "0001-01-01T00:00:00Z"}, {"by": "1e19±1e19", "at": "9999-12-31T23:59:59Z"}]}]}`,
		`{"plans": [{"name": "a", "changes": [{"workers": -1e300, "each": 1}]}, {"name": "b", "risks": [{"probability": 1, "from": "+2h", "until": "+1h", "length": "876000h"}]}]}`,
	} {
		f.Add(s, 1e5, 300.0, 0.0)
		f.Add(s, 10.0, -3.0, 0.001)
	}
	e := drainingQueue(1e5)
	f.Fuzz(func(t *testing.T, s string, backlog, net, retry float64) {
		plans, err := drain.ReadPlans(strings.NewReader(s))
		if err != nil {
			require.ErrorIs(t, err, drain.ErrInvalid)
			return
		}
		if len(plans) > 4 {
			return
		}
		q := drain.Question{At: friday, Plans: plans, Deadlines: []time.Time{friday.Add(time.Hour)}}
		if retry >= 0 {
			q.Feedback.Retry = drain.Exactly(retry)
		}
		n := drain.Numbers{Backlog: drain.Exactly(backlog), Net: drain.About(net, math.Abs(net)/10), Inflow: drain.Exactly(math.Abs(net))}
		for _, predict := range []func(drain.Question) (drain.Prediction, error){n.Predict, e.Predict} {
			p, err := predict(q)
			if err != nil {
				require.ErrorIs(t, err, drain.ErrInvalid)
				continue
			}
			for _, o := range p.Outcomes {
				last := 0.0
				for _, l := range drain.QuantileLevels() {
					x := o.Prediction.Quantile(l)
					if math.IsNaN(x) && o.Prediction.State == drain.Unknown {
						continue
					}
					require.GreaterOrEqual(t, x, last*(1-1e-9))
					last = x
				}
				if o.Prediction.State != drain.Unknown {
					require.False(t, math.IsNaN(o.Sooner.Median) || math.IsNaN(o.Prediction.Never) || o.Prediction.Never < 0 || o.Prediction.Never > 1)
				}
			}
			_, err = json.Marshal(p)
			require.NoError(t, err)
		}
		written, err := json.Marshal(map[string]any{"plans": plans})
		require.NoError(t, err)
		_, err = drain.ReadPlans(strings.NewReader(string(written)))
		require.NoError(t, err, "%s", written)
	})
}
