package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/feed/verify"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
	"feedmill/internal/proof"
)

// verifyCmd proves what is published.
type verifyCmd struct {
	Name         string        `arg:"" optional:"" name:"offer" placeholder:"DIR|URL" help:"Folder that 'feedmill generate' has written, or address of a gateway."`
	Store        bool          `help:"Prove everything that this installation has published, from its records and its store."`
	Explain      string        `placeholder:"RULE" help:"Tell everything about a rule and do nothing else; 'all' lists the rules."`
	JSON         bool          `help:"Print the report as JSON."`
	Strict       bool          `help:"Let warnings count as errors do."`
	Examples     int           `default:"20" placeholder:"N" help:"Findings listed of one rule; 0 lists all of them. Default 20."`
	AllowHTTP    bool          `name:"allow-http" help:"Follow http:// beside https://."`
	AllowPrivate bool          `help:"Follow addresses in private networks and on this machine, on any port."`
	Timeout      time.Duration `default:"1h" help:"Longest time for an address."`
	MaxBytes     int64         `default:"17179869184" placeholder:"BYTES" help:"Most bytes to fetch for an address. Default 16 GiB."`
}

// Help implements kong.HelpProvider.
func (verifyCmd) Help() string {
	return `Proves that what is published is whole, with code that shares nothing with what published it: every
file that gateway and manifest name is there with its length, MD5 and SHA-256, its compressed twin is the
same bytes in one gzip member; all is well-formed, valid and free of open references; full and change
files make the next full file, product by product and byte for byte, over everything that is kept; light
has the same products; nothing is expired and nothing left over. It reads all of it once or twice and
changes nothing. docs/verify.md lists the rules.

Exit status: 0 clean, 1 something was found, 2 the command line is wrong, 3 it could not be checked.

Example: feedmill verify public/partner`
}

// Run implements the command.
func (c *verifyCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.Explain != "" {
		return c.explain(w)
	}
	if (c.Name == "") != c.Store {
		return w.misused("verify: name a folder, the address of a gateway, or --store")
	}
	opt := verify.Options{Now: w.now(), Examples: c.Examples, MaxBytes: c.MaxBytes}
	if c.Examples <= 0 {
		opt.Examples = -1
	}
	show, done := w.fileProgress("verify")
	opt.Progress = show
	rep, err := c.check(ctx, w, cfg, opt)
	done()
	if err != nil {
		return cannotCheck(err)
	}
	if c.JSON {
		err = writeJSON(w.stdout, struct {
			Clean bool `json:"clean"`
			verify.Report
		}{rep.Clean(), rep})
	} else {
		err = verify.Text(w.stdout, rep)
	}
	switch {
	case err != nil:
		return err
	case !rep.Clean() || c.Strict && len(rep.Counts) > 0:
		return &quietError{exitFailed}
	}
	return nil
}

// cannotCheck makes an error end with the status of what could not be checked,
// whatever its kind.
func cannotCheck(err error) error {
	return &feed.Error{Kind: feed.KindInternal, Message: "cannot check", Hint: feed.HintOf(err), Err: err}
}

// misused tells what is wrong with the command line.
func (w *world) misused(format string, args ...any) error {
	fmt.Fprintf(w.stderr, "feedmill: "+format+"\n", args...)
	return &quietError{exitUsage}
}

// check runs the check that the command line asks for.
func (c *verifyCmd) check(ctx context.Context, w *world, cfg *config.Config, opt verify.Options) (rep verify.Report, err error) {
	c.Name = pasted(c.Name)
	switch {
	case c.Store:
		h, err := w.openExisting(ctx, cfg)
		if err != nil {
			return rep, err
		}
		rep, err = verify.Records(ctx, proof.Of(h.db), h.store, opt)
		return rep, errors.Join(err, h.Close())
	case isAddress(c.Name):
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		out := outbound.Options{AllowHTTP: c.AllowHTTP, MaxBytes: c.MaxBytes}
		if c.AllowPrivate {
			out.Allow = func(netip.AddrPort) bool { return true }
		}
		client, err := untrusted(cfg, c.Name, out)
		if err != nil {
			return rep, err
		}
		rep, err = verify.Gateway(ctx, client, c.Name, opt)
		if errors.Is(err, context.DeadlineExceeded) {
			err = &feed.Error{Kind: feed.KindUnavailable, Message: fmt.Sprintf("it took more than %s", c.Timeout), Hint: "--timeout allows more", Err: err}
		}
		return rep, err
	}
	return verify.Folder(ctx, c.Name, opt)
}

func (c *verifyCmd) explain(w *world) error {
	known, err := explainRules(w.stdout, c.Explain, c.JSON, verify.All(), verify.Lookup, func(r verify.Rule) string {
		return fmt.Sprintf("%-24s %-8s %s", r.ID, r.Severity, r.Title)
	})
	if !known {
		return w.misused("there is no rule %q; 'feedmill verify --explain all' lists them", c.Explain)
	}
	return err
}

// fileProgress shows on a terminal which file is read; the second function
// removes the line.
func (w *world) fileProgress(what string) (show func(verify.Progress), done func()) {
	if !w.terminal {
		return nil, func() {}
	}
	var last time.Time
	show = func(p verify.Progress) {
		if now := w.now(); now.Sub(last) >= 100*time.Millisecond {
			last = now
			of := ""
			if p.FilesOf > 0 {
				of = fmt.Sprintf(" of %d", p.FilesOf)
			}
			fmt.Fprintf(w.stderr, "\r\x1b[K%s: %d%s files, %d MB, %.60s", what, p.Files, of, p.Bytes/1_000_000, p.File)
		}
	}
	return show, func() { fmt.Fprint(w.stderr, "\r\x1b[K") }
}

// openExisting opens the records and the store, and makes none where there are
// none: a checker must not bring to life what it checks.
func (w *world) openExisting(ctx context.Context, cfg *config.Config) (*home, error) {
	if cfg.Database.Kind != "postgres" {
		if _, err := os.Stat(filepath.Join(cfg.Data, "feedmill.db")); errors.Is(err, fs.ErrNotExist) {
			return nil, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there are no records in %s", cfg.Data), Hint: "name the data folder with --data"}
		}
	}
	return w.openHome(ctx, cfg)
}
