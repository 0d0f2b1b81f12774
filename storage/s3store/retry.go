package s3store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"feedmill/storage"
)

const (
	defaultAttempts = 3
	// defaultPatience is how long a store may go on refusing one request: providers
	// throttle by the minute.
	defaultPatience   = time.Minute
	defaultMaxBackoff = 5 * time.Second
	// firstBackoff is the longest pause after the first failure; each further one may
	// last twice as long as the one before.
	firstBackoff = 250 * time.Millisecond
)

// patience says whether a request is sent again, and when. What was refused for
// the time being or cut off is sent for as long as a minute, because a run needs
// hundreds of requests and fails with the first that is given up. A store to which
// nobody listens is told sooner, and one that stands still has had its minute.
//
// There is no common budget of repetitions as the SDK has one: a store that
// refuses every other request would use it up, and from then on each refusal
// would count. Pauses that grow, of random length, spare the store.
type patience struct {
	*retry.Standard
	attempts   int
	lasts      time.Duration
	maxBackoff time.Duration
	keys       *keyring
}

func newPatience(c Config) patience {
	p := patience{
		Standard: retry.NewStandard(), attempts: c.Attempts, lasts: c.Patience, maxBackoff: c.MaxBackoff,
	}
	if p.attempts == 0 {
		p.attempts = defaultAttempts
	}
	if p.lasts == 0 {
		p.lasts = defaultPatience
	}
	if p.maxBackoff == 0 {
		p.maxBackoff = defaultMaxBackoff
	}
	return p
}

// MaxAttempts implements aws.Retryer: the time decides.
func (p patience) MaxAttempts() int { return 0 }

// IsErrorRetryable implements aws.Retryer.
func (p patience) IsErrorRetryable(err error) bool {
	switch status, code := answer(err); {
	case givenUp(err), standsStill(err), isUntrusted(err), isProxy(err):
		return false
	case code == "ConditionalRequestConflict", code == "OperationAborted": // another writer is at it just now
		return true
	case code == "BadDigest", code == "XAmzContentSHA256Mismatch": // spoiled on the way
		return true
	case status == http.StatusRequestTimeout:
		return true
	case refusesKey(err):
		return p.keys.fresh != nil
	}
	return isBusy(err) || p.Standard.IsErrorRetryable(err)
}

// GetAttemptToken implements aws.RetryerV2.
func (p patience) GetAttemptToken(context.Context) (func(error) error, error) { return noToken, nil }

// GetInitialToken implements aws.Retryer.
func (p patience) GetInitialToken() func(error) error { return noToken }

func noToken(error) error { return nil }

// GetRetryToken implements aws.RetryerV2: an error ends the repetitions.
func (p patience) GetRetryToken(ctx context.Context, cause error) (func(error) error, error) {
	c, ok := middleware.GetStackValue(ctx, callKey{}).(*call)
	if !ok {
		return nil, errors.New("a request without its call")
	}
	if refusesKey(cause) {
		if err := p.keys.again(c); err != nil {
			return nil, err
		}
		return noToken, nil
	}
	now := time.Now()
	if c.tries++; c.tries == 1 {
		c.failed = now
	}
	again := c.tries < p.attempts || now.Sub(c.failed) < p.lasts
	if nobodyListens(cause) {
		again = c.tries < p.attempts && now.Sub(c.begun) < p.lasts
	}
	if !again {
		return nil, fmt.Errorf("given up after %d tries in %s", c.tries, now.Sub(c.begun).Round(time.Second/10))
	}
	return noToken, nil
}

// RetryDelay implements aws.Retryer.
func (p patience) RetryDelay(attempt int, _ error) (time.Duration, error) {
	most := p.maxBackoff
	if attempt < 10 {
		most = min(most, firstBackoff<<attempt)
	}
	return rand.N(most), nil
}

// call is one request with its repetitions.
type call struct {
	begun, failed time.Time // failed is the first time
	tries         int
	key           Key // that the last try was signed with
	keys          int // tries with another key
}

type callKey struct{}

// withCall makes the SDK remember about each call what patience goes by.
func withCall(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("feedmill/call",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(middleware.WithStackValue(ctx, callKey{}, &call{begun: time.Now()}), in)
		}), middleware.Before)
}

// nobodyListens reports whether there was no connection to send a request over.
func nobodyListens(err error) bool {
	var op *net.OpError
	var name *net.DNSError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") || errors.As(err, &name)
}

// standsStill reports whether a store that was connected to has been silent for as
// long as it may.
func standsStill(err error) bool {
	var late interface{ Timeout() bool }
	return errors.Is(err, errStill) || errors.As(err, &late) && late.Timeout() && !nobodyListens(err)
}

// errStill is what a stalled transfer ends with.
var errStill = fmt.Errorf("%w: nothing has moved", storage.ErrBusy)
