package rules

import (
	"bytes"
	"fmt"
	"strings"
)

// extensionSpace is the namespace of the extensions (IOF 3).
const extensionSpace = "http://www.iai-shop.com/developers/iof/extensions.phtml"

// clip quotes a text for a message, shortened where it is long.
func clip[T ~string | ~[]byte](s T) string {
	const most = 60
	text := string(s)
	if len(text) > most {
		cut := most
		for cut > 0 && text[cut]&0xC0 == 0x80 {
			cut--
		}
		return fmt.Sprintf("%q…", text[:cut])
	}
	return fmt.Sprintf("%q", text)
}

func trim(b []byte) []byte {
	if n := len(b); n == 0 || !isSpace(b[0]) && !isSpace(b[n-1]) {
		return b
	}
	return bytes.TrimSpace(b)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// number is a decimal as it was written.
type number struct {
	v      int64 // in units of 1/scale; exact below 10^14
	ok     bool  // it is a number
	plain  bool  // digits, at most one point, digits; a minus before
	places int   // decimals as written
	zeros  bool  // the decimals are all zeros
	power  bool  // it has an exponent; v is then unknown
}

// scale is the number of units in one.
const scale = 10_000

// parseNumber reads a decimal or float of XML Schema; more decimals than four
// are cut off, numbers beyond 10^14 are not numbers here.
func parseNumber(b []byte) (n number) {
	t := trim(b)
	n.plain, n.zeros = len(t) == len(b) && len(t) > 0, true
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		n.plain = n.plain && neg
		t = t[1:]
	}
	whole, i := 0, 0
	for ; i < len(t) && t[i] >= '0' && t[i] <= '9'; i++ {
		if n.v = n.v*10 + int64(t[i]-'0'); n.v > 1e14 {
			return number{}
		}
		whole++
	}
	if whole == 0 || whole > 1 && t[0] == '0' {
		n.plain = false
	}
	n.v *= scale
	if i < len(t) && t[i] == '.' {
		i++
		for unit := int64(scale / 10); i < len(t) && t[i] >= '0' && t[i] <= '9'; i++ {
			n.v += unit * int64(t[i]-'0')
			n.zeros = n.zeros && t[i] == '0'
			unit /= 10
			n.places++
		}
		n.plain = n.plain && n.places > 0
	}
	n.ok = whole+n.places > 0 && i == len(t)
	if !n.ok && whole+n.places > 0 && i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		return number{power: true} // legal for floats, and never plain
	}
	if neg {
		n.v = -n.v
	}
	return n
}

// decimals gives the minor digits of a currency (ISO 4217).
func decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}

// Faults of a time.
type timeFault uint8

const (
	timeFine timeFault = iota
	timeForm
	timeInvalid
	timeNone // not a time at all
)

// moment is a point in time as it was written.
type moment struct{ year, month, day, hour, minute, second int }

// parseTime reads a time in any of the notations that the schemas allow, or a
// day alone.
func parseTime(b []byte) (m moment, fault timeFault) {
	t := trim(b)
	if len(t) < 10 || !isDigits(t[:4]) || !isDigits(t[5:7]) || !isDigits(t[8:10]) {
		return m, timeNone
	}
	strict := len(t) == 19 && len(t) == len(b) && t[4] == '-' && t[7] == '-' && t[10] == ' '
	m.year, m.month, m.day = twoDigits(t)*100+twoDigits(t[2:]), twoDigits(t[5:]), twoDigits(t[8:])
	rest := t[10:]
	if len(rest) > 0 && (rest[0] == 'T' || rest[0] == ' ') {
		rest = rest[1:]
	}
	if len(rest) >= 8 && isDigits(rest[:2]) && isDigits(rest[3:5]) && isDigits(rest[6:8]) {
		strict = strict && rest[2] == ':' && rest[5] == ':'
		m.hour, m.minute, m.second = twoDigits(rest), twoDigits(rest[3:]), twoDigits(rest[6:])
	} else {
		strict = false
	}
	switch {
	case m.month < 1 || m.month > 12 || m.day < 1 || m.day > monthDays(m.year, m.month) || m.hour > 23 || m.minute > 59 || m.second > 59:
		return m, timeInvalid
	case !strict:
		return m, timeForm
	}
	return m, timeFine
}

func twoDigits(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

func monthDays(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// String gives the one form, which also compares in order of time.
func (m moment) String() string {
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", m.year, m.month, m.day, m.hour, m.minute, m.second)
}

// looksLikeTime reports whether a whole value is a point in time, in any of
// the usual notations.
func looksLikeTime(b []byte) bool {
	return len(b) >= 16 && len(b) <= 32 && b[4] == '-' && b[7] == '-' && b[13] == ':' && (b[10] == 'T' || b[10] == ' ') &&
		isDigits(b[:4]) && isDigits(b[5:7]) && isDigits(b[8:10]) && isDigits(b[11:13]) && isDigits(b[14:16])
}

// labelOf finds the stamp of a change file in its name or address.
func labelOf(name string) string {
	const word = "full_change"
	i := strings.LastIndex(name, word)
	if i < 0 || len(name) < i+len(word)+19 {
		return ""
	}
	label := name[i+len(word) : i+len(word)+19]
	for j := range label {
		switch j {
		case 4, 7, 13, 16:
			if label[j] != '-' {
				return ""
			}
		case 10:
			if label[j] != 'T' {
				return ""
			}
		default:
			if label[j] < '0' || label[j] > '9' {
				return ""
			}
		}
	}
	return label
}

// labelStamp gives the time that a label says.
func labelStamp(label string) string {
	if len(label) != 19 {
		return ""
	}
	return label[:10] + " " + label[11:13] + ":" + label[14:16] + ":" + label[17:19]
}

// plainName drops the ending of a compressed file.
func plainName(name string) string { return strings.TrimSuffix(name, ".gz") }

// languageFault reports whether a code is not a bibliographic code of ISO
// 639-2, and which one is probably meant.
func languageFault(b []byte) (meant string, bad bool) {
	if len(b) == 3 && isLower(b[0]) && isLower(b[1]) && isLower(b[2]) {
		meant = bibliographic(string(b))
		return meant, meant != ""
	}
	base, _, _ := strings.Cut(strings.ToLower(string(trim(b))), "-")
	if len(base) == 3 {
		if meant = bibliographic(base); meant == "" {
			meant = base
		}
		return meant, true
	}
	return shortLanguage(base), true
}

// languageMeant gives the code that a language code stands for: itself where
// it is none that is known.
func languageMeant(b []byte) string {
	if meant, bad := languageFault(b); bad && meant != "" {
		return meant
	}
	return string(b)
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// bibliographic gives the bibliographic code for a terminological one.
func bibliographic(code string) string {
	switch code {
	case "deu":
		return "ger"
	case "ces":
		return "cze"
	case "ron":
		return "rum"
	case "nld":
		return "dut"
	case "fra":
		return "fre"
	case "slk":
		return "slo"
	case "ell":
		return "gre"
	case "sqi":
		return "alb"
	case "hye":
		return "arm"
	case "eus":
		return "baq"
	case "mya":
		return "bur"
	case "zho":
		return "chi"
	case "kat":
		return "geo"
	case "isl":
		return "ice"
	case "mkd":
		return "mac"
	case "msa":
		return "may"
	case "fas":
		return "per"
	case "cym":
		return "wel"
	}
	return ""
}

// shortLanguage gives the three-letter code for the two-letter codes that
// feeds are known to have.
func shortLanguage(code string) string {
	for _, pair := range [...]string{"plpol", "eneng", "deger", "cscze", "skslo", "huhun", "rorum", "ltlit", "frfre", "itita", "esspa",
		"nldut", "ukukr", "rurus", "bgbul", "hrhrv", "slslv", "etest", "lvlav", "svswe", "dadan", "nonor", "fifin", "ptpor", "elgre", "trtur"} {
		if pair[:2] == code {
			return pair[2:]
		}
	}
	return ""
}

// stampLayout is the one form of times.
const stampLayout = "2006-01-02 15:04:05"

// Label finds the stamp of a change file, 2026-03-02T10-00-00, in its name or
// address; "" when there is none.
func Label(name string) string { return labelOf(name) }
