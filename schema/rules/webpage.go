package rules

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// How a page of HTML begins, behind what may stand before it.
var (
	prolog    = regexp.MustCompile(`(?s)^(?:\s+|<\?.*?\?>|<!--.*?-->)+`)
	pageStart = regexp.MustCompile(`(?i)^<(?:!doctype\s+html|html|head|body)\b`)
	pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
)

// webPage says what a file is that begins as a page of HTML does, "" for any
// other. It is what web servers answer in place of a file, so the rules of XML
// and of the schema would each name a fault that nobody has made.
func webPage(head []byte) string {
	head = prolog.ReplaceAll(bytes.TrimPrefix(head, []byte(bom)), nil)
	if !pageStart.Match(head) {
		return ""
	}
	if m := pageTitle.FindSubmatch(head); m != nil {
		title := strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")
		if title != "" && utf8.ValidString(title) {
			return "the file is a web page with the title " + clip(title)
		}
	}
	return "the file is a web page"
}
