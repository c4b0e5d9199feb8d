//go:build !race

package drain_test

const underRace = false
