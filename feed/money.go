package feed

import "fmt"

// Amount is a sum of money in integer minor units of a currency that stands
// beside it ([Product.Currency]); it is never negative. The zero Amount is 0.
type Amount struct{ minor int64 }

// AmountOf makes an Amount of so many minor units (grosze, cents).
func AmountOf(minor int64) (Amount, error) {
	if minor < 0 || minor > maxAmount {
		return Amount{}, fmt.Errorf("amount %d %w", minor, errDecimalRange)
	}
	return Amount{minor}, nil
}

// ParseAmount reads a decimal such as "1563.6" as an amount of currency c;
// more decimal places than the currency has are refused unless zero.
func ParseAmount(s string, c Currency) (Amount, error) {
	v, _, err := parseFixed(s, c.Exponent(), maxAmount, false)
	if err != nil {
		return Amount{}, fmt.Errorf("%.40q %w", s, err)
	}
	return Amount{v}, nil
}

// RoundAmount is [ParseAmount] that rounds surplus decimal places half up
// and says whether it did. It is meant for foreign formats whose writers
// cannot be asked.
func RoundAmount(s string, c Currency) (a Amount, rounded bool, err error) {
	v, rounded, err := parseFixed(s, c.Exponent(), maxAmount, true)
	if err != nil {
		return Amount{}, false, fmt.Errorf("%.40q %w", s, err)
	}
	return Amount{v}, rounded, nil
}

// Minor gives the minor units.
func (a Amount) Minor() int64 { return a.minor }

// IsZero says whether the amount is 0.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Append writes the amount with all decimals of currency c ("1563.60"): the
// same text in full and light (IOF 4.5; importers compare texts).
func (a Amount) Append(dst []byte, c Currency) []byte {
	e := c.Exponent()
	return appendFixed(dst, a.minor, e, e)
}

// Text is [Amount.Append] as a string.
func (a Amount) Text(c Currency) string { return string(a.Append(nil, c)) }

// Price is a net and a gross amount that belong together. The zero Price
// means that there is none (IOF 4.5 writes that as 0/0 or leaves it out).
type Price struct{ Net, Gross Amount }

// IsZero says whether there is no price.
func (p Price) IsZero() bool { return p == Price{} }

// PriceFromNet completes a price from its net amount: gross is net plus VAT,
// rounded half up to the minor unit.
func PriceFromNet(net Amount, vat Percent) (Price, error) {
	g, ok := MulDiv(net.minor, percentOne+vat.v, percentOne)
	if !ok || g > maxAmount {
		return Price{}, fmt.Errorf("gross of net amount %d %w", net.minor, errDecimalRange)
	}
	return Price{Net: net, Gross: Amount{g}}, nil
}

// PriceFromGross completes a price from its gross amount: net is gross without
// VAT, rounded half up to the minor unit.
func PriceFromGross(gross Amount, vat Percent) (Price, error) {
	n, ok := MulDiv(gross.minor, percentOne, percentOne+vat.v)
	if !ok {
		return Price{}, fmt.Errorf("net of gross amount %d %w", gross.minor, errDecimalRange)
	}
	return Price{Net: Amount{n}, Gross: gross}, nil
}

// percentOne is 100 %: percentages are kept in ten-thousandths of a percent.
const percentOne = 1_000_000

// Percent is a percentage of 0 or more with at most four decimals, as VAT
// rates and discounts are. The zero Percent is 0 %.
type Percent struct{ v int64 }

// PercentOf makes a percentage of so many millionths of one: 230000 is 23 %.
func PercentOf(millionths int64) (Percent, error) {
	if millionths < 0 || millionths > 10*percentOne {
		return Percent{}, fmt.Errorf("percentage of %d millionths %w", millionths, errDecimalRange)
	}
	return Percent{millionths}, nil
}

// ParsePercent reads "23", "23.0" or "12.5".
func ParsePercent(s string) (Percent, error) {
	v, _, err := parseFixed(s, 4, 1000*percentOne/100, false)
	if err != nil {
		return Percent{}, fmt.Errorf("%.40q %w", s, err)
	}
	return Percent{v}, nil
}

// ParseDiscount reads a percentage of at most 100.
func ParseDiscount(s string) (Percent, error) {
	p, err := ParsePercent(s)
	if err == nil && p.v > percentOne {
		return Percent{}, fmt.Errorf("%.40q %w: a discount is at most 100", s, errDecimalRange)
	}
	return p, err
}

// Millionths gives the percentage as millionths of one: 23 % is 230000.
func (p Percent) Millionths() int64 { return p.v }

// IsZero says whether it is 0 %.
func (p Percent) IsZero() bool { return p.v == 0 }

// Append writes the percentage with at least one decimal ("23.0", "12.5"),
// as IOF 4.1 prints VAT.
func (p Percent) Append(dst []byte) []byte {
	if whole := p.v / 10_000; whole*10_000 == p.v { // nearly every rate of VAT
		return append(AppendInt(dst, whole), '.', '0')
	}
	places := 4
	for v := p.v; places > 1 && v%10 == 0; places-- {
		v /= 10
	}
	return appendFixed(dst, p.v, 4, places)
}

// String is [Percent.Append] as a string.
func (p Percent) String() string { return string(p.Append(nil)) }

// rateOne is the rate 1: rates are kept in hundred-millionths.
const rateOne = 100_000_000

// Rate is a positive exchange rate with at most eight decimals: one unit of
// the catalog's currency costs so many units of the offer's currency. The
// zero Rate is 1.
type Rate struct{ less1 int64 }

// ParseRate reads a rate such as "0.2345".
func ParseRate(s string) (Rate, error) {
	v, _, err := parseFixed(s, 8, 1_000_000*rateOne, false)
	if err != nil {
		return Rate{}, fmt.Errorf("%.40q %w", s, err)
	}
	if v == 0 {
		return Rate{}, fmt.Errorf("%.40q is no exchange rate: it must be positive", s)
	}
	return Rate{v - rateOne}, nil
}

// HundredMillionths gives the rate scaled by 10^8.
func (r Rate) HundredMillionths() int64 { return r.less1 + rateOne }

// IsOne says whether the rate changes nothing.
func (r Rate) IsOne() bool { return r.less1 == 0 }

// String gives the rate without trailing zeros.
func (r Rate) String() string {
	places := 8
	for v := r.HundredMillionths(); places > 0 && v%10 == 0; places-- {
		v /= 10
	}
	return string(appendFixed(nil, r.HundredMillionths(), 8, places))
}
