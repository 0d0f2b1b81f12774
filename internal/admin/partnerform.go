package admin

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// partnerFormView edits a partner's facts.
type partnerFormView struct {
	partnerHead
	Form                  *form
	Languages, Currencies []option
	New                   bool
	Shops                 []option
	Preview               *previewView
}

// Limits of the form; the domain has its own.
const (
	maxTags  = 50
	maxTag   = 60
	maxNotes = 10_000
	maxRules = 100_000
)

func partnerFormPage() page {
	return page{name: "partnerform", routes: []route{
		get("/partners/new", may(manage.WriteAccounts), showNewPartner),
		send("/partners/new", may(manage.WriteAccounts), createPartner),
		get("/partners/{partner}/settings", may(manage.WriteAccounts), showPartnerForm),
		send("/partners/{partner}/settings", may(manage.WriteAccounts), savePartner),
	}, stories: func(s *scene) []story {
		langs, curs := withNone(languageOptions()), withNone(currencyOptions())
		shops := []option{{"s-aaaaaaaaaaaaaaaa", "1 · Main"}}
		f := newForm("name", "Nord Shop", "email", "it@nord.example", "tags", "gold, north", "overall", "12.5", "categories", "Bikes = 20\nParts = 5", "version", "7", "notes", "pays late\n<b>")
		bad := newForm("name", "", "email", "<script>", "overall", "120", "tags", strings.Repeat("x", 70))
		bad.fail("name", "form.needed")
		bad.fail("overall", "form.said", "a discount is at most 100")
		bad.fail("tags", "form.long", 60)
		head := partnerHead{ID: "p-bbbbbbbbbbbbbbbb", Name: "Nord Shop", Tab: "settings"}
		return []story{
			{state: "new", data: partnerFormView{Form: newForm("offer", "on"), Languages: langs, Currencies: curs, New: true, Shops: shops}},
			{state: "edit", data: partnerFormView{partnerHead: head, Form: f, Languages: langs, Currencies: curs}},
			{state: "wrong", data: partnerFormView{partnerHead: head, Form: bad, Languages: langs, Currencies: curs}},
			{state: "preview", data: partnerFormView{partnerHead: head, Form: f, Languages: langs, Currencies: curs, Preview: samplePreview()}},
		}
	}}
}

// withNone puts "the merchant's" before other choices.
func withNone(list []option) []option { return append([]option{{"", "–"}}, list...) }

// withPresent adds a value that forms do not offer otherwise.
func withPresent(list []option, value string) []option {
	if value == "" || slices.ContainsFunc(list, func(o option) bool { return o.Value == value }) {
		return list
	}
	return append(list, option{value, value})
}

func formOfPartner(p *partner.Partner) *form {
	f := newForm("name", p.Name, "email", p.Email, "phone", p.Phone, "language", p.Language.String(), "currency", p.Currency.String(),
		"tags", strings.Join(p.Tags, ", "), "notes", p.Notes, "version", strconv.FormatInt(p.Version, 10))
	f.setFlag("wholesaler", p.Wholesaler)
	setDiscounts(f, &p.Discounts)
	return f
}

// setDiscounts writes discounts into the fields of a form.
func setDiscounts(f *form, d *feed.Discounts) {
	if !d.Overall.IsZero() {
		f.set("overall", d.Overall.String())
	}
	for name, rules := range map[string][]feed.DiscountRule{"categories": d.Categories, "producers": d.Producers, "products": d.Products} {
		var lines []string
		for _, r := range rules {
			lines = append(lines, r.Key+" = "+r.Percent.String())
		}
		f.set(name, strings.Join(lines, "\n"))
	}
}

// readDiscounts reads the fields that [setDiscounts] writes.
func readDiscounts(f *form) (d feed.Discounts) {
	d.Overall = f.percent("overall", feed.ParseDiscount)
	for _, field := range []struct {
		name string
		to   *[]feed.DiscountRule
	}{{"categories", &d.Categories}, {"producers", &d.Producers}, {"products", &d.Products}} {
		for line := range f.lines(field.name, maxRules) {
			at := strings.LastIndex(line, "=")
			if at < 1 {
				f.fail(field.name, "form.line", shorten(line, 40))
				break
			}
			percent, err := feed.ParseDiscount(percentText(line[at+1:]))
			if err != nil {
				f.fail(field.name, "form.said.line", shorten(line, 40), message(err))
				break
			}
			*field.to = append(*field.to, feed.DiscountRule{Key: strings.TrimSpace(line[:at]), Percent: percent})
		}
	}
	return d
}

// readPartner reads the form into a partner.
func readPartner(f *form, p *partner.Partner) {
	p.Name, p.Email, p.Phone = f.line("name", 1, 200), f.line("email", 0, 200), f.line("phone", 0, 60)
	p.Language, p.Currency = parsed(f, "language", feed.ParseLanguage), parsed(f, "currency", feed.ParseCurrency)
	p.Wholesaler, p.Tags, p.Notes, p.Discounts = f.flag("wholesaler"), f.words("tags", maxTag, maxTags), f.text("notes", maxNotes), readDiscounts(f)
}

func (c *call) shopOptions() (list []option, err error) {
	shops, err := c.panel.opt.Manage.Shops(c.ctx, c.who)
	for i := range shops {
		list = append(list, option{string(shops[i].ID), shopLabel(shops, shops[i].ID)})
	}
	return list, err
}

func (c *call) newPartnerView(f *form) (v partnerFormView, err error) {
	v = partnerFormView{Form: f, New: true, Languages: withNone(languageOptions()), Currencies: withNone(currencyOptions())}
	v.Shops, err = c.shopOptions()
	return v, err
}

func showNewPartner(c *call) (reply, error) {
	v, err := c.newPartnerView(newForm("offer", "on"))
	return show("partnerform", v), err
}

// createPartner adds a partner and, where the box is ticked, his first offer.
func createPartner(c *call, f *form) (reply, error) {
	p := partner.Partner{FeedEnabled: true}
	readPartner(f, &p)
	v, err := c.newPartnerView(f)
	if err != nil {
		return reply{}, err
	}
	var shop string
	if f.flag("offer") && len(v.Shops) > 0 {
		shop = v.Shops[0].Value
		if len(v.Shops) > 1 {
			shop = f.option("shop", v.Shops)
		}
	}
	if !f.Failed() {
		p, err = c.panel.opt.Manage.CreatePartner(c.ctx, c.who, p)
		if err := takeTaken(f, "name", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		return wrong("partnerform", v), nil
	}
	if shop != "" {
		if _, err := c.panel.opt.Manage.CreateOffer(c.ctx, c.who, partner.Offer{Partner: p.ID, Shop: partner.ShopID(shop), Name: p.Name, PartnerDiscounts: true, FeedEnabled: true}); err != nil {
			return reply{}, err
		}
	}
	return move("/partners/"+string(p.ID)).saying("partner.created", p.Name), nil
}

// takeTaken puts what is wrong with an input into the form; a name that is
// taken is that too, a stale version is not.
func takeTaken(f *form, name string, err error) error {
	var stale *partner.ConflictError
	if errors.Is(err, partner.ErrTaken) {
		f.fail(name, "form.taken")
		return nil
	}
	if err != nil && feed.KindOf(err) == feed.KindConflict && !errors.As(err, &stale) {
		f.fail(name, "form.said", message(err))
		return nil
	}
	return f.take("", err)
}

func (c *call) partnerFormView(p *partner.Partner, f *form) partnerFormView {
	return partnerFormView{partnerHead: c.head(p, "settings"), Form: f, Languages: withPresent(withNone(languageOptions()), p.Language.String()),
		Currencies: withPresent(withNone(currencyOptions()), p.Currency.String())}
}

func showPartnerForm(c *call) (reply, error) {
	p, err := c.partner()
	return show("partnerform", c.partnerFormView(&p, formOfPartner(&p))), err
}

// savePartner stores what the form says, or shows what that would change.
func savePartner(c *call, f *form) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	v := c.partnerFormView(&p, f)
	p.Version = f.version()
	readPartner(f, &p)
	view := func(preview *previewView) any {
		v.Preview = preview
		return v
	}
	return c.settle(f, p.Validate(), "partnerform", view, partner.Changeset{Partners: []partner.Partner{p}}, func() error {
		_, err := c.panel.opt.Manage.UpdatePartner(c.ctx, c.who, p)
		return err
	}, "/partners/"+string(p.ID))
}
