package partner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/internal/partner"
)

func ExampleNewLink() {
	link, secret := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "shop software", time.Now(), time.Time{})
	text := secret.Reveal() // shown to the partner, once
	again, ok := partner.ParseSecret(text)
	fmt.Println(ok, again.Link() == link.ID, again.Matches(link.SecretHash))
	fmt.Println(strings.Contains(fmt.Sprint(again), text))
	// Output:
	// true true true
	// false
}

func newSecret(t interface{ Fatalf(string, ...any) }) (partner.Link, partner.Secret) {
	link, secret := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "name", time.Now(), time.Time{})
	if _, ok := partner.ParseSecret(secret.Reveal()); !ok {
		t.Fatalf("a new secret cannot be read")
	}
	return link, secret
}

// TestSecretMistakes changes each character to each other one that may stand in
// a secret: the checksum finds every one.
func TestSecretMistakes(t *testing.T) {
	t.Parallel()
	_, secret := newSecret(t)
	text := secret.Reveal()
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-%/"
	for i := range len(text) {
		for _, c := range []byte(digits) {
			if text[i] == c {
				continue
			}
			wrong := text[:i] + string(c) + text[i+1:]
			if _, ok := partner.ParseSecret(wrong); ok {
				t.Fatalf("character %d changed to %q is not noticed", i, c)
			}
		}
	}
	for i := range len(text) - 1 { // two neighbours swapped
		if text[i] != text[i+1] {
			if _, ok := partner.ParseSecret(text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]); ok {
				t.Errorf("characters %d and %d swapped are not noticed", i, i+1)
			}
		}
	}
	for _, wrong := range []string{"", "fm1_", text[1:], text[:len(text)-1], text + "0", " " + text, strings.ToLower(text), strings.ToUpper(text), strings.Repeat("a", 1<<16)} {
		if _, ok := partner.ParseSecret(wrong); ok && wrong != text {
			t.Errorf("%.80q is taken for a secret", wrong)
		}
	}
}

func TestSecretsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 2000 {
		link, secret := newSecret(t)
		text := secret.Reveal()
		if seen[text] || seen[string(link.ID)] {
			t.Fatal("the same secret or id twice")
		}
		seen[text], seen[string(link.ID)] = true, true
		low := strings.ToLower(text)
		for _, word := range []string{"full", "light", "csv", "unit"} {
			if strings.Contains(low[20:], word) {
				t.Errorf("a secret holds the word %s", word)
			}
		}
		if !link.ID.Valid() || secret.Link() != link.ID || link.Validate() != nil {
			t.Fatalf("link %+v does not fit its secret", link)
		}
	}
}

// TestSecretsAreRandom looks at the secret part alone: the public part of two
// links differs even when nothing else does.
func TestSecretsAreRandom(t *testing.T) {
	t.Parallel()
	const public, end = len("fm1_") + 16, len("fm1_") + 16 + 43
	for name, text := range map[string]func() string{
		"link": func() string { _, s := newSecret(t); return s.Reveal() },
		"key": func() string {
			_, s := partner.NewKey(partner.NewMerchantID(), "k", partner.ScopePublish, time.Now(), time.Time{})
			return s.Reveal()
		},
	} {
		var seen [end - public]map[byte]bool
		parts := map[string]bool{}
		for range 2000 {
			part := text()[public:end]
			if parts[part] {
				t.Fatalf("%s: the same secret part twice", name)
			}
			parts[part] = true
			for i := range seen {
				if seen[i] == nil {
					seen[i] = map[byte]bool{}
				}
				seen[i][part[i]] = true
			}
		}
		for i := range seen { // 62 may stand in each place, 61 in the first: 62^43 is a little more than 2^256
			if n := len(seen[i]); n < 55 {
				t.Errorf("%s: %d characters are all that place %d of the secret has", name, n, i)
			}
		}
	}
}

func TestSecretStaysSecret(t *testing.T) {
	t.Parallel()
	_, secret := newSecret(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("download", "link", secret, "any", any(secret), "struct", struct{ S partner.Secret }{secret})
	text, err := json.Marshal(map[string]any{"secret": secret, "in": []partner.Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	hidden := secret.Reveal()[20:60]
	for _, told := range []string{log.String(), string(text), fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q", secret, secret, secret, secret, secret), fmt.Sprintf("%v", &secret)} {
		if strings.Contains(told, hidden) {
			t.Errorf("the secret is told: %s", told)
		}
		if !strings.Contains(told, string(secret.Link())) {
			t.Errorf("the public id is not told: %s", told)
		}
	}
}

func TestSecretMatches(t *testing.T) {
	t.Parallel()
	link, secret := newSecret(t)
	other, _ := newSecret(t)
	if !secret.Matches(link.SecretHash) || secret.Matches(other.SecretHash) || secret.Matches([32]byte{}) {
		t.Error("a secret matches another hash than its own, or not its own")
	}
	var none partner.Secret
	if none.Matches(none.Hash()) || none.Link() != "" {
		t.Error("the zero secret matches something")
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	m, s, p, o, l, i := partner.NewMerchantID(), partner.NewShopID(), partner.NewID(), partner.NewOfferID(), partner.NewLinkID(), partner.NewImportID()
	if !m.Valid() || !s.Valid() || !p.Valid() || !o.Valid() || !l.Valid() || !i.Valid() {
		t.Errorf("new ids are not valid: %s %s %s %s %s %s", m, s, p, o, l, i)
	}
	for _, bad := range []string{"", "m-", string(s), string(m) + "a", strings.ToUpper(string(m)), "m-aaaaaaaaaaaaaaa1", "m_aaaaaaaaaaaaaaaa", "m-aaaaaaaaaaaaaaa/"} {
		if partner.MerchantID(bad).Valid() {
			t.Errorf("%q is taken for the id of a merchant", bad)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	_, secret := newSecret(f)
	f.Add(secret.Reveal())
	f.Add("fm1_")
	f.Add(strings.Repeat("a", 69))
	f.Fuzz(func(t *testing.T, s string) {
		secret, ok := partner.ParseSecret(s)
		if ok && (secret.Reveal() != s || !secret.Link().Valid() || !secret.Matches(secret.Hash())) {
			t.Errorf("%q is read as %v", s, secret)
		}
		if !ok && secret != (partner.Secret{}) {
			t.Errorf("%q is refused and read all the same", s)
		}
	})
}

func TestSecretRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, secret := newSecret(t)
		i := rapid.IntRange(0, len(secret.Reveal())).Draw(t, "at")
		n := rapid.IntRange(0, 3).Draw(t, "cut")
		text := secret.Reveal()
		cut := text[:i] + text[min(i+n, len(text)):]
		if _, ok := partner.ParseSecret(cut); ok != (cut == text) {
			t.Fatalf("cut at %d by %d: %v", i, n, ok)
		}
		if secret.Hash() != a.SecretHash {
			t.Fatal("the hash is not the link's")
		}
	})
}

// Whatever stands around a secret, and however little of it is left: nothing of
// its random part is left by Redact, and everything else is.
func TestRedact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		_, link := partner.NewLink("m-aaaaaaaaaaaaaaaa", "o-aaaaaaaaaaaaaaaa", "l", time.Unix(0, 0), time.Time{})
		_, key := partner.NewKey("m-aaaaaaaaaaaaaaaa", "k", partner.ScopePublish, time.Unix(0, 0), time.Time{})
		around := rapid.StringMatching(`[fm1_k /"%]{0,8}`)
		var text, want string
		for _, s := range []string{link.Reveal(), key.Reveal()} {
			s = s[:rapid.IntRange(21, len(s)).Draw(t, "n")]
			before := around.Draw(t, "before")
			text += before + s + " "
			want += before + s[:20] + "… "
		}
		if got := partner.Redact(text); got != want {
			t.Fatalf("%q becomes %q, want %q", text, got, want)
		}
	})
	for _, s := range []string{"", "fm", "fm1_", "fm1_abcdefghijklmnop", "fm1_ABCDEFGHIJKLMNOPQRSTUVW", "fmk_short", "importer/1.0 (fm radio)"} {
		if got := partner.Redact(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}
