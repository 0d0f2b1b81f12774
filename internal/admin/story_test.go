package admin

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStories makes every page in every state and language, and looks for what
// a browser, a screen reader or the content security policy would stumble over.
func TestStories(t *testing.T) {
	t.Parallel()
	book, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	b := book.(*storybook)
	seen := map[string]bool{}
	for _, pg := range pages() {
		if pg.stories == nil {
			continue
		}
		seen[pg.name] = true
		states := map[string]bool{}
		for _, st := range pg.stories(b.scene) {
			if states[st.state] {
				t.Errorf("page %s has two states %q", pg.name, st.state)
			}
			states[st.state] = true
			for _, tg := range tongues() {
				body, err := b.panel.render(b.scene.screenOf(pg.name, st, tg.Code), pg.name, st.part, b.scene.zone)
				if err != nil {
					t.Errorf("%s/%s in %s: %v", pg.name, st.state, tg.Code, err)
					continue
				}
				for _, complaint := range lint(string(body), st.part == "") {
					t.Errorf("%s/%s in %s: %s", pg.name, st.state, tg.Code, complaint)
				}
			}
		}
	}
	for name := range b.panel.templates.plain {
		if !seen[name] {
			t.Errorf("template %s has no story", name)
		}
	}
}

// voids are elements without an end tag.
var voids = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// blocks are elements that end a paragraph wherever they begin.
var blocks = []string{"div", "form", "table", "ul", "ol", "dl", "section", "nav", "pre", "fieldset", "details", "h1", "h2", "h3", "h4", "p", "main", "header", "footer"}

// lint says what is wrong with a page, or with a piece of one.
func lint(body string, whole bool) (complaints []string) {
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if whole && !strings.HasPrefix(body, "<!doctype html>") {
		say("the page does not begin with its document type")
	}
	for _, bad := range []string{"%!", "ZgotmplZ", "<no value>", "<nil>"} {
		if strings.Contains(body, bad) {
			say("it shows %q: %.80q", bad, body[strings.Index(body, bad):])
		}
	}
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.Entity = false, xml.HTMLEntity
	var stack []string
	ids, labelled, refs := map[string]bool{}, map[string]bool{}, map[string]string{}
	type control struct{ id, name string }
	var controls []control
	var h1, depth int
	named := "" // the text of the button or link that is open
	inLabel := 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			say("not well-formed: %v", err)
			return complaints
		}
		switch e := token.(type) {
		case xml.CharData:
			if depth > 0 {
				named += string(e)
			}
		case xml.StartElement:
			name := strings.ToLower(e.Name.Local)
			attr := map[string]string{}
			for _, a := range e.Attr {
				key := strings.ToLower(a.Name.Local)
				if a.Name.Space != "" {
					key = strings.ToLower(a.Name.Space) + ":" + key
				}
				if _, twice := attr[key]; twice {
					say("<%s> has two attributes %s", name, key)
				}
				attr[key] = a.Value
				if strings.HasPrefix(key, "on") || key == "style" || strings.HasPrefix(key, "hx-on") {
					say("<%s> has an attribute %s", name, key)
				}
				if (key == "href" || key == "src" || key == "action") && !strings.HasPrefix(a.Value, "/") && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "?") {
					say("<%s> leads to %q", name, a.Value)
				}
			}
			if slices.Contains(stack, "p") && slices.Contains(blocks, name) {
				say("there is a <%s> inside a <p>", name)
			}
			switch name {
			case "h1":
				h1++
			case "style":
				say("there is a <style>")
			case "script":
				if attr["src"] == "" {
					say("there is a <script> without src")
				}
			case "img":
				if _, ok := attr["alt"]; !ok {
					say("an image has no alt")
				}
			case "label":
				labelled[attr["for"]] = true
				inLabel++
			case "input", "select", "textarea":
				if attr["type"] != "hidden" && attr["aria-label"] == "" && attr["aria-labelledby"] == "" && inLabel == 0 {
					controls = append(controls, control{attr["id"], attr["name"]})
				}
			case "button", "a", "th":
				depth, named = depth+1, attr["aria-label"]
			case "form":
				if m := attr["method"]; m != "post" && m != "get" || attr["action"] == "" {
					say("a form has method %q and action %q", m, attr["action"])
				}
			case "table":
				refs["table in "+strings.Join(stack, ">")] = ""
			}
			if id := attr["id"]; id != "" {
				if ids[id] {
					say("id %q is there twice", id)
				}
				ids[id] = true
			}
			for _, key := range []string{"aria-describedby", "aria-labelledby", "aria-controls"} {
				for _, id := range strings.Fields(attr[key]) {
					refs[id] = key
				}
			}
			if !slices.Contains(voids, name) {
				stack = append(stack, name)
			}
		case xml.EndElement:
			name := strings.ToLower(e.Name.Local)
			if slices.Contains(voids, name) {
				continue // written as <br/>
			}
			if len(stack) == 0 || stack[len(stack)-1] != name {
				say("</%s> closes nothing: open are %v", name, stack)
				return complaints
			}
			stack = stack[:len(stack)-1]
			switch name {
			case "label":
				inLabel--
			case "button", "a", "th":
				depth--
				if strings.TrimSpace(named) == "" && name != "th" {
					say("a <%s> has no name", name)
				}
			}
		}
	}
	if len(stack) > 0 {
		say("not closed: %v", stack)
	}
	if whole && h1 != 1 {
		say("there are %d h1", h1)
	}
	for _, c := range controls {
		if c.id == "" || !labelled[c.id] {
			say("field %q has no label", c.name)
		}
	}
	for id, key := range refs {
		if key != "" && !ids[id] {
			say("%s names %q, which is not there", key, id)
		}
	}
	return complaints
}

// The check itself must be able to find something.
func TestLintFinds(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`<p style="x">a</p>`, `<button onclick="x()">a</button>`, `<script>x()</script>`, `<input id="a" name="a">`, `<p><b>x</p>`, `<button></button>`,
		`<p id="a"></p><p id="a"></p>`, `<a href="https://elsewhere.example/">x</a>`, `<input aria-label="x" aria-describedby="y">`, `<form method="post">x</form>`, `%!d(string)`, `<style>p{}</style>`, `<p><form method="post" action="/x"></form></p>`,
	} {
		if len(lint(bad, false)) == 0 {
			t.Errorf("nothing is found wrong with %s", bad)
		}
	}
	if got := lint(`<form method="post" action="/x"><label for="a">A</label><input id="a" name="a" required><br></form>`, false); len(got) > 0 {
		t.Errorf("a good piece: got %v, want nothing", got)
	}
}

func TestStorybookServes(t *testing.T) {
	t.Parallel()
	book, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path   string
		status int
		says   string
	}{
		{"/panel/storybook/", 200, "signin"}, {"/", 303, ""}, {"/panel/storybook/signin/refused?lang=pl", 200, "Logowanie"},
		{"/panel/storybook/signin/none", 404, "signin"}, {"/panel/other", 404, ""},
	} {
		w := httptest.NewRecorder()
		book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.path, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s: got %d %.200q, want %d with %q", test.path, w.Code, w.Body.String(), test.status, test.says)
		}
	}
}

// A day that was counted in UTC keeps its name wherever the merchant is.
func TestDaysOfCounts(t *testing.T) {
	t.Parallel()
	book, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	b := book.(*storybook)
	all := map[string]page{}
	for _, pg := range pages() {
		all[pg.name] = pg
	}
	for _, name := range []string{"link", "ledger"} {
		for _, hours := range []int{-11, 0, 13} {
			body, err := b.panel.render(b.scene.screenOf(name, all[name].stories(b.scene)[0], "en"), name, "", time.FixedZone("", hours*3600))
			if err != nil {
				t.Fatal(err)
			}
			for _, day := range []string{">21 Nov 2026", ">20 Nov 2026"} {
				if !strings.Contains(string(body), `<tr><th scope="row"`+day) {
					t.Errorf("%s, %d hours from UTC: no row %q", name, hours, day)
				}
			}
		}
	}
}
