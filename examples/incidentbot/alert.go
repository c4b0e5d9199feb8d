package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// What one webhook may hold. Alertmanager does not send a group again after 413: group_by [queue] keeps groups small, and 1 MiB is some thousand alerts.
const (
	maxBody   = 1 << 20
	maxAlerts = 4000
	maxLabels = 64
)

// hook is the part of Alertmanager's webhook, version 4, that the bot looks at.
type hook struct {
	Version   string  `json:"version"`
	Truncated int     `json:"truncatedAlerts"`
	Alerts    []alert `json:"alerts"`
}

type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

const (
	firing   = "firing"
	resolved = "resolved"
)

// errTooMany is a webhook with more alerts than maxAlerts.
var errTooMany = errors.New("too many alerts")

// readHook reads a webhook, and says what is wrong with it.
func readHook(body []byte) (hook, error) {
	var h hook
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("not JSON of a webhook: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return h, errors.New("something follows the webhook")
	}
	switch {
	case h.Version != "4":
		return h, fmt.Errorf("version %.20q, want \"4\"", h.Version)
	case len(h.Alerts) == 0:
		return h, errors.New("no alerts")
	case len(h.Alerts) > maxAlerts:
		return h, fmt.Errorf("%w: %d, want %d or fewer", errTooMany, len(h.Alerts), maxAlerts)
	}
	for i, a := range h.Alerts {
		switch {
		case a.Status != firing && a.Status != resolved:
			return h, fmt.Errorf("alert %d: status %.20q, want firing or resolved", i, a.Status)
		case len(a.Labels) == 0:
			return h, fmt.Errorf("alert %d: no labels", i)
		case len(a.Labels) > maxLabels:
			return h, fmt.Errorf("alert %d: %d labels, want %d or fewer", i, len(a.Labels), maxLabels)
		case a.StartsAt.IsZero():
			return h, fmt.Errorf("alert %d: no startsAt", i)
		case a.StartsAt.UTC().Year() < 1 || a.StartsAt.UTC().Year() > 9998: // what is worked out from it must fit into JSON
			return h, fmt.Errorf("alert %d: startsAt is out of range", i)
		}
	}
	return h, nil
}

// fingerprint tells alerts apart by their labels. It is worked out here: a wrong one in the webhook would mix up incidents.
func (a alert) fingerprint() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		fmt.Fprintf(sum, "%d %s %d %s ", len(name), name, len(a.Labels[name]), a.Labels[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// summary is what the alert says of itself, in one line of at most 300 characters.
func (a alert) summary() string {
	text := cmp.Or(a.Annotations["summary"], a.Annotations["description"], a.Labels["alertname"], "an alert without a name")
	return cut(strings.Join(strings.Fields(text), " "), 300)
}
