package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"feedmill/storage"
)

// Capabilities are the conditional writes that a server was seen to honour.
// They harden what does not depend on them.
type Capabilities struct {
	// CreateOnly: PutObject with If-None-Match creates a key once, also when
	// several try at the same time.
	CreateOnly bool
	// CreateOnlyParts: CompleteMultipartUpload with If-None-Match does.
	CreateOnlyParts bool
	// CompareAndSwap: PutObject with If-Match replaces only the version named.
	CompareAndSwap bool
	// Notes say for people what was answered where one of them is false.
	Notes []string
}

// Probe checks with objects of its own that the bucket can be used as the
// contract needs (put, see at once, read back with metadata, list, delete), and
// finds out which conditional writes work. An error means that the store is
// not fit for use. From then on the Store uses create-only writes for immutable
// keys if both kinds work.
//
// The objects are named "probe/<random>" and removed again.
func (s *Store) Probe(ctx context.Context) (Capabilities, error) {
	p := &prober{Store: s, ctx: ctx, base: "probe/" + strings.ToLower(newToken())}
	err := p.basics()
	if err == nil {
		p.createOnly()
		p.createOnlyParts()
		p.compareAndSwap()
	}
	cleanCtx, cancel := detached(ctx)
	defer cancel()
	for _, key := range p.made {
		err = errors.Join(err, s.Delete(cleanCtx, key))
	}
	if err == nil {
		err = ctx.Err() // then nothing was proved
	}
	if err != nil {
		return Capabilities{}, fmt.Errorf("probe bucket %q: %w", s.bucket, classify(err))
	}
	s.createOnly.Store(p.caps.CreateOnly && p.caps.CreateOnlyParts)
	return p.caps, nil
}

type prober struct {
	*Store
	ctx  context.Context
	base string
	made []string
	caps Capabilities
}

func (p *prober) name(suffix string) string {
	key := p.base + "-" + suffix
	p.made = append(p.made, key)
	return key
}

func (p *prober) note(format string, args ...any) {
	p.caps.Notes = append(p.caps.Notes, fmt.Sprintf(format, args...))
}

func (p *prober) basics() error {
	body := []byte("feedmill probe")
	key := p.name("basics")
	// Without the caller's earlier findings, which a new server may not share.
	p.Store.createOnly.Store(false)
	want, err := p.Put(p.ctx, key, bytes.NewReader(body), int64(len(body)),
		storage.Attrs{ContentType: "text/plain", ContentEncoding: "identity", Immutable: true})
	if err != nil {
		return err
	}
	r, got, err := storage.OpenVerified(p.ctx, p.Store, key, int64(len(body)), storage.Sum(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if got.Attrs != want.Attrs {
		return storage.Permanent(fmt.Errorf("attributes come back as %+v instead of %+v", got.Attrs, want.Attrs))
	}
	listed := 0
	for info, err := range p.List(p.ctx, key) {
		if err != nil {
			return err
		}
		if info.Key == key {
			listed++
		}
	}
	if listed != 1 {
		return storage.Permanent(fmt.Errorf("a new object is listed %d times", listed))
	}
	if err := p.Delete(p.ctx, key); err != nil {
		return err
	}
	if _, err := p.Stat(p.ctx, key); !errors.Is(err, storage.ErrNotExist) {
		return storage.Permanent(fmt.Errorf("a deleted object is still there (%v)", err))
	}
	return nil
}

// conditionalPut returns the ETag. One attempt only: a repetition by the SDK
// after a lost answer would look like a refusal.
func (p *prober) conditionalPut(key, body string, ifNoneMatch, ifMatch *string) (string, error) {
	out, err := p.client.PutObject(p.ctx, &s3.PutObjectInput{
		Bucket: &p.bucket, Key: p.Store.key(key), Body: bytes.NewReader([]byte(body)),
		IfNoneMatch: ifNoneMatch, IfMatch: ifMatch,
	}, once)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

func once(o *s3.Options) { o.RetryMaxAttempts = 1; o.Retryer = aws.NopRetryer{} }

// refused reports whether err is the answer to a condition that does not hold,
// and writes down any other.
func (p *prober) refused(what string, err error) bool {
	status, code := answer(err)
	switch {
	case err == nil:
		p.note("%s: the condition is ignored", what)
	case status == http.StatusPreconditionFailed:
		return true
	default:
		p.note("%s: status %d %s", what, status, code)
	}
	return false
}

func (p *prober) createOnly() {
	const what = "PutObject If-None-Match"
	any := aws.String("*")
	key := p.name("create")
	if _, err := p.conditionalPut(key, "1", any, nil); err != nil {
		status, code := answer(err)
		p.note("%s on a new key: status %d %s", what, status, code)
		return
	}
	_, err := p.conditionalPut(key, "2", any, nil)
	if !p.refused(what, err) {
		return
	}
	const rivals = 8
	key = p.name("race")
	errs := make([]error, rivals)
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() { _, errs[i] = p.conditionalPut(key, fmt.Sprint(i), any, nil) })
	}
	wg.Wait()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
		}
	}
	if winners != 1 {
		p.note("%s: %d of %d rivals succeeded", what, winners, rivals)
		return
	}
	p.caps.CreateOnly = true
}

func (p *prober) createOnlyParts() {
	const what = "CompleteMultipartUpload If-None-Match"
	key := p.name("parts")
	if err := p.completeNew(key); err != nil {
		status, code := answer(err)
		p.note("%s on a new key: status %d %s", what, status, code)
		return
	}
	p.caps.CreateOnlyParts = p.refused(what, p.completeNew(key))
}

// completeNew makes an object of one part under a key that must be new.
func (p *prober) completeNew(key string) error {
	created, err := p.client.CreateMultipartUpload(p.ctx, &s3.CreateMultipartUploadInput{Bucket: &p.bucket, Key: p.Store.key(key)})
	if err != nil {
		return err
	}
	part, err := p.client.UploadPart(p.ctx, &s3.UploadPartInput{
		Bucket: &p.bucket, Key: p.Store.key(key), UploadId: created.UploadId, PartNumber: aws.Int32(1),
		Body: bytes.NewReader([]byte("one small part")),
	})
	if err == nil {
		_, err = p.client.CompleteMultipartUpload(p.ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &p.bucket, Key: p.Store.key(key), UploadId: created.UploadId, IfNoneMatch: aws.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
		}, once)
	}
	if err != nil {
		u := &upload{Store: p.Store, key: key}
		if abortErr := u.abort(p.ctx, created.UploadId); abortErr != nil {
			p.note("abort of a probe upload: %v", abortErr)
		}
	}
	return err
}

func (p *prober) compareAndSwap() {
	const what = "PutObject If-Match"
	key := p.name("swap")
	old, err := p.conditionalPut(key, "1", nil, nil)
	if err != nil {
		p.note("%s: %v", what, err)
		return
	}
	if _, err := p.conditionalPut(key, "2", nil, &old); err != nil {
		status, code := answer(err)
		p.note("%s with the right ETag: status %d %s", what, status, code)
		return
	}
	_, err = p.conditionalPut(key, "3", nil, &old)
	p.caps.CompareAndSwap = p.refused(what, err)
}
