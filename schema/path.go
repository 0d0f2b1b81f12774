package schema

import (
	"strconv"
)

// frame is an open element: where it is, and how far its content has come.
type frame struct {
	label string // name as written
	n     int32  // among the siblings of that name, from 1
	many  bool   // the schema makes it a list item, so the path shows n
	kids  []kid
	last  int // index in kids of the latest child

	content
}

// kid counts the children of one name.
type kid struct {
	label string
	n     int32
}

// maxKids bounds the names counted in one parent; a hostile document could
// use a new name each time. Children beyond it share one count.
const maxKids = 256

// push opens an element and works out its place among its siblings.
func (v *validator) push(prefix, local []byte) (parent, f *frame) {
	top := len(v.frames)
	if top < cap(v.frames) {
		v.frames = v.frames[:top+1]
	} else {
		v.frames = append(v.frames, frame{})
	}
	parent, f = &v.frames[top-1], &v.frames[top]
	f.kids, f.last = f.kids[:0], 0
	f.many = false
	f.content = content{}
	k := parent.kid(prefix, local)
	if k == nil {
		if len(parent.kids) == maxKids {
			k = &parent.kids[maxKids-1]
			f.label = v.label(prefix, local)
		} else {
			parent.kids = append(parent.kids, kid{label: v.label(prefix, local)})
			parent.last = len(parent.kids) - 1
			k = &parent.kids[parent.last]
			f.label = k.label
		}
	} else {
		f.label = k.label
	}
	k.n++
	f.n = k.n
	return parent, f
}

// kid finds the count of a name. Documents repeat the same children in the
// same order, so the latest and the one after it are tried first.
func (f *frame) kid(prefix, local []byte) *kid {
	for i, n := f.last, len(f.kids); n > 0; n-- {
		if sameLabel(f.kids[i].label, prefix, local) {
			f.last = i
			return &f.kids[i]
		}
		if i++; i == len(f.kids) {
			i = 0
		}
	}
	return nil
}

func sameLabel(label string, prefix, local []byte) bool {
	if len(prefix) == 0 {
		return label == string(local)
	}
	n := len(prefix)
	return len(label) == n+1+len(local) && label[:n] == string(prefix) && label[n] == ':' && label[n+1:] == string(local)
}

// label gives a name as a string, the same one each time while a document
// uses few names.
func (v *validator) label(prefix, local []byte) string {
	if len(prefix) > 0 {
		v.scratch = append(append(append(v.scratch[:0], prefix...), ':'), local...)
		local = v.scratch
	}
	if s, ok := v.labels[string(local)]; ok {
		return s
	}
	s := string(local)
	if len(v.labels) < 4*maxKids {
		v.labels[s] = s
	}
	return s
}

// path names the innermost open element.
func (v *validator) path() string {
	var b []byte
	for i := 1; i < len(v.frames); i++ {
		f := &v.frames[i]
		b = append(append(b, '/'), f.label...)
		if f.many || f.n > 1 {
			b = strconv.AppendInt(append(b, '['), int64(f.n), 10)
			b = append(b, ']')
		}
	}
	if len(b) == 0 {
		return "/"
	}
	return string(b)
}
