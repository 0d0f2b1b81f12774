package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/middleware"
)

// Key is what requests are signed with.
type Key struct {
	// Access is the id of the key, Secret the key itself.
	Access, Secret string
	// Session is the token that comes with a temporary key; "" for one that lasts.
	Session string
}

// keyAge is for how long a key is used before it is asked for again: temporary ones
// are replaced some minutes before they end.
const keyAge = time.Minute

// keyring has the key that is in use, and takes another when that is replaced.
type keyring struct {
	fresh func() (Key, error) // nil where the key never changes

	mu  sync.Mutex
	key Key
	at  time.Time // when it was asked for
}

// Retrieve implements aws.CredentialsProvider. A key that cannot be read just now,
// because it is being written, leaves the one before in use.
func (k *keyring) Retrieve(ctx context.Context) (aws.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fresh != nil && time.Since(k.at) >= keyAge {
		_ = k.renew()
	}
	if c, ok := middleware.GetStackValue(ctx, callKey{}).(*call); ok {
		c.key = k.key
	}
	return aws.Credentials{
		AccessKeyID: k.key.Access, SecretAccessKey: k.key.Secret, SessionToken: k.key.Session, Source: "feedmill",
	}, nil
}

// renew asks for the key; k.mu is held.
func (k *keyring) renew() error {
	k.at = time.Now()
	key, err := k.fresh()
	if err == nil {
		k.key = key
	}
	return err
}

// instead reports whether there is another key than one that was refused.
func (k *keyring) instead(of Key) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != of {
		return true, nil // another request has found it
	}
	err := k.renew()
	return k.key != of, err
}

// signer signs requests. The SDK's remembers for a day what it has derived from the
// secret that it has first seen with an id, which may have been a wrong one.
type signer struct {
	mu     sync.Mutex
	secret string // that its signer has seen
	v4     *v4.Signer
}

// SignHTTP implements s3.HTTPSignerV4.
func (s *signer) SignHTTP(ctx context.Context, key aws.Credentials, r *http.Request, hash, service, region string, at time.Time, opts ...func(*v4.SignerOptions)) error {
	s.mu.Lock()
	if s.v4 == nil || s.secret != key.SecretAccessKey {
		// S3 escapes paths once.
		s.v4, s.secret = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), key.SecretAccessKey
	}
	with := s.v4
	s.mu.Unlock()
	return with.SignHTTP(ctx, key, r, hash, service, region, at, opts...)
}

// refusesKey reports whether an answer is about the key and not about what it
// may do. Of a key and a secret that are replaced one after the other, the one may
// have been read before and the other after.
func refusesKey(err error) bool {
	switch _, code := answer(err); code {
	case "ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return true
	}
	return false
}

// again reports whether a request that was refused for its key is worth sending
// with another one.
func (k *keyring) again(c *call) error {
	other, err := k.instead(c.key)
	switch {
	case other && c.keys < defaultAttempts:
		c.keys++
		return nil
	case err != nil:
		return fmt.Errorf("the key could not be read again: %w", err)
	}
	return errors.New("the key is the same when it is read again")
}

// mute reports whether an answer to HEAD, which has no body, hides why it says no:
// the key has no right, is over, is unknown, or the clock is wrong.
func mute(err error) bool {
	status, code := answer(err)
	switch status {
	case http.StatusBadRequest, http.StatusForbidden:
		return code == "" || code == "Forbidden" || code == "BadRequest"
	}
	return false
}
