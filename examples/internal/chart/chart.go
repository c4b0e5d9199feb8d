// Package chart draws a prediction as a fan chart: the backlog so far, the times by which it will have fallen to each level, and the distribution of
// the time at which it is cleared.
//
// The fan is made of first-passage times and read along the time axis: its 90 % band holds, for each level, the moment at which the backlog is
// down to that level for the first time, with probability 90 %. At the target its ends are the bounds of the prediction. It is not a band of what the
// backlog may be at a moment, which may well rise again.
package chart

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/postsack/backlog/drain"
)

// Point is the backlog at an instant.
type Point struct {
	Time    time.Time
	Backlog float64
}

// Spec says what to draw.
type Spec struct {
	// History is the backlog so far, in the order of time. It may be empty. Points later than the prediction, and those that are not a
	// finite count of 0 or more, are left out.
	History []Point
	// Prediction is the one for the target. "Now" is its AsOf or, where that is unset, the time of the last point of the history. Where there is
	// neither, the time axis shows durations.
	Prediction drain.Prediction
	// ToLevel predicts, as of the same moment, the time to fall to a level between the target and the present backlog. Where it is nil the fan is made
	// of straight lines to the quantiles of Prediction.
	ToLevel func(level float64) (drain.Prediction, error)
	// Zone is that of the clock times; nil for the zone of now.
	Zone *time.Location
	// Title stands above the picture, in as many lines and as small as it needs.
	Title string
	// Plans are what-if predictions beside Prediction, each of which gets a fan of its own. Prediction itself is then the one without a plan. The first
	// six are drawn, and the time axis reaches to all of their medians that are finite. Where Prediction has no AsOf, that of a plan is "now".
	Plans []Plan
	// Steps are moments at which something planned happens; each is marked by a thin vertical line with its label. Those out of sight are left out, and
	// all of them where there is no "now" on the clock.
	Steps []Step
}

// Plan is what would become of the backlog if something were done.
type Plan struct {
	// Name tells it from the others; where it is empty it gets a number.
	Name string
	// Prediction is as of the same moment as the others, or has no AsOf. Its backlog and target may be others.
	Prediction drain.Prediction
	// ToLevel predicts the time to fall to a level above the target of the plan; nil for a fan of straight lines.
	ToLevel func(level float64) (drain.Prediction, error)
}

// Step is a moment at which something planned happens.
type Step struct {
	Time time.Time
	// Label names it; where it is empty the time does.
	Label string
}

// The size of a picture: 1200 x 675 pixels at 96 per inch, where 12 pt are 16 pixels.
const (
	dpi    = 96
	width  = 1200 * vg.Inch / dpi
	height = 675 * vg.Inch / dpi
)

// Write draws a picture of 1200 x 675 pixels into a file, PNG or SVG by the extension of its name. The file is not touched where there is an error.
func Write(path string, s Spec) error {
	return save(path, func() (drawing, error) { return newFigure(s) })
}

// drawing is a picture that can be drawn.
type drawing interface{ draw(c draw.Canvas) }

// Encode draws the same picture to a writer, as PNG or SVG by an extension.
func Encode(w io.Writer, extension string, s Spec) error {
	write, err := encoder(extension)
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	d, err := newFigure(s)
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return write(w, d)
}

func encoder(extension string) (func(io.Writer, drawing) error, error) {
	switch strings.ToLower(extension) {
	case ".png":
		return writePNG, nil
	case ".svg":
		return writeSVG, nil
	}
	return nil, fmt.Errorf("extension is %q, want .png or .svg", extension)
}

func save(path string, picture func() (drawing, error)) error {
	write, err := encoder(filepath.Ext(path))
	if err != nil {
		return fmt.Errorf("chart: %s: %w", path, err)
	}
	d, err := picture()
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	var buf bytes.Buffer
	if err := write(&buf, d); err != nil {
		return fmt.Errorf("chart: %s: %w", path, err)
	}
	return os.WriteFile(path, buf.Bytes(), 0o666)
}

func writePNG(w io.Writer, d drawing) error {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	d.draw(draw.New(c))
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

func writeSVG(w io.Writer, d drawing) error {
	c := vgsvg.New(width, height)
	d.draw(draw.New(c))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return err
	}
	// Fonts with the same widths, for where Liberation is not installed. Quotation marks in texts are escaped, so that this is an attribute.
	_, err := w.Write(bytes.ReplaceAll(buf.Bytes(), []byte(`style="font-family:Liberation Sans;`),
		[]byte(`style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;`)))
	return err
}
