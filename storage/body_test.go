package storage_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"feedmill/storage"
)

// A body gives what was promised and not a byte more, and says what is missing.
func TestBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left int64
		want string
		err  error
	}{{0, "", nil}, {4, "abcd", nil}, {6, "abcdef", nil}, {7, "abcdef", io.ErrUnexpectedEOF}} {
		got, err := io.ReadAll(&storage.Body{Ctx: t.Context(), From: io.NopCloser(strings.NewReader("abcdef")), Left: c.left})
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d bytes: got %q, %v, want %q, %v", c.left, got, err, c.want, c.err)
		}
	}
}

// breaking fails once its context has ended, in its own words.
type breaking struct {
	end context.CancelFunc
	err error
}

func (b breaking) Read([]byte) (int, error) { b.end(); return 0, b.err }
func (b breaking) Close() error             { return nil }

func TestBodyAfterItsContext(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	cut := errors.New("connection cut")
	b := &storage.Body{Ctx: ctx, From: breaking{end, cut}, Left: 3}
	if _, err := b.Read(make([]byte, 3)); !errors.Is(err, context.Canceled) || !errors.Is(err, cut) {
		t.Errorf("got %v, want both that the context has ended and what the connection said", err)
	}
	if n, err := b.Read(make([]byte, 3)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d bytes, %v, want none and %v", n, err, context.Canceled)
	}
}
