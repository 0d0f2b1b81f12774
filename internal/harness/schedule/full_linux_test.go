package schedule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/harness/site"
)

// A real file system runs full: records and store share a small tmpfs, and a
// file takes all of it but a little. What is published stays whole, and the next
// run works as soon as there is room.
func TestRealDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	leapt := time.Duration(0)
	s, closeAll, err := site.Place{Data: filepath.Join(dir, "data")}.Open(t.Context(), func() time.Time { return time.Now().Add(leapt) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	}()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	shop, err := s.NewMerchant(t.Context())
	must(err)
	_, err = s.NewOffer(t.Context(), shop, "Nord", feed.Profile{})
	must(err)
	var list []site.Product
	for id := 1; id <= 400; id++ {
		list = append(list, site.Product{ID: site.ID(id), Price: id, Stock: id % 9})
	}
	_, err = s.Load(t.Context(), site.Text(list), false)
	must(err)
	s.Settings.Gzip, s.Settings.FullShare = true, 1000
	_, err = s.Publish(t.Context(), site.Run{})
	must(err)
	prove := func(when string) {
		t.Helper()
		report, err := s.Prove(t.Context())
		must(err)
		if !report.Clean() || report.Generations == 0 {
			t.Errorf("%s: %d generations, %v", when, report.Generations, report.Findings)
		}
	}
	ballast := filepath.Join(dir, "ballast")
	failed := 0
	for i, room := range []int64{0, 16, 64, 128, 256, 512, 1024, 4096} {
		var change []site.Product
		for id := 1; id <= 40; id++ {
			change = append(change, site.Product{ID: site.ID(id), Price: 1000 + 100*i + id, Stock: 5})
		}
		must(s.Put(t.Context(), change, nil))
		must(fill(ballast, dir, room<<10))
		_, err := s.Publish(t.Context(), site.Run{})
		if err != nil {
			failed++
		}
		prove(fmt.Sprintf("with %d KB of room (the run: %v)", room, err))
		must(os.Remove(ballast))
		if err != nil {
			// A full disk may have kept the run from giving its lease back.
			leapt += time.Minute
			report, err := s.Publish(t.Context(), site.Run{})
			must(err)
			for _, f := range report.Feeds {
				if !f.Published {
					t.Errorf("with %d KB of room: the next run leaves %v as it was", room, f.Feed.Kind)
				}
			}
			prove("the next run")
		}
	}
	if failed == 0 {
		t.Error("no run has met a full disk: the test proves nothing")
	}
	t.Logf("%d runs met a full disk", failed)
}

// fill makes a file that leaves so many bytes of a file system.
func fill(name, dir string, room int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close() // a file of zeros
	block := make([]byte, 4096)
	for left := int64(st.Bavail)*int64(st.Bsize) - room; left >= int64(len(block)); left -= int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}
