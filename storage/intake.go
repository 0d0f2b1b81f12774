package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Intake reads the body of a Put for a store: it counts and hashes what passes,
// ends with the context, and reports io.EOF only when length and hash are what
// was declared. A store that makes an object visible only after io.EOF cannot
// make a wrong one visible.
type Intake struct {
	ctx  context.Context
	body io.Reader
	size int64
	want Digest
	hash hash.Hash
	n    int64
	err  error
}

// NewIntake returns an Intake of body with the declared size (-1 when unknown)
// and hash (zero when unknown).
func NewIntake(ctx context.Context, body io.Reader, size int64, want Digest) *Intake {
	return &Intake{ctx: ctx, body: body, size: size, want: want, hash: sha256.New()}
}

// Read implements io.Reader. After an error it returns that error for ever.
func (t *Intake) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if t.err = t.ctx.Err(); t.err != nil {
		return 0, t.err
	}
	n, err := t.body.Read(p)
	t.hash.Write(p[:n])
	t.n += int64(n)
	switch {
	case t.size >= 0 && t.n > t.size:
		t.err = fmt.Errorf("more than %d bytes: %w", t.size, ErrLength)
	case err == io.EOF:
		t.err = t.end()
	case err != nil:
		t.err = fmt.Errorf("read body: %w", err)
	}
	return n, t.err
}

func (t *Intake) end() error {
	if t.size >= 0 && t.n != t.size {
		return fmt.Errorf("%d bytes instead of %d: %w", t.n, t.size, ErrLength)
	}
	if !t.want.IsZero() && t.Sum() != t.want {
		return fmt.Errorf("sha-256 %s instead of %s: %w", t.Sum(), t.want, ErrDigest)
	}
	// A context that ended while the last bytes were read still counts.
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return io.EOF
}

// Err returns nil when the body has ended as declared, or what is wrong.
func (t *Intake) Err() error {
	switch {
	case t.err == io.EOF:
		return nil
	case t.err == nil:
		return errors.New("body was not read to its end")
	}
	return t.err
}

// Size returns the number of bytes read so far.
func (t *Intake) Size() int64 { return t.n }

// Sum returns the SHA-256 of the bytes read so far.
func (t *Intake) Sum() Digest { return Digest(t.hash.Sum(nil)) }
