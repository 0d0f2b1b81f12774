package admin

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// Limits of files of prices.
const (
	maxPriceFile  = 64 << 20
	maxPriceLines = 400_000 // characters that stand in the form's own field
	maxPriceParts = 10
)

// linesOf gives what is wrong with lines of prices, false for another error.
func linesOf(err error) ([]catalog.Problem, bool) {
	var lines *manage.LinesError
	if errors.As(err, &lines) {
		return lines.Problems, len(lines.Problems) > 0
	}
	return nil, false
}

// priceEdit reads one price: of a product or a size, "" for one that is to go. It
// is read as a row of a table is, since it may be copied from one. What people
// type is a code before it is the id of a product.
func (c *call) priceEdit(l *partner.PriceList, f *form) (edit partner.PriceEdit, err error) {
	item, price := f.line("item", 1, 200), f.line("price", 0, 40)
	if f.Failed() {
		return edit, nil
	}
	remove := ""
	if price == "" {
		remove = "yes"
	}
	read := func(by string) error {
		var table bytes.Buffer
		w := csv.NewWriter(&table)
		err := w.WriteAll([][]string{{by, "price", "remove"}, {item, price, remove}})
		if err == nil {
			edit, err = c.panel.opt.Manage.ReadPriceFile(c.ctx, c.who, l.ID, manage.PriceFile{Body: &table, Name: "price"})
		}
		return err
	}
	err = read("code")
	problems, refused := linesOf(err)
	if id, wrong := strconv.ParseInt(item, 10, 64); refused && problems[0].Field == "code" && wrong == nil && id > 0 {
		err = read("product")
		problems, refused = linesOf(err)
	}
	if !refused {
		return edit, f.take("item", err)
	}
	name := "item"
	if problems[0].Field == "price" {
		name = "price"
	}
	if said, _ := c.panel.templates.phrases.Of(problems[0].Message); said.Code == "zero" {
		f.fail(name, "pricelist.zero") // a file says otherwise that a price is to go
	}
	f.fail(name, "form.said", c.told(problems[0].Message, problems[0].Hint))
	return edit, nil
}

// told gives what is wrong with a file, and what to do, in the reader's language
// as far as that has words for it.
func (c *call) told(message, hint string) string {
	s, phrases := c.speaker(), c.panel.templates.phrases
	said, _ := s.tell(phrases, message)
	if hint, _ = s.tell(phrases, hint); hint != "" {
		said += " (" + hint + ")"
	}
	return said
}

func setPrice(c *call, f *form) (reply, error) {
	l, err := c.priceList()
	if err != nil {
		return reply{}, err
	}
	version := f.version()
	edit, err := c.priceEdit(&l, f)
	if err != nil {
		return reply{}, err
	}
	if f.Failed() {
		v, err := c.priceListView(&l, nil, f, nil)
		return wrong("pricelist", v), err
	}
	if f.Value("act") == "preview" {
		return c.pricePreview(&l, manage.PriceChange{List: l.ID, Edit: edit}, nil, f, nil)
	}
	return c.putPrices(&l, edit, version)
}

// putPrices changes the prices of a list.
func (c *call) putPrices(l *partner.PriceList, edit partner.PriceEdit, version int64) (reply, error) {
	_, put, err := c.panel.opt.Manage.PutListPrices(c.ctx, c.who, l.ID, edit, version)
	if err != nil {
		return reply{}, err
	}
	return move("/price-lists/"+string(l.ID)).saying("pricelist.put", put.Added, put.Changed, put.Removed), nil
}

// setPrices takes many prices over, from a file or as lines, or says what they
// would change. A file that is not too long stands in the field for lines
// afterwards, so that nobody has to choose it again.
func setPrices(c *call) (reply, error) {
	f, body, name, err := c.priceParts()
	if err != nil {
		return reply{}, err
	}
	l, err := c.priceList()
	if err != nil {
		return reply{}, err
	}
	version := f.version()
	field := "file"
	if body == nil {
		name, field = "lines", "lines"
		body = []byte(f.text("lines", maxPriceLines))
		if len(body) == 0 && !f.Failed() {
			f.fail("file", "form.needed")
		}
	}
	var edit partner.PriceEdit
	var problems []catalog.Problem
	if !f.Failed() {
		edit, err = c.panel.opt.Manage.ReadPriceFile(c.ctx, c.who, l.ID, manage.PriceFile{Body: bytes.NewReader(body), Name: name, Replace: f.flag("replace"), Needed: true})
		var refused bool
		if problems, refused = linesOf(err); refused {
			f.fail(field, "pricelist.refused", len(problems))
		} else if feed.KindOf(err) == feed.KindInvalid && err != nil {
			f.fail(field, "form.said", c.told(err.Error(), feed.HintOf(err))) // all of it: what is said first may only name the place
		} else if err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.priceListView(&l, nil, nil, f)
		v.Problems = problems
		return wrong("pricelist", v), err
	}
	if f.Value("act") == "preview" {
		return c.pricePreview(&l, manage.PriceChange{List: l.ID, Edit: edit}, nil, nil, f)
	}
	if edit.Replace {
		// Nobody can bring back what goes; only who has the file can tell how many.
		count, err := c.panel.opt.Manage.CountPrices(c.ctx, c.who, l.ID, edit)
		if err != nil {
			return reply{}, err
		}
		if rep, ok := c.sureOf(f, "/price-lists/"+string(l.ID), count.Removed, utf8.RuneCount(body) > maxPriceLines, "pricelist.replace.ask", l.Name); !ok {
			return rep, nil
		}
	}
	return c.putPrices(&l, edit, version)
}

// priceParts reads the form with a file of prices; body is nil where there is none.
func (c *call) priceParts() (f *form, body []byte, name string, err error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxPriceFile+maxFormBytes)
	parts, err := c.r.MultipartReader()
	if err != nil {
		f, err := c.form() // a browser that sends no files
		return f, nil, "", err
	}
	f = newForm()
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, "", uploadError(err)
		}
		if n >= maxPriceParts {
			return nil, nil, "", feed.Errorf(feed.KindInvalid, "the form has too many fields")
		}
		most := int64(maxFormBytes)
		if part.FormName() == "file" {
			most = maxPriceFile
		}
		text, err := io.ReadAll(io.LimitReader(part, most+1))
		if err != nil {
			return nil, nil, "", uploadError(err)
		}
		if int64(len(text)) > most {
			return nil, nil, "", feed.Errorf(feed.KindInvalid, "field %.40q takes %d bytes at most: use the command for larger files", part.FormName(), most)
		}
		if part.FormName() != "file" {
			f.set(part.FormName(), string(text))
		} else if file := cleanFileName(part.FileName()); file != "" && len(text) > 0 {
			body, name = text, file
		}
	}
	if body != nil && utf8.Valid(body) && utf8.RuneCount(body) <= maxPriceLines {
		f.set("lines", strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	// What is told of a stale version tells what was sent.
	c.r.PostForm = url.Values{}
	for key, values := range f.raw {
		c.r.PostForm[key] = values
	}
	return f, body, name, nil
}
