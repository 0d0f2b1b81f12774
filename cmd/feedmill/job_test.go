package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/job"
	"feedmill/internal/job/riverjob"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
)

// The commands about jobs act on those of another process: with the embedded
// database through its folder, with the shared one through its tables.
func TestJobCommands(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		testJobCommands(t, &config.Config{Data: t.TempDir()})
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		url := database.Database(t)
		if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := riverjob.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(file, []byte(url+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		testJobCommands(t, &config.Config{Data: t.TempDir(), Database: config.Database{Kind: "postgres", URLFile: file}})
	})
}

func testJobCommands(t *testing.T, cfg *config.Config) {
	ctx := t.Context()
	var out bytes.Buffer
	w := &world{stdout: &out, stderr: os.Stderr, now: time.Now, log: slog.New(slog.DiscardHandler)}
	if cfg.Database.Kind == "" {
		err := (&jobListCmd{}).Run(ctx, w, cfg)
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "feedmill serve") {
			t.Errorf("list while nobody works: got %v, hint %q", err, feed.HintOf(err))
		}
	}
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []partner.MerchantID{"m-aaaaaaaaaaaaaaaa", "m-bbbbbbbbbbbbbbbb", "m-cccccccccccccccc"} {
		if _, err := h.db.CreateMerchant(ctx, partner.Actor{Name: "test"}, partner.Merchant{ID: id, Name: string(id)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{}, 5)
	kinds, err := work.New(work.Options{
		Publish: func(ctx context.Context, m partner.MerchantID, full bool) error {
			if full {
				return job.Permanent(errors.New("the offer would lose\nall its products"))
			}
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}}).Kinds()
	if err != nil {
		t.Fatal(err)
	}
	c, closeJobs, err := openJobs(ctx, w, cfg, job.Config{Kinds: kinds, Soft: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer closeJobs()
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(run) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	insert := func(args job.Args, opt job.InsertOptions) int64 {
		t.Helper()
		in, err := c.Insert(ctx, args, opt)
		if err != nil {
			t.Fatal(err)
		}
		return in.ID
	}
	runs := insert(work.Publish{Merchant: "m-aaaaaaaaaaaaaaaa"}, job.InsertOptions{})
	<-begun
	fails := insert(work.Publish{Merchant: "m-bbbbbbbbbbbbbbbb", Full: true}, job.InsertOptions{})
	waits := insert(work.Publish{Merchant: "m-cccccccccccccccc"}, job.InsertOptions{After: time.Hour})
	state := func(id int64, want job.State) {
		t.Helper()
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			i, err := c.Get(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if i.State == want {
				return
			}
			<-ticker.C
		}
	}
	state(fails, job.Failed)
	do := func(cmd interface {
		Run(context.Context, *world, *config.Config) error
	}) (string, error) {
		out.Reset()
		err := cmd.Run(ctx, w, cfg)
		return out.String(), err
	}
	text, err := do(&jobListCmd{})
	if err != nil || strings.Count(text, "\n") != 4 || !strings.Contains(text, "publish  m-aaaaaaaaaaaaaaaa  running  1/12") ||
		!strings.Contains(text, "the offer would lose all its products\n") {
		t.Errorf("list: %v\n%s", err, text)
	}
	text, err = do(&jobListCmd{JSON: true, State: []string{"failed", "waiting"}, Kind: "publish"})
	var list []job.Info
	if err == nil {
		err = json.Unmarshal([]byte(text), &list)
	}
	if err != nil || len(list) != 2 || list[0].ID != waits || list[1].ID != fails || strings.ReplaceAll(string(list[1].Args), " ", "") == "" {
		t.Errorf("list as JSON: %v\n%s", err, text)
	}
	if text, err = do(&jobListCmd{Merchant: "m-cccccccccccccccc"}); err != nil || strings.Count(text, "\n") != 2 {
		t.Errorf("list one merchant's: %v\n%s", err, text)
	}
	if _, err = do(&jobListCmd{State: []string{"over"}}); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("list an unknown state: got %v", err)
	}
	text, err = do(&jobCancelCmd{ID: []int64{runs, 99999999, waits}})
	if feed.KindOf(err) != feed.KindNotFound || strings.Count(err.Error(), "99999999") != 1 ||
		text != fmt.Sprintf("job %d is cancelled, or stops\njob %d is cancelled, or stops\n", runs, waits) {
		t.Errorf("cancel: %v\n%s", err, text)
	}
	state(runs, job.Cancelled)
	state(waits, job.Cancelled)
	noted := func(id partner.MerchantID, want ...string) {
		t.Helper()
		h, err := w.openHome(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		list, err := h.db.Audit(ctx, id, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			if strings.HasPrefix(e.Action, "job.") {
				got = append(got, e.Action+" "+e.Object+" by "+e.Actor.Role)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the audit of %s tells %q, want %q", id, got, want)
		}
	}
	noted("m-aaaaaaaaaaaaaaaa", fmt.Sprintf("job.cancel job %d by operator", runs))
	noted("m-bbbbbbbbbbbbbbbb")
	if text, err = do(&jobRetryCmd{ID: []int64{waits}}); err != nil || text != fmt.Sprintf("job %d runs when it is its turn\n", waits) {
		t.Errorf("retry: %v\n%s", err, text)
	}
	<-begun
	state(waits, job.Running)
	noted("m-cccccccccccccccc", fmt.Sprintf("job.cancel job %d by operator", waits), fmt.Sprintf("job.retry job %d by operator", waits))
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := oneLine("a\n\tb  c"); got != "a b c" {
		t.Errorf("got %q", got)
	}
	if got := []rune(oneLine(strings.Repeat("ą", 500))); len(got) != 120 || got[119] != '…' {
		t.Errorf("got %d characters", len(got))
	}
}
