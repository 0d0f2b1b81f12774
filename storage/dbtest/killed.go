package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// Begin takes the lease of a merchant, once nobody has it.
func Begin(ctx context.Context, db publish.Ledger, m partner.MerchantID, n int) (publish.Run, error) {
	for {
		run, err := db.Begin(ctx, string(m), strings.ToLower(rand.Text()), n)
		var busy *publish.BusyError
		if !errors.As(err, &busy) {
			return run, err
		}
	}
}

// What a process that is to be killed finds in its environment.
const (
	crashAddress  = "FEEDMILL_TEST_CRASH"
	crashMerchant = "FEEDMILL_TEST_MERCHANT"
)

// crashProducts is how many products each import of [CrashingWriter] has.
const crashProducts = 400

// Killed starts the test program anew, for the test of that name, as a writer
// into the database at an address, and kills it in a later step each round; look
// is called after each. The test calls [CrashingWriter] before all else.
func Killed(t *testing.T, address string, m partner.MerchantID, look func()) {
	t.Helper()
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), crashAddress+"="+address, crashMerchant+"="+string(m))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It writes a byte for each step it has begun.
		buf := make([]byte, 1)
		for range 3 + 2*round {
			if _, err := out.Read(buf); err != nil {
				t.Fatalf("the writer ended by itself: %v", err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, which Wait reports
		look()
	}
}

// CrashingWriter imports and publishes until it is killed if [Killed] has
// started this process, and returns at once otherwise. open opens the database,
// with leases that are over soon.
func CrashingWriter(open func(ctx context.Context, address string) (DB, error)) {
	address := os.Getenv(crashAddress)
	if address == "" {
		return
	}
	ctx := context.Background()
	db, err := open(ctx, address)
	m := partner.MerchantID(os.Getenv(crashMerchant))
	for revision := uint64(time.Now().UnixNano()); err == nil; revision++ {
		err = crashingStep(ctx, db, m, revision)
	}
	panic(err)
}

// crashingStep is one import and one publication.
func crashingStep(ctx context.Context, db DB, m partner.MerchantID, revision uint64) error {
	step := func() { os.Stdout.Write([]byte{'.'}) }
	id := partner.NewImportID()
	if _, err := db.StageProducts(ctx, m, id, Revised(crashProducts, revision)); err != nil {
		return err
	}
	step()
	if _, err := db.Merge(ctx, partner.Actor{}, m, id, partner.MergeReplace, nil); err != nil {
		return err
	}
	ref := publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: "k"}
	base, _, err := db.Current(ctx, ref)
	if err != nil {
		return err
	}
	run, err := Begin(ctx, db, m, 1)
	if err != nil {
		return err
	}
	step()
	g := publish.Generation{Feed: ref, Number: run.First, Base: base.Number, Time: base.Time.Add(time.Second), Files: []publish.File{{
		Kind: feed.KindFull, Generation: run.First, Plain: publish.Blob{Key: fmt.Sprint("blob-", run.First), Size: 1, SHA256: sha256.Sum256(nil)},
	}}}
	if g.Time.Unix() < 0 {
		g.Time = time.Now()
	}
	return db.Commit(ctx, run, []publish.Generation{g}, nil)
}

// CheckWhole asks that all products are of one revision, that the queue has a
// row for the merge that made it, and that the current generation is complete.
func CheckWhole(t *testing.T, db DB, m partner.MerchantID) {
	t.Helper()
	snap, err := db.Snapshot(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	revisions := map[uint64]int{}
	for p, err := range snap.Products(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		revisions[binary.BigEndian.Uint64(p.Doc)]++
	}
	if len(revisions) > 1 {
		t.Errorf("products of several revisions: %v", revisions)
	}
	for revision, n := range revisions {
		if n != crashProducts {
			t.Errorf("revision %d has %d products, want %d", revision, n, crashProducts)
		}
	}
	g, ok, err := snap.Current(t.Context(), feed.KindFull, "k")
	if err != nil || ok && len(g.Files) != 1 {
		t.Errorf("current generation %d with %d files, %v", g.Number, len(g.Files), err)
	}
	list, err := db.Changes(t.Context(), m, 1<<20)
	if err != nil || len(list)%crashProducts != 0 {
		t.Errorf("%d rows in the queue, want whole merges of %d, %v", len(list), crashProducts, err)
	}
}
