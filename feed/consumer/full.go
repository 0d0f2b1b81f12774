package consumer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/feed/patch"
)

// full brings full.xml up to date: by change files where they lead from the
// copy to the present, else by the full file and the changes after it.
func (u *Update) full(ctx context.Context, o *offer) error {
	steps, reason := plan(u.c.state, o)
	if reason == "" && len(steps) == 0 {
		u.state.keepFull(u.c.state)
		u.describeFull()
		return nil
	}
	if reason == "" {
		reason = u.damaged()
	}
	if reason == "" {
		err := u.apply(ctx, o, u.c.folder.path(fullName), steps, u.c.state.Generation)
		var not *unfit
		if !errors.As(err, &not) {
			return err
		}
		// The change files are what the manifest says, and do not lead to the
		// full file that it lists beside them.
		reason = not.reason
	}
	steps, err := after(o)
	if err != nil {
		return err
	}
	u.report.Full, u.report.Reason = true, reason
	name, g, err := u.fetchTo(ctx, o.full, fullName)
	if err != nil {
		return err
	}
	s, err := u.checkOffer(ctx, o.full, name, g)
	if err != nil {
		return err
	}
	u.state.Files[fullName] = s
	u.state.FullHash, u.state.Stamp, u.state.Generation = o.full.md5, o.full.stamp, o.full.generation
	if len(steps) > 0 {
		if err := u.apply(ctx, o, name, steps, o.full.generation); err != nil {
			return err
		}
	}
	return u.guardFull(ctx)
}

// damaged says that full.xml is not what the state says, "" when it is.
func (u *Update) damaged() string {
	sum, err := hashFile(u.c.folder.path(fullName))
	if err != nil || sum != u.c.state.Files[fullName].SHA256 {
		return "the local full.xml is damaged"
	}
	return ""
}

// keepFull takes over what a state says of full.xml.
func (s *State) keepFull(from *State) {
	s.Files[fullName] = from.Files[fullName]
	s.FullHash, s.Stamp, s.Generation = from.FullHash, from.Stamp, from.Generation
}

func (u *Update) describeFull() {
	u.report.Products = u.state.Files[fullName].Products
	u.report.Generation, u.report.Sequence, u.report.Stamp = u.state.Generation, u.state.Sequence, u.state.Stamp
}

// unfit says that change files do not lead where they should.
type unfit struct{ reason string }

func (e *unfit) Error() string { return e.reason }

// apply applies change files to a full file, which is the copy's or lies in the
// next copy already, at generation have. When they pass through the generation
// of the listed full file, what they lead to must be that file, byte for byte.
func (u *Update) apply(ctx context.Context, o *offer, base string, steps []listed, have int64) error {
	dir, err := u.staging()
	if err != nil {
		return err
	}
	var docs []patch.Document
	for i := range steps {
		name, _, err := u.fetchTo(ctx, &steps[i], steps[i].name)
		if err != nil {
			return err
		}
		docs = append(docs, patch.Document{Name: steps[i].name, Open: patch.File(name).Open})
	}
	through := 0
	for i := range steps {
		if o.manifest && have < o.full.generation && steps[i].target == o.full.generation {
			through = i + 1
		}
	}
	var s FileState
	final := base
	if through > 0 {
		if s, err = u.applyTo(ctx, base, docs[:through], fullName+".part"); err != nil {
			return documentError(fullName, err)
		}
		if s.SHA256 != o.full.sha {
			return &unfit{fmt.Sprintf("the change files do not lead to the full file of generation %d", o.full.generation)}
		}
		final, u.state.FullHash = filepath.Join(dir, fullName+".part"), o.full.md5
	} else if !u.report.Full {
		u.state.FullHash = u.c.state.FullHash
	}
	if through < len(docs) {
		if s, err = u.applyTo(ctx, final, docs[through:], fullName+".next"); err != nil {
			return documentError(fullName, err)
		}
		final = filepath.Join(dir, fullName+".next")
	}
	if err := os.Rename(final, filepath.Join(dir, fullName)); err != nil {
		return err
	}
	last := &steps[len(steps)-1]
	u.state.Files[fullName] = s
	u.state.Stamp, u.state.Generation = last.stamp, last.target
	u.report.Applied = len(steps)
	if !u.report.Full {
		return u.guardFull(ctx)
	}
	return nil
}

// applyTo writes what a full file becomes by change documents into a file of
// the next copy.
func (u *Update) applyTo(ctx context.Context, from string, changes []patch.Document, as string) (FileState, error) {
	f, err := os.Create(filepath.Join(u.dir, as))
	if err != nil {
		return FileState{}, err
	}
	to := patch.NewSink(f)
	full := patch.Document{Name: fullName, Open: patch.File(from).Open}
	c, err := patch.ApplyTo(ctx, to, full, changes, patch.Options{Spool: u.dir})
	size, _, sha := to.Sum()
	return FileState{Size: size, SHA256: hex.EncodeToString(sha[:]), Products: c.Products}, errors.Join(err, f.Close())
}

// guardFull compares a fetched full file with the copy at hand.
func (u *Update) guardFull(ctx context.Context) error {
	u.describeFull()
	now := u.state.Files[fullName].Products
	before, had := u.old(fullName)
	if !had || u.damaged() != "" {
		// Products cannot be compared, only counted.
		u.report.Added, u.report.Removed = max(now-before.Products, 0), max(before.Products-now, 0)
		return u.c.guard(fullName, before.Products, now, u.report.Removed)
	}
	for change, err := range u.Changes(ctx, feed.KindFull) {
		if err != nil {
			return err
		}
		switch change.Kind {
		case patch.Added:
			u.report.Added++
		case patch.Changed:
			u.report.ProductsChanged++
		default:
			u.report.Removed++
		}
	}
	return u.c.guard(fullName, before.Products, now, u.report.Removed)
}
