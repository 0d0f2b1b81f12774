package admin

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// usersView lists people.
type usersView struct {
	Users []userLine
	Pager pager
}

// userLine is one person of a list.
type userLine struct {
	ID, Login, Name, Partner, PartnerID string
	Role                                auth.Role
	Factor, Disabled                    bool
	LastLogin                           time.Time
}

// userFormView makes or changes an account.
type userFormView struct {
	ID, Login string
	Form      *form
	New, Self bool
	Roles     []option
	Partners  []option
	// Portal says that the account is one of a partner's people.
	Portal   bool
	Partner  string
	Factor   bool
	Disabled bool
	// Code is the address by which a password is set, shown once.
	Code *copyView
}

func usersPage() page {
	return page{name: "users", routes: []route{get("/users", may(manage.WriteMerchant), showUsers)}, stories: func(s *scene) []story {
		return []story{{state: "plain", data: usersView{Users: []userLine{
			{"u-aaaaaaaaaaaaaaaa", "anna@example.com", "Anna Kowalska", "", "", auth.Owner, true, false, s.ago(time.Minute)},
			{"u-bbbbbbbbbbbbbbbb", "jan@example.com", "", "", "", auth.Manager, false, true, s.ago(90 * 24 * time.Hour)},
			{"u-cccccccccccccccc", "it@nord.example", "N. <Nord>", "Nord Shop", "p-aaaaaaaaaaaaaaaa", auth.Portal, false, false, time.Time{}},
		}}}}
	}}
}

func userPage() page {
	return page{name: "user", routes: []route{
		get("/users/new", may(manage.WriteMerchant), showNewUser),
		post("/users/new", may(manage.WriteMerchant), createUser),
		get("/users/{user}", may(manage.WriteMerchant), showUser),
		post("/users/{user}", may(manage.WriteMerchant), changeUser),
		post("/users/{user}/reset", may(manage.WriteMerchant), resetUser),
	}, stories: func(s *scene) []story {
		roles := []option{{"owner", "owner"}, {"manager", "manager"}, {"readonly", "readonly"}, {"partner", "partner"}}
		partners := []option{{"", "–"}, {"p-aaaaaaaaaaaaaaaa", "Nord Shop"}}
		v := userFormView{Form: newForm("role", "manager"), New: true, Roles: roles, Partners: partners}
		bad := v
		bad.Form = newForm("login", "a b", "role", "partner", "name", "<script>alert(1)</script>")
		bad.Form.fail("login", "form.said", "a login has 1 to 120 characters and no blanks")
		bad.Form.fail("partner", "form.choice")
		edit := userFormView{ID: "u-bbbbbbbbbbbbbbbb", Login: "jan@example.com", Form: newForm("name", "Jan", "role", "manager", "version", "2"), Roles: roles[:3], Factor: true}
		code := edit
		code.Code = &copyView{"user-code", "user.code", "https://panel.example.com/panel/reset?code=AAAA-BBBB-CCCC"}
		portalUser := userFormView{ID: "u-cccccccccccccccc", Login: "it@nord.example", Form: newForm("name", "N.", "version", "2").setFlag("disabled", true), Portal: true, Partner: "Nord Shop", Disabled: true}
		return []story{{state: "new", data: v}, {state: "wrong", data: bad}, {state: "edit", data: edit}, {state: "code", data: code}, {state: "portal", data: portalUser}}
	}}
}

func showUsers(c *call) (reply, error) {
	list, err := c.panel.opt.Auth.Users(c.ctx, c.who.Merchant)
	if err != nil {
		return reply{}, err
	}
	partners, err := c.panel.opt.Manage.Partners(c.ctx, c.who)
	if err != nil {
		return reply{}, err
	}
	slices.SortStableFunc(list, func(a, b auth.User) int {
		if x, y := slices.Index(auth.Roles(), a.Role), slices.Index(auth.Roles(), b.Role); x != y {
			return x - y
		}
		return strings.Compare(a.Login, b.Login)
	})
	var v usersView
	page, pager := pageOf(list, c.r.URL)
	for i := range page {
		u := &page[i]
		l := userLine{ID: string(u.ID), Login: u.Login, Name: u.Name, Role: u.Role, Factor: u.Factor.On(), Disabled: u.Disabled(), LastLogin: u.LastLogin, PartnerID: string(u.Partner)}
		for j := range partners {
			if partners[j].ID == u.Partner {
				l.Partner = partners[j].Name
			}
		}
		v.Users = append(v.Users, l)
	}
	v.Pager = pager
	return show("users", v), nil
}

// userForm puts the form together; u is nil for a new account.
func (c *call) userForm(f *form, u *auth.User) (v userFormView, err error) {
	v = userFormView{Form: f, New: u == nil}
	roles := auth.Roles()
	if u != nil {
		v.ID, v.Login, v.Portal, v.Factor, v.Disabled, v.Self = string(u.ID), u.Login, u.Role == auth.Portal, u.Factor.On(), u.Disabled(), u.ID == c.user.ID
		roles = roles[:3] // nobody becomes one of a partner's people, or stops being one
	}
	for _, r := range roles {
		v.Roles = append(v.Roles, option{string(r), c.speaker().word("role", r)})
	}
	list, err := c.panel.opt.Manage.Partners(c.ctx, c.who)
	if u == nil {
		v.Partners = []option{{"", "–"}}
	}
	for i := range list {
		switch {
		case u == nil:
			v.Partners = append(v.Partners, option{string(list[i].ID), list[i].Name})
		case list[i].ID == u.Partner:
			v.Partner = list[i].Name
		}
	}
	return v, err
}

func showNewUser(c *call) (reply, error) {
	if rep, ok := c.proved("/users/new"); !ok {
		return rep, nil
	}
	f := newForm("role", string(auth.Manager))
	if p := c.query("partner"); partner.ID(p).Valid() {
		f.set("role", string(auth.Portal)).set("partner", p)
	}
	v, err := c.userForm(f, nil)
	return show("user", v), err
}

func createUser(c *call) (reply, error) {
	if rep, ok := c.proved("/users/new"); !ok {
		return rep, nil
	}
	f, err := c.form()
	if err != nil {
		return reply{}, err
	}
	u := auth.User{Merchant: c.who.Merchant, Login: f.line("login", 1, auth.MaxLogin), Name: f.line("name", 0, auth.MaxName),
		Role: auth.Role(f.choice("role", "owner", "manager", "readonly", "partner"))}
	if u.Role == auth.Portal {
		p, err := c.panel.opt.Manage.Partner(c.ctx, c.who, f.Value("partner"))
		if err != nil && feed.KindOf(err) != feed.KindNotFound {
			return reply{}, err
		}
		if u.Partner = p.ID; err != nil || string(p.ID) != f.Value("partner") {
			f.fail("partner", "form.choice")
		}
	}
	var code string
	if !f.Failed() {
		u, code, err = c.panel.opt.Auth.NewUser(c.ctx, c.who.Actor, u)
		if feed.KindOf(err) == feed.KindInvalid && err != nil {
			if err = f.take("login", err); err != nil {
				return reply{}, err
			}
		}
		if err := takeTaken(f, "login", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.userForm(f, nil)
		return wrong("user", v), err
	}
	return c.showCode(&u, code)
}

// showCode shows an account with the address by which its password is set.
func (c *call) showCode(u *auth.User, code string) (reply, error) {
	v, err := c.userForm(formOfUser(u), u)
	v.Code = &copyView{"user-code", "user.code", c.panel.opt.PublicURL + root + "/reset?code=" + queryEscape(code)}
	return show("user", v).hidden(), err
}

func formOfUser(u *auth.User) *form {
	return newForm("name", u.Name, "role", string(u.Role), "version", strconv.FormatInt(u.Version, 10)).setFlag("disabled", u.Disabled())
}

// userOf gives the account of the path.
func (c *call) userOf() (auth.User, error) {
	return c.panel.opt.Auth.User(c.ctx, c.who.Merchant, auth.UserID(c.path("user")))
}

func showUser(c *call) (reply, error) {
	u, err := c.userOf()
	if err != nil {
		return reply{}, err
	}
	v, err := c.userForm(formOfUser(&u), &u)
	return show("user", v), err
}

func changeUser(c *call) (reply, error) {
	u, err := c.userOf()
	if err != nil {
		return reply{}, err
	}
	if rep, ok := c.proved("/users/" + string(u.ID)); !ok {
		return rep, nil
	}
	f, err := c.form()
	if err != nil {
		return reply{}, err
	}
	now := u
	now.Name, now.Version = f.line("name", 0, auth.MaxName), f.version()
	if u.Role != auth.Portal {
		now.Role = auth.Role(f.choice("role", "owner", "manager", "readonly"))
	}
	switch off := f.flag("disabled"); {
	case off && u.ID == c.user.ID:
		f.fail("disabled", "user.self")
	case off && !u.Disabled():
		now.DisabledAt = c.now()
	case !off:
		now.DisabledAt = time.Time{}
	}
	if !f.Failed() {
		_, err := c.panel.opt.Auth.Change(c.ctx, c.who.Actor, now)
		if err := f.take("role", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.userForm(f, &u)
		return wrong("user", v), err
	}
	return move("/users").saying("user.saved", u.Login), nil
}

func resetUser(c *call) (reply, error) {
	u, err := c.userOf()
	if err != nil {
		return reply{}, err
	}
	if rep, ok := c.proved("/users/" + string(u.ID)); !ok {
		return rep, nil
	}
	f, err := c.form()
	if err != nil {
		return reply{}, err
	}
	code, err := c.panel.opt.Auth.Reset(c.ctx, c.who.Actor, u, f.flag("factor"))
	if err != nil {
		return reply{}, err
	}
	if u, err = c.userOf(); err != nil {
		return reply{}, err
	}
	return c.showCode(&u, code)
}
