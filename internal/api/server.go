package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/throttle"
)

// Prefix begins the addresses of all operations.
const Prefix = "/api/v1"

// Repeats keeps the answers of requests that carry an Idempotency-Key. Both
// databases do.
type Repeats interface {
	BeginIdempotent(ctx context.Context, merchant partner.MerchantID, key string, fingerprint [32]byte) (*partner.IdempotentAnswer, error)
	EndIdempotent(ctx context.Context, merchant partner.MerchantID, key string, answer partner.IdempotentAnswer) error
	ForgetIdempotent(ctx context.Context, merchant partner.MerchantID, key string) error
}

// Options are settings of the API. The zero value works.
type Options struct {
	// Authenticate gives the identity behind a key, with an error of kind
	// forbidden for one that is not valid from there. Default: the service's.
	Authenticate func(ctx context.Context, key string, from netip.Addr) (manage.Identity, error)
	// ClientAddr says where a request came from. Default: whoever has opened the
	// connection.
	ClientAddr func(r *http.Request) netip.Addr
	// RequestID gives the id of a request for the audit and the log. Default: "".
	RequestID func(ctx context.Context) string
	// PerMinute is how many requests a key may make in a minute, Burst how many at
	// once. Defaults 600 and 100; negative means no limit.
	PerMinute, Burst int
	// RefusedPerMinute is how many requests without a valid key an address may make
	// in a minute before it is not listened to. Default 60; negative means no limit.
	RefusedPerMinute int
	// Heavy is how many requests with large bodies are worked on at a time.
	// Default 4.
	Heavy int
	// ChangeWait is how long an answer waits for the number of a change in feeds.
	// Default 2 s; negative does not wait.
	ChangeWait time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log receives a line for each request, and faults. Default none.
	Log *slog.Logger
}

func (o Options) withDefaults(s *manage.Service) Options {
	if o.Authenticate == nil {
		o.Authenticate = func(ctx context.Context, key string, from netip.Addr) (manage.Identity, error) {
			return s.AuthenticateFrom(ctx, key, from)
		}
	}
	if o.ClientAddr == nil {
		o.ClientAddr = func(r *http.Request) netip.Addr {
			p, _ := netip.ParseAddrPort(r.RemoteAddr)
			return p.Addr().Unmap().WithZone("")
		}
	}
	if o.RequestID == nil {
		o.RequestID = func(context.Context) string { return "" }
	}
	for _, n := range []struct {
		to *int
		by int
	}{{&o.PerMinute, 600}, {&o.Burst, 100}, {&o.RefusedPerMinute, 60}, {&o.Heavy, 4}} {
		if *n.to == 0 {
			*n.to = n.by
		}
	}
	if o.ChangeWait == 0 {
		o.ChangeWait = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// API answers requests. It is safe for concurrent use.
type API struct {
	manage  *manage.Service
	repeats Repeats
	opt     Options
	schemas *schemas
	routes  []*operation
	doc     []byte
	docTag  string
	keys    *throttle.Limits
	refused *throttle.Limits
	heavy   chan struct{}
}

// New makes the API over a merchant's operations.
func New(s *manage.Service, r Repeats, opt Options) (*API, error) {
	opt = opt.withDefaults(s)
	a := &API{manage: s, repeats: r, opt: opt, schemas: newSchemas(), heavy: make(chan struct{}, max(opt.Heavy, 1)),
		keys: throttle.New(float64(opt.PerMinute), opt.Burst, opt.Now), refused: throttle.New(float64(opt.RefusedPerMinute), opt.RefusedPerMinute, opt.Now)}
	a.routes = a.operations()
	for _, o := range a.routes {
		if err := o.bind(a.schemas); err != nil {
			return nil, fmt.Errorf("put the API together: %w", err)
		}
	}
	doc, err := a.document()
	if err != nil {
		return nil, fmt.Errorf("put the API together: %w", err)
	}
	sum := sha256.Sum256(doc)
	a.doc, a.docTag = doc, fmt.Sprintf(`"%x"`, sum[:12])
	return a, nil
}

// maxAddress is how long an address may be.
const maxAddress = 4 << 10

// call is one request on its way.
type call struct {
	api     *API
	op      *operation
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context
	who     manage.Identity
	secret  string
	from    netip.Addr
	query   url.Values
	ifMatch string
}

// reply is an answer, whole before anything of it is sent.
type reply struct {
	status int
	media  string
	etag   string
	// location is the address of what was made, below [Prefix].
	location string
	body     []byte
	// stream writes a body that is too long to be held.
	stream func(w io.Writer) error
	header http.Header
}

// ServeHTTP implements http.Handler for addresses below [Prefix].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := a.opt.Now()
	c := &call{api: a, w: w, r: r, ctx: r.Context(), from: a.opt.ClientAddr(r)}
	answer, err := c.serve()
	if err != nil {
		answer = c.problem(err)
	}
	c.write(answer)
	name := "unknown"
	if c.op != nil {
		name = c.op.id
	}
	// The route's name and the key's public id, never an address or a secret.
	a.opt.Log.LogAttrs(r.Context(), slog.LevelInfo, "api", slog.String("operation", name), slog.String("method", r.Method), slog.Int("status", answer.status),
		slog.String("key", c.who.Actor.Name), slog.String("merchant", string(c.who.Merchant)), slog.Duration("took", a.opt.Now().Sub(start)))
}

func (c *call) serve() (*reply, error) {
	if len(c.r.URL.RequestURI()) > maxAddress {
		return nil, refuse(problemAddress, "at most %d bytes", maxAddress)
	}
	// The path is compared as it came: what only resembles an address is none.
	rest, below := strings.CutPrefix(c.r.URL.EscapedPath(), Prefix)
	path, allowed := c.find(rest, below)
	if c.op == nil || !c.op.open {
		if err := c.authenticate(); err != nil {
			return nil, err
		}
	}
	switch {
	case len(allowed) > 0:
		r := refuse(problemMethod, "")
		r.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		return nil, r
	case c.op == nil:
		return nil, refuse(problemNotFound, "")
	}
	for _, do := range append([]manage.Action{c.op.do}, c.op.also...) {
		if do == 0 || manage.Allow(c.who, do, c.who.Merchant) {
			continue
		}
		r := refuse(problemForbidden, "")
		if scope, ok := manage.ScopeFor(do); ok && c.who.Role == manage.RoleKey {
			r.hint = "the key lacks the scope " + scope.String()
		}
		return nil, r
	}
	return c.carryOut(path)
}

// find looks up the operation; allowed are the methods of an address that has
// others.
func (c *call) find(rest string, below bool) (path map[string]string, allowed []string) {
	if !below {
		return nil, nil
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(rest, "/")
	fewest := len(segments) + 1
	for _, o := range c.api.routes {
		found, ok := o.match(segments)
		// An address that stands there word for word is that one, whatever else it
		// could be a part of.
		if !ok || len(found) > fewest {
			continue
		}
		if len(found) < fewest {
			fewest, allowed, c.op = len(found), nil, nil
		}
		if o.method == method {
			c.op, path = o, found
		}
		allowed = append(allowed, o.method)
		if o.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if c.op != nil {
		return path, nil
	}
	slices.Sort(allowed)
	return nil, allowed
}

// authenticate finds out who asks. Nothing but the one header counts: no cookie,
// no part of the address.
func (c *call) authenticate() error {
	address := throttle.Name(c.from)
	if wait := c.api.refused.Peek(address); wait > 0 {
		return &refusal{kind: problemTooMany, retry: wait}
	}
	no := &refusal{kind: problemKey, hint: "send the key in the header Authorization: Bearer fmk_…", header: http.Header{"Www-Authenticate": {`Bearer realm="feedmill"`}}}
	var secret string
	if lines := c.r.Header["Authorization"]; len(lines) == 1 {
		scheme, rest, _ := strings.Cut(lines[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			secret = strings.Trim(rest, " ")
		}
	}
	if secret == "" {
		c.api.refused.Take(address)
		return no
	}
	who, err := c.api.opt.Authenticate(c.ctx, secret, c.from)
	if err != nil {
		if isForbidden(err) {
			c.api.refused.Take(address)
			c.api.opt.Log.LogAttrs(c.ctx, slog.LevelWarn, "api key refused", slog.String("network", address))
			return no
		}
		return err
	}
	c.who, c.secret = who, secret
	if c.from.IsValid() {
		c.who.Actor.Address = c.from.String()
	}
	c.who.Actor.Request = c.api.opt.RequestID(c.ctx)
	if wait := c.api.keys.Take(string(who.Merchant) + " " + who.Actor.Name); wait > 0 {
		return &refusal{kind: problemTooMany, detail: "this key asks too often", retry: wait}
	}
	return nil
}

// carryOut reads the request and does what it asks.
func (c *call) carryOut(path map[string]string) (*reply, error) {
	o := c.op
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, refuse(problemParameter, "the query cannot be read")
	}
	c.query = query
	in := reflect.New(o.in)
	if err := o.read(in, path, query, c.api.schemas); err != nil {
		return nil, err
	}
	if err := c.readVersion(); err != nil {
		return nil, err
	}
	body, release, err := c.readBody()
	if err != nil {
		return nil, err
	}
	defer release()
	if err := c.decode(in, body); err != nil {
		return nil, err
	}
	return c.once(body, func() (*reply, error) { return o.run(c, in) })
}

// decode reads the body into the input.
func (c *call) decode(in reflect.Value, body []byte) error {
	b := c.op.body
	if b == nil || len(body) == 0 && b.spare {
		return nil
	}
	to := in.Elem().FieldByIndex(b.field)
	if b.schema == nil {
		text, err := linesOf(body, c.mediaType())
		if err != nil {
			return err
		}
		to.SetBytes(text)
		return nil
	}
	v, err := parseJSON(body)
	if err != nil {
		return refuse(problemMalformed, "%s", err)
	}
	var errs []fieldError
	if c.api.schemas.check(b.schema, v, "", &errs); len(errs) > 0 {
		return invalid(errs...)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(to.Addr().Interface()); err != nil {
		// The schema has let it through, so this is about a value's form.
		return refuse(problemInvalid, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// document gives a document as an answer.
func (c *call) document(out any) (*reply, error) {
	body, err := encodeJSON(out)
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	r := &reply{status: c.op.status, media: "application/json", body: body}
	if v, ok := out.(interface{ version() int64 }); ok {
		r.etag = etag(v.version())
	}
	if v, ok := out.(interface{ location() string }); ok && c.op.status == http.StatusCreated {
		r.location = Prefix + v.location()
	}
	return r, nil
}

// problem turns an error into an answer and logs what is ours.
func (c *call) problem(err error) *reply {
	if errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		err = &refusal{kind: problemUnavailable, err: err} // nobody listens any more
	}
	doc, header, fault := problemOf(err)
	if fault {
		id := c.api.opt.RequestID(c.ctx)
		if id != "" {
			doc.Instance = "urn:feedmill:request:" + id
		}
		c.api.opt.Log.LogAttrs(c.ctx, slog.LevelError, "api request failed", slog.Any("error", err))
	}
	body, encodeErr := encodeJSON(doc)
	if encodeErr != nil {
		body = []byte("{}\n")
	}
	return &reply{status: doc.Status, media: "application/problem+json", body: body, header: header}
}

// write sends an answer.
func (c *call) write(r *reply) {
	h := c.w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.media != "" {
		h.Set("Content-Type", r.media)
	}
	if r.etag != "" {
		h.Set("ETag", r.etag)
	}
	if r.location != "" {
		h.Set("Location", r.location)
	}
	if r.stream != nil {
		c.w.WriteHeader(r.status)
		if c.r.Method == http.MethodHead {
			return
		}
		to := &client{Writer: c.w}
		if err := r.stream(to); err != nil {
			level := slog.LevelError
			if to.gone || c.ctx.Err() != nil {
				level = slog.LevelInfo // he has hung up, as anybody may
			}
			c.api.opt.Log.LogAttrs(c.ctx, level, "api answer broken off", slog.Any("error", err))
			panic(http.ErrAbortHandler) // the reader must not take it for whole
		}
		return
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	c.w.WriteHeader(r.status)
	if c.r.Method != http.MethodHead && len(r.body) > 0 {
		// A client that has gone away needs no answer.
		_, _ = c.w.Write(r.body)
	}
}

// client is who asked, as long as he takes what is written.
type client struct {
	io.Writer
	gone bool
}

// Write implements io.Writer.
func (c *client) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.gone = c.gone || err != nil
	return n, err
}

// seeing is the caller with the right to look at the accounts that he may change:
// a change is made from what stands there, and its answer shows what it has become.
func (c *call) seeing() manage.Identity {
	who := c.who
	if manage.Allow(who, c.op.do, who.Merchant) {
		who.Scopes |= partner.ScopeAccountsRead
	}
	return who
}
