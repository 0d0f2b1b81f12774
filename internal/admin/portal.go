package admin

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// recipient is what a partner's people may know: the partner, his offers, and an
// identity that reads. Whatever the portal shows of an offer goes through
// [recipient.offer], so that nothing of anybody else's is ever asked for.
type recipient struct {
	reads   manage.Identity
	partner partner.Partner
	offers  []partner.Offer
}

// recipient gives what the one who asks may know.
func (c *call) recipient() (r recipient, err error) {
	if c.user.Role != auth.Portal || !c.user.Partner.Valid() {
		return r, &feed.Error{Kind: feed.KindForbidden, Message: "you may not do that"}
	}
	r.reads = manage.Identity{Merchant: c.user.Merchant, Role: manage.RoleReadonly, Actor: c.who.Actor}
	if r.partner, err = c.panel.opt.Manage.Partner(c.ctx, r.reads, string(c.user.Partner)); err != nil {
		return r, err
	}
	if r.partner.ID != c.user.Partner {
		return r, notFound("such partner")
	}
	list, err := c.panel.opt.Manage.Offers(c.ctx, r.reads, r.partner.ID)
	r.offers = slices.DeleteFunc(list, func(o partner.Offer) bool { return o.Partner != r.partner.ID })
	return r, err
}

// offer gives one of the partner's own offers.
func (r *recipient) offer(id string) (*partner.Offer, error) {
	i := slices.IndexFunc(r.offers, func(o partner.Offer) bool { return string(o.ID) == id })
	if i < 0 {
		return nil, notFound("such offer")
	}
	return &r.offers[i], nil
}

// portalView is a partner's own page.
type portalView struct {
	Partner string
	Blocked bool
	Offers  []portalOffer
	Request *form
	// Asked says that a request waits for the merchant.
	Asked bool
}

// portalOffer is one offer of a partner.
type portalOffer struct {
	ID, Name, Languages, Currency string
	Readable                      bool
	Links                         []linkLine
	Full, Light                   *portalFeed
	Expires                       time.Time
	Check                         *checkView
}

// portalFeed is the current generation of a feed.
type portalFeed struct {
	Number, Products int64
	Time             time.Time
	Files            []fileLine
	Sample           bool
}

// checkView is the result of a validation.
type checkView struct {
	Done, Running bool
	At            time.Time
	Files         []checkedFile
}

// checkedFile is one file that was validated.
type checkedFile struct {
	Name             string
	Valid            bool
	Errors, Warnings int
	Elements, Bytes  int64
	// First is the first thing that is wrong, nil for none.
	First *faultView
}

// faultView is one thing that is wrong with a file.
type faultView struct {
	// Kind is a word of the family "finding".
	Kind         string
	Line, Column int
	Path         string
	// Said is what the checker says, which is English.
	Said string
}

// askTag marks a partner who has asked for something.
const askTag = "request"

// maxRequest is how many characters a request may have.
const maxRequest = 1000

func portalPage() page {
	return page{name: "portal", routes: []route{
		get("/portal", portal(), showPortal),
		send("/portal/request", portal(), askAccess),
		post("/portal/{offer}/check", portal(), checkOffer),
		get("/portal/{offer}/sample/{file}", portal(), sampleFile),
	}, stories: func(s *scene) []story {
		files := []fileLine{{"full.xml", "full", 800, s.ago(9 * time.Hour), 104_217, 412_000_000, "9f86d081884c7d659a2feaa0c55ad015", strings.Repeat("ab", 32)}, {"full_change2026-11-21T13-30-00.xml", "full_change", 812, s.ago(time.Hour), 311, 1_200_000, "0c86d081884c7d659a2feaa0c55ad015", strings.Repeat("cd", 32)}}
		light := []fileLine{{"light.xml", "light", 813, s.ago(time.Minute), 104_217, 18_000_000, "aa86d081884c7d659a2feaa0c55ad015", strings.Repeat("ef", 32)}}
		o := portalOffer{ID: "o-aaaaaaaaaaaaaaaa", Name: "Main", Languages: "nor, eng", Currency: "NOK", Readable: true, Expires: s.now.Add(7 * 24 * time.Hour),
			Links: []linkLine{{ID: "l-bbbbbbbbbbbbbbbb", Name: "shop software", State: "live", CIDRs: "203.0.113.0/24", LastUsed: s.ago(time.Minute), Live: true}},
			Full:  &portalFeed{812, 104_217, s.ago(time.Hour), files, true}, Light: &portalFeed{813, 104_217, s.ago(time.Minute), light, true},
			Check: &checkView{Done: true, At: s.ago(time.Minute), Files: []checkedFile{{"full.xml", true, 0, 0, 9_000_000, 412_000_000, nil}, {"light.xml", false, 1, 2, 400_000, 18_000_000, &faultView{"XSD-ELEMENT-ORDER", 3, 7, "/offer/products/product[1]", "<price> is not allowed at this place in <product>; expected <sizes>"}}}}}
		off := portalOffer{ID: "o-bbbbbbbbbbbbbbbb", Name: "Tylko <lampki>"}
		unchecked := o
		unchecked.Check = nil
		checking := o
		checking.Check = &checkView{Running: true}
		bad := newForm("text", "")
		bad.fail("text", "form.needed")
		return []story{
			{state: "plain", role: auth.Portal, data: portalView{Partner: "Nord Shop", Offers: []portalOffer{o, off}, Request: newForm()}},
			{state: "unchecked", role: auth.Portal, data: portalView{Partner: "Nord Shop", Offers: []portalOffer{unchecked}, Request: newForm()}},
			{state: "checking", role: auth.Portal, data: portalView{Partner: "Nord Shop", Offers: []portalOffer{checking}, Request: newForm(), Asked: true}},
			{state: "blocked", role: auth.Portal, data: portalView{Partner: "Nord Shop", Blocked: true, Request: bad}},
		}
	}}
}

func languagesOf(p *feed.Profile) string {
	var list []string
	for _, l := range p.Languages {
		list = append(list, l.String())
	}
	return strings.Join(list, ", ")
}

func (c *call) portal(f *form) (v portalView, err error) {
	r, err := c.recipient()
	if err != nil {
		return v, err
	}
	v = portalView{Partner: r.partner.Name, Blocked: r.partner.State == partner.StateBlocked, Request: f, Asked: slices.Contains(r.partner.Tags, askTag)}
	for i := range r.offers {
		o, err := c.portalOffer(&r, &r.offers[i])
		if err != nil {
			return v, err
		}
		v.Offers = append(v.Offers, o)
	}
	return v, nil
}

func (c *call) portalOffer(r *recipient, o *partner.Offer) (v portalOffer, err error) {
	v = portalOffer{ID: string(o.ID), Name: o.Name, Languages: languagesOf(&o.Profile), Currency: o.Profile.Currency.String(), Readable: partner.Readable(&c.merchant, &r.partner, o, c.now())}
	links, err := c.panel.opt.Manage.Links(c.ctx, r.reads, o.ID)
	if err != nil {
		return v, err
	}
	v.Links = linkLines(links, c.now())
	if !v.Readable {
		return v, nil // what he may not read he is not told of either
	}
	full, light, err := c.panel.opt.Manage.Published(c.ctx, r.reads, o.ID)
	if err != nil {
		return v, err
	}
	if full != nil && light != nil {
		v.Expires = publish.OfferExpires(full, light)
	}
	v.Full, v.Light = portalFeedOf(o, full), portalFeedOf(o, light)
	v.Check = c.panel.checks.view(checkKey(c.user.Merchant, full, light))
	return v, nil
}

func portalFeedOf(o *partner.Offer, g *publish.Generation) *portalFeed {
	if g == nil {
		return nil
	}
	v := &portalFeed{Number: g.Number, Products: g.Products, Time: g.Time}
	for i, f := range filesOf(g) {
		if o.Files.Has(g.Files[i].Kind) {
			v.Files = append(v.Files, f)
			v.Sample = v.Sample || g.Files[i].Kind == feed.KindFull || g.Files[i].Kind == feed.KindLight
		}
	}
	return v
}

func showPortal(c *call) (reply, error) {
	v, err := c.portal(newForm())
	return show("portal", v), err
}

// askAccess passes a request on: the merchant finds it in the partner's notes,
// and the partner in the list by a tag.
func askAccess(c *call, f *form) (reply, error) {
	text := f.text("text", maxRequest)
	if text == "" {
		f.fail("text", "form.needed")
	}
	r, err := c.recipient()
	if err != nil {
		return reply{}, err
	}
	if slices.Contains(r.partner.Tags, askTag) {
		f.fail("text", "portal.asked")
	}
	if !f.Failed() {
		// The one thing that a partner's people write about themselves: nothing but
		// the note and the tag differs from what stands there.
		p := r.partner
		p.Tags = append(slices.Clone(p.Tags), askTag)
		p.Notes = strings.TrimSpace(p.Notes + "\n\n" + c.now().In(c.zone).Format("2006-01-02 15:04") + " " + c.user.Login + ":\n" + text)
		writes := r.reads
		writes.Role = manage.RoleManager
		_, err := c.panel.opt.Manage.UpdatePartner(c.ctx, writes, p)
		var stale *partner.ConflictError
		if errors.As(err, &stale) {
			f.fail("", "portal.again") // somebody has changed him this moment; the difference is not for him
		} else if err := f.take("text", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.portal(f)
		return wrong("portal", v), err
	}
	return move("/portal").saying("portal.sent"), nil
}

// sampleProducts is how many products a sample has.
const sampleProducts = 10

// sampleFile gives the first products of a current file as a document of its own.
func sampleFile(c *call) (_ reply, err error) {
	r, err := c.recipient()
	if err != nil {
		return reply{}, err
	}
	o, err := r.offer(c.path("offer"))
	if err != nil {
		return reply{}, err
	}
	name := c.path("file")
	kind := map[string]feed.Kind{"full.xml": feed.KindFull, "light.xml": feed.KindLight}[name]
	if kind == 0 || !o.Files.Has(kind) || !partner.Readable(&c.merchant, &r.partner, o, c.now()) {
		return reply{}, notFound("such file")
	}
	body, _, err := c.panel.opt.Manage.OpenFile(c.ctx, r.reads, o.ID, name)
	if err != nil {
		return reply{}, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	out, err := sampleOf(body)
	if err != nil {
		return reply{}, err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/xml; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="sample-`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(out)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(out) // to one who may have gone
	return written(), nil
}

// sampleOf gives the beginning of a document with its elements closed.
func sampleOf(in io.Reader) ([]byte, error) {
	r := patch.NewReader(in)
	head, err := r.Head()
	if err != nil {
		return nil, err
	}
	out := head.Append(nil)
	open, err := openElements(out)
	if err != nil {
		return nil, err
	}
	for range sampleProducts {
		n, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, n.Raw...)
		out = append(out, '\n')
	}
	for _, name := range slices.Backward(open) {
		out = append(out, "</"+name+">\n"...)
	}
	return out, nil
}

// openElements names the elements that a beginning of a document leaves open.
func openElements(doc []byte) (open []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return open, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			if e.Name.Space != "" {
				name = e.Name.Space + ":" + name
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:max(len(open)-1, 0)]
		}
	}
}
