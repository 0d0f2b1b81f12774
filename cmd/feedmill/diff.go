package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"feedmill/feed/patch"
)

// diffCmd compares two full files.
type diffCmd struct {
	Old    string `arg:"" name:"old" placeholder:"OLD" help:"Full file from before."`
	New    string `arg:"" name:"new" placeholder:"NEW" help:"Full file of now."`
	JSON   bool   `help:"Print the summary as JSON."`
	Change string `placeholder:"FILE" help:"Write the change file that leads from OLD to NEW, instead of the summary."`
}

// Help implements kong.HelpProvider.
func (diffCmd) Help() string {
	return `Compares two full files, or two light files, of any IOF 3.0 supplier, compressed or not and in any order:
which products were added, changed and removed, and in what the changed ones differ. Products that
differ in spelling alone (blanks, order of attributes) are counted apart, as form.

With --change it writes a change file with the complete nodes of products that are new or differ, and
tombstones; 'feedmill apply OLD FILE' then gives NEW. When nothing differs no file is written.

Example: feedmill diff yesterday/full.xml today/full.xml --json`
}

// errSame ends the writing of a change file that would be empty.
var errSame = errors.New("nothing differs")

// Run implements the command.
func (c *diffCmd) Run(ctx context.Context, w *world) error {
	docs := []patch.Document{patch.File(c.Old), patch.File(c.New)}
	if err := patch.CheckKinds(ctx, docs...); err != nil {
		return err
	}
	if c.Change != "" {
		return c.writeChange(ctx, w, docs)
	}
	var s patch.Summary
	err := patch.Read(ctx, docs, patch.Options{}, func(streams []patch.Stream) (err error) {
		s, err = patch.Summarize(streams[0], streams[1])
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, s)
	}
	return printSummary(w.stdout, &s)
}

func (c *diffCmd) writeChange(ctx context.Context, w *world, docs []patch.Document) error {
	var counts patch.Counts
	err := writeWhole(c.Change, func(f *os.File) error {
		to := patch.NewSink(f)
		err := patch.Read(ctx, docs, patch.Options{}, func(streams []patch.Stream) (err error) {
			if err := to.Reset(); err != nil {
				return err
			}
			counts, err = patch.WriteDiff(to, streams[0], streams[1])
			return err
		})
		if err == nil && counts.Products == 0 {
			return errSame
		}
		return errors.Join(err, to.Flush())
	})
	if errors.Is(err, errSame) {
		_, err = fmt.Fprintln(w.stdout, "nothing differs: no change file is written")
		return err
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, counts)
	}
	_, err = fmt.Fprintf(w.stdout, "%d added, %d changed, %d removed; in %s\n", counts.Added, counts.Changed, counts.Removed, c.Change)
	return err
}

// printSummary tells a summary to people.
func printSummary(to io.Writer, s *patch.Summary) error {
	var b strings.Builder
	side := func(name string, d *patch.Side) {
		fmt.Fprintf(&b, "%s: %d products", name, d.Products)
		if d.Generated != "" {
			fmt.Fprintf(&b, ", of %s", d.Generated)
		}
		b.WriteByte('\n')
	}
	group := func(indent, name string, g *patch.Group) {
		fmt.Fprintf(&b, "%s%s: %d", indent, name, g.Products)
		if len(g.Examples) > 0 {
			fmt.Fprintf(&b, " (such as %s)", strings.Join(g.Examples, ", "))
		}
		b.WriteByte('\n')
	}
	side("old", &s.Before)
	side("new", &s.Now)
	if s.Before.Language != s.Now.Language || s.Before.Currency != s.Now.Currency {
		fmt.Fprintf(&b, "language and currency: %q and %q before, %q and %q now\n", s.Before.Language, s.Before.Currency, s.Now.Language, s.Now.Currency)
	}
	if !s.Differs() {
		b.WriteString("no product differs\n")
	} else {
		group("", "added", &s.Added)
		group("", "changed", &s.Changed)
		for i := range s.Parts {
			group("  ", s.Parts[i].Part.String(), &s.Parts[i].Group)
		}
		group("", "removed", &s.Removed)
		fmt.Fprintf(&b, "the same: %d\n", s.Same)
	}
	_, err := io.WriteString(to, b.String())
	return err
}
