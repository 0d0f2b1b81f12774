package xmltok

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/schema/internal/linttest"
)

// stricter reports why encoding/xml may refuse a document that is accepted
// here: the deliberate differences.
func stricter(doc []byte, err error) string {
	text := err.Error()
	switch {
	case strings.Contains(strings.ToUpper(text), `"US-ASCII"`):
		return "encoding/xml needs a converter even for US-ASCII"
	case strings.Contains(text, "invalid XML name") || strings.Contains(text, "expected"):
		for _, c := range string(doc) {
			if c >= 0x80 {
				return "encoding/xml knows the names of the second edition of XML 1.0 only"
			}
		}
	}
	return ""
}

// stdDump is dump by encoding/xml. Text and CDATA sections are merged, as it
// does not tell them apart; white space in attribute values is mapped to
// blanks and line ends in comments and instructions are normalised, which it
// leaves undone.
func stdDump(doc []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF"))))
	var b strings.Builder
	depth := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			depth++
			b.WriteString("<" + stdName(t.Name))
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				b.WriteString(" " + stdName(a.Name) + "=" + blanks(a.Value))
			}
			b.WriteString(">")
		case xml.EndElement:
			depth--
			b.WriteString("</" + stdName(t.Name) + ">")
		case xml.CharData:
			if depth > 0 {
				b.WriteString(string(t))
			}
		case xml.Comment:
			b.WriteString("<!--" + lineEnds(string(t)) + "-->")
		case xml.ProcInst:
			if t.Target != "xml" {
				b.WriteString("<?" + t.Target + " " + lineEnds(string(t.Inst)) + "?>")
			}
		}
	}
}

func blanks(s string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(s)
}

func lineEnds(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func stdName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// plainDump is dump in the form of stdDump.
func plainDump(doc []byte) (string, error) {
	r := NewReader(bytes.NewReader(doc), Limits{})
	var b strings.Builder
	for {
		kind, err := r.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch kind {
		case StartElement:
			b.WriteString("<" + expanded(r.Name()))
			for _, a := range r.Attrs() {
				b.WriteString(" " + expanded(a.Name) + "=" + blanks(string(a.Value)))
			}
			b.WriteString(">")
		case EndElement:
			b.WriteString("</" + expanded(r.Name()) + ">")
		case Text, CData:
			b.Write(r.Text())
		case Comment:
			b.WriteString("<!--" + string(r.Text()) + "-->")
		case ProcInst:
			b.WriteString("<?" + string(r.Target()) + " " + string(r.Text()) + "?>")
		}
	}
}

// compareStd holds a document to the law: what encoding/xml refuses is
// refused here, and what is accepted here gives the same content there.
func compareStd(t *testing.T, doc []byte) {
	t.Helper()
	got, err := plainDump(doc)
	if err != nil {
		var bad *Error
		if !errors.As(err, &bad) {
			t.Fatalf("%q: got %v, want an *Error", doc, err)
		}
		return
	}
	want, err := stdDump(doc)
	if err != nil {
		if stricter(doc, err) == "" {
			t.Errorf("%q: accepted, but encoding/xml says: %v", doc, err)
		}
		return
	}
	if got != want {
		t.Errorf("%q: got\n%s\nencoding/xml gives\n%s", doc, got, want)
	}
}

func TestAgainstEncodingXML(t *testing.T) {
	t.Parallel()
	for _, tt := range accepted {
		compareStd(t, []byte(tt.doc))
	}
	for _, tt := range rejected {
		compareStd(t, []byte(tt.doc))
	}
	compareStd(t, feedLike(50))
	for _, doc := range mutants(3000) {
		compareStd(t, doc)
	}
}

// mutants are damaged variants of small documents, the same ones every time.
func mutants(n int) [][]byte {
	rnd := rand.New(rand.NewPCG(7, 11))
	seeds := [][]byte{feedLike(1), []byte(`<?xml version="1.0" encoding="UTF-8"?>
<a xmlns="u" xmlns:p="v" p:b='x &amp; "y"'><!-- c --><p:d><![CDATA[ <e> ]]></p:d>ż<?pi data?>&#x17C;</a>
`)}
	for _, tt := range accepted {
		seeds = append(seeds, []byte(tt.doc))
	}
	bits := []string{"<", ">", "&", ";", "\"", "'", "=", "/", "!", "?", "-", "--", "]", "]]>", " ", "\n", "\r", "\t", "\x00",
		"\x1F", "\x7F", "\x80", "\xC5", "\xFF", "ż", "\uFFFE", "\uFFFD", "xmlns", "xmlns:p=\"v\"", "xml", ":", "p:", "a", "1", "<a>", "</a>",
		"<!--", "-->", "<![CDATA[", "<!DOCTYPE a>", "<?p ", "?>", "&amp;", "&lt", "&#65;", "&#x0;", "&x;", "<?xml version=\"1.0\"?>", "b=\"1\"", " b='2'"}
	var out [][]byte
	for range n {
		doc := bytes.Clone(seeds[rnd.IntN(len(seeds))])
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(doc) + 1)
			bit := bits[rnd.IntN(len(bits))]
			switch rnd.IntN(4) {
			case 0: // insert
				doc = append(doc[:i:i], append([]byte(bit), doc[i:]...)...)
			case 1: // delete
				doc = append(doc[:i:i], doc[min(len(doc), i+1+rnd.IntN(4)):]...)
			case 2: // overwrite
				doc = append(doc[:i:i], append([]byte(bit), doc[min(len(doc), i+len(bit)):]...)...)
			case 3: // cut or copy a piece
				j := min(len(doc), i+rnd.IntN(20))
				doc = append(doc[:j:j], doc[i:]...)
			}
		}
		out = append(out, doc)
	}
	return out
}

// policy reports why a document that XML allows is refused here.
func policy(code Code) bool {
	switch code {
	case CodeDoctype, CodeEncoding, CodeLimitDepth, CodeLimitAttrs, CodeLimitToken:
		return true
	}
	return false
}

// lenient tells a fault that xmllint lets pass although XML forbids it.
func lenient(doc []byte, err *Error) bool {
	switch {
	case err.Code == CodeDecl && bytes.Contains(doc, []byte("version")):
		return true // it only warns about versions of XML
	case err.Code == CodeChar && doc[err.Offset] == 0:
		return true // a NUL after the root ends the document for it
	}
	return false
}

// demanding tells a fault that xmllint finds and that is none of ours:
// namespace names are opaque here, it wants them to be URIs.
func demanding(messages []string) bool {
	for _, m := range messages {
		if !strings.Contains(m, "is not a valid URI") {
			return false
		}
	}
	return true
}

func TestAgainstXmllint(t *testing.T) {
	t.Parallel()
	linttest.Need(t)
	var docs [][]byte
	for _, tt := range accepted {
		docs = append(docs, []byte(tt.doc))
	}
	for _, tt := range rejected {
		docs = append(docs, []byte(tt.doc))
	}
	docs = append(docs, mutants(3000)...)
	agreed := 0
	for i, v := range linttest.Check(t, "", "", docs) {
		_, err := plainDump(docs[i])
		var bad *Error
		errors.As(err, &bad)
		switch {
		case err == nil && !v.WellFormed && !demanding(v.Messages):
			t.Errorf("%q: accepted, but xmllint says %q", docs[i], v.Messages)
		case err != nil && v.WellFormed && !policy(bad.Code) && !lenient(docs[i], bad):
			t.Errorf("%q: %v, but xmllint accepts it", docs[i], err)
		default:
			agreed++
		}
	}
	if agreed < 3000 {
		t.Errorf("only %d of %d documents agree", agreed, len(docs))
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range accepted {
		f.Add([]byte(tt.doc))
	}
	for _, tt := range rejected {
		if len(tt.doc) < 1000 {
			f.Add([]byte(tt.doc))
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		compareStd(t, doc)
		want, wantErr := dump(bytes.NewReader(doc), Limits{})
		got, gotErr := dump(&trickle{doc: doc}, Limits{})
		if got != want || !sameError(gotErr, wantErr) {
			t.Errorf("%q: byte by byte got %v and\n%s\nat once %v and\n%s", doc, gotErr, got, wantErr, want)
		}
	})
}

func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Error() == b.Error()
}

// trickle gives one byte at a time, with empty reads between.
type trickle struct {
	doc  []byte
	idle bool
}

func (r *trickle) Read(p []byte) (int, error) {
	if r.idle = !r.idle; r.idle {
		return 0, nil
	}
	if len(r.doc) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:1], r.doc)
	r.doc = r.doc[n:]
	return n, nil
}

// TestOfficialSamples reads real files when they lie beside the module.
func TestOfficialSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "iof", "*", "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no shared samples beside the module")
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plainDump(doc); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		compareStd(t, doc)
	}
}
