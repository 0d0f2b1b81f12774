package testclock_test

import (
	"fmt"
	"testing"
	"time"

	"feedmill/internal/testclock"
)

func ExampleClock() {
	c := testclock.New(testclock.Noon(), time.Second)
	fmt.Println(c.Now().Format(time.TimeOnly), c.Now().Format(time.TimeOnly))
	c.Pass(time.Hour)
	c.Set(-3 * time.Hour)
	fmt.Println(c.Now().Format(time.TimeOnly), c.Elapsed())
	// Output:
	// 12:00:01 12:00:02
	// 10:00:03 1h0m3s
}

// A clock without a step stands.
func TestStands(t *testing.T) {
	t.Parallel()
	c := testclock.New(testclock.Noon(), 0)
	if a, b := c.Now(), c.Now(); !a.Equal(b) || !a.Equal(testclock.Noon()) {
		t.Errorf("got %v and %v, want %v twice", a, b, testclock.Noon())
	}
	if got := c.Elapsed(); got != 0 {
		t.Errorf("got %v elapsed, want none", got)
	}
}
