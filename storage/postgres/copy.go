package postgres

import (
	"encoding/binary"
	"slices"

	"feedmill/internal/partner"
)

// Staged products are sent in the binary form of COPY, which is built right
// where they are collected: a row's document is copied once, and nothing of it
// is boxed on the way.

// sqlCopy names the columns in the order of [copyRows.add].
const sqlCopy = `COPY import_product (merchant_id, import_id, product_id, place, digest, codes, doc) FROM STDIN (FORMAT binary)`

const textOID = 25

const copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" // signature, no flags, no extension

// copyRows is a batch of rows in that form.
type copyRows struct {
	buf    []byte
	places []int // where in buf each row's place stands, which is known last
	codes  []string
}

// reset begins a new batch.
func (c *copyRows) reset() {
	c.buf = append(c.buf[:0], copyHeader...)
	c.places = c.places[:0]
}

// add appends a row.
func (c *copyRows) add(merchant partner.MerchantID, id partner.ImportID, p *partner.StagedProduct) {
	b := binary.BigEndian.AppendUint16(c.buf, 7)
	b = appendText(b, string(merchant))
	b = appendText(b, string(id))
	b = binary.BigEndian.AppendUint32(b, 8)
	b = binary.BigEndian.AppendUint64(b, uint64(p.ID))
	b = binary.BigEndian.AppendUint32(b, 8)
	c.places = append(c.places, len(b))
	b = binary.BigEndian.AppendUint64(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Digest)))
	b = append(b, p.Digest[:]...)
	b = c.appendCodes(b, p.Codes)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Doc)))
	c.buf = append(b, p.Doc...)
}

// end numbers the rows, the first with place, and gives the whole batch.
func (c *copyRows) end(place int64) []byte {
	for i, at := range c.places {
		binary.BigEndian.PutUint64(c.buf[at:], uint64(place+int64(i)))
	}
	c.buf = append(c.buf, 0xff, 0xff) // no more rows
	return c.buf
}

// reopen takes back what end added at the end.
func (c *copyRows) reopen() { c.buf = c.buf[:len(c.buf)-2] }

// appendCodes appends an array of the codes, each once and in order, without
// the empty one.
func (c *copyRows) appendCodes(b []byte, codes []string) []byte {
	c.codes = append(c.codes[:0], codes...)
	slices.Sort(c.codes)
	c.codes = slices.Compact(c.codes)
	if len(c.codes) > 0 && c.codes[0] == "" {
		c.codes = c.codes[1:]
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0) // the length
	dimensions := uint32(1)
	if len(c.codes) == 0 {
		dimensions = 0
	}
	b = binary.BigEndian.AppendUint32(b, dimensions)
	b = binary.BigEndian.AppendUint32(b, 0) // no nulls
	b = binary.BigEndian.AppendUint32(b, textOID)
	if dimensions > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.codes)))
		b = binary.BigEndian.AppendUint32(b, 1) // the first index
		for _, code := range c.codes {
			b = appendText(b, code)
		}
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
