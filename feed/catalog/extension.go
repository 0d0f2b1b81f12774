package catalog

import (
	"errors"
	"io"
	"strings"

	"feedmill/schema/xmltok"
)

// extensionLimits are those that writers hold extensions against, with room for
// the wrapper.
var extensionLimits = xmltok.Limits{Depth: 33, Attrs: 32}

// The namespace of IOF extensions and the prefix that everyone reads literally.
const (
	extensionSpace  = "http://www.iai-shop.com/developers/iof/extensions.phtml"
	extensionPrefix = "iaiext"
)

// extensionChecker checks verbatim elements one after the other with the same
// buffers. The zero value is ready.
type extensionChecker struct {
	r   *xmltok.Reader
	src strings.Reader
}

// check says what is wrong with a verbatim element, or gives its local name. It must be one well-formed element with the prefix iaiext that uses no
// prefixes but iaiext and xml and declares none.
func (c *extensionChecker) check(xml string) (name string, err error) {
	const open, shut = `<x xmlns:iaiext="` + extensionSpace + `">`, `</x>`
	c.src.Reset(open + xml + shut)
	if c.r == nil {
		c.r = xmltok.NewReader(&c.src, extensionLimits)
	} else {
		c.r.Reset(&c.src)
	}
	r := c.r
	depth, roots := 0, 0
	for {
		kind, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", unwellformed(err, len(open))
		}
		switch kind {
		case xmltok.StartElement:
			if depth++; depth == 1 {
				continue
			}
			n := r.Name()
			if depth == 2 {
				if roots++; roots > 1 {
					return "", errors.New("is more than one element")
				}
				name = string(n.Local)
				if string(n.Prefix) != extensionPrefix {
					return "", errors.New("<" + clip(n.String()) + "> has no prefix iaiext")
				}
			}
			if !ours(n) {
				return "", errors.New("<" + clip(n.String()) + "> has a name of another namespace, or one that is not ASCII")
			}
			for _, a := range r.Attrs() {
				if !ours(a.Name) {
					return "", errors.New("attribute " + clip(a.String()) + " has a name of another namespace, or one that is not ASCII")
				}
			}
		case xmltok.EndElement:
			depth--
		case xmltok.Text, xmltok.CData:
			if depth == 1 && strings.TrimSpace(string(r.Text())) != "" {
				return "", errors.New("has text outside its element")
			}
		case xmltok.ProcInst:
			return "", errors.New("has a processing instruction")
		default:
			if depth == 1 {
				return "", errors.New("has a comment outside its element")
			}
		}
	}
	if roots != 1 {
		return "", errors.New("is not an element")
	}
	if declares(xml) {
		return "", errors.New("declares a namespace")
	}
	return name, nil
}

// ours says whether a name is ASCII and has no namespace, or iaiext's or xml's
// by its usual prefix.
func ours(n xmltok.Name) bool {
	for _, c := range n.Local {
		if c >= 0x80 {
			return false
		}
	}
	switch string(n.Prefix) {
	case "":
		return n.Space == ""
	case extensionPrefix:
		return n.Space == extensionSpace
	}
	return string(n.Prefix) == "xml"
}

// declares says whether a tag of the well-formed text holds a namespace
// declaration, used or not.
func declares(xml string) bool {
	for {
		_, rest, ok := strings.Cut(xml, "<")
		if !ok {
			return false
		}
		switch {
		case strings.HasPrefix(rest, "!--"):
			_, xml, _ = strings.Cut(rest, "-->")
		case strings.HasPrefix(rest, "!"):
			_, xml, _ = strings.Cut(rest, "]]>")
		default:
			i := strings.IndexAny(rest, ">\"'")
			for i >= 0 && rest[i] != '>' {
				if strings.Contains(rest[:i], "xmlns") {
					return true
				}
				_, rest, _ = strings.Cut(rest[i+1:], rest[i:i+1])
				i = strings.IndexAny(rest, ">\"'")
			}
			xml = rest
		}
	}
}

// unwellformed words a tokenizer's error without the wrapper that we added.
func unwellformed(err error, wrapper int) error {
	var e *xmltok.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Line == 1 {
		e.Column -= wrapper
	}
	return errors.New("is not well-formed: " + e.Error())
}
