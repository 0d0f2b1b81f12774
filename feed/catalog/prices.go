package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
	"feedmill/feed/catalog/internal/lines"
)

// PriceLine is one line of a file of a price list.
type PriceLine struct {
	// Line counts from 1.
	Line int64
	// Product is the product's id, 0 where the line names a code alone.
	Product feed.ProductID
	// Key is the text that named the product, "" where nothing or its id did.
	Key string
	// Code is the code of a size, "" for the product as a whole.
	Code string
	// Amount is above 0, and 0 where Remove says that the price is to go.
	Amount feed.Amount
	Remove bool
}

// PriceOptions say how to read prices.
type PriceOptions struct {
	// Name is what problems call the file.
	Name string
	// Currency says how many decimals an amount may have.
	Currency feed.Currency
	// MaxErrors ends the reading at so many problems; 0 is 50.
	MaxErrors int
	// Needed refuses a file without any line, as where it is to replace a list.
	Needed bool
}

const (
	defaultPriceErrors = 50
	maxPriceLine       = 64 << 10
	maxPriceBytes      = 1 << 30
)

// ReadPrices reads the prices of a price list, one line after the other, and
// hands each good one over. Lines are objects of JSON with the members product
// (an id) or key, code, price and remove, or rows of a table with columns of
// these names; sku stands for code and id for product. Problems name line and
// field; with any of them nothing of the file should be used. The error is one
// of reading, or of kind invalid for a table without the columns it needs, or what
// is no file of prices at all. Gzip is looked through.
func ReadPrices(r io.Reader, opt PriceOptions, give func(PriceLine)) ([]Problem, error) {
	if opt.MaxErrors <= 0 {
		opt.MaxErrors = defaultPriceErrors
	}
	src, lim, total := &source{name: cmp.Or(opt.Name, "the list")}, Limits{Bytes: maxPriceBytes}.withDefaults(), int64(0)
	if err := src.look(r, &total, &lim); err != nil {
		return nil, src.explain(err)
	}
	head, err := src.head()
	if err != nil {
		return nil, err
	}
	p := &priceReader{opt: opt, give: give, lines: lines.NewReader(src.r, maxPriceLine)}
	text := bytes.TrimSpace(head)
	if len(text) > 0 && (text[0] == '[' || text[0] == '<') {
		if _, err := src.recognise(); err != nil {
			return nil, err
		}
	}
	if len(text) == 0 || text[0] == '{' {
		err = p.objects()
	} else {
		err = p.table(toldSeparator(head))
	}
	if err != nil && !errors.Is(err, errEnoughPrices) {
		return p.problems, fmt.Errorf("read %s: %w", opt.Name, err)
	}
	if opt.Needed && p.taken == 0 && len(p.problems) == 0 {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "no line says a price", Hint: "was the export cut off? to take all prices away, name each with remove"}
	}
	return p.problems, nil
}

// errEnoughPrices ends the reading at the last problem that is told.
var errEnoughPrices = errors.New("too many problems")

type priceReader struct {
	opt      PriceOptions
	give     func(PriceLine)
	lines    *lines.Reader
	problems []Problem
	taken    int64
	// fewest are the decimals of the price that has the fewest, 1 more than there are.
	fewest int
}

// fail notes a problem; the error says that it was the last one to be told.
func (p *priceReader) fail(line int64, field, message, hint string) error {
	p.problems = append(p.problems, Problem{File: p.opt.Name, Line: line, Field: field, Message: message, Hint: hint})
	if len(p.problems) >= p.opt.MaxErrors {
		return errEnoughPrices
	}
	return nil
}

// priceText is a line as it was read; "" is what it does not say.
type priceText struct{ product, key, code, price, remove string }

// take checks a line and hands it over.
func (p *priceReader) take(line int64, t priceText) error {
	l := PriceLine{Line: line, Key: t.key, Code: t.code}
	switch strings.ToLower(t.remove) {
	case "", "no", "n", "0", "false":
	case "yes", "y", "1", "true":
		l.Remove = true
	default:
		return p.fail(line, "remove", fmt.Sprintf("%.40q is neither yes nor no", t.remove), "")
	}
	switch {
	case t.product != "" && t.key != "":
		return p.fail(line, "key", "stands beside id", "name a product by its id or by its key")
	case t.product != "":
		n, err := strconv.ParseInt(t.product, 10, 64)
		if err != nil || n <= 0 || n > feed.MaxProductID {
			return p.fail(line, "product", fmt.Sprintf("%.40q is no id of a product", t.product), "name it by a code or a key, if it has no id")
		}
		l.Product = feed.ProductID(n)
	case t.key != "":
		l.Product = DeriveID(t.key)
	case t.code == "":
		return p.fail(line, "", "names no product", "give product, key or code")
	}
	switch {
	case l.Remove && t.price != "":
		return p.fail(line, "price", "stands beside remove", "leave one of them out")
	case l.Remove:
	case t.price == "":
		return p.fail(line, "price", "is missing", "to take a price away, say remove")
	default:
		amount, err := feed.ParseAmount(t.price, p.opt.Currency)
		if err != nil {
			return p.fail(line, "price", err.Error(), "write a decimal of "+p.opt.Currency.String()+" such as 12.50")
		}
		if amount.IsZero() {
			return p.fail(line, "price", "is 0", "to take a price away, say remove")
		}
		l.Amount = amount
	}
	p.taken++
	p.give(l)
	return nil
}

// objects reads lines of JSON.
func (p *priceReader) objects() error {
	for {
		line, err := p.lines.Next()
		if err == io.EOF {
			return nil
		}
		n := p.lines.Line()
		switch {
		case errors.Is(err, lines.ErrTooLong):
			err = p.fail(n, "", "is too long", "")
		case err != nil:
			return err
		case len(bytes.TrimSpace(line)) == 0:
		default:
			err = p.object(n, line)
		}
		if err != nil {
			return err
		}
	}
}

func (p *priceReader) object(n int64, line []byte) error {
	var doc struct {
		Product json.Number `json:"product"`
		ID      json.Number `json:"id"`
		Key     string      `json:"key"`
		Code    string      `json:"code"`
		SKU     string      `json:"sku"`
		Price   json.Number `json:"price"`
		Remove  bool        `json:"remove"`
	}
	if bytes.HasPrefix(line, csvlex.ByteOrderMark) {
		return p.fail(n, "", "a byte order mark inside the file", hintJoined)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return p.fail(n, "", strings.TrimPrefix(err.Error(), "json: "), "")
	}
	if _, err := d.Token(); err != io.EOF {
		return p.fail(n, "", "something follows the object", "")
	}
	t := priceText{product: first(doc.Product.String(), doc.ID.String()), key: doc.Key, code: first(doc.Code, doc.SKU), price: doc.Price.String()}
	if doc.Remove {
		t.remove = "yes"
	}
	for _, s := range []*string{&t.key, &t.code} {
		*s, _ = feed.Clean(strings.TrimSpace(*s))
	}
	return p.take(n, t)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// priceColumns are the names of columns, and what they stand for.
var priceColumns = map[string]string{"product": "product", "id": "product", "key": "key", "code": "code", "sku": "code", "price": "price", "remove": "remove"}

// table reads a table with a header.
func (p *priceReader) table(comma byte, told bool) error {
	if told {
		if _, err := p.lines.Next(); err != nil {
			return err
		}
	}
	rows := csvlex.NewReader(p.lines, comma, csvlex.Limits{Record: maxPriceLine, Field: maxPriceLine})
	var r csvlex.Record
	at := map[string]int{}
	err := rows.Read(&r)
	if err != nil {
		return &feed.Error{Kind: feed.KindInvalid, Message: "header", Err: err}
	}
	fields := cutBlank(r.Fields, 1)
	width, most := len(fields), mostFields(comma, len(r.Fields))
	var unknown []string
	for i, name := range fields {
		name = strings.ToLower(strings.TrimSpace(name))
		what, known := priceColumns[name]
		if _, twice := at[what]; known && twice {
			return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("header: column %.40q stands there twice", name), Hint: hintIgnored}
		}
		if known {
			at[what] = i
		} else if !strings.HasPrefix(name, ignoredPrefix) {
			unknown = append(unknown, quote(name))
		}
		if strings.Contains(strings.TrimSpace(name), "\r") {
			return oldMacLines("") // the name comes before it
		}
	}
	if len(unknown) > 0 {
		return &feed.Error{Kind: feed.KindInvalid, Message: "header: not known: " + listed(unknown[:min(len(unknown), maxUnknown)], len(unknown)),
			Hint: "columns are product, key, code, price and remove; " + hintIgnored}
	}
	if _, ok := at["price"]; !ok {
		if _, ok := at["remove"]; !ok {
			return &feed.Error{Kind: feed.KindInvalid, Message: "header: there is no column price", Hint: "columns are product, key, code, price and remove"}
		}
	}
	cell := func(name string) string {
		i, ok := at[name]
		if !ok {
			return ""
		}
		s := strings.TrimSpace(r.Fields[i])
		// The apostrophe that keeps spreadsheets from taking a value for a formula.
		if len(s) > 1 && s[0] == '\'' && strings.IndexByte("=+-@", s[1]) >= 0 {
			s = s[1:]
		}
		s, _ = feed.Clean(s)
		return strings.Clone(s) // the record's memory is used again
	}
	for {
		err := rows.Read(&r)
		var bad *csvlex.Error
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			err = p.fail(bad.Line, "", fmt.Sprintf("field %d: %s", bad.Field, bad.Message), lexHint(bad))
		case err != nil:
			return err
		case blankRow(r.Fields):
		case len(r.Fields) > most || len(cutBlank(r.Fields, width)) != width:
			err = p.fail(r.Line, "", "has "+plural(int64(len(r.Fields)), "field")+", the header has "+plural(int64(width), "column"), "quote fields that hold separators")
		case r.Open && at["price"] == width-1 && p.cut(cell("price")):
			err = p.fail(r.Line, "price", "the file ends without a line end, behind "+quote(cell("price")), hintOpenPrice)
		default:
			err = p.row(r.Line, priceText{cell("product"), cell("key"), cell("code"), cell("price"), cell("remove")})
		}
		if err != nil {
			return err
		}
	}
}

// row takes a row, whose price is written as tables write it.
func (p *priceReader) row(line int64, t priceText) error {
	for _, c := range []struct{ field, text string }{{"product", t.product}, {"key", t.key}, {"code", t.code}} {
		if shortened(c.text) {
			return p.fail(line, c.field, quote(c.text)+" was rounded by a spreadsheet", hintShortened)
		}
	}
	if large, small, ok := twoNumbers(t.price, p.opt.Currency); ok {
		return p.fail(line, "price", quote(t.price)+" can mean "+large+" or "+small, hintTwoNumbers)
	}
	t.price = decimalPoint(t.price)
	if n := places(t.price) + 1; t.price != "" && (p.fewest == 0 || n < p.fewest) {
		p.fewest = n
	}
	return p.take(line, t)
}

// cut says whether a price with which the file ends, without a line end, looks like a
// part of one: all before it have more decimals. A whole one that does is told too; a
// line end behind it is easily given, and a price of 1 for 12.50 not easily found.
func (p *priceReader) cut(price string) bool {
	return places(decimalPoint(price))+1 < p.fewest
}

// places counts the digits behind the decimal point.
func places(s string) int {
	_, fraction, _ := strings.Cut(s, ".")
	return len(fraction)
}

// hintOpenPrice says what to do about a last price that may be a part of one.
const hintOpenPrice = "was the export cut off? if the price is whole, end its line"
