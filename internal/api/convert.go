package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/partner"
)

// reading collects what is wrong with single members of a body.
type reading struct{ errs []fieldError }

func (r *reading) fail(pointer string, err error) {
	if err == nil {
		return
	}
	text := strings.TrimPrefix(err.Error(), "read profile: ")
	if hint := feed.HintOf(err); hint != "" {
		text += " (" + hint + ")"
	}
	r.errs = append(r.errs, fieldError{pointer, text})
}

// err gives the refusal, nil when all is well.
func (r *reading) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	return invalid(r.errs...)
}

// parsed reads a text of a body; "" and an unset member are the zero value.
func parsed[T any](r *reading, pointer, text string, parse func(string) (T, error)) (v T) {
	if text == "" {
		return v
	}
	v, err := parse(text)
	r.fail(pointer, err)
	return v
}

// parsedOpt is [parsed] for a member that may be left out.
func parsedOpt[S ~string, T any](r *reading, pointer string, o opt[S], parse func(string) (T, error)) *T {
	if !o.Set {
		return nil
	}
	v := parsed(r, pointer, string(o.Value), parse)
	return &v
}

// moment shows a time, the zero time as none.
func moment(t time.Time) opt[time.Time] {
	if t.IsZero() {
		return opt[time.Time]{}
	}
	return opt[time.Time]{Set: true, Value: t.UTC()}
}

// discountsDoc is a partner's discounts.
type discountsDoc struct {
	Overall    decimal       `json:"overall,omitempty" doc:"percent off everything that no other rule is for"`
	Categories []discountDoc `json:"categories,omitempty" doc:"by a category's id or path" schema:"max=10000"`
	Producers  []discountDoc `json:"producers,omitempty" doc:"by a producer's id or name" schema:"max=10000"`
	Products   []discountDoc `json:"products,omitempty" doc:"by a product's id or a size's code" schema:"max=10000"`
}

type discountDoc struct {
	Key     string  `json:"key" schema:"min=1,max=1000"`
	Percent decimal `json:"percent"`
}

// profileDoc is the part of an offer's settings that decides bytes. Its members
// are those of the stored form.
type profileDoc struct {
	Languages  []string       `json:"languages,omitempty" doc:"languages of the texts, the recipient's own first; none means all of the catalog" schema:"max=50,each,min=2,max=3"`
	Currency   string         `json:"currency,omitempty" doc:"currency of all prices; none keeps the catalog's" schema:"max=3"`
	Rates      []rateDoc      `json:"rates,omitempty" doc:"exchange rates into currency, instead of the merchant's; products in currencies without a rate are left out" schema:"max=200"`
	Base       string         `json:"base,omitempty" doc:"the price that discounts start from" schema:"enum=retail|wholesale"`
	Lead       string         `json:"lead,omitempty" doc:"the side of a price that is computed; the other follows by VAT" schema:"enum=net|gross"`
	PriceList  string         `json:"price_list,omitempty" doc:"id of the price list whose prices stand in the place of base" schema:"max=40"`
	OnlyListed bool           `json:"only_listed,omitempty" doc:"products that the price list does not price are left out, instead of keeping base"`
	Discounts  *discountsDoc  `json:"discounts,omitempty"`
	Assortment *assortmentDoc `json:"assortment,omitempty"`
	Stock      *stockDoc      `json:"stock,omitempty"`
	Dialect    *dialectDoc    `json:"dialect,omitempty"`
	Site       *int32         `json:"site,omitempty" doc:"the site that products name in files; none keeps the product's" schema:"min=0,max=2147483647"`
	CSV        bool           `json:"csv,omitempty" doc:"full.csv and light.csv are made too"`
}

type rateDoc struct {
	From string  `json:"from" schema:"min=3,max=3"`
	Rate decimal `json:"rate" doc:"what one unit costs in the profile's currency"`
}

type assortmentDoc struct {
	Include     []ruleDoc `json:"include,omitempty" doc:"a product is in when one of them matches, or there is none" schema:"max=10000"`
	Exclude     []ruleDoc `json:"exclude,omitempty" doc:"and none of these does" schema:"max=10000"`
	InStockOnly bool      `json:"in_stock_only,omitempty"`
}

type ruleDoc struct {
	Field string `json:"field" schema:"enum=category|producer|product|tag"`
	Value string `json:"value" schema:"min=1,max=1000"`
}

type stockDoc struct {
	Warehouses   []int32 `json:"warehouses,omitempty" doc:"only these count" schema:"max=1000,each,min=0,max=2147483647"`
	PerWarehouse bool    `json:"per_warehouse,omitempty" doc:"a stock node for each warehouse instead of one sum"`
	Buffer       decimal `json:"buffer,omitempty" doc:"is taken off what there is"`
	Cap          decimal `json:"cap,omitempty" doc:"at most this is shown"`
	Unlimited    decimal `json:"unlimited,omitempty" doc:"is written for stock without limit; unlimited writes -1"`
}

type dialectDoc struct {
	DefaultNamespace bool `json:"default_namespace,omitempty"`
	EscapedText      bool `json:"escaped_text,omitempty"`
	SingleLanguage   bool `json:"single_language,omitempty"`
	OneSizeZero      bool `json:"one_size_zero,omitempty"`
	SwapCodes        bool `json:"swap_codes,omitempty"`
	NoBundles        bool `json:"no_bundles,omitempty"`
	FullWithoutStock bool `json:"full_without_stock,omitempty"`
	AllExtensions    bool `json:"all_extensions,omitempty"`
}

// showProfile gives a profile as documents show it.
func showProfile(p *feed.Profile) (*profileDoc, error) {
	text, err := partner.EncodeProfile(p)
	if err != nil {
		return nil, err
	}
	d := &profileDoc{}
	if err := strict(text, d); err != nil {
		return nil, fmt.Errorf("show profile: %w", err)
	}
	if d.Base == "" {
		d.Base = "retail"
	}
	if d.Lead == "" {
		d.Lead = "net"
	}
	return d, nil
}

// strict reads JSON of our own, of which nothing may get lost.
func strict(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// profile reads a profile.
func (r *reading) profile(pointer string, d *profileDoc) (p feed.Profile) {
	c := *d
	if c.Base == "retail" {
		c.Base = ""
	}
	if c.Lead == "net" {
		c.Lead = ""
	}
	text, err := encodeJSON(&c)
	if err == nil {
		p, err = partner.DecodeProfile(text)
	}
	r.fail(pointer, err)
	return p
}

func showDiscounts(d *feed.Discounts) (*discountsDoc, error) {
	text, err := partner.EncodeDiscounts(d)
	if err != nil {
		return nil, err
	}
	out := &discountsDoc{}
	return out, strict(text, out)
}

func (r *reading) discounts(pointer string, d *discountsDoc) (out feed.Discounts) {
	text, err := encodeJSON(d)
	if err == nil {
		out, err = partner.DecodeDiscounts(text)
	}
	r.fail(pointer, err)
	return out
}

// pointDoc is a moment at which a feed switch moves by itself.
type pointDoc struct {
	At time.Time `json:"at" doc:"when, to the microsecond"`
	On bool      `json:"on"`
}

func showSchedule(s partner.Schedule) []pointDoc {
	list := []pointDoc{}
	for _, p := range s {
		list = append(list, pointDoc{p.At.UTC(), p.On})
	}
	return list
}

func (r *reading) schedule(pointer string, list []pointDoc, now time.Time) partner.Schedule {
	points := make([]partner.SwitchPoint, len(list))
	for i, p := range list {
		points[i] = partner.SwitchPoint{At: p.At, On: p.On}
		if !p.At.After(now) {
			r.fail(pointer+"/"+strconv.Itoa(i)+"/at", errors.New("has passed"))
		}
	}
	s, err := partner.NewSchedule(points...)
	r.fail(pointer, err)
	return s
}

func (r *reading) scheduleOpt(pointer string, o opt[[]pointDoc], now time.Time) *partner.Schedule {
	if !o.Set {
		return nil
	}
	s := r.schedule(pointer, o.Value, now)
	return &s
}

// lineError is a problem of a line as answers tell it.
func lineError(p *catalog.Problem) fieldError {
	f := fieldError{Detail: p.Message}
	if p.Line > 0 {
		f.Pointer = "/" + strconv.FormatInt(p.Line-1, 10)
	}
	f.Pointer += pointerOfPath(p.Field)
	if p.Product != "" {
		f.Detail = "product " + p.Product + ": " + f.Detail
	}
	if p.Hint != "" {
		f.Detail += " (" + hintFlags.Replace(p.Hint) + ")"
	}
	return f
}

// hintFlags puts what requests have in the place of the flags that the command line has
// for products without language, currency, rate of VAT or category.
var hintFlags = strings.NewReplacer(
	"name the language of the catalog (--language)", "name the language of such texts in the settings (language of PATCH /merchant)",
	"or for the whole catalog (--currency)", "or for all products in the settings (currency of PATCH /merchant)",
	"or for the whole catalog (--vat)", "or for all products in the settings (vat of PATCH /merchant)",
	", or a category for all such products (--category)", "",
)

// pointerOfPath turns sizes[0].stock[1].quantity into a pointer.
func pointerOfPath(path string) string {
	if path == "" {
		return ""
	}
	var b bytes.Buffer
	b.WriteByte('/')
	for i := range len(path) {
		switch c := path[i]; c {
		case '.', '[':
			b.WriteByte('/')
		case ']':
		case '~':
			b.WriteString("~0")
		case '/':
			b.WriteString("~1")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
