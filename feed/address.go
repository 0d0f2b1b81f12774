package feed

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
