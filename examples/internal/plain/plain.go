// Package plain puts errors into the words of those who read them: whoever typed a command line or a configuration has not heard of Go's packages.
package plain

import (
	"errors"
	"regexp"
	"strings"

	"github.com/postsack/backlog/drain"
)

// what is in front of an error of the packages, and after one of YAML.
var (
	before = []string{"drain: ", drain.ErrInvalid.Error() + ": ", "series: ", "yaml: "}
	after  = regexp.MustCompile(` in type \w+\.\w+|!!\w+ `)
)

// Error returns err without the names of packages and types; nil for nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, prefix := range before {
		text = strings.TrimPrefix(text, prefix)
	}
	if yaml, found := strings.CutPrefix(text, "unmarshal errors:\n"); found {
		lines := strings.Split(after.ReplaceAllString(yaml, ""), "\n")
		for i, l := range lines {
			lines[i] = strings.TrimSpace(l)
		}
		text = strings.ReplaceAll(strings.Join(lines, "; "), "cannot unmarshal `", "cannot read `")
		text = strings.ReplaceAll(text, "into time.Duration", "as a duration, such as 15s")
	}
	return errors.New(text)
}
