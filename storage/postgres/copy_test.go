package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// fields splits a batch into the fields of its rows, by the description of the
// format in PostgreSQL's manual (COPY, binary format).
func fields(b []byte) (rows [][][]byte, err error) {
	b, ok := bytes.CutPrefix(b, []byte(copyHeader))
	if !ok {
		return nil, fmt.Errorf("no header in %q", b)
	}
	for {
		n := int16(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n == -1 {
			if len(b) > 0 {
				return nil, fmt.Errorf("%d bytes after the end", len(b))
			}
			return rows, nil
		}
		row := make([][]byte, n)
		for i := range row {
			size := binary.BigEndian.Uint32(b)
			row[i], b = b[4:4+size], b[4+size:]
		}
		rows = append(rows, row)
	}
}

// FuzzCopy writes two rows and reads them back with another's decoder.
func FuzzCopy(f *testing.F) {
	f.Add(int64(1), "a\nb\na\n\nc", []byte("doc"))
	f.Add(int64(1)<<40, "", []byte{})
	f.Add(int64(7), "żółć\n\t\n\x00", bytes.Repeat([]byte{0}, 5000))
	f.Fuzz(func(t *testing.T, id int64, codes string, doc []byte) {
		if !utf8.ValidString(codes) {
			t.Skip("the server refuses it")
		}
		var c copyRows
		c.reset()
		p := partner.StagedProduct{ID: feed.ProductID(id), Codes: strings.Split(codes, "\n"), Doc: doc}
		p.Digest[3] = 9
		given := slices.Clone(p.Codes)
		for range 2 {
			c.add("m-1", "i-1", &p)
		}
		if !slices.Equal(p.Codes, given) {
			t.Fatalf("the caller's codes became %q", p.Codes)
		}
		want := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(given))), func(s string) bool { return s == "" })
		for round := range 2 { // sent twice, with other places
			rows, err := fields(c.end(int64(1000 * round)))
			if err != nil || len(rows) != 2 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			types := pgtype.NewMap()
			for i, row := range rows {
				var merchant, imported string
				var product, place int64
				var digest, got []byte
				var list []string
				for k, into := range []struct {
					oid  uint32
					dest any
				}{{pgtype.TextOID, &merchant}, {pgtype.TextOID, &imported}, {pgtype.Int8OID, &product}, {pgtype.Int8OID, &place},
					{pgtype.ByteaOID, &digest}, {pgtype.TextArrayOID, &list}, {pgtype.ByteaOID, &got}} {
					if err := types.Scan(into.oid, pgtype.BinaryFormatCode, row[k], into.dest); err != nil {
						t.Fatalf("field %d: %v", k, err)
					}
				}
				if merchant != "m-1" || imported != "i-1" || product != id || place != int64(1000*round+i) || !bytes.Equal(digest, p.Digest[:]) ||
					!slices.Equal(list, want) || !bytes.Equal(got, doc) {
					t.Errorf("row %d: %q, %q, %d, %d, %x, %q, %q", i, merchant, imported, product, place, digest, list, got)
				}
			}
			c.reopen()
		}
	})
}

// TestCopyAllocates asks that a row costs no allocation once the buffers have grown.
func TestCopyAllocates(t *testing.T) {
	var c copyRows
	p := partner.StagedProduct{ID: 1, Codes: []string{"b", "a"}, Doc: make([]byte, 2000)}
	run := func() {
		c.reset()
		for range 100 {
			c.add("m-1", "i-1", &p)
		}
		c.end(0)
		c.reopen()
	}
	run()
	if n := testing.AllocsPerRun(20, run); n > 0 {
		t.Errorf("%v allocations for 100 rows, want none", n)
	}
}

// TestTextsThatNoTextMayHold stages what the server cannot store.
func TestTextsThatNoTextMayHold(t *testing.T) {
	t.Parallel()
	a, _ := setupPlain(t)
	m := newMerchant(t, a)
	for _, code := range []string{"a\x00b", "\xff"} {
		_, err := a.StageProducts(t.Context(), m, partner.NewImportID(), func(yield func(partner.StagedProduct, error) bool) {
			yield(partner.StagedProduct{ID: 1, Codes: []string{code}}, nil)
		})
		if feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("code %q: %v, want it refused as invalid", code, err)
		}
	}
}
