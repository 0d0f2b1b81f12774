package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// How slowly a body may come: so many bytes a second, once the
// first moments are over.
const (
	bodyGrace = 10 * time.Second
	bodyRate  = 1 << 10
)

// paced gives the connection a deadline that moves on with what has arrived.
type paced struct {
	r     io.Reader
	rc    *http.ResponseController
	start time.Time
	n     int64
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	// A server that has no deadlines, as in tests, is none that waits.
	_ = p.rc.SetReadDeadline(p.start.Add(bodyGrace + time.Duration(p.n/bodyRate)*time.Second))
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// mediaType gives the type of the body, without parameters.
func (c *call) mediaType() string {
	name, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return ""
	}
	return name
}

// readBody reads the body within its limits. release is to be called when the
// request is done.
func (c *call) readBody() (body []byte, release func(), err error) {
	release = func() {}
	spec := c.op.body
	if spec == nil {
		if c.r.ContentLength > 0 || len(c.r.TransferEncoding) > 0 {
			return nil, release, refuse(problemBodyNotTaken, "")
		}
		return nil, release, nil
	}
	if c.r.ContentLength == 0 && spec.spare {
		return nil, release, nil
	}
	if !slices.Contains(spec.media, c.mediaType()) {
		return nil, release, &refusal{kind: problemMedia, hint: "send " + strings.Join(spec.media, " or ") + " in UTF-8"}
	}
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, release, &refusal{kind: problemMedia, hint: "send the body uncompressed"}
	}
	if c.r.ContentLength > spec.limit {
		return nil, release, refuse(problemTooLarge, "at most %d bytes are taken here", spec.limit)
	}
	if spec.heavy {
		select {
		case c.api.heavy <- struct{}{}:
			release = func() { <-c.api.heavy }
		default:
			return nil, release, &refusal{kind: problemUnavailable, detail: "too many large requests are being worked on", retry: time.Second}
		}
	}
	rc := http.NewResponseController(c.w)
	limited := http.MaxBytesReader(c.w, io.NopCloser(&paced{r: c.r.Body, rc: rc, start: time.Now()}), spec.limit)
	body, err = io.ReadAll(limited)
	_ = rc.SetReadDeadline(time.Time{})
	if err != nil {
		release()
		release = func() {}
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return nil, release, refuse(problemTooLarge, "at most %d bytes are taken here", spec.limit)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, release, refuse(problemRequestSlow, "")
		}
		return nil, release, refuse(problemMalformed, "the body ended too early")
	}
	return body, release, nil
}

// linesOf gives a body as lines: as it is, or from a JSON array with a line for
// each item.
func linesOf(body []byte, media string) ([]byte, error) {
	if media != "application/json" {
		return body, nil
	}
	if !utf8.Valid(body) {
		return nil, refuse(problemMalformed, "the text is not UTF-8")
	}
	if text := bytes.TrimLeft(body, " \t\r\n"); len(text) == 0 || text[0] != '[' {
		return nil, refuse(problemMalformed, "the body is no array: send an array of objects, or one object a line as application/x-ndjson")
	}
	var items []json.RawMessage
	if err := json.Unmarshal(body, &items); err != nil {
		return nil, refuse(problemMalformed, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	var b bytes.Buffer
	b.Grow(len(body))
	for _, item := range items {
		// Compacted, an item has no line end: JSON texts hold none.
		if err := json.Compact(&b, item); err != nil {
			return nil, refuse(problemMalformed, "%s", err)
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}
