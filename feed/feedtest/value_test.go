package feedtest_test

import (
	"fmt"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
)

func ExampleTextsOf() {
	for _, t := range feedtest.TextsOf("pol", "Rower", "", "Bike") {
		fmt.Printf("%q %s\n", t.Lang, t.Value)
	}
	// Output:
	// "pol" Rower
	// "" Bike
}

func TestValues(t *testing.T) {
	t.Parallel()
	if got := feedtest.Parsed(t, feed.ParsePercent, "12.5").String(); got != "12.5" {
		t.Errorf("got %s, want 12.5", got)
	}
	if got := feedtest.PriceOf(t, 100, 123); got.Net.Minor() != 100 || got.Gross.Minor() != 123 {
		t.Errorf("got %v, want 100 net and 123 gross", got)
	}
}
