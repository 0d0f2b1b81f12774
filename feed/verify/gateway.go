package verify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"

	"feedmill/internal/outbound"
)

// maxFile is what one fetched file may have, unless the client says otherwise.
const maxFile = 4 << 30

// moves is how often gateway and manifest are read until both are of one
// publication.
const moves = 4

// Gateway proves an offer that is served: it reads the gateway at an address,
// the manifest beside it and every file that they name, plain and compressed.
// client makes the requests; nil means the strict one of package outbound. Its
// redirects must not be followed. The error says that the address cannot be
// read at all; whatever is wrong with what comes is in the report. No part of
// an address but generation and file name stands in the report.
func Gateway(ctx context.Context, client *http.Client, address string, opt Options) (Report, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return Report{}, errors.New("verify: the address is not a complete one, such as https://feeds.example.com/o/SECRET/gateway.xml")
	}
	if client == nil {
		client = outbound.New(outbound.Options{MaxBytes: maxFile})
	}
	dir, err := os.MkdirTemp(opt.Temp, "feedmill-verify-")
	if err != nil {
		return Report{}, fmt.Errorf("make a folder for the files: %w", err)
	}
	s := &served{offer: &offer{checker: newChecker("the offer at "+base.Host, opt)}, client: client, base: base, dir: dir}
	s.rep.Offers = 1
	err = s.run(ctx)
	if rerr := os.RemoveAll(dir); err == nil && rerr != nil {
		err = fmt.Errorf("remove the fetched files: %w", rerr)
	}
	client.CloseIdleConnections()
	if err != nil {
		return Report{}, fmt.Errorf("verify the offer at %s: %w", base.Host, err)
	}
	return s.close(), nil
}

// served is an offer on a server under check.
type served struct {
	*offer
	client  *http.Client
	base    *url.URL
	dir     string
	files   int
	fetched int64
}

func (s *served) run(ctx context.Context) error {
	if err := s.documents(ctx); err != nil {
		return err
	}
	switch {
	case s.manifest == nil && s.gateway == nil:
		return nil
	case s.manifest == nil:
		s.entriesOfGateway()
	}
	for address, e := range s.byURL {
		e.open = s.opener(address, "identity")
		if e.gzip.hasSHA {
			e.openGzip = s.opener(address, "gzip")
		}
	}
	return s.judge(ctx)
}

// documents fetches gateway and manifest until both are of one publication.
func (s *served) documents(ctx context.Context) error {
	var gateway, manifest []byte
	var err, missing error
	for try := 0; ; try++ {
		var before []byte
		if before, err = s.document(ctx, s.base, try == 0); err != nil {
			return s.told(gatewayName, err)
		}
		if gateway != nil && bytes.Equal(gateway, before) {
			break
		}
		if gateway != nil && try == moves {
			s.add(ruleHTTPMoving, place{file: gatewayName}, "it changed in %d readings", try)
			break
		}
		gateway = before
		if manifest, err = s.document(ctx, s.manifestURL(), false); err != nil {
			var bad *fileError
			if !errors.As(err, &bad) {
				return err
			}
			manifest, missing = nil, err
		}
	}
	s.rep.Files += 2
	if err := s.readGateway(ctx, gateway); err != nil {
		return err
	}
	if manifest == nil {
		s.add(ruleManifestMissing, place{file: manifestName}, "it is not to be had: %v", missing)
		return nil
	}
	s.readManifest(manifest)
	return nil
}

// manifestURL gives the address of the manifest, which lies beside the gateway.
func (s *served) manifestURL() *url.URL {
	return s.base.ResolveReference(&url.URL{Path: manifestName})
}

// document fetches gateway or manifest. Not to reach the server at all is an
// error of the check the first time, and a finding later.
func (s *served) document(ctx context.Context, from *url.URL, first bool) ([]byte, error) {
	s.progress(path.Base(from.Path))
	body, err := s.get(ctx, from, "identity")
	var bad *fileError
	switch {
	case first && errors.As(err, &bad) && bad.rule == ruleHTTPBroken:
		return nil, bad.err
	case first && errors.As(err, &bad) && bad.rule == ruleHTTPStatus:
		return nil, &fileError{ruleGatewayMissing, bad.err}
	case err != nil:
		return nil, err
	}
	defer body.Close() // only read
	data, err := io.ReadAll(io.LimitReader(body, maxDocument))
	s.tick(int64(len(data)))
	if err != nil {
		return nil, &fileError{ruleHTTPBroken, outbound.Hide(err)}
	}
	return data, nil
}

// get asks for an address in one content coding.
func (s *served) get(ctx context.Context, from *url.URL, coding string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, &fileError{ruleHTTPBroken, outbound.Hide(err)}
	}
	req.Header.Set("Accept-Encoding", coding)
	resp, err := s.client.Do(req)
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), closed(resp))
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, &fileError{ruleHTTPLimit, outbound.Hide(err)}
	case err != nil:
		return nil, &fileError{ruleHTTPBroken, outbound.Hide(err)}
	case resp.StatusCode != http.StatusOK:
		return nil, errors.Join(&fileError{ruleHTTPStatus, fmt.Errorf("the answer has status %d", resp.StatusCode)}, closed(resp))
	}
	got := resp.Header.Get("Content-Encoding")
	if got == "" {
		got = "identity"
	}
	if got != coding || resp.Uncompressed {
		return nil, errors.Join(&fileError{ruleHTTPEncoding, fmt.Errorf("the answer has the content coding %q, and %q was asked for", got, coding)}, closed(resp))
	}
	return resp.Body, nil
}

func closed(resp *http.Response) error {
	if resp == nil {
		return nil
	}
	return resp.Body.Close()
}

// opener fetches a file when it is opened first, and reads the copy then.
func (s *served) opener(address, coding string) opener {
	local := ""
	return func(ctx context.Context) (io.ReadCloser, int64, error) {
		if local == "" {
			var err error
			if local, err = s.fetch(ctx, address, coding); err != nil {
				return nil, 0, err
			}
		}
		f, err := os.Open(local)
		if err != nil {
			return nil, 0, fmt.Errorf("read a fetched file: %v", err)
		}
		return f, -1, nil
	}
}

// fetch copies a file here.
func (s *served) fetch(ctx context.Context, address, coding string) (local string, err error) {
	ref, err := url.Parse(address)
	if err != nil {
		return "", &fileError{ruleHTTPBroken, errors.New("its address cannot be read")}
	}
	body, err := s.get(ctx, s.base.ResolveReference(ref), coding)
	if err != nil {
		return "", err
	}
	defer body.Close() // only read
	from := bufio.NewReader(body)
	switch start, _ := from.Peek(2); { // an error comes again from Read
	case len(start) < 2:
	case coding == "identity" && string(start) == "\x1f\x8b":
		return "", &fileError{ruleHTTPEncoding, errors.New("the answer is compressed, and no Content-Encoding says so")}
	case coding == "gzip" && string(start) != "\x1f\x8b":
		return "", &fileError{ruleHTTPEncoding, errors.New("the answer is not compressed, and its Content-Encoding says that it is")}
	}
	s.files++
	f, err := os.CreateTemp(s.dir, "file-*")
	if err != nil {
		return "", fmt.Errorf("keep a fetched file: %w", err)
	}
	left := s.opt.MaxBytes - s.fetched
	n, err := io.Copy(f, io.LimitReader(from, left+1))
	s.fetched += n
	cerr := f.Close()
	var disk *os.PathError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &disk), err == nil && cerr != nil:
		return "", fmt.Errorf("keep a fetched file: %w", errors.Join(err, cerr))
	case errors.Is(err, outbound.ErrTooLarge), n > left:
		return "", &fileError{ruleHTTPLimit, fmt.Errorf("the files have more than %d MB", s.opt.MaxBytes/1_000_000)}
	case err != nil:
		return "", &fileError{ruleHTTPBroken, fmt.Errorf("after %d bytes: %w", n, outbound.Hide(err))}
	}
	return f.Name(), nil
}
