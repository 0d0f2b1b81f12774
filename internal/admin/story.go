package admin

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// story is one state of a page with canned data.
type story struct {
	// state is unique within the page: lower case, words joined by "-".
	state string
	// role is who looks, an owner where it is "".
	role auth.Role
	// nobody says that nobody is signed in.
	nobody bool
	// part shows one block of the page alone, as scripts ask for it.
	part  string
	flash []said
	// sharingOff, factor set the layout's own notices.
	sharingOff, needsFactor bool
	data                    any
}

// scene is what stories are made from. Times lie around its clock.
type scene struct {
	now  time.Time
	zone *time.Location
}

// newScene stands still at one moment, so that pictures of pages can be compared.
func newScene() *scene {
	return &scene{now: time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC), zone: time.FixedZone("", 3600)}
}

// ago gives a moment before the scene's.
func (s *scene) ago(d time.Duration) time.Time { return s.now.Add(-d) }

// today gives the midnight that names the scene's day in counts.
func (s *scene) today() time.Time { return s.now.Truncate(24 * time.Hour) }

// screenOf puts a story on a screen.
func (s *scene) screenOf(name string, st story, lang string) *screen {
	role := st.role
	if role == "" {
		role = auth.Owner
	}
	sc := &screen{Page: name, Lang: lang, Address: storyRoot + "/" + name + "/" + st.state, Merchant: "Hurtownia Rowerowa", Sharing: !st.sharingOff,
		Tongues: tongues(), Flash: st.flash, Data: st.data, NeedsFactor: st.needsFactor}
	if st.nobody {
		sc.Merchant = ""
		return sc
	}
	who := manage.Identity{Merchant: partner.MerchantID("m-aaaaaaaaaaaaaaaa")}
	if role.Staff() {
		who.Role, _ = manage.ParseRole(string(role)) // one of ours
	}
	sc.User = &userView{Login: "anna@example.com", Name: "Anna Kowalska", Role: role, Staff: role.Staff(), identity: who}
	for _, pg := range pages() {
		if pg.name == name && len(pg.routes) > 0 {
			sc.Nav = navOf(who, role, strings.TrimSuffix(root+pg.routes[0].path, "/{$}"))
		}
	}
	if sc.Nav == nil {
		sc.Nav = navOf(who, role, "")
	}
	return sc
}

const storyRoot = root + "/storybook"

// Storybook shows every page in every state from canned data: /panel/storybook/
// lists them, and ?lang= chooses a language. It knows nobody and changes nothing.
func Storybook() (http.Handler, error) {
	s := newScene()
	p, err := New(Options{PublicURL: "http://localhost", Now: func() time.Time { return s.now }})
	if err != nil {
		return nil, err
	}
	return &storybook{p, s}, nil
}

type storybook struct {
	panel *Panel
	scene *scene
}

// ServeHTTP implements http.Handler.
func (b *storybook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	if b.panel.assets.serve(w, r) {
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	lang := r.URL.Query().Get("lang")
	if !isTongue(lang) {
		lang = tongues()[0].Code
	}
	rest, ok := strings.CutPrefix(r.URL.Path, storyRoot+"/")
	if r.URL.Path == "/" || r.URL.Path == storyRoot {
		h.Set("Location", storyRoot+"/")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	if !ok || rest == "" {
		if rest != "" || !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		b.list(w, lang)
		return
	}
	name, state, _ := strings.Cut(rest, "/")
	for _, pg := range pages() {
		if pg.name != name || pg.stories == nil {
			continue
		}
		for _, st := range pg.stories(b.scene) {
			if st.state != state {
				continue
			}
			body, err := b.panel.render(b.scene.screenOf(name, st, lang), name, st.part, b.scene.zone)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = w.Write(body) // to one who looks
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
	b.list(w, lang)
}

// list names all stories.
func (b *storybook) list(w http.ResponseWriter, lang string) {
	fmt.Fprint(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Storybook</title><meta name="viewport" content="width=device-width, initial-scale=1"></head><body><h1>Storybook</h1><p>`)
	for _, t := range tongues() {
		fmt.Fprintf(w, `<a href="?lang=%s">%s</a> `, t.Code, template.HTMLEscapeString(t.Name))
	}
	fmt.Fprint(w, "</p>")
	for _, pg := range pages() {
		if pg.stories == nil {
			continue
		}
		fmt.Fprintf(w, "<h2>%s</h2><ul>", template.HTMLEscapeString(pg.name))
		for _, st := range pg.stories(b.scene) {
			fmt.Fprintf(w, `<li><a href="%s/%s/%s?lang=%s">%s</a></li>`, storyRoot, url.PathEscape(pg.name), url.PathEscape(st.state), lang, template.HTMLEscapeString(st.state))
		}
		fmt.Fprint(w, "</ul>")
	}
	fmt.Fprint(w, "</body></html>")
}
