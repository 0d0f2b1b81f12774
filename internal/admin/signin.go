package admin

import (
	"errors"
	"net/http"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
)

// signInView is the page where people come in.
type signInView struct {
	Form *form
	Back string
	// Carry is a form that goes along, "" for none.
	Carry string
	// Setup says that there is no owner yet, and where to make one.
	Setup bool
}

func signInPage() page {
	return page{name: "signin", routes: []route{
		get("/sign-in", everybody(), showSignIn),
		send("/sign-in", everybody(), signIn),
		post("/sign-out", everybody(), signOut),
		send("/language", everybody(), setLanguage),
	}, stories: func(s *scene) []story {
		bad := newForm("login", "anna@example.com")
		bad.fail("", "signin.refused")
		wait := newForm("login", "anna@example.com")
		wait.fail("", "signin.wait", "8 s")
		return []story{
			{state: "plain", nobody: true, data: signInView{Form: newForm(), Back: "/"}},
			{state: "refused", nobody: true, data: signInView{Form: bad, Back: "/partners"}},
			{state: "wait", nobody: true, data: signInView{Form: wait, Back: "/"}},
			{state: "setup", nobody: true, data: signInView{Form: newForm(), Back: "/", Setup: true}},
			{state: "signed-out", nobody: true, flash: []said{{"signin.out", nil}}, data: signInView{Form: newForm(), Back: "/"}},
		}
	}}
}

// place says where a request comes from.
func (c *call) place() auth.Place {
	return auth.Place{Address: c.panel.opt.ClientAddr(c.r), Client: c.r.UserAgent(), Request: c.panel.opt.RequestID(c.ctx)}
}

// held gives the session that the browser holds, the zero one for none.
func (c *call) held() auth.SessionID {
	id, _ := c.panel.sessionID(c.r)
	return id
}

// signInForm puts together the page around a form.
func (c *call) signInForm(f *form) (signInView, error) {
	v := signInView{Form: f, Back: safeBack(c.query("back"))}
	if f.sent {
		v.Back, v.Carry = safeBack(f.Value("back")), f.Value("carry")
	}
	var err error
	v.Setup, err = c.panel.opt.Auth.NeedsSetup(c.ctx)
	return v, err
}

func showSignIn(c *call) (reply, error) {
	if c.session.Stage == auth.StageIn {
		return move("/"), nil
	}
	v, err := c.signInForm(newForm())
	return show("signin", v), err
}

func signIn(c *call, f *form) (reply, error) {
	v, err := c.signInForm(f)
	if err != nil {
		return reply{}, err
	}
	login, password := f.line("login", 1, auth.MaxLogin), f.secret("password")
	if password == "" {
		f.fail("password", "form.needed")
	}
	if f.Failed() {
		return wrong("signin", v), nil
	}
	id, stage, err := c.panel.opt.Auth.SignIn(c.ctx, login, password, c.place(), c.held())
	if err != nil {
		status, err := c.refused(f, "", "signin.refused", err)
		rep := wrong("signin", v)
		if status != 0 {
			rep.status = status
		}
		return rep, err
	}
	if stage == auth.StageFactor {
		c.signIn(id, auth.FactorTime)
		if _, ok := parseCarried(v.Carry); ok {
			return show("factor", factorView{newForm(), v.Back, v.Carry}), nil
		}
		return move("/second-factor?back=" + queryEscape(v.Back)), nil
	}
	c.signIn(id, auth.SessionLife)
	if _, ok := parseCarried(v.Carry); ok {
		if _, c.user, err = c.panel.opt.Auth.Session(c.ctx, id); err != nil {
			return reply{}, err
		}
	}
	return c.resumed(v.Carry, v.Back, true), nil
}

// refused puts a refusal of the one who checks secrets into a form, and gives
// the status to answer with; other errors are given back.
func (c *call) refused(f *form, field, key string, err error) (int, error) {
	var no *auth.RefusedError
	var weak *auth.WeakError
	switch {
	case errors.As(err, &no) && no.Wait > 0:
		c.w.Header().Set("Retry-After", seconds(no.Wait))
		f.fail("", "signin.wait", c.speaker().span(no.Wait.Round(time.Second)))
		return http.StatusTooManyRequests, nil
	case errors.As(err, &no):
		f.fail(field, key)
		return http.StatusUnprocessableEntity, nil
	case errors.As(err, &weak):
		f.fail("new-password", "weak."+string(weak.Weakness))
		return http.StatusUnprocessableEntity, nil
	case feed.KindOf(err) == feed.KindInvalid, feed.KindOf(err) == feed.KindConflict:
		f.fail("", "form.said", message(err))
		return http.StatusUnprocessableEntity, nil
	}
	return 0, err
}

func signOut(c *call) (reply, error) {
	if id := c.held(); id != (auth.SessionID{}) {
		if err := c.panel.opt.Auth.SignOut(c.ctx, id); err != nil {
			return reply{}, err
		}
	}
	c.panel.setCookie(c.w, sessionCookie, "", 0)
	if c.session.Stage == auth.StageIn {
		c.remember() // a form that he has sent from another tab meanwhile finds him again
	}
	// What the browser keeps of these pages goes too.
	c.w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return move("/sign-in").saying("signin.out"), nil
}

// setLanguage remembers the language that somebody wants to read.
func setLanguage(c *call, f *form) (reply, error) {
	lang := f.choice("language", tongueCodes()...)
	if f.Failed() {
		return reply{}, feed.Errorf(feed.KindInvalid, "the pages are not written in that language")
	}
	c.panel.setCookie(c.w, langCookie, lang, 365*24*time.Hour)
	if c.session.Stage == auth.StageIn && c.user.Language != lang {
		if _, err := c.panel.opt.Auth.SetProfile(c.ctx, c.user, c.user.Name, lang, c.user.Version, c.place()); err != nil {
			return reply{}, err
		}
	}
	back := f.Value("back")
	if len(back) > len(root) && back[:len(root)] == root {
		back = back[len(root):]
	}
	return move(safeLanguageBack(back)), nil
}

// safeLanguageBack is safeBack for pages that need no session too.
func safeLanguageBack(back string) string {
	for _, p := range []string{"/sign-in", "/second-factor", "/prove", "/setup"} {
		if back == p {
			return back
		}
	}
	return safeBack(back)
}

// factorView asks for the second factor.
type factorView struct {
	Form *form
	Back string
	// Carry is a form that goes along, "" for none.
	Carry string
}

func factorPage() page {
	return page{name: "factor", routes: []route{
		get("/second-factor", beforeFactor(), func(c *call) (reply, error) {
			return show("factor", factorView{Form: newForm(), Back: safeBack(c.query("back"))}), nil
		}),
		send("/second-factor", beforeFactor(), checkFactor),
	}, stories: func(s *scene) []story {
		bad := newForm()
		bad.fail("code", "factor.refused")
		return []story{
			{state: "plain", nobody: true, data: factorView{Form: newForm(), Back: "/"}},
			{state: "refused", nobody: true, data: factorView{Form: bad, Back: "/"}},
		}
	}}
}

func checkFactor(c *call, f *form) (reply, error) {
	v := factorView{f, safeBack(f.Value("back")), f.Value("carry")}
	code := f.line("code", 1, 40)
	if f.Failed() {
		return wrong("factor", v), nil
	}
	id, err := c.panel.opt.Auth.SecondFactor(c.ctx, c.held(), code, c.place())
	if err != nil {
		status, err := c.refused(f, "code", "factor.refused", err)
		rep := wrong("factor", v)
		if status != 0 {
			rep.status = status
		}
		return rep, err
	}
	c.signIn(id, auth.SessionLife)
	return c.resumed(v.Carry, v.Back, true), nil
}

// proveView asks for the password once more.
type proveView struct {
	Form *form
	Back string
	// Carry is a form that goes along, "" for none.
	Carry string
}

func provePage() page {
	return page{name: "prove", routes: []route{
		get("/prove", signedIn(), func(c *call) (reply, error) {
			return show("prove", proveView{Form: newForm("again", c.query("again")), Back: safeBack(c.query("back"))}), nil
		}),
		send("/prove", signedIn(), prove),
	}, stories: func(s *scene) []story {
		bad := newForm()
		bad.fail("password", "prove.refused")
		return []story{
			{state: "plain", data: proveView{Form: newForm(), Back: "/"}, flash: []said{{"prove.why", nil}}},
			{state: "refused", data: proveView{Form: bad, Back: "/"}},
			{state: "again", data: proveView{Form: newForm("again", "1"), Back: "/partners"}},
		}
	}}
}

func prove(c *call, f *form) (reply, error) {
	v := proveView{f, safeBack(f.Value("back")), f.Value("carry")}
	id, err := c.panel.opt.Auth.Prove(c.ctx, c.held(), f.secret("password"), c.place())
	if err != nil {
		status, err := c.refused(f, "password", "prove.refused", err)
		rep := wrong("prove", v)
		if status != 0 {
			rep.status = status
		}
		return rep, err
	}
	c.signIn(id, auth.SessionLife)
	_, ok := parseCarried(v.Carry)
	switch {
	case !ok && f.Value("again") != "":
		return move(v.Back).saying("prove.again"), nil
	case !ok:
		return move(v.Back), nil
	case c.mustSetFactor():
		return c.enrolment(v.Carry)
	}
	return c.resumed(v.Carry, v.Back, false), nil
}
