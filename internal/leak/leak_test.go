package leak_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/internal/auth"
	"feedmill/internal/leak"
	"feedmill/internal/partner"
)

func link() string {
	_, s := partner.NewLink("m-aaaaaaaaaaaaaaaa", "o-aaaaaaaaaaaaaaaa", "l", time.Unix(0, 0), time.Time{})
	return s.Reveal()
}

func zipped(t rapid.TB, b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wrappings are ways in which a text may stand somewhere.
var wrappings = map[string]func(t rapid.TB, text string) []byte{
	"plain":     func(_ rapid.TB, s string) []byte { return []byte(s) },
	"base64":    func(_ rapid.TB, s string) []byte { return []byte(base64.StdEncoding.EncodeToString([]byte(s))) },
	"base64url": func(_ rapid.TB, s string) []byte { return []byte(base64.RawURLEncoding.EncodeToString([]byte(s))) },
	"hex":       func(_ rapid.TB, s string) []byte { return []byte(hex.EncodeToString([]byte(s))) },
	"query":     func(_ rapid.TB, s string) []byte { return []byte(url.QueryEscape(s)) },
	"percent": func(_ rapid.TB, s string) []byte {
		var b []byte
		for _, c := range []byte(s) {
			b = fmt.Appendf(b, "%%%02x", c)
		}
		return b
	},
	"json": func(t rapid.TB, s string) []byte {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
	"gzip":       func(t rapid.TB, s string) []byte { return zipped(t, []byte(s)) },
	"gzip twice": func(t rapid.TB, s string) []byte { return zipped(t, zipped(t, []byte(s))) },
	"base64 in gzip": func(t rapid.TB, s string) []byte {
		return zipped(t, []byte(base64.StdEncoding.EncodeToString([]byte(s))))
	},
	"gzip in base64": func(t rapid.TB, s string) []byte {
		return []byte(base64.StdEncoding.EncodeToString(zipped(t, []byte(s+strings.Repeat(" padding", 20)))))
	},
}

// Whatever stands around it, however it is wrapped: a secret is found.
func TestFound(t *testing.T) {
	t.Parallel()
	const canary = "buyer+canary@shop.example?a b"
	s := leak.New(leak.Canary{Name: "buyer", Text: canary})
	for name, wrap := range wrappings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				around := rapid.StringMatching(`[ -~]{0,40}`)
				for _, secret := range []string{link(), canary} {
					before, after := around.Draw(t, "before"), around.Draw(t, "after")
					b := append([]byte("log: "), wrap(t, before+secret+after)...)
					if found := s.Scan("x", append(b, '\n')); len(found) == 0 {
						t.Fatalf("%q is not found", b)
					}
				}
			})
		})
	}
}

// Everything that has a shape is found without being named, and what only
// resembles it is not.
func TestShapes(t *testing.T) {
	t.Parallel()
	_, key := partner.NewKey("m-aaaaaaaaaaaaaaaa", "k", partner.ScopePublish, time.Unix(0, 0), time.Time{})
	session := auth.SessionID{1, 2, 3}.Reveal()
	s := leak.New()
	for what, text := range map[string]string{"link": link(), "key": key.Reveal(), "session": session} {
		if found := s.Scan("x", []byte("a"+text+"b")); len(found) != 1 || found[0].What != what || found[0].Offset != 1 {
			t.Errorf("%s: %v", what, found)
		}
		spoilt := []byte(text)
		spoilt[len(spoilt)-1] ^= 1
		for _, b := range [][]byte{spoilt, []byte(text[:len(text)-1]), []byte(strings.ToUpper(text))} {
			if found := s.Scan("x", b); len(found) != 0 {
				t.Errorf("%q: %v", b, found)
			}
		}
	}
}

func TestNothingIsFoundInNothing(t *testing.T) {
	t.Parallel()
	s := leak.New(leak.Canary{Name: "c", Text: "canary of a test"})
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "b")
		if found := s.Scan("x", b); len(found) != 0 {
			t.Fatalf("%v", found)
		}
	})
}

func TestTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"a/log": "nothing", "a/b/" + link(): "", "c": "x" + link()} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, files, err := leak.New().Tree(dir)
	if err != nil || files != 3 || len(found) != 2 {
		t.Errorf("%v in %d files, %v", found, files, err)
	}
	if _, _, err := leak.New().Tree(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was looked through")
	}
}

func ExampleScanner_Scan() {
	s := leak.New(leak.Canary{Name: "password", Text: "correct horse battery staple"})
	for _, f := range s.Scan("the log", []byte("GET /?p=correct+horse+battery+staple")) {
		fmt.Println(f)
	}
	// Output: the log: password, in a query at byte 8
}
