package feed_test

import (
	"fmt"
	"testing"

	"feedmill/feed"
)

func ExampleLowerScheme() {
	fmt.Println(feed.LowerScheme("HTTPS://Shop.example/A.JPG"))
	// Output: https://Shop.example/A.JPG
}

func TestLowerScheme(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "", "HTTP:/": "HTTP:/", "Http://A": "http://A", "hTTPS://A": "https://A", "https://A": "https://A",
		"http://A": "http://A", "FTP://A": "FTP://A", "HTTPS:A": "HTTPS:A", " HTTP://A": " HTTP://A", "HTTPS://": "https://", "\x48TTP\x1a//a": "\x48TTP\x1a//a"} {
		if got := feed.LowerScheme(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}
