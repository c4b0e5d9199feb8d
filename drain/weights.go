package drain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postsack/backlog/forecast"
)

// Weight is the share of a source in the median time to clear.
type Weight struct {
	Source Source
	Share  float64
}

// Source is something that a time to clear can rest on.
type Source string

// The sources.
const (
	// RecentRate: how fast the backlog moved lately.
	RecentRate Source = "recent_rate"
	// TimeAbove: for how long the backlog has been above the target.
	TimeAbove Source = "time_above"
	// EarlierDrains: how earlier drains on this queue went, from like backlogs at like speeds.
	EarlierDrains Source = "earlier_drains"
	// DayPattern: how they went at this time of day.
	DayPattern Source = "day_pattern"
	// WeekPattern: how they went at this time of day, on such a day of the week.
	WeekPattern Source = "week_pattern"
)

// Sources returns all sources, in a fixed order.
func Sources() []Source {
	return []Source{RecentRate, TimeAbove, EarlierDrains, DayPattern, WeekPattern}
}

// sourceOf says what a member of the panel goes by.
var sourceOf = map[forecast.Member]Source{
	forecast.Rates: RecentRate, forecast.Symmetry: TimeAbove, forecast.Level: EarlierDrains, forecast.Likeness: EarlierDrains, forecast.Speed: EarlierDrains,
	forecast.Daytime: DayPattern, forecast.Weekday: WeekPattern,
}

// weights are the shares of the sources, the heaviest first.
func weights(s forecast.Shares) []Weight {
	w := make([]Weight, 0, len(s))
	for m, share := range s {
		source := sourceOf[forecast.Member(m)]
		i := slices.IndexFunc(w, func(w Weight) bool { return w.Source == source })
		switch {
		case i >= 0:
			w[i].Share += share
		case share > 0:
			w = append(w, Weight{source, share})
		}
	}
	slices.SortStableFunc(w, func(a, b Weight) int { return cmp.Compare(b.Share, a.Share) })
	return w
}

// String returns the source in words.
func (s Source) String() string {
	switch s {
	case RecentRate:
		return "how fast the backlog moved lately"
	case TimeAbove:
		return "for how long it has been this high"
	case EarlierDrains:
		return "how earlier drains on this queue went"
	case DayPattern:
		return "how earlier drains on this queue went, at this time of day"
	case WeekPattern:
		return "how earlier drains on this queue went, at this time of the week"
	}
	return string(s)
}

// turns is the reason for which a queue that grows is expected to turn: the heaviest source but the rate, as that alone says that it does not, unless there is next to
// nothing else.
func turns(w []Weight) Reason {
	for _, w := range w {
		if w.Share < 0.1 {
			break
		}
		switch w.Source {
		case TimeAbove:
			return CameAsFast
		case EarlierDrains:
			return DrainedBefore
		case DayPattern, WeekPattern:
			return TimeOfDay
		}
	}
	return RateVaried
}

// Basis says in words what the time to clear rests on, such as "mostly: how earlier drains on this queue went (62 %), and for how long it has been this high
// (25 %)"; empty where that is unknown. Sources with less than a tenth are left out.
func (p Prediction) Basis() string {
	var parts []string
	for i, w := range p.Weights {
		if i > 0 && w.Share < 0.1 {
			break
		}
		parts = append(parts, w.Source.String()+" ("+FormatProbability(w.Share)+")")
	}
	switch {
	case len(parts) == 0:
		return ""
	case len(parts) == 1 && p.Weights[0].Share > 0.995:
		return p.Weights[0].Source.String()
	case p.Weights[0].Share >= 0.5:
		parts[0] = "mostly: " + parts[0]
	}
	if n := len(parts); n > 1 {
		parts[n-1] = "and " + parts[n-1]
	}
	return strings.Join(parts, ", ")
}
