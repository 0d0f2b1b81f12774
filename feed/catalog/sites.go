package catalog

import (
	"strings"

	"feedmill/feed/internal/scan"
)

// sites are the starts of addresses, up to the path, that were found good: those
// of a catalog have few, so that most addresses need not be taken apart.
type sites []string

// mostSites bounds how many are remembered.
const mostSites = 8

// learn remembers the start of an address that [webURL] has accepted.
func (s *sites) learn(url string) {
	scheme := strings.Index(url, "://")
	if len(*s) >= mostSites || scheme < 0 {
		return
	}
	at := scheme + len("://")
	end := strings.IndexAny(url[at:], "/?#")
	if end < 0 || url[at+end] != '/' {
		return
	}
	*s = append(*s, strings.Clone(url[:at+end+1]))
}

// plain says that an address is one that webURL would give as it is, because it
// has a known start and nothing special in it. Others it does not know.
func (s sites) plain(url string) bool {
	for _, site := range s {
		if strings.HasPrefix(url, site) {
			return scan.Address(url)
		}
	}
	return false
}
