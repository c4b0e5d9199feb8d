package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postsack/backlog/drain"
)

// message is something to be said. It holds what it tells of, and is written out for the chat only when it is sent.
type message struct {
	ID       string    `json:"id"`
	Incident string    `json:"incident"`
	Event    event     `json:"event"`
	Key      string    `json:"key"`
	Queue    string    `json:"queue"`
	Summary  string    `json:"summary"`
	At       time.Time `json:"at"`
	Now      view      `json:"now"`
	Shown    *forecast `json:"shown,omitempty"` // what was said before
	Why      []change  `json:"why,omitempty"`
	Outcome  *outcome  `json:"outcome,omitempty"`
	Thread   string    `json:"thread,omitempty"`

	Tries     int       `json:"tries"`
	NotBefore time.Time `json:"not_before"`

	version int64 // of the state that holds it first
	flying  bool
	encoded []byte // for the state file; nil once something changed
}

// voice writes a text for one kind of chat.
type voice struct {
	date   func(time.Time) string
	escape func(string) string
}

// plainVoice writes for programs and terminals.
var plainVoice = voice{date: utc, escape: func(s string) string { return s }}

// slackVoice writes Slack's mrkdwn: its client shows each reader a date in the reader's own zone.
var slackVoice = voice{
	date: func(t time.Time) string {
		return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), utc(t))
	},
	// Slack asks for these three and no others.
	escape: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// name is what the incident is about.
func (m *message) name() string { return cmp.Or(m.Queue, m.Summary) }

// line is the one line that comes first.
func (m *message) line(v voice) string {
	f := m.Now.Forecast
	switch {
	case m.Event == closed:
		return m.ending(v)
	case f != nil && (m.Queue == "" || strings.Contains(f.Line, m.Queue)):
		return v.escape(f.Line)
	case f != nil:
		return v.escape(m.Queue + ": " + f.Line)
	case m.Event == changed:
		return v.escape(m.Queue + ": " + m.Now.Problem.String() + " now")
	case m.Queue != "":
		return v.escape(fmt.Sprintf("%s: %s (%s: no prediction)", m.Queue, m.Summary, m.Now.Problem))
	}
	return v.escape(fmt.Sprintf("%s (%s: no prediction)", m.Summary, m.Now.Problem))
}

// ending is the line that closes an incident.
func (m *message) ending(v voice) string {
	o, s := m.Outcome, v.escape(m.name())+": "
	switch {
	case o.At != nil:
		s += "cleared at " + v.date(*o.At)
	case o.Result == asUnheard:
		s += "closed, as Alertmanager has not spoken of it for " + drain.FormatDuration(unheard.Seconds(), 0)
	case m.Now.Forecast != nil:
		s += "resolved by Alertmanager at " + v.date(m.At) + ", not cleared"
	case m.Queue != "":
		s += "resolved by Alertmanager at " + v.date(m.At) + "; " + m.Now.Problem.String() + ": whether it is cleared is not known"
	default:
		s += "resolved by Alertmanager at " + v.date(m.At)
	}
	if o.At != nil && o.Deadline != nil {
		when := "before"
		if o.At.After(*o.Deadline) {
			when = "after"
		}
		s += ", " + when + " the deadline " + v.date(*o.Deadline)
	}
	if o.First == nil {
		if m.Queue != "" {
			s += "; there was no prediction"
		}
		return s
	}
	s += ", predicted first " + span(o.First, v)
	if o.At == nil {
		return s
	}
	switch {
	case o.First.holds(*o.At):
		s += ": within the bounds"
	case o.First.Lower == nil:
		s += ": that did not hold"
	default:
		s += ": outside the bounds"
	}
	if o.Predictions > 1 {
		s += fmt.Sprintf("; %d of the %d predictions said held", o.Held, o.Predictions)
	}
	return s
}

// span is a predicted time with its bounds.
func span(f *forecast, v voice) string {
	median := "never"
	if f.Median != nil {
		median = v.date(*f.Median)
	} else if f.Never == nil {
		return "nothing, as it could not tell"
	}
	switch {
	case f.Lower == nil:
		return median
	case f.Upper == nil:
		return fmt.Sprintf("%s (%s – never)", median, v.date(*f.Lower))
	}
	return fmt.Sprintf("%s (%s – %s)", median, v.date(*f.Lower), v.date(*f.Upper))
}

// reasons says what changed, a line each.
func (m *message) reasons(v voice) []string {
	var lines []string
	for _, c := range m.Why {
		switch c {
		case first:
			lines = append(lines, "the exporter answers now: this is the first prediction")
		case back:
			lines = append(lines, "the exporter answers again")
		case away:
			lines = append(lines, "what was said last stands, and is not revised: "+span(m.Shown, v))
		case state:
			lines = append(lines, fmt.Sprintf("was %s, is %s now", m.Shown.State, m.Now.Forecast.State))
		case moved:
			lines = append(lines, fmt.Sprintf("now about %s, which is outside of what was said last: %s", v.date(*m.Now.Forecast.Median), span(m.Shown, v)))
		case outOfSight:
			lines = append(lines, "no end in sight any more; said last: "+span(m.Shown, v))
		case comeInSight:
			lines = append(lines, "an end is in sight: about "+v.date(*m.Now.Forecast.Median))
		}
	}
	if m.Event == closed && m.Outcome.Result != asCleared && m.Now.Forecast != nil {
		lines = append(lines, v.escape(m.Now.Forecast.Line))
	}
	if m.Event == closed && m.Outcome.Dropped > 0 {
		lines = append(lines, fmt.Sprintf("%d predictions between the first and the last ones are not counted", m.Outcome.Dropped))
	}
	return lines
}

// facts are the prediction's bounds as dates, and the chance of a deadline.
func (f *forecast) facts(v voice) []string {
	var facts []string
	switch {
	case f.State == drain.Cleared || f.Lower == nil:
	case f.Upper == nil:
		facts = append(facts, fmt.Sprintf("not before %s, perhaps never (%s)", v.date(*f.Lower), drain.FormatLevel(f.Level)))
	default:
		facts = append(facts, fmt.Sprintf("between %s and %s (%s)", v.date(*f.Lower), v.date(*f.Upper), drain.FormatLevel(f.Level)))
	}
	if f.Deadline != nil && f.InTime != nil && f.State != drain.Cleared {
		facts = append(facts, fmt.Sprintf("by %s with %s", v.date(*f.Deadline), drain.FormatProbability(*f.InTime)))
	}
	return facts
}

// facts are what stands in small print.
func (m *message) facts(v voice) []string {
	var facts []string
	if f := m.Now.Forecast; f != nil && m.Event != closed {
		facts = f.facts(v)
		if m.Event == opened {
			facts = append(facts, v.escape(m.Summary))
		}
	}
	return facts
}

// picture is the URL of the fan chart; empty where there is none. The time keeps chats from showing one that they fetched before.
func picture(base, queue string, f *forecast) string {
	if base == "" || queue == "" || f == nil {
		return ""
	}
	u := base + "/api/v1/chart.png?" + url.Values{"queue": {queue}, "at": {fmt.Sprint(f.AsOf.Unix())}}.Encode()
	if len(u) > 3000 { // Slack's limit
		return ""
	}
	return u
}

// block is one of Slack's layout blocks.
type block struct {
	Type     string  `json:"type"`
	Text     *mrkdwn `json:"text,omitempty"`
	ImageURL string  `json:"image_url,omitempty"`
	AltText  string  `json:"alt_text,omitempty"`
	Elements []any   `json:"elements,omitempty"`
}

type mrkdwn struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"` // no links are made of words such as #general or example.com
}

// Slack's limits, in characters and blocks.
const (
	maxSection = 3000
	maxBlocks  = 50
	maxAlt     = 2000
)

// blocks writes sections, a picture and small print. Slack refuses a message whole where one part is too long, so that each is cut.
func blocks(lines, facts []string, imageURL, alt string) []block {
	out := []block{{Type: "section", Text: &mrkdwn{"mrkdwn", cutMrkdwn(strings.Join(lines, "\n"), maxSection), true}}}
	if imageURL != "" {
		out = append(out, block{Type: "image", ImageURL: imageURL, AltText: cutMrkdwn(alt, maxAlt)})
	}
	if len(facts) > 0 {
		out = append(out, block{Type: "context", Elements: []any{mrkdwn{"mrkdwn", cutMrkdwn(strings.Join(facts, " · "), maxSection), true}}})
	}
	return out[:min(len(out), maxBlocks)]
}

// cutMrkdwn shortens escaped text without leaving half of an entity ("&am") or of a date ("<!date^17…").
func cutMrkdwn(s string, n int) string {
	short := cut(s, n)
	if short == s {
		return s
	}
	short = strings.TrimSuffix(short, "…")
	for _, pair := range []string{"&;", "<>"} {
		if i := strings.LastIndexByte(short, pair[0]); i >= 0 && i > strings.LastIndexByte(short, pair[1]) {
			short = short[:i]
		}
	}
	return short + "…"
}

// slack writes the message for Slack.
func (m *message) slack(chartBase string) (string, []block) {
	lines := slices.Concat([]string{m.line(slackVoice)}, m.reasons(slackVoice))
	image := picture(chartBase, m.Queue, m.Now.Forecast)
	return cutMrkdwn(lines[0], maxSection), blocks(lines, m.facts(slackVoice), image, slackVoice.escape(m.name())+": the backlog so far and the fan of the forecast")
}
