package rules

// standard is a standard of producer codes (product@producer_code_standard, IOF 4.1).
type standard uint8

const (
	standardNone standard = iota
	standardAuto
	standardOther // MPN and OTHER: any text
	gtin14
	gtin13
	gtin12
	gtin8
	isbn13
	isbn10
	upce
)

func parseStandard(b []byte) standard {
	switch string(b) {
	case "AUTO", "auto":
		return standardAuto
	case "GTIN14", "gtin14":
		return gtin14
	case "GTIN13", "gtin13":
		return gtin13
	case "GTIN12", "gtin12":
		return gtin12
	case "GTIN8", "gtin8":
		return gtin8
	case "ISBN13", "isbn13":
		return isbn13
	case "ISBN10", "isbn10":
		return isbn10
	case "UPCE", "upce":
		return upce
	case "":
		return standardNone
	}
	return standardOther
}

// length is the number of characters of a code of the standard, 0 for any.
func (s standard) length() int {
	switch s {
	case gtin14:
		return 14
	case gtin13, isbn13:
		return 13
	case gtin12:
		return 12
	case isbn10:
		return 10
	case gtin8, upce:
		return 8
	}
	return 0
}

// checkDigitOK verifies the last digit of a GTIN of any length: weights 3 and
// 1 from the right (GS1 General Specifications, 7.9).
func checkDigitOK(digits []byte) bool {
	sum, weight := 0, 1
	for i := len(digits) - 1; i >= 0; i-- {
		sum += weight * int(digits[i]-'0')
		weight ^= 2 // 1 and 3 in turn
	}
	return sum%10 == 0
}

// isbn10OK verifies an ISBN-10: weights 10 down to 1, modulo 11, X for ten (ISO 2108).
func isbn10OK(code []byte) bool {
	sum := 0
	for i, c := range code {
		d := int(c - '0')
		if c == 'X' || c == 'x' {
			d = 10
		}
		sum += (10 - i) * d
	}
	return sum%11 == 0
}

// upceOK verifies a UPC-E of eight digits by expanding it to UPC-A: the last
// digit before the check digit says where the zeros were left out.
func upceOK(c []byte) bool {
	var a [12]byte
	for i := range a {
		a[i] = '0'
	}
	a[0], a[1], a[2] = c[0], c[1], c[2]
	switch c[6] {
	case '0', '1', '2':
		a[3] = c[6]
		copy(a[8:11], c[3:6])
	case '3':
		a[3] = c[3]
		copy(a[9:11], c[4:6])
	case '4':
		copy(a[3:5], c[3:5])
		a[10] = c[5]
	default:
		copy(a[3:6], c[3:6])
		a[10] = c[6]
	}
	a[11] = c[7]
	return checkDigitOK(a[:])
}

// gtinFault gives the rule that a code breaks under a standard, or "".
func gtinFault(s standard, code []byte) string {
	if len(code) == 0 || s == standardOther {
		return ""
	}
	if s == standardNone || s == standardAuto {
		if n := len(code); n >= 12 && n <= 14 && isDigits(code) && !checkDigitOK(code) {
			return codeGTINDoubtful
		}
		return ""
	}
	body := code
	if last := code[len(code)-1]; s == isbn10 && (last == 'X' || last == 'x') {
		body = code[:len(code)-1]
	}
	if !isDigits(body) {
		return codeGTINChars
	}
	if len(code) != s.length() {
		return codeGTINLength
	}
	fine := false
	switch s {
	case isbn10:
		fine = isbn10OK(code)
	case isbn13:
		fine = (string(code[:3]) == "978" || string(code[:3]) == "979") && checkDigitOK(code)
	case upce:
		fine = (code[0] == '0' || code[0] == '1') && upceOK(code)
	default:
		fine = checkDigitOK(code)
	}
	if !fine {
		return codeGTINCheck
	}
	return ""
}

// bare leaves hyphens and blanks out of a code.
func bare(code []byte) (digits []byte, hyphens bool) {
	for _, c := range code {
		if c == '-' || c == ' ' {
			hyphens = true
		}
	}
	if !hyphens {
		return code, false
	}
	for _, c := range code {
		if c != '-' && c != ' ' {
			digits = append(digits, c)
		}
	}
	return digits, true
}

// isGTIN13 reports whether a code is a GTIN of 13 digits.
func isGTIN13(code []byte) bool { return len(code) == 13 && isDigits(code) && checkDigitOK(code) }
