package grammar

import "bytes"

// builtins are the supported types of XML Schema, part 2.
var builtins = func() map[string]*Simple {
	table := map[string]*Simple{}
	add := func(name, base string, s Simple) {
		s.Name, s.builtin = "xs:"+name, name
		s.base = table[base]
		s.length, s.minLength, s.maxLength, s.totalDigits, s.fractionDigits = -1, -1, -1, -1, -1
		table[name] = &s
	}
	integer := func(name, base, lo, hi, wants string) {
		add(name, base, Simple{prim: primDecimal, collapse: true, check: isInteger, minValue: lo, maxValue: hi, wants: wants})
	}
	add("anySimpleType", "", Simple{plain: true})
	add("string", "anySimpleType", Simple{plain: true})
	// Line breaks and tabs of a normalizedString or token only matter to
	// facets, and those of an attribute are blanks already.
	add("token", "string", Simple{plain: true, collapse: true})
	add("language", "token", Simple{collapse: true, check: isLanguage, wants: "a language code such as pol or en-GB"})
	add("NMTOKEN", "token", Simple{collapse: true, check: isNMTOKEN, wants: "one or more letters, digits and . - _ : without blanks"})
	add("NCName", "token", Simple{collapse: true, check: IsNCName, wants: "a name: a letter or _, then letters, digits and . - _"})
	add("anyURI", "anySimpleType", Simple{collapse: true, check: isAnyURI, wants: "a URL"})
	add("boolean", "anySimpleType", Simple{prim: primOther, collapse: true, check: isBoolean, wants: "true, false, 1 or 0"})
	add("float", "anySimpleType", Simple{prim: primOther, collapse: true, check: isFloat, wants: "a number such as 12.5"})
	add("double", "anySimpleType", Simple{prim: primOther, collapse: true, check: isFloat, wants: "a number such as 12.5"})
	add("dateTime", "anySimpleType", Simple{prim: primOther, check: isDateTime, wants: "a time such as 2026-03-02T10:00:00"})
	add("decimal", "anySimpleType", Simple{prim: primDecimal, collapse: true, check: isDecimal,
		wants: "a decimal number such as 12.50, with a point and no other separators"})
	integer("integer", "decimal", "", "", "a whole number")
	integer("nonNegativeInteger", "integer", "0", "", "a whole number, 0 or more")
	integer("positiveInteger", "nonNegativeInteger", "1", "", "a whole number, 1 or more")
	// XML Schema strips blanks around these as well. The commonest checker,
	// libxml2, does not, so a document that relies on it fails elsewhere.
	exact := func(name, base, lo, hi string, check func([]byte) bool, wants string) {
		add(name, base, Simple{prim: primDecimal, check: check, minValue: lo, maxValue: hi, wants: wants})
	}
	exact("long", "integer", "-9223372036854775808", "9223372036854775807", isInteger, "a whole number of at most 64 bits")
	exact("int", "long", "-2147483648", "2147483647", isInteger, "a whole number from -2147483648 to 2147483647")
	exact("unsignedByte", "nonNegativeInteger", "0", "255", isUnsigned, "a whole number from 0 to 255")
	return table
}()

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits returns the index after the digits at i.
func digits(v []byte, i int) int {
	for i < len(v) && isDigit(v[i]) {
		i++
	}
	return i
}

// sign returns the index after an optional sign at i.
func sign(v []byte, i int) int {
	if i < len(v) && (v[i] == '-' || v[i] == '+') {
		i++
	}
	return i
}

// isUnsigned accepts digits; unsigned types have no sign (part 2, 3.3.24).
func isUnsigned(v []byte) bool { return len(v) > 0 && digits(v, 0) == len(v) }

func isInteger(v []byte) bool {
	i := sign(v, 0)
	return i < len(v) && digits(v, i) == len(v)
}

// isDecimal accepts 1, 1.5, 1. and .5 (part 2, 3.2.3).
func isDecimal(v []byte) bool {
	i := sign(v, 0)
	whole := digits(v, i)
	count := whole - i
	if whole < len(v) && v[whole] == '.' {
		i = whole + 1
		whole = digits(v, i)
		count += whole - i
	}
	return whole == len(v) && count > 0
}

// isFloat accepts a decimal, optionally with an exponent, and three words.
func isFloat(v []byte) bool {
	switch string(v) {
	case "INF", "-INF", "NaN":
		return true
	}
	for i, c := range v {
		if c == 'e' || c == 'E' {
			return isDecimal(v[:i]) && isInteger(v[i+1:])
		}
	}
	return isDecimal(v)
}

func isBoolean(v []byte) bool {
	switch string(v) {
	case "true", "false", "1", "0":
		return true
	}
	return false
}

// isLanguage accepts what RFC 3066 calls a language tag.
func isLanguage(v []byte) bool {
	n := 0
	first := true
	for _, c := range v {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c) && !first:
			if n++; n > 8 {
				return false
			}
		case c == '-' && n > 0:
			n, first = 0, false
		default:
			return false
		}
	}
	return n > 0
}

// isDateTime accepts -?YYYY-MM-DDThh:mm:ss(.s+)?(Z|±hh:mm)? with fields in
// range (part 2, 3.2.7). For the reason given at xs:long, blanks are accepted
// nowhere but after a zone.
func isDateTime(v []byte) bool {
	if zoned := bytes.TrimRight(v, " \t\r\n"); len(zoned) > 6 && (zoned[len(zoned)-1] == 'Z' || zoned[len(zoned)-3] == ':' && zoned[len(zoned)-6] != ':') {
		v = zoned
	}
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	y := digits(v, 0)
	if y < 4 || y > 4 && v[0] == '0' || len(v) < y+15 {
		return false
	}
	year := 0
	leading := true
	for _, c := range v[:y] {
		year = (year*10 + int(c-'0')) % 400
		leading = leading && c == '0'
	}
	if leading { // there is no year 0000
		return false
	}
	t := v[y:]
	if t[0] != '-' || t[3] != '-' || t[6] != 'T' || t[9] != ':' || t[12] != ':' {
		return false
	}
	two := func(i int) int {
		if !isDigit(t[i]) || !isDigit(t[i+1]) {
			return -1
		}
		return int(t[i]-'0')*10 + int(t[i+1]-'0')
	}
	month, day, hour, minute, second := two(1), two(4), two(7), two(10), two(13)
	if month < 1 || month > 12 || day < 1 || day > daysIn(month, year) ||
		hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return false
	}
	rest := t[15:]
	midnight := hour == 24 && minute == 0 && second == 0
	if len(rest) > 0 && rest[0] == '.' {
		end := digits(rest, 1)
		if end == 1 {
			return false
		}
		for _, c := range rest[1:end] {
			midnight = midnight && c == '0'
		}
		rest = rest[end:]
	}
	return (hour < 24 || midnight) && isZone(rest)
}

func daysIn(month, year int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// isZone accepts nothing, Z, or an offset of at most 14 hours.
func isZone(v []byte) bool {
	switch {
	case len(v) == 0, string(v) == "Z":
		return true
	case len(v) != 6 || v[0] != '+' && v[0] != '-' || v[3] != ':' ||
		!isDigit(v[1]) || !isDigit(v[2]) || !isDigit(v[4]) || !isDigit(v[5]):
		return false
	}
	hour, minute := int(v[1]-'0')*10+int(v[2]-'0'), int(v[4]-'0')*10+int(v[5]-'0')
	return minute < 60 && (hour < 14 || hour == 14 && minute == 0)
}
