package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/iof"
	"feedmill/schema/xmltok"
)

// iofOffer reads the XML files of an offer: one full or change file, perhaps
// the light file whose prices and stock win over it (IOF 1), and dictionaries.
type iofOffer struct {
	*intake
	dictionaries []iofFile
	offer, light *source
	// changes says that offer is a change file.
	changes bool
	reader  *iof.Reader
	overlay *iof.Light
	next    func() (*feed.Product, error, bool)
	stop    func()
	cancel  context.CancelFunc
	// matched counts the products that light knows.
	matched int
}

// iofFile is a file and its kind.
type iofFile struct {
	src  *source
	kind feed.Kind
}

func newIOF(in *intake, files []*source) (reader, error) {
	f := &iofOffer{intake: in}
	for _, src := range files {
		kind, err := iofKind(src)
		if err != nil {
			return nil, err
		}
		switch kind {
		case feed.KindFull, feed.KindFullChange:
			if f.offer != nil {
				return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s and %s are both %s or change files", f.offer.name, src.name, feed.KindFull), Hint: "import them one by one, changes behind the full file they belong to"}
			}
			f.offer, f.changes = src, kind == feed.KindFullChange
		case feed.KindLight:
			if f.light != nil {
				return nil, feed.Errorf(feed.KindInvalid, "%s and %s are both light files", f.light.name, src.name)
			}
			f.light = src
		case feed.KindGateway:
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: src.name + ": is a gateway, which holds no products", Hint: "give the files that it names; 'feedmill mirror' fetches them all"}
		case feed.KindPreset:
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: src.name + ": is a preset, which holds no products", Hint: "leave it out"}
		default:
			f.dictionaries = append(f.dictionaries, iofFile{src, kind})
		}
	}
	if f.offer == nil {
		names := make([]string, min(len(files), 3))
		for i := range names {
			names[i] = files[i].name
		}
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: strings.Join(names, ", ") + ": no full file among the files", Hint: "light and dictionaries complete a full file; give that, too"}
	}
	return f, nil
}

// iofKind tells the kind of a file by its root, by what its first product has,
// and by the name of a change file, which alone tells it from a full one.
func iofKind(src *source) (feed.Kind, error) {
	head, err := src.head()
	if err != nil {
		return 0, err
	}
	// The start of the file is not a whole document, so errors behind the root
	// say nothing; reading the file will find the true ones.
	kind, err := iof.NewReader(bytes.NewReader(head), iof.ReadOptions{}).Kind()
	if kind == 0 {
		if feed.KindOf(err) == feed.KindInvalid && feed.HintOf(err) == "" {
			err = &feed.Error{Kind: feed.KindInvalid, Message: err.Error(), Hint: "of XML only IOF is read, whose full file starts with <offer>: give that one, or JSON Lines, or CSV"}
		}
		return 0, src.xmlError(err)
	}
	if kind == feed.KindFull {
		name := strings.TrimSuffix(path.Base(strings.ReplaceAll(src.name, "\\", "/")), ".gz")
		if named, _, ok := feed.ParseFileName(name); ok && named == feed.KindFullChange {
			return named, nil
		}
	}
	return kind, nil
}

// xmlError names the file in an error of the XML reader.
func (s *source) xmlError(err error) error {
	var bad *feed.Error
	if errors.As(err, &bad) && bad.Kind == feed.KindInvalid {
		if strings.HasPrefix(bad.Message, s.name) {
			return err
		}
		return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": " + bad.Message, Hint: bad.Hint, Err: bad.Err}
	}
	return s.explain(err)
}

// head reads the dictionaries and the root of the full file.
func (f *iofOffer) head() error {
	var d feed.Dictionaries
	for _, file := range f.dictionaries {
		f.startFile(file.src.name)
		if err := iof.ReadDictionary(file.src.r, file.kind, &d); err != nil {
			return file.src.xmlError(err)
		}
		file.src.close()
	}
	f.dict.addAll(&d)
	f.commit("")
	f.startFile(f.offer.name)
	f.startLine(0)
	opt := f.options(f.offer)
	if f.changes {
		opt.Kind = feed.KindFullChange
	} else {
		opt.Kind = feed.KindFull
	}
	f.reader = iof.NewReader(f.offer.r, opt)
	header, err := f.reader.Header()
	if err != nil && err != io.EOF {
		return f.offer.xmlError(err)
	}
	f.def.Language, f.def.Currency = header.Language, header.Currency
	f.first = f.def
	return nil
}

// options are those of reading src.
func (f *iofOffer) options(src *source) iof.ReadOptions {
	return iof.ReadOptions{
		Currency: f.opt.DefaultCurrency, Language: f.opt.DefaultLanguage,
		Limits:       xmltok.Limits{Token: f.lim.Field, Bytes: f.lim.Bytes, Elements: -1},
		ProductBytes: int64(f.lim.Line),
		Report: func(line int, product, field, message string, level iof.Level) {
			f.file = src.name
			f.begin(int64(line))
			if level == iof.LevelError {
				f.fail(field, message, "")
			} else {
				f.warn(field, message, "")
			}
			f.commit(product)
			if f.cancel != nil && f.full() != nil {
				f.cancel() // the reader would go on to the next good product
			}
		},
		Removed: f.remove,
	}
}

// start reads the light file and begins with the products.
func (f *iofOffer) start(ctx context.Context) error {
	ctx, f.cancel = context.WithCancel(ctx)
	if f.light != nil {
		var err error
		f.overlay, err = iof.OpenLight(ctx, f.light.r, f.opt.TempDir, f.options(f.light))
		if err != nil {
			return f.light.xmlError(err)
		}
		f.light.close()
		f.file = f.offer.name
	}
	f.next, f.stop = iter.Pull2(f.reader.Products(ctx))
	return nil
}

func (f *iofOffer) product(ctx context.Context) (*feed.Product, error) {
	if f.next == nil {
		if err := f.start(ctx); err != nil {
			return nil, f.or(err)
		}
	}
	p, err, ok := f.next()
	if !ok {
		f.file = f.offer.name
		f.startLine(0)
		if f.overlay != nil && !f.changes && f.overlay.Len() > f.matched {
			f.file = f.light.name
			f.warn("", "holds "+plural(int64(f.overlay.Len()-f.matched), "product")+" that "+f.offer.name+" does not", "they have no names and are left out")
			f.commit("")
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, f.or(f.offer.xmlError(err))
	}
	f.file = f.offer.name
	f.startLine(int64(f.reader.Line()))
	if err := f.lay(p); err != nil {
		f.fail("", reason(err), feed.HintOf(err))
	}
	f.complete(p)
	f.check(p, iofPath)
	if !f.bad {
		f.dict.Observe(p)
	}
	if len(f.batch) > 0 && !f.commit(strconv.FormatInt(int64(p.ID), 10)) {
		return nil, nil
	}
	f.count(p)
	return p, nil
}

// or gives the error of too many problems where there are, else err.
func (f *iofOffer) or(err error) error {
	if full := f.full(); full != nil {
		return full
	}
	return err
}

// lay puts light's prices and stock over those of the product. What light does
// not list is out of stock (CONSUMERS 17).
func (f *iofOffer) lay(p *feed.Product) error {
	if f.overlay == nil {
		return nil
	}
	found, err := f.overlay.Apply(p)
	if found {
		f.matched++
	} else if err == nil {
		for i := range p.Sizes {
			p.Sizes[i].Stock = append(p.Sizes[i].Stock[:0], feed.Stock{Warehouse: 1, Quantity: feed.Pieces(0)})
		}
	}
	return err
}

// complete gives the product what every product needs and the format lets out.
func (f *iofOffer) complete(p *feed.Product) {
	if p.Currency.IsZero() {
		f.fail("currency", "is missing", "name it for the whole catalog (--currency)")
	}
	if len(p.Sizes) == 0 {
		p.Sizes = append(p.Sizes, feed.Size{ID: oneSizeID, Name: oneSizeName})
	}
	if p.SizeGroup.ID == "" {
		p.SizeGroup = feed.Ref{ID: feed.OneSizeGroup, Name: oneSizeName}
		if len(p.Sizes) > 1 {
			p.SizeGroup = feed.Ref{ID: f.id(kindSizeGroup, "", "Sizes"), Name: "Sizes"}
		}
	}
	if g := &p.SizeGroup; g.Name == "" && !f.dict.known(kindSizeGroup, g.ID) {
		if g.Name = g.ID; g.ID == feed.OneSizeGroup {
			g.Name = oneSizeName
		}
	}
	for i := range p.Sizes {
		s := &p.Sizes[i]
		if s.Code == "" {
			s.Code = defaultCode(p, strconv.FormatInt(int64(p.ID), 10), i, len(p.Sizes) == 1)
		}
		if s.Name == "" {
			s.Name = s.ID
		}
	}
	f.finishCategory(p)
	if p.Unit.ID == "" && f.opt.DefaultUnit != "" {
		p.Unit.Names = append(p.Unit.Names[:0], feed.Text{Lang: f.def.Language, Value: f.opt.DefaultUnit})
		f.finishReference(kindUnit, &p.Unit)
	}
	for _, list := range [...]struct {
		name     string
		have, at int
	}{{"sizes/size", len(p.Sizes), f.lim.Sizes}, {"images/large/image", len(p.Images), f.lim.Images}, {"parameters/parameter", len(p.Parameters), f.lim.Parameters}} {
		if list.have > list.at {
			f.fail(list.name, "occurs "+strconv.Itoa(list.have)+" times, at most "+strconv.Itoa(list.at), "")
		}
	}
}

// iofPath gives where IOF has a member of the product or of a list's element.
func iofPath(list string, i int, rest string) string {
	n := "[" + strconv.Itoa(i+1) + "]/@"
	switch list {
	case "sizes":
		if rest == "producer_code" {
			rest = "code_producer"
		}
		return "sizes/size" + n + rest
	case "images":
		return "images/large/image" + n + rest
	case "attachments":
		return "attachments/file" + n + rest
	case "bundled.components":
		return "bundled/product" + n + rest
	}
	if rest == "name" {
		return "description/name"
	}
	return rest
}

// close ends the reader and removes what it spooled.
func (f *iofOffer) close() {
	if f.stop != nil {
		f.stop()
	}
	if f.cancel != nil {
		f.cancel()
	}
	if f.overlay != nil {
		f.overlay.Close()
		f.overlay = nil
	}
}
