package catalog

import (
	"encoding/binary"
	"strings"
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
// has a known start and nothing special behind it. Others it does not know.
func (s sites) plain(url string) bool {
	for _, site := range s {
		if strings.HasPrefix(url, site) {
			return plainTail(url, len(site))
		}
	}
	return false
}

// plainTail says whether s from i on holds no blanks, nor signs that webURL may
// have to escape. There must be eight bytes in s.
func plainTail(s string, i int) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	odd := uint64(0)
	for {
		at := min(i, len(s)-8) // the last eight bytes are looked at twice in part
		if at < 0 {
			return false
		}
		w := binary.LittleEndian.Uint64([]byte(s[at : at+8]))
		blank := (w - 0x21*ones) &^ w
		percent, number := w^'%'*ones, w^'#'*ones
		open, shut := w^'['*ones, w^']'*ones
		odd |= blank | (percent-ones)&^percent | (number-ones)&^number | (open-ones)&^open | (shut-ones)&^shut
		if i += 8; i >= len(s) {
			return odd&highs == 0
		}
	}
}
