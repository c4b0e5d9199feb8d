package forecast_test

import (
	"encoding/csv"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/postsack/backlog/forecast"
)

// column reads a column of numbers of a CSV file with a header; what is none is NaN.
func column(t *testing.T, path string, columns ...int) [][]float64 {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	values := make([][]float64, len(columns))
	for _, row := range rows[1:] {
		for i, c := range columns {
			x, err := strconv.ParseFloat(row[c], 64)
			if err != nil {
				x = math.NaN()
			}
			values[i] = append(values[i], x)
		}
	}
	return values
}

// TestPathsOnRecordedQueues is where the figures in the comment of Paths come from: recorded queues, and an outflow made up that begins at some time, of which the true time is then known. It wants a
// directory with origins.csv (system,row,fraction) and data/SYSTEM.csv (time,backlog,…):
//
//	BENCH=DIR go test ./forecast -run TestPathsOnRecordedQueues -v
func TestPathsOnRecordedQueues(t *testing.T) {
	dir := os.Getenv("BENCH")
	if dir == "" {
		t.Skip("BENCH is unset: want a directory of recorded queues")
	}
	f, err := os.Open(filepath.Join(dir, "origins.csv"))
	require.NoError(t, err)
	defer f.Close()
	origins, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	type origin struct {
		row      int
		fraction float64
	}
	systems := map[string][]origin{}
	for _, o := range origins[1:] {
		row, _ := strconv.Atoi(o[1])
		fraction, _ := strconv.ParseFloat(o[2], 64)
		systems[o[0]] = append(systems[o[0]], origin{row, fraction})
	}
	var loss, ignoring, early, late, n float64
	for name, asked := range systems {
		data := column(t, filepath.Join(dir, "data", name+".csv"), 0, 1)
		times, levels := data[0], data[1]
		at := map[int][]float64{}
		for _, o := range asked {
			at[o.row] = append(at[o.row], o.fraction)
		}
		p := forecast.NewPanel(forecast.PanelOptions{Local: func(s float64) float64 { return s + times[0] - 4*86400 }})
		h := fnv.New64a()
		h.Write([]byte(name))
		r := rand.New(rand.NewPCG(5, h.Sum64()))
		var own, without, before, after, count float64
		for row := range times {
			if !math.IsNaN(levels[row]) {
				p.Observe(forecast.Observation{Time: times[row] - times[0], Total: -levels[row]})
			}
			for _, fraction := range at[row] {
				unit, distance := (times[row]-times[0])/float64(row), levels[row]*(1-fraction)
				extra := forecast.Extra{{At: unit * (math.Exp2(7*r.Float64()) - 1), Rate: distance / (unit * math.Exp2(2+6*r.Float64()))}}
				came := math.Inf(1)
				for j := row + 1; j < min(len(times), row+4000); j++ {
					if s := times[j] - times[row]; levels[row]-levels[j]+extra.Total(s) >= distance {
						came = s
						break
					}
				}
				w, ok := p.Paths(distance)
				if !ok {
					continue
				}
				on := forecast.LogScale{Unit: unit, Horizon: 4000 * unit}
				score := func(law forecast.Distribution) (sum float64) {
					for _, q := range forecast.QuantileLevels() {
						sum += 2 * forecast.Pinball(q, on.Of(law.Quantile(q)), on.Of(came)) / 9
					}
					return sum
				}
				law := w.Law(extra)
				own, without, count = own+score(law), without+score(w.Law(nil)), count+1
				if came < law.Quantile(0.05) {
					before++
				} else if came > law.Quantile(0.95) {
					after++
				}
			}
		}
		if count >= 10 {
			loss, ignoring, early, late, n = loss+own/count, ignoring+without/count, early+before/count, late+after/count, n+1
		}
	}
	t.Logf("%v queues: loss %.3f, %.3f without the extra; the 90 %% bounds held %.3f, early %.3f, late %.3f", n, loss/n, ignoring/n, 1-(early+late)/n, early/n, late/n)
	assert.Less(t, loss, ignoring/3)
	assert.InDelta(t, 0.9, 1-(early+late)/n, 0.05)
}
