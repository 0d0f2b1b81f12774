package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"feedmill/internal/crash"
	"feedmill/storage"
)

const (
	// DefaultPartSize is the length of a part of a multipart upload in bytes.
	DefaultPartSize = 8 << 20
	// MinPartSize is the least length S3 allows for all parts but the last.
	MinPartSize = 5 << 20
	// DefaultConcurrency is how many parts of one upload are sent at a time.
	DefaultConcurrency = 2

	maxParts = 10_000
	// settleTime bounds the requests that find out or clean up after the
	// caller's context has ended.
	settleTime = 30 * time.Second
)

// Config says where the bucket is and how to use it.
type Config struct {
	// Endpoint is the URL of the server, such as "https://s3.example.com".
	Endpoint string
	// Region is what the server's signatures expect; "" means "us-east-1".
	Region string
	// Bucket is the name of an existing bucket.
	Bucket string
	// Prefix is put before every key. It is "" or a valid key followed by "/".
	// S3 counts it: keys may be that much shorter than storage.MaxKey.
	Prefix string
	// AccessKey, SecretKey and SessionToken are the credentials; the last one
	// may be "".
	AccessKey, SecretKey, SessionToken string
	// Fresh gives the credentials anew where somebody replaces them, as temporary ones
	// are. It is asked once a minute at most, and when the store does not take those in
	// use. Nil means that they never change.
	Fresh func() (Key, error)
	// PathStyle puts the bucket into the path instead of the host name.
	PathStyle bool
	// PartSize is the length of a part in bytes; 0 means DefaultPartSize.
	// It grows where a declared length needs more than 10,000 parts.
	PartSize int64
	// Concurrency is how many parts of one Put are sent at a time; 0 means
	// DefaultConcurrency. A Put holds one part more than that in memory.
	Concurrency int
	// Attempts is how often a request is tried, however long that takes; 0 means 3.
	Attempts int
	// Patience is how long after its first failure a request is tried beyond that, if
	// the store is there but refuses for the time being or breaks off; 0 means a
	// minute, less than 0 not at all.
	Patience time.Duration
	// MaxBackoff is the longest pause between two tries; 0 means 5 s.
	MaxBackoff time.Duration
	// Stall is how long a transfer under way may stand still before it is broken
	// off; 0 means a minute.
	Stall time.Duration
	// Client sends the requests; nil means one with sensible time limits.
	Client HTTPClient
	// Ours says of a key below Prefix whether uploads to it are feedmill's, which
	// SweepUploads may abort; nil means all.
	Ours func(key string) bool
	// Now is the clock for SweepUploads; nil means time.Now. Signatures use
	// the system's clock.
	Now func() time.Time
}

// HTTPClient is what *http.Client does.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// Store is a storage.Store in an S3 bucket.
type Store struct {
	client      *s3.Client
	bucket      string
	prefix      string
	partSize    int64
	concurrency int
	patience    patience
	ours        func(key string) bool
	now         func() time.Time
}

var _ storage.Store = (*Store)(nil)

// New returns a Store. It sends nothing; Look and Probe tell whether the bucket
// can be used.
func New(c Config) (*Store, error) {
	if err := checkEndpoint(c.Endpoint); err != nil {
		return nil, err
	}
	switch {
	case c.Bucket == "":
		return nil, errors.New("s3 bucket: none given")
	case c.AccessKey == "" || c.SecretKey == "":
		return nil, errors.New("s3 credentials: access key and secret key are needed")
	case c.PartSize != 0 && c.PartSize < MinPartSize:
		return nil, fmt.Errorf("s3 part size %d: want at least %d", c.PartSize, MinPartSize)
	case c.Concurrency < 0:
		return nil, fmt.Errorf("s3 concurrency %d: want at least 1", c.Concurrency)
	}
	if c.Prefix != "" {
		trimmed, ok := strings.CutSuffix(c.Prefix, "/")
		if err := storage.CheckKey(trimmed); err != nil || !ok {
			return nil, fmt.Errorf("s3 prefix %q: want a key followed by a slash: %w", c.Prefix, storage.ErrKey)
		}
	}
	s := &Store{bucket: c.Bucket, prefix: c.Prefix, partSize: c.PartSize, concurrency: c.Concurrency, patience: newPatience(c), ours: c.Ours, now: c.Now}
	if s.partSize == 0 {
		s.partSize = DefaultPartSize
	}
	if s.concurrency == 0 {
		s.concurrency = DefaultConcurrency
	}
	if s.now == nil {
		s.now = time.Now
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Client == nil {
		c.Client = newClient()
	}
	if c.Stall == 0 {
		c.Stall = defaultStall
	}
	keys := &keyring{fresh: c.Fresh, key: Key{c.AccessKey, c.SecretKey, c.SessionToken}, at: time.Now()}
	s.patience.keys = keys
	s.client = s3.New(s3.Options{
		BaseEndpoint:               aws.String(c.Endpoint),
		Region:                     c.Region,
		UsePathStyle:               c.PathStyle,
		HTTPClient:                 stallClient{c.Client, c.Stall},
		Credentials:                keys,
		HTTPSignerV4:               &signer{},
		Retryer:                    s.patience,
		APIOptions:                 []func(*middleware.Stack) error{withCall},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
	return s, nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case !strings.HasPrefix(endpoint, "http://") && !strings.HasPrefix(endpoint, "https://"):
		return fmt.Errorf("s3 endpoint %q: want a URL that begins with http:// or https://", endpoint)
	case err != nil:
		return errors.New("s3 endpoint: it is no URL") // which may hold a password
	case u.User != nil:
		return fmt.Errorf("s3 endpoint %q: want no user and password in it", u.Redacted())
	case u.Hostname() == "":
		return fmt.Errorf("s3 endpoint %q: it names no host", endpoint)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("s3 endpoint %q: want nothing behind ? or #", endpoint)
	}
	return nil
}

// checkKey is storage.CheckKey, with the prefix counted.
func (s *Store) checkKey(key string) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	if n := len(s.prefix) + len(key); n > storage.MaxKey {
		return fmt.Errorf("key of %d bytes with the prefix %q, at most %d are allowed: %w", n, s.prefix, storage.MaxKey, storage.ErrKey)
	}
	return nil
}

func (s *Store) key(key string) *string { return aws.String(s.prefix + key) }

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	info, err := s.put(ctx, key, body, size, attrs)
	if err != nil {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, classify(err))
	}
	return info, nil
}

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := errors.Join(s.checkKey(key), ctx.Err()); err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, err)
	}
	info, _, err := s.head(ctx, key)
	if err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, classify(err))
	}
	return info, nil
}

// head returns the Info of an object and the token of the upload that made it.
func (s *Store) head(ctx context.Context, key string) (storage.Info, string, error) {
	in := &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.key(key)}
	out, err := s.client.HeadObject(ctx, in)
	if mute(err) {
		// GET says why, and takes another key where the one in use is over.
		got, why := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key, Range: aws.String("bytes=0-0")})
		if why == nil {
			got.Body.Close()
		}
		silent, _ := answer(err)
		if said, code := answer(why); said == silent && code != "" {
			return storage.Info{}, "", why
		}
		out, err = s.client.HeadObject(ctx, in)
	}
	if err != nil {
		return storage.Info{}, "", err
	}
	info := infoOf(key, out.Metadata, out.ContentType, out.ContentEncoding, out.LastModified)
	info.Size = aws.ToInt64(out.ContentLength)
	return info, out.Metadata[metaToken], nil
}

// Names of user metadata. The server adds "x-amz-meta-".
const (
	metaToken     = "feedmill-upload"
	metaSHA256    = "feedmill-sha256"
	metaImmutable = "feedmill-immutable"
)

func metadata(attrs storage.Attrs, token string) map[string]string {
	m := map[string]string{metaToken: token}
	if !attrs.SHA256.IsZero() {
		m[metaSHA256] = attrs.SHA256.String()
	}
	if attrs.Immutable {
		m[metaImmutable] = "true"
	}
	return m
}

// modifiedOf leaves out the fraction of a second that listings tell and HEAD
// does not.
func modifiedOf(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Second) }

func infoOf(key string, meta map[string]string, contentType, encoding *string, modified *time.Time) storage.Info {
	info := storage.Info{
		Key: key,
		Attrs: storage.Attrs{
			ContentType: aws.ToString(contentType), ContentEncoding: aws.ToString(encoding),
			Immutable: meta[metaImmutable] == "true",
		},
		Modified: modifiedOf(modified),
	}
	if sum, err := storage.ParseDigest(meta[metaSHA256]); err == nil {
		info.SHA256 = sum
	}
	return info
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(s.checkKey(key), ctx.Err()); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: s.key(key)})
	crash.Point("s3store.delete.sent")
	if err == nil {
		return nil
	}
	// Who may not, names no bucket, or does not reach it has deleted nothing. HEAD would
	// take a bucket that is missing for an object that is gone.
	refused := classify(err)
	for _, is := range []error{storage.ErrDenied, storage.ErrWrongKey, storage.ErrExpired, storage.ErrNoBucket, storage.ErrElsewhere, storage.ErrProxy} {
		if errors.Is(refused, is) {
			return fmt.Errorf("delete %q: %w", key, refused)
		}
	}
	settle, cancel := detached(ctx)
	defer cancel()
	switch _, _, headErr := s.head(settle, key); {
	case isNotFound(headErr):
		return nil
	case headErr != nil:
		err = errors.Join(err, storage.ErrUnsettled, headErr)
	}
	return fmt.Errorf("delete %q: %w", key, classify(err))
}

// detached returns a context for finding out and cleaning up, which must be
// possible also when the caller has given up.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

func newToken() string { return rand.Text() }
