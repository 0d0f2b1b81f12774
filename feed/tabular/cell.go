package tabular

import (
	"bytes"

	"feedmill/feed"
)

// endCell makes what was appended from at on the cell of a CSV record.
func endCell(dst []byte, at int) []byte {
	cell := dst[at:]
	if len(cell) == 0 {
		return dst
	}
	marks := 0 // apostrophes in front
	switch cell[0] {
	case '=', '+', '-', '@', '\t', '\r':
		if !isNumbers(cell) {
			marks = 1
		}
	}
	quotes := bytes.Count(cell, []byte{'"'})
	quoted := quotes > 0 || cell[0] == ' ' || cell[len(cell)-1] == ' ' || bytes.ContainsAny(cell, ",\r\n")
	if marks == 0 && !quoted {
		return dst
	}
	front, more := marks, marks
	if quoted {
		front, more = marks+1, marks+quotes+2
	}
	for range more {
		dst = append(dst, 0)
	}
	// Shift from the end, so that the cell needs no second buffer.
	from, to := len(dst)-more-1, len(dst)-1
	if quoted {
		dst[to] = '"'
		to--
	}
	for from >= at {
		dst[to] = dst[from]
		to--
		if dst[from] == '"' {
			dst[to] = '"'
			to--
		}
		from--
	}
	if marks > 0 {
		dst[at+front-1] = '\''
	}
	if quoted {
		dst[at] = '"'
	}
	return dst
}

// isNumbers says whether every line of a cell is a plain decimal number or
// empty: those mean no harm in a formula's place, and a quantity of -1 must
// stay a number.
func isNumbers(cell []byte) bool {
	for len(cell) > 0 {
		line := cell
		if i := bytes.IndexByte(cell, '\n'); i >= 0 {
			line, cell = cell[:i], cell[i+1:]
		} else {
			cell = nil
		}
		if len(line) > 0 && !isNumber(line) {
			return false
		}
	}
	return true
}

func isNumber(s []byte) bool {
	if s[0] == '-' || s[0] == '+' {
		s = s[1:]
	}
	digits, point := 0, false
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !point && i > 0 && i < len(s)-1:
			point = true
		default:
			return false
		}
	}
	return digits > 0
}

// appendText writes a text without characters that no file may hold.
func appendText(dst []byte, s string) []byte {
	if !feed.IsClean(s) {
		s, _ = feed.Clean(s)
	}
	return append(dst, s...)
}

// flatten makes what was appended from at on one line.
func flatten(dst []byte, at int) {
	for i := at; i < len(dst); i++ {
		if dst[i] == '\n' {
			dst[i] = ' '
		}
	}
}
