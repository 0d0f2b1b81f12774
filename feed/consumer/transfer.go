package consumer

import (
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"feedmill/internal/outbound"
)

// progress is how far a transfer must have moved on for a break not to count.
const progress = 1 << 20

// transfer reads one representation of one file, over several requests if the
// connection breaks: the rest is asked for by Range, and If-Range with a strong
// entity tag has the server say whether it is the rest of the same bytes.
type transfer struct {
	c      *Consumer
	ctx    context.Context
	name   string
	url    *url.URL
	accept string // Accept-Encoding
	page   bool   // a web page in its place will not go away

	body     io.ReadCloser
	cancel   context.CancelCauseFunc
	stall    *time.Timer
	etag     string
	encoding string
	pos      int64
	total    int64 // -1 when not announced
	tries    int
	mark     int64 // pos at the last break
	requests int
}

var errStalled = errors.New("nothing came")

// get sends one request for what is left, and takes its answer.
func (t *transfer) get() error {
	t.close()
	t.requests++
	ctx, cancel := context.WithCancelCause(t.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.String(), nil)
	if err != nil {
		cancel(nil)
		return &Error{Fault: FaultGateway, File: t.name, Message: "its address cannot be called", Err: outbound.Hide(err)}
	}
	req.Header.Set("User-Agent", t.c.opt.UserAgent)
	req.Header.Set("Accept-Encoding", t.accept)
	req.Header.Set("Cache-Control", "no-cache")
	if t.pos > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(t.pos, 10)+"-")
		req.Header.Set("If-Range", t.etag)
	}
	if t.c.opt.Authorize != nil && t.url.Host == t.c.gateway.Host && t.url.Scheme == t.c.gateway.Scheme {
		t.c.opt.Authorize(req)
	}
	t.cancel, t.stall = cancel, time.AfterFunc(t.c.opt.Stall, func() { cancel(errStalled) })
	resp, err := t.c.opt.Client.Do(req)
	t.stall.Stop()
	if err != nil {
		err = t.broken(ctx, err)
		t.close()
		return err
	}
	t.body = &stallBody{ReadCloser: resp.Body, ctx: ctx, t: t}
	if err := t.head(resp); err != nil {
		t.close()
		return err
	}
	return nil
}

// broken makes the error of a connection that failed.
func (t *transfer) broken(ctx context.Context, err error) error {
	switch {
	case t.ctx.Err() != nil:
		return fmt.Errorf("%s, after %d bytes: %w", t.name, t.pos, t.ctx.Err())
	case errors.Is(context.Cause(ctx), errStalled):
		return fault(FaultStalled, t.name, "nothing came for %s, after %d bytes", t.c.opt.Stall, t.pos).temporary()
	case errors.Is(err, outbound.ErrRefused):
		// It will be refused as well a moment later.
		return &Error{Fault: FaultUnreachable, File: t.name, Message: "its address is not called", Err: outbound.Hide(err)}
	}
	what := "there is no connection"
	if t.pos > 0 || t.body != nil {
		what = fmt.Sprintf("the connection broke after %d bytes", t.pos)
	}
	return (&Error{Fault: FaultUnreachable, File: t.name, Message: what, Err: outbound.Hide(err)}).temporary()
}

// head judges the head of an answer.
func (t *transfer) head(resp *http.Response) error {
	encoding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	if encoding == "identity" {
		encoding = ""
	}
	switch status := resp.StatusCode; {
	case status == http.StatusPartialContent && t.pos > 0:
		return t.rest(resp, encoding)
	case status == http.StatusOK && t.pos > 0:
		e := fault(FaultRange, t.name, "the rest is not to be had, or the file has changed").temporary()
		e.restart = true
		return e
	case status == http.StatusOK:
	case status >= 300 && status < 400:
		return fault(FaultRedirect, t.name, "the answer is a redirect (status %d), which is not followed", status)
	case status == http.StatusRequestedRangeNotSatisfiable && t.pos > 0:
		e := fault(FaultRange, t.name, "the rest is not to be had (status 416)").temporary()
		e.restart = true
		return e
	default:
		e := fault(FaultStatus, t.name, "the answer has status %d", status)
		e.Temporary = status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
		return e
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "text/html" || media == "application/xhtml+xml" {
		e := fault(FaultType, t.name, "the answer is a web page (%s)", media)
		e.Temporary = !t.page
		return e
	}
	if encoding != "" && encoding != "gzip" && encoding != "x-gzip" {
		return fault(FaultType, t.name, "the answer is encoded as %.40q, which nobody asked for", encoding)
	}
	t.encoding, t.total = encoding, resp.ContentLength
	t.etag = resp.Header.Get("ETag")
	if !strings.HasPrefix(t.etag, `"`) {
		t.etag = "" // a weak tag says nothing about bytes
	}
	return nil
}

// rest judges the answer to a request for what is left.
func (t *transfer) rest(resp *http.Response, encoding string) error {
	wrong := func(format string, args ...any) error {
		e := fault(FaultRange, t.name, format, args...).temporary()
		e.restart = true
		return e
	}
	value := resp.Header.Get("Content-Range")
	spec, ok := strings.CutPrefix(value, "bytes ")
	span, size, ok2 := strings.Cut(spec, "/")
	first, last, ok3 := strings.Cut(span, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	switch {
	case !ok || !ok2 || !ok3 || err1 != nil || err2 != nil || err3 != nil:
		return wrong("the answer is a part, and does not say which (%.60q)", value)
	case from != t.pos || to != total-1 || t.total >= 0 && total != t.total:
		return wrong("bytes from %d on were asked for and %.60q came", t.pos, value)
	case encoding != t.encoding || resp.Header.Get("ETag") != "" && resp.Header.Get("ETag") != t.etag:
		return wrong("the rest is of another file than the beginning")
	}
	t.total = total
	return nil
}

func (t *transfer) close() {
	if t.cancel != nil {
		t.stall.Stop()
		t.cancel(nil)
		t.cancel = nil
	}
	if t.body != nil {
		_ = t.body.Close() // what was wrong with it has been told
		t.body = nil
	}
}

// stallBody breaks a body that gives nothing for too long.
type stallBody struct {
	io.ReadCloser
	ctx context.Context
	t   *transfer
}

func (b *stallBody) Read(p []byte) (int, error) {
	b.t.stall.Reset(b.t.c.opt.Stall)
	n, err := b.ReadCloser.Read(p)
	b.t.stall.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.t.broken(b.ctx, err)
	}
	return n, err
}

// Read implements io.Reader; io.EOF means that all announced bytes have come.
func (t *transfer) Read(p []byte) (int, error) {
	for {
		n, err := t.body.Read(p)
		t.pos += int64(n)
		switch {
		case n > 0:
			if t.total >= 0 && t.pos > t.total {
				return n, fault(FaultSize, t.name, "more than the %d bytes announced came", t.total)
			}
			// What comes with an error is good; the error comes again.
			return n, nil
		case err == nil:
			continue
		case errors.Is(err, io.EOF) && (t.total < 0 || t.pos == t.total):
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = fault(FaultUnreachable, t.name, "the connection ended after %d of %d bytes", t.pos, t.total).temporary()
		}
		if err := t.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume goes on after a break, or says why it cannot.
func (t *transfer) resume(cause error) error {
	var e *Error
	if !errors.As(cause, &e) || !e.Temporary {
		return cause
	}
	if t.etag == "" || t.pos == 0 {
		e.restart = true
		return e
	}
	if t.pos-t.mark >= progress {
		t.tries = 0
	}
	t.mark = t.pos
	return t.attempt(cause)
}

// attempt asks, and asks again after a while as long as that may help. before is
// the error that made it necessary, nil for the first time.
func (t *transfer) attempt(before error) error {
	for err := before; ; {
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || !e.Temporary || e.restart {
				return err
			}
			if t.tries++; t.tries >= t.c.opt.Attempts {
				return err
			}
			if err := t.c.pause(t.ctx, t.tries, err); err != nil {
				return err
			}
		}
		if err = t.get(); err == nil {
			return nil
		}
	}
}

// target is what a file is written to, from its start, again and again.
type target interface {
	io.Writer
	Reset() error
}

// want says which bytes are wanted.
type want struct {
	name     string
	url      *url.URL
	gzip     bool   // a compressed form may come
	size     int64  // -1 when not known
	md5, sha string // "" when not known
	max      int64
	optional bool // many servers have none
}

// got tells the bytes that came, as written.
type got struct {
	size     int64
	sha      string
	received int64 // over the network, the last attempt
	requests int
}

// fetchFile brings a file whole and checked, or an error; what was written
// before an error is worth nothing.
func (c *Consumer) fetchFile(ctx context.Context, w want, to target) (g got, err error) {
	if c.opt.Progress != nil {
		c.opt.Progress(w.name)
	}
	t := &transfer{c: c, ctx: ctx, name: w.name, url: w.url, accept: "identity", page: w.optional}
	if w.gzip {
		t.accept = "gzip"
	}
	defer t.close()
	wrong := 0
	// A rest that does not fit tells more than the break that made it necessary.
	var misfit *Error
	telling := func(err error) error {
		if misfit != nil && FaultOf(err) == FaultUnreachable {
			return misfit
		}
		return err
	}
	for {
		if err := to.Reset(); err != nil {
			return g, telling(err)
		}
		t.pos, t.mark, t.etag, t.total = 0, 0, "", -1
		g, err = c.fetchOnce(t, w, to)
		g.requests = t.requests
		var e *Error
		if err == nil || !errors.As(err, &e) || !e.restart || ctx.Err() != nil {
			return g, telling(err)
		}
		if e.Fault == FaultRange {
			misfit = e
		}
		// Wrong bytes may have been mixed up on the way; when they come once more
		// they are wrong where they lie.
		if e.Fault == FaultHash || e.Fault == FaultSize {
			if wrong++; wrong > 1 {
				return g, telling(err)
			}
		}
		// From the start: the attempts go on counting.
		if t.tries++; t.tries >= c.opt.Attempts {
			return g, telling(err)
		}
		if err := c.pause(ctx, t.tries, err); err != nil {
			return g, telling(err)
		}
	}
}

func (c *Consumer) fetchOnce(t *transfer, w want, to target) (g got, err error) {
	if err := t.attempt(nil); err != nil {
		return g, err
	}
	var src io.Reader = t
	if t.encoding != "" {
		z, err := gzip.NewReader(t)
		if err != nil {
			return g, unzipError(w.name, err)
		}
		src = z
	} else if w.size >= 0 && t.total >= 0 && t.total != w.size {
		e := fault(FaultSize, w.name, "the answer has %d bytes, the manifest says %d", t.total, w.size).temporary()
		e.restart = true
		return g, e
	}
	most := w.max
	if w.size >= 0 {
		most = min(most, w.size)
	}
	md, sh := md5.New(), sha256.New()
	var first prefix
	n, err := io.Copy(io.MultiWriter(writeErrors{to}, md, sh, &first), io.LimitReader(src, most+1))
	g = got{size: n, sha: hex.EncodeToString(sh.Sum(nil)), received: t.pos}
	var local *writeError
	switch {
	case errors.As(err, &local):
		return g, fmt.Errorf("keep %s: %w", w.name, local.err)
	case err != nil:
		return g, unzipError(w.name, err)
	case n > most && w.size < 0:
		return g, fault(FaultSize, w.name, "it has more than %d bytes", most)
	}
	return g, w.check(n, md, sh, first)
}

// check compares what came with what was wanted. Wrong bytes are asked for once
// more: a proxy or a supplier who publishes may have mixed something up.
func (w *want) check(n int64, md, sh hash.Hash, first prefix) error {
	again := func(f Fault, format string, args ...any) error {
		e := fault(f, w.name, format, args...).temporary()
		e.restart = true
		return e
	}
	hint := ""
	if len(first) == 2 && first[0] == 0x1f && first[1] == 0x8b {
		hint = "; it came compressed without being marked so"
	}
	switch sum, sum2 := hex.EncodeToString(md.Sum(nil)), hex.EncodeToString(sh.Sum(nil)); {
	case w.size >= 0 && n != w.size:
		return again(FaultSize, "%s bytes came, the manifest says %d%s", atLeast(n, w.size), w.size, hint)
	case w.md5 != "" && sum != w.md5:
		return again(FaultHash, "its MD5 is %s, the gateway says %s%s", sum, w.md5, hint)
	case w.sha != "" && sum2 != w.sha:
		return again(FaultHash, "its SHA-256 is %s, the manifest says %s", sum2, w.sha)
	}
	return nil
}

func atLeast(n, limit int64) string {
	if n > limit {
		return "more than " + strconv.FormatInt(limit, 10)
	}
	return strconv.FormatInt(n, 10)
}

// prefix keeps the first two bytes.
type prefix []byte

func (p *prefix) Write(b []byte) (int, error) {
	*p = append(*p, b[:min(len(b), 2-len(*p))]...)
	return len(b), nil
}

// writeErrors marks errors of the local side.
type writeErrors struct{ w io.Writer }

type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

func (w writeErrors) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// unzipError makes damaged compression a fault; other errors pass.
func unzipError(name string, err error) error {
	var known *Error
	if errors.As(err, &known) || !errors.Is(err, gzip.ErrChecksum) && !errors.Is(err, gzip.ErrHeader) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	e := (&Error{Fault: FaultHash, File: name, Message: "it cannot be decompressed", Err: err}).temporary()
	e.restart = true
	return e
}
