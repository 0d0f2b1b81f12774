package patch

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Head is what an offer document says before its first product (IOF 3).
type Head struct {
	// Language and Currency are those of the products element, "" when absent.
	Language, Currency string
	// Generated and Expires are as written on the root, "" when absent.
	Generated, Expires string

	// raw runs from the root's tag to the end of the products tag, which is an
	// opening one. After insert bytes of it a declaration can be put.
	raw    []byte
	insert int
	// prefix of the products element with its colon.
	prefix string
	// spaces are the namespaces in scope for products, by prefix; "" is the
	// default one, absent where it is none.
	spaces map[string]string
}

// Append appends the beginning of a document up to its first product.
func (h *Head) Append(dst []byte) []byte {
	dst = append(dst, declaration...)
	dst = append(dst, h.raw...)
	return append(dst, '\n')
}

// appendFoot appends the end of a document with this head.
func appendFoot(dst, foot []byte) []byte {
	dst = append(dst, foot...)
	return append(dst, '\n')
}

// appendTombstone appends the node of a product that left the offer (IOF 6).
func (h *Head) appendTombstone(dst []byte, id string) []byte {
	dst = append(dst, '<')
	dst = append(dst, h.prefix...)
	dst = append(dst, `product id="`...)
	dst = appendAttr(dst, id)
	return append(dst, `" removed="yes"/>`...)
}

func appendAttr(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t', '\n', '\r':
			dst = fmt.Appendf(dst, "&#%d;", c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// join gives a head under which nodes of both documents mean what they meant:
// the newer one's, with the namespaces that only the older one declares.
func (h *Head) join(older *Head) (*Head, error) {
	differ := func(what, now, before string) error {
		return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the documents do not belong together: %s is %q in the newer one and %q in the older one", what, now, before),
			Hint: "name documents of one offer"}
	}
	if h.Language != older.Language && h.Language != "" && older.Language != "" {
		return nil, differ("the language", h.Language, older.Language)
	}
	if h.Currency != older.Currency && h.Currency != "" && older.Currency != "" {
		return nil, differ("the currency", h.Currency, older.Currency)
	}
	if h.spaces[""] != older.spaces[""] {
		return nil, differ("the default namespace", h.spaces[""], older.spaces[""])
	}
	var more []byte
	joined := *h
	joined.spaces = maps.Clone(h.spaces)
	for _, prefix := range slices.Sorted(maps.Keys(older.spaces)) {
		space := older.spaces[prefix]
		switch now, ok := h.spaces[prefix]; {
		case ok && now != space:
			return nil, differ("the namespace of prefix "+prefix, now, space)
		case !ok:
			joined.spaces[prefix] = space
			more = append(append(append(more, " xmlns:"...), prefix...), `="`...)
			more = append(appendAttr(more, space), '"')
		}
	}
	if more != nil {
		joined.raw = slices.Concat(h.raw[:h.insert], more, h.raw[h.insert:])
	}
	return &joined, nil
}

// prefixes lists the prefixes that a start tag declares, "" for the default
// namespace. The tag is known to be well-formed.
func prefixes(tag []byte) (list []string) {
	const space = " \t\r\n"
	if i := bytes.IndexAny(tag, space+"/>"); i > 0 {
		tag = tag[i:]
	}
	for {
		tag = bytes.TrimLeft(tag, space)
		eq := bytes.IndexByte(tag, '=')
		if eq < 0 {
			return list
		}
		name := bytes.TrimRight(tag[:eq], space)
		tag = bytes.TrimLeft(tag[eq+1:], space)
		if len(tag) == 0 {
			return list
		}
		end := bytes.IndexByte(tag[1:], tag[0])
		if end < 0 {
			return list
		}
		tag = tag[end+2:]
		if string(name) == "xmlns" {
			list = append(list, "")
		} else if p, ok := bytes.CutPrefix(name, []byte("xmlns:")); ok {
			list = append(list, string(p))
		}
	}
}

// declare notes the namespaces that the current start tag declares.
func (h *Head) declare(x *xmltok.Reader) {
	for _, p := range prefixes(x.Raw()) {
		if space, ok := x.Lookup([]byte(p)); ok && space != "" {
			h.spaces[p] = space
		} else {
			delete(h.spaces, p)
		}
	}
}
