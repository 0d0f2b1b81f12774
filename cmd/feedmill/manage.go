package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// desk is a merchant's operations as the command line carries them out.
type desk struct {
	*manage.Service
	h        *home
	w        *world
	who      manage.Identity
	merchant partner.Merchant
	base     string // begins the addresses that partners are given
}

// manage runs fn for the merchant that a command is for. Whoever can run the
// program on the merchant's data acts as its owner.
func (w *world) manage(ctx context.Context, cfg *config.Config, merchant string, fn func(d *desk) error) error {
	return w.withMerchant(ctx, cfg, merchant, func(h *home, m partner.Merchant) error {
		return fn(h.desk(w, m, publicURL(&cfg.Server, cfg.Server.Listen)))
	})
}

// desk gives a merchant's operations; base begins addresses unless the merchant
// has one of his own.
func (h *home) desk(w *world, m partner.Merchant, base string) *desk {
	if m.BaseURL != "" {
		base = m.BaseURL
	}
	return &desk{Service: h.manage(w), h: h, w: w, merchant: m, base: base,
		who: manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: actor()}}
}

// manage gives the operations over the records and files of this home.
func (h *home) manage(w *world, options ...manage.Option) *manage.Service {
	open := func(ctx context.Context, merchant partner.MerchantID) (manage.Catalog, error) {
		s, err := h.db.Snapshot(ctx, merchant)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	return manage.New(h.db, open, h.store, w.now, options...)
}

// gateway gives the address that a secret stands in.
func (d *desk) gateway(s partner.Secret) string { return d.base + "/o/" + s.Reveal() + "/gateway.xml" }

// partnerNamed finds a partner by name or id.
func (d *desk) partnerNamed(ctx context.Context, name string) (partner.Partner, error) {
	p, err := d.Partner(ctx, d.who, name)
	if feed.KindOf(err) == feed.KindNotFound && err != nil {
		hint := "see 'feedmill partner list'"
		if near := d.nearestPartner(ctx, name); near != "" {
			hint = fmt.Sprintf("did you mean %q? %s", near, hint)
		}
		return p, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no partner %q", name), Hint: hint}
	}
	return p, err
}

// nearestPartner gives the partner's name that is most like a name, or the only
// one that holds it; "" where there is none.
func (d *desk) nearestPartner(ctx context.Context, name string) string {
	list, err := d.Partners(ctx, d.who)
	if err != nil {
		return "" // what is wrong is told already
	}
	var names, holds []string
	for i := range list {
		names = append(names, list[i].Name)
		if strings.Contains(strings.ToLower(list[i].Name), strings.ToLower(name)) {
			holds = append(holds, list[i].Name)
		}
	}
	if len(holds) == 1 {
		return holds[0]
	}
	return feed.Nearest(name, slices.Values(names))
}

// partnerNames gives the names of all partners, and the id of the one that a
// listing is restricted to, "" for all.
func (d *desk) partnerNames(ctx context.Context, only string) (names map[partner.ID]string, of partner.ID, err error) {
	if only != "" {
		p, err := d.partnerNamed(ctx, only)
		if err != nil {
			return nil, "", err
		}
		of = p.ID
	}
	list, err := d.Partners(ctx, d.who)
	names = make(map[partner.ID]string, len(list))
	for _, p := range list {
		names[p.ID] = p.Name
	}
	return names, of, err
}

// offerNamed finds an offer by id, by name, or as the only one of a partner.
func (d *desk) offerNamed(ctx context.Context, partnerName, name string) (partner.Offer, error) {
	var of partner.ID
	if partnerName != "" {
		p, err := d.partnerNamed(ctx, partnerName)
		if err != nil {
			return partner.Offer{}, err
		}
		of = p.ID
	}
	if name != "" {
		return d.Offer(ctx, d.who, of, name)
	}
	list, err := d.Offers(ctx, d.who, of)
	switch {
	case err != nil:
		return partner.Offer{}, err
	case len(list) == 1:
		return list[0], nil
	case len(list) == 0:
		return partner.Offer{}, &feed.Error{Kind: feed.KindNotFound, Message: "there is no offer", Hint: "make one with 'feedmill offer add'"}
	}
	return partner.Offer{}, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("there are %d offers", len(list)), Hint: "name one with --offer, see 'feedmill offer list'"}
}

// table prints lines in columns.
func table(to io.Writer, head string, lines func(add func(cells ...any))) error {
	tw := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ReplaceAll(head, " ", "\t"))
	lines(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, c)
		}
		fmt.Fprintln(tw)
	})
	return tw.Flush()
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// stamp prints a time, "-" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// optionalTime leaves the zero time out of JSON.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// parseWhen reads a moment: with an offset, or in the merchant's zone.
func (d *desk) parseWhen(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, d.merchant.Zone()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%q is no point in time", s),
		Hint: "write 2026-11-27T18:00:00+01:00, or 2026-11-27T18:00 for the merchant's zone"}
}

// parseSetting reads what a flag gives, and says which one cannot be read.
func parseSetting[T any](name, text string, parse func(string) (T, error)) (T, error) {
	v, err := parse(text)
	if err != nil {
		err = &feed.Error{Kind: feed.KindInvalid, Message: name, Err: err}
	}
	return v, err
}

// timedFlags are the points at which a switch moves by itself.
type timedFlags struct {
	OffAt      []string `placeholder:"TIME" help:"Switch the feed off by itself at this time, such as 2026-11-27T18:00; may be given again."`
	OnAt       []string `placeholder:"TIME" help:"Switch the feed on by itself at this time; may be given again."`
	NoSchedule bool     `help:"Forget the times at which the feed was to move by itself."`
}

// schedule gives what the flags ask for, nil for nothing. Times that have passed
// are refused: whoever names one means something else.
func (f *timedFlags) schedule(d *desk) (*partner.Schedule, error) {
	if f.NoSchedule && len(f.OffAt)+len(f.OnAt) > 0 {
		return nil, misused("--no-schedule does not go with --off-at and --on-at", "")
	}
	if f.NoSchedule {
		return &partner.Schedule{}, nil
	}
	var points []partner.SwitchPoint
	for _, list := range []struct {
		times []string
		on    bool
	}{{f.OffAt, false}, {f.OnAt, true}} {
		for _, s := range list.times {
			at, err := d.parseWhen(s)
			if err != nil {
				return nil, err
			}
			if !at.After(d.w.now()) {
				return nil, feed.Errorf(feed.KindInvalid, "%s has passed", s)
			}
			points = append(points, partner.SwitchPoint{At: at, On: list.on})
		}
	}
	if len(points) == 0 {
		return nil, nil
	}
	s, err := partner.NewSchedule(points...)
	return &s, err
}

// scheduleLines is a schedule as JSON tells it.
type scheduleLine struct {
	At time.Time `json:"at"`
	On bool      `json:"on"`
}

func scheduleLines(s partner.Schedule) []scheduleLine {
	var list []scheduleLine
	for _, p := range s {
		list = append(list, scheduleLine{p.At.UTC(), p.On})
	}
	return list
}

// scheduleText tells a schedule in a word, "-" for none.
func scheduleText(s partner.Schedule) string {
	if len(s) == 0 {
		return "-"
	}
	parts := make([]string, len(s))
	for i, p := range s {
		parts[i] = onOff(p.On) + "@" + p.At.UTC().Format("2006-01-02T15:04Z")
	}
	return strings.Join(parts, ",")
}

// changedAccounts is what an act tells as JSON.
type changedAccounts struct {
	Partners []string `json:"partners"`
	Offers   []string `json:"offers"`
}

// carryOut does what a changeset asks for; tell tells people what was stored.
// Where the preview alone was asked for it shows what it would do to partners.
func (d *desk) carryOut(ctx context.Context, set partner.Changeset, preview, asJSON bool, tell func(done *partner.Changeset) error) error {
	if preview {
		p, err := d.Preview(ctx, d.who, set)
		return d.previewed(&p, err, asJSON)
	}
	done, err := d.Change(ctx, d.who, set)
	switch {
	case err != nil:
		return err
	case !asJSON:
		return tell(&done)
	}
	out := changedAccounts{Partners: []string{}, Offers: []string{}}
	for _, p := range done.Partners {
		out.Partners = append(out.Partners, string(p.ID))
	}
	for _, o := range done.Offers {
		out.Offers = append(out.Offers, string(o.ID))
	}
	return writeJSON(d.w.stdout, out)
}

// previewed tells what a change would do.
func (d *desk) previewed(p *manage.Preview, err error, asJSON bool) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(d.w.stdout, previewOf(p))
	}
	return printPreview(d.w.stdout, p)
}
