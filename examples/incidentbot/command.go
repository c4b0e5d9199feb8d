package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/postsack/backlog/drain"
)

const (
	maxCommand = 64 << 10 // bytes of a request; Slack's have about one thousand
	// haste is how long the exporter has for a command: Slack waits three seconds.
	haste = 2 * time.Second
	// window is how old or new a signature may be, as Slack advises.
	window = 5 * time.Minute
	// maxSeen is how many signatures are remembered; nobody without the secret can add one.
	maxSeen = 10_000
	// maxNames is how many names of queues an unknown one brings up.
	maxNames = 10
)

// signatures are those seen within the window, so that none is taken twice.
type signatures struct {
	mu   sync.Mutex
	seen map[string]time.Time // by signature: when it may be forgotten
}

// fresh remembers a signature; it reports false where it was seen before, or where there is no room to remember it.
func (s *signatures) fresh(signature string, now, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]time.Time{}
	}
	if _, known := s.seen[signature]; known {
		return false
	}
	if len(s.seen) >= maxSeen {
		for old, t := range s.seen {
			if now.After(t) {
				delete(s.seen, old)
			}
		}
		if len(s.seen) >= maxSeen {
			return false
		}
	}
	s.seen[signature] = until
	return true
}

// sign is Slack's signature of a request.
func sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:", timestamp)
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// signed says what is wrong with the signature of a request.
func (b *bot) signed(h http.Header, body []byte) error {
	stamp := h.Get("X-Slack-Request-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("no timestamp")
	}
	want := sign(b.o.signing, stamp, body)
	if !hmac.Equal([]byte(want), []byte(h.Get("X-Slack-Signature"))) {
		return errors.New("wrong signature")
	}
	now, at := b.now(), time.Unix(seconds, 0)
	if age := now.Sub(at); age > window || age < -window {
		return errors.New("too old, or from the future")
	}
	// What was signed before the start may have been taken by the program that ran before: its memory of signatures is gone.
	if seconds < b.started.Unix() {
		return errors.New("signed before this program started")
	}
	if !b.seen.fresh(want, now, at.Add(window)) {
		return errors.New("seen before")
	}
	return nil
}

// reply is the answer to a slash command.
type reply struct {
	Type   string  `json:"response_type"`
	Text   string  `json:"text"`
	Blocks []block `json:"blocks,omitempty"`
}

// aside is a reply that only the asking person sees.
func aside(text string) reply { return reply{Type: "ephemeral", Text: cutMrkdwn(text, maxSection)} }

// command answers Slack's slash command, and returns the status of the answer.
func (b *bot) command(w http.ResponseWriter, r *http.Request) int {
	body, code := read(w, r, maxCommand)
	if code != 0 {
		return code
	}
	if err := b.signed(r.Header, body); err != nil {
		b.log.Warn("command refused", "error", err)
		return refuse(w, http.StatusUnauthorized, "the signature does not hold")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refuse(w, http.StatusBadRequest, "the body is not a form")
	}
	ctx, cancel := context.WithTimeout(r.Context(), haste)
	defer cancel()
	answer := b.answer(ctx, form.Get("command"), form.Get("text"))
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		b.log.Warn("answer cut off", "error", bare(err))
	}
	return http.StatusOK
}

// wish is what a slash command asks for.
type wish struct {
	queue string // empty: help
	by    *time.Time
	level float64 // 0: the exporter's
}

// errTime and the like are shown to the person who asked.
var (
	errTime  = errors.New("the time after by is 09:00, +2h or RFC 3339, and to come")
	errLevel = errors.New("the level is a number between 0 and 1, such as 0.95, or 95%")
	errWords = errors.New("after the queue come by TIME and level NUMBER, each at most once")
	errQueue = errors.New("the name of the queue is not closed, or too long")
)

// parseCommand reads what stands behind the command: QUEUE [by TIME] [level NUMBER]. A name with spaces stands in quotes.
func parseCommand(text string, now time.Time) (wish, error) {
	// Slack escapes these three in what people type.
	text = strings.TrimSpace(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text))
	var w wish
	if text == "" || strings.EqualFold(text, "help") {
		return w, nil
	}
	rest := ""
	if quote, after, quoted := unquote(text); quoted {
		end := strings.Index(after, quote)
		if end <= 0 {
			return w, errQueue
		}
		w.queue, rest = after[:end], after[end+len(quote):]
		if rest != "" && !strings.HasPrefix(rest, " ") {
			return w, errWords
		}
	} else if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
		w.queue, rest = text[:end], text[end:]
	} else {
		w.queue = text
	}
	if len(w.queue) > maxQueue {
		return w, errQueue
	}
	words := strings.Fields(rest)
	if len(words)%2 != 0 {
		return w, errWords
	}
	for pair := range slices.Chunk(words, 2) {
		value := pair[1]
		switch strings.ToLower(pair[0]) {
		case "by":
			if w.by != nil {
				return w, errWords
			}
			when, err := drain.ParseWhen(value)
			if err != nil {
				return w, errTime
			}
			at := when.On(now)
			if !at.After(now) || at.UTC().Year() > 9999 {
				return w, errTime
			}
			w.by = &at
		case "level":
			if w.level != 0 {
				return w, errWords
			}
			number, percent := strings.CutSuffix(value, "%")
			level, err := strconv.ParseFloat(number, 64)
			if percent {
				level /= 100
			}
			if err != nil || !(level > 0 && level < 1) {
				return w, errLevel
			}
			w.level = level
		default:
			return w, errWords
		}
	}
	return w, nil
}

// unquote takes off an opening quote, and returns the one that closes; phones type them round.
func unquote(text string) (quote, rest string, ok bool) {
	for open, end := range map[string]string{`"`: `"`, "`": "`", "“": "”", "„": "“"} {
		if after, ok := strings.CutPrefix(text, open); ok {
			return end, after, true
		}
	}
	return "", text, false
}

// answer answers one command.
func (b *bot) answer(ctx context.Context, command, text string) reply {
	now := b.now().In(b.o.zone)
	name := slackVoice.escape(cut(cmp.Or(command, "/drain"), 40))
	usage := fmt.Sprintf("%[1]s QUEUE [by TIME] [level 0.95]: when will the queue be empty? TIME is 09:00 (%[2]s), +2h or RFC 3339; a name with spaces stands in quotes.", name, b.o.zone)
	ask, err := parseCommand(text, now)
	switch {
	case err != nil:
		return aside(err.Error() + "\n" + usage)
	case ask.queue == "":
		return aside(usage)
	}
	f, err := b.exporter.predict(ctx, ask.queue, ask.by, ask.level)
	b.reached(err)
	if err != nil {
		var why failure
		errors.As(err, &why)
		if why.problem != queueUnknown {
			b.log.Warn("command without a prediction", "queue", ask.queue, "problem", string(why.problem), "error", err)
			return aside(why.problem.String() + ": no prediction")
		}
		known := "no other queue is known"
		if names := nearest(ask.queue, b.names(ctx)); len(names) > 0 {
			known = "known queues: " + slackVoice.escape(strings.Join(names, ", "))
		}
		return aside(fmt.Sprintf("no queue %s; %s", slackVoice.escape(strconv.Quote(ask.queue)), known))
	}
	m := message{Event: changed, Queue: ask.queue, Now: view{Forecast: f}}
	line := m.line(slackVoice)
	return reply{"in_channel", cutMrkdwn(line, maxSection), blocks([]string{line}, f.facts(slackVoice), picture(b.o.chartBase, ask.queue, f), slackVoice.escape(ask.queue)+": the backlog so far and the fan of the forecast")}
}

// names returns the queues that are known: to the exporter, or, where it does not say, from incidents.
func (b *bot) names(ctx context.Context) []string {
	names, err := b.exporter.names(ctx)
	if err == nil {
		return names
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range b.incidents {
		if i.Queue != "" {
			names = append(names, i.Queue)
		}
	}
	return names
}

// nearest returns the names that are most like the one asked for.
func nearest(asked string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	var all []near
	for _, n := range names {
		if n == "" {
			continue
		}
		d := distance(strings.ToLower(asked), strings.ToLower(n))
		if strings.Contains(strings.ToLower(n), strings.ToLower(asked)) {
			d = 0 // "mail" is near to "mail-outbound-relay"
		}
		all = append(all, near{n, d})
	}
	slices.SortFunc(all, func(x, y near) int { return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.name, y.name)) })
	var out []string
	for _, n := range slices.CompactFunc(all, func(x, y near) bool { return x.name == y.name }) {
		if len(out) == maxNames {
			break
		}
		out = append(out, cut(n.name, 100))
	}
	return out
}

// distance is Levenshtein's: how many characters must be changed, put in or left out. It looks at 64 characters, which bounds its cost to some microseconds a name.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), 64)], y[:min(len(y), 64)]
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			cost := diagonal + 1
			if r == s {
				cost = diagonal
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(y)]
}
