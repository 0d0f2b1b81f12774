package storagetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"feedmill/storage"
)

func testOddKeys(t testing.TB, h *harness) {
	s := h.open(t)
	long := strings.Repeat(strings.Repeat("l", 200)+"/", 5)
	keys := []string{
		"a", "0", "-", "_", "~", "%",
		"plus+plus", "per%cent", "per%2fcent", "per%00cent", "space between", "two  spaces", "dot.dot", "dots...dots",
		"equal=sign", "at@sign", "comma,comma", "bang!", "paren(thesis)", "tilde~", "--", "a..b/c..d", "+", "a+b c%20d",
		strings.Repeat("s", storage.MaxSegment),
		long + strings.Repeat("k", storage.MaxKey-len(long)),
		"a1/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
	}
	for _, k := range keys {
		put(t, s, k, []byte("at "+k), attrsOf([]byte("at "+k)))
	}
	for _, k := range keys {
		wantObject(t, s, k, []byte("at "+k))
		if got := list(t, s, k); !slices.Contains(got, k) {
			t.Errorf("list %q: got %q", k, got)
		}
	}
	if got, want := list(t, s, ""), slices.Sorted(slices.Values(keys)); !slices.Equal(got, want) {
		t.Errorf("list: got %q, want %q", got, want)
	}
	for _, k := range keys {
		if err := s.Delete(context.Background(), k); err != nil {
			t.Errorf("delete %q: %v", k, err)
		}
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("list after deleting: got %q, want nothing", got)
	}
}

func testBadKeys(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	for _, k := range []string{
		"", "/", ".", "..", "/a", "a/", "a//b", "../a", "a/..", "a/../b", "a/./b", "./a", "..a", ".hidden", "a/.hidden",
		"a.", "a./b", "a ", " a", "a/ b", "A", "zażółć", "a\x00b", "a\nb", `a\b`, "a:b", "a*b", "a?b", "a#b", `a"b`, "a|b", "a<b", "a&b", "a;b",
		"\xff", "/etc/passwd", "a/../../etc/passwd",
		strings.Repeat("s", storage.MaxSegment+1), "a/" + strings.Repeat("s", storage.MaxSegment+1),
		strings.Repeat("k/", storage.MaxKey/2) + "k",
	} {
		_, err := s.Put(ctx, k, strings.NewReader("x"), 1, storage.Attrs{})
		_, _, errOpen := s.Open(ctx, k, storage.Range{})
		_, errStat := s.Stat(ctx, k)
		for op, err := range map[string]error{"put": err, "open": errOpen, "stat": errStat, "delete": s.Delete(ctx, k)} {
			if !errors.Is(err, storage.ErrKey) || !storage.IsPermanent(err) {
				t.Errorf("%s %q: got error %v, want permanent %v", op, k, err, storage.ErrKey)
			}
		}
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("list: got %q, want nothing", got)
	}
}

// A store may refuse a key that is a folder of another or keep both; what it
// must not do is harm the one that was there.
func testNestedKeys(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	for _, c := range [][2]string{{"p", "p/q"}, {"r/s", "r"}, {"t/u", "t/u/v/w"}, {"x/y/z", "x"}} {
		first, second := c[0], c[1]
		put(t, s, first, []byte(first), storage.Attrs{})
		_, err := s.Put(ctx, second, strings.NewReader(second), -1, storage.Attrs{Immutable: true})
		wantObject(t, s, first, []byte(first))
		if err == nil {
			wantObject(t, s, second, []byte(second))
			continue
		}
		wantNothing(t, s, second)
		if err := s.Delete(ctx, second); err != nil {
			t.Errorf("delete %q: %v", second, err)
		}
		wantObject(t, s, first, []byte(first))
	}
}
