package manage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strconv"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/schema/xmltok"
	"feedmill/storage"
)

// A stored file is searched in halves down to a stretch that is read through.
const (
	probe   = 64 << 10  // what is read at a time to see where one is
	stretch = 512 << 10 // what is read through
)

// nodeStart is how a product's node begins in our files: on a line of its own,
// after another tag. Texts can hold the same; what is read from there is then no
// document, and the product is looked for in the whole file.
var nodeStart = []byte(">\n<product id=\"")

// node gives a product's node in a stored file, exactly as it stands there.
func (s *Service) node(ctx context.Context, f *publish.File, id feed.ProductID) (xml string, removed bool, err error) {
	if f.Plain.Key != "" && f.Plain.Size > stretch {
		var sure bool
		if xml, removed, sure, err = s.search(ctx, f.Plain, id); sure || err != nil {
			return xml, removed, err
		}
	}
	blob := f.Plain
	if blob.Key == "" {
		blob = f.Gzip
	}
	body, _, err := s.files.Open(ctx, blob.Key, storage.Range{})
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	var in io.Reader = body
	if f.Plain.Key == "" {
		if in, err = gzip.NewReader(body); err != nil {
			return "", false, err
		}
	}
	xml, removed, _, err = findNode(in, id, false)
	return xml, removed, err
}

// search looks for a node by halving, as nodes stand in ascending order of id.
// It is not sure where what it has read contradicts that.
func (s *Service) search(ctx context.Context, blob publish.Blob, id feed.ProductID) (xml string, removed, sure bool, err error) {
	first, err := s.piece(ctx, blob.Key, 0, probe)
	if err != nil {
		return "", false, false, err
	}
	at := bytes.Index(first, nodeStart)
	if at < 0 {
		return "", false, false, nil
	}
	head := first[:at+2]
	from, to := int64(len(head)), blob.Size
	for to-from > stretch {
		middle := from + (to-from)/2
		piece, err := s.piece(ctx, blob.Key, middle, probe)
		if err != nil {
			return "", false, false, err
		}
		here, begins, ok := firstNode(piece)
		switch {
		case !ok || middle+begins >= to:
			to = middle // a long node is read through in the end
		case here <= id:
			from = middle + begins
		default:
			to = middle + begins
		}
	}
	body, _, err := s.files.Open(ctx, blob.Key, storage.Range{Off: from})
	if err != nil {
		return "", false, false, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	xml, removed, passed, err := findNode(io.MultiReader(bytes.NewReader(head), body), id, true)
	if err != nil {
		return "", false, false, nil // what was taken for a node was none
	}
	return xml, removed, xml != "" || passed || from == int64(len(head)), nil
}

// piece reads a part of a stored file.
func (s *Service) piece(ctx context.Context, key string, from, most int64) (_ []byte, err error) {
	body, _, err := s.files.Open(ctx, key, storage.Range{Off: from, Len: most})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return io.ReadAll(body)
}

// firstNode gives the id of the first node in a piece of a file and where it begins.
func firstNode(piece []byte) (id feed.ProductID, begins int64, ok bool) {
	at := bytes.Index(piece, nodeStart)
	if at < 0 {
		return 0, 0, false
	}
	digits, _, closed := bytes.Cut(piece[at+len(nodeStart):], []byte{'"'})
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return feed.ProductID(n), int64(at + 2), closed && err == nil && n > 0
}

// findNode gives the product element with an id that stands two below the root,
// exactly as written, and whether it is a tombstone. Where nodes are in order it
// stops at the first one of a larger id; passed says that a smaller one was seen.
func findNode(in io.Reader, id feed.ProductID, ordered bool) (xml string, removed, passed bool, err error) {
	r := xmltok.NewReader(in, xmltok.Limits{Elements: -1, Bytes: -1}) // our own file, of whatever size
	below := false
	for {
		kind, err := r.Next()
		if err == io.EOF {
			return "", false, below, nil
		}
		if err != nil {
			return "", false, false, err
		}
		if kind != xmltok.StartElement || r.Depth() != 3 {
			continue
		}
		if string(r.Name().Local) == "product" {
			if at := r.Attr("", "id"); at != nil {
				n, err := strconv.ParseInt(string(at.Value), 10, 64)
				switch {
				case err != nil:
				case feed.ProductID(n) == id:
					gone := r.Attr("", "removed")
					removed := gone != nil && string(gone.Value) == "yes"
					node, err := r.Subtree()
					xml = string(node)
					for kind := xmltok.Text; ordered && err == nil && kind == xmltok.Text; {
						kind, err = r.Next() // whatever follows must be part of a document
					}
					return xml, removed, true, err
				case feed.ProductID(n) < id:
					below = true
				case ordered:
					return "", false, below, nil
				}
			}
		}
		if err := r.Skip(); err != nil {
			return "", false, false, err
		}
	}
}
