package feed

import (
	"fmt"
	"strings"
)

// Quantity is a number of units of a product: unknown (the zero value),
// unlimited (IOF writes -1), or 0 and more in thousandths.
type Quantity struct{ v int64 } // 0 unknown, -1 unlimited, else thousandths+1

// Unlimited gives the quantity that never runs out (-1, IOF 4.8).
func Unlimited() Quantity { return Quantity{-1} }

// QuantityOf makes a quantity of so many thousandths.
func QuantityOf(thousandths int64) (Quantity, error) {
	if thousandths < 0 || thousandths > maxQuantity {
		return Quantity{}, fmt.Errorf("quantity %d/1000 %w", thousandths, errDecimalRange)
	}
	return Quantity{thousandths + 1}, nil
}

// Pieces makes a quantity of n whole units; n outside 0..10^9 is clamped.
func Pieces(n int64) Quantity {
	return Quantity{min(max(n, 0), maxQuantity/1000)*1000 + 1}
}

// ParseQuantity reads "7", "7.000", "7.5" or "-1" for unlimited (IOF 4.8:
// `-1(\.0+)?` or a non-negative number). A comma is for the readers of formats that
// have one: "1,250" is 1250 to some and 1.25 to others.
func ParseQuantity(s string) (Quantity, error) {
	t := strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(t, "-1"); ok {
		if rest == "" || (rest[0] == '.' && len(rest) > 1 && strings.Trim(rest[1:], "0") == "") {
			return Unlimited(), nil
		}
	}
	v, _, err := parseFixed(t, 3, maxQuantity, true)
	if err != nil {
		return Quantity{}, fmt.Errorf("quantity %.40q %w, and not -1 for unlimited", s, err)
	}
	return Quantity{v + 1}, nil
}

// Known says whether a quantity was given at all.
func (q Quantity) Known() bool { return q.v != 0 }

// Unlimited says whether the quantity never runs out.
func (q Quantity) Unlimited() bool { return q.v == -1 }

// Thousandths gives the quantity in thousandths; unknown is 0 and unlimited is -1.
func (q Quantity) Thousandths() int64 {
	if q.v <= 0 {
		return q.v
	}
	return q.v - 1
}

// InStock says whether there is any of it.
func (q Quantity) InStock() bool { return q.v == -1 || q.v > 1 }

// Append writes the quantity with the given number of decimals (0 to 3;
// a unit's precision): what lies beyond is cut, never rounded up, so that no
// more is offered than there is. Unlimited is -1, unknown is 0.
func (q Quantity) Append(dst []byte, places int) []byte {
	if q.v == -1 {
		return append(dst, '-', '1')
	}
	return appendFixed(dst, q.Thousandths(), 3, places)
}

// String gives the quantity without trailing zeros.
func (q Quantity) String() string {
	places := 3
	for v := q.Thousandths(); places > 0 && v%10 == 0; places-- {
		v /= 10
	}
	return string(q.Append(nil, places))
}

// Weight is a mass in thousandths of a gram: unknown (the zero value), or 0
// and more. IOF counts grams (4.7).
type Weight struct{ v int64 } // 0 unknown, else milligrams+1

// Grams makes a weight of n grams; n outside 0..10^9 is clamped.
func Grams(n int64) Weight { return Weight{min(max(n, 0), maxQuantity/1000)*1000 + 1} }

// ParseWeight reads grams such as "1353" or "12.5"; a fourth decimal is rounded half up.
func ParseWeight(s string) (Weight, error) {
	v, _, err := parseFixed(s, 3, maxQuantity, true)
	if err != nil {
		return Weight{}, fmt.Errorf("weight %.40q %w", s, err)
	}
	return Weight{v + 1}, nil
}

// Known says whether a weight was given at all.
func (w Weight) Known() bool { return w.v != 0 }

// Milligrams gives the weight in thousandths of a gram; unknown is 0.
func (w Weight) Milligrams() int64 { return max(w.v-1, 0) }

// WeightOf makes a weight of so many milligrams.
func WeightOf(milligrams int64) (Weight, error) {
	if milligrams < 0 || milligrams > maxQuantity {
		return Weight{}, fmt.Errorf("weight %d mg %w", milligrams, errDecimalRange)
	}
	return Weight{milligrams + 1}, nil
}

// Append writes whole grams, rounded half up: importers read an integer.
func (w Weight) Append(dst []byte) []byte {
	return appendFixed(dst, (w.Milligrams()+500)/1000, 0, 0)
}

// String gives the grams without trailing zeros.
func (w Weight) String() string { return Quantity{w.Milligrams() + 1}.String() }

// Int is a small whole number that may be absent; the zero value is absent.
type Int struct {
	v   int32
	set bool
}

// IntOf makes a present number.
func IntOf(v int32) Int { return Int{v, true} }

// Get gives the number and whether it is present.
func (i Int) Get() (int32, bool) { return i.v, i.set }

// Or gives the number, or d when absent.
func (i Int) Or(d int32) int32 {
	if i.set {
		return i.v
	}
	return d
}
