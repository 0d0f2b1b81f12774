package feed

import (
	"strings"
	"unicode/utf8"
)

// LowerScheme writes the scheme of an http or https address in lower case:
// RFC 3986 3.1 takes HTTPS:// for https://, and the published schemas know the
// latter alone. What is no such address stays as it is.
func LowerScheme(url string) string {
	for _, scheme := range [...]string{"https://", "http://"} {
		if len(url) < len(scheme) || url[:len(scheme)] == scheme {
			continue
		}
		same := true
		for i := range len(scheme) {
			c := url[i]
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			same = same && c == scheme[i]
		}
		if same {
			return scheme + url[len(scheme):]
		}
	}
	return url
}

// LowerAddress writes scheme and host of an http or https address in lower case:
// of names in capitals (RFC 3986 6.2.2.1) some programs make another origin than
// the one that browsers and servers tell. Path and what follows stay as they are,
// and so does what is no such address.
func LowerAddress(url string) string {
	url = LowerScheme(url)
	rest, ok := strings.CutPrefix(url, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(url, "http://"); !ok {
			return url
		}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	start := strings.LastIndexByte(rest[:end], '@') + 1 // names and passwords tell capitals apart
	host := []byte(rest[start:end])
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			host[i] = c | 0x20
		}
	}
	return url[:len(url)-len(rest)] + rest[:start] + string(host) + rest[end:]
}

// CheckASCII refuses an address of our own with letters beyond ASCII, for which
// browsers and servers write other ones: they would be told one name and asked
// for another.
func CheckASCII(address string) error {
	for i := range len(address) {
		if address[i] >= utf8.RuneSelf {
			return &Error{Kind: KindInvalid, Message: "the address has letters beyond ASCII",
				Hint: "write it as browsers give it when it is copied: the host as xn--…, other letters as %…"}
		}
	}
	return nil
}
