package patch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

// stock is a large document that is made while it is read: products from, from
// + step … below to, downwards when step is negative.
type stock struct {
	from, to, step int
	text           string
	onRead         func()
}

func (s stock) Open() (io.ReadCloser, error) {
	pr, pw := io.Pipe()
	go func() {
		var b strings.Builder
		fmt.Fprintf(&b, testHead, "2026-11-21 19:00:00")
		id := s.from
		for ; (s.step > 0 && id < s.to) || (s.step < 0 && id > s.to); id += s.step {
			fmt.Fprintf(&b, "<product id=\"%d\"><description><name>%s</name></description></product>\n", id, s.text)
			if b.Len() > 60<<10 {
				if _, err := io.WriteString(pw, b.String()); err != nil {
					return
				}
				b.Reset()
				if s.onRead != nil {
					s.onRead()
				}
			}
		}
		b.WriteString("</products></offer>\n")
		_, err := io.WriteString(pw, b.String())
		pw.CloseWithError(err)
	}()
	return pr, nil
}

// A large document costs no memory, in order or not. What is allocated and not
// yet collected counts, so the bound is generous; the document is larger still.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads 120 MB twice")
	}
	text := strings.Repeat("a long description ", 100)
	for _, down := range []bool{false, true} {
		var peak uint64
		reads := 0
		full := stock{from: 1, to: 60_001, step: 1, text: text, onRead: func() {
			if reads++; reads%50 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}}
		most := uint64(48 << 20)
		if down {
			// Sorting holds one run of records.
			full.from, full.to, full.step = 60_000, 0, -1
			most += 3 * runBytes
		}
		out, f := sink(t)
		change := stock{from: 30_000, to: 70_000, step: 100, text: "changed"}
		c, err := ApplyTo(t.Context(), out, Document{Name: "full", Open: full.Open}, []Document{{Name: "change", Open: change.Open}}, Options{Spool: t.TempDir()})
		must(t, err)
		if c.Products != 60_099 || c.Changed != 301 || c.Added != 99 {
			t.Errorf("got %+v", c)
		}
		info, err := f.Stat()
		must(t, err)
		if info.Size() < 2*int64(most)/3 || peak == 0 || peak > most {
			t.Errorf("down %v: the heap held %d MB while a document of %d MB was made, want %d at most", down, peak>>20, info.Size()>>20, most>>20)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	full := model{}
	text := "<description><name><![CDATA[" + strings.Repeat("opis ", 300) + "]]></name></description>"
	for i := range 5000 {
		full[fmt.Sprint(i)] = text
	}
	change := model{}
	for i := range 50 {
		change[fmt.Sprint(100*i)] = "<a/>"
	}
	docs := [][]byte{full.doc("1"), change.doc("2")}
	b.SetBytes(int64(len(docs[0])))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(io.Discard, NewReader(strings.NewReader(string(docs[0]))), NewReader(strings.NewReader(string(docs[1])))); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCheckAndDigest(t *testing.T) {
	t.Parallel()
	doc := model{"1": "<a/>", "2": "", "3": "<a/>"}.doc("1")
	h, n, ordered, err := Check(t.Context(), Bytes("x", doc))
	if err != nil || n != 2 || !ordered || h.Language != "pol" {
		t.Errorf("got %+v, %d, %v, %v", h, n, ordered, err)
	}
	for _, c := range []string{`<offer><products><product id="2"/><product id="1"/></products></offer>`, `<offer><products><product id="1"/><product id="1"/></products></offer>`} {
		if _, n, ordered, err = Check(t.Context(), Bytes("x", []byte(c))); err != nil || n != 2 || ordered {
			t.Errorf("%s: got %d, %v, %v", c, n, ordered, err)
		}
	}
	_, _, _, err = Check(t.Context(), Bytes("x", doc[:len(doc)-5]))
	has(t, err, "x: it is not well-formed")
	_, _, _, err = Check(t.Context(), File("none.xml"))
	has(t, err, "none.xml: there is no such file")

	for _, d := range [][]byte{doc, zip(t, doc)} {
		size, sum, err := Digest(t.Context(), Bytes("x", d))
		if err != nil || size != int64(len(doc)) || sum != sha256.Sum256(doc) {
			t.Errorf("got %d bytes, %x, %v", size, sum, err)
		}
	}
	_, _, err = Digest(t.Context(), failing(doc))
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	_, _, err = Digest(cancelled(), Bytes("x", doc))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	_, _, err = Digest(t.Context(), File("none.xml"))
	has(t, err, "none.xml")
}

// A spool folder that is missing is told, and nothing is left behind.
func TestMissingSpool(t *testing.T) {
	t.Parallel()
	doc := []byte(`<offer><products><product id="2"/><product id="1"/></products></offer>`)
	out, _ := sink(t)
	_, err := ApplyTo(t.Context(), out, Bytes("full", doc), nil, Options{Spool: "/nowhere", runBytes: 1})
	has(t, err, "make a file for sorting")
	change := Bytes("change", []byte(`<offer><products><product id="2"/></products></offer>`))
	_, err = ApplyTo(t.Context(), out, Bytes("full", doc), []Document{change, change, change}, Options{Spool: "/nowhere", MaxOpen: 2})
	has(t, err, "make a file for composing")
	if _, err := os.Stat("/nowhere"); err == nil {
		t.Error("/nowhere exists")
	}
}

// A sink whose file takes nothing says so, at once or at the end: what was cut
// by a full disk must not be taken for a whole file.
func TestSinkTellsWhatFails(t *testing.T) {
	t.Parallel()
	_, made := sink(t)
	f, err := os.Open(made.Name()) // for reading alone
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := NewSink(f)
	if _, err := s.Write([]byte("few bytes")); err != nil {
		t.Fatalf("what is gathered first: %v", err)
	}
	if s.Flush() == nil {
		t.Error("few bytes are written to a file that takes none")
	}
	if _, err := s.Write(make([]byte, 1<<20)); err == nil {
		t.Error("many bytes are written to a file that takes none")
	}
	if size, _, _ := s.Sum(); size != 0 {
		t.Errorf("%d bytes are said to be written", size)
	}
}
