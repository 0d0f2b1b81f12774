package verify

import (
	"bytes"
	"errors"
	"io"
)

// ownNamespace is how a root puts all elements into IOF's own namespace, which
// offers for importers of 2.x do on purpose. The schemas and the rules of the
// format know elements of no namespace alone, so that these files are shown to
// them without it. A file that is checked by itself is told of it.
const ownNamespace = ` xmlns="http://www.iai-shop.com/developers/iof.phtml"`

// mostRoot bounds how far into a file the start tag of its root may reach.
const mostRoot = 4 << 10

// withoutNamespace reads a document without ownNamespace on its root. Lines stay
// where they are.
func withoutNamespace(r io.Reader) io.Reader {
	head := make([]byte, mostRoot)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	if i := bytes.Index(rootTag(head), []byte(ownNamespace)); i >= 0 {
		i += len(head) - len(fromRoot(head))
		head = append(head[:i], head[i+len(ownNamespace):]...)
	}
	switch {
	case err == nil:
		return io.MultiReader(bytes.NewReader(head), r)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bytes.NewReader(head)
	}
	return io.MultiReader(bytes.NewReader(head), failing{err})
}

// rootTag gives the start tag of the root; nothing where it does not end.
func rootTag(doc []byte) []byte {
	root := fromRoot(doc)
	return root[:bytes.IndexByte(root, '>')+1]
}

// fromRoot gives what comes from the root on, behind declaration, comments and
// instructions.
func fromRoot(doc []byte) []byte {
	for {
		i := bytes.IndexByte(doc, '<')
		if i < 0 {
			return nil
		}
		doc = doc[i:]
		end := ""
		switch {
		case bytes.HasPrefix(doc, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(doc, []byte("<!--")):
			end = "-->"
		default:
			return doc
		}
		if i = bytes.Index(doc, []byte(end)); i < 0 {
			return nil
		}
		doc = doc[i+len(end):]
	}
}

// failing is a reader that fails.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }
