package catalog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
	"feedmill/feed/catalog/internal/lines"
)

// layout is what the two kinds of table differ in.
type layout interface {
	// header takes the names of the columns of another file, nil error when they will do.
	header(names []string) error
	// key gives what rows of one product have in common.
	key(r *csvlex.Record) string
	// product makes a product of its rows, nil when there is none or a bad one.
	product(rows []*csvlex.Record) *feed.Product
}

// table reads delimited files in which a product has one row or several, one
// behind the other.
type table struct {
	in     *intake
	layout layout
	files  []*source
	at     int // index of the current file
	open   bool
	lines  *lines.Reader
	csv    *csvlex.Reader
	width  int // columns
	// most is how many fields a row may have, blank ones behind the columns included.
	most int
	// rows are those of the current product; spare are free for use.
	rows, spare []*csvlex.Record
	// ahead is a row that was read and belongs to the next product.
	ahead *csvlex.Record
}

func newTable(in *intake, files []*source, l layout) *table {
	return &table{in: in, layout: l, files: files, lines: lines.NewReader(nil, in.lim.Line)}
}

// maxRows bounds the rows of one product: its sizes, and its images where those
// have rows of their own.
func (t *table) maxRows() int { return t.in.lim.Sizes + t.in.lim.Images }

// head reads the header of the first file.
func (t *table) head() error { return t.openFile() }

// product gives the next product.
func (t *table) product(context.Context) (*feed.Product, error) {
	t.spare = append(t.spare, t.rows...)
	t.rows = t.rows[:0]
	size := 0
	if t.ahead != nil {
		t.rows = append(t.rows, t.ahead)
		size, t.ahead = t.ahead.Size(), nil
	}
	for {
		r, err := t.row()
		if err == io.EOF {
			if len(t.rows) > 0 {
				break
			}
			if t.at == len(t.files) {
				return nil, io.EOF
			}
			if err := t.openFile(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if r == nil {
			if err := t.in.full(); err != nil {
				return nil, err
			}
			continue
		}
		if len(t.rows) > 0 && t.layout.key(r) != t.layout.key(t.rows[0]) {
			t.ahead = r
			break
		}
		if size += r.Size(); len(t.rows) >= t.maxRows() || size > t.in.lim.Line {
			t.in.startLine(r.Line)
			t.in.fail("", "is one row too many for a product", "a product has at most "+plural(int64(t.maxRows()), "row")+" and "+plural(int64(t.in.lim.Line), "byte"))
			t.in.commit(t.layout.key(r))
			t.spare = append(t.spare, r)
			if err := t.in.full(); err != nil {
				return nil, err
			}
			continue
		}
		t.rows = append(t.rows, r)
	}
	t.in.startLine(t.rows[0].Line)
	return t.layout.product(t.rows), nil
}

func (t *table) close() {}

// row reads the next row that is not blank; nil for one that was refused,
// [io.EOF] at the end of a file.
func (t *table) row() (*csvlex.Record, error) {
	if !t.open {
		return nil, io.EOF
	}
	r := t.fresh()
	err := t.csv.Read(r)
	switch {
	case err == io.EOF:
		t.spare = append(t.spare, r)
		t.files[t.at].close()
		t.at++
		t.open = false
		return nil, err
	case err != nil:
		if err := t.refuse(err); err != nil {
			return nil, err
		}
	case !blankRow(r.Fields):
		if len(r.Fields) <= t.most {
			r.Fields = cutBlank(r.Fields, t.width)
		}
		if len(r.Fields) == t.width {
			if r.Open && r.Fields[t.width-1] != "" {
				t.in.startLine(r.Line)
				t.in.warn("", "the file ends without a line end, behind "+quote(r.Fields[t.width-1]), hintOpen)
				t.in.commit("")
			}
			return r, nil
		}
		t.in.startLine(r.Line)
		t.in.fail("", "has "+plural(int64(len(r.Fields)), "field")+", the header has "+plural(int64(t.width), "column"), "quote fields that hold separators")
		t.in.commit("")
	}
	t.spare = append(t.spare, r)
	return nil, nil
}

// refuse reports a row that cannot be read; an error of the file itself comes back.
func (t *table) refuse(err error) error {
	var e *csvlex.Error
	if !errors.As(err, &e) {
		return t.files[t.at].explain(err)
	}
	t.in.startLine(e.Line)
	if e.Offset >= 0 && strings.HasSuffix(e.Message, "not UTF-8") {
		t.in.notUTF8(e.Offset, e.Message)
	} else {
		t.in.fail("", "field "+strconv.Itoa(e.Field)+": "+e.Message, lexHint(e))
	}
	t.in.commit("")
	return nil
}

func (t *table) fresh() *csvlex.Record {
	if n := len(t.spare); n > 0 {
		r := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return r
	}
	return new(csvlex.Record)
}

func blankRow(fields []string) bool {
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}

// openFile starts on the next file: it tells the separator and reads the header.
func (t *table) openFile() error {
	src := t.files[t.at]
	head, err := src.head()
	if err != nil {
		return err
	}
	t.lines.Reset(src.r)
	t.in.startFile(src.name)
	comma, told := toldSeparator(head)
	if told {
		if _, err := t.lines.Next(); err != nil {
			return src.explain(err)
		}
	}
	t.csv = csvlex.NewReader(t.lines, comma, csvlex.Limits{Record: t.in.lim.Line, Field: t.in.lim.Field})
	t.open = true
	var r csvlex.Record
	if err := t.csv.Read(&r); err != nil {
		var bad *csvlex.Error
		if errors.As(err, &bad) {
			return &feed.Error{Kind: feed.KindInvalid, Message: src.name + ": header: " + bad.Error(), Hint: lexHint(bad)}
		}
		return src.explain(err)
	}
	fields := cutBlank(r.Fields, 1)
	t.width, t.most = len(fields), mostFields(comma, len(r.Fields))
	names := make([]string, t.width)
	for i, f := range fields {
		if names[i] = strings.TrimSpace(strings.Clone(f)); strings.Contains(names[i], "\r") {
			return oldMacLines(src.name + ": ")
		}
	}
	if err := t.layout.header(names); err != nil {
		return &feed.Error{Kind: feed.KindInvalid, Message: src.name + ": header: " + err.Error(), Hint: feed.HintOf(err)}
	}
	return nil
}

// oldMacLines is the error of a table that is one line for us.
func oldMacLines(before string) error {
	return &feed.Error{Kind: feed.KindInvalid, Message: before + "its lines end with CR alone, as those of old Macs did", Hint: "save the file as CSV in UTF-8"}
}

// cutBlank cuts blank fields off the end while there are more than least:
// spreadsheets write columns in which nothing stands any more.
func cutBlank(fields []string, least int) []string {
	for len(fields) > least && strings.TrimSpace(fields[len(fields)-1]) == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

// mostFields bounds the fields of a row by those of the header. Some programs end
// rows with a separator that the header has not; but where commas separate, a
// decimal comma without quotes moves all behind it by one, and a blank field at the
// end would hide that: 12,50 would be a price of 12 and a stock of 50.
func mostFields(comma byte, header int) int {
	if comma == ',' {
		return header
	}
	return math.MaxInt
}

// lexHint says what to do about a record that cannot be read.
func lexHint(e *csvlex.Error) string {
	switch {
	case strings.HasPrefix(e.Message, "a byte order mark"):
		return hintJoined
	case strings.HasSuffix(e.Message, "not UTF-8"):
		return "save the file as UTF-8"
	case strings.HasPrefix(e.Message, "a quote inside"):
		return hintQuotes
	case e.Message == "a NUL byte":
		return hintDamaged
	}
	return ""
}

const (
	hintJoined  = "files that were joined have one at each seam: give each file by itself"
	hintQuotes  = "put the whole field into quotes, and write each quote within it twice"
	hintDamaged = "the file is damaged, as by a full disk or a broken transfer: export it again"
	hintOpen    = "was the export cut off? look whether that value is whole"
)

// toldSeparator gives the separator of the line sep=; that spreadsheets write
// before the header, and true for it; else what separates the header.
func toldSeparator(head []byte) (comma byte, told bool) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.Trim(line, "\r\"")
	if len(line) == 5 && strings.EqualFold(string(line[:4]), "sep=") && line[4] < utf8.RuneSelf {
		return line[4], true
	}
	return separator(head), false
}

// separator tells which of , ; and tab stands most often between the names of
// the header.
func separator(head []byte) byte {
	head = bytes.TrimLeft(head, "\r\n") // empty lines before it
	line, _, _ := bytes.Cut(head, []byte("\n"))
	var count [utf8.RuneSelf]int
	quoted := false
	for _, c := range line {
		if c == '"' {
			quoted = !quoted
		} else if !quoted && c < utf8.RuneSelf {
			count[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return best
}

// cell gives a value of a table: trimmed, clean, and without the apostrophe
// that keeps spreadsheets from taking it for a formula.
func (in *intake) cell(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte("=+-@", s[1]) >= 0 {
		s = s[1:]
	}
	if !feed.IsClean(s) {
		s = in.clean(s)
	}
	return s
}
