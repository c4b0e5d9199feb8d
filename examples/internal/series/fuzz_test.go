package series_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/postsack/backlog/examples/internal/series"
)

var errCut = errors.New("the cable is out")

// located is how an error that ends the reading begins.
var located = regexp.MustCompile(`^q\.(?:csv|jsonl):(\d+): `)

// promises reads a file to the end, which is an error of the file itself where it is cut, and holds what it gets against what every reader promises.
func promises(t *testing.T, text []byte, cut bool, name string) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var in io.Reader = bytes.NewReader(text)
	if cut {
		in = io.MultiReader(in, iotest.ErrReader(errCut))
	}
	feeds := bytes.Count(text, []byte{'\n'})
	line := 0
	// ended reports whether err ends the reading; it fails where it is none of the errors that there can be, or its line is none that can be.
	ended := func(err error) bool {
		var at int
		bad := (*series.Error)(nil)
		switch {
		case errors.As(err, &bad):
			if bad.Name != name || bad.Want == "" {
				t.Fatalf("%#v", bad)
			}
			if at = bad.Line; at <= line {
				t.Fatalf("%v comes after line %d", err, line)
			}
		case err == io.EOF && !cut:
			return true
		case errors.Is(err, errCut) && cut, errors.Is(err, bufio.ErrTooLong) && len(text) >= 1<<20:
			match := located.FindStringSubmatch(err.Error())
			if match == nil || !strings.HasPrefix(err.Error(), name) {
				t.Fatalf("%v names no line of %s", err, name)
			}
			at, _ = strconv.Atoi(match[1])
		default:
			t.Fatalf("%v (%T)", err, err)
		}
		if at < max(1, line) || at > feeds+1 {
			t.Fatalf("%v: the line before is %d, and there are %d line feeds", err, line, feeds)
		}
		if !strings.HasPrefix(err.Error(), name+":"+strconv.Itoa(at)+": ") {
			t.Fatalf("%v, want line %d", err, at)
		}
		line = at
		return bad == nil
	}

	r, err := series.NewReader(in, name)
	if err != nil {
		ended(err)
		return
	}
	for reads := 1; ; reads++ {
		if reads > len(text)+2 { // each takes at least one byte, but the last
			t.Fatal("reads on for ever")
		}
		queue := r.Queue()
		s, err := r.Read()
		if err != nil {
			if r.Queue() != queue {
				t.Fatalf("%v: the queue before is %q, now it is %q", err, queue, r.Queue())
			}
			if ended(err) {
				break
			}
			continue
		}
		at := r.Line()
		if at <= line || at > feeds+1 || cut && at > feeds { // cut off, a line is no sample
			t.Fatalf("line %d comes after line %d, and there are %d line feeds", at, line, feeds)
		}
		line = at
		if queue = r.Queue(); len(queue) > 200 || queue != strings.TrimSpace(queue) {
			t.Fatalf("line %d: queue %q", line, queue)
		}
		written := s.Time.Format(time.RFC3339Nano)
		if back, err := time.Parse(time.RFC3339Nano, written); err != nil || !back.Equal(s.Time) {
			t.Fatalf("time %s cannot be read again: %v", written, err)
		}
		if _, err := s.Time.MarshalJSON(); err != nil { // which is stricter
			t.Fatal(err)
		}
	}
	if line := r.Line(); line > feeds+1 {
		t.Fatalf("line %d, and there are %d line feeds", line, feeds)
	}
	// A short line that cannot be read takes a few hundred bytes for its error, most of all in JSON; buffers take less than a mebibyte.
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+1024*len(text)); took > most {
		t.Fatalf("%d bytes of memory, want at most %d for a file of %d", took, most, len(text))
	}
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"",
		"time,backlog\n1795429341.53,41\n",
		"\ufefftime,backlog,inflow,outflow\r\n2026-11-23T11:22:21+01:00,41,,3\r\n\r\n1795429342,42,7,4\r",
		"delay_seconds,outflow_total,inflow_total,time\n12.5,91822,91790,1795429341530\n,,,1795429341530001\n0,0,0,1795429341530000001\n",
		"host,Time,Inflow_Per_Second,outflow_per_second\n\"a\nb\", 1795429341 ,4.1e1,-0\n\"c \"\"d\"\"\",2026-11-23T10:22:21.123456789Z,NaN,-Inf\n",
		"time,inflow,inflow_total\n1,2,3\n",
		"time,backlog\n0000-01-01T00:00:00+23:59,1\n9999-12-31T23:59:59-23:59,1\n-62167219200.5,1\n253402300799.9999999999,1\n",
		"time,backlog\n99999999999.9999999999,1\n-1e11,1\n1e20,1\n99999999999999999999,1\n0e9999999999999999999,1\n1e-9999999999999999999,1\n",
		"time,backlog\n1e11,-0\nNaN,Inf\n\"1\n2\",3\n4,\"5",
		"time,backlog\n0x10,1\n1,0x_1p4\n1_0,1\n+1,+1e999\n",
		"time,backlog\n1,4\"1\n2,\"4\"1\n3,\"41\n4,41\n\"5\",41\n6,41\n",
		"time,backlog\n1\n1,2,3\n",
		"backlog\n",
		"time,queue,backlog\n1795429341,a,41\n1795429341, b ,1\n1795429342,,45\n1795429342,\"a,\n\"\"b\"\"\",45\n1795429343,\xff,x\n",
		"QUEUE,time,inflow,queue\n" + strings.Repeat("x", 200) + ",1,2,a\n" + strings.Repeat("x", 201) + ",1,2,a\nb,1,2\n",
		"time,queue\n1,a\n",
		"\n\n{",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut bool) { promises(t, text, cut, "q.csv") })
}

func FuzzJSONL(f *testing.F) {
	for _, text := range []string{
		"",
		`{"time": 1795429341.53, "backlog": 41}` + "\n" + `{"time": "2026-11-23T11:22:21+01:00", "backlog": null, "inflow": "3"}`,
		"\ufeff" + `{"time": 1795429341530, "inflow_total": 91822, "outflow_total": 9.1e4, "delay_seconds": 12.5}` + "\r\n\r\n" + `{"time": 1795429341530001}`,
		`{"time": 1795429341530000001, "inflow_per_second": -0, "outflow_per_second": "NaN", "note": {"a": [1, "}"]}}` + "\n" + `{"time": 1, "delay_seconds": "-Inf"}`,
		`{"time": 1, "inflow": 2, "inflow_total": 3}` + "\n" + `{"time": 2, "inflow": 2}` + "\n" + `{"time": 3, "inflow_per_second": 2}`,
		"null\n[]\n{}\n1\n\"x\"\n",
		`{"time": 253402300799.9999999999}` + "\r\n" + `{"time": "0000-01-01T00:00:00+23:59"}` + "\n" + `{"time": "9999-12-31T23:59:59-23:59"}`,
		`{"time": 99999999999.9999999999}` + "\n" + `{"time": -62167219200.5}` + "\n" + `{"time": 0e9999999999999999999}` + "\n" + `{"time": 1e-9999999999999999999}`,
		`{"time": 1e400, "time": -1e11, "backlog": 1e-400, "outflow": {}}`,
		`{"time": "0x10"}` + "\n" + `{"time": "1", "backlog": "0x_1p4"}` + "\n" + `{"time": "+1", "backlog": "+1e999"}` + "\n" + `{"time": 1, "backlog": "null"}`,
		`{"time": 1795429341, "backl`,
		"\ufeff{}",
		`{"time": 1, "queue": "a", "inflow": 2}` + "\n" + `{"queue": 7, "time": 1, "inflow": 2}` + "\n" + `{"time": 2, "queue": null}` + "\n" + `{"time": 3}` + "\n" + `{"time": "x", "queue": "b"}`,
		`{"time": 1, "queue": {"a": 1}}` + "\n" + `{"time": 1, "queue": []}` + "\n" + `{"time": 1, "queue": true}` + "\n" + `{"time": 1, "queue": false}` + "\n" + `{"time": 1, "queue": " \u00e4\ud800\n"}`,
		`{"time": 1, "queue": "` + strings.Repeat("x", 200) + `"}` + "\n" + `{"time": 1, "queue": "` + strings.Repeat("x", 201) + `"}` + "\n" + `{"time": 1, "queue": 1` + strings.Repeat("0", 200) + `}`,
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut bool) { promises(t, text, cut, "q.jsonl") })
}
