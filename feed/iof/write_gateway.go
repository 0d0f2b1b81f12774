package iof

import (
	"slices"
	"time"

	"feedmill/feed"
)

// Pointer names a file in the gateway (IOF 2.3).
type Pointer struct {
	// URL is absolute; its path holds the word of the kind and no ampersand
	// (CONSUMERS 22).
	URL string
	// Hash is the MD5 of the file's bytes in 32 hex digits.
	Hash string
	// Changed is when the content last changed.
	Changed time.Time
}

// Gateway is what gateway.xml says (IOF 2).
type Gateway struct {
	Supplier feed.Supplier
	// Generated is the time of the gateway, Created and Expires those of the offer.
	Generated, Created, Expires time.Time
	// Full, Light, Categories and Sizes are always written; the others are left
	// out when their URL is empty.
	Full Pointer
	// Changes are the change files in any order; they are written newest first.
	Changes []Pointer
	Light   Pointer

	Categories, Sizes, Producers, Units, Parameters, Stocks, Series, Warranties, Preset Pointer
}

// AppendGateway writes gateway.xml. The names of the supplier are folded to
// the ASCII letters that its schema admits; everything that the schema
// requires of meta is there, if need be empty.
func (w *Writer) AppendGateway(dst []byte, g Gateway) []byte {
	s := &g.Supplier
	dst = w.appendRoot(dst, "provider_description")
	dst = appendAttr(dst, ` generated_by="`, w.by)
	dst = appendTimeAttr(dst, ` generated="`, g.Generated)
	dst = append(dst, ">\n<meta>\n"...)
	dst = w.appendPresent(dst, "long_name", FoldName(firstText(s.Name, s.ShortName)))
	dst = w.appendPresent(dst, "short_name", FoldShortName(firstText(s.ShortName, s.Name)))
	dst = append(dst, "<showcase_image"...)
	dst = appendAttr(dst, ` url="`, s.LogoURL)
	dst = append(dst, "/>\n"...)
	dst = w.appendPresent(dst, "email", s.Email)
	dst = w.appendPresent(dst, "tel", s.Phone)
	dst = w.appendPresent(dst, "fax", s.Fax)
	dst = w.appendPresent(dst, "www", s.Website)
	dst = append(dst, "<address>\n"...)
	dst = w.appendPresent(dst, "street", s.Street)
	dst = w.appendPresent(dst, "zipcode", s.Zipcode)
	dst = w.appendPresent(dst, "city", s.City)
	dst = w.appendPresent(dst, "country", s.Country)
	dst = w.appendPresent(dst, "province", s.Province)
	dst = append(dst, "</address>\n<time>\n<offer"...)
	dst = appendTimeAttr(dst, ` created="`, g.Created)
	dst = append(dst, "/>\n<offer"...)
	dst = appendTimeAttr(dst, ` expires="`, g.Expires)
	dst = append(dst, "/>\n</time>\n</meta>\n"...)

	dst = appendPointer(dst, "<full", &g.Full)
	if len(g.Changes) == 0 {
		dst = append(dst, "/>\n"...)
	} else {
		changes := slices.Clone(g.Changes)
		slices.SortStableFunc(changes, func(a, b Pointer) int { return b.Changed.Compare(a.Changed) })
		dst = append(dst, ">\n<changes>\n"...)
		for i := range changes {
			dst = append(appendPointer(dst, "<change", &changes[i]), "/>\n"...)
		}
		dst = append(dst, "</changes>\n</full>\n"...)
	}
	for _, p := range [...]struct {
		open     string
		to       *Pointer
		required bool
	}{
		{"<light", &g.Light, true}, {"<categories", &g.Categories, true}, {"<sizes", &g.Sizes, true},
		{"<producers", &g.Producers, false}, {"<units", &g.Units, false}, {"<parameters", &g.Parameters, false},
		{"<stocks", &g.Stocks, false}, {"<series", &g.Series, false}, {"<warranties", &g.Warranties, false},
		{"<preset", &g.Preset, false},
	} {
		if p.required || hasText(p.to.URL) {
			dst = append(appendPointer(dst, p.open, p.to), "/>\n"...)
		}
	}
	return append(dst, "</provider_description>\n"...)
}

// appendPointer writes a pointer up to the end of its attributes.
func appendPointer(dst []byte, open string, p *Pointer) []byte {
	dst = append(dst, open...)
	dst = append(dst, ` url="`...)
	dst = appendEscaped(dst, p.URL)
	dst = append(dst, '"')
	if hasToken(p.Hash) {
		dst = append(dst, ` hash="`...)
		dst = appendNMToken(dst, p.Hash)
		dst = append(dst, '"')
	}
	return appendTimeAttr(dst, ` changed="`, p.Changed)
}

// appendPresent writes an element that must be there, empty or not, and a
// line feed.
func (w *Writer) appendPresent(dst []byte, tag, s string) []byte {
	if hasText(s) {
		dst = w.appendTextNode(dst, tag, feed.Language{}, s)
	} else {
		dst = append(dst, '<')
		dst = append(dst, tag...)
		dst = append(dst, "/>"...)
	}
	return append(dst, '\n')
}

// firstText gives the first string that holds anything.
func firstText(list ...string) string {
	for _, s := range list {
		if hasText(s) {
			return s
		}
	}
	return ""
}
