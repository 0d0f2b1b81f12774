package catalog

import (
	"strings"
	"unicode/utf8"
)

// What programs on a text's way here have made of it, or left in it, is told once a
// catalog and stays as it is: it may be meant so.
const (
	hintTags     = "names are plain text: leave the tags out"
	hintEncoding = "export it again in UTF-8, and let no program between convert it"
	hintNoValue  = "leave out what is not known, or mend it where it comes from"
)

// tellText tells of a name that a program has spoilt.
func (in *intake) tellText(field, s string) {
	if noValue(s) {
		in.tellNoValue(field, s)
		return
	}
	if in.told["encoding"] {
		return
	}
	const lost = string(utf8.RuneError)
	if i := strings.IndexByte(s, lost[0]); i >= 0 && strings.Contains(s[i:], lost) {
		in.warnOnce("encoding", field, quote(s)+" has signs that a program before could not read", hintEncoding)
	} else if meant := twiceEncoded(s); meant != "" {
		in.warnOnce("encoding", field, quote(s)+" looks like "+quote(meant)+", read in a wrong encoding", hintEncoding)
	}
}

// tellNoValue tells once a field of what stands for no value.
func (in *intake) tellNoValue(field, s string) {
	in.warnOnce("no value "+field, field, quote(s)+" looks like what programs write where they have no value", hintNoValue)
}

// noValue says whether a text is what databases, programs and spreadsheets write where
// they have none: NULL, nan, #REF!.
func noValue(s string) bool {
	if len(s) < 3 || len(s) > 12 {
		return s == `\N`
	}
	switch s[0] {
	case '#':
		// #N/A, #N/D and #NV, and in all languages #REF!, #NAME? and the like.
		if s == "#N/A" || s == "#N/D" || s == "#NV" {
			return true
		}
		return (s[len(s)-1] == '!' || s[len(s)-1] == '?') && strings.Trim(s[1:len(s)-1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ/0") == ""
	case 'N', 'n', 'u', '(':
		switch s {
		case "NULL", "null", "(null)", "None", "nan", "NaN", "N/A", "n/a", "undefined":
			return true
		}
	}
	return false
}

// tag gives the first tag of HTML in a plain text, "" for none.
func tag(s string) string {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return ""
		}
		s = s[i:]
		n := strings.IndexAny(s, "> ")
		if n < 0 {
			return ""
		}
		switch strings.ToLower(strings.Trim(s[:n], "</")) {
		case "b", "i", "u", "p", "br", "em", "strong", "span", "div", "font", "small", "sub", "sup", "li", "ul", "ol", "h1", "h2", "h3", "h4", "td", "tr", "table", "img":
			if end := strings.IndexByte(s, '>'); end > 0 {
				return s[:end+1]
			}
		}
		s = s[1:]
	}
}

// windows1252 are the signs of that encoding from 0x80 to 0x9F, 0 for those that it
// has not.
const windows1252 = "€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ"

// twiceEncoded gives the text that was meant where UTF-8 was taken for Windows-1252 and
// written as UTF-8 again ("KrzesÅ‚o" for "Krzesło"), "" for any other.
func twiceEncoded(s string) string {
	const leads = "\x82\x83\x84\x85\x8E\x8F\x90\x91" // of Â Ã Ä Å Î Ï Ð Ñ, with which letters begin then
	suspect := false
	for rest := s; !suspect; {
		i := strings.IndexByte(rest, 0xC3)
		if i < 0 || i+2 >= len(rest) {
			return ""
		}
		suspect = strings.IndexByte(leads, rest[i+1]) >= 0 && rest[i+2] >= utf8.RuneSelf
		rest = rest[i+2:]
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		c, ok := byte1252(r)
		if !ok {
			return ""
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

// byte1252 gives the byte that stands for a sign in Windows-1252; that of a byte which
// stands for none is read as the control character of its number.
func byte1252(r rune) (byte, bool) {
	if r < 0x100 {
		return byte(r), true
	}
	n := byte(0x80)
	for _, sign := range windows1252 {
		if sign == r {
			return n, true
		}
		n++
	}
	return 0, false
}
