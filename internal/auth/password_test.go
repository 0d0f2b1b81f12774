package auth

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// cheap keeps tests quick; the parameters stand in the hash.
var cheap = Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}

func TestPasswords(t *testing.T) {
	t.Parallel()
	h := NewHasher(cheap, 1)
	ctx := t.Context()
	a, err := h.Hash(ctx, "four good words here")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := h.Hash(ctx, "four good words here")
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("got %s and %s", a, b)
	}
	for _, test := range []struct {
		password string
		want     bool
	}{{"four good words here", true}, {"four good words here ", false}, {"Four good words here", false}, {"", false}} {
		right, renew, err := h.Check(ctx, a, test.password)
		if err != nil || right != test.want || renew {
			t.Errorf("%q: got %v, %v, %v, want %v", test.password, right, renew, err, test.want)
		}
	}
	dearer := NewHasher(Cost{MemoryKiB: 128, Passes: 2, Lanes: 1}, 1)
	if right, renew, err := dearer.Check(ctx, a, "four good words here"); !right || !renew || err != nil {
		t.Errorf("with another cost: got %v, %v, %v, want right and to be renewed", right, renew, err)
	}
	if right, _, err := h.Check(ctx, "", ""); right || err != nil {
		t.Errorf("no password at all: got %v, %v", right, err)
	}
}

func TestDamagedHashes(t *testing.T) {
	t.Parallel()
	h := NewHasher(cheap, 1)
	good, err := h.Hash(t.Context(), "four good words here")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"x", "$argon2id$", strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "m=64", "m=99999999", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), good + "=", good + "$x", strings.Replace(good, "m=64,", "m=64 ,", 1)} {
		if _, _, err := h.Check(t.Context(), bad, "four good words here"); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestHashingWaits(t *testing.T) {
	t.Parallel()
	h := NewHasher(cheap, 1)
	h.slots <- struct{}{} // somebody is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); err == nil {
		t.Error("a hash was made beyond the cap")
	}
	<-h.slots
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := h.Hash(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		password, login string
		want            Weakness
	}{
		{"four good words here", "anna@example.com", Strong}, {strings.Repeat("aé", 64), "anna", Strong}, {"зелёный слон", "anna", Strong},
		{"short", "anna", TooShort}, {"ninechars", "anna", TooShort}, {strings.Repeat("x", 129), "anna", TooLong}, {"\xff\xfe not utf-8 at all", "anna", TooLong},
		{"password123", "anna", TooCommon}, {"Qwertyuiop", "anna", TooCommon}, {"1q2w3e4r5t", "anna", TooCommon}, {"iloveyou!!", "anna", TooCommon}, {"sunshine2026", "anna", TooCommon},
		{"aaaaaaaaaaaa", "anna", TooObvious}, {"anna@example.com", "anna@example.com", TooObvious}, {"annakowalska1", "annakowalska", TooObvious},
	} {
		if got := Judge(test.password, test.login); got != test.want {
			t.Errorf("%q of %s: got %q, want %q", test.password, test.login, got, test.want)
		}
	}
	lines := 0
	for line := range strings.Lines(commonText) {
		if !strings.HasPrefix(line, "#") {
			lines++
		}
	}
	if lines != 3000 {
		t.Errorf("the list has %d passwords, want 3000", lines)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x")
	f.Add("", "")
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$", "y")
	f.Fuzz(func(t *testing.T, stored, password string) {
		c, salt, key, err := parseHash(stored)
		if err == nil && (c.MemoryKiB == 0 || c.MemoryKiB > maxMemoryKiB || len(salt) < 8 || len(key) != hashBytes) {
			t.Errorf("%q was read as %+v", stored, c)
		}
		Judge(password, stored)
	})
}
