package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// problemKind is one sort of refusal. Its type never changes: programs go by it.
type problemKind struct {
	name   string
	status int
	title  string
}

// urn is the type of the problem in documents.
func (k problemKind) urn() string { return "urn:feedmill:problem:" + k.name }

// The problems, by status.
var (
	problemMalformed    = problemKind{"malformed-body", http.StatusBadRequest, "the body is not what it is declared to be"}
	problemParameter    = problemKind{"bad-parameter", http.StatusBadRequest, "a parameter or header cannot be used"}
	problemCursor       = problemKind{"bad-cursor", http.StatusBadRequest, "the cursor does not belong to this list"}
	problemKey          = problemKind{"key-needed", http.StatusUnauthorized, "a key is needed"}
	problemForbidden    = problemKind{"forbidden", http.StatusForbidden, "the key may not do that"}
	problemNotFound     = problemKind{"not-found", http.StatusNotFound, "there is no such thing"}
	problemMethod       = problemKind{"method-not-allowed", http.StatusMethodNotAllowed, "the address does not have this method"}
	problemStale        = problemKind{"stale-version", http.StatusConflict, "it has changed meanwhile"}
	problemConflict     = problemKind{"conflict", http.StatusConflict, "it goes against what is there"}
	problemInProgress   = problemKind{"request-in-progress", http.StatusConflict, "the same request is being carried out"}
	problemTooLarge     = problemKind{"too-large", http.StatusRequestEntityTooLarge, "the body is too long"}
	problemAddress      = problemKind{"address-too-long", http.StatusRequestURITooLong, "the address is too long"}
	problemMedia        = problemKind{"unsupported-media", http.StatusUnsupportedMediaType, "the body is of a type that is not taken"}
	problemInvalid      = problemKind{"invalid", http.StatusUnprocessableEntity, "something in the request is wrong"}
	problemReused       = problemKind{"idempotency-key-reused", http.StatusUnprocessableEntity, "the idempotency key belongs to another request"}
	problemVersion      = problemKind{"version-needed", http.StatusPreconditionRequired, "the version is needed that the change was made from"}
	problemTooMany      = problemKind{"too-many-requests", http.StatusTooManyRequests, "too many requests"}
	problemInternal     = problemKind{"internal", http.StatusInternalServerError, "something went wrong on this side"}
	problemUnavailable  = problemKind{"unavailable", http.StatusServiceUnavailable, "not available now"}
	problemRequestSlow  = problemKind{"too-slow", http.StatusRequestTimeout, "the body came too slowly"}
	problemBodyNotTaken = problemKind{"body-not-taken", http.StatusBadRequest, "this request has no body"}
)

// problemKinds lists them all, for the document.
func problemKinds() []problemKind {
	return []problemKind{problemMalformed, problemParameter, problemCursor, problemBodyNotTaken, problemKey, problemForbidden, problemNotFound, problemMethod,
		problemRequestSlow, problemStale, problemConflict, problemInProgress, problemTooLarge, problemAddress, problemMedia, problemInvalid, problemReused,
		problemVersion, problemTooMany, problemInternal, problemUnavailable}
}

// problemDoc is an RFC 9457 problem document.
type problemDoc struct {
	Type     string       `json:"type" doc:"what sort of problem it is; never changes"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Hint     string       `json:"hint,omitempty" doc:"what to do about it"`
	Instance string       `json:"instance,omitempty" doc:"names the request in the operator's log"`
	Errors   []fieldError `json:"errors,omitempty" doc:"what is wrong where in the body"`
	Conflict *conflictDoc `json:"conflict,omitempty" doc:"what has changed meanwhile"`
}

// conflictDoc is how a record stands against what was sent.
type conflictDoc struct {
	Object   string          `json:"object" doc:"what it is about, such as partner"`
	ID       string          `json:"id"`
	Expected int64           `json:"expected" doc:"the version that the change was made from"`
	Actual   int64           `json:"actual" doc:"the version as it is"`
	Fields   []differenceDoc `json:"fields" doc:"what differs between the record and what was sent"`
}

type differenceDoc struct {
	Name   string          `json:"name"`
	Actual json.RawMessage `json:"actual"`
	Sent   json.RawMessage `json:"sent"`
}

// refusal is a problem on its way out.
type refusal struct {
	kind   problemKind
	detail string
	hint   string
	errors []fieldError
	retry  time.Duration
	header http.Header
	err    error // for the log
}

// Error implements error.
func (r *refusal) Error() string { return r.kind.name + ": " + r.detail }

func (r *refusal) Unwrap() error { return r.err }

func refuse(kind problemKind, format string, args ...any) *refusal {
	return &refusal{kind: kind, detail: fmt.Sprintf(format, args...)}
}

// invalid refuses single places of the body.
func invalid(errs ...fieldError) *refusal { return &refusal{kind: problemInvalid, errors: errs} }

// problemOf turns an error into what the caller may know of it; fault says that
// it is for the operator's log.
func problemOf(err error) (doc problemDoc, header http.Header, fault bool) {
	header = http.Header{}
	var r *refusal
	if errors.As(err, &r) {
		doc = problemDoc{Type: r.kind.urn(), Title: r.kind.title, Status: r.kind.status, Detail: r.detail, Hint: r.hint, Errors: r.errors}
		for name, values := range r.header {
			header[name] = values
		}
		if r.retry > 0 {
			header.Set("Retry-After", strconv.Itoa(int((r.retry+time.Second-1)/time.Second)))
		}
		return doc, header, r.kind.status >= 500
	}
	kind := problemInternal
	switch feed.KindOf(err) {
	case feed.KindInvalid:
		kind = problemInvalid
	case feed.KindNotFound:
		kind = problemNotFound
	case feed.KindConflict:
		kind = problemConflict
	case feed.KindForbidden:
		kind = problemForbidden
	case feed.KindUnavailable:
		kind = problemUnavailable
		header.Set("Retry-After", "5")
	}
	doc = problemDoc{Type: kind.urn(), Title: kind.title, Status: kind.status}
	if kind.status >= 500 {
		return doc, header, true
	}
	doc.Detail, doc.Hint = said(err), feed.HintOf(err)
	if kind.status == http.StatusNotFound {
		// Nothing in it may tell what is somebody else's from what is not there.
		doc.Detail, doc.Hint = "", ""
	}
	var stale *partner.ConflictError
	if errors.As(err, &stale) {
		doc.Type, doc.Title = problemStale.urn(), problemStale.title
		doc.Conflict = conflictOf(stale)
		doc.Detail = "the change was made from version " + strconv.FormatInt(stale.From, 10) + ", it is at " + strconv.FormatInt(stale.Now, 10)
	}
	var patch *manage.PatchError
	if errors.As(err, &patch) {
		doc.Detail = "nothing was written"
		doc.Errors = append(doc.Errors, patchError(patch))
	}
	var lines *manage.LinesError
	if errors.As(err, &lines) {
		doc.Detail = "nothing was written"
		for _, p := range lines.Problems {
			doc.Errors = append(doc.Errors, lineError(&p))
		}
	}
	return doc, header, false
}

// said gives what an error says to users: what a part from outside has said, such
// as a database, is for operators.
func said(err error) string {
	text := err.Error()
	for {
		var e *feed.Error
		if !errors.As(err, &e) || e.Err == nil {
			return text
		}
		if err = e.Err; !errors.As(err, new(*feed.Error)) {
			return strings.TrimSuffix(strings.TrimSuffix(text, err.Error()), ": ")
		}
	}
}

func conflictOf(e *partner.ConflictError) *conflictDoc {
	c := &conflictDoc{Object: e.What, ID: e.ID, Expected: e.From, Actual: e.Now, Fields: []differenceDoc{}}
	for _, d := range e.Differences {
		c.Fields = append(c.Fields, differenceDoc{d.Name, rawOr(d.Stands), rawOr(d.Sent)})
	}
	return c
}

// rawOr gives JSON as it is, and null for what is none.
func rawOr(s string) json.RawMessage {
	if !json.Valid([]byte(s)) {
		return json.RawMessage("null")
	}
	return json.RawMessage(s)
}

// encodeJSON writes a document as answers hold it: one line, ended.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
