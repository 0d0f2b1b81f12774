package partner

import (
	"strings"

	"feedmill/feed"
)

// KindSet is a set of kinds of file. The empty set stands for all kinds: an
// offer that restricts nothing names nothing.
type KindSet uint32

// KindsOf makes a set.
func KindsOf(kinds ...feed.Kind) KindSet {
	var s KindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has says whether the kind is in the set. Gateway always is, and change files
// go with full: without it they are of no use.
func (s KindSet) Has(k feed.Kind) bool {
	switch k {
	case feed.KindGateway:
		return true
	case feed.KindFullChange:
		k = feed.KindFull
	}
	return s == 0 || s&(1<<k) != 0
}

// String gives the names in gateway order, joined by commas; "" for all.
func (s KindSet) String() string {
	var b strings.Builder
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		if s&(1<<k) != 0 {
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			b.WriteString(k.String())
		}
	}
	return b.String()
}

// ParseKindSet reads what [KindSet.String] writes.
func ParseKindSet(text string) (KindSet, error) {
	var s KindSet
	if text == "" {
		return 0, nil
	}
next:
	for name := range strings.SplitSeq(text, ",") {
		for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
			if k.String() == name {
				s |= 1 << k
				continue next
			}
		}
		return 0, feed.Errorf(feed.KindInvalid, "%.40q is no kind of file", name)
	}
	return s, nil
}
