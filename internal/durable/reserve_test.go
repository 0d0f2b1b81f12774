package durable

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func ExampleWriteSteps() {
	var b bytes.Buffer
	err := WriteSteps(&b, make([]byte, 3*Step+1))
	fmt.Println(b.Len() == 3*Step+1, err)
	// Output: true <nil>
}

// What is set aside changes neither what a file holds nor how long it is.
func TestReserveKeepsTheFile(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := bytes.Repeat([]byte("feedmill"), 2*Step/8+1)
	if err := errors.Join(Reserve(f, 0, 0), WriteSteps(f, want[:Step]), Reserve(f, Step, 8<<20), WriteSteps(f, want[Step:])); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"set aside", "given back"} {
		got, err := os.ReadFile(f.Name())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes and %v, want the %d that were written", what, len(got), err, len(want))
		}
		if err := f.Truncate(int64(len(want))); err != nil {
			t.Fatal(err)
		}
	}
}

// steps counts writes, and fails at one of them.
type steps struct{ left, most int }

var errFull = errors.New("full")

func (s *steps) Write(b []byte) (int, error) {
	if s.left--; s.left < 0 {
		return 0, errFull
	}
	s.most = max(s.most, len(b))
	return len(b), nil
}

func TestWriteStepsStopsAtAnError(t *testing.T) {
	t.Parallel()
	s := &steps{left: 2}
	if err := WriteSteps(s, make([]byte, 3*Step)); !errors.Is(err, errFull) || s.left != -1 || s.most != Step {
		t.Errorf("got %v after pieces of up to %d bytes, want %v after two of %d", err, s.most, errFull, Step)
	}
}
