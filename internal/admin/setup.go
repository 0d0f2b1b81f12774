package admin

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"feedmill/feed"
	"feedmill/internal/auth"
)

// setupView makes the first owner.
type setupView struct {
	Form *form
	// Make asks for the merchant too: there is none yet.
	Make       bool
	Languages  []option
	Currencies []option
}

func setupPage() page {
	return page{name: "setup", routes: []route{
		get("/setup", everybody(), showSetup),
		send("/setup", everybody(), setUp),
	}, stories: func(s *scene) []story {
		bad := newForm("code", "abcd", "login", "anna@example.com", "merchant", "Hurtownia Rowerowa")
		bad.fail("code", "setup.refused")
		bad.fail("new-password", "weak.common")
		return []story{
			{state: "first", nobody: true, data: setupView{Form: newForm(), Make: true, Languages: withNone(languageOptions()), Currencies: withNone(currencyOptions())}},
			{state: "merchant-there", nobody: true, data: setupView{Form: newForm()}},
			{state: "refused", nobody: true, data: setupView{Form: bad, Make: true, Languages: withNone(languageOptions()), Currencies: withNone(currencyOptions())}},
		}
	}}
}

// merchantTongues are the languages that set-up offers; files know more, see settings.
var merchantTongues = []string{"eng", "pol", "slv", "gre", "rus", "ger", "cze", "slo", "hun", "rum", "lit", "fre", "ita", "spa", "ukr", "bul", "hrv", "dut"}

// currencyCodes are those that forms offer.
var currencyCodes = []string{"EUR", "PLN", "CZK", "HUF", "RON", "BGN", "GBP", "CHF", "SEK", "NOK", "DKK", "UAH", "RUB", "USD", "TRY", "RSD"}

func languageOptions() (list []option) {
	for _, code := range merchantTongues {
		name := code
		if tag, err := language.Parse(code); err == nil {
			name = display.Self.Name(tag) + " (" + code + ")" // as its speakers call it
		}
		list = append(list, option{code, name})
	}
	return list
}

func currencyOptions() (list []option) {
	for _, code := range currencyCodes {
		list = append(list, option{code, code})
	}
	return list
}

// setupView puts the page around a form.
func (c *call) setupView(f *form) (setupView, error) {
	// Nothing is chosen before the merchant chooses: prices in a currency that he has not
	// looked at would be published as they stand.
	v := setupView{Form: f, Languages: withNone(languageOptions()), Currencies: withNone(currencyOptions())}
	list, err := c.panel.opt.Accounts.Merchants(c.ctx)
	v.Make = len(list) == 0
	return v, err
}

func showSetup(c *call) (reply, error) {
	need, err := c.panel.opt.Auth.NeedsSetup(c.ctx)
	if err != nil || !need {
		return move("/sign-in"), err
	}
	v, err := c.setupView(newForm())
	return show("setup", v), err
}

func setUp(c *call, f *form) (reply, error) {
	v, err := c.setupView(f)
	if err != nil {
		return reply{}, err
	}
	code := f.line("code", 1, 60)
	o := auth.FirstOwner{Login: f.line("login", 1, auth.MaxLogin), Name: f.line("name", 0, auth.MaxName), Password: f.secret("new-password")}
	if v.Make {
		o.Merchant = f.line("merchant", 1, 120)
		o.Language = parsed(f, "language", feed.ParseLanguage)
		o.Currency = parsed(f, "currency", feed.ParseCurrency)
		for _, name := range []string{"language", "currency"} {
			if f.Value(name) == "" {
				f.fail(name, "form.needed")
			}
		}
	}
	if w := auth.Judge(o.Password, auth.CleanLogin(o.Login)); w != auth.Strong {
		f.fail("new-password", "weak."+string(w))
	}
	if f.Failed() {
		return wrong("setup", v), nil
	}
	id, err := c.panel.opt.Auth.SetUp(c.ctx, code, o, c.place())
	if err != nil {
		status, err := c.refused(f, "code", "setup.refused", err)
		rep := wrong("setup", v)
		if status != 0 {
			rep.status = status
		}
		return rep, err
	}
	c.signIn(id, auth.SessionLife)
	return move("/").saying("setup.done"), nil
}

// resetView sets a password by a one-time code.
type resetView struct {
	Form  *form
	Login string
	// Gone says that the code is worth nothing.
	Gone bool
}

func resetPage() page {
	return page{name: "reset", routes: []route{
		get("/reset", everybody(), showReset),
		send("/reset", everybody(), resetPassword),
	}, stories: func(s *scene) []story {
		bad := newForm("code", "x")
		bad.fail("new-password", "weak.obvious")
		return []story{
			{state: "plain", nobody: true, data: resetView{Form: newForm("code", "abc"), Login: "anna@example.com"}},
			{state: "weak", nobody: true, data: resetView{Form: bad, Login: "anna@example.com"}},
			{state: "gone", nobody: true, data: resetView{Form: newForm(), Gone: true}},
		}
	}}
}

func showReset(c *call) (reply, error) {
	code := c.query("code")
	u, err := c.panel.opt.Auth.ResetFor(c.ctx, code)
	if err != nil {
		if feed.KindOf(err) == feed.KindNotFound {
			rep := show("reset", resetView{Form: newForm(), Gone: true})
			rep.status = 404
			return rep, nil
		}
		return reply{}, err
	}
	return show("reset", resetView{Form: newForm("code", code), Login: u.Login}).hidden(), nil
}

func resetPassword(c *call, f *form) (reply, error) {
	code := f.line("code", 1, 60)
	v := resetView{Form: f}
	u, err := c.panel.opt.Auth.ResetFor(c.ctx, code)
	switch {
	case err == nil:
		v.Login = u.Login
	case feed.KindOf(err) == feed.KindNotFound:
		v.Gone = true
	default:
		return reply{}, err
	}
	if err := c.panel.opt.Auth.ResetPassword(c.ctx, code, f.secret("new-password"), c.place()); err != nil {
		status, err := c.refused(f, "", "reset.gone", err)
		rep := wrong("reset", v).hidden()
		if status != 0 {
			rep.status = status
		}
		return rep, err
	}
	return move("/sign-in").saying("reset.done"), nil
}
