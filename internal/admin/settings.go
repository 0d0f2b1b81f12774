package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// settingsView is everything that a merchant decides for all his partners.
type settingsView struct {
	Form                  *form
	Languages, Currencies []option
	Sharing               switchView
	// Hold says that the viewer only looks.
	Hold bool
	// Server is where addresses begin when the merchant has none of his own.
	Server string
}

func settingsPage() page {
	return page{name: "settings", routes: []route{
		get("/settings", may(manage.ReadAccounts), showSettings),
		send("/settings", may(manage.WriteMerchant), saveSettings),
	}, stories: func(s *scene) []story {
		m := partner.Merchant{Name: "Hurtownia Rowerowa", Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), ZoneOffset: time.Hour, StaleAfter: 36 * time.Hour, SharingEnabled: true,
			Supplier: feed.Supplier{Name: "Hurtownia Rowerowa sp. z o.o.", City: "Wrocław", Country: "PL", Email: "biuro@example.com"}, Version: 4}
		v := settingsView{Form: formOfMerchant(&m), Languages: languageOptions(), Currencies: currencyOptions(), Sharing: sharingSwitch(true, 4, true), Server: "https://feeds.example.com"}
		bad := v
		bad.Form = formOfMerchant(&m).set("name", "").set("base_url", "javascript:alert(1)").set("zone", "+25:00").set("stale", "x")
		bad.Form.fail("name", "form.needed")
		bad.Form.fail("zone", "settings.zone.wrong")
		bad.Form.fail("stale", "form.range", 1, 8760)
		bad.Form.fail("base_url", "form.said", "the base address is not one that addresses can begin with")
		hold := v
		hold.Hold, hold.Sharing = true, sharingSwitch(true, 4, false)
		return []story{{state: "plain", data: v}, {state: "wrong", data: bad}, {state: "readonly", role: auth.Readonly, data: hold}}
	}}
}

// supplierFields are the fields that say who the supplier is, with the most
// characters of each.
var supplierFields = []string{"s_name", "s_short", "s_email", "s_phone", "s_fax", "s_website", "s_logo", "s_street", "s_zipcode", "s_city", "s_province", "s_country"}

// supplierParts gives where each of supplierFields is kept.
func supplierParts(s *feed.Supplier) []*string {
	return []*string{&s.Name, &s.ShortName, &s.Email, &s.Phone, &s.Fax, &s.Website, &s.LogoURL, &s.Street, &s.Zipcode, &s.City, &s.Province, &s.Country}
}

func formOfMerchant(m *partner.Merchant) *form {
	f := newForm("name", m.Name, "language", m.Language.String(), "currency", m.Currency.String(), "vat", m.VATText(), "base_url", m.BaseURL,
		"zone", zoneText(m.ZoneOffset), "version", strconv.FormatInt(m.Version, 10))
	if m.StaleAfter > 0 {
		f.set("stale", strconv.FormatInt(int64(m.StaleAfter/time.Hour), 10))
	}
	if m.Alarm.Addresses != 0 {
		f.set("alarm", strconv.Itoa(m.Alarm.Addresses))
	}
	f.setFlag("suspend", m.Alarm.Suspend).setFlag("reveal", m.RevealDisabled)
	for i, to := range supplierParts(&m.Supplier) {
		f.set(supplierFields[i], *to)
	}
	return f
}

// zoneText writes an offset as "+01:00".
func zoneText(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%s%02d:%02d", sign, int(d.Hours()), int(d.Minutes())%60)
}

// parseZone reads what [zoneText] writes.
func parseZone(s string) (time.Duration, bool) {
	if s = strings.TrimSpace(s); s == "" || s == "UTC" {
		return 0, true
	}
	t, err := time.Parse("-07:00", s)
	if err != nil {
		return 0, false
	}
	_, seconds := t.Zone()
	d := time.Duration(seconds) * time.Second
	return d, d >= -14*time.Hour && d <= 14*time.Hour
}

func (c *call) settings(f *form) settingsView {
	return settingsView{Form: f, Languages: withPresent(languageOptions(), f.Value("language")), Currencies: withPresent(currencyOptions(), f.Value("currency")),
		Sharing: sharingSwitch(c.merchant.SharingEnabled, c.merchant.Version, c.may(manage.WriteMerchant)), Hold: !c.may(manage.WriteMerchant), Server: c.panel.opt.FeedURL}
}

func showSettings(c *call) (reply, error) {
	return show("settings", c.settings(formOfMerchant(&c.merchant))), nil
}

func saveSettings(c *call, f *form) (reply, error) {
	m := c.merchant
	m.Name, m.Language, m.Currency = f.line("name", 1, 200), parsed(f, "language", feed.ParseLanguage), parsed(f, "currency", feed.ParseCurrency)
	m.SayVAT(f.percent("vat", feed.ParsePercent), trimmed(f.Value("vat")) != "")
	m.BaseURL = strings.TrimSuffix(f.line("base_url", 0, 300), "/")
	var ok bool
	if m.ZoneOffset, ok = parseZone(f.line("zone", 0, 10)); !ok {
		f.fail("zone", "settings.zone.wrong")
	}
	m.StaleAfter = time.Duration(f.whole("stale", 0, 8760)) * time.Hour
	m.Alarm.Addresses, m.Alarm.Suspend, m.RevealDisabled = int(f.whole("alarm", -1, partner.MaxLinkClients)), f.flag("suspend"), f.flag("reveal")
	for i, to := range supplierParts(&m.Supplier) {
		*to = f.line(supplierFields[i], 0, 300)
	}
	m.Version = f.version()
	for _, name := range []string{"s_website", "s_logo"} {
		if v := feed.LowerScheme(f.Value(name)); v != "" && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") {
			f.fail(name, "settings.web.wrong")
		}
	}
	if !f.Failed() {
		if err := m.Validate(); err != nil {
			name := ""
			if m.BaseURL != c.merchant.BaseURL {
				name = "base_url"
			}
			if err := f.take(name, err); err != nil {
				return reply{}, err
			}
		}
	}
	if !f.Failed() {
		_, err := c.panel.opt.Manage.UpdateMerchant(c.ctx, c.who, m)
		if err := takeTaken(f, "name", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		return wrong("settings", c.settings(f)), nil
	}
	return move("/settings").saying("settings.saved"), nil
}

// shopsView lists a merchant's storefronts.
type shopsView struct {
	Shops []shopLine
	Form  *form
	Hold  bool
}

// shopLine is one storefront with the form that changes it.
type shopLine struct {
	ID   string
	Form *form
}

func shopsPage() page {
	return page{name: "shops", routes: []route{
		get("/shops", may(manage.ReadAccounts), showShops),
		send("/shops", may(manage.WriteMerchant), addShop),
		send("/shops/{shop}", may(manage.WriteMerchant), changeShop),
	}, stories: func(s *scene) []story {
		a, b := partner.Shop{ID: "s-aaaaaaaaaaaaaaaa", Number: 1, Name: "Sklep główny", Version: 1}, partner.Shop{ID: "s-bbbbbbbbbbbbbbbb", Number: 2, Name: "Outlet <b>", Version: 3}
		v := shopsView{Shops: []shopLine{{string(a.ID), formOfShop(&a)}, {string(b.ID), formOfShop(&b)}}, Form: newForm()}
		bad := v
		bad.Form = newForm("number", "x", "name", "")
		bad.Form.fail("number", "form.range", 1, 99999)
		bad.Form.fail("name", "form.needed")
		hold := v
		hold.Hold = true
		return []story{{state: "plain", data: v}, {state: "wrong", data: bad}, {state: "readonly", role: auth.Manager, data: hold}}
	}}
}

func formOfShop(s *partner.Shop) *form {
	return newForm("number", strconv.Itoa(int(s.Number)), "name", s.Name, "version", strconv.FormatInt(s.Version, 10))
}

// shops puts the page together; broken is the form of the shop with that id.
func (c *call) shops(fresh *form, broken string, f *form) (v shopsView, err error) {
	v = shopsView{Form: fresh, Hold: !c.may(manage.WriteMerchant)}
	list, err := c.panel.opt.Manage.Shops(c.ctx, c.who)
	for i := range list {
		line := shopLine{string(list[i].ID), formOfShop(&list[i])}
		if line.ID == broken {
			line.Form = f
		}
		v.Shops = append(v.Shops, line)
	}
	return v, err
}

func showShops(c *call) (reply, error) {
	v, err := c.shops(newForm(), "", nil)
	return show("shops", v), err
}

// maxShopNumber is the largest number of a shop that the form takes.
const maxShopNumber = 99_999

func addShop(c *call, f *form) (reply, error) {
	s := partner.Shop{Number: int32(f.whole("number", 1, maxShopNumber)), Name: f.line("name", 1, 200)}
	if !f.Failed() {
		_, err := c.panel.opt.Manage.CreateShop(c.ctx, c.who, s)
		if err := takeTaken(f, "number", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.shops(f, "", nil)
		return wrong("shops", v), err
	}
	return move("/shops").saying("shops.added", s.Name), nil
}

func changeShop(c *call, f *form) (reply, error) {
	s := partner.Shop{ID: partner.ShopID(c.path("shop")), Number: int32(f.whole("number", 1, maxShopNumber)), Name: f.line("name", 1, 200), Version: f.version()}
	done := move("/shops").saying("settings.saved")
	if !f.Failed() {
		var err error
		if f.Value("act") == "delete" {
			if rep, ok := c.sure(f, "/shops", "shops.ask", s.Name); !ok {
				return rep, nil
			}
			done = move("/shops").saying("shops.deleted", s.Name)
			err = c.panel.opt.Manage.DeleteShop(c.ctx, c.who, s.ID)
		} else {
			_, err = c.panel.opt.Manage.UpdateShop(c.ctx, c.who, s)
		}
		if err := takeTaken(f, "number", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.shops(newForm(), string(s.ID), f)
		return wrong("shops", v), err
	}
	return done, nil
}
