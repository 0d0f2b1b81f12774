package syncbuf_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"feedmill/internal/syncbuf"
)

func ExampleBuffer() {
	var log syncbuf.Buffer
	fmt.Fprint(&log, "served")
	fmt.Println(log.String())
	// Output: served
}

// Each message comes in one piece, whoever writes and reads meanwhile.
func TestTogether(t *testing.T) {
	t.Parallel()
	var b syncbuf.Buffer
	var all sync.WaitGroup
	for _, word := range []string{"aaaa\n", "bbbb\n"} {
		all.Go(func() {
			for range 100 {
				fmt.Fprint(&b, word)
				_ = b.String()
			}
		})
	}
	all.Wait()
	if a, b := strings.Count(b.String(), "aaaa\n"), strings.Count(b.String(), "bbbb\n"); a != 100 || b != 100 {
		t.Errorf("got %d and %d messages, want 100 each", a, b)
	}
}
