package xmltok

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const firstBuffer = 128 << 10

// more reads on while the token that starts at r.tok is incomplete. It asks
// for at least as many bytes again as the token has now, so that starting the
// token over after each call costs linear time however the bytes trickle in.
// It reports false when nothing has changed: the end of the document was seen
// before, or an error is in r.err.
func (r *Reader) more() bool {
	if r.err != nil || r.eof {
		return false
	}
	have := r.end - r.tok
	if have > r.lim.Token {
		r.fail(CodeLimitToken, r.tok, "a tag, text or comment exceeds %d bytes", r.lim.Token)
		return false
	}
	keep := r.tok
	if r.mark >= 0 {
		keep = min(keep, r.mark)
		if r.end-keep > r.lim.Subtree {
			r.fail(CodeLimitSubtree, r.mark, "a captured element exceeds %d bytes", r.lim.Subtree)
			return false
		}
	}
	want := max(have, 1)
	if keep > 0 && (keep >= len(r.buf)/2 || len(r.buf)-pad-r.end < want) {
		r.shift(keep)
	}
	if len(r.buf)-pad-r.end < want {
		grown := make([]byte, max(2*len(r.buf), r.end+want+pad))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	got, idle := 0, 0
	for got < want {
		n, err := r.src.Read(r.buf[r.end : len(r.buf)-pad])
		if n < 0 || n > len(r.buf)-pad-r.end {
			r.err = errors.New("read document: reader returned an impossible count")
			return false
		}
		r.end += n
		got += n
		if err == io.EOF {
			r.eof = true
			break
		}
		if err != nil {
			r.err = fmt.Errorf("read document after %d bytes: %w", r.base+int64(r.end), err)
			break
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			r.err = fmt.Errorf("read document after %d bytes: %w", r.base+int64(r.end), io.ErrNoProgress)
			break
		}
	}
	clear(r.buf[r.end : r.end+pad])
	if r.base+int64(r.end) > r.lim.Bytes && r.err == nil {
		r.fail(CodeLimitBytes, r.tok, "the document exceeds %d bytes", r.lim.Bytes)
	}
	return r.err == nil
}

// shift drops the first n bytes of the buffer, which no token needs any more.
func (r *Reader) shift(n int) {
	r.advanceLine(n)
	copy(r.buf, r.buf[n:r.end])
	r.end -= n
	r.pos -= n
	r.tok -= n
	r.lineAt -= n
	r.base += int64(n)
	if r.mark >= 0 {
		r.mark -= n
	}
	clear(r.buf[r.end : r.end+pad])
}

// advanceLine moves the remembered line and column to buffer index i. Lines
// are counted only here: when somebody asks, or when bytes leave the buffer.
func (r *Reader) advanceLine(i int) {
	if i <= r.lineAt {
		return
	}
	r.line, r.column = r.lineFrom(i)
	r.lineAt = i
}

func (r *Reader) lineFrom(i int) (line, column int) {
	seen := r.buf[r.lineAt:i]
	line, column = r.line, r.column
	if n := bytes.Count(seen, newline); n > 0 {
		line += n
		column = 1
		seen = seen[bytes.LastIndexByte(seen, '\n')+1:]
	}
	return line, column + utf8.RuneCount(seen)
}

var newline = []byte{'\n'}

// posAt gives the position of buffer index i, which must not lie before the
// last position that advanceLine moved to.
func (r *Reader) posAt(i int) Pos {
	i = min(max(i, r.lineAt), r.end)
	line, column := r.lineFrom(i)
	return Pos{Line: line, Column: column, Offset: r.base + int64(i)}
}

// fail records the first error of the document; i is a buffer index.
func (r *Reader) fail(code Code, i int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Code: code, Pos: r.posAt(i), Msg: fmt.Sprintf(format, args...)}
	}
}
