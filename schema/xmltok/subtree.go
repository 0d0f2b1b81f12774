package xmltok

// Mark begins a capture at the first byte of the current token: from now on
// the buffer keeps everything until Unmark, at most Limits.Subtree bytes.
func (r *Reader) Mark() { r.mark = r.tok }

// Marked gives the bytes from the mark up to the end of the current token,
// exactly as written. The slice is valid until the next call of Next.
func (r *Reader) Marked() []byte {
	if r.mark < 0 {
		return nil
	}
	return r.buf[r.mark:r.pos:r.pos]
}

// Unmark ends a capture.
func (r *Reader) Unmark() { r.mark = -1 }

// Subtree reads on to the end of the element that the current StartElement
// began and returns its bytes exactly as written, tags included. The slice is
// valid until the next call of Next. Prefixes inside may be declared outside:
// see Lookup.
func (r *Reader) Subtree() ([]byte, error) {
	r.Mark()
	if err := r.Skip(); err != nil {
		r.Unmark()
		return nil, err
	}
	raw := r.Marked()
	r.Unmark()
	if len(raw) > r.lim.Subtree {
		r.fail(CodeLimitSubtree, r.tok, "a captured element exceeds %d bytes", r.lim.Subtree)
		return nil, r.err
	}
	return raw, nil
}

// Skip reads on to the end of the element that the current StartElement
// began, checking all of it. The current token is then its EndElement.
func (r *Reader) Skip() error {
	depth := len(r.stack)
	for {
		kind, err := r.Next()
		if err != nil {
			return err
		}
		if kind == EndElement && len(r.stack) == depth {
			return nil
		}
	}
}
