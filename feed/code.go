package feed

import (
	"fmt"
	"strings"
)

// CodeStandard says what the producer codes of a product are
// (product@producer_code_standard, IOF 4.1). It applies to every size.
type CodeStandard uint8

// The standards that IOF 3.0 knows; the zero value means none was given.
const (
	StandardNone CodeStandard = iota
	StandardAuto
	StandardGTIN14
	StandardGTIN13
	StandardGTIN12
	StandardGTIN8
	StandardISBN13
	StandardISBN10
	StandardUPCE
	StandardMPN
	StandardOther
)

var standardNames = [...]string{"", "AUTO", "GTIN14", "GTIN13", "GTIN12", "GTIN8", "ISBN13", "ISBN10", "UPCE", "MPN", "OTHER"}

// ParseCodeStandard reads a name in upper or lower case; "" is [StandardNone].
func ParseCodeStandard(s string) (CodeStandard, error) {
	for i, n := range standardNames {
		if n == s || (len(s) == len(n) && strings.EqualFold(s, n)) {
			return CodeStandard(i), nil
		}
	}
	return 0, fmt.Errorf("%.40q is not a producer code standard (one of %s)", s, strings.Join(standardNames[1:], ", "))
}

// String gives the name in capitals, "" for [StandardNone].
func (s CodeStandard) String() string { return standardNames[s] }

// digits gives the number of digits of a GS1 standard, else 0.
func (s CodeStandard) digits() int {
	switch s {
	case StandardGTIN14:
		return 14
	case StandardGTIN13, StandardISBN13:
		return 13
	case StandardGTIN12:
		return 12
	case StandardGTIN8:
		return 8
	}
	return 0
}

// AppendDigits writes a code under a standard of a fixed number of digits as
// digits alone, without the blanks and hyphens of its printed form; the check
// digit is not looked at. ok is false, and nothing is written, for any other
// standard and for a code that is something else.
func (s CodeStandard) AppendDigits(dst []byte, code string) (_ []byte, ok bool) {
	start, want := len(dst), s.digits()
	if want == 0 {
		return dst, false
	}
	for _, c := range []byte(code) {
		switch {
		case c >= '0' && c <= '9':
			dst = append(dst, c)
		case c != ' ' && c != '-':
			return dst[:start], false
		}
	}
	if len(dst)-start != want {
		return dst[:start], false
	}
	return dst, true
}

// GTIN is a Global Trade Item Number of 8, 12, 13 or 14 digits with a right
// check digit, kept with its leading zeros. The zero GTIN means none.
type GTIN struct{ digits string }

// ParseGTIN reads a GTIN; blanks and hyphens, as ISBNs are printed, are dropped.
func ParseGTIN(s string) (GTIN, error) {
	d := s
	if strings.ContainsAny(s, " -") {
		d = strings.NewReplacer(" ", "", "-", "").Replace(s)
	}
	switch len(d) {
	case 8, 12, 13, 14:
	default:
		return GTIN{}, fmt.Errorf("%.40q is not a GTIN: it has %d digits, not 8, 12, 13 or 14", s, len(d))
	}
	sum := 0
	for i := range len(d) {
		c := d[len(d)-1-i]
		if c < '0' || c > '9' {
			return GTIN{}, fmt.Errorf("%.40q is not a GTIN: it may hold digits only", s)
		}
		if i%2 == 1 {
			sum += 3 * int(c-'0')
		} else {
			sum += int(c - '0')
		}
	}
	if sum%10 != 0 {
		return GTIN{}, fmt.Errorf("%.40q is not a GTIN: its check digit is wrong", s)
	}
	return GTIN{d}, nil
}

// String gives the digits.
func (g GTIN) String() string { return g.digits }

// IsZero says whether there is none.
func (g GTIN) IsZero() bool { return g.digits == "" }

// Standard names the standard by the number of digits.
func (g GTIN) Standard() CodeStandard {
	switch len(g.digits) {
	case 8:
		return StandardGTIN8
	case 12:
		return StandardGTIN12
	case 13:
		return StandardGTIN13
	case 14:
		return StandardGTIN14
	}
	return StandardNone
}

// CheckCode says what is wrong with a producer code under a standard: a wrong
// length or check digit of a GS1 number or an ISBN-10. Free standards (AUTO,
// MPN, OTHER, none, UPCE) accept everything, and so does an empty code.
func CheckCode(std CodeStandard, code string) error {
	if code == "" {
		return nil
	}
	if n := std.digits(); n != 0 {
		g, err := ParseGTIN(code)
		if err != nil {
			return err
		}
		if len(g.digits) != n {
			return fmt.Errorf("%.40q is not a %s: it has %d digits, not %d", code, std, len(g.digits), n)
		}
		return nil
	}
	if std == StandardISBN10 {
		return checkISBN10(code)
	}
	return nil
}

func checkISBN10(code string) error {
	d := strings.NewReplacer(" ", "", "-", "").Replace(code)
	if len(d) != 10 {
		return fmt.Errorf("%.40q is not an ISBN10: it has %d digits, not 10", code, len(d))
	}
	sum := 0
	for i := range 10 {
		v := int(d[i]) - '0'
		if i == 9 && (d[i] == 'X' || d[i] == 'x') {
			v = 10
		} else if v < 0 || v > 9 {
			return fmt.Errorf("%.40q is not an ISBN10: it may hold digits only", code)
		}
		sum += (10 - i) * v
	}
	if sum%11 != 0 {
		return fmt.Errorf("%.40q is not an ISBN10: its check digit is wrong", code)
	}
	return nil
}
