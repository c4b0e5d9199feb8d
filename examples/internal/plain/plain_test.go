package plain_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.yaml.in/yaml/v3"

	"github.com/postsack/backlog/drain"
	"github.com/postsack/backlog/examples/internal/plain"
)

func TestError(t *testing.T) {
	_, level := drain.NewEstimator().Predict(drain.Question{Level: 95})
	assert.EqualError(t, plain.Error(level), "Level is 95, want a number between 0 and 1")
	_, estimate := drain.ParseEstimate("many")
	assert.EqualError(t, plain.Error(estimate), `"many", want a number such as 300, 1.4M or 1.4M±50k`)
	assert.NoError(t, plain.Error(nil))
	assert.EqualError(t, plain.Error(errors.New("no such file: drain: x")), "no such file: drain: x")
	var c struct {
		Step time.Duration `yaml:"step"`
		N    int           `yaml:"n"`
	}
	wrong := yaml.Unmarshal([]byte("step: soon\nn: many\n"), &c)
	assert.EqualError(t, plain.Error(wrong), "line 1: cannot read `soon` as a duration, such as 15s; line 2: cannot read `many` into int")
}
