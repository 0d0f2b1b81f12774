package verify

import (
	"context"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/storage"
)

// judgeHistory judges the generations of a feed by themselves. Nobody renews a
// feed that no offer is read from, so that it may have expired. In time it is
// retired: then none of its generations is current, and when an offer comes back
// to it, it starts from nothing in a later epoch.
func (r *records) judgeHistory(s *stream, used bool) {
	current := 0
	for i := range s.gens {
		g := &s.gens[i]
		at := place{file: fmt.Sprintf("generation %d", g.Number)}
		if g.Current {
			current++
		}
		if i > 0 {
			before := &s.gens[i-1]
			// Generations that nothing refers to any more are forgotten in time.
			lost := g.Base > before.Number && !r.opt.Now.IsZero() && r.opt.Now.Sub(g.Time) < fullRetention
			anew := g.Base == 0 && g.Epoch > before.Epoch && !before.Retired.IsZero()
			if lost || g.Base < before.Number && !anew || g.Number <= g.Base || g.Epoch < before.Epoch {
				r.add(ruleGenerationBase, at, "its base is %d and its epoch %d, and the generation before it is %d of epoch %d", g.Base, g.Epoch, before.Number, before.Epoch)
			}
			if !g.Time.After(before.Time) {
				r.add(ruleLabelOrder, at, "its time %s is not after %s of generation %d", stamp(g.Time), stamp(before.Time), before.Number)
			}
		}
	}
	last := &s.gens[len(s.gens)-1]
	at := place{file: fmt.Sprintf("generation %d", last.Number)}
	if retired := current == 0 && !used && !last.Retired.IsZero(); !retired && (current != 1 || !last.Current) {
		r.add(ruleGenerationPointer, at, "%d generations of the feed are current, and the newest one has to be", current)
	}
	if last.Current && used {
		r.judgeValidity(at, last.Time, last.Expires)
	}
}

// judgeGeneration judges what a generation lists.
func (r *records) judgeGeneration(g *Generation, at place) {
	count := map[feed.Kind]int{}
	for i := range g.Files {
		f := &g.Files[i]
		count[f.Kind]++
		if f.Generation > g.Number {
			r.add(ruleGenerationFiles, at, "it lists %s, which generation %d made", f.Kind.FileName(f.Label), f.Generation)
		}
		if f.Changed.After(g.Time) {
			r.add(ruleTimeOrder, at, "it is of %s and lists %s of %s", stamp(g.Time), f.Kind.FileName(f.Label), stamp(f.Changed))
		}
	}
	if !g.Current && !g.Retired.IsZero() {
		return // files of replaced generations go one by one
	}
	want := []feed.Kind{feed.KindLight}
	if g.Feed.Kind == feed.KindFull {
		want = append(feed.DictionaryKinds(), feed.KindFull)
	}
	for _, k := range want {
		if count[k] != 1 {
			r.add(ruleGenerationFiles, at, "it lists %d files of kind %s instead of one", count[k], k)
		}
	}
}

// chains proves the chain of each epoch, and gives the products as they are
// now.
func (r *records) chains(s *stream) (now []node, ok bool) {
	var epochs []int64
	for i := range s.gens {
		if n := s.gens[i].Epoch; !slices.Contains(epochs, n) {
			epochs = append(epochs, n)
		}
	}
	slices.Sort(epochs)
	for _, n := range epochs {
		ch := &chain{known: true}
		for _, e := range s.sorted() {
			switch {
			case e.epoch != n:
			case e.swept && !e.wanted:
				// A sweep removes what nobody may ask for in no order, and may have
				// been stopped half-way: what it has left makes no chain.
			case e.kind == feed.KindFull:
				ch.fulls = append(ch.fulls, e)
			case e.kind == feed.KindFullChange:
				ch.changes = append(ch.changes, e)
			}
		}
		now, ok = r.judgeChain(ch)
	}
	return now, ok
}

// orphans tells of objects that the records do not know.
func (r *records) orphans(ctx context.Context) error {
	for info, err := range r.store.List(ctx, "") {
		if err != nil {
			return err
		}
		if r.known[info.Key] {
			continue
		}
		_, blobErr := storage.ParseBlob(info.Key)
		_, markErr := storage.ParseMarker(info.Key)
		switch {
		case markErr == nil:
			continue // markers stand for themselves
		case blobErr != nil:
			r.add(ruleKey, place{file: info.Key}, "its key is none that feedmill builds")
		case !r.opt.Now.IsZero() && !info.Modified.IsZero() && r.opt.Now.Sub(info.Modified) < r.opt.OrphanAge:
			continue // of a run under way, as likely as not
		default:
			r.add(ruleOrphan, place{file: info.Key}, "%d bytes of %s that the records do not know", info.Size, stamp(info.Modified))
		}
	}
	return nil
}
