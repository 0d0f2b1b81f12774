package iof

import (
	"time"

	"feedmill/feed"
)

// The namespaces of IOF 3.0 (IOF 3).
const (
	nsIOF        = "http://www.iai-shop.com/developers/iof.phtml"
	nsExtensions = "http://www.iai-shop.com/developers/iof/extensions.phtml"
	declaration  = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// Options are what a [Writer] must know beside the profile.
type Options struct {
	// GeneratedBy names the generator in every file that has a place for it;
	// "" is "feedmill".
	GeneratedBy string
	// DefaultLanguage is the catalog's: that of texts that name none, and of
	// the file when the profile lists no languages.
	DefaultLanguage feed.Language
	// Languages of the catalog in the order of writing, behind the default one,
	// when the profile lists none. Texts in further languages follow.
	Languages []feed.Language
}

// Writer appends the documents of one profile. It never changes after
// [NewWriter] and is safe for concurrent use. Equal inputs give equal bytes.
type Writer struct {
	x        *feed.Index
	dialect  feed.Dialect
	lang     languages
	by       string
	site     feed.Int
	currency feed.Currency
}

// NewWriter makes a writer. With an index the names of its dictionaries win
// over those that come with a product; x may be nil. The profile is copied.
func NewWriter(p *feed.Profile, x *feed.Index, opt Options) *Writer {
	w := &Writer{x: x, dialect: p.Dialect, lang: newLanguages(p, &opt), by: opt.GeneratedBy, site: p.Site, currency: p.Currency}
	if !hasText(w.by) {
		w.by = "feedmill"
	}
	return w
}

// AppendFullHeader writes the beginning of full.xml up to the first product
// (IOF 3). A zero time is left out; a zero currency is the profile's.
func (w *Writer) AppendFullHeader(dst []byte, generated, expires time.Time, currency feed.Currency) []byte {
	return w.appendOffer(dst, generated, expires, currency)
}

// AppendFullFooter writes what follows the last product of full.xml.
func (w *Writer) AppendFullFooter(dst []byte) []byte { return append(dst, "</products></offer>\n"...) }

// AppendChangeHeader writes the beginning of a change file; its products are
// written by [Writer.AppendFull] and [Writer.AppendRemoved] (IOF 6).
func (w *Writer) AppendChangeHeader(dst []byte, generated, expires time.Time, currency feed.Currency) []byte {
	return w.appendOffer(dst, generated, expires, currency)
}

// AppendChangeFooter writes what follows the last product of a change file.
func (w *Writer) AppendChangeFooter(dst []byte) []byte { return w.AppendFullFooter(dst) }

// AppendLightHeader writes the beginning of light.xml up to the first product
// (IOF 5). A zero time is left out; a zero currency is the profile's.
func (w *Writer) AppendLightHeader(dst []byte, generated, expires time.Time, currency feed.Currency) []byte {
	return w.appendOffer(dst, generated, expires, currency)
}

// AppendLightFooter writes what follows the last product of light.xml.
func (w *Writer) AppendLightFooter(dst []byte) []byte { return w.AppendFullFooter(dst) }

// appendOffer writes the root of an offer and the start of products.
func (w *Writer) appendOffer(dst []byte, generated, expires time.Time, currency feed.Currency) []byte {
	dst = append(dst, declaration+"<offer"...)
	if w.dialect.DefaultNamespace {
		dst = append(dst, ` xmlns="`+nsIOF+`"`...)
	}
	dst = append(dst, ` xmlns:iof="`+nsIOF+`" xmlns:iaiext="`+nsExtensions+`" file_format="IOF" version="3.0" extensions="yes"`...)
	dst = appendAttr(dst, ` generated_by="`, w.by)
	dst = appendTimeAttr(dst, ` generated="`, generated)
	dst = appendTimeAttr(dst, ` expires="`, expires)
	dst = append(dst, ">\n<products"...)
	if currency.IsZero() {
		currency = w.currency
	}
	dst = appendAttr(dst, ` currency="`, currency.String())
	dst = append(dst, ` language="`...)
	dst = append(dst, w.lang.main()...)
	return append(dst, "\">\n"...)
}

// appendRoot writes the declaration and the start of the root of any other
// document, without the closing bracket. The common attributes of the
// dictionaries (IOF 7) are by choice of the caller.
func (w *Writer) appendRoot(dst []byte, tag string) []byte {
	dst = append(dst, declaration...)
	dst = append(dst, '<')
	dst = append(dst, tag...)
	if w.dialect.DefaultNamespace {
		dst = append(dst, ` xmlns="`+nsIOF+`"`...)
	}
	return append(dst, ` file_format="IOF" version="3.0"`...)
}

// appendTimeAttr writes a time; the zero time is left out.
func appendTimeAttr(dst []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	dst = append(dst, name...)
	dst = feed.AppendTime(dst, t)
	return append(dst, '"')
}
