package patch

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Applying changes gives the document that a writer would have made, byte for byte.
func TestApplyIsTheNextFull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, changes := fulls().Draw(t, "a"), rapid.SliceOfN(changes(), 1, 5).Draw(t, "changes")
		want, docs := a, [][]byte{}
		for i, c := range changes {
			want = want.then(c)
			docs = append(docs, c.doc(fmt.Sprint(i+1)))
		}
		equal(t, "apply", apply(t, a.doc("0"), docs...), want.doc(fmt.Sprint(len(docs))))
	})
}

// Applying a chain twice, or any suffix of it again, changes nothing.
func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, changes := fulls().Draw(t, "a"), rapid.SliceOfN(changes(), 1, 5).Draw(t, "changes")
		var docs [][]byte
		for i, c := range changes {
			docs = append(docs, c.doc(fmt.Sprint(i+1)))
		}
		once := apply(t, a.doc("0"), docs...)
		equal(t, "twice", apply(t, once, docs...), once)
		from := rapid.IntRange(0, len(docs)-1).Draw(t, "from")
		equal(t, "a suffix again", apply(t, once, docs[from:]...), once)
	})
}

func TestApplyOfDiffIsTheTarget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := fulls().Draw(t, "a").doc("0"), fulls().Draw(t, "b").doc("1")
		d := diff(t, a, b)
		if len(d) == 0 {
			list := func(doc []byte) []string {
				nodes, err := all(NewReader(bytes.NewReader(doc)))
				if err != nil {
					t.Fatalf("read: %v", err)
				}
				return nodes
			}
			if !slices.Equal(list(a), list(b)) {
				t.Fatalf("nothing differs between\n%s\nand\n%s", a, b)
			}
			return
		}
		equal(t, "apply(a, diff(a, b))", apply(t, a, d), b)
	})
}

func TestComposeIsSequentialApply(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := fulls().Draw(t, "a").doc("0")
		x, y, z := changes().Draw(t, "x").doc("1"), changes().Draw(t, "y").doc("2"), changes().Draw(t, "z").doc("3")
		together := compose(t, x, y, z)
		equal(t, "left", compose(t, compose(t, x, y), z), together)
		equal(t, "right", compose(t, x, compose(t, y, z)), together)
		equal(t, "apply of compose", apply(t, a, together), apply(t, apply(t, apply(t, a, x), y), z))
		equal(t, "of one", compose(t, x), x)
	})
}

// A diff of diffs' ends: what leads from a to c does what the two steps do.
func TestComposeOfDiffs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := fulls().Draw(t, "a").doc("0"), fulls().Draw(t, "b").doc("1"), fulls().Draw(t, "c").doc("2")
		ab, bc := diff(t, a, b), diff(t, b, c)
		if len(ab) == 0 || len(bc) == 0 {
			return
		}
		equal(t, "compose(diff(a, b), diff(b, c))", apply(t, a, compose(t, ab, bc)), c)
	})
}

// Documents in any order, with products given twice, and more of them than are
// read at a time, give the same bytes.
func TestDocumentsInAnyOrder(t *testing.T) {
	t.Parallel()
	spool := t.TempDir()
	out, f := sink(t)
	rapid.Check(t, func(t *rapid.T) {
		a, changes := fulls().Draw(t, "a"), rapid.SliceOfN(changes(), 1, 9).Draw(t, "changes")
		want := a
		shuffled := func(m model, stamp string) []byte {
			head := fmt.Sprintf(testHead, stamp)
			keys := rapid.Permutation(m.keys()).Draw(t, "order")
			var b strings.Builder
			b.WriteString(head)
			for _, id := range keys {
				if rapid.Bool().Draw(t, "stale") {
					b.WriteString("\n  " + node(id, "<old/>"))
				}
			}
			for _, id := range keys {
				b.WriteString("\n  " + node(id, m[id]))
			}
			return []byte(b.String() + "</products></offer>\n")
		}
		full := memory("full", shuffled(a, "0"))
		var docs []Document
		for i, c := range changes {
			want = want.then(c)
			docs = append(docs, memory(fmt.Sprint("change ", i+1), shuffled(c, fmt.Sprint(i+1))))
		}
		opt := Options{Spool: spool, MaxOpen: rapid.IntRange(2, 5).Draw(t, "open"), runBytes: rapid.IntRange(1, 2000).Draw(t, "run")}
		if _, err := ApplyTo(context.Background(), out, full, docs, opt); err != nil {
			t.Fatalf("apply: %v", err)
		}
		got := make([]byte, 1<<20)
		n, _ := f.ReadAt(got, 0)
		equal(t, "apply", got[:n], want.doc(fmt.Sprint(len(docs))))
		size, _, _ := out.Sum()
		if size != int64(n) {
			t.Fatalf("the sink says %d bytes, the file has %d", size, n)
		}
	})
	left, err := entries(spool)
	if err != nil || left != 0 {
		t.Errorf("%d files are left in the spool folder, %v", left, err)
	}
}

func TestCompareID(t *testing.T) {
	t.Parallel()
	order := []string{"0", "1", "2", "10", "99", "100", "99999999999999999999", "100000000000000000000", "", "+1", "-5", "007", "01", "1a", "A", "a"}
	for i, a := range order {
		for j, b := range order {
			got, want := CompareID(a, b), 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got != want {
				t.Errorf("CompareID(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}
