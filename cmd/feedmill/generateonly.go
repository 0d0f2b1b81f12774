package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/pricing"
	"feedmill/feed/publish"
	"feedmill/internal/durable"
)

// onlyReport is what generate --only prints as JSON.
type onlyReport struct {
	File     string        `json:"file"`
	Kind     feed.Kind     `json:"kind"`
	Products int64         `json:"products"`
	Shown    int64         `json:"shown"`
	LeftOut  []leftOutLine `json:"left_out,omitempty"`
	// Unmatched is what the profile names that the catalog does not have.
	Unmatched []unmatchedLine `json:"unmatched,omitempty"`
}

// only writes one file of the offer and nothing else.
func (c *generateCmd) only(ctx context.Context, w *world, req publish.Request, supplier feed.Supplier) (err error) {
	kind := feed.KindFull
	switch c.Only {
	case "full":
	case "light":
		kind = feed.KindLight
	default:
		return usage("--only", fmt.Errorf("%q is neither full nor light", c.Only))
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"--gzip", c.Gzip}, {"--base-url", c.BaseURL != ""}, {"--supplier", c.Supplier != ""}, {"--full", c.Full}} {
		if f.given {
			return usage(f.name, errors.New("has no meaning with --only: one file is no offer"))
		}
	}
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() {
		return usage("--out", fmt.Errorf("%q is a folder: with --only it names the file to write", c.Out))
	}
	path, stream, err := destination(c.Out)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("output file %q: %w", c.Out, err)
	}
	dir, name := filepath.Split(path)
	if stream {
		dir = os.TempDir()
	}
	root, err := durable.MakeRoot(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("output file %q: %w", c.Out, err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	// Beside the file, as for a whole offer: who may write there needs no other place.
	temp, err := durable.MakeTempDir(filepath.Clean(dir), name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temp.Close()) }()

	c.quick = true
	bar := w.newProgress("generate")
	defer bar.done()
	in, err := c.readable(ctx, w, &req, temp.Path(), supplier, bar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.src.close()) }()
	file := &onlyFile{root: root, name: temp.Result()}
	defer func() { err = errors.Join(err, file.remove()) }()
	report, err := publish.Document(ctx, req, kind, file.begin)
	if errors.Is(err, catalog.ErrUnordered) {
		in.src.sorted = true
		report, err = publish.Document(ctx, req, kind, file.begin)
	}
	unmatched := [][]pricing.Unmatched{report.Unmatched}
	if err == nil {
		bar.done()
		warnUnmatched(w.stderr, unmatched, []string{c.Profile})
	}
	// As the guard of a whole offer's first run has it, and with the same bound.
	if err == nil && report.Shown == 0 && req.Settings.MaxLoss < 100 {
		err = &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the %s file would be without any product, of %d in the catalog: nothing is written, and what was there before stays", kind, report.Products),
			Hint: "check the profile's assortment and stock policy; if they are right, run again with --feeds.max_loss 100"}
	}
	switch {
	case err == nil && stream:
		err = file.pour(c.Out)
	case err == nil:
		err = file.commit(name)
	}
	if err != nil {
		return err
	}
	bar.done()
	in.listed.warn(w)
	out := beside(c.Out, w.stdout, w.stderr)
	if c.JSON {
		return writeJSON(out, onlyReport{c.Out, kind, report.Products, report.Shown, leftOutLines(report.LeftOut), unmatchedLines(unmatched, nil)})
	}
	fmt.Fprintf(out, "%d products in the catalog, %d in %s\n", report.Products, report.Shown, c.Out)
	printLeftOut(out, report.LeftOut)
	return nil
}

// onlyFile is the new file beside the one that it replaces.
type onlyFile struct {
	root *durable.Root
	name string
	f    durable.File
}

// begin starts the file, anew where it was begun before.
func (o *onlyFile) begin() (io.Writer, error) {
	if err := o.remove(); err != nil {
		return nil, err
	}
	var err error
	o.f, err = o.root.OpenFile(o.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return o.f, err
}

// commit puts the file in its place, durably.
func (o *onlyFile) commit(name string) error {
	err := o.f.Sync()
	if cerr := o.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	o.f = nil
	return durable.Commit(o.root, o.name, name)
}

// pour writes the file into a pipe or device.
func (o *onlyFile) pour(name string) (err error) {
	from, err := os.Open(filepath.Join(o.root.Name(), o.name))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return copyInto(name, from)
}

// remove takes away what was not put in its place.
func (o *onlyFile) remove() error {
	if o.f == nil {
		return nil
	}
	err := o.f.Close()
	o.f = nil
	if rerr := o.root.Remove(o.name); !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}
