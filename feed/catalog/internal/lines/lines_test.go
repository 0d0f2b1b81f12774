package lines_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"feedmill/feed/catalog/internal/lines"

	"pgregory.net/rapid"
)

func ExampleReader() {
	r := lines.NewReader(strings.NewReader("one\r\ntwo"), 100)
	for {
		line, err := r.Next()
		if err != nil {
			break
		}
		fmt.Printf("%d@%d %s\n", r.Line(), r.Offset(), line)
	}
	// Output:
	// 1@0 one
	// 2@5 two
}

// Cutting is the inverse of joining, whatever the sizes of the reads are.
func TestLinesAreThoseOfSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab\n\r"))).Draw(t, "text")
		var want []string
		if text != "" {
			want = strings.Split(text, "\n")
			if want[len(want)-1] == "" {
				want = want[:len(want)-1]
			}
		}
		r := lines.NewReader(iotest.OneByteReader(strings.NewReader(text)), 1000)
		off := int64(0)
		for i, w := range want {
			line, err := r.Next()
			if err != nil || string(line) != strings.TrimSuffix(w, "\r") {
				t.Fatalf("line %d = %q, %v, want %q", i+1, line, err, w)
			}
			if r.Line() != int64(i+1) || r.Offset() != off {
				t.Fatalf("line %d is numbered %d at %d, want offset %d", i+1, r.Line(), r.Offset(), off)
			}
			off += int64(len(w)) + 1
		}
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("got %v, want io.EOF", err)
		}
	})
}

func TestLongLineIsSkipped(t *testing.T) {
	t.Parallel()
	for _, n := range []int{11, 12, 1 << 20} {
		r := lines.NewReader(strings.NewReader("short\n"+strings.Repeat("x", n)+"\nnext\n"+strings.Repeat("y", n)), 10)
		var got []string
		for {
			line, err := r.Next()
			if err == io.EOF {
				break
			}
			got = append(got, fmt.Sprintf("%d@%d %s %v", r.Line(), r.Offset(), line, errors.Is(err, lines.ErrTooLong)))
		}
		want := fmt.Sprintf("[1@0 short false 2@6  true 3@%d next false 4@%d  true]", 6+n+1, 6+n+6)
		if fmt.Sprint(got) != want {
			t.Errorf("length %d: got %v, want %v", n, got, want)
		}
	}
}

func TestExactLimitAndReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := lines.NewReader(io.MultiReader(strings.NewReader("0123456789\r\nrest"), iotest.ErrReader(broken)), 10)
	if line, err := r.Next(); string(line) != "0123456789" || err != nil {
		t.Errorf("got %q, %v, want the whole line", line, err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the stream's error", err)
	}
	r.Reset(strings.NewReader("again"))
	if line, err := r.Next(); string(line) != "again" || err != nil || r.Line() != 1 {
		t.Errorf("after Reset got %q, %v, line %d", line, err, r.Line())
	}
}
