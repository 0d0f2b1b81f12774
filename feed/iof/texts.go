package iof

import (
	"slices"

	"feedmill/feed"
)

// Texts are what the full node of one product says in a choice of languages and
// a dialect, whatever the profile: references, names and descriptions, pictures,
// attachments and parameters. Writers that write the same of it ([Writer.SameTexts])
// may share them ([Texts.Share]): the first renders, the others copy. Whether
// shared or not, they also remember units, stocks, parameters and values, which
// many products have in common, so they are worth having from product to product.
// They are for one goroutine. The zero Texts are of no product, and not shared.
type Texts struct {
	parts  [textsParts][]byte
	known  bool
	common bool
	pieces pieces
}

// Share says that several writers use the texts: what the first one renders is
// kept for the others.
func (t *Texts) Share() { t.common = true }

// Next forgets the product, before the next one is written.
func (t *Texts) Next() { t.known = false }

// SameTexts says whether two writers can share [Texts].
func (w *Writer) SameTexts(o *Writer) bool {
	return w.x == o.x && w.dialect == o.dialect && w.lang.rest == o.lang.rest && w.lang.untagged == o.lang.untagged &&
		slices.Equal(w.lang.order, o.lang.order)
}

// AppendFullWith is [Writer.AppendFull] with texts, which only writers that write
// the same of them may be given. A group and a set may differ between those who
// share: they are none of the texts.
func (w *Writer) AppendFullWith(dst []byte, it *feed.Item, t *Texts) []byte {
	dst = w.appendFull(dst, it, t)
	t.known = t.common
	return dst
}

// The parts of texts: textsAbout stands before the price, textsMedia behind the
// sizes, textsParameters behind the group.
const (
	textsAbout = iota
	textsMedia
	textsParameters
	textsParts
)

// shared appends a part. It is copied where it is known, and else kept, if anybody
// else may want it.
func (t *Texts) shared(dst []byte, part int, w *Writer, p *feed.Product) []byte {
	if t != nil && t.known {
		return append(dst, t.parts[part]...)
	}
	start := len(dst)
	switch part {
	case textsAbout:
		dst = w.appendDescription(w.appendReferences(dst, p, t), p)
	case textsMedia:
		dst = w.appendAttachments(appendImages(dst, p), p.Attachments)
	case textsParameters:
		dst = w.appendProductParameters(dst, p.Parameters, t)
	}
	if t != nil && t.common {
		t.parts[part] = append(t.parts[part][:0], dst[start:]...)
	}
	return dst
}
