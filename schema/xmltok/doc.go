// Package xmltok is a streaming tokenizer for XML 1.0 with namespaces, made for
// large, machine-written documents that come from people one does not trust.
//
// It owns well-formedness: characters, names, tags, references, attributes,
// namespace prefixes, and the limits that keep a hostile document from using
// up a machine. It refuses to know any vocabulary, schema or business meaning,
// and it never loads anything: a document that carries a DOCTYPE is refused
// with an error of its own, so no entity can be declared, let alone expanded.
//
// A [Reader] walks over a refillable buffer and allocates nothing per token.
// What it hands out (names, values, text) are slices of that buffer, valid
// until the next call of Next.
//
//	r := xmltok.NewReader(file, xmltok.Limits{})
//	for {
//		kind, err := r.Next()
//		if err == io.EOF {
//			break
//		}
//		if err != nil {
//			return err // an *xmltok.Error for a bad document
//		}
//		switch kind {
//		case xmltok.StartElement:
//			r.Name()  // prefix, local name, namespace
//			r.Attrs() // normalised values, namespaces resolved
//		case xmltok.Text, xmltok.CData:
//			r.Text()
//		}
//	}
//
// Line ends and attribute values are normalised as XML 1.0 sections 2.11 and
// 3.3.3 say; the five predefined entities and character references are
// resolved. Only UTF-8 (with or without a byte order mark) and US-ASCII are
// read; every other encoding gives an error that names it. Names follow the
// fifth edition of XML 1.0.
package xmltok
