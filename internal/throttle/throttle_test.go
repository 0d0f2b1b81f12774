package throttle

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"feedmill/internal/testclock"
)

func ExampleLimits() {
	clock := testclock.New(testclock.Noon(), 0)
	l := New(6, 2, clock.Now)
	fmt.Println(l.Take("a"), l.Take("a"), l.Take("a"), l.Peek("a"), l.Take("b"))
	clock.Pass(10 * time.Second)
	fmt.Println(l.Peek("a"), l.Take("a"), l.Take("a"))
	// Output:
	// 0s 0s 10s 10s 0s
	// 0s 0s 10s
}

func TestNone(t *testing.T) {
	t.Parallel()
	l := New(-1, 1, testclock.New(testclock.Noon(), 0).Now)
	for range 1000 {
		if wait := l.Take("a"); wait != 0 {
			t.Fatalf("got %s, want no wait", wait)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64"} {
		if got := Name(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// However many names come, no more than so many are remembered.
func TestForgets(t *testing.T) {
	t.Parallel()
	clock := testclock.New(testclock.Noon(), 0)
	l := New(60, 1, clock.Now)
	ask := func(prefix string, n int) {
		t.Helper()
		for i := range n {
			if wait := l.Take(fmt.Sprint(prefix, i)); wait != 0 {
				t.Fatalf("%s%d waits %s", prefix, i, wait)
			}
			if len(l.by) > maxCounted {
				t.Fatalf("got %d names, want at most %d", len(l.by), maxCounted)
			}
		}
	}
	ask("a", maxCounted+5)
	clock.Pass(time.Hour)
	ask("b", maxCounted)
}
