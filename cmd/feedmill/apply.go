package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
)

// applyCmd brings a full file up to date.
type applyCmd struct {
	Full     string   `arg:"" name:"full" placeholder:"FULL" help:"Full file."`
	Changes  []string `arg:"" name:"change" placeholder:"CHANGE" help:"Change files, the oldest first."`
	Out      string   `required:"" short:"o" placeholder:"FILE" help:"File for the result, replaced whole; a name that ends in .gz makes it compressed."`
	Manifest string   `placeholder:"FILE" help:"manifest.json that tells which change leads where. Default: the one in the folder of FULL or above, if there is one."`
	JSON     bool     `help:"Print the counts as JSON."`
}

// Help implements kong.HelpProvider.
func (applyCmd) Help() string {
	return `Writes the full file that FULL becomes by the change files: products written anew, added, and taken
out by tombstones. Nodes are taken over byte for byte, in ascending order of product id; head and foot
are those of the newest file. Any IOF 3.0 files will do, compressed or not.

A pipe or device as --out is written into, with the counts on standard error, and a link stays one.

The order is checked by what the files and, where there is one, the manifest tell: a change that is
older than what it is applied to is refused, and so is one that leads on from a generation which is
not there, a light file, and a second full file: products that it has not would stay. Full and change
files look alike: a manifest tells them apart, else names such as full.xml and full_change….xml.
A first file of another name that says of products that they were removed is a change file.

Example: feedmill apply full.xml full_change2026-11-21T20-30-00.xml --out now.xml`
}

// Run implements the command.
func (c *applyCmd) Run(ctx context.Context, w *world) error {
	full, changes, err := c.chain(ctx)
	if err != nil {
		return err
	}
	docs := make([]patch.Document, len(changes))
	for i := range changes {
		docs[i] = changes[i].Document
	}
	if err := patch.CheckKinds(ctx, append([]patch.Document{full.Document}, docs...)...); err != nil {
		return err
	}
	if err := patch.CheckChain(full, changes); err != nil {
		return &feed.Error{Kind: feed.KindConflict, Message: err.Error(), Hint: "name the full file first, then its change files, the oldest first, none that is missing or older than the full file"}
	}
	var counts patch.Counts
	err = writeWhole(c.Out, func(f *os.File) (err error) {
		counts, err = patch.ApplyTo(ctx, patch.NewSink(f), full.Document, docs, patch.Options{OnlyFull: full.Kind == 0})
		return err
	})
	if err != nil {
		return err
	}
	out := beside(c.Out, w.stdout, w.stderr)
	if c.JSON {
		return writeJSON(out, counts)
	}
	_, err = fmt.Fprintf(out, "%d products: %d added, %d written anew, %d removed; in %s\n", counts.Products, counts.Added, counts.Changed, counts.Removed, c.Out)
	return err
}

// chain finds out what is known of the files' places.
func (c *applyCmd) chain(ctx context.Context) (full patch.Step, changes []patch.Step, err error) {
	m, err := c.manifest()
	if err != nil {
		return full, nil, err
	}
	steps := make([]patch.Step, 1+len(c.Changes))
	for i, name := range append([]string{c.Full}, c.Changes...) {
		steps[i].Document = patch.File(name)
		if err := steps[i].Describe(); err != nil {
			return full, nil, err
		}
		if m == nil {
			continue
		}
		_, sum, err := patch.Digest(ctx, steps[i].Document)
		if err != nil {
			return full, nil, err
		}
		for _, f := range m.Files {
			switch {
			case f.SHA256 != publish.SHA256(sum):
			case f.Kind == feed.KindFull:
				steps[i].Kind, steps[i].Target = f.Kind, f.Generation
			case f.Kind == feed.KindFullChange:
				steps[i].Kind, steps[i].Base, steps[i].Target = f.Kind, f.Base, f.Target
			case f.Kind == feed.KindLight:
				steps[i].Kind = f.Kind
			}
		}
	}
	return steps[0], steps[1:], nil
}

// manifest reads the manifest that is named or lies beside; nil when there is none.
func (c *applyCmd) manifest() (*publish.Manifest, error) {
	names := []string{c.Manifest}
	if c.Manifest == "" {
		dir := filepath.Dir(c.Full)
		names = []string{filepath.Join(dir, "manifest.json"), filepath.Join(dir, "..", "manifest.json")}
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && c.Manifest == "" {
			continue
		}
		if err != nil {
			return nil, inputError(fmt.Errorf("read manifest: %w", err))
		}
		var m publish.Manifest
		switch err := json.Unmarshal(data, &m); {
		case err == nil && m.Format == "feedmill-manifest/1":
			return &m, nil
		case c.Manifest != "":
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s is no manifest that this program knows", name), Err: err}
		}
	}
	return nil, nil
}

// inputError makes a file that is missing or may not be read a fault of the input.
func inputError(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return &feed.Error{Kind: feed.KindNotFound, Message: err.Error()}
	}
	return err
}
