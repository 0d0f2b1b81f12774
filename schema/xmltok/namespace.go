package xmltok

import "bytes"

// The two namespaces that are bound without a declaration.
const (
	XMLNamespace   = "http://www.w3.org/XML/1998/namespace"
	XMLNSNamespace = "http://www.w3.org/2000/xmlns/"
)

// binding is a prefix and what it stands for.
type binding struct{ prefix, space string }

// Lookup gives the namespace that a prefix stands for at the current token,
// the empty prefix the default namespace.
func (r *Reader) Lookup(prefix []byte) (space string, ok bool) {
	if len(prefix) == 0 {
		return r.deflt, true
	}
	for i := len(r.bound) - 1; i >= 0; i-- {
		if b := &r.bound[i]; b.prefix == string(prefix) {
			return b.space, true
		}
	}
	return "", false
}

// declare puts the namespace declarations of the current tag in force
// (Namespaces in XML 1.0, 3).
func (r *Reader) declare() bool {
	for i := range r.declared {
		d := &r.declared[i]
		at := r.tok + d.off
		space := r.intern(d.Value)
		if len(d.Prefix) == 0 {
			if space == XMLNamespace || space == XMLNSNamespace {
				r.fail(CodeNamespace, at, "namespace %q cannot be the default", space)
				return false
			}
			r.deflt = space
			continue
		}
		prefix := r.intern(d.Local)
		switch {
		case prefix == "xmlns":
			r.fail(CodeNamespace, at, "the prefix xmlns cannot be declared")
			return false
		case (prefix == "xml") != (space == XMLNamespace):
			r.fail(CodeNamespace, at, "the prefix xml and its namespace belong together")
			return false
		case space == XMLNSNamespace:
			r.fail(CodeNamespace, at, "namespace %q cannot be bound to a prefix", space)
			return false
		case space == "":
			r.fail(CodeNamespace, at, "prefix %q cannot be bound to no namespace", clip(d.Local))
			return false
		}
		r.bound = append(r.bound, binding{prefix, space})
	}
	return true
}

// distinctSpaces refuses two attributes whose prefixes differ but whose
// expanded names are the same.
func (r *Reader) distinctSpaces() bool {
	for i := range r.attrs {
		a := &r.attrs[i]
		if len(a.Prefix) == 0 {
			continue
		}
		for j := range i {
			b := &r.attrs[j]
			if len(b.Prefix) > 0 && a.Space == b.Space && bytes.Equal(a.Local, b.Local) {
				r.duplicate(a)
				return false
			}
		}
	}
	return true
}

// intern returns b as a string, the same one for the same bytes as long as a
// document uses few of them.
func (r *Reader) intern(b []byte) string {
	if s, ok := r.strings[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(r.strings) < 256 && len(s) < 256 {
		r.strings[s] = s
	}
	return s
}
