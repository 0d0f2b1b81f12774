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

func ExampleLowerAddress() {
	fmt.Println(feed.LowerAddress("HTTPS://Feeds.Example.COM/Offers"))
	// Output: https://feeds.example.com/Offers
}

func ExampleCheckASCII() {
	fmt.Println(feed.CheckASCII("https://xn--w-uga1v8h.example/a%C5%BC"))
	fmt.Println(feed.CheckASCII("https://żółw.example"))
	// Output:
	// <nil>
	// the address has letters beyond ASCII
}

func TestLowerAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "", "https://a.example": "https://a.example", "HTTP://A:8080": "http://a:8080", "https://A?B#C": "https://a?B#C",
		"https://A/B@C": "https://a/B@C", "https://Me:Word@A/B": "https://Me:Word@a/B", "Feeds.Example": "Feeds.Example", "https://ŻÓŁW.Example/Ż": "https://ŻÓŁw.example/Ż",
		"https://[2001:DB8::1]:443/": "https://[2001:db8::1]:443/", "ftp://A": "ftp://A"} {
		got := feed.LowerAddress(given)
		if got != want || feed.LowerAddress(got) != got {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
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
