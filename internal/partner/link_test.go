package partner_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func ExampleParseCIDRs() {
	list, err := partner.ParseCIDRs("203.0.113.0/24, 2001:db8::/48")
	fmt.Println(partner.FormatCIDRs(list), err)
	l := partner.Link{CIDRs: list}
	fmt.Println(l.Admits(netip.MustParseAddr("203.0.113.7")), l.Admits(netip.MustParseAddr("198.51.100.7")))
	// Output:
	// 203.0.113.0/24,2001:db8::/48 <nil>
	// true false
}

func TestAdmits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cidrs, address string
		want           bool
	}{
		{"", "198.51.100.7", true},
		{"", "", true},
		{"203.0.113.0/24", "203.0.113.255", true},
		{"203.0.113.0/24", "203.0.114.0", false},
		{"203.0.113.0/24", "::ffff:203.0.113.9", true},
		{"::ffff:203.0.113.0/120", "203.0.113.9", true},
		{"203.0.113.9", "203.0.113.9", true},
		{"203.0.113.9", "203.0.113.10", false},
		{"2001:db8::/48", "2001:db8:0:1::5", true},
		{"2001:db8::/48", "2001:db8:1::5", false},
		{"2001:db8::/48", "2001:db8::1%eth0", true},
		{"::/0", "203.0.113.9", false},
		{"0.0.0.0/0", "::1", false},
		{"203.0.113.0/24", "", false},
	} {
		list, err := partner.ParseCIDRs(c.cidrs)
		if err != nil {
			t.Fatal(err)
		}
		var a netip.Addr
		if c.address != "" {
			a = netip.MustParseAddr(c.address)
		}
		if got := (&partner.Link{CIDRs: list}).Admits(a); got != c.want {
			t.Errorf("%q admits %q: got %v, want %v", c.cidrs, c.address, got, c.want)
		}
	}
}

func TestParseCIDRsRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"10.0.0.1/8", "2001:db8::1/48", "x", "10.0.0.0/33", "300.0.0.1", "fe80::1%eth0", "::ffff:0:0/90", "10.0.0.0/-1", "10.0.0.0/08"} {
		if _, err := partner.ParseCIDRs(bad); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("ParseCIDRs(%q): got %v", bad, err)
		}
	}
}

func FuzzParseCIDRs(f *testing.F) {
	f.Add("203.0.113.0/24, 2001:db8::/48")
	f.Add("::ffff:203.0.113.9")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := partner.ParseCIDRs(text)
		if err != nil {
			return
		}
		again, err := partner.ParseCIDRs(partner.FormatCIDRs(list))
		if err != nil || partner.FormatCIDRs(again) != partner.FormatCIDRs(list) {
			t.Fatalf("%q: %v became %v, %v", text, list, again, err)
		}
		l, _ := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "l", time.Unix(0, 0), time.Time{})
		l.CIDRs = list
		if len(list) <= partner.MaxCIDRs {
			if err := l.Validate(); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		for _, p := range list {
			if !l.Admits(p.Addr()) {
				t.Fatalf("%q does not admit %s", text, p.Addr())
			}
		}
	})
}

func TestLinkState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for want, l := range map[string]partner.Link{
		"live": {ExpiresAt: now.Add(1)}, "expired": {ExpiresAt: now, SuspendedAt: now}, "revoked": {RevokedAt: now, ExpiresAt: now}, "suspended": {SuspendedAt: now},
	} {
		if got := l.State(now); got != want {
			t.Errorf("%+v: got %q, want %q", l, got, want)
		}
	}
}

// TestKeysEnd looks at keys of the API as links are looked at.
func TestKeysEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		key  partner.Key
		want bool
	}{
		{"for ever", partner.Key{}, true},
		{"until later", partner.Key{ExpiresAt: now.Add(1)}, true},
		{"until now", partner.Key{ExpiresAt: now}, false},
		{"until before", partner.Key{ExpiresAt: now.Add(-1)}, false},
		{"revoked", partner.Key{RevokedAt: now}, false},
		{"revoked, until later", partner.Key{RevokedAt: now, ExpiresAt: now.Add(time.Hour)}, false},
	} {
		if got := c.key.Live(now); got != c.want {
			t.Errorf("%s: live %v", c.name, got)
		}
	}
	k := partner.Key{CIDRs: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
	if !k.Admits(netip.MustParseAddr("::ffff:203.0.113.7")) || k.Admits(netip.MustParseAddr("198.51.100.7")) {
		t.Error("a key is used from elsewhere, or not from its network")
	}
}

// TestAlarmThreshold: none set is the default, and -1 is none.
func TestAlarmThreshold(t *testing.T) {
	t.Parallel()
	for set, want := range map[int]int{-1: 0, 0: 25, 1: 1, 7: 7} {
		if got, on := (partner.LinkAlarm{Addresses: set}).Threshold(); got != want || on != (set >= 0) {
			t.Errorf("an alarm set to %d is at %d, %v", set, got, on)
		}
	}
}

func TestTruncateAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"203.0.113.99": "203.0.113.0", "::ffff:203.0.113.99": "203.0.113.0", "2001:db8:1:2:3::4": "2001:db8:1::", "fe80::1%eth0": "fe80::"} {
		a := partner.TruncateAddress(netip.MustParseAddr(in))
		if a.String() != want || partner.TruncateAddress(a) != a {
			t.Errorf("TruncateAddress(%s) = %s, want %s", in, a, want)
		}
	}
	if a := partner.TruncateAddress(netip.Addr{}); a.IsValid() {
		t.Errorf("no address became %s", a)
	}
}

func FuzzCleanClient(f *testing.F) {
	f.Add("importer/1.0\r\nX-Evil: 1")
	f.Add(strings.Repeat("ż", 200))
	f.Fuzz(func(t *testing.T, s string) {
		c := partner.CleanClient(s)
		if n := len([]rune(c)); n > partner.MaxClient || !feed.IsClean(c) || strings.ContainsAny(c, "\r\n\t\x00") {
			t.Fatalf("CleanClient(%q) = %q", s, c)
		}
		if again := partner.CleanClient(c); again != c {
			t.Fatalf("%q became %q", c, again)
		}
	})
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for _, s := range []partner.Scopes{0, partner.ScopeFeedRead, partner.KeyScopes, partner.ScopeOrdersRead | partner.ScopeAuditRead} {
		if back, err := partner.ParseScopes(s.String()); back != s || err != nil {
			t.Errorf("%q is read back as %q, %v", s, back, err)
		}
	}
	if partner.KeyScopes.Has(partner.ScopeFeedRead) || partner.KeyScopes.Has(partner.ScopeOrdersWrite) {
		t.Error("a key may have a scope of a link or of a partner")
	}
	if partner.Scopes(0).Has(0) || partner.ScopePublish.Has(partner.ScopePublish|partner.ScopeAuditRead) {
		t.Error("too little is enough")
	}
	if _, err := partner.ParseScopes("products:read,everything"); feed.KindOf(err) != feed.KindInvalid || feed.HintOf(err) == "" {
		t.Errorf("an unknown scope: %v", err)
	}
}

func TestKeySecret(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	k, secret := partner.NewKey(partner.NewMerchantID(), "stock system", partner.ScopeProductsWrite, now, time.Time{})
	text := secret.Reveal()
	back, ok := partner.ParseKeySecret(text)
	if !ok || back != secret || back.Key() != k.ID || !back.Matches(k.SecretHash) {
		t.Fatalf("%v comes back as %v, %v", secret, back, ok)
	}
	if _, ok := partner.ParseSecret(text); ok {
		t.Error("a key is taken for a link")
	}
	_, link := partner.NewLink(k.Merchant, partner.NewOfferID(), "l", now, time.Time{})
	if _, ok := partner.ParseKeySecret(link.Reveal()); ok {
		t.Error("a link is taken for a key")
	}
	for _, shown := range []string{fmt.Sprint(secret), fmt.Sprintf("%#v", secret), fmt.Sprintf("%+v", struct{ S partner.KeySecret }{secret})} {
		if strings.Contains(shown, text[len("fmk_")+16:]) {
			t.Errorf("printed as %q", shown)
		}
	}
	for i := range len(text) {
		wrong := []byte(text)
		wrong[i] ^= 1
		if s, ok := partner.ParseKeySecret(string(wrong)); ok && s.Matches(k.SecretHash) {
			t.Errorf("changed at %d it still matches", i)
		}
	}
	if err := k.Validate(); err != nil {
		t.Error(err)
	}
	k.Scopes = partner.ScopeFeedRead
	if err := k.Validate(); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("a key that reads offers: %v", err)
	}
}
