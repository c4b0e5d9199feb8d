//go:build race

package drain_test

// underRace tells tests that count outcomes by the thousand, on one goroutine, that the race detector has nothing to find and would take ten times as long.
const underRace = true
