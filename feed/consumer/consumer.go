package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"feedmill/feed"
)

// Options are settings of a Consumer. The zero value works.
type Options struct {
	// Client makes the requests. The default follows no redirects and has no
	// bound on the time of a request, see Stall. A client of one's own decides
	// about redirects itself.
	Client *http.Client
	// Authorize, when set, may add credentials to a request; it is called for
	// requests to the gateway's own host alone.
	Authorize func(*http.Request)
	// UserAgent is sent with each request. Default "feedmill-consumer".
	UserAgent string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Sleep waits between attempts; nil waits in earnest.
	Sleep func(ctx context.Context, d time.Duration) error
	// Attempts is how often one file is asked for before it is given up;
	// transfers that moved on by a mebibyte do not count. Default 5.
	Attempts int
	// Backoff is the first wait between attempts; each one is twice as long, up
	// to a minute. Default 1 s.
	Backoff time.Duration
	// Stall is how long the server may send nothing. Default 30 s.
	Stall time.Duration
	// MaxBytes bounds a file, uncompressed. Default 4 GiB.
	MaxBytes int64
	// MaxLoss is the percentage of products that an update may remove, from
	// twenty products on; losing all of them is refused too. Default 20; 100 or
	// more refuses nothing.
	MaxLoss int
	// AllowExpired takes an offer whose validity has passed, AllowOlder one that
	// is older than the copy.
	AllowExpired, AllowOlder bool
	// Unhashed takes files whose hash in the gateway is not the MD5 of their
	// bytes, as some suppliers' are not. Sizes and documents are checked still.
	Unhashed bool
	// Progress, when set, is told each file before it is fetched.
	Progress func(name string)
}

func (o Options) withDefaults() Options {
	if o.Client == nil {
		o.Client = &http.Client{
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true,
				TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	o.UserAgent = cmp.Or(o.UserAgent, "feedmill-consumer")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Attempts = cmp.Or(o.Attempts, 5)
	o.Backoff = cmp.Or(o.Backoff, time.Second)
	o.Stall = cmp.Or(o.Stall, 30*time.Second)
	o.MaxBytes = cmp.Or(o.MaxBytes, 4<<30)
	o.MaxLoss = cmp.Or(o.MaxLoss, 20)
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Consumer keeps one offer in one folder. It is not safe for concurrent use.
type Consumer struct {
	gateway *url.URL
	opt     Options
	folder  *folder
	state   *State // nil before the first update
	open    *Update
	wrong   map[string]*wrongFile // of this fetch, by name
}

// New takes hold of the folder, which is made by the first update and must hold
// nothing else; what a killed process left is removed. The gateway's address
// is not remembered: it may change from one time to the next. The caller closes
// the consumer.
func New(gateway, dir string, opt Options) (*Consumer, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "the address of the gateway is not an http or https address",
			Hint: "give the one that the supplier sent, such as https://supplier.example.com/o/…/gateway.xml"}
	}
	c := &Consumer{gateway: u, opt: opt.withDefaults()}
	if c.folder, c.state, err = openFolder(dir, c.opt.Now()); err != nil {
		return nil, fmt.Errorf("folder %q: %w", dir, err)
	}
	return c, nil
}

// Close lets the folder go. An update that was not committed is discarded.
func (c *Consumer) Close() error {
	var err error
	if c.open != nil {
		err = c.open.Close()
	}
	c.opt.Client.CloseIdleConnections()
	return errors.Join(err, c.folder.close())
}

// State gives what the folder holds; ok is false before the first update.
func (c *Consumer) State() (s State, ok bool) {
	if c.state == nil {
		return State{}, false
	}
	return *c.state, true
}

// Sync fetches what is new and makes it the local copy. An error leaves the
// copy as it was.
func (c *Consumer) Sync(ctx context.Context) (Report, error) {
	u, err := c.Fetch(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := u.Commit(); err != nil {
		return Report{}, errors.Join(err, u.Close())
	}
	return u.Report(), u.Close()
}

// rounds is how often the whole offer is read anew when its parts do not fit
// together, because the supplier published meanwhile.
const rounds = 3

// Fetch fetches what is new and puts it together beside the local copy, which
// stays as it is until [Update.Commit]. The caller closes the update.
func (c *Consumer) Fetch(ctx context.Context) (*Update, error) {
	if c.open != nil {
		return nil, errors.New("an update is open already")
	}
	c.wrong = map[string]*wrongFile{}
	var err error
	for n := range rounds {
		if n > 0 {
			if err := c.pause(ctx, n, err); err != nil {
				return nil, err
			}
		}
		var u *Update
		if u, err = c.fetch(ctx); err == nil {
			c.open = u
			return u, nil
		}
		if ctx.Err() != nil || !c.another(err) {
			break
		}
	}
	return nil, err
}

// another says whether the offer is worth reading anew after an error: its next
// state may be right where this one was wrong or is no longer served.
func (c *Consumer) another(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	gone := e.Fault == FaultStatus && e.File != gatewayName
	return gone || e.Temporary && (e.Fault == FaultHash || e.Fault == FaultSize || e.Fault == FaultManifest)
}

// pause waits before attempt n. Who gives up meanwhile is told what made the
// attempt necessary, too: the time alone says nothing of the supplier.
func (c *Consumer) pause(ctx context.Context, n int, cause error) error {
	if err := c.opt.Sleep(ctx, c.wait(n)); err != nil {
		return fmt.Errorf("%w; before that, %w", err, cause)
	}
	return nil
}

// wait gives the pause before attempt n, counted from 1.
func (c *Consumer) wait(n int) time.Duration {
	return min(c.opt.Backoff<<min(n-1, 10), time.Minute)
}
