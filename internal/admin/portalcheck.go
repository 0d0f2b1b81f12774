package admin

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/schema"
)

// Limits of checks.
const (
	checksHeld    = 500
	checksRunning = 2
	checkTime     = 15 * time.Minute
)

// checks are results of validations by what was validated: generations never
// change, so a result stays right. The zero value is empty.
type checks struct {
	mu      sync.Mutex
	done    map[string]*checkView
	order   []string
	running int
}

// checkKey names the current generations of an offer.
func checkKey(m partner.MerchantID, full, light *publish.Generation) string {
	if full == nil && light == nil {
		return ""
	}
	var a, b int64
	if full != nil {
		a = full.Number
	}
	if light != nil {
		b = light.Number
	}
	return fmt.Sprintf("%s %d %d", m, a, b)
}

// view gives what is known of generations, nil for nothing.
func (k *checks) view(key string) *checkView {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v := k.done[key]; v != nil {
		now := *v
		return &now
	}
	return nil
}

// begin notes that a check runs; false when one does already, or too many do.
func (k *checks) begin(key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.done == nil {
		k.done = map[string]*checkView{}
	}
	if key == "" || k.done[key] != nil || k.running >= checksRunning {
		return false
	}
	if len(k.order) >= checksHeld {
		delete(k.done, k.order[0])
		k.order = k.order[1:]
	}
	k.done[key], k.order = &checkView{Running: true}, append(k.order, key)
	k.running++
	return true
}

// end keeps a result, nil for none.
func (k *checks) end(key string, v *checkView) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running--
	if v == nil {
		delete(k.done, key)
		for i, o := range k.order {
			if o == key {
				k.order = append(k.order[:i:i], k.order[i+1:]...)
				break
			}
		}
		return
	}
	k.done[key] = v
}

// checkOffer has the files of an offer validated; the page tells the result.
func checkOffer(c *call) (reply, error) {
	r, err := c.recipient()
	if err != nil {
		return reply{}, err
	}
	o, err := r.offer(c.path("offer"))
	if err != nil {
		return reply{}, err
	}
	if !partner.Readable(&c.merchant, &r.partner, o, c.now()) {
		return reply{}, notFound("such file")
	}
	full, light, err := c.panel.opt.Manage.Published(c.ctx, r.reads, o.ID)
	if err != nil {
		return reply{}, err
	}
	key := checkKey(c.user.Merchant, full, light)
	known := c.panel.checks.view(key) != nil
	if !known && !c.panel.checks.begin(key) {
		return move("/portal").saying("portal.check.busy"), nil
	}
	if !known {
		go c.panel.check(context.WithoutCancel(c.ctx), key, r.reads, o, full, light)
	}
	return move("/portal"), nil
}

// check validates what an offer lists.
func (p *Panel) check(ctx context.Context, key string, reads manage.Identity, o *partner.Offer, full, light *publish.Generation) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	v := &checkView{Done: true}
	for _, g := range []*publish.Generation{full, light} {
		if g == nil {
			continue
		}
		for i := range g.Files {
			f := &g.Files[i]
			name := f.Kind.FileName(f.Label)
			if f.Kind == feed.KindFullCSV || f.Kind == feed.KindLightCSV || !o.Files.Has(f.Kind) {
				continue
			}
			one, err := p.checkFile(ctx, reads, o.ID, name)
			if err != nil {
				p.opt.Log.WarnContext(ctx, "a file cannot be checked", slog.String("file", name), slog.Any("error", err))
				p.checks.end(key, nil)
				return
			}
			v.Files = append(v.Files, one)
		}
	}
	v.At = p.opt.Now()
	p.checks.end(key, v)
}

// newFault puts what a checker has found into what pages have words for.
func newFault(f *schema.Finding) *faultView {
	v := &faultView{Kind: f.Rule, Line: f.Line, Column: f.Column, Path: f.Path, Said: f.Message}
	if !strings.HasPrefix(f.Rule, "XSD-") {
		v.Kind = "XML" // the file is no XML, whatever the reason
	}
	if f.Hint != "" {
		v.Said += "; " + f.Hint
	}
	return v
}

func (p *Panel) checkFile(ctx context.Context, reads manage.Identity, offer partner.OfferID, name string) (c checkedFile, err error) {
	body, _, err := p.opt.Manage.OpenFile(ctx, reads, offer, name)
	if err != nil {
		return c, err
	}
	defer func() {
		if closing := body.Close(); err == nil {
			err = closing
		}
	}()
	rep, err := schema.Validate(ctx, body, name, schema.Options{MaxErrors: 100})
	c = checkedFile{Name: name, Valid: rep.Valid(), Elements: rep.Elements, Bytes: rep.Bytes}
	for _, f := range rep.Findings {
		if f.Level == schema.LevelError {
			c.Errors++
		} else {
			c.Warnings++
		}
		if c.First == nil {
			c.First = newFault(&f)
		}
	}
	return c, err
}
