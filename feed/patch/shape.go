package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"feedmill/feed"
)

// looked is how many products a document is judged by.
const looked = 100

// CheckKinds refuses documents of two kinds: the nodes of a light file in the
// place of whole ones would take names, texts and pictures away (IOF 5). Light
// is told by its content, because root and header are the same (IOF 3); a
// document of tombstones alone goes with either. The error is of
// [feed.KindInvalid] and names both documents.
func CheckKinds(ctx context.Context, docs ...Document) error {
	var light, whole string
	for _, d := range docs {
		is, known, err := isLight(ctx, d)
		if err != nil {
			return named(d.Name, err)
		}
		switch {
		case known && is && light == "":
			light = d.Name
		case known && !is && whole == "":
			whole = d.Name
		}
	}
	if light != "" && whole != "" {
		return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s has prices and stock alone, as a light file, and %s has whole products", light, whole),
			Hint: "name files of one kind: full and change files, or light files"}
	}
	return nil
}

// isLight looks at the first products of a document; known is false when it has
// none that are more than tombstones.
func isLight(ctx context.Context, d Document) (is, known bool, err error) {
	src, err := openDocument(d)
	if err != nil {
		return false, false, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	r := NewReader(src)
	r.any = true
	for range looked {
		if err := context.Cause(ctx); err != nil {
			return false, false, err
		}
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, false, err
		}
		if n.Removed {
			continue
		}
		if describes(n.Raw) {
			return false, true, nil
		}
		known = true
	}
	return known, known, nil
}

// described are the elements of a product that light has not (IOF 4.2, 5).
var described = [][]byte{[]byte("description"), []byte("category"), []byte("producer"), []byte("unit"), []byte("images"), []byte("parameters"), []byte("card")}

// describes says whether a node has more than prices and stock. Light has no
// texts, so that a tag's name can stand in one of its nodes for nothing else.
func describes(node []byte) bool {
	for _, name := range described {
		rest := node
		for {
			i := bytes.Index(rest, name)
			if i < 0 {
				break
			}
			if i > 0 && (rest[i-1] == '<' || rest[i-1] == ':') {
				return true
			}
			rest = rest[i+len(name):]
		}
	}
	return false
}
