package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"feedmill/internal/outbound"
	"feedmill/schema"
	"feedmill/schema/rules"
)

// FetchOptions bounds the fetching of a family. The zero value works.
type FetchOptions struct {
	// Client makes the requests: see package outbound. Its own bound on a
	// reply is that of one file.
	Client *http.Client
	// MaxBytes bounds all files together. Default 4 GiB.
	MaxBytes int64
	// MaxFiles bounds the number of files. Default 300.
	MaxFiles int
	// MaxTime bounds the fetching as a whole. Default 30 minutes.
	MaxTime time.Duration
	// Temp is the folder for the files, "" for that of the system.
	Temp string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Progress is called before each file, if set.
	Progress func(name string)
}

// MaxFileBytes is what one file may have, unless the caller sets its own client.
const MaxFileBytes = 2 << 30

// How long an importer waits (CONSUMERS 20).
const (
	slowHead = 10 * time.Second
	slowFile = 5 * time.Minute
)

// Fetched is a family on the local disk.
type Fetched struct {
	rules.Family
	Host  string // of the address that was asked for
	Bytes int64  // of all files
	dir   string
}

// Close removes the files.
func (f *Fetched) Close() error {
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("remove fetched files: %w", err)
	}
	return nil
}

// Fetch reads a gateway from an address and every file that it names, into a
// temporary folder, and notes how they were delivered. Any other kind of file
// makes a family of one. The files are named after their kinds, so that no
// secret of an address gets into a report. The error is about the first
// address or about this machine; what goes wrong later is a remark in the
// family. The caller closes the result.
func Fetch(ctx context.Context, address string, opt FetchOptions) (*Fetched, error) {
	if opt.Client == nil {
		opt.Client = outbound.New(outbound.Options{MaxBytes: MaxFileBytes})
	}
	opt.MaxBytes = cmp.Or(opt.MaxBytes, 4<<30)
	opt.MaxFiles = cmp.Or(opt.MaxFiles, 300)
	opt.MaxTime = cmp.Or(opt.MaxTime, 30*time.Minute)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("fetch %s: it is not a complete address", clean(address))
	}
	dir, err := os.MkdirTemp(opt.Temp, "feedmill-check-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the files: %w", err)
	}
	f := &fetcher{opt: opt, out: &Fetched{Host: base.Host, dir: dir}, names: map[string]int{}, seen: map[string]bool{}}
	if err := f.all(ctx, base); err != nil {
		return nil, errors.Join(err, f.out.Close())
	}
	f.opt.Client.CloseIdleConnections()
	return f.out, nil
}

// clean leaves the secrets of an address out of a message.
func clean(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	return u.Scheme + "://" + u.Host
}

type fetcher struct {
	opt       FetchOptions
	out       *Fetched
	names     map[string]int
	seen      map[string]bool
	count     int
	validator bool // the lack of ETag and Last-Modified was told
}

func (f *fetcher) remark(name, code, format string, args ...any) {
	f.out.Remarks = append(f.out.Remarks, rules.Remark{File: name, Code: code, Message: fmt.Sprintf(format, args...)})
}

// all fetches the first address and what it names.
func (f *fetcher) all(ctx context.Context, base *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, f.opt.MaxTime)
	defer cancel()
	first := f.name(nameOf(base, ""))
	local, ok, err := f.file(ctx, base, first)
	if err != nil {
		return err
	}
	if !ok {
		// The status or the transfer is the finding; there is no file to judge.
		return nil
	}
	file := rules.File{Name: first, Open: opener(local)}
	src, kind, err := rules.OpenFile(ctx, &file)
	if err != nil {
		return err
	}
	defer src.Close() // only read
	if kind == schema.Gateway {
		first = "gateway.xml"
		for i := range f.out.Remarks {
			f.out.Remarks[i].File = first
		}
	}
	file.Name, file.Kind = first, kind
	f.out.Files = append(f.out.Files, file)
	if kind != schema.Gateway {
		return nil
	}
	pointers, err := rules.ReadGateway(ctx, src)
	if err != nil {
		return fmt.Errorf("read gateway: %w", err)
	}
	for i := range pointers {
		if f.stop(ctx, first) {
			return nil
		}
		if err := f.follow(ctx, base, first, &pointers[i]); err != nil {
			return err
		}
	}
	return f.manifest(ctx, base)
}

// stop reports, with a remark, that a limit is reached.
func (f *fetcher) stop(ctx context.Context, gateway string) bool {
	switch {
	case ctx.Err() != nil:
		f.remark(gateway, rules.CodeHTTPLimit, "the files took more than %s", f.opt.MaxTime)
	case f.out.Bytes >= f.opt.MaxBytes:
		f.remark(gateway, rules.CodeHTTPLimit, "the files have more than %d MB", f.opt.MaxBytes/1_000_000)
	case len(f.out.Files) >= f.opt.MaxFiles:
		f.remark(gateway, rules.CodeHTTPLimit, "the gateway names more than %d files", f.opt.MaxFiles-1)
	default:
		return false
	}
	return true
}

// follow fetches one file that the gateway names.
func (f *fetcher) follow(ctx context.Context, base *url.URL, gateway string, p *rules.Pointer) error {
	if p.URL == "" || f.seen[p.URL] {
		return nil
	}
	f.seen[p.URL] = true
	ref, err := url.Parse(p.URL)
	if err != nil {
		f.remark(gateway, rules.CodeHTTPRefused, "the address of %s cannot be read", p.Kind)
		return nil
	}
	target := base.ResolveReference(ref)
	name := f.name(nameOf(target, p.Kind))
	local, ok, err := f.file(ctx, target, name)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told by stop
		}
		f.remark(name, rules.CodeHTTPRefused, "%v", err)
		return nil
	}
	if ok {
		f.out.Files = append(f.out.Files, rules.File{Name: name, Kind: p.Kind, URL: p.URL, Open: opener(local)})
	}
	return nil
}

// manifest fetches the manifest.json beside a gateway.xml, if there is one.
func (f *fetcher) manifest(ctx context.Context, base *url.URL) error {
	if path.Base(base.Path) != "gateway.xml" {
		return nil
	}
	const name = "manifest.json"
	target := base.ResolveReference(&url.URL{Path: name})
	before := len(f.out.Remarks)
	local, ok, err := f.file(ctx, target, name)
	f.out.Remarks = f.out.Remarks[:before] // nobody promised a manifest
	if err != nil || !ok {
		return nil
	}
	file, err := os.Open(local)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	defer file.Close() // only read
	same := func(a, b string) bool {
		x, err := url.Parse(a)
		y, err2 := url.Parse(b)
		return err == nil && err2 == nil && base.ResolveReference(x).String() == base.ResolveReference(y).String()
	}
	return rules.ReadManifest(&f.out.Family, name, file,
		func(address string, file *rules.File) bool { return file.URL != "" && same(address, file.URL) },
		func(string) bool { return true })
}

// file fetches one file; ok is false when a remark says why there is none.
// The error is about the connection or about this machine.
func (f *fetcher) file(ctx context.Context, target *url.URL, name string) (local string, ok bool, err error) {
	if f.opt.Progress != nil {
		f.opt.Progress(name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return "", false, fmt.Errorf("fetch from %s: %w", target.Host, outbound.Hide(err))
	}
	req.Header.Set("Accept", "application/xml, text/xml;q=0.9, */*;q=0.1")
	req.Header.Set("Accept-Encoding", "identity")
	began := f.opt.Now()
	resp, err := f.opt.Client.Do(req)
	if err != nil {
		if errors.Is(err, outbound.ErrTooLarge) {
			f.remark(name, rules.CodeHTTPLimit, "%v", outbound.Hide(err))
			return "", false, nil
		}
		return "", false, fmt.Errorf("fetch from %s: %w", target.Host, outbound.Hide(err))
	}
	defer resp.Body.Close() // only read
	if d := f.opt.Now().Sub(began); d > slowHead {
		f.remark(name, rules.CodeHTTPSlow, "the head of the answer took %s", d.Round(time.Second))
	}
	if !f.head(resp, name) {
		return "", false, nil
	}
	f.count++
	local = filepath.Join(f.out.dir, fmt.Sprintf("%04d", f.count))
	to, err := os.Create(local)
	if err != nil {
		return "", false, fmt.Errorf("keep %s: %w", name, err)
	}
	left := f.opt.MaxBytes - f.out.Bytes
	n, err := io.Copy(to, io.LimitReader(resp.Body, left+1))
	if cerr := to.Close(); cerr != nil {
		return "", false, fmt.Errorf("keep %s: %w", name, cerr)
	}
	f.out.Bytes += n
	if said := resp.Header.Get("Content-Encoding"); (said == "" || said == "identity") && !strings.HasSuffix(target.Path, ".gz") && compressed(local) {
		f.remark(name, rules.CodeHTTPGzip, "its bytes are compressed, and no content encoding says so")
	}
	var disk *os.PathError
	switch {
	case errors.As(err, &disk):
		return "", false, fmt.Errorf("keep %s: %w", name, err)
	case errors.Is(err, outbound.ErrTooLarge):
		f.remark(name, rules.CodeHTTPLimit, "%v", err)
		return "", false, nil
	case err != nil && ctx.Err() != nil:
		return "", false, fmt.Errorf("fetch from %s: %w", target.Host, ctx.Err())
	case err != nil:
		f.remark(name, rules.CodeHTTPCut, "after %d bytes: %v", n, outbound.Hide(err))
	case n > left:
		f.remark(name, rules.CodeHTTPLimit, "the files have more than %d MB", f.opt.MaxBytes/1_000_000)
		return "", false, nil
	}
	if d := f.opt.Now().Sub(began); d > slowFile {
		f.remark(name, rules.CodeHTTPSlow, "the file took %s", d.Round(time.Second))
	}
	return local, true, nil
}

// compressed reports whether a file that was fetched begins as gzip does.
func compressed(local string) bool {
	file, err := os.Open(local)
	if err != nil {
		return false // who reads it will say so
	}
	defer file.Close() // only read
	var start [2]byte
	_, err = io.ReadFull(file, start[:])
	return err == nil && string(start[:]) == "\x1f\x8b"
}

// head judges the head of an answer, and reports whether a file follows.
func (f *fetcher) head(resp *http.Response, name string) bool {
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		f.remark(name, rules.CodeHTTPRedirect, "the answer is a redirect, status %d", resp.StatusCode)
		return false
	case resp.StatusCode != http.StatusOK:
		f.remark(name, rules.CodeHTTPStatus, "the answer has status %d", resp.StatusCode)
		return false
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/xml", "application/xml":
	default:
		f.remark(name, rules.CodeHTTPType, "the content type is %q", kind)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		f.remark(name, rules.CodeHTTPGzip, "the content encoding is %q", enc)
	}
	if resp.Header.Get("ETag") == "" && resp.Header.Get("Last-Modified") == "" && !f.validator {
		f.validator = true
		f.remark(name, rules.CodeHTTPValidator, "the answer has neither ETag nor Last-Modified")
	}
	return true
}

// name makes the name of a file unique.
func (f *fetcher) name(want string) string {
	f.names[want]++
	if n := f.names[want]; n > 1 {
		ext := path.Ext(want)
		return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(want, ext), n, ext)
	}
	return want
}

// nameOf names a file after its kind; a change file after its label.
func nameOf(address *url.URL, kind schema.Kind) string {
	if kind == schema.FullChange {
		if label := rules.Label(address.String()); label != "" {
			return "full_change" + label + ".xml"
		}
	}
	if kind != "" {
		return string(kind) + ".xml"
	}
	// Without a kind it is the address that somebody typed; the end of its
	// path says what he expects there.
	if base := path.Base(address.Path); strings.HasSuffix(base, ".xml") || strings.HasSuffix(base, ".xml.gz") {
		return base
	}
	return "document.xml"
}

func opener(local string) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return os.Open(local) }
}
