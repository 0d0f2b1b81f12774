package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/s3store"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An upload in parts that was broken off, and that the store was not asked to
// forget, is ended by the command once it is a day old.
func TestSweepEndsBrokenUploads(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := objects.Versitygw(t)
	dir := t.TempDir()
	file := secretsIn(t, dir)
	cfg := &config.Config{Data: filepath.Join(dir, "data"), Store: config.Store{Kind: "s3", Endpoint: server.Endpoint, Region: server.Region, Bucket: server.Bucket(t),
		PathStyle: true, AccessFile: file("access", server.AccessKey), SecretFile: file("secret", server.SecretKey)}}
	var out bytes.Buffer
	now := time.Now()
	w := &world{stdout: &out, stderr: os.Stderr, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.db.CreateMerchant(ctx, partner.Actor{Name: "test"}, partner.Merchant{ID: "m-aaaaaaaaaaaaaaaa", Name: "Shop"}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	broken, err := s3store.New(s3store.Config{Endpoint: server.Endpoint, Region: server.Region, Bucket: cfg.Store.Bucket, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, PartSize: s3store.MinPartSize, Patience: -1,
		Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodDelete {
				return nil, errors.New("cut off")
			}
			return http.DefaultTransport.RoundTrip(r)
		})}})
	if err != nil {
		t.Fatal(err)
	}
	body := func() io.Reader {
		return io.MultiReader(strings.NewReader(strings.Repeat("x", s3store.MinPartSize+1)), iotest.ErrReader(errors.New("killed")))
	}
	blob, err := storage.Blob{Merchant: "m-aaaaaaaaaaaaaaaa", SHA256: storage.Digest{1}, Run: "dead"}.Key()
	if err != nil {
		t.Fatal(err)
	}
	// The second is another program's, and stays.
	for _, key := range []string{blob, "backup/disk.img"} {
		if _, err := broken.Put(ctx, key, body(), -1, storage.Attrs{}); err == nil {
			t.Fatal("a body that fails was stored")
		}
	}
	sweep := func(c sweepCmd) string {
		t.Helper()
		out.Reset()
		if err := c.Run(ctx, w, cfg); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := sweep(sweepCmd{}); strings.Contains(got, "broken") {
		t.Errorf("at once: the upload may still go on\n%s", got)
	}
	now = now.Add(25 * time.Hour)
	for range 2 {
		if got := sweep(sweepCmd{DryRun: true}); !strings.Contains(got, "1 broken uploads would be ended") {
			t.Errorf("a day later, looking on:\n%s", got)
		}
	}
	var report struct {
		work.Orphans
		Leftovers work.Leftovers
	}
	if err := json.Unmarshal([]byte(sweep(sweepCmd{JSON: true})), &report); err != nil || report.Leftovers.Uploads != 1 || report.Merchant != "m-aaaaaaaaaaaaaaaa" {
		t.Errorf("a day later: %+v, %v", report, err)
	}
	if got := sweep(sweepCmd{}); strings.Contains(got, "broken") {
		t.Errorf("once more:\n%s", got)
	}
}

// Names that others have given tell a terminal nothing.
func TestSweepShowsForeignNames(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printOrphans(&out, &work.Orphans{Objects: 2, Foreign: work.Keys{Count: 2, Examples: []string{"m/x/\x1b]0;owned\x07.txt", "m/x/żółw\n2 deleted"}}})
	if got := out.String(); !strings.Contains(got, `  m/x/\x1b]0;owned\a.txt`+"\n"+`  m/x/żółw\n2 deleted`+"\n") || strings.ContainsAny(got, "\x1b\x07") {
		t.Errorf("got %q", got)
	}
}
