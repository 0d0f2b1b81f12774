package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/verify"
	"feedmill/storage"
)

func records(t testing.TB) *installation {
	t.Helper()
	prepare(t)
	return newInstallation(t, baseKept)
}

func (in *installation) check() verify.Report {
	in.t.Helper()
	r, err := verify.Records(context.Background(), in, in.store, verify.Options{Now: now})
	if err != nil {
		in.t.Fatal(err)
	}
	return r
}

func TestUndamagedRecordsAreClean(t *testing.T) {
	t.Parallel()
	in := records(t)
	r := in.check()
	if len(r.Findings) > 0 || len(r.Skipped) > 0 {
		t.Errorf("got\n%s", told(r))
	}
	if r.Offers != 1 || r.Generations != len(in.gens) || r.Generations < 18 || r.Compared != 2 || r.Products != 9 || r.Files < 60 {
		t.Errorf("got %+v", r)
	}
}

// mark sets the state of a blob in every mention.
func (in *installation) mark(key, state string) {
	for i := range in.gens {
		g := &in.gens[i]
		for j := range g.Files {
			for _, b := range []*verify.Blob{&g.Files[j].Plain, &g.Files[j].Gzip} {
				if b.Key == key {
					b.State = state
				}
			}
		}
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 4
	return b
}

// Each damage of records or store is found by exactly the rule that is meant.
func TestPlantedDamageOfRecords(t *testing.T) {
	t.Parallel()
	prepare(t)
	drop := func(in *installation, key string) {
		if err := in.store.Delete(context.Background(), key); err != nil {
			in.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, want string
		plant      func(in *installation)
		where      string
	}{
		{"bit flip in the current full", "VER-FILE-DIGEST", func(in *installation) {
			in.damage(in.file(in.current(feed.KindFull), feed.KindFull).Plain.Key, flip)
		}, "Nord Shop"},
		{"bit flip in a full that was replaced", "VER-FILE-DIGEST", func(in *installation) {
			in.damage(in.file(in.first(feed.KindFull), feed.KindFull).Plain.Key, flip)
		}, "1/full.xml"},
		{"bit flip in a compressed twin", "VER-FILE-DIGEST", func(in *installation) {
			in.damage(in.file(in.current(feed.KindLight), feed.KindLight).Gzip.Key, flip)
		}, "light.xml.gz"},
		{"truncated change file", "VER-FILE-LENGTH", func(in *installation) {
			in.damage(in.file(in.current(feed.KindFull), feed.KindFullChange).Plain.Key, func(b []byte) []byte { return b[:100] })
		}, "100 bytes"},
		{"light of a replaced generation damaged", "VER-FILE-DIGEST", func(in *installation) {
			in.damage(in.file(in.first(feed.KindLight), feed.KindLight).Plain.Key, flip)
		}, "2/light.xml"},
		{"missing dictionary", "VER-FILE-MISSING", func(in *installation) { drop(in, in.file(in.current(feed.KindFull), feed.KindUnits).Plain.Key) }, "units.xml"},
		{"missing state", "VER-FILE-MISSING", func(in *installation) { drop(in, in.current(feed.KindFull).States[0].Key) }, "state of generation"},
		{"damaged state", "VER-FILE-DIGEST", func(in *installation) { in.damage(in.current(feed.KindLight).States[0].Key, flip) }, "state of generation"},
		{"recorded size is wrong", "VER-STATED-SIZE", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFull)
			in.each(feed.KindFull, f.Generation, func(f *verify.File) { f.Plain.Size++ })
		}, ""},
		{"recorded MD5 is wrong", "VER-STATED-MD5", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFull)
			in.each(feed.KindFull, f.Generation, func(f *verify.File) { f.Plain.MD5[3] ^= 1 })
		}, ""},
		{"recorded SHA-256 is wrong", "VER-STATED-SHA256", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFull)
			in.each(feed.KindFull, f.Generation, func(f *verify.File) { f.Plain.SHA256[3] ^= 1 })
		}, ""},
		{"recorded count of a file is wrong", "VER-COUNT", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFullChange)
			in.each(feed.KindFullChange, f.Generation, func(f *verify.File) { f.Products += 2 })
		}, ""},
		{"recorded count of a generation is wrong", "VER-COUNT", func(in *installation) { in.current(feed.KindFull).Products-- }, "is said to have 8"},
		{"gap", "VER-CHAIN-GAP", func(in *installation) {
			lost := in.current(feed.KindFull).Files
			n := slices.IndexFunc(lost, func(f verify.File) bool { return f.Kind == feed.KindFullChange }) + 1
			number := lost[n].Generation
			for i := range in.gens {
				in.gens[i].Files = slices.DeleteFunc(in.gens[i].Files, func(f verify.File) bool { return f.Kind == feed.KindFullChange && f.Generation == number })
			}
		}, "leads from"},
		{"label of another second", "VER-LABEL-NAME", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFullChange)
			made, err := feed.ParseLabel(f.Label)
			if err != nil {
				panic(err)
			}
			in.each(feed.KindFullChange, f.Generation, func(f *verify.File) { f.Label = feed.Label(made.Add(time.Second)) })
		}, "it says that it was generated at"},
		{"labels out of order", "VER-LABEL-NAME VER-LABEL-ORDER", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFullChange)
			in.each(feed.KindFullChange, f.Generation, func(f *verify.File) { f.Label = "2026-11-21T10-00-00" })
		}, "is not after"},
		{"malformed label", "VER-LABEL-NAME", func(in *installation) {
			f := in.file(in.current(feed.KindFull), feed.KindFullChange)
			in.each(feed.KindFullChange, f.Generation, func(f *verify.File) { f.Label = "2026-11-21" })
		}, "no time of the form"},
		{"history forks", "VER-GENERATION-BASE", func(in *installation) { in.current(feed.KindLight).Base = 2 }, "its base is 2"},
		{"history starts over in its epoch", "VER-GENERATION-BASE", func(in *installation) { in.current(feed.KindLight).Base = 0 }, "its base is 0"},
		{"history starts over while it is current", "VER-GENERATION-BASE", func(in *installation) {
			n := slices.IndexFunc(in.gens, func(g verify.Generation) bool { return g.Current && g.Feed.Kind == feed.KindLight })
			in.gens[n].Base, in.gens[n].Epoch, in.gens[n-1].Retired = 0, in.gens[n].Epoch+1, time.Time{}
		}, "its base is 0"},
		{"history lost", "VER-GENERATION-BASE", func(in *installation) {
			n := slices.IndexFunc(in.gens, func(g verify.Generation) bool { return g.Current && g.Feed.Kind == feed.KindLight })
			in.gens = slices.Delete(in.gens, n-1, n)
		}, "its base is"},
		{"epoch goes back", "VER-GENERATION-BASE", func(in *installation) {
			for i := range in.gens {
				if g := &in.gens[i]; g.Feed.Kind == feed.KindLight && !g.Current {
					g.Epoch = 2
				}
			}
		}, "epoch 2"},
		{"times do not increase", "VER-LABEL-ORDER", func(in *installation) {
			n := slices.IndexFunc(in.gens, func(g verify.Generation) bool { return g.Current && g.Feed.Kind == feed.KindLight })
			in.gens[n-1].Time = in.gens[n].Time
		}, "is not after"},
		{"pointer lost", "VER-GENERATION-POINTER", func(in *installation) { in.current(feed.KindLight).Current = false }, "0 generations"},
		{"retired while an offer uses it", "VER-GENERATION-POINTER", func(in *installation) {
			g := in.current(feed.KindLight)
			g.Current, g.Retired = false, now
		}, "0 generations"},
		{"two pointers", "VER-GENERATION-POINTER", func(in *installation) {
			n := slices.IndexFunc(in.gens, func(g verify.Generation) bool { return g.Current && g.Feed.Kind == feed.KindLight })
			in.gens[n-1].Current = true
		}, "2 generations"},
		{"no full listed", "VER-GENERATION-FILES", func(in *installation) {
			g := in.current(feed.KindFull)
			g.Files = slices.DeleteFunc(slices.Clone(g.Files), func(f verify.File) bool { return f.Kind == feed.KindFull || f.Kind == feed.KindFullCSV })
		}, "0 files of kind full"},
		{"no dictionary listed", "VER-GENERATION-FILES", func(in *installation) {
			g := in.current(feed.KindFull)
			g.Files = slices.DeleteFunc(slices.Clone(g.Files), func(f verify.File) bool { return f.Kind == feed.KindSeries })
		}, "series"},
		{"file of a later generation listed", "VER-GENERATION-FILES", func(in *installation) {
			first, last := in.first(feed.KindLight), in.current(feed.KindLight)
			first.Files = slices.Clone(last.Files)
			// Times that fit, so that this is all that is wrong.
			end := last.Time
			for i := range in.gens {
				if g := &in.gens[i]; g.Feed.Kind == feed.KindLight {
					g.Time = end.Add(time.Duration(i-len(in.gens)) * time.Second)
				}
			}
			for _, g := range []*verify.Generation{first, last} {
				for i := range g.Files {
					g.Files[i].Changed = first.Time
				}
			}
		}, "which generation"},
		{"current file condemned", "VER-BLOB-STATE", func(in *installation) {
			in.mark(in.file(in.current(feed.KindFull), feed.KindFull).Plain.Key, "condemned")
		}, "condemned"},
		{"current file being deleted", "VER-BLOB-STATE", func(in *installation) {
			in.mark(in.file(in.current(feed.KindLight), feed.KindLight).Gzip.Key, "deleting")
		}, "deleting"},
		{"expired", "VER-EXPIRED", func(in *installation) {
			for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
				in.current(k).Expires = now.Add(-time.Second)
			}
		}, "expired at"},
		{"orphan", "VER-ORPHAN", func(in *installation) {
			key, err := storage.Blob{Merchant: "m1", SHA256: storage.Sum([]byte("x")), Run: "dead"}.Key()
			if err != nil {
				in.t.Fatal(err)
			}
			in.put(key, []byte("x"))
		}, "1 bytes"},
		{"object of an unknown merchant", "VER-ORPHAN", func(in *installation) {
			key, err := storage.Blob{Merchant: "m9", State: true, SHA256: storage.Sum([]byte("x")), Run: "dead"}.Key()
			if err != nil {
				in.t.Fatal(err)
			}
			in.put(key, []byte("x"))
		}, "m/m9/"},
		{"foreign key", "VER-KEY", func(in *installation) { in.put("backup.tar", []byte("x")) }, "backup.tar"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := records(t)
			c.plant(in)
			r := in.check()
			if got := found(r); !slices.Equal(got, strings.Fields(c.want)) {
				t.Errorf("got %v, want %v\n%s", got, c.want, told(r))
			}
			if c.where != "" && !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return strings.Contains(f.String(), c.where) }) {
				t.Errorf("no finding says %q:\n%s", c.where, told(r))
			}
		})
	}
}

// What is on its way out, or in, is no finding.
// What no publication mends is told as that, and what is current never is.
func TestReplacedFilesGoByThemselves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		of    func(in *installation, kind feed.Kind) *verify.Generation
		state bool
		goes  bool
	}{
		{"a file that is current", (*installation).current, false, false},
		{"a file that was replaced", (*installation).first, false, true},
		{"a state that is current", (*installation).current, true, false},
		{"a state that was replaced", (*installation).first, true, true},
	} {
		for _, gone := range []bool{false, true} {
			in := records(t)
			g := c.of(in, feed.KindLight)
			key := in.file(g, feed.KindLight).Plain.Key
			if c.state {
				key = g.States[0].Key
			}
			if gone {
				if err := in.store.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			} else {
				in.damage(key, flip)
			}
			r := in.check()
			if got := strings.Contains(told(r), "goes by itself"); len(r.Findings) == 0 || got != c.goes {
				t.Errorf("%s, gone %v: told to go by itself is %v, want %v:\n%s", c.name, gone, got, c.goes, told(r))
			}
		}
	}
}

func TestRecordsInMotion(t *testing.T) {
	t.Parallel()
	in := records(t)
	old := in.file(in.first(feed.KindLight), feed.KindLight).Plain.Key
	in.mark(old, "deleting")
	if err := in.store.Delete(context.Background(), old); err != nil {
		t.Fatal(err)
	}
	condemned := in.file(in.first(feed.KindLight), feed.KindLightCSV).Plain.Key
	in.mark(condemned, "condemned")
	if err := in.store.Delete(context.Background(), condemned); err != nil {
		t.Fatal(err)
	}
	in.at = now.Add(-time.Minute)
	key, err := storage.Blob{Merchant: "m1", SHA256: storage.Sum([]byte("x")), Run: "under-way"}.Key()
	if err != nil {
		t.Fatal(err)
	}
	in.put(key, []byte("x"))
	marker, err := storage.Marker{Merchant: "m1", Feed: "k-full", Epoch: 1, Generation: 20, Run: "run"}.Key()
	if err != nil {
		t.Fatal(err)
	}
	in.put(marker, nil)
	if r := in.check(); len(r.Findings) > 0 {
		t.Errorf("got\n%s", told(r))
	}
}

// A sweep that was stopped half-way has removed some of what nobody may ask for
// any more, in no order. What partners may ask for has no gaps all the same.
func TestHalfSwept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		retired time.Duration
		want    []string
	}{{"long ago", 100 * time.Hour, nil}, {"lately", 71 * time.Hour, []string{"VER-CHAIN-GAP"}}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := records(t)
			full := in.file(in.current(feed.KindFull), feed.KindFull).Generation
			old := func(f *verify.File) bool {
				return f.Generation < full && (f.Kind == feed.KindFullChange || f.Kind == feed.KindFull || f.Kind == feed.KindFullCSV)
			}
			var changes []int64
			for i := range in.gens {
				g := &in.gens[i]
				if g.Feed.Kind != feed.KindFull {
					continue
				}
				if g.Number >= full {
					g.Files = slices.DeleteFunc(slices.Clone(g.Files), func(f verify.File) bool { return old(&f) })
					continue
				}
				g.Retired = now.Add(-c.retired)
				for j := range g.Files {
					f := &g.Files[j]
					if !old(f) {
						continue
					}
					in.mark(f.Plain.Key, "deleting")
					if f.Gzip.Key != "" {
						in.mark(f.Gzip.Key, "deleting")
					}
					if f.Kind == feed.KindFullChange && !slices.Contains(changes, f.Generation) {
						changes = append(changes, f.Generation)
					}
				}
			}
			if len(changes) < 3 {
				t.Fatalf("there are %d change files to sweep, want 3", len(changes))
			}
			for i := range in.gens {
				g := &in.gens[i]
				g.Files = slices.DeleteFunc(slices.Clone(g.Files), func(f verify.File) bool {
					return f.Kind == feed.KindFullChange && f.Generation == changes[1]
				})
			}
			if got := found(in.check()); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// Several light feeds are each held against the full feed that they share.
func TestSharedFull(t *testing.T) {
	t.Parallel()
	in := records(t)
	var more []verify.Generation
	for _, g := range in.gens {
		if g.Feed.Kind == feed.KindLight {
			g.Feed.Key = "k-light-2"
			more = append(more, g)
		}
	}
	in.gens = append(in.gens, more...)
	in.offers = append(in.offers, verify.Offer{Merchant: "m1", Name: "South", Full: "k-full", Light: "k-light-2"},
		verify.Offer{Merchant: "m1", Name: "East", Full: "k-full", Light: "k-light"})
	if r := in.check(); len(r.Findings) > 0 || r.Offers != 3 || r.Products != 9 {
		t.Errorf("got %d offers and %d products\n%s", r.Offers, r.Products, told(r))
	}
	in.damage(in.file(&more[len(more)-1], feed.KindLight).Plain.Key, flip)
	r := in.check()
	if got := found(r); !slices.Equal(got, []string{"VER-FILE-DIGEST"}) || r.Total(verify.SeverityError) != 2 {
		t.Errorf("got\n%s, want the damage told for both feeds", told(r))
	}
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	in := records(t)
	in.err = errLedger
	if _, err := verify.Records(context.Background(), in, in.store, verify.Options{}); !errors.Is(err, errLedger) {
		t.Errorf("got %v, want %v", err, errLedger)
	}
	if _, err := verify.Scrub(context.Background(), in, in.store, verify.ScrubOptions{}); !errors.Is(err, errLedger) {
		t.Errorf("got %v, want %v", err, errLedger)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in.err = nil
	if _, err := verify.Records(ctx, in, in.store, verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	in := records(t)
	clock := now
	var waited time.Duration
	opt := verify.ScrubOptions{Rate: 10_000, Now: func() time.Time { return clock },
		Wait: func(_ context.Context, d time.Duration) error { waited += d; clock = clock.Add(d); return nil }}
	r, err := verify.Scrub(context.Background(), in, in.store, opt)
	if err != nil || !r.Clean() || r.Blobs != len(in.blobs) {
		t.Fatalf("got %+v, %v, want %d blobs and nothing damaged", r, err, len(in.blobs))
	}
	// Blobs are read in pieces, so the last one may be ahead by itself.
	least := time.Duration(r.Bytes-20_000) * time.Second / 10_000
	if waited < least || waited > time.Duration(r.Bytes)*time.Second/10_000 {
		t.Errorf("waited %s for %d bytes at 10,000 a second", waited, r.Bytes)
	}
	full := in.file(in.current(feed.KindFull), feed.KindFull)
	in.damage(full.Plain.Key, flip)
	in.damage(full.Gzip.Key, func(b []byte) []byte { return b[:10] })
	old := in.file(in.first(feed.KindLight), feed.KindLight).Plain.Key
	if err := in.store.Delete(context.Background(), old); err != nil {
		t.Fatal(err)
	}
	// What lies in an archive is no reason to look at nothing else.
	r, err = verify.Scrub(context.Background(), in, archive{in.store}, verify.ScrubOptions{})
	if err != nil || len(r.Damaged) != r.Blobs || !strings.Contains(r.Damaged[0].Message, "it lies in an archive of the store") {
		t.Errorf("in an archive: %d of %d blobs are told, %v", len(r.Damaged), r.Blobs, err)
	}
	r, err = verify.Scrub(context.Background(), in, in.store, verify.ScrubOptions{})
	if err != nil || r.Clean() || len(r.Damaged) != 3 {
		t.Fatalf("got %+v, %v, want three damaged", r, err)
	}
	for _, d := range r.Damaged {
		var want struct {
			fault, file string
			current     bool
		}
		switch d.Key {
		case full.Plain.Key:
			want.fault, want.file, want.current = "digest", "13/full.xml", true
		case full.Gzip.Key:
			want.fault, want.file, want.current = "length", "13/full.xml.gz", true
		case old:
			want.fault, want.file = "missing", "2/light.xml"
		}
		if d.Fault != want.fault || len(d.Hurts) != 1 || d.Hurts[0].File != want.file || d.Hurts[0].Current != want.current ||
			!slices.Equal(d.Hurts[0].Offers, []string{"Nord Shop"}) || d.Mend == "" || d.Merchant != "m1" {
			t.Errorf("got %+v, want %+v", d, want)
		}
	}
	var b strings.Builder
	if err := verify.ScrubText(&b, r); err != nil || !strings.Contains(b.String(), "it is 13/full.xml, generation") || !strings.Contains(b.String(), "(current), of Nord Shop") {
		t.Errorf("got %v and\n%s", err, &b)
	}
}

// archive is a store of which nothing can be read before it is restored.
type archive struct{ storage.Store }

func (archive) Open(context.Context, string, storage.Range) (io.ReadCloser, storage.Info, error) {
	return nil, storage.Info{}, storage.ErrArchived
}
