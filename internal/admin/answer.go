package admin

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// write sends a reply.
func (c *call) write(rep reply) error {
	h := c.w.Header()
	if rep.flash != nil {
		c.panel.leaveFlash(c.w, *rep.flash)
	}
	if rep.to != "" {
		if c.scripted() {
			// A script follows a redirect by itself and would put the page into the row.
			h.Set("HX-Redirect", rep.to)
			c.w.WriteHeader(http.StatusNoContent)
			return nil
		}
		h.Set("Location", rep.to)
		c.w.WriteHeader(rep.status)
		return nil
	}
	body, err := c.panel.render(c.screen(rep), rep.page, rep.part, c.zone)
	if err != nil {
		return err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding, HX-Request")
	if !rep.secret && len(body) > 1400 && takesGzip(c.r) {
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, 5)
		if err != nil {
			return err
		}
		if _, err := z.Write(body); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		h.Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.w.WriteHeader(rep.status)
	if c.r.Method != http.MethodHead {
		// A browser that has gone away needs no answer.
		_, _ = c.w.Write(body)
	}
	return nil
}

// render executes a page, or one block of it.
func (p *Panel) render(s *screen, page, part string, zone *time.Location) ([]byte, error) {
	set, err := p.templates.in(s.Lang, zone)
	if err != nil {
		return nil, err
	}
	t := set.pages[page]
	if t == nil {
		return nil, fmt.Errorf("there is no page %q", page)
	}
	block, dot := "layout.html", any(s)
	if part != "" {
		block, dot = part, s.Data
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, block, dot); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// screen puts together what the layout shows.
func (c *call) screen(rep reply) *screen {
	s := &screen{Page: rep.page, Lang: c.lang, Address: c.r.URL.RequestURI(), Merchant: c.merchant.Name, Sharing: c.merchant.SharingEnabled,
		Tongues: tongues(), Flash: c.flash, Data: rep.data}
	if c.panel.opt.Journal != nil && c.session.Stage == auth.StageIn {
		if s.Live = root + "/events"; !c.user.Role.Staff() {
			s.Live = root + "/portal/events"
		}
	}
	if c.session.Stage == auth.StageIn {
		s.User = &userView{Login: c.user.Login, Name: c.user.Name, Role: c.user.Role, Staff: c.user.Role.Staff(), identity: c.who}
		s.Nav = navOf(c.who, c.user.Role, s.Address)
		s.NeedsFactor = c.user.Role == auth.Owner && !c.user.Factor.On()
	}
	return s
}

// maxFlash is how long the message of a cookie may be.
const maxFlash = 1000

// leaveFlash has the next page tell a message.
func (p *Panel) leaveFlash(w http.ResponseWriter, s said) {
	text, err := json.Marshal(s)
	if err != nil || len(text) > maxFlash {
		// What does not fit is left out: the page itself shows what is so.
		return
	}
	p.setCookie(w, flashCookie, base64.RawURLEncoding.EncodeToString(text), 5*time.Minute)
}

// takeFlash gives the message that was left, once.
func (p *Panel) takeFlash(c *call) []said {
	cookie, err := c.r.Cookie(p.cookie(flashCookie))
	if err != nil || c.r.Method != http.MethodGet || c.r.Header.Get("Accept") == "text/event-stream" {
		return nil
	}
	p.setCookie(c.w, flashCookie, "", 0)
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	var s said
	if err != nil || json.Unmarshal(text, &s) != nil || !p.words.has(s.Key) {
		return nil
	}
	for i, a := range s.Args {
		// JSON knows no whole numbers; plural forms want them.
		if f, ok := a.(float64); ok {
			s.Args[i] = int64(f)
		}
	}
	return []said{s}
}

// problemView tells what is wrong with a request.
type problemView struct {
	Status int
	// Key is the message, Detail what the part that refused has said.
	Key, Detail, Request string
}

// problem turns an error into a page.
func (c *call) problem(err error) reply {
	var stale *partner.ConflictError
	if errors.As(err, &stale) {
		rep, failed := c.conflict(stale)
		if failed == nil {
			return rep
		}
		err = failed
	}
	v := problemView{Detail: message(err), Request: c.panel.opt.RequestID(c.ctx)}
	switch feed.KindOf(err) {
	case feed.KindNotFound:
		v.Status, v.Key, v.Detail = http.StatusNotFound, "problem.notfound", ""
		if c.r.Method == http.MethodPost && c.session.Stage == auth.StageIn {
			// He has the page before him, and wants to know what became of what he sent.
			v.Key = "problem.gone"
		}
	case feed.KindForbidden:
		v.Status, v.Key, v.Detail = http.StatusForbidden, "problem.forbidden", ""
	case feed.KindInvalid:
		v.Status, v.Key = http.StatusUnprocessableEntity, "problem.invalid"
	case feed.KindConflict:
		v.Status, v.Key = http.StatusConflict, "problem.conflict"
	case feed.KindUnavailable:
		v.Status, v.Key, v.Detail = http.StatusServiceUnavailable, "problem.unavailable", ""
		c.panel.opt.Log.ErrorContext(c.ctx, "a part does not answer", slog.Any("error", err))
	default:
		v.Status, v.Key, v.Detail = http.StatusInternalServerError, "problem.internal", ""
		if c.ctx.Err() == nil {
			c.panel.opt.Log.ErrorContext(c.ctx, "request failed", slog.Any("error", err))
		}
	}
	if c.scripted() {
		// The page itself, loaded anew, tells how things stand.
		c.panel.leaveFlash(c.w, said{"problem.script", []any{c.say(v.Key), c.told(v.Detail, "")}})
		c.w.Header().Set("HX-Refresh", "true")
	}
	return reply{status: v.Status, page: "problem", data: v}
}
