package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"feedmill/storage"
)

// received is the body of an answer. When it breaks off, the rest is asked for.
type received struct {
	store *Store
	ctx   context.Context
	key   string
	of    version
	body  io.ReadCloser
	at    int64 // of the next byte
	left  int64
	idle  int // answers in a row that brought nothing
	err   error
}

// version tells whether two answers are about the same object: keys may be used
// again by others than feedmill.
type version struct {
	size       int64
	tag, token string
}

func versionOf(size int64, out *s3.GetObjectOutput) version {
	return version{size, aws.ToString(out.ETag), out.Metadata[metaToken]}
}

// Read implements io.Reader.
func (b *received) Read(p []byte) (int, error) {
	for b.err == nil {
		n, err := b.body.Read(p[:min(int64(len(p)), b.left)])
		b.at += int64(n)
		b.left -= int64(n)
		if n > 0 {
			b.idle = 0
		}
		switch {
		case b.left == 0:
			b.err = io.EOF
		case err == io.EOF:
			b.resume(io.ErrUnexpectedEOF)
		case err != nil:
			b.resume(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// resume opens the rest after cause, or else ends the body.
func (b *received) resume(cause error) {
	b.idle++
	if b.ctx.Err() != nil || standsStill(cause) || b.idle >= b.store.patience.attempts {
		b.end(cause)
		return
	}
	if b.idle > 1 {
		delay, _ := b.store.patience.RetryDelay(b.idle, cause)
		select {
		case <-time.After(delay):
		case <-b.ctx.Done():
		}
	}
	rest := storage.Range{Off: b.at, Len: b.left}
	out, err := b.store.client.GetObject(b.ctx, &s3.GetObjectInput{
		Bucket: &b.store.bucket, Key: b.store.key(b.key), Range: aws.String(rangeHeader(rest)),
	})
	if err != nil {
		b.end(err)
		return
	}
	body, info, _, err := part(b.key, rest, out)
	if err != nil {
		b.end(err)
		return
	}
	if versionOf(info.Size, out) != b.of {
		body.Close()
		b.end(cause)
		return
	}
	b.body.Close()
	b.body = body
}

// end ends the body with what a reader must not take for the object's end.
func (b *received) end(cause error) {
	switch b.err = classify(cause); {
	case b.ctx.Err() != nil, errors.Is(b.err, storage.ErrBusy), storage.IsPermanent(b.err):
	default:
		b.err = fmt.Errorf("%w: the answer broke off: %w", storage.ErrBusy, cause)
	}
}

// Close implements io.Closer.
func (b *received) Close() error { return b.body.Close() }
