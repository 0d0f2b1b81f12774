package partner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/internal/partner"
)

// chain makes a merchant's audit as records write it.
func chain(lines []partner.AuditEntry) ([]partner.AuditEntry, partner.AuditHead) {
	var head partner.AuditHead
	out := slices.Clone(lines)
	for i := range out {
		head = head.Extend(partner.AppendAuditText(nil, &out[i]))
		out[i].Number, out[i].Place, out[i].Hash = int64(10*i+3), head.Lines, head.Hash
	}
	return out, head
}

func verify(lines []partner.AuditEntry, head partner.AuditHead, noted ...partner.AuditHead) partner.AuditReport {
	v := partner.AuditVerifier{Merchant: "m-a", Noted: noted}
	for i := range lines {
		if !v.Add(&lines[i]) {
			break
		}
	}
	return v.Finish(head)
}

func ExampleAuditVerifier() {
	line := partner.AuditEntry{Merchant: "m-a", Time: time.Unix(0, 0), Actor: partner.Actor{Name: "anna"}, Action: "partner.feed.off", Object: "p-a"}
	lines, head := chain([]partner.AuditEntry{line, line})
	fmt.Println(verify(lines, head).Broken == nil)
	lines[0].Actor.Name = "somebody else"
	fmt.Println(verify(lines, head).Broken.Number)
	// Output:
	// true
	// 3
}

func drawLine(r *rapid.T) partner.AuditEntry {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\"ż")), 0, 3, -1)
	return partner.AuditEntry{Merchant: "m-a", Time: time.UnixMicro(rapid.Int64Range(0, 3).Draw(r, "time")).UTC(),
		Actor:  partner.Actor{Name: text.Draw(r, "name"), Role: text.Draw(r, "role"), Address: text.Draw(r, "address"), Request: text.Draw(r, "request")},
		Action: text.Draw(r, "action"), Object: text.Draw(r, "object"), Before: text.Draw(r, "before"), After: text.Draw(r, "after")}
}

// Whatever is done to the lines of a chain, it shows.
func TestChainShowsEveryChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(r, "lines")
		plain := make([]partner.AuditEntry, n)
		for i := range plain {
			plain[i] = drawLine(r)
		}
		lines, head := chain(plain)
		head.Merchant = "m-a"
		if got := verify(lines, head, head); got.Broken != nil || got.Lines != int64(n) || got.Head != head {
			r.Fatalf("untouched: %+v", got)
		}
		bad := slices.Clone(lines)
		i := rapid.IntRange(0, n-1).Draw(r, "at")
		end := head
		switch rapid.IntRange(0, 9).Draw(r, "attack") {
		case 0: // changed in one field
			f := []*string{&bad[i].Actor.Name, &bad[i].Actor.Role, &bad[i].Actor.Address, &bad[i].Actor.Request, &bad[i].Action, &bad[i].Object, &bad[i].Before, &bad[i].After}
			*f[rapid.IntRange(0, len(f)-1).Draw(r, "field")] += "x"
		case 1: // a letter moved to the next field
			if bad[i].Action == "" {
				return
			}
			bad[i].Object, bad[i].Action = bad[i].Action[:1]+bad[i].Object, bad[i].Action[1:]
		case 2:
			bad[i].Time = bad[i].Time.Add(time.Microsecond)
		case 3: // removed, also with the numbers closed up
			bad = slices.Delete(bad, i, i+1)
			for j := range bad {
				bad[j].Number, bad[j].Place = int64(10*j+3), int64(j+1)
			}
		case 4: // swapped, numbers and places staying in order
			j := rapid.IntRange(0, n-1).Draw(r, "with")
			if j == i {
				return
			}
			bad[i], bad[j] = bad[j], bad[i]
			bad[i].Number, bad[j].Number = bad[j].Number, bad[i].Number
			bad[i].Place, bad[j].Place = bad[j].Place, bad[i].Place
		case 5: // put in
			extra := drawLine(r)
			extra.Number, extra.Place, extra.Hash = bad[i].Number-1, bad[i].Place, bad[i].Hash
			bad = slices.Insert(bad, i, extra)
		case 6: // its hash taken away
			if i == 0 {
				// Then it looks older than the chain, and the next one does not fit;
				// alone it is for the head to show.
				bad[0].Place = 0
			}
			bad[i].Hash = [32]byte{}
		case 7:
			bad[i].Merchant = "m-b"
		case 8: // the end cut off, with the head left
			bad = bad[:i]
		case 9: // rewritten from some line on with the head of the records: only what was noted shows it
			bad[i].Actor.Name += "x"
			bad, end = chain(bad)
			end.Merchant = "m-a"
			if got := verify(bad, end); got.Broken != nil {
				r.Fatalf("a whole new chain does not hold by itself: %+v", got.Broken)
			}
		}
		if got := verify(bad, end, head); got.Broken == nil {
			r.Fatalf("nothing was noticed: %+v", bad)
		}
	})
}

// A line says something else of the same length: whoever tampers with an audit
// puts one name for another, or turns "false" into "true ".
func TestChainHoldsEveryLetter(t *testing.T) {
	t.Parallel()
	line := partner.AuditEntry{Merchant: "m-a", Time: time.UnixMicro(1).UTC(), Actor: partner.Actor{Name: "anna", Role: "owner", Address: "203.0.113.7", Request: "r1"},
		Action: "partner.feed.off", Object: "p-a", Before: "{}", After: "[]"}
	lines, head := chain([]partner.AuditEntry{line, line})
	head.Merchant = "m-a"
	for name, field := range map[string]func(*partner.AuditEntry) *string{
		"name":    func(e *partner.AuditEntry) *string { return &e.Actor.Name },
		"role":    func(e *partner.AuditEntry) *string { return &e.Actor.Role },
		"address": func(e *partner.AuditEntry) *string { return &e.Actor.Address },
		"request": func(e *partner.AuditEntry) *string { return &e.Actor.Request },
		"action":  func(e *partner.AuditEntry) *string { return &e.Action },
		"object":  func(e *partner.AuditEntry) *string { return &e.Object },
		"before":  func(e *partner.AuditEntry) *string { return &e.Before },
		"after":   func(e *partner.AuditEntry) *string { return &e.After },
	} {
		bad := slices.Clone(lines)
		text := field(&bad[1])
		*text = "X" + (*text)[1:]
		if got := verify(bad, head); got.Broken == nil || got.Broken.Number != bad[1].Number {
			t.Errorf("another %s of the same length: %+v", name, got.Broken)
		}
	}
	// The same line twice has two hashes, or one could be left out for the other.
	if lines[0].Hash == lines[1].Hash {
		t.Error("a line has the hash of the one before it")
	}
	// Chains that stand in records, and heads that were noted, hold for ever.
	if got := head.String(); got != "2:d687ac642aaf00c7d148812251f71f9342b49345bca89a5e30723200b27070b6" {
		t.Errorf("the head of these lines is %s: no chain of before holds any more", got)
	}
	late := slices.Clone(lines)
	late[1].Number = late[0].Number
	if got := verify(late, head); got.Broken == nil || got.Broken.Why != "line 3 follows line 3" {
		t.Errorf("a number twice: %+v", got.Broken)
	}
}

func TestAuditHeadText(t *testing.T) {
	t.Parallel()
	_, head := chain([]partner.AuditEntry{{Merchant: "m-a"}})
	back, err := partner.ParseAuditHead(head.String())
	if err != nil || back != head {
		t.Errorf("%v comes back as %v, %v", head, back, err)
	}
	for _, bad := range []string{"", "1", "1:", "1:zz", "-1:" + head.String()[2:], "x:" + head.String()[2:], head.String() + "00"} {
		if _, err := partner.ParseAuditHead(bad); err == nil {
			t.Errorf("%q is read as a head", bad)
		}
	}
}

// Lines of before there was a chain are counted and nothing is said of them.
func TestChainAfterPlainLines(t *testing.T) {
	t.Parallel()
	lines, head := chain([]partner.AuditEntry{{Merchant: "m-a"}, {Merchant: "m-a"}})
	old := partner.AuditEntry{Merchant: "m-a", Number: 1}
	got := verify(append([]partner.AuditEntry{old}, lines...), head)
	if got.Broken != nil || got.Unchained != 1 || got.Lines != 2 {
		t.Errorf("got %+v", got)
	}
	late := old
	late.Number = 99
	if got := verify(append(slices.Clone(lines), late), head); got.Broken == nil || got.Broken.Number != 99 {
		t.Errorf("a plain line after the chain began: %+v", got)
	}
}
