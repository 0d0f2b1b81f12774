package xmltok

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// chunks gives a document in pieces of drawn sizes.
type chunks struct {
	doc  []byte
	size func() int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.doc) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size())], c.doc)
	c.doc = c.doc[n:]
	return n, nil
}

// TestChunksDoNotMatter: however the bytes arrive, the tokens are the same.
func TestChunksDoNotMatter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("żółw & ", 30000)
	doc := append(feedLike(150), fmt.Appendf(nil, "<!--%s-->", strings.Repeat("- ", 80000))...)
	doc = bytes.Replace(doc, []byte("Ręcznik lniany 7]"), []byte(strings.ReplaceAll(long, "&", "<")+"]"), 1)
	doc = bytes.Replace(doc, []byte(`name="Brzozowy Gaj"`), []byte(`name="`+strings.ReplaceAll(long, "&", "&amp;\n")+`"`), 1)
	want, err := dump(bytes.NewReader(doc), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{7, 1000, 65536, 131072, 1 << 20}).Draw(t, "most")
		sizes := rapid.SliceOfN(rapid.IntRange(1, most), 8, 8).Draw(t, "sizes")
		i := 0
		got, err := dump(&chunks{doc, func() int { i++; return sizes[i%len(sizes)] }}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatal("tokens differ")
		}
	})
}

// TestAllocations: a warm reader allocates nothing per token.
func TestAllocations(t *testing.T) {
	doc := feedLike(200)
	src := bytes.NewReader(doc)
	r := NewReader(src, Limits{})
	if err := drain(r); err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(5, func() {
		src.Reset(doc)
		r.Reset(src)
		if err := drain(r); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("got %v allocations for %d bytes, want none", got, len(doc))
	}
}

// TestBufferStaysSmall: the buffer grows with the longest token, not with the
// document.
func TestBufferStaysSmall(t *testing.T) {
	t.Parallel()
	r := NewReader(bytes.NewReader(feedLike(3000)), Limits{})
	if err := drain(r); err != nil {
		t.Fatal(err)
	}
	if len(r.buf) != firstBuffer {
		t.Errorf("buffer grew to %d bytes, want %d", len(r.buf), firstBuffer)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		lim  Limits
		doc  string
		code Code // "" when it must pass
	}{
		{"depth reached", Limits{Depth: 2}, "<a><b/></a>", ""},
		{"depth exceeded", Limits{Depth: 2}, "<a><b><c/></b></a>", CodeLimitDepth},
		{"depth lifted", Limits{Depth: -1}, strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000), ""},
		{"attributes reached", Limits{Attrs: 2}, `<a b="" c=""/>`, ""},
		{"attributes exceeded", Limits{Attrs: 2}, `<a b="" c="" xmlns="u"/>`, CodeLimitAttrs},
		{"attributes lifted", Limits{Attrs: -1}, "<a " + manyAttrs(500) + "/>", ""},
		{"token reached", Limits{Token: 10}, "<a>1234567890</a>", ""},
		{"token exceeded", Limits{Token: 10}, "<a>12345678901</a>", CodeLimitToken},
		{"token of a tag", Limits{Token: 10}, "<a b='1234567'/>", CodeLimitToken},
		{"token lifted", Limits{Token: -1}, "<a>" + strings.Repeat("x", 3<<20) + "</a>", ""},
		{"elements reached", Limits{Elements: 3}, "<a><b/><b/></a>", ""},
		{"elements exceeded", Limits{Elements: 3}, "<a><b/><b/><b/></a>", CodeLimitElems},
		{"bytes reached", Limits{Bytes: 7}, "<a></a>", ""},
		{"bytes exceeded", Limits{Bytes: 7}, "<a></a>\n", CodeLimitBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := dump(strings.NewReader(tt.doc), tt.lim)
			if tt.code == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
			} else if err == nil || codeOf(t, err) != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
		})
	}
}

// TestHostileTrickle: a long token that arrives byte by byte is started over a
// few times only, and nothing is read twice.
func TestHostileTrickle(t *testing.T) {
	t.Parallel()
	doc := []byte("<a>" + strings.Repeat("x", 200_000) + "</a>")
	src := &counting{src: iotest.OneByteReader(bytes.NewReader(doc))}
	r := NewReader(src, Limits{})
	restarts := 0
	for {
		before := src.reads
		_, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if src.reads > before {
			restarts++
		}
	}
	if restarts > 10 {
		t.Errorf("%d tokens needed reads, want at most 10", restarts)
	}
	if src.reads > len(doc)+10 {
		t.Errorf("%d reads for %d bytes", src.reads, len(doc))
	}
}

type counting struct {
	src   io.Reader
	reads int
}

func (c *counting) Read(p []byte) (int, error) {
	c.reads++
	return c.src.Read(p)
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("wire cut")
	_, err := dump(io.MultiReader(strings.NewReader("<a><b>"), iotest.ErrReader(broken)), Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want it to wrap %v", err, broken)
	}
	var bad *Error
	if errors.As(err, &bad) {
		t.Errorf("a read error must not look like a bad document: %v", err)
	}
	_, err = dump(stuck{}, Limits{})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
	// Data and the end in one read.
	if got, err := dump(iotest.DataErrReader(strings.NewReader("<a/>")), Limits{}); err != nil || got != "<a>\n</a>\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestSubtree(t *testing.T) {
	t.Parallel()
	const inner = `<p:b c='1'   d="&amp;"><!-- x --><e/>` + "\r\n" + `<![CDATA[ ]]></p:b >`
	r := NewReader(iotest.OneByteReader(strings.NewReader("<a xmlns:p='u'>\n"+inner+"<f/><g>1</g></a>")), Limits{})
	var got []string
	for {
		kind, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == StartElement && r.Depth() == 2 {
			raw, err := r.Subtree()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(raw))
			if space, ok := r.Lookup([]byte("p")); !ok || space != "u" {
				t.Errorf("prefix p stands for %q, %v", space, ok)
			}
		}
	}
	if want := fmt.Sprint([]string{inner, "<f/>", "<g>1</g>"}); fmt.Sprint(got) != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// TestSubtreesAddUp: the products cut out of a document much longer than the
// buffer, put together again, are the document.
func TestSubtreesAddUp(t *testing.T) {
	t.Parallel()
	doc := feedLike(500)
	r := NewReader(bytes.NewReader(doc), Limits{})
	var out []byte
	for {
		kind, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == StartElement && r.Name().Is("", "product") {
			raw, err := r.Subtree()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, raw...)
		}
	}
	want := doc[bytes.Index(doc, []byte("<product ")):]
	want = bytes.ReplaceAll(want, []byte("</product>\n  <"), []byte("</product><"))
	want = want[:bytes.LastIndex(want, []byte("</product>"))+len("</product>")]
	if !bytes.Equal(out, want) {
		t.Errorf("%d bytes of products differ from the %d of the document", len(out), len(want))
	}
}

func TestSubtreeLimit(t *testing.T) {
	t.Parallel()
	doc := "<a>" + strings.Repeat("<b>0123456789</b>", 30000) + "</a>"
	for _, lim := range []Limits{{Subtree: 1000}, {Subtree: 200_000}} {
		r := NewReader(strings.NewReader(doc), lim)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Subtree(); err == nil || codeOf(t, err) != CodeLimitSubtree {
			t.Errorf("got %v, want %s", err, CodeLimitSubtree)
		}
	}
	r := NewReader(strings.NewReader(doc), Limits{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if raw, err := r.Subtree(); err != nil || string(raw) != doc {
		t.Errorf("got %d bytes, %v", len(raw), err)
	}
}

func TestAccessors(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader("<a b='1' xml:c='2'> <!--x--></a>"), Limits{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if a := r.Attr(XMLNamespace, "c"); a == nil || string(a.Value) != "2" || a.Name.String() != "xml:c" {
		t.Errorf("got %v", a)
	}
	if r.Attr("", "c") != nil || r.Attr("", "b") == nil {
		t.Error("attributes are found by namespace and name")
	}
	if _, err := r.Next(); err != nil || !r.IsSpace() {
		t.Errorf("got space %v, %v", r.IsSpace(), err)
	}
	if _, err := r.Next(); err != nil || r.IsSpace() || r.Depth() != 1 || r.Elements() != 1 || r.Offset() != 28 {
		t.Errorf("got space %v, depth %d, elements %d, offset %d, %v", r.IsSpace(), r.Depth(), r.Elements(), r.Offset(), err)
	}
	r.Mark()
	if got := string(r.Marked()); got != "<!--x-->" {
		t.Errorf("got %q", got)
	}
	r.Unmark()
	if r.Marked() != nil {
		t.Error("nothing is marked")
	}
	for _, s := range []struct {
		text string
		name bool
	}{{"a", true}, {"a-1.b", true}, {"1a", false}, {"a:b", false}, {"", false}, {"a b", false},
		{"ż", true}, {"a\u00B7", true}, {"\u00B7a", false}, {"a\u00D7", false}, {"a\xFF", false}} {
		if got := IsNCName([]byte(s.text)); got != s.name {
			t.Errorf("%q: got %v, want %v", s.text, got, s.name)
		}
	}
}

func ExampleReader() {
	const doc = `<offer xmlns:x="urn:example"><product id="7" x:priority="1">Linen &amp; wool</product></offer>`
	r := NewReader(strings.NewReader(doc), Limits{})
	for {
		kind, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		switch kind {
		case StartElement:
			fmt.Println("start", r.Name(), "at column", r.Pos().Column)
			for _, a := range r.Attrs() {
				fmt.Printf("  %s = %s\n", a.Name, a.Value)
			}
		case Text, CData:
			fmt.Printf("  %s\n", r.Text())
		}
	}
	// Output:
	// start offer at column 1
	// start product at column 30
	//   id = 7
	//   x:priority = 1
	//   Linen & wool
}

func ExampleReader_Subtree() {
	r := NewReader(strings.NewReader(`<a><b n="1"><c/></b><b n="2"/></a>`), Limits{})
	for {
		kind, err := r.Next()
		if err != nil {
			break
		}
		if kind == StartElement && r.Name().Is("", "b") {
			raw, err := r.Subtree()
			fmt.Println(string(raw), err)
		}
	}
	// Output:
	// <b n="1"><c/></b> <nil>
	// <b n="2"/> <nil>
}

func ExampleError() {
	_, err := NewReader(strings.NewReader(`<a b="1" b="2"/>`), Limits{}).Next()
	var bad *Error
	if errors.As(err, &bad) {
		fmt.Println(bad.Code, bad.Line, bad.Column)
	}
	// Output: XML-ATTR-DUPLICATE 1 10
}
