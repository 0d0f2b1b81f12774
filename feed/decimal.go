package feed

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
)

// Limits of what a decimal text may hold.
const (
	maxAmount   = 1_000_000_000_000_000 // minor units: ten trillion of a two-digit currency
	maxQuantity = 1_000_000_000_000     // thousandths: a thousand million pieces
)

var (
	errDecimalSyntax = errors.New("is not a decimal number (digits with an optional decimal point)")
	errDecimalRange  = errors.New("is out of range")
	errDecimalDigits = errors.New("has too many decimal places")
)

// parseFixed reads a non-negative decimal text as an integer scaled by
// 10^scale, at most limit. More decimal places than scale are refused unless
// they are zeros, or rounded half up when round is set (rounded then says so).
func parseFixed(s string, scale int, limit int64, round bool) (v int64, rounded bool, err error) {
	if v, ok := plainFixed(s, scale); ok && v <= limit {
		return v, false, nil
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false, errDecimalSyntax
	}
	i, digits := 0, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		digits++
		if v = v*10 + int64(s[i]-'0'); v > limit {
			return 0, false, errDecimalRange
		}
	}
	left := scale
	up := false
	if i < len(s) && s[i] == '.' {
		i++
		for first := true; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			digits++
			d := int64(s[i] - '0')
			if left > 0 {
				v = v*10 + d
				left--
				if v > limit {
					return 0, false, errDecimalRange
				}
				continue
			}
			if d != 0 {
				if !round {
					return 0, false, errDecimalDigits
				}
				rounded = true
			}
			if first {
				up = d >= 5
			}
			first = false
		}
	}
	if i != len(s) || digits == 0 {
		return 0, false, errDecimalSyntax
	}
	for ; left > 0; left-- {
		if v *= 10; v > limit {
			return 0, false, errDecimalRange
		}
	}
	if up {
		v++
	}
	if v > limit {
		return 0, false, errDecimalRange
	}
	return v, rounded, nil
}

// plainFixed is parseFixed for what nearly all decimals are: digits with at most
// one point among them and no more than scale behind it, too few to overflow.
func plainFixed(s string, scale int) (v int64, ok bool) {
	if len(s)+scale > 18 {
		return 0, false
	}
	before := -1 // digits before the point, -1 for no point
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			if s[i] != '.' || before >= 0 {
				return 0, false
			}
			before = i
			continue
		}
		v = v*10 + int64(c)
	}
	digits, behind := len(s), 0
	if before >= 0 {
		digits--
		behind = digits - before
	}
	if digits == 0 || behind > scale {
		return 0, false
	}
	for ; behind < scale; behind++ {
		v *= 10
	}
	return v, true
}

// AppendInt writes v in decimal. It is quicker than [strconv.AppendInt] for the
// numbers of up to four digits that files are full of.
func AppendInt(dst []byte, v int64) []byte {
	if v < 0 || v >= 10_000 {
		return strconv.AppendInt(dst, v, 10)
	}
	n := uint32(v)
	if n < 10 {
		return append(dst, byte('0'+n))
	}
	high, low := n/100, &twoDigits[n%100]
	switch {
	case high == 0:
		return append(dst, low[0], low[1])
	case high < 10:
		return append(dst, byte('0'+high), low[0], low[1])
	}
	return append(dst, twoDigits[high][0], twoDigits[high][1], low[0], low[1])
}

// twoDigits are the numbers below 100, each as two digits.
var twoDigits = func() (t [100][2]byte) {
	for n := range t {
		t[n] = [2]byte{byte('0' + n/10), byte('0' + n%10)}
	}
	return t
}()

// appendFixed writes v, scaled by 10^scale, with exactly places decimals
// (places <= scale; what lies beyond must be zero or is cut).
func appendFixed(dst []byte, v int64, scale, places int) []byte {
	if scale == 0 {
		return AppendInt(dst, v)
	}
	var b [24]byte
	n := len(b)
	for i := range scale {
		if i >= scale-places {
			n--
			b[n] = byte('0' + v%10)
		}
		v /= 10
	}
	if places > 0 {
		n--
		b[n] = '.'
	}
	for {
		n--
		b[n] = byte('0' + v%10)
		if v /= 10; v == 0 {
			break
		}
	}
	return append(dst, b[n:]...)
}

// MulDiv gives a*b/c rounded half up; all are non-negative and c is positive.
// ok is false when the result does not fit.
func MulDiv(a, b, c int64) (v int64, ok bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	hi += carry
	if hi >= uint64(c) {
		return 0, false
	}
	// For an odd c the half was cut by one half; an integer product cannot tie
	// there, so the quotient is right all the same.
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q), q <= maxInt64
}

const maxInt64 = 1<<63 - 1
