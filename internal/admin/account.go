package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"feedmill/feed"
	"feedmill/internal/auth"
)

// accountView is somebody's own account.
type accountView struct {
	Profile, Password *form
	Login             string
	Languages         []option
	Factor            bool
	FactorSince       time.Time
	CodesLeft         int
	Sessions          []sessionLine
}

// sessionLine is one browser that is signed in.
type sessionLine struct {
	Number, Address, Client string
	Created, Seen           time.Time
	This                    bool
}

func accountPage() page {
	return page{name: "account", routes: []route{
		get("/account", signedIn(), func(c *call) (reply, error) {
			v, err := c.account(nil, nil)
			return show("account", v), err
		}),
		send("/account", signedIn(), saveProfile),
		send("/account/password", signedIn(), changePassword),
		send("/account/sessions/end", signedIn(), endSessions),
		send("/account/second-factor/drop", signedIn(), dropFactor),
		post("/account/second-factor/codes", signedIn(), newCodes),
	}, stories: func(s *scene) []story {
		v := accountView{Profile: newForm("name", "Anna Kowalska", "language", "pl", "version", "3"), Password: newForm(), Login: "anna@example.com", Languages: tongueOptions("–"),
			Factor: true, FactorSince: s.ago(90 * 24 * time.Hour), CodesLeft: 2, Sessions: []sessionLine{
				{"aaaa", "192.0.2.0", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", s.ago(time.Hour), s.ago(10 * time.Second), true},
				{"bbbb", "2001:db8:1::", "Mozilla/5.0 (Linux; Android 15) Chrome/142", s.ago(9 * time.Hour), s.ago(20 * time.Minute), false},
			}}
		plain := v
		plain.Factor, plain.Sessions = false, v.Sessions[:1]
		bad := v
		bad.Password = newForm()
		bad.Password.fail("password", "prove.refused")
		bad.Password.fail("new-password", "weak.short")
		return []story{{state: "plain", data: plain, needsFactor: true}, {state: "factor", data: v}, {state: "wrong-password", data: bad}, {state: "partner", role: auth.Portal, data: plain}}
	}}
}

func tongueOptions(none string) []option {
	list := []option{{"", none}}
	for _, t := range tongues() {
		list = append(list, option{t.Code, t.Name})
	}
	return list
}

// account puts the page together; a form that is nil stands as the account is.
func (c *call) account(profile, password *form) (v accountView, err error) {
	if profile == nil {
		profile = newForm("name", c.user.Name, "language", c.user.Language, "version", strconv.FormatInt(c.user.Version, 10))
	}
	if password == nil {
		password = newForm()
	}
	v = accountView{Profile: profile, Password: password, Login: c.user.Login, Languages: tongueOptions(c.say("account.language.browser")), Factor: c.user.Factor.On(), FactorSince: c.user.Factor.Since}
	if v.Factor {
		if v.CodesLeft, err = c.panel.opt.Auth.RecoveryLeft(c.ctx, &c.user); err != nil {
			return v, err
		}
	}
	list, err := c.panel.opt.Auth.Sessions(c.ctx, &c.user)
	for i := range list {
		s := &list[i]
		v.Sessions = append(v.Sessions, sessionLine{s.Number(), s.Address, s.Client, s.CreatedAt, s.Seen, s.Hash == c.session.Hash})
	}
	return v, err
}

func saveProfile(c *call, f *form) (reply, error) {
	name, lang, version := f.line("name", 0, auth.MaxName), f.choice("language", append(tongueCodes(), "")...), f.version()
	if !f.Failed() {
		_, err := c.panel.opt.Auth.SetProfile(c.ctx, c.user, name, lang, version, c.place())
		if err := f.take("", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.account(f, nil)
		return wrong("account", v), err
	}
	return move("/account").saying("account.saved"), nil
}

func changePassword(c *call, f *form) (reply, error) {
	id, err := c.panel.opt.Auth.ChangePassword(c.ctx, c.held(), f.secret("password"), f.secret("new-password"), c.place())
	if err != nil {
		status, err := c.refused(f, "password", "prove.refused", err)
		if err != nil {
			return reply{}, err
		}
		v, err := c.account(nil, f)
		rep := wrong("account", v)
		rep.status = status
		return rep, err
	}
	c.signIn(id, auth.SessionLife)
	return move("/account").saying("account.password.done"), nil
}

// endSessions ends one session, or all others.
func endSessions(c *call, f *form) (reply, error) {
	if number := f.Value("session"); number != "" {
		if err := c.panel.opt.Auth.EndSession(c.ctx, &c.user, number); err != nil {
			return reply{}, err
		}
	} else if err := c.panel.opt.Auth.EndOthers(c.ctx, &c.user, c.session.Hash); err != nil {
		return reply{}, err
	}
	return move("/account").saying("account.session.ended"), nil
}

func dropFactor(c *call, f *form) (reply, error) {
	if rep, ok := c.proved("/account"); !ok {
		return rep, nil
	}
	if rep, ok := c.sure(f, "/account", "account.factor.ask"); !ok {
		return rep, nil
	}
	if err := c.panel.opt.Auth.DropFactor(c.ctx, c.held(), c.place()); err != nil {
		return reply{}, err
	}
	return move("/account").saying("account.factor.gone"), nil
}

func newCodes(c *call) (reply, error) {
	if rep, ok := c.proved("/account"); !ok {
		return rep, nil
	}
	codes, err := c.panel.opt.Auth.NewRecovery(c.ctx, c.held())
	return show("enrol", enrolView{Codes: codes}).hidden(), err
}

// enrolView sets a second factor up, and shows its recovery codes once.
type enrolView struct {
	Form *form
	// Path draws the QR code, Side is how many squares it has.
	Path  string
	Side  int
	Key   copyView
	Codes []string
	Have  bool
	// Carry is a form that goes along, "" for none.
	Carry string
}

func enrolPage() page {
	return page{name: "enrol", routes: []route{
		get("/account/second-factor", signedIn(), showEnrol),
		post("/account/second-factor", signedIn(), enrol),
	}, stories: func(s *scene) []story {
		key, _ := auth.ParseFactorKey("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
		v, _ := enrolForm(newForm("key", key.Reveal()), key, "Hurtownia Rowerowa", "anna@example.com")
		bad := newForm("key", key.Reveal())
		bad.fail("code", "factor.refused")
		w, _ := enrolForm(bad, key, "Hurtownia Rowerowa", "anna@example.com")
		codes := []string{"abcd-efgh-2345-qrst", "bcde-fgha-3456-rstu", "cdef-ghab-4567-stuv", "defg-habc-2567-tuvw"}
		return []story{{state: "plain", data: v}, {state: "refused", data: w}, {state: "codes-carrying", data: enrolView{Codes: codes, Carry: "to=%2Fpartners%2Fnew&f.name=Nord"}},
			{state: "codes", data: enrolView{Codes: codes}}}
	}}
}

// enrolForm puts the page around a key.
func enrolForm(f *form, key auth.FactorKey, issuer, login string) (enrolView, error) {
	v := enrolView{Form: f, Key: copyView{"factor-key", "enrol.key", key.Reveal()}}
	code, err := qr.Encode(key.Address(issuer, login), qr.M)
	if err != nil {
		return v, &feed.Error{Kind: feed.KindInternal, Message: "the QR code cannot be drawn", Err: err}
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	v.Path, v.Side = path.String(), code.Size
	return v, nil
}

func showEnrol(c *call) (reply, error) {
	if rep, ok := c.proved("/account/second-factor"); !ok {
		return rep, nil
	}
	return c.enrolment("")
}

// enrolOrProve starts setting a second factor up, with a form that goes along,
// once the password was given.
func (c *call) enrolOrProve(carried string) (reply, error) {
	if !c.session.Fresh(c.now()) {
		return show("prove", proveView{newForm(), "/account/second-factor", carried}), nil
	}
	return c.enrolment(carried)
}

// enrolment shows a new key.
func (c *call) enrolment(carried string) (reply, error) {
	key := auth.NewFactorKey()
	v, err := enrolForm(newForm("key", key.Reveal()), key, c.merchant.Name, c.user.Login)
	v.Have, v.Carry = c.user.Factor.On(), carried
	return show("enrol", v).hidden(), err
}

func enrol(c *call) (reply, error) {
	if rep, ok := c.proved("/account/second-factor"); !ok {
		return rep, nil
	}
	f, err := c.form()
	if err != nil {
		return reply{}, err
	}
	// The key comes back from the page: whoever can send another one is signed
	// in and has given the password, and harms nobody but himself.
	key, ok := auth.ParseFactorKey(f.Value("key"))
	if !ok {
		return move("/account/second-factor"), nil
	}
	carried := ""
	if carry, ok := parseCarried(f.Value("carry")); ok && carry.Who == c.user.ID {
		carried = f.Value("carry")
	}
	codes, id, err := c.panel.opt.Auth.EnrolFactor(c.ctx, c.held(), key, f.line("code", 1, 20), c.place())
	if err != nil {
		status, err := c.refused(f, "code", "factor.refused", err)
		if err != nil {
			return reply{}, err
		}
		v, err := enrolForm(f, key, c.merchant.Name, c.user.Login)
		v.Carry = carried
		rep := wrong("enrol", v).hidden()
		rep.status = status
		return rep, err
	}
	c.signIn(id, auth.SessionLife)
	return show("enrol", enrolView{Codes: codes, Carry: carried}).hidden(), nil
}
