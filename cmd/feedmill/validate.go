package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/conformance"
	"feedmill/internal/outbound"
	"feedmill/schema/rules"
	"feedmill/schema/rules/render"
)

// validateCmd judges files of offers.
type validateCmd struct {
	Names        []string      `arg:"" optional:"" name:"file" placeholder:"FILE|DIR|URL" help:"Files, which are judged together as one offer; folders of offers; https addresses of gateways."`
	Explain      string        `placeholder:"CODE" help:"Tell everything about a rule and do nothing else; 'all' lists the rules."`
	SchemaOnly   bool          `help:"Judge by XML and the schemas alone."`
	JSON         bool          `help:"Print the report as JSON."`
	Summary      bool          `help:"Print a summary by rule, which can be mailed; that is the default for addresses."`
	HTML         string        `name:"html" placeholder:"FILE" help:"Write the report as a page, too."`
	MaxErrors    int           `default:"200" placeholder:"N" help:"Findings listed in all, errors first; 0 lists all of them. Default 200."`
	PerRule      int           `default:"20" placeholder:"N" help:"Findings listed of one rule in one file; 0 lists all of them. Default 20."`
	AllowHTTP    bool          `name:"allow-http" help:"Follow http:// beside https://."`
	AllowPrivate bool          `help:"Follow addresses in private networks and on this machine, on any port."`
	Timeout      time.Duration `default:"30m" help:"Longest time for fetching the files of one address."`
	MaxBytes     int64         `default:"4294967296" placeholder:"BYTES" help:"Most bytes to fetch for one address. Default 4 GiB."`
}

// Help implements kong.HelpProvider.
func (validateCmd) Help() string {
	return `Finds out what each file is, reads it once, and reports each fault as

  file:line:column  /path/to/node[n]  CODE  message  hint

A folder or an address is a whole offer: its gateway and everything that this names, with hashes,
references from file to file, and light held against full and change files. Compressed files are read
as they are. --explain tells who is hurt by a fault and how to mend it; docs/rules.md has all rules.

Exit status: 0 valid; 1 invalid; 2 could not run. Warnings and hints do not make a file invalid.

Example: feedmill validate https://supplier.example.com/o/secret/gateway.xml --html report.html`
}

// Exit statuses of this command.
const (
	exitInvalid  = 1
	exitNotJudge = 2
)

// Run implements the command.
func (c *validateCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.Explain != "" {
		return c.explain(w)
	}
	valid, err := c.judge(ctx, w, cfg)
	switch {
	case err != nil:
		w.tell(err)
		w.advise(err)
		return &quietError{exitNotJudge}
	case !valid:
		return &quietError{exitInvalid}
	}
	return nil
}

func (c *validateCmd) explain(w *world) error {
	known, err := explainRules(w.stdout, c.Explain, c.JSON, rules.All(), rules.Lookup, func(r rules.Rule) string {
		return fmt.Sprintf("%-24s %-8s %s", r.Code, r.Level, r.Title)
	})
	if !known {
		fmt.Fprintf(w.stderr, "feedmill: there is no rule %q; 'feedmill validate --explain all' lists them\n", c.Explain)
		return &quietError{exitNotJudge}
	}
	return err
}

// explainRules tells what a rule means, or lists all with a line each; known is
// false where there is no such rule.
func explainRules[R interface{ Explain() string }](to io.Writer, name string, asJSON bool, all []R, lookup func(string) (R, bool), line func(R) string) (known bool, err error) {
	if strings.EqualFold(name, "all") {
		if asJSON {
			return true, writeJSON(to, all)
		}
		for _, r := range all {
			fmt.Fprintln(to, line(r))
		}
		return true, nil
	}
	r, known := lookup(name)
	switch {
	case !known:
	case asJSON:
		err = writeJSON(to, r)
	default:
		_, err = fmt.Fprint(to, r.Explain())
	}
	return known, err
}

// judge checks everything that was named, files first as one offer, then each
// folder and address as one of its own.
func (c *validateCmd) judge(ctx context.Context, w *world, cfg *config.Config) (valid bool, err error) {
	var files, others []string
	for _, name := range c.Names {
		name = pasted(name)
		if info, err := os.Stat(name); !isAddress(name) && (err != nil || !info.IsDir()) {
			files = append(files, name)
		} else {
			others = append(others, name)
		}
	}
	if len(c.Names) == 0 {
		return false, errors.New("validate: name a file, a folder or an address")
	}
	if c.HTML != "" && len(others) > 1 || c.HTML != "" && len(others) == 1 && len(files) > 0 {
		return false, errors.New("validate: --html writes one report: name files, or one folder, or one address")
	}
	valid = true
	if len(files) > 0 {
		fam, err := rules.Files(files...)
		if err != nil {
			return false, err
		}
		ok, err := c.family(ctx, w, fam, strings.Join(files, ", "), c.Summary)
		if err != nil {
			return false, err
		}
		valid = ok
	}
	for _, name := range others {
		ok, err := c.other(ctx, w, cfg, name)
		if err != nil {
			return false, err
		}
		valid = valid && ok
	}
	return valid, nil
}

// pasted takes the blanks off an address that come with it out of a mail; other names
// stay as they are.
func pasted(name string) string {
	if address := strings.TrimSpace(name); isAddress(address) {
		return address
	}
	return name
}

func isAddress(name string) bool {
	name = feed.LowerScheme(name)
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")
}

// other checks a folder or an address.
func (c *validateCmd) other(ctx context.Context, w *world, cfg *config.Config, name string) (valid bool, err error) {
	if !isAddress(name) {
		fam, err := rules.Dir(name)
		if err != nil {
			return false, err
		}
		return c.family(ctx, w, fam, name, c.Summary)
	}
	opt := outbound.Options{AllowHTTP: c.AllowHTTP, MaxBytes: conformance.MaxFileBytes}
	if c.AllowPrivate {
		opt.Allow = func(netip.AddrPort) bool { return true }
	}
	progress := func(file string) {
		if w.terminal {
			fmt.Fprintf(w.stderr, "fetching %s\n", file)
		}
	}
	client, err := untrusted(cfg, name, opt)
	if err != nil {
		return false, err
	}
	fetched, err := conformance.Fetch(ctx, name, conformance.FetchOptions{Client: client, MaxBytes: c.MaxBytes, MaxTime: c.Timeout,
		Now: w.now, Progress: progress})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, fetched.Close()) }()
	return c.family(ctx, w, fetched.Family, "the offer at "+fetched.Host, true)
}

// family checks one family and prints what was found.
func (c *validateCmd) family(ctx context.Context, w *world, fam rules.Family, name string, summary bool) (bool, error) {
	all := func(n int) int {
		if n <= 0 {
			return -1
		}
		return n
	}
	now := w.now()
	rep, err := rules.Check(ctx, fam, rules.Options{SchemaOnly: c.SchemaOnly, MaxErrors: all(c.MaxErrors), PerRule: all(c.PerRule), Now: now})
	if err != nil {
		return false, err
	}
	subject := render.Subject{Name: name, When: now}
	switch {
	case c.JSON:
		err = writeJSON(w.stdout, struct {
			Name  string `json:"name"`
			Valid bool   `json:"valid"`
			rules.Report
		}{name, rep.Valid(), rep})
	case summary:
		err = render.Text(w.stdout, subject, rep)
	default:
		err = printFindings(w.stdout, rep)
	}
	if err == nil && c.HTML != "" {
		err = writePage(c.HTML, subject, rep)
	}
	return rep.Valid(), err
}

// printFindings prints one line a finding, and the verdict.
func printFindings(to io.Writer, rep rules.Report) error {
	for _, f := range rep.Findings {
		fmt.Fprintln(to, f)
	}
	for _, n := range rep.Counts {
		if more := n.Found - int64(n.Shown); more > 0 {
			fmt.Fprintf(to, "%d more of %s are not listed\n", more, n.Code)
		}
	}
	_, err := fmt.Fprintln(to, render.Verdict(rep))
	return err
}

// writePage writes the report as a page, whole or not at all.
func writePage(name string, s render.Subject, rep rules.Report) error {
	return writeWhole(name, func(f *os.File) error { return render.Page(f, s, rep) })
}
