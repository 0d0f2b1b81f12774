package auth

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The vectors are those of RFC 6238, appendix B, for SHA-1, cut to six digits.
func TestFactorVectors(t *testing.T) {
	t.Parallel()
	key := FactorKey{[]byte("12345678901234567890")}
	for _, v := range []struct {
		unix int64
		want string
	}{{59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"}, {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}} {
		if got := key.Code(time.Unix(v.unix, 0)); got != v.want {
			t.Errorf("at %d: got %s, want %s", v.unix, got, v.want)
		}
	}
}

func TestFactorDriftAndReuse(t *testing.T) {
	t.Parallel()
	key, now := NewFactorKey(), time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		off  time.Duration
		want bool
	}{{0, true}, {-30 * time.Second, true}, {30 * time.Second, true}, {-60 * time.Second, false}, {60 * time.Second, false}} {
		if _, ok := key.Accept(key.Code(now.Add(test.off)), now, 0); ok != test.want {
			t.Errorf("a code of %v: got %v, want %v", test.off, ok, test.want)
		}
	}
	code := key.Code(now)
	step, ok := key.Accept(code[:3]+" "+code[3:], now, 0)
	if !ok || step != stepOf(now) {
		t.Fatalf("got step %d %v", step, ok)
	}
	if _, again := key.Accept(code, now, step); again {
		t.Error("a code was accepted twice")
	}
	if _, older := key.Accept(key.Code(now.Add(-30*time.Second)), now, step); older {
		t.Error("a code from before the last one was accepted")
	}
	for _, bad := range []string{"", "12345", "1234567", "abcdef", strings.Repeat("0", 100)} {
		if _, ok := key.Accept(bad, now, 0); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestFactorLaws: what a program shows within a step is accepted, and each step once.
func TestFactorLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := FactorKey{rapid.SliceOfN(rapid.Byte(), factorBytes, factorBytes).Draw(t, "key")}
		now := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "now"), 0)
		drift := rapid.Int64Range(-2, 2).Draw(t, "drift")
		shown := now.Add(time.Duration(drift) * factorStep)
		step, ok := key.Accept(key.Code(shown), now, 0)
		if drift >= -factorDrift && drift <= factorDrift && stepOf(shown) > 0 {
			if !ok {
				t.Fatalf("a code %d steps off was refused", drift)
			}
			if _, again := key.Accept(key.Code(shown), now, step); again && key.code(step) != key.code(step+1) {
				t.Fatal("a step was accepted twice")
			}
		}
		back, ok := ParseFactorKey(key.Reveal())
		if !ok || string(back.key) != string(key.key) {
			t.Fatal("the key does not survive being written down")
		}
	})
}

func TestFactorAddress(t *testing.T) {
	t.Parallel()
	key, _ := ParseFactorKey("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	want := "otpauth://totp/My%20Shop:anna@example.com?algorithm=SHA1&digits=6&issuer=My%20Shop&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	if got := key.Address("My Shop", "anna@example.com"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := key.String(); strings.Contains(s, "JBSW") {
		t.Errorf("printing a key tells it: %s", s)
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, hashes := newRecoveryCodes()
	seen := map[string]bool{}
	for i, c := range codes {
		if seen[c] {
			t.Errorf("code %s is there twice", c)
		}
		seen[c] = true
		if hashRecovery(strings.ToUpper(strings.ReplaceAll(c, "-", " "))) != hashes[i] {
			t.Errorf("code %s is not known when it is typed otherwise", c)
		}
	}
	if len(codes) != RecoveryCodes {
		t.Errorf("got %d codes, want %d", len(codes), RecoveryCodes)
	}
}
