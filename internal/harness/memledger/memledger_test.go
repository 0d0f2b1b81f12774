package memledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/harness/memledger"
	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/storage"
	"feedmill/storage/sqlite"
)

const ttl = 15 * time.Second

// both are the ledger in memory and the embedded database's.
type both struct {
	publish.Ledger
	publish.Leases
	publish.Attempts
}

// kind says what sort of an answer came, in words that do not depend on the ledger.
func kind(err error) string {
	var busy *publish.BusyError
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, publish.ErrLost):
		return "lost"
	case errors.As(err, &busy):
		return "busy for " + busy.Until.String()
	case feed.KindOf(err) == feed.KindInvalid:
		return "invalid"
	}
	return fmt.Sprint(feed.KindOf(err))
}

func blob(name string) publish.Blob {
	sum := sha256.Sum256([]byte(name))
	key, err := storage.Blob{Merchant: "m-x", SHA256: sum, Run: "r", N: 1}.Key()
	if err != nil {
		panic(err) // the name is a constant's
	}
	b := publish.Blob{Key: key, Size: int64(len(name)), SHA256: sum}
	copy(b.MD5[:], sum[:])
	return b
}

// The ledger in memory answers every call as the embedded database does,
// whatever came before.
func TestAnswersAreTheDatabases(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	db, err := site.OpenEmbedded(t.Context(), filepath.Join(memdir.New(t), "feedmill.db"), sqlite.Options{Now: clock, Lease: ttl})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	answers := map[string]int{}
	check := func(r *rapid.T) {
		s := &site.Site{Records: db, Now: clock}
		if _, err := s.NewMerchant(t.Context()); err != nil {
			r.Fatal(err)
		}
		merchant := string(s.Merchant.ID)
		mem := memledger.New(memledger.Options{Now: clock, Lease: ttl})
		ledgers := []both{{mem, mem, mem}, {db, db, db}}
		refs := []publish.FeedRef{{Merchant: merchant, Kind: feed.KindFull, Key: "k1"}, {Merchant: merchant, Kind: feed.KindLight, Key: "k2"}}
		var runs []publish.Run
		// agree compares what the two say.
		agree := func(what string, call func(l both) (any, error)) {
			var first any
			var firstKind string
			for i, l := range ledgers {
				got, err := call(l)
				k := kind(err)
				if i == 0 {
					first, firstKind = got, k
					answers[what+": "+k]++
					continue
				}
				if k != firstKind {
					r.Fatalf("%s: %s in memory, %s in the database (%v)", what, firstKind, k, err)
				}
				if k == "done" && !reflect.DeepEqual(got, first) {
					r.Fatalf("%s: %+v in memory, %+v in the database", what, first, got)
				}
			}
		}
		pick := func() (publish.Run, bool) {
			if len(runs) == 0 {
				return publish.Run{}, false
			}
			// Mostly the last one.
			return runs[max(len(runs)-1-rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(r, "run"), 0)], true
		}
		for range rapid.IntRange(3, 25).Draw(r, "calls") {
			switch rapid.SampledFrom([]string{"begin", "begin", "commit", "commit", "commit", "renew", "release", "attempt", "time", "epoch", "known", "cursor"}).Draw(r, "call") {
			case "time":
				now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, ttl / 2, 2 * ttl, -time.Minute, -10 * time.Minute}).Draw(r, "passes"))
			case "begin":
				id, n := fmt.Sprint("run", len(runs)), rapid.IntRange(1, 3).Draw(r, "numbers")
				var run publish.Run
				var failed error
				agree("begin", func(l both) (any, error) {
					run, failed = l.Begin(t.Context(), merchant, id, n)
					return run, failed
				})
				if failed == nil {
					runs = append(runs, run)
				}
			case "renew":
				if run, ok := pick(); ok {
					agree("renew", func(l both) (any, error) { return l.Renew(t.Context(), run) })
				}
			case "release":
				if run, ok := pick(); ok {
					agree("release", func(l both) (any, error) { return nil, l.Release(t.Context(), run) })
				}
			case "attempt":
				if run, ok := pick(); ok {
					agree("attempt", func(l both) (any, error) { return nil, l.Attempt(t.Context(), run, []string{"x/" + run.ID}) })
				}
			case "known":
				id := fmt.Sprint("run", rapid.IntRange(0, 5).Draw(r, "id"))
				agree("known", func(l both) (any, error) { return l.Known(t.Context(), merchant, id) })
			case "epoch":
				ref := rapid.SampledFrom(refs).Draw(r, "feed")
				above := rapid.Int64Range(0, 12).Draw(r, "above")
				at := now
				agree("epoch", func(l both) (any, error) { return nil, l.NewEpoch(t.Context(), ref, above%3, above, at) })
			case "cursor":
				if run, ok := pick(); ok {
					c := map[publish.FeedRef]publish.Cursor{refs[0]: {Event: rapid.Int64Range(0, 20).Draw(r, "event"), Compared: now}}
					agree("cursor", func(l both) (any, error) { return nil, l.Commit(t.Context(), run, nil, c) })
				}
			case "commit":
				run, ok := pick()
				if !ok {
					continue
				}
				gens := draw(r, run, refs, mem, now)
				agree("commit", func(l both) (any, error) { return nil, l.Commit(t.Context(), run, gens, nil) })
			}
			for _, ref := range refs {
				agree("current", func(l both) (any, error) {
					g, ok, err := l.Current(t.Context(), ref)
					files := fmt.Sprint(g.Files)
					return []any{g.Number, g.Base, g.Epoch, g.Time.UnixMicro(), g.Cursor, g.Compared.UnixMicro(), g.State, files, ok}, err
				})
			}
		}
	}
	// One round may miss an answer, most of all with -short, which tries a fifth
	// of the cases; many rounds do not.
	var missing []string
	for range 50 {
		rapid.Check(t, check)
		missing = slices.DeleteFunc([]string{"begin: done", "commit: done", "commit: lost", "commit: invalid", "renew: lost", "attempt: lost"},
			func(must string) bool { return answers[must] > 0 })
		if len(missing) == 0 || t.Failed() {
			break
		}
	}
	for _, must := range missing {
		t.Errorf("no call was answered %q: %v", must, answers)
	}
	t.Logf("%v", answers)
}

// draw makes generations that are mostly right.
func draw(r *rapid.T, run publish.Run, refs []publish.FeedRef, mem *memledger.Ledger, now time.Time) (gens []publish.Generation) {
	for i, ref := range refs[:rapid.IntRange(1, 2).Draw(r, "feeds")] {
		before, _, err := mem.Current(r.Context(), ref)
		if err != nil {
			r.Fatal(err)
		}
		g := publish.Generation{Feed: ref, Number: run.First + int64(i), Base: before.Number, Epoch: before.Epoch, Expires: now.Add(time.Hour),
			Time: now, Cursor: rapid.Int64Range(0, 20).Draw(r, "cursor"), State: blob(fmt.Sprint("state", run.First, i))}
		if !now.After(before.Time) {
			g.Time = before.Time.Add(time.Second)
		}
		g.Files = []publish.File{{Kind: ref.Kind, Generation: g.Number, Changed: g.Time, Plain: blob(fmt.Sprint("file", run.First, i))}}
		switch rapid.IntRange(0, 12).Draw(r, "wrong") {
		case 0:
			g.Base++
		case 1:
			g.Number += 5
		case 2:
			g.Time = before.Time
		case 3:
			g.Epoch = before.Epoch - 1
		case 4:
			g.Files[0].Generation = g.Number + 1
		}
		gens = append(gens, g)
	}
	return gens
}
