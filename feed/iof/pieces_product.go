package iof

import (
	"slices"
	"strings"

	"feedmill/feed"
)

// unitPlaces is the number of places for units.
const unitPlaces = 64

// stockPlaces bounds the quantities, in whole pieces, whose stock is kept: most
// warehouses hold few of most things.
const stockPlaces = 256

// stockPiece was rendered of a stock of which nothing is said but its quantity.
type stockPiece struct {
	warehouse feed.WarehouseID
	length    uint8 // 0 where nothing is kept
	text      [pieceShort]byte
}

// stock is appendStock of full for whole pieces, remembered.
func (p *pieces) stock(dst []byte, s *feed.Stock) []byte {
	n := uint64(s.Quantity.Thousandths()) / 1000 // very large where unlimited
	if n >= stockPlaces || known(s.Available, s.Quantity) != s.Quantity || known(s.Physical, s.Quantity) != s.Quantity || s.LocationID != "" || s.Location != "" {
		return appendStock(dst, s, 0, true)
	}
	if p.stocks == nil {
		p.stocks = new([stockPlaces]stockPiece)
	}
	at, k := len(dst), &p.stocks[n]
	if k.warehouse != s.Warehouse || k.length == 0 || cap(dst)-at < pieceShort {
		dst = appendStock(dst, s, 0, true)
		if text := dst[at:]; len(text) <= pieceShort {
			k.warehouse, k.length = s.Warehouse, uint8(copy(k.text[:], text))
		}
		return dst
	}
	// All of it, as markedPieces.known does.
	*(*[pieceShort]byte)(dst[at : at+pieceShort]) = k.text
	return dst[:at+int(k.length)]
}

// unit is appendUnit, remembered where t is there. Some products name a unit in
// more languages than others, so that these have places of their own.
func (w *Writer) unit(dst []byte, ref *feed.Reference, t *Texts) []byte {
	if t == nil {
		return w.appendUnit(dst, ref)
	}
	if t.pieces.units == nil {
		t.pieces.units = make([]piece[feed.Reference], unitPlaces)
	}
	h := place(ref.ID)
	p := &t.pieces.units[(h>>16+uint32(len(ref.Names)))%unitPlaces] // bits in which short ids differ
	if len(p.text) > 0 && p.of.ID == ref.ID && slices.Equal(p.of.Names, ref.Names) {
		return append(dst, p.text...)
	}
	before := len(dst)
	dst = w.appendUnit(dst, ref)
	if p.room(h, dst[before:]) {
		p.of = feed.Reference{ID: strings.Clone(ref.ID), Names: cloneTexts(ref.Names)}
		p.text = append(p.text[:0], dst[before:]...)
	}
	return dst
}
