package main

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDashboard: it is JSON, no two panels lie on each other, and every metric that it or an alert asks for is one of the exporter's. That each expression is valid is seen in
// ../e2e, which has a server to ask.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	require.NotEmpty(t, d.Panels)
	var expressions string
	ids := map[int]bool{}
	cells := map[[2]int]string{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expressions += target.Expr + "\n"
		}
		g := p.GridPos
		assert.LessOrEqual(t, g.X+g.W, 24, p.Title)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				assert.Empty(t, cells[[2]int{x, y}], p.Title)
				cells[[2]int{x, y}] = p.Title
			}
		}
	}
	rules, err := os.ReadFile("alerts.yml")
	require.NoError(t, err)
	served := map[string]bool{}
	descriptions := make(chan *prometheus.Desc, 100)
	(&exporter{}).Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		served[regexp.MustCompile(`fqName: "([a-z_]+)"`).FindStringSubmatch(d.String())[1]] = true
	}
	for _, name := range regexp.MustCompile(`\bbacklog_[a-z_]+`).FindAllString(expressions+string(rules), -1) {
		assert.True(t, served[name], name)
	}
}
