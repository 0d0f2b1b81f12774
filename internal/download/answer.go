package download

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"feedmill/internal/partner"
)

// problemDoc is an RFC 9457 problem document.
type problemDoc struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// problemDisabled is the type of the one refusal that says something.
const problemDisabled = "urn:feedmill:problem:feed-disabled"

// problem answers with a problem document; kind "" is about:blank.
func (c *call) problem(status int, kind, title, detail string) {
	if kind == "" {
		kind = "about:blank"
	}
	// Texts of ours only: it cannot fail.
	b, _ := json.Marshal(problemDoc{kind, title, status, detail})
	h := c.w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(b)
	}
}

// notFound is the one answer to everything that is not there or not for this
// client. why is not told to him.
func (c *call) notFound(why string) {
	c.why = why
	c.problem(http.StatusNotFound, "", "not found", "")
}

// bareRange answers who goes on with a file at an address that shows others from
// time to time, and does not say with which. Programs that do so put the rest of
// the new file behind the beginning of the old one, and it may even be
// well-formed: wget does, by itself and in the same run. The whole file would
// not help: wget leaves out the beginning of that and ends with success, as it
// does at 416. This status makes it fail, and curl too.
func (c *call) bareRange() {
	clearBody(c.w.Header())
	c.why = whyBareRange
	c.problem(http.StatusPreconditionRequired, "", "nobody knows which file this goes on with",
		"this address shows the newest file: begin anew, go on with If-Range, or use the addresses in the gateway, whose files never change")
}

// unavailable answers what may be there in a minute; err goes into the log alone.
func (c *call) unavailable(why string, err error) {
	c.why = why
	if err != nil {
		c.detail = err.Error()
	}
	c.w.Header().Set("Retry-After", "30")
	c.problem(http.StatusServiceUnavailable, "", "not available now", "try again in a minute")
}

// tooMany answers who asks for more than the limits allow.
func (c *call) tooMany(why string, wait time.Duration) {
	c.why, c.refusal = why, partner.RefusedLimit
	wait = min(max(wait, time.Second), time.Hour)
	c.w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	c.problem(http.StatusTooManyRequests, "", "too many requests", "ask less often, or for fewer files at a time")
}

// refuse answers a refusal of the policy.
func (c *call) refuse(e *entry, why partner.Refusal) {
	c.refusal = why
	if why.SwitchedOff() && e != nil && e.merchant.RevealDisabled {
		c.why = why.String()
		c.problem(http.StatusForbidden, problemDisabled, "feed disabled", "the supplier has switched this feed off; the address stays the same")
		return
	}
	c.notFound(why.String())
}

// open finds the entry behind the link in the request's path, or answers and
// gives false.
func (c *call) open(segment string) bool {
	text := segment
	if segment == "-" {
		var ok bool
		if text, ok = credentials(c.r); !ok {
			c.w.Header().Set("WWW-Authenticate", `Basic realm="feeds", charset="UTF-8"`)
			c.why = whyCredentials
			c.problem(http.StatusUnauthorized, "", "credentials needed", "send the link as a bearer token or as the password of Basic authentication")
			return false
		}
	}
	return c.openSecret(text, segment)
}

// openSecret is open for a secret from anywhere; segment is what stands for it
// in addresses of the answer.
func (c *call) openSecret(text, segment string) bool {
	secret, ok := partner.ParseSecret(text)
	if !ok {
		c.notFound(whyMalformed)
		return false
	}
	c.link = secret.Link()
	e, why := c.dir.find(secret, c.now)
	c.holder = e
	if why == partner.Allowed && !e.link.Admits(c.addr) {
		why = partner.RefusedAddress
	}
	if why != partner.Allowed {
		c.refuse(e, why)
		return false
	}
	if !c.enterLink() {
		return false
	}
	c.entry, c.segment = e, segment
	return true
}

// credentials gives the link that an Authorization header carries.
func credentials(r *http.Request) (string, bool) {
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token), true
	}
	return "", false
}
