package hammer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
)

// flip turns switches off and on again.
func (h *hammer) flip(r *rand.Rand) error {
	for h.ctx.Err() == nil {
		h.pause(r, 500*time.Millisecond)
		if h.ctx.Err() != nil {
			return nil
		}
		o := h.offers[r.IntN(len(h.offers))]
		ctx := context.WithoutCancel(h.ctx)
		for _, on := range []bool{false, true} {
			if err := h.switchTo(ctx, o, on); err != nil {
				return err
			}
			if !on {
				h.pause(r, 200*time.Millisecond)
			}
		}
		h.count("switches flipped", 1)
	}
	return nil
}

// switchTo turns an offer's switch and waits until it is in force everywhere.
func (h *hammer) switchTo(ctx context.Context, o *offer, on bool) error {
	o.Lock()
	defer o.Unlock()
	if o.on == on {
		return nil
	}
	p, err := h.Site.Records.Partner(ctx, h.Site.Merchant.ID, o.Partner.ID)
	if err != nil {
		return err
	}
	if _, err := h.Site.Records.SetPartnerFeed(ctx, site.Actor, h.Site.Merchant.ID, p.ID, on, p.Version); err != nil {
		return fmt.Errorf("turn a switch: %w", err)
	}
	o.on = on
	want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[on]
	for _, e := range h.edges {
		invariant := map[bool]string{true: "I20", false: "I11"}[on]
		h.expect(ctx, e, o.Address(), want, invariant, "an offer that was switched "+map[bool]string{true: "on", false: "off"}[on])
	}
	return nil
}

// expect wants an answer of a status, in force after a second, for good.
func (h *hammer) expect(ctx context.Context, e *edge, path string, want int, invariant, what string) {
	begun := time.Now()
	for {
		asked := time.Now()
		a, err := h.patient(ctx, e.url()+path, "", "")
		if err != nil {
			h.count("connections broken", 1)
			return
		}
		if a.status == want {
			break
		}
		if asked.Sub(begun) > inForce {
			h.violate(invariant, "%s is answered with status %d after a second, want %d", what, a.status, want)
			return
		}
	}
	if want == http.StatusNotFound {
		h.refusal(ctx, e, path)
	}
}

// refusal compares a refusal with that of a link that never was (I13).
func (h *hammer) refusal(ctx context.Context, e *edge, path string) {
	a, err := h.patient(ctx, e.url()+path, "", "")
	if err != nil {
		return
	}
	never := "/o/fm1_" + strings.Repeat("a", 40) + "/gateway.xml"
	b, err := h.patient(ctx, e.url()+never, "", "")
	if err != nil {
		return
	}
	if a.status != b.status || !bytes.Equal(a.body, b.body) || a.header.Get("Content-Type") != b.header.Get("Content-Type") || len(a.header) != len(b.header) {
		h.violate("I13", "a refusal tells that there is something: status %d and %d, bodies of %d and %d bytes, %d and %d headers",
			a.status, b.status, len(a.body), len(b.body), len(a.header), len(b.header))
	}
	h.count("refusals", 1)
}

// revoke gives offers new links and revokes those of before; what is revoked
// stays so, whatever restarts.
func (h *hammer) revoke(r *rand.Rand) error {
	for h.ctx.Err() == nil {
		h.pause(r, 1500*time.Millisecond)
		if h.ctx.Err() != nil {
			return nil
		}
		o := h.offers[r.IntN(len(h.offers))]
		if err := h.revokeLink(context.WithoutCancel(h.ctx), r, o); err != nil {
			return fmt.Errorf("revoke a link: %w", err)
		}
	}
	return nil
}

func (h *hammer) revokeLink(ctx context.Context, r *rand.Rand, o *offer) error {
	o.Lock()
	defer o.Unlock()
	link, secret := o.Link, o.Secret
	if err := h.Site.NewLink(ctx, &o.Offer); err != nil {
		return err
	}
	if err := h.Site.Records.RevokeLink(ctx, site.Actor, h.Site.Merchant.ID, link); err != nil {
		return err
	}
	o.mu.Lock()
	o.known, o.gateways, o.order = map[string]*told{}, map[string]string{}, nil
	o.revoked = append(o.revoked, secret)
	old := o.revoked[r.IntN(len(o.revoked))]
	o.mu.Unlock()
	address := func(s partner.Secret) string { return "/o/" + s.Reveal() + "/gateway.xml" }
	for _, e := range h.edges {
		h.expect(ctx, e, address(secret), http.StatusNotFound, "I11", "a link that was revoked")
		a, err := h.patient(ctx, e.url()+address(old), "", "")
		if err == nil && a.status != http.StatusNotFound {
			h.violate("I12", "a link that was revoked before is answered with status %d again", a.status)
		}
		if o.on {
			h.expect(ctx, e, o.Address(), http.StatusOK, "I20", "a new link")
		}
	}
	h.count("links revoked", 1)
	return nil
}
