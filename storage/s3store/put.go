package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"feedmill/internal/crash"
	"feedmill/storage"
)

func (s *Store) put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	if err := errors.Join(s.checkKey(key), attrs.Check(), ctx.Err()); err != nil {
		return storage.Info{}, err
	}
	u := &upload{Store: s, key: key, attrs: attrs, token: newToken(), in: storage.NewIntake(ctx, body, size, attrs.SHA256)}
	if u.attrs.ContentType == "" {
		u.attrs.ContentType = storage.DefaultContentType
	}
	if err := u.checkFree(ctx); err != nil {
		return storage.Info{}, err
	}
	u.partSize = s.partSize
	if size > s.partSize*maxParts {
		u.partSize = (size + maxParts - 1) / maxParts
	}
	first, err := u.fill(u.firstBuffer(size))
	if err == io.EOF {
		return u.single(ctx, first)
	}
	if err != nil {
		return storage.Info{}, err
	}
	return u.multipart(ctx, first)
}

// upload is one Put under way.
type upload struct {
	*Store
	key      string
	attrs    storage.Attrs
	token    string
	in       *storage.Intake
	partSize int64
}

// checkFree spares an upload that must not replace what is there. Two uploads can
// pass it at once, as the contract says.
func (u *upload) checkFree(ctx context.Context) error {
	old, _, err := u.head(ctx, u.key)
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return err
	case old.Immutable || u.attrs.Immutable:
		return storage.ErrExist
	}
	return nil
}

// firstBuffer makes room for a body of the declared size, plus one byte by
// which its end is noticed, but never more than a part.
func (u *upload) firstBuffer(size int64) []byte {
	const unknown = 64 << 10
	room := u.partSize
	switch {
	case size < 0:
		room = unknown
	case size < u.partSize:
		room = size + 1
	}
	return make([]byte, 0, room)
}

// fill reads a part into b, which grows to partSize as needed. The error is
// io.EOF when the body has ended as declared.
func (u *upload) fill(b []byte) ([]byte, error) {
	for int64(len(b)) < u.partSize {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(int64(4*cap(b)), u.partSize))
			copy(grown, b)
			b = grown
		}
		n, err := u.in.Read(b[len(b):min(int64(cap(b)), u.partSize)])
		b = b[:len(b)+n]
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

func (u *upload) single(ctx context.Context, b []byte) (storage.Info, error) {
	u.attrs.SHA256 = u.in.Sum()
	_, err := u.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &u.bucket, Key: u.Store.key(u.key),
		Body: bytes.NewReader(b), ContentLength: aws.Int64(int64(len(b))),
		ContentType: &u.attrs.ContentType, ContentEncoding: optional(u.attrs.ContentEncoding),
		Metadata: metadata(u.attrs, u.token),
	})
	crash.Point("s3store.put.sent")
	return u.settle(ctx, err)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// multipart sends first and what follows it in parts.
func (u *upload) multipart(ctx context.Context, first []byte) (storage.Info, error) {
	id, err := u.begin(ctx)
	if err != nil {
		return storage.Info{}, err // if it took effect after all, SweepUploads finds it
	}
	crash.Point("s3store.multipart.created")
	parts, err := u.sendParts(ctx, id, first)
	if err != nil {
		return storage.Info{}, errors.Join(err, u.abort(ctx, id))
	}
	return u.complete(ctx, id, parts)
}

// begin begins an upload in parts and returns its id.
func (u *upload) begin(ctx context.Context) (*string, error) {
	created, err := u.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &u.bucket, Key: u.Store.key(u.key),
		ContentType: &u.attrs.ContentType, ContentEncoding: optional(u.attrs.ContentEncoding),
		Metadata: metadata(u.attrs, u.token),
	})
	if err != nil {
		return nil, err
	}
	return created.UploadId, nil
}

// complete makes an object of the parts that were sent.
func (u *upload) complete(ctx context.Context, id *string, parts []types.CompletedPart) (storage.Info, error) {
	crash.Point("s3store.multipart.completing")
	_, err := u.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.bucket, Key: u.Store.key(u.key), UploadId: id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	crash.Point("s3store.multipart.completed")
	info, settled := u.settle(ctx, err)
	if err != nil && settled != nil {
		settled = errors.Join(settled, u.abort(ctx, id))
	}
	return info, settled
}

func (u *upload) sendPart(ctx context.Context, id *string, number int32, b []byte) (types.CompletedPart, error) {
	out, err := u.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.bucket, Key: u.Store.key(u.key), UploadId: id, PartNumber: &number,
		Body: bytes.NewReader(b), ContentLength: aws.Int64(int64(len(b))),
	})
	switch {
	case err != nil:
		return types.CompletedPart{}, err
	case aws.ToString(out.ETag) == "":
		// By which a part is named when the object is made of them.
		return types.CompletedPart{}, storage.Permanent(errors.New("the answer has no ETag: the store, or something on the way to it, drops that header"))
	}
	return types.CompletedPart{ETag: out.ETag, PartNumber: &number}, nil
}

// sendParts uploads the body's parts, at most u.concurrency at a time, and
// returns them in order when the body has ended as declared.
func (u *upload) sendParts(ctx context.Context, id *string, part []byte) ([]types.CompletedPart, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// One buffer is filled while the others are sent.
	free := make(chan []byte, u.concurrency+1)
	for range u.concurrency {
		free <- nil // made when first needed
	}
	slots := make(chan struct{}, u.concurrency)
	var mu sync.Mutex
	var done []types.CompletedPart
	var wg sync.WaitGroup
	send := func(number int32, b []byte) {
		part, err := u.sendPart(ctx, id, number, b)
		if err != nil {
			cancel(fmt.Errorf("part %d: %w", number, err))
			return
		}
		crash.Point("s3store.multipart.part")
		mu.Lock()
		defer mu.Unlock()
		done = append(done, part)
	}

	var readErr error
	for number := int32(1); len(part) > 0; number++ {
		if number > maxParts {
			readErr = storage.Permanent(fmt.Errorf("more than %d parts of %d bytes; declare the length or raise the part size", maxParts, u.partSize))
			break
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		sending := part
		wg.Go(func() {
			send(number, sending)
			free <- sending
			<-slots
		})
		if readErr != nil {
			break // that was the last part
		}
		part = <-free
		if part == nil {
			part = make([]byte, 0, u.partSize)
		}
		if part, readErr = u.fill(part[:0]); readErr != nil && readErr != io.EOF {
			cancel(readErr)
			break
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if readErr != io.EOF {
		return nil, readErr
	}
	slices.SortFunc(done, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	return done, nil
}

// abort drops an upload's parts. The server may be busy with one of them and
// keep it; SweepUploads comes by later.
func (u *upload) abort(ctx context.Context, id *string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := u.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.bucket, Key: u.Store.key(u.key), UploadId: id})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("abort the upload: %w", err)
	}
	return nil
}

// matches reports whether info describes what was sent.
func (u *upload) matches(info storage.Info) bool {
	return info.Size == u.in.Size() && (info.SHA256.IsZero() || info.SHA256 == u.in.Sum())
}

// settle finds out what has become of an upload whose last request ended with
// cause, nil included.
func (u *upload) settle(ctx context.Context, cause error) (storage.Info, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	info, token, err := u.head(ctx, u.key)
	// Some servers keep the metadata apart from the bytes, and while a rival is
	// at work show ours beside his length for a moment.
	for range 3 {
		if err != nil || token != u.token || u.matches(info) {
			break
		}
		info, token, err = u.head(ctx, u.key)
	}
	switch {
	case isNotFound(err) && cause != nil:
		return storage.Info{}, cause
	case isNotFound(err):
		return storage.Info{}, fmt.Errorf("stored, but not found afterwards: %w", storage.ErrUnsettled)
	case err != nil:
		return storage.Info{}, errors.Join(storage.ErrUnsettled, cause, err)
	}
	sum := u.in.Sum()
	switch {
	case token == u.token:
		if !u.matches(info) {
			return storage.Info{}, fmt.Errorf("sent %d bytes of sha-256 %s, stored %d of %s: %w", u.in.Size(), sum, info.Size, info.SHA256, storage.ErrDamaged)
		}
		info.SHA256 = sum
		return info, nil
	case u.attrs.Immutable && cause != nil:
		return storage.Info{}, fmt.Errorf("%w: %w", storage.ErrExist, cause)
	case u.attrs.Immutable:
		// Also when there is no token: a server that keeps metadata apart from
		// the bytes may not have written those of a rival yet. One that never
		// keeps it is named below.
		if token == "" {
			return storage.Info{}, fmt.Errorf("%w, and has none of the metadata that feedmill gives: the store, or something on the way to it, drops x-amz-meta- headers", storage.ErrExist)
		}
		return storage.Info{}, storage.ErrExist
	case cause != nil:
		return storage.Info{}, cause
	}
	// Ours was there and has been replaced since.
	attrs := u.attrs
	attrs.SHA256 = sum
	return storage.Info{Key: u.key, Size: u.in.Size(), Attrs: attrs}, nil
}
