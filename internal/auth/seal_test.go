package auth

import (
	"bytes"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSealer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "panel.key")
	var wg sync.WaitGroup
	sealers := make([]*Sealer, 6)
	for i := range sealers {
		wg.Go(func() {
			s, err := OpenSealer(path)
			if err != nil {
				t.Error(err)
			}
			sealers[i] = s
		})
	}
	wg.Wait()
	sealed := sealers[0].seal([]byte("secret"), "u-a")
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("it is not sealed")
	}
	for i, s := range sealers {
		if got, err := s.open(sealed, "u-a"); err != nil || string(got) != "secret" {
			t.Errorf("sealer %d has another key: %v", i, err)
		}
	}
	if _, err := sealers[0].open(sealed, "u-b"); err == nil {
		t.Error("it was opened for somebody else")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := sealers[0].open(sealed, "u-a"); err == nil {
		t.Error("it was opened though damaged")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: got %v, %v, want 0600", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealer(path); err == nil {
		t.Error("a short key was accepted")
	}
	// As text, which secrets of machines have to be.
	if err := os.WriteFile(path, []byte(strings.Repeat("0aF1", 16)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	written, err := OpenSealer(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := NewSealer(bytes.Repeat([]byte{0x0a, 0xf1}, 16))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := raw.open(written.seal([]byte("secret"), "u-a"), "u-a"); err != nil || string(got) != "secret" {
		t.Errorf("a key in hexadecimal digits is another one: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left over: %v", left)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		base, host string
		want       bool
	}{
		{"https://panel.example.com", "panel.example.com", true}, {"https://panel.example.com", "Panel.Example.com:443", true}, {"https://panel.example.com", "evil.example", false},
		{"https://panel.example.com", "panel.example.com.evil.example", false}, {"https://panel.example.com", "", false}, {"https://panel.example.com", "localhost", false},
		{"https://panel.example.com:443", "panel.example.com", true}, {"https://panel.example.com:8443", "panel.example.com", true}, {"https://panel.example.com:8443", "panel.example.com:8443", true},
		{"https://panel.example.com:8443", "evil.example:8443", false}, {"https://[2001:db8::1]:8443", "[2001:db8::1]:8443", true},
		{"http://127.0.0.1:8080", "localhost:8080", true}, {"http://127.0.0.1:8080", "[::1]:8080", true}, {"http://127.0.0.1:8080", "localhost:9090", false}, {"http://127.0.0.1:8080", "rebound.example:8080", false},
	} {
		u, err := url.Parse(test.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := HostAllowed(test.host, HostNames(u)); got != test.want {
			t.Errorf("%q at %s: got %v, want %v", test.host, test.base, got, test.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://panel.example.com": "https://panel.example.com", "https://Panel.example.com:443": "https://panel.example.com", "https://panel.example.com:8443": "https://panel.example.com:8443",
		"http://127.0.0.1:80": "http://127.0.0.1", "https://panel.example.com:80": "https://panel.example.com:80",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := Origin(u); got != want {
			t.Errorf("%s: got %s, want %s", base, got, want)
		}
	}
}

func TestAllowance(t *testing.T) {
	t.Parallel()
	last := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		a    allowance
		n    int
		want time.Duration
	}{{perPlace, 5, 0}, {perPlace, 6, time.Second}, {perPlace, 7, 2 * time.Second}, {perPlace, 15, 512 * time.Second}, {perPlace, 16, 15 * time.Minute}, {perPlace, 1 << 30, 15 * time.Minute}, {perAccount, 1 << 30, 20 * time.Second}} {
		got := test.a.until(Failures{test.n, last})
		if test.want == 0 && !got.IsZero() || test.want != 0 && got.Sub(last) != test.want {
			t.Errorf("after %d failures: got %v, want %v", test.n, got.Sub(last), test.want)
		}
	}
	// Two addresses of one network count together, those of two do not.
	key := func(a string) [32]byte { return counters("x", "anna", netip.MustParseAddr(a))[0].key }
	if key("192.0.2.1") != key("192.0.2.200") || key("192.0.2.1") == key("198.51.100.1") || key("2001:db8::1") != key("2001:db8::ffff") {
		t.Error("networks are not told apart as they should be")
	}
}

func TestSessionIDs(t *testing.T) {
	t.Parallel()
	id := newSessionID()
	back, ok := ParseSessionID(id.Reveal())
	if !ok || back != id {
		t.Error("an id does not survive being written down")
	}
	if id.String() != "session" {
		t.Error("printing an id tells it")
	}
	for _, bad := range []string{"", "x", id.Reveal() + "A", id.Reveal()[1:], id.Reveal()[:42] + "*"} {
		if _, ok := ParseSessionID(bad); ok {
			t.Errorf("%q is taken for an id", bad)
		}
	}
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		s    Session
		want bool
	}{
		{Session{Stage: StageIn, CreatedAt: now.Add(-time.Hour), Seen: now.Add(-time.Minute)}, true},
		{Session{Stage: StageIn, CreatedAt: now.Add(-time.Hour), Seen: now.Add(-SessionIdle)}, false},
		{Session{Stage: StageIn, CreatedAt: now.Add(-SessionLife), Seen: now}, false},
		{Session{Stage: StageFactor, CreatedAt: now.Add(-FactorTime), Seen: now}, false},
		{Session{Stage: StageFactor, CreatedAt: now.Add(-time.Minute), Seen: now}, true},
	} {
		if got := test.s.Live(now); got != test.want {
			t.Errorf("%+v: got %v, want %v", test.s, got, test.want)
		}
	}
}
