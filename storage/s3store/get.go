package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"feedmill/storage"
)

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	body, info, err := s.open(ctx, key, r)
	if err != nil {
		return nil, storage.Info{}, fmt.Errorf("open %q: %w", key, classify(err))
	}
	return body, info, nil
}

func (s *Store) open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	if err := errors.Join(s.checkKey(key), ctx.Err()); err != nil {
		return nil, storage.Info{}, err
	}
	if _, err := r.Clip(math.MaxInt64); err != nil {
		return nil, storage.Info{}, err
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: s.key(key)}
	if r != (storage.Range{}) {
		in.Range = aws.String(rangeHeader(r))
	}
	out, err := s.client.GetObject(ctx, in)
	if isRange(err) {
		return s.openOutside(ctx, key, r, err)
	}
	if err != nil {
		return nil, storage.Info{}, err
	}
	if out.ContentLength == nil && aws.ToString(out.ContentRange) == "" {
		// Something on the way passes answers on in pieces of its own. What it says of
		// HEAD is whole.
		info, _, err := s.head(ctx, key)
		if err != nil {
			out.Body.Close()
			return nil, storage.Info{}, err
		}
		out.ContentLength = &info.Size
	}
	body, info, n, err := part(key, r, out)
	if err != nil {
		return nil, storage.Info{}, err
	}
	first := &received{store: s, ctx: ctx, key: key, of: versionOf(info.Size, out), body: body, at: r.Off, left: n}
	return &storage.Body{Ctx: ctx, From: first, Left: n}, info, nil
}

// part finds in an answer the n bytes that were asked for. Without them it closes
// the answer.
func part(key string, r storage.Range, out *s3.GetObjectOutput) (body io.ReadCloser, info storage.Info, n int64, err error) {
	info = infoOf(key, out.Metadata, out.ContentType, out.ContentEncoding, out.LastModified)
	length := aws.ToInt64(out.ContentLength)
	from := int64(0) // of the answer's first byte
	info.Size = length
	if h := aws.ToString(out.ContentRange); h != "" {
		if from, length, info.Size, err = parseContentRange(h, out.ContentLength); err != nil {
			out.Body.Close()
			return nil, storage.Info{}, 0, err
		}
	}
	n, err = r.Clip(info.Size)
	if err == nil && (from > r.Off || from+length < r.Off+n) {
		err = fmt.Errorf("asked for %d bytes at %d, got %d at %d", n, r.Off, length, from)
	}
	if err == nil {
		// A server may ignore the range and send everything.
		_, err = io.CopyN(io.Discard, out.Body, r.Off-from)
	}
	if err != nil {
		out.Body.Close()
		return nil, storage.Info{}, 0, err
	}
	return out.Body, info, n, nil
}

// openOutside tells a range outside the object from one that merely asks for
// the beginning of an empty one, for which servers answer 416 too.
func (s *Store) openOutside(ctx context.Context, key string, r storage.Range, cause error) (io.ReadCloser, storage.Info, error) {
	info, _, err := s.head(ctx, key)
	if err != nil {
		return nil, storage.Info{}, err
	}
	if info.Size == 0 && r.Off == 0 {
		return io.NopCloser(strings.NewReader("")), info, nil
	}
	return nil, storage.Info{}, fmt.Errorf("bytes %d+%d of %d: %w (%w)", r.Off, r.Len, info.Size, storage.ErrRange, cause)
}

func rangeHeader(r storage.Range) string {
	h := "bytes=" + strconv.FormatInt(r.Off, 10) + "-"
	// No object is that long, and servers add up the numbers carelessly.
	const beyond = 1 << 50
	if r.Len > 0 && r.Off < beyond && r.Len < beyond {
		h += strconv.FormatInt(r.Off+r.Len-1, 10)
	}
	return h
}

// parseContentRange reads "bytes 10-14/1000" (RFC 9110, 14.4) of an answer that says
// how long it is, or does not.
func parseContentRange(h string, declared *int64) (from, length, size int64, err error) {
	span, total, ok := strings.Cut(strings.TrimPrefix(h, "bytes "), "/")
	first, last, ok2 := strings.Cut(span, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	size, err3 := strconv.ParseInt(total, 10, 64)
	if !ok || !ok2 || errors.Join(err1, err2, err3) != nil || from < 0 || to < from || to >= size || declared != nil && to-from+1 != *declared {
		return 0, 0, 0, fmt.Errorf("answer with Content-Range %q and %d bytes makes no sense", h, aws.ToInt64(declared))
	}
	return from, to - from + 1, size, nil
}

// List implements storage.Store. What is no valid key, such as the marker of a
// folder, is listed with Size -1.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := s.list(ctx, prefix, yield); err != nil {
			yield(storage.Info{}, fmt.Errorf("list %q: %w", prefix, classifyListing(err)))
		}
	}
}

func (s *Store) list(ctx context.Context, prefix string, yield func(storage.Info, error) bool) error {
	if err := storage.CheckPrefix(prefix); err != nil {
		return err
	}
	// Names of others may have characters that XML cannot hold.
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.key(prefix), EncodingType: types.EncodingTypeUrl}
	last := ""
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := s.client.ListObjectsV2(ctx, in)
		if err == nil {
			err = checkListing(page)
		}
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := ctx.Err(); err != nil {
				return err
			}
			name := aws.ToString(o.Key)
			if page.EncodingType == types.EncodingTypeUrl {
				if name, err = url.QueryUnescape(name); err != nil {
					return fmt.Errorf("the server lists a name that cannot be read: %w", err)
				}
			}
			key, ok := strings.CutPrefix(name, s.prefix)
			if !ok || !strings.HasPrefix(key, prefix) {
				return fmt.Errorf("the server lists %q, which was not asked for", name)
			}
			// Who merges listings with sorted records must not be given others.
			if key <= last && last != "" {
				return fmt.Errorf("the server lists %q after %q", key, last)
			}
			last = key
			info := storage.Info{Key: key, Size: aws.ToInt64(o.Size), Modified: modifiedOf(o.LastModified)}
			if storage.CheckKey(key) != nil {
				info.Size = -1
			}
			if !yield(info, nil) {
				return nil
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		if aws.ToString(page.NextContinuationToken) == "" {
			return errors.New("the server says that the listing goes on, but not where")
		}
		in.ContinuationToken = page.NextContinuationToken
	}
}

// checkListing reports an answer that is no listing. A page that asks to sign in, or
// tells of maintenance, would pass for an empty bucket.
func checkListing(page *s3.ListObjectsV2Output) error {
	if page.Name == nil && page.KeyCount == nil && page.MaxKeys == nil && page.IsTruncated == nil && len(page.Contents) == 0 {
		return errors.New("the answer is no listing: what answers is no S3 store, or something on the way to it")
	}
	return nil
}

// SweepUploads aborts the multipart uploads below the store's prefix that are
// feedmill's and were begun more than olderThan ago, and returns how many those
// were. They hold parts that are paid for and never become visible. olderThan must
// be longer than any upload takes; a day is a good choice.
func (s *Store) SweepUploads(ctx context.Context, olderThan time.Duration) (int, error) {
	n, err := s.staleUploads(ctx, s.now().Add(-olderThan), true)
	if err != nil {
		return n, fmt.Errorf("sweep uploads: %w", classify(err))
	}
	return n, nil
}

// CountStaleUploads returns how many uploads SweepUploads would abort.
func (s *Store) CountStaleUploads(ctx context.Context, olderThan time.Duration) (int, error) {
	n, err := s.staleUploads(ctx, s.now().Add(-olderThan), false)
	if err != nil {
		return n, fmt.Errorf("count stale uploads: %w", classify(err))
	}
	return n, nil
}

func (s *Store) staleUploads(ctx context.Context, before time.Time, abort bool) (int, error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: s.key("")}
	found := 0
	for {
		page, err := s.client.ListMultipartUploads(ctx, in)
		if _, code := answer(err); code == "NoSuchUpload" {
			return found, nil // what rclone says of a bucket that never had one
		}
		if err != nil {
			return found, err
		}
		for _, up := range page.Uploads {
			// Not every server obeys the prefix or tells the time.
			key, below := strings.CutPrefix(aws.ToString(up.Key), s.prefix)
			if !below || up.Initiated == nil || !up.Initiated.Before(before) || s.ours != nil && !s.ours(key) {
				continue
			}
			if abort {
				_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: up.Key, UploadId: up.UploadId})
				if err != nil && !isNotFound(err) {
					return found, err
				}
			}
			found++
		}
		if !aws.ToBool(page.IsTruncated) {
			return found, nil
		}
		if page.NextKeyMarker == nil && page.NextUploadIdMarker == nil {
			return found, errors.New("the server says that the listing goes on, but not where")
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}
