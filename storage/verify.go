package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// heldBack is how many bytes at the end of an object are not handed out before
// its hash is known to be right.
const heldBack = 64 << 10

// OpenVerified opens the whole object and checks it against the length and
// SHA-256 that the caller has on record. A mismatch is reported as ErrDamaged
// in place of the object's last 64 KiB (all of it, if it is shorter), so who
// passes the bytes on can break the connection while the other side still
// knows that something is missing.
func OpenVerified(ctx context.Context, s Store, key string, size int64, sum Digest) (io.ReadCloser, Info, error) {
	body, info, err := s.Open(ctx, key, Range{})
	if err != nil {
		return nil, Info{}, err
	}
	if info.Size != size {
		body.Close()
		return nil, Info{}, fmt.Errorf("open %q: %d bytes instead of %d: %w", key, info.Size, size, ErrDamaged)
	}
	return &verifiedBody{Verifier: NewVerifier(body, size, sum), body: body}, info, nil
}

type verifiedBody struct {
	*Verifier
	body io.Closer
}

func (b *verifiedBody) Close() error { return b.body.Close() }

// Verifier passes bytes on while it hashes them, always 64 KiB behind, and
// hands out those last ones only when length and SHA-256 are right.
type Verifier struct {
	r    io.Reader
	size int64
	want Digest
	hash hash.Hash
	seen int64

	buf  []byte // read, hashed, not yet handed out: buf[from:to]
	from int
	to   int
	idle int   // reads in a row that gave nothing
	err  error // what follows the held bytes; io.EOF means verified
}

// NewVerifier returns a Verifier of r, which has to yield size bytes with the
// SHA-256 sum.
func NewVerifier(r io.Reader, size int64, sum Digest) *Verifier {
	// Small objects need no more room than one byte past their end, by which
	// a longer one is noticed.
	room := int64(2 * heldBack)
	if size >= 0 && size < room {
		room = size + 1
	}
	return &Verifier{r: r, size: size, want: sum, hash: sha256.New(), buf: make([]byte, room)}
}

// Read implements io.Reader. It reports ErrDamaged when the bytes are not the
// expected ones, and any other error of the reader beneath as it is.
func (v *Verifier) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for v.err == nil && v.to-v.from <= heldBack {
		v.fill()
	}
	free := v.to - v.from
	switch {
	case v.err == nil:
		free -= heldBack
	case v.err != io.EOF || free == 0:
		return 0, v.err
	}
	n := copy(p, v.buf[v.from:v.from+free])
	v.from += n
	return n, nil
}

func (v *Verifier) fill() {
	if v.to == len(v.buf) {
		v.to = copy(v.buf, v.buf[v.from:v.to])
		v.from = 0
	}
	n, err := v.r.Read(v.buf[v.to:])
	if v.idle++; n > 0 {
		v.idle = 0
	}
	v.hash.Write(v.buf[v.to : v.to+n])
	v.to += n
	v.seen += int64(n)
	switch {
	case v.seen > v.size:
		v.err = fmt.Errorf("more than %d bytes: %w", v.size, ErrDamaged)
	case err == io.EOF:
		v.err = v.end()
	case err != nil:
		v.err = err
	case v.idle == 100:
		v.err = io.ErrNoProgress
	}
}

func (v *Verifier) end() error {
	if v.seen != v.size {
		return fmt.Errorf("%d bytes instead of %d: %w", v.seen, v.size, ErrDamaged)
	}
	if got := Digest(v.hash.Sum(nil)); got != v.want {
		return fmt.Errorf("sha-256 %s instead of %s: %w", got, v.want, ErrDamaged)
	}
	return io.EOF
}
