package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// A request that changes something may carry an Idempotency-Key of the client's
// choice. The answer is kept under it, and the same request is answered with it
// again instead of being carried out twice. Answers may hold the secret of a new
// link, which must not lie in the records: they are kept under a cipher whose key
// is made from the secret of the API key, and that is nowhere but in the request.

// kept is an answer as it is kept.
type kept struct {
	Status   int    `json:"status"`
	Media    string `json:"media,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Location string `json:"location,omitempty"`
	Body     []byte `json:"body,omitempty"`
}

// inProgressRetry is when to ask again for an answer that is being made.
const inProgressRetry = 2 * time.Second

// once carries a request out, unless the same one was carried out before.
func (c *call) once(body []byte, run func() (*reply, error)) (*reply, error) {
	lines := c.r.Header["Idempotency-Key"]
	if len(lines) == 0 || c.op.method != http.MethodPost && c.op.method != http.MethodPatch {
		return run()
	}
	if len(lines) > 1 {
		return nil, refuse(problemParameter, "Idempotency-Key stands twice")
	}
	if err := partner.CheckIdempotencyKey(lines[0]); err != nil {
		return nil, refuse(problemParameter, "Idempotency-Key: %s", err)
	}
	// Keys of one API key are none of another's business.
	name := digest("key", c.who.Actor.Name, lines[0])
	print := digest("request", c.r.Method, c.r.URL.RequestURI(), c.ifMatch, c.mediaType(), string(body))
	seal, err := c.sealer()
	if err != nil {
		return nil, err
	}
	before, err := c.api.repeats.BeginIdempotent(c.ctx, c.who.Merchant, hex.EncodeToString(name[:]), print)
	switch {
	case err != nil && feed.KindOf(err) == feed.KindInvalid:
		return nil, &refusal{kind: problemReused, hint: "give each request a key of its own"}
	case err != nil && feed.KindOf(err) == feed.KindConflict:
		return nil, &refusal{kind: problemInProgress, retry: inProgressRetry}
	case err != nil:
		return nil, err
	case before != nil:
		return reopen(seal, before)
	}
	answer, err := run()
	// Whether the client still listens or not: what was done stays done.
	ctx := context.WithoutCancel(c.ctx)
	if err == nil {
		err = c.keep(ctx, seal, hex.EncodeToString(name[:]), answer)
		return answer, err
	}
	// What was refused has changed nothing and may be tried again.
	if forget := c.api.repeats.ForgetIdempotent(ctx, c.who.Merchant, hex.EncodeToString(name[:])); forget != nil {
		return nil, fmt.Errorf("%w, and the request is kept as begun: %w", err, forget)
	}
	return nil, err
}

// keep keeps an answer. One that is too long to be kept is sent all the same; a
// repeated request is then carried out again.
func (c *call) keep(ctx context.Context, seal cipher.AEAD, name string, r *reply) error {
	text, err := json.Marshal(kept{r.status, r.media, r.etag, r.location, r.body})
	if err != nil {
		return err
	}
	nonce := make([]byte, seal.NonceSize())
	rand.Read(nonce) // never fails
	sealed := seal.Seal(nonce, nonce, text, nil)
	if len(sealed) > partner.MaxIdempotentBody {
		return c.api.repeats.ForgetIdempotent(ctx, c.who.Merchant, name)
	}
	return c.api.repeats.EndIdempotent(ctx, c.who.Merchant, name, partner.IdempotentAnswer{Status: r.status, Body: sealed})
}

func reopen(seal cipher.AEAD, before *partner.IdempotentAnswer) (*reply, error) {
	n := seal.NonceSize()
	if len(before.Body) < n {
		return nil, fmt.Errorf("the answer that was kept is %d bytes long", len(before.Body))
	}
	text, err := seal.Open(nil, before.Body[:n], before.Body[n:], nil)
	if err != nil {
		return nil, fmt.Errorf("open the answer that was kept: %w", err)
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("read the answer that was kept: %w", err)
	}
	return &reply{status: k.Status, media: k.Media, etag: k.ETag, location: k.Location, body: k.Body, header: http.Header{"Idempotent-Replayed": {"true"}}}, nil
}

func (c *call) sealer() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(c.secret), nil, "feedmill api idempotency 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// digest is the SHA-256 of texts, each with its length before it.
func digest(parts ...string) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write([]byte(p))
	}
	return [32]byte(h.Sum(nil))
}
