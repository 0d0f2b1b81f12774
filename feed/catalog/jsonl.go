package catalog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
	"feedmill/feed/catalog/internal/jsonlex"
	"feedmill/feed/catalog/internal/lines"
)

// jsonl reads the native format: one object a line.
type jsonl struct {
	d     decoder
	files []*source
	at    int // index of the current file
	open  bool
	lines *lines.Reader
	// held is the first product line, read while looking for dictionary lines.
	held  []byte
	first bool // no line of the file was read yet
}

func newJSONL(in *intake, files []*source) *jsonl {
	return &jsonl{d: decoder{intake: in}, files: files, lines: lines.NewReader(nil, in.lim.Line)}
}

// head reads the dictionary lines before the first product. Too many problems
// among them are for the caller of Products, who can list them.
func (f *jsonl) head() error {
	for {
		line, err := f.next()
		if err == io.EOF || f.d.full() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if f.begin(line) {
			f.held = line
			return nil
		}
		f.d.endLine("")
		if f.d.full() != nil {
			return nil
		}
	}
}

// product gives the next product, nil for a line that holds none.
func (f *jsonl) product(context.Context) (*feed.Product, error) {
	if f.held == nil {
		line, err := f.next()
		if err != nil {
			return nil, err
		}
		if !f.begin(line) {
			f.d.endLine("")
			return nil, nil
		}
	} else {
		f.held = nil
	}
	f.d.productsSeen = true
	return f.d.productLine(), nil
}

func (f *jsonl) close() {}

// next gives the next line that is not blank, going on from file to file.
func (f *jsonl) next() ([]byte, error) {
	for {
		if !f.open {
			if f.at == len(f.files) {
				return nil, io.EOF
			}
			f.lines.Reset(f.files[f.at].r)
			f.d.startFile(f.files[f.at].name)
			f.open, f.first = true, true
		}
		line, err := f.lines.Next()
		switch {
		case err == io.EOF:
			f.files[f.at].close()
			f.at++
			f.open = false
		case errors.Is(err, lines.ErrTooLong):
			f.d.startLine(f.lines.Line())
			f.d.fail("", "the line is longer than "+plural(int64(f.d.lim.Line), "byte"), "write each product on a line of its own")
			f.d.commit("")
			if err := f.d.full(); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, f.files[f.at].explain(err)
		default:
			if !blank(line) {
				return line, nil
			}
		}
	}
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// begin starts on a line: it reads a dictionary line whole, and of a product
// line so much that it knows it for one.
func (f *jsonl) begin(line []byte) (product bool) {
	d := &f.d
	d.startLine(f.lines.Line())
	d.path.start()
	d.offset = f.lines.Offset()
	d.lex.Reset(line)
	d.firstRecord, f.first = f.first, false
	if d.lex.Kind() != jsonlex.Object {
		if bytes.HasPrefix(line, csvlex.ByteOrderMark) {
			d.fail("", "a byte order mark inside the file", hintJoined)
			d.lex.Reset(nil)
			return false
		}
		if d.lex.Err() == nil {
			d.fail("", "is "+d.lex.Kind().String()+", not an object", "each line holds one product or dictionary entry")
			d.lex.Skip()
			d.lex.End()
		}
		return false
	}
	d.lex.Object()
	name, ok := d.lex.Member()
	if !ok {
		if d.lex.Err() == nil {
			d.fail("", "is an empty object", "")
			d.lex.End()
		}
		return false
	}
	if name == "record" {
		d.path.last().name = name
		d.record()
		d.lex.End()
		return false
	}
	d.lex.Rewind()
	d.lex.Object()
	return true
}

// productLine reads the rest of a product line and gives the product, nil when
// it is a tombstone or has problems.
func (d *decoder) productLine() *feed.Product {
	t := &d.draft
	t.reset()
	t.noticed.pieces = true
	d.before = [pricePoints]lastPrice{}
	d.memos.start(d.def)
	o := d.object(productMembers)
	removed := d.product(&o)
	d.lex.End()
	if d.lex.Err() != nil {
		d.endLine(t.label())
		return nil
	}
	d.path.start()
	d.replaced += d.lex.Replaced()
	if removed {
		d.tombstone(&o)
		return nil
	}
	p := d.finish(t)
	if !d.bad {
		d.memos.noted()
	}
	if !d.accept(p, t) {
		return nil
	}
	return p
}

// tombstone notes a removed product; its line holds nothing but its name.
func (d *decoder) tombstone(o *object) {
	t := &d.draft
	switch {
	case t.hasID && t.key != "":
		d.fail("key", "stands beside id", "name a removed product by one of the two")
	case t.key != "":
		t.p.ID = DeriveID(t.key)
	case !t.hasID:
		d.fail("id", "is missing", "give the id or key of the removed product")
	}
	if o.seen&^(1<<pID|1<<pKey|1<<pRemoved) != 0 {
		d.fail("removed", "stands beside other members", "the line of a removed product holds its id or key alone")
	}
	if d.commit(t.label()) {
		d.remove(t.p.ID)
	}
}

// hintNaN says what to do about numbers that are none, which some programs write.
const hintNaN = "JSON has no NaN and no Infinity: leave the member out, or write null"

// endLine lists the problems of a line that gave no product.
func (d *decoder) endLine(label string) {
	if err := d.lex.Err(); err != nil {
		if err.Encoding {
			d.notUTF8(d.offset+int64(err.Offset), err.Message)
		} else {
			hint := ""
			if strings.HasSuffix(err.Message, "got 'N'") || strings.HasSuffix(err.Message, "got 'I'") {
				hint = hintNaN
			}
			d.fail("", err.Error(), hint)
		}
	}
	d.commit(label)
}
