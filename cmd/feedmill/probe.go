package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/storage"
	"feedmill/storage/s3store"
)

// probeCmd tries whether a bucket does what feedmill needs.
type probeCmd struct {
	ReadOnly bool `help:"Only list and read, which is all that an edge needs. Nothing is put."`
	JSON     bool `help:"Print the findings as JSON."`
}

// Help implements kong.HelpProvider.
func (probeCmd) Help() string {
	return `Tries, with the keys and at the address that the settings name (store.kind = "s3"), everything that
feedmill does to a bucket: list, put, read back, send in parts, delete, each with the key that is meant
for it. Of what does not work it tells the right that is missing and what it is for, and besides whether
the bucket keeps old versions. Its few small objects, below probe/, are removed again, with those that a
probe which was killed has left a day ago or longer; where deleting is refused nothing is put. It needs no database, and can run while others serve.

Exit status: 0 everything works; 1 something does not; 2 the command line is wrong; 3 the store does
not answer, or takes no request with this key.

Example: feedmill probe --config feedmill.toml`
}

// Run implements the command.
func (c *probeCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if cfg.Store.Kind != "s3" {
		return &feed.Error{Kind: feed.KindInvalid, Message: "the store is a folder below " + cfg.Data + ", not a bucket",
			Hint: "store.kind = \"s3\" and the settings beside it name a bucket"}
	}
	b, err := openBucket(&cfg.Store, w.now)
	if err != nil {
		return err
	}
	var found s3store.Findings
	if c.ReadOnly {
		found.Steps = b.store.Look(ctx, false)
	} else {
		if found.Steps = b.store.Look(ctx, false); answers(found.Steps) {
			found = b.store.Probe(ctx, b.sweeper)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !answers(found.Steps) {
		return b.complaint(&found.Steps[0])
	}
	var missing []error
	for i := range found.Steps {
		if s := &found.Steps[i]; s.Err != nil && !errors.Is(s.Err, s3store.ErrSkipped) {
			missing = append(missing, b.complaint(s))
		}
	}
	if c.JSON {
		err = b.writeFindings(w.stdout, &found)
	} else {
		err = b.printFindings(w.stdout, &found)
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	return &feed.Error{Kind: feed.KindForbidden, Message: errors.Join(missing...).Error(), Hint: hintOfParts(errors.Join(missing...))}
}

// answers reports whether the store has said anything about the rights of the key.
func answers(steps []s3store.Step) bool {
	err := steps[0].Err
	return err == nil || errors.Is(err, storage.ErrDenied)
}

func (b *bucket) printFindings(to io.Writer, f *s3store.Findings) error {
	fmt.Fprintf(to, "bucket %q at %s\n", b.settings.Bucket, b.settings.Endpoint)
	err := table(to, "STEP RIGHT FOR KEY ANSWER", func(add func(cells ...any)) {
		for i := range f.Steps {
			s := &f.Steps[i]
			said := "yes"
			switch {
			case errors.Is(s.Err, s3store.ErrSkipped):
				said = s.Err.Error()
			case s.Err != nil:
				said = "no"
			}
			add(s.Name, s.Right, s.For, b.key(s), said)
		}
	})
	if f.Versions {
		fmt.Fprintln(to, "The bucket keeps versions: what is deleted, the objects of this probe too, stays as an old version and is")
		fmt.Fprintln(to, "paid for until a rule of the bucket removes it (S3: NoncurrentVersionExpiration).")
	}
	for _, key := range f.Left {
		fmt.Fprintf(to, "left behind: %s\n", key)
	}
	for _, key := range f.Cleared {
		fmt.Fprintf(to, "removed, which an earlier probe had left: %s\n", key)
	}
	return err
}

func (b *bucket) writeFindings(to io.Writer, f *s3store.Findings) error {
	type step struct {
		Step    string `json:"step"`
		Right   string `json:"right"`
		For     string `json:"for"`
		Key     string `json:"key"`
		Works   bool   `json:"works"`
		Skipped bool   `json:"skipped,omitempty"`
		Error   string `json:"error,omitempty"`
	}
	out := struct {
		Bucket   string   `json:"bucket"`
		Endpoint string   `json:"endpoint"`
		Steps    []step   `json:"steps"`
		Versions bool     `json:"versions"`
		Left     []string `json:"left,omitempty"`
		Cleared  []string `json:"cleared,omitempty"`
	}{Bucket: b.settings.Bucket, Endpoint: b.settings.Endpoint, Versions: f.Versions, Left: f.Left, Cleared: f.Cleared}
	for i := range f.Steps {
		s := &f.Steps[i]
		one := step{Step: s.Name, Right: s.Right, For: s.For, Key: b.key(s), Works: s.Err == nil, Skipped: errors.Is(s.Err, s3store.ErrSkipped)}
		if s.Err != nil {
			one.Error = s.Err.Error()
		}
		out.Steps = append(out.Steps, one)
	}
	return writeJSON(to, out)
}
