package catalog

import (
	"slices"
	"strings"

	"feedmill/feed"
)

// decimalPoint writes a number of a cell, as spreadsheets of many countries
// show it, with a decimal point and nothing between thousands: "1 200,50",
// "1.200,50", "1,200.50" and "1'200.50" as "1200.50". Anything else stays as it
// is, to be refused.
func decimalPoint(s string) string {
	whole, fraction, decimal := s, "", false
	if i := strings.LastIndexAny(s, ".,"); i >= 0 && strings.Count(s, s[i:i+1]) == 1 {
		whole, fraction, decimal = s[:i], s[i+1:], true
	}
	if i := strings.IndexFunc(whole, func(r rune) bool { return strings.ContainsRune(" \u00a0\u202f'’.,", r) }); i >= 0 {
		mark := string([]rune(whole[i:])[0])
		groups := strings.Split(whole, mark)
		if len(groups[0]) > 3 {
			return s
		}
		for i, g := range groups {
			if !isWhole(g) || i > 0 && len(g) != 3 {
				return s
			}
		}
		whole = strings.Join(groups, "")
	}
	if !decimal {
		return whole
	}
	if fraction != "" && !isWhole(fraction) {
		return s
	}
	return whole + "." + fraction
}

// twoNumbers gives the numbers that an amount such as "1.250" may mean, which
// is 1250 for some and 1.25 for others; false where there is one. Currencies
// of three decimals are written so.
func twoNumbers(s string, c feed.Currency) (large, small string, ok bool) {
	if c.Exponent() > 2 {
		return "", "", false
	}
	return eitherNumber(s)
}

// eitherNumber is twoNumbers for what has no currency.
func eitherNumber(s string) (large, small string, ok bool) {
	i := strings.IndexAny(s, ".,")
	if i < 1 || i > 3 || s[0] == '0' || len(s) != i+4 || !isWhole(s[:i]) || !isWhole(s[i+1:]) {
		return "", "", false
	}
	return s[:i] + s[i+1:], s[:i] + "." + s[i+1:], true
}

// hintTwoNumbers says how to write what twoNumbers finds.
const hintTwoNumbers = "write it without a mark between thousands, or with two decimals"

// shortened says whether a cell holds what spreadsheets and other programs make of the
// long number that it should hold: 5.90123E+12, 4e+12.
func shortened(s string) bool {
	i := strings.IndexAny(s, "Ee")
	if i < 1 || i+1 >= len(s) || s[i+1] != '+' || !isWhole(s[:1]) {
		return false
	}
	digits, power := s[:i], s[i+2:]
	if len(digits) == 1 {
		// From twelve digits on; 1E+5 may be a code.
		return isWhole(power) && len(power) == 2 && power > "10"
	}
	return (digits[1] == '.' || digits[1] == ',') && isWhole(digits[2:]) && isWhole(power)
}

// hintShortened says what to do about a shortened number.
const hintShortened = "make the column text in the spreadsheet, or do not open the export there, and export it again"

// tellShortened refuses the identifier of a cell that a spreadsheet has shortened.
func (in *intake) tellShortened(field, v string) bool {
	if !shortened(v) {
		return false
	}
	in.fail(field, quote(v)+" was rounded by a spreadsheet", hintShortened)
	return true
}

// sheetMonths are the months as spreadsheets in English, Polish and German write them
// in days that they took "10-12" for.
var sheetMonths = []string{
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
	"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru",
	"Mrz", "Mär", "Mai", "Okt", "Dez",
}

// sheetDate says whether a cell holds what spreadsheets make of a size such as 10-12:
// "12-Oct", "10.gru", "Oct-50".
func sheetDate(s string) bool {
	i := strings.IndexAny(s, "-. ")
	if i < 1 {
		return false
	}
	day, month := s[:i], strings.TrimLeft(s[i:], "-. ")
	if isWhole(month) {
		day, month = month, day
	}
	return len(day) <= 2 && isWhole(day) && slices.Contains(sheetMonths, month)
}

// tellNumber tells once of a code that a program has made a number of: 1001.0.
func (in *intake) tellNumber(field, v string) {
	if whole, ok := strings.CutSuffix(v, ".0"); ok && isWhole(whole) {
		in.warnOnce("number "+field, field, quote(v)+" looks like a number that a program has made of "+quote(whole), hintNumber)
	}
}

// hintNumber says what to do about a code that was made a number.
const hintNumber = "let that program read the column as text, and export it again"

// tellDate tells once of a size or code that a spreadsheet has made a date of.
func (in *intake) tellDate(field, v string) {
	if len(v) <= 8 && sheetDate(v) {
		in.warnOnce("date", field, quote(v)+" looks like a date that a spreadsheet has made of it", hintShortened)
	}
}
