package schema

import (
	"bytes"
	"io"
	"path"
	"strings"

	"feedmill/schema/xmltok"
)

// Kind is a kind of IOF file. Its schema document is the kind with ".xsd".
type Kind string

// The kinds of IOF files.
const (
	Gateway    Kind = "gateway"
	Full       Kind = "full"
	FullChange Kind = "full_change"
	Light      Kind = "light"
	Categories Kind = "categories"
	Sizes      Kind = "sizes"
	Producers  Kind = "producers"
	Units      Kind = "units"
	Parameters Kind = "parameters"
	Stocks     Kind = "stocks"
	Series     Kind = "series"
	Warranties Kind = "warranties"
	Preset     Kind = "preset"
)

// Kinds lists all kinds in the order in which a gateway names them.
func Kinds() []Kind {
	return []Kind{Gateway, Full, FullChange, Light, Categories, Sizes, Producers, Units,
		Parameters, Stocks, Series, Warranties, Preset}
}

// Root is the local name of the root element of the kind's files.
func (k Kind) Root() string {
	switch k {
	case Gateway:
		return "provider_description"
	case Full, FullChange, Light:
		return "offer"
	}
	return string(k)
}

// detectHead is how far into a file detect looks.
const detectHead = 1 << 20

// kindOfName tells an offer by its file name: light*, *change*, full*.
func kindOfName(name string) Kind {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	switch {
	case strings.HasPrefix(base, "light"):
		return Light
	case strings.Contains(base, "change"):
		return FullChange
	case strings.HasPrefix(base, "full"):
		return Full
	}
	return ""
}

// DetectKind tells the kind of a file from its name and its beginning; head
// may end anywhere. It returns "" when the root is that of no kind.
//
// Every root but offer decides alone. For an offer the name decides when it
// begins with "light" or "full" or contains "change". Otherwise the content
// decides as it does for importers: the first thing that light cannot hold
// (an element or attribute of product, such as description, images, or
// removed, which makes it a change file) means full, and products with price,
// srp, strikethrough prices and sizes only mean light. Without any product,
// products@language, which only full requires, means full. An offer that looks
// like light in all of head is taken for light.
func DetectKind(name string, head []byte) Kind {
	r := xmltok.NewReader(bytes.NewReader(head), xmltok.Limits{})
	guess := Kind("")
	plain := false // products that light could hold were seen
	for {
		kind, err := r.Next()
		if err != nil {
			if guess != "" && plain {
				return Light
			}
			return guess
		}
		if kind != xmltok.StartElement {
			continue
		}
		local := string(r.Name().Local)
		switch r.Depth() {
		case 1:
			if local != "offer" {
				return kindOfRoot(local)
			}
			if k := kindOfName(name); k != "" {
				return k
			}
			guess = Full
		case 2:
			if r.Attr("", "language") == nil && r.Attr("", "currency") != nil {
				guess = Light
			}
		case 3:
			for _, a := range r.Attrs() {
				switch string(a.Local) {
				case "removed":
					return FullChange
				case "id", "vat":
				default:
					return Full
				}
			}
		case 4:
			switch local {
			case "price", "srp", "sizes", "strikethrough_retail_price", "strikethrough_wholesale_price":
				plain = true
			default:
				return Full
			}
		}
	}
}

func kindOfRoot(local string) Kind {
	for _, k := range Kinds() {
		if k.Root() == local {
			return k
		}
	}
	return ""
}

// peek reads the head of src and returns it with a reader of everything.
func peek(src io.Reader) (head []byte, all io.Reader, err error) {
	head, err = io.ReadAll(io.LimitReader(src, detectHead))
	return head, io.MultiReader(bytes.NewReader(head), src), err
}
