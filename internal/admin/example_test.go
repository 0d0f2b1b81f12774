package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"feedmill/internal/admin"
)

func ExampleStorybook() {
	book, err := admin.Storybook()
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/panel/storybook/held/empty?lang=sl", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "Nič ni zadržano."))
	// Output: 200 true
}

func ExampleNew() {
	_, err := admin.New(admin.Options{PublicURL: "http://panel.example.com"})
	fmt.Println(err)
	panel, err := admin.New(admin.Options{PublicURL: "https://panel.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	panel.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://elsewhere.example/panel/", nil))
	fmt.Println(w.Code)
	// Output:
	// the panel's address http://panel.example.com is neither https nor this machine's own
	// 421
}

// FuzzAddress sends any address and any cookies to a panel that knows nobody:
// it answers, leads nowhere else, and never breaks.
func FuzzAddress(f *testing.F) {
	panel, err := admin.New(admin.Options{PublicURL: "https://panel.example.com"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][2]string{{"/panel/", ""}, {"/panel/partners?q=%00", "__Host-feedmill-session=x"}, {"/panel/../x", "__Host-feedmill-flash=eyJLZXkiOiJ4In0"}, {"/panel/assets/style.css", "a=b"}, {"/panel/partners/p-aaaaaaaaaaaaaaaa/ledger?before=-1", "__Host-feedmill-lang=pl"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, cookies string) {
		r, err := http.NewRequest(http.MethodGet, "https://panel.example.com/panel/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := r.URL.Parse(path)
		if err != nil || u.Host != r.URL.Host {
			return
		}
		r.URL, r.RequestURI = u, u.RequestURI()
		r.Header.Set("Cookie", cookies)
		w := httptest.NewRecorder()
		panel.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%q: got %d", path, w.Code)
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Errorf("%q: leads to %q", path, to)
		}
	})
}
