package xmltok

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// dump reads a document and writes one line per token; adjacent Text and
// CData are kept apart.
func dump(src io.Reader, lim Limits) (string, error) {
	r := NewReader(src, lim)
	var b strings.Builder
	for {
		kind, err := r.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		switch kind {
		case StartElement:
			fmt.Fprintf(&b, "<%s", expanded(r.Name()))
			for _, a := range r.Attrs() {
				fmt.Fprintf(&b, " %s=%q", expanded(a.Name), a.Value)
			}
			b.WriteString(">\n")
		case EndElement:
			fmt.Fprintf(&b, "</%s>\n", expanded(r.Name()))
		case Text:
			fmt.Fprintf(&b, "text %q\n", r.Text())
		case CData:
			fmt.Fprintf(&b, "cdata %q\n", r.Text())
		case Comment:
			fmt.Fprintf(&b, "comment %q\n", r.Text())
		case ProcInst:
			fmt.Fprintf(&b, "pi %s %q\n", r.Target(), r.Text())
		}
	}
}

func expanded(n Name) string {
	if n.Space == "" {
		return string(n.Local)
	}
	return "{" + n.Space + "}" + string(n.Local)
}

func dumpString(doc string) (string, error) { return dump(strings.NewReader(doc), Limits{}) }

// codeOf gives the code of an XML error.
func codeOf(t *testing.T, err error) Code {
	t.Helper()
	var bad *Error
	if !errors.As(err, &bad) {
		t.Fatalf("got error %v, want an *Error", err)
	}
	return bad.Code
}

// accepted are documents with the tokens they must give.
var accepted = []struct{ name, doc, want string }{
	{"smallest", `<a/>`, "<a>\n</a>\n"},
	{"declaration", "<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\" ?>\n<a></a>\n", "<a>\n</a>\n"},
	{"declaration without encoding", "<?xml version='1.0' standalone='no'?><a/>", "<a>\n</a>\n"},
	{"byte order mark", "\xEF\xBB\xBF<?xml version='1.0'?><a/>", "<a>\n</a>\n"},
	{"us-ascii", "<?xml version='1.0' encoding='US-ASCII'?><a>x</a>", "<a>\ntext \"x\"\n</a>\n"},
	{"attributes", `<a b="1" c = '2"3' d=">"/>`, "<a b=\"1\" c=\"2\\\"3\" d=\">\">\n</a>\n"},
	{"attribute white space", "<a b=' x\ty\nz\r\nw\rv '/>", "<a b=\" x y z w v \">\n</a>\n"},
	{"attribute references", `<a b="&lt;&amp;&gt;&quot;&apos;&#65;&#x42;&#x9;&#10;"/>`, "<a b=\"<&>\\\"'AB\\t\\n\">\n</a>\n"},
	{"two long references", `<a b="&amp;1" c="&amp;2"/>`, "<a b=\"&1\" c=\"&2\">\n</a>\n"},
	{"text references", `<a>1 &lt; 2 &amp; x&#x17C;y</a>`, "<a>\ntext \"1 < 2 & xży\"\n</a>\n"},
	{"line ends", "<a>1\r\n2\r3\n4</a>", "<a>\ntext \"1\\n2\\n3\\n4\"\n</a>\n"},
	{"line end by reference", "<a>1&#13;\n</a>", "<a>\ntext \"1\\r\\n\"\n</a>\n"},
	{"cdata", "<a><![CDATA[<b>&amp;]] ]>\r\n]]></a>", "<a>\ncdata \"<b>&amp;]] ]>\\n\"\n</a>\n"},
	{"empty cdata", "<a><![CDATA[]]></a>", "<a>\ncdata \"\"\n</a>\n"},
	{"brackets before the end of cdata", "<a><![CDATA[]]]]></a>", "<a>\ncdata \"]]\"\n</a>\n"},
	{"brackets in text", "<a>]] ]> ]</a>", "<a>\ntext \"]] ]> ]\"\n</a>\n"},
	{"comments", "<!--1--><a><!-- - 2\r --></a><!---->\n", "comment \"1\"\n<a>\ncomment \" - 2\\n \"\n</a>\ncomment \"\"\n"},
	{"instructions", "<?p?><?q  a?b ?><a/>", "pi p \"\"\npi q \"a?b \"\n<a>\n</a>\n"},
	{"default namespace", `<a xmlns="u"><b xmlns=""/><c/></a>`, "<{u}a>\n<b>\n</b>\n<{u}c>\n</{u}c>\n</{u}a>\n"},
	{"prefixes", `<p:a xmlns:p="u" p:x="1" x="2"><b p:y=""/></p:a>`, "<{u}a {u}x=\"1\" x=\"2\">\n<b {u}y=\"\">\n</b>\n</{u}a>\n"},
	{"redeclared prefix", `<a xmlns:p="u"><p:b xmlns:p="v"/><p:c/></a>`, "<a>\n<{v}b>\n</{v}b>\n<{u}c>\n</{u}c>\n</a>\n"},
	{"declaration after use", `<p:a p:x="1" xmlns:p="u"/>`, "<{u}a {u}x=\"1\">\n</{u}a>\n"},
	{"xml prefix", `<a xml:lang="pol" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
		"<a {http://www.w3.org/XML/1998/namespace}lang=\"pol\">\n</a>\n"},
	{"default attribute has no namespace", `<a xmlns="u" b="1"/>`, "<{u}a b=\"1\">\n</{u}a>\n"},
	{"names beyond ascii", `<żółw łuk="1"/>`, "<żółw łuk=\"1\">\n</żółw>\n"},
	{"fifth edition names", "<\u2C00/>", "<\u2C00>\n</\u2C00>\n"},
	{"blank in end tag", "<a></a \n>", "<a>\n</a>\n"},
	{"plane 16", "<a>\U0010FFFF\uFFFD</a>", "<a>\ntext \"\\U0010ffff�\"\n</a>\n"},
	{"control U+0080", "<a>\u0080\u007F</a>", "<a>\ntext \"\\u0080\\x7f\"\n</a>\n"},
	{"white space after root", "<a/>\r\n\t ", "<a>\n</a>\n"},
	{"same attribute hash", `<a ab="1" ba="2" axb="3" aab="4"/>`, "<a ab=\"1\" ba=\"2\" axb=\"3\" aab=\"4\">\n</a>\n"},
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := dumpString(tt.doc)
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// rejected are documents with the code of the error they must give. Many of
// them are attacks or what broken exporters write.
var rejected = []struct {
	name, doc string
	code      Code
}{
	{"nothing", "", CodeEmpty},
	{"white space only", " \n", CodeEmpty},
	{"comment only", "<!--x-->", CodeEmpty},
	{"text only", "abc", CodeOutside},
	{"text before", "x<a/>", CodeOutside},
	{"text after", "<a/>x", CodeOutside},
	{"reference after", "<a/>&#32;", CodeOutside},
	{"cdata outside", "<a/><![CDATA[ ]]>", CodeOutside},
	{"second root", "<a/><b/>", CodeSecondRoot},
	{"unclosed element", "<a><b></b>", CodeUnclosed},
	{"cut in tag", "<a><b c=\"1", CodeUnclosed},
	{"cut in end tag", "<a></", CodeUnclosed},
	{"cut in longer end tag", "<abc></ab", CodeUnclosed},
	{"cut in comment", "<a><!-- ", CodeUnclosed},
	{"cut in cdata", "<a><![CDATA[ ]]", CodeUnclosed},
	{"cut in instruction", "<a><?p ", CodeUnclosed},
	{"cut in text", "<a>text", CodeUnclosed},
	{"lone bracket", "<", CodeName},
	{"mismatch", "<a></b>", CodeTagMismatch},
	{"mismatch by prefix", "<a></ab>", CodeTagMismatch},
	{"mismatch of shorter", "<ab></a>", CodeTagMismatch},
	{"mismatch by namespace prefix", `<p:a xmlns:p="u" xmlns:q="u"></q:a>`, CodeTagMismatch},
	{"crossed", "<a><b></a></b>", CodeTagMismatch},
	{"end without start", "</a>", CodeTagMismatch},
	{"attribute in end tag", "<a></a b='1'>", CodeSyntax},
	{"blank before name", "< a/>", CodeName},
	{"digit first", "<1/>", CodeName},
	{"hyphen first", "<-a/>", CodeName},
	{"two colons", `<p:q:a xmlns:p="u"/>`, CodeName},
	{"colon first", "<:a/>", CodeName},
	{"colon last", `<p: xmlns:p="u"/>`, CodeName},
	{"digit after prefix", `<p:1 xmlns:p="u"/>`, CodeName},
	{"name with multiplication sign", "<a\u00D7/>", CodeName},
	{"attribute name with digit", "<a 1='x'/>", CodeName},
	{"no value", "<a b/>", CodeAttr},
	{"no quotes", "<a b=1/>", CodeAttr},
	{"no blank between attributes", `<a b="1"c="2"/>`, CodeAttr},
	{"bracket in value", `<a b="<"/>`, CodeAttr},
	{"slash in tag", "<a / >", CodeSyntax},
	{"duplicate attribute", `<a b="1" b="1"/>`, CodeAttrDup},
	{"duplicate after many", `<a b="1" c="" d="" e="" f="" g="" b="2"/>`, CodeAttrDup},
	{"duplicate by namespace", `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, CodeAttrDup},
	{"duplicate declaration", `<a xmlns:p="u" xmlns:p="v"/>`, CodeAttrDup},
	{"duplicate default", `<a xmlns="u" xmlns="v"/>`, CodeAttrDup},
	{"undeclared element prefix", "<p:a/>", CodePrefix},
	{"undeclared attribute prefix", "<a p:b='1'/>", CodePrefix},
	{"prefix out of scope", `<a><b xmlns:p="u"/><p:c/></a>`, CodePrefix},
	{"prefix to nothing", `<a xmlns:p=""/>`, CodeNamespace},
	{"xmlns as prefix", `<a xmlns:xmlns="u"/>`, CodeNamespace},
	{"xml to another namespace", `<a xmlns:xml="u"/>`, CodeNamespace},
	{"xml namespace to another prefix", `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, CodeNamespace},
	{"xml namespace as default", `<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, CodeNamespace},
	{"xmlns namespace", `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, CodeNamespace},
	{"html entity", "<a>&nbsp;</a>", CodeEntity},
	{"bare ampersand", "<a>B & B</a>", CodeEntity},
	{"unfinished reference", "<a>&amp</a>", CodeEntity},
	{"empty reference", "<a>&;</a>", CodeEntity},
	{"ampersand at the end", "<a b='&'/>", CodeEntity},
	{"empty character reference", "<a>&#;</a>", CodeCharRef},
	{"hex with capital X", "<a>&#X41;</a>", CodeCharRef},
	{"letters in decimal", "<a>&#4A;</a>", CodeCharRef},
	{"reference to NUL", "<a>&#0;</a>", CodeCharRef},
	{"reference to control", "<a>&#x1F;</a>", CodeCharRef},
	{"reference to a surrogate", "<a>&#xD800;</a>", CodeCharRef},
	{"reference to U+FFFE", "<a>&#xFFFE;</a>", CodeCharRef},
	{"reference beyond Unicode", "<a>&#x110000;</a>", CodeCharRef},
	{"reference that overflows", "<a>&#99999999999999999999;</a>", CodeCharRef},
	{"NUL", "<a>\x00</a>", CodeChar},
	{"NUL in tag", "<a \x00/>", CodeName},
	{"NUL in value", "<a b='\x00'/>", CodeChar},
	{"NUL in comment", "<a><!--\x00--></a>", CodeChar},
	{"escape character", "<a>\x1B[31m</a>", CodeChar},
	{"control in cdata", "<a><![CDATA[\x0B]]></a>", CodeChar},
	{"U+FFFF", "<a>\uFFFF</a>", CodeChar},
	{"U+FFFE in value", "<a b='\uFFFE'/>", CodeChar},
	{"latin-2 byte", "<a>\xB1</a>", CodeUTF8},
	{"overlong", "<a>\xC0\x80</a>", CodeUTF8},
	{"overlong of three bytes", "<a>\xE0\x80\xAF</a>", CodeUTF8},
	{"surrogate in UTF-8", "<a>\xED\xA0\x80</a>", CodeUTF8},
	{"cut character", "<a>\xC5</a>", CodeUTF8},
	{"cut character in cdata", "<a><![CDATA[\xE2\x82]]></a>", CodeUTF8},
	{"beyond Unicode", "<a>\xF4\x90\x80\x80</a>", CodeUTF8},
	{"bad byte in name", "<a\xFF/>", CodeUTF8},
	{"bad byte in comment", "<!--\x80--><a/>", CodeUTF8},
	{"cdata end in text", "<a>]]></a>", CodeCDataEnd},
	{"hyphens in comment", "<a><!-- -- --></a>", CodeComment},
	{"hyphen at the end of a comment", "<a><!-- ---></a>", CodeComment},
	{"instruction without target", "<? x?><a/>", CodePI},
	{"instruction with colon", "<?p:q?><a/>", CodePI},
	{"reserved target", "<?XML x?><a/>", CodePI},
	{"target without blank", "<?p!?><a/>", CodePI},
	{"question mark after target", "<?p?q?><a/>", CodePI},
	{"late declaration", " <?xml version='1.0'?><a/>", CodeDecl},
	{"declaration inside", "<a><?xml version='1.0'?></a>", CodeDecl},
	{"declaration without version", "<?xml encoding='UTF-8'?><a/>", CodeDecl},
	{"declaration in wrong order", "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", CodeDecl},
	{"version 1.1", "<?xml version='1.1'?><a/>", CodeDecl},
	{"unquoted version", "<?xml version=1.0?><a/>", CodeDecl},
	{"bad standalone", "<?xml version='1.0' standalone='maybe'?><a/>", CodeDecl},
	{"unclosed declaration", "<?xml version='1.0'><a/>", CodeDecl},
	{"no blank in declaration", "<?xml version='1.0'encoding='UTF-8'?><a/>", CodeDecl},
	{"latin-2", "<?xml version='1.0' encoding='ISO-8859-2'?><a/>", CodeEncoding},
	{"windows-1250", "<?xml version='1.0' encoding='windows-1250'?><a/>", CodeEncoding},
	{"declared UTF-16", "<?xml version='1.0' encoding='UTF-16'?><a/>", CodeEncoding},
	{"UTF-16 with mark", "\xFF\xFE<\x00a\x00/\x00>\x00", CodeEncoding},
	{"UTF-16 big endian", "\xFE\xFF\x00<\x00a\x00/\x00>", CodeEncoding},
	{"UTF-16 without mark", "<\x00?\x00x\x00", CodeEncoding},
	{"UTF-32", "\x00\x00\xFE\xFF\x00\x00\x00<", CodeEncoding},
	{"EBCDIC", "\x4C\x6F\xA7\x94\x93", CodeEncoding},
	{"ascii with a letter beyond", "<?xml version='1.0' encoding='US-ASCII'?><a>ż</a>", CodeEncoding},
	{"doctype", "<!DOCTYPE a><a/>", CodeDoctype},
	{"billion laughs", `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`, CodeDoctype},
	{"external entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, CodeDoctype},
	{"parameter entity", `<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd">%p;]><a/>`, CodeDoctype},
	{"doctype after the root", "<a/><!DOCTYPE a>", CodeSyntax},
	{"doctype inside", "<a><!DOCTYPE a></a>", CodeSyntax},
	{"entity declaration inside", `<a><!ENTITY x "y"></a>`, CodeSyntax},
	{"lower-case cdata", "<a><![cdata[x]]></a>", CodeSyntax},
	{"bang", "<a><!></a>", CodeSyntax},
	{"markup after name", "<a<b/>", CodeName},
	{"deep", strings.Repeat("<a>", 65), CodeLimitDepth},
	{"many attributes", "<a " + manyAttrs(101) + "/>", CodeLimitAttrs},
	{"many declarations", "<a " + strings.ReplaceAll(manyAttrs(101), "a", "xmlns:a") + "/>", CodeLimitAttrs},
	{"huge text", "<a>" + strings.Repeat("x", 1<<20+1) + "</a>", CodeLimitToken},
	{"huge value", "<a b='" + strings.Repeat("x", 1<<20) + "'/>", CodeLimitToken},
	{"huge name", "<" + strings.Repeat("x", 1<<20+1) + "/>", CodeLimitToken},
	{"huge comment", "<!--" + strings.Repeat("x", 1<<20) + "--><a/>", CodeLimitToken},
	{"huge cdata", "<a><![CDATA[" + strings.Repeat("x", 1<<20) + "]]></a>", CodeLimitToken},
	{"huge white space", strings.Repeat(" ", 1<<20+1) + "<a/>", CodeLimitToken},
	{"endless reference", "<a>&" + strings.Repeat("x", 100) + ";</a>", CodeEntity},
}

func manyAttrs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d='u' ", i)
	}
	return b.String()
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range rejected {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := dumpString(tt.doc)
			if err == nil {
				t.Fatalf("accepted, want %s", tt.code)
			}
			if got := codeOf(t, err); got != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
			r := NewReader(strings.NewReader(tt.doc), Limits{})
			first := drain(r)
			if _, again := r.Next(); again != first {
				t.Errorf("second error is %v, want the first one again: %v", again, first)
			}
		})
	}
}

// TestErrorPosition checks where errors are said to be.
func TestErrorPosition(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		doc          string
		line, column int
		offset       int64
	}{
		{"<a>\n <b>\n  &x;</b></a>", 3, 3, 11},
		{"<a>żółć\x01</a>", 1, 8, 11},
		{"<a b='1'\n   b='2'/>", 2, 4, 12},
		{"\xEF\xBB\xBF<a>&x;</a>", 1, 4, 6},
		{"<a>\r\n<b></c>", 2, 4, 8},
		{"<a>", 1, 4, 3},
	} {
		_, err := dumpString(tt.doc)
		var bad *Error
		if !errors.As(err, &bad) {
			t.Fatalf("%q: got error %v", tt.doc, err)
		}
		if bad.Line != tt.line || bad.Column != tt.column || bad.Offset != tt.offset {
			t.Errorf("%q: got %d:%d offset %d, want %d:%d offset %d", tt.doc, bad.Line, bad.Column, bad.Offset, tt.line, tt.column, tt.offset)
		}
	}
}

// TestPos compares every position with one counted by hand over a document
// longer than the buffer.
func TestPos(t *testing.T) {
	t.Parallel()
	doc := feedLike(300)
	r := NewReader(bytes.NewReader(doc), Limits{})
	line, column, at := 1, 1, 0
	for n := 0; ; n++ {
		kind, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%7 != 0 { // positions must not depend on how often somebody asks
			continue
		}
		pos := r.Pos()
		for ; at < int(pos.Offset); at++ {
			switch {
			case doc[at] == '\n':
				line, column = line+1, 1
			case doc[at]&0xC0 != 0x80:
				column++
			}
		}
		if pos.Line != line || pos.Column != column {
			t.Fatalf("got %+v, want %d:%d", pos, line, column)
		}
		if !bytes.HasPrefix(doc[pos.Offset:], r.Raw()) {
			t.Fatalf("raw %q is not at its offset", r.Raw())
		}
		if kind == StartElement {
			for i, a := range r.Attrs() {
				p := r.AttrPos(i)
				if !bytes.HasPrefix(doc[p.Offset:], []byte(a.Name.String()+"=")) {
					t.Fatalf("attribute %s is not at %+v", a.Name, p)
				}
			}
		}
	}
}
