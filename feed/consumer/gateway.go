package consumer

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/schema/xmltok"
)

// gateway is what a gateway.xml says (IOF 2).
type gateway struct {
	generated, expires string
	pointers           []pointer
}

// pointer is one file that a gateway names.
type pointer struct {
	kind               feed.Kind
	url, hash, changed string
}

const gatewayName = "gateway.xml"

// readGateway reads a gateway of any supplier; what it does not know it skips.
func readGateway(data []byte) (*gateway, error) {
	g := &gateway{}
	x := xmltok.NewReader(bytes.NewReader(data), xmltok.Limits{})
	var path []string
	for {
		kind, err := x.Next()
		if errors.Is(err, io.EOF) {
			return g, nil
		}
		if err != nil {
			return nil, &Error{Fault: FaultGateway, File: gatewayName, Message: "it is not well-formed XML", Err: err}
		}
		switch kind {
		case xmltok.StartElement:
			path = append(path, string(x.Name().Local))
			if len(path) == 1 && path[0] != "provider_description" {
				return nil, fault(FaultGateway, gatewayName, "the document is a <%.40s>; a gateway is a <provider_description>", path[0])
			}
			g.element(x, strings.Join(path[1:], "/"))
		case xmltok.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// element takes in one element below the root, "" for the root itself.
func (g *gateway) element(x *xmltok.Reader, path string) {
	attr := func(name string) string {
		if a := x.Attr("", name); a != nil {
			return strings.TrimSpace(string(a.Value))
		}
		return ""
	}
	var kind feed.Kind
	switch path {
	case "":
		g.generated = attr("generated")
		return
	case "meta/time/offer":
		if e := attr("expires"); e != "" {
			g.expires = e
		}
		if g.generated == "" {
			g.generated = attr("created")
		}
		return
	case "full/changes/change":
		kind = feed.KindFullChange
	default:
		if kind.UnmarshalText([]byte(path)) != nil || kind == feed.KindGateway || kind == feed.KindFullChange {
			return
		}
	}
	g.pointers = append(g.pointers, pointer{kind: kind, url: attr("url"), hash: attr("hash"), changed: attr("changed")})
}

// stampIn finds the stamp of a change file in its address (IOF 6), "" when it
// has none.
func stampIn(address string) string {
	const length = len("2006-01-02T15-04-05")
	for rest := address; ; {
		i := strings.Index(rest, "full_change")
		if i < 0 {
			return ""
		}
		rest = rest[i+len("full_change"):]
		if len(rest) >= length {
			if s := patch.NormalStamp(rest[:length]); s != "" {
				return s
			}
		}
	}
}
