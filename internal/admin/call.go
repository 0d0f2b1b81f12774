package admin

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// root is the path that everything here lies below.
const root = "/panel"

// call is one request that has come as far as a page.
type call struct {
	panel *Panel
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	// session and user are zero on pages for everybody.
	session auth.Session
	user    auth.User
	// who is what the user may do; its role is none for a partner's people.
	who  manage.Identity
	lang string
	zone *time.Location
	// merchant is the user's.
	merchant partner.Merchant
	flash    []said
}

// handler serves one route.
type handler func(c *call) (reply, error)

// reply is what a handler answers with. The zero reply has been written already.
type reply struct {
	status int
	// page is the template, data what it shows; part is one block of it alone,
	// for scripts that replace a piece of the page.
	page, part string
	data       any
	to         string
	flash      *said
	// secret says that the page shows a secret: nobody keeps it, and nothing
	// packs it together with what somebody has sent.
	secret bool
	done   bool
}

// show answers with a page.
func show(page string, data any) reply { return reply{status: http.StatusOK, page: page, data: data} }

// piece answers with one block of a page.
func piece(page, block string, data any) reply {
	return reply{status: http.StatusOK, page: page, part: block, data: data}
}

// wrong answers with a page whose form has something wrong in it.
func wrong(page string, data any) reply {
	return reply{status: http.StatusUnprocessableEntity, page: page, data: data}
}

// move sends the browser to another page, by GET. path lies below root.
func move(path string) reply { return reply{status: http.StatusSeeOther, to: root + path} }

// written says that the handler has answered by itself.
func written() reply { return reply{done: true} }

// saying has the next page tell a message.
func (r reply) saying(key string, args ...any) reply {
	r.flash = &said{key, args}
	return r
}

// hidden marks a page that shows a secret.
func (r reply) hidden() reply {
	r.secret = true
	return r
}

// may says whether the user may do something to things of his merchant. Pages
// ask it to leave out what would be refused.
func (c *call) may(do manage.Action) bool { return manage.Allow(c.who, do, c.who.Merchant) }

// form reads the form that was sent.
func (c *call) form() (*form, error) { return readForm(c.w, c.r) }

// path gives a part of the path, such as the id in "/partners/{partner}".
func (c *call) path(name string) string { return c.r.PathValue(name) }

// query gives a value of the address, cut to a sensible length.
func (c *call) query(name string) string {
	v := c.r.URL.Query().Get(name)
	if len(v) > 200 {
		v = v[:200]
	}
	return trimmed(strings.ToValidUTF8(v, ""))
}

// scripted says that a script asks for a piece of the page.
func (c *call) scripted() bool {
	return c.r.Header.Get("HX-Request") == "true" && c.r.Header.Get("HX-Boosted") == ""
}

// say gives a message in the user's language.
func (c *call) say(key string, args ...any) string { return c.panel.words.say(c.lang, key, args...) }

// now is the clock.
func (c *call) now() time.Time { return c.panel.opt.Now() }

// proved says whether the password was given lately; where it was not, the
// reply asks for it and comes back to a page. What was sent goes along.
func (c *call) proved(back string) (reply, bool) {
	if c.session.Fresh(c.now()) {
		return reply{}, true
	}
	// A form that cannot be read is refused by whoever reads it next.
	if text, err := c.carried(); err == nil && text != "" {
		c.flash = append(c.flash, said{"prove.why", nil})
		return show("prove", proveView{newForm(), back, text}), false
	}
	to := "/prove?back=" + queryEscape(back)
	if c.r.Method == http.MethodPost {
		to += "&again=1" // the button has to be pressed once more
	}
	return move(to).saying("prove.why"), false
}

// notFound is the error of a page that is not there.
func notFound(what string) error { return feed.Errorf(feed.KindNotFound, "there is no %s", what) }

// speaker writes numbers and times as the user's pages do.
func (c *call) speaker() *speaker {
	return &speaker{words: c.panel.words, lang: c.lang, zone: c.zone, now: c.panel.opt.Now}
}

// seconds writes a time for headers.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second)+1, 10) }
