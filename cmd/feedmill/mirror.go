package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/consumer"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
)

// mirrorCmd keeps a local copy of an offer.
type mirrorCmd struct {
	URL          string        `arg:"" optional:"" name:"url" placeholder:"URL" help:"Address of the gateway."`
	URLFile      string        `name:"url-file" placeholder:"FILE" help:"File that holds the address, which is a secret, instead."`
	Dir          string        `required:"" placeholder:"DIR" help:"Folder of the copy; it is replaced as a whole, in one step."`
	Once         bool          `xor:"rhythm" help:"Look once; that is the default."`
	Every        time.Duration `xor:"rhythm" placeholder:"DURATION" help:"Look again and again, so long after each look."`
	MaxLoss      int           `default:"20" placeholder:"PERCENT" help:"Refuse an offer that has lost more of its products; 100 refuses nothing. Default 20."`
	AllowExpired bool          `help:"Take an offer whose validity has passed."`
	AllowOlder   bool          `help:"Take an offer that is older than the copy."`
	Unhashed     bool          `help:"Take files whose hash in the gateway is not the MD5 of their bytes."`
	AllowHTTP    bool          `name:"allow-http" help:"Follow http:// beside https://."`
	AllowPrivate bool          `help:"Follow addresses in private networks and on this machine, on any port."`
	MaxBytes     int64         `default:"4294967296" placeholder:"BYTES" help:"Most bytes of one file. Default 4 GiB."`
	Timeout      time.Duration `default:"1h" help:"Longest time for one look."`
	JSON         bool          `help:"Print a report of each look as a line of JSON."`
}

// Help implements kong.HelpProvider.
func (mirrorCmd) Help() string {
	return `Keeps a copy of an offer in a folder: full.xml, light.xml, the dictionaries and state.json. Only what is
new is fetched; change files are applied to full.xml. Each file is checked by its hash, broken transfers
are resumed, and an offer that has expired, is older than the copy or has lost many of its products is
refused. Whatever happens, the folder holds the copy before or the one after, whole.

Any supplier's gateway will do; with feedmill's manifest.json beside it, less is fetched and more is
proved. docs/consumer.md tells how it works.

Exit status of a single look: 0 the copy is up to date; 1 the offer is refused or wrong; 3 it cannot be
reached. With --every faults are told and the next look comes all the same.

Example: feedmill mirror https://supplier.example.com/o/secret/gateway.xml --dir offer --every 10m`
}

// Run implements the command.
func (c *mirrorCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	if c.Dir == "" {
		return usage("--dir", errors.New("is empty"))
	}
	address, err := c.address()
	if err != nil {
		return err
	}
	out := outbound.Options{AllowHTTP: c.AllowHTTP, MaxBytes: c.MaxBytes, UserAgent: "feedmill-mirror"}
	if c.AllowPrivate {
		out.Allow = func(netip.AddrPort) bool { return true }
	}
	client, err := untrusted(cfg, address, out)
	if err != nil {
		return err
	}
	opt := consumer.Options{Client: client, UserAgent: "feedmill-mirror", Now: w.now, MaxBytes: c.MaxBytes, MaxLoss: cmp.Or(c.MaxLoss, -1),
		AllowExpired: c.AllowExpired, AllowOlder: c.AllowOlder, Unhashed: c.Unhashed}
	if w.terminal {
		opt.Progress = func(name string) { fmt.Fprintf(w.stderr, "fetching %s\n", name) }
	}
	m, err := consumer.New(address, c.Dir, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for {
		err := c.look(ctx, w, m)
		if c.Every <= 0 {
			return err
		}
		if ctx.Err() != nil {
			return nil // it was asked to stop
		}
		if err != nil {
			w.tell(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

func (c *mirrorCmd) address() (string, error) {
	switch {
	case c.URL != "" && c.URLFile != "" || c.URL == "" && c.URLFile == "":
		return "", misused("mirror: name the address of the gateway, or a file that holds it", "")
	case c.URL != "":
		return pasted(c.URL), nil
	}
	data, err := os.ReadFile(c.URLFile)
	if err != nil {
		return "", inputError(fmt.Errorf("read address: %w", err))
	}
	return strings.TrimSpace(string(data)), nil
}

// look brings the copy up to date once and tells what happened.
func (c *mirrorCmd) look(ctx context.Context, w *world, m *consumer.Consumer) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r, err := m.Sync(ctx)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = &feed.Error{Kind: feed.KindUnavailable, Message: fmt.Sprintf("the look took more than %s", c.Timeout), Err: err}
		}
		return err
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(r)
	}
	return printLook(w, c.Dir, &r)
}

// printLook tells a report to people.
func printLook(w *world, dir string, r *consumer.Report) error {
	var b strings.Builder
	if !r.Changed {
		fmt.Fprintf(&b, "nothing new: %s stays as it is, %d products", dir, r.Products)
	} else {
		fmt.Fprintf(&b, "%s: %d products; %d added, %d changed, %d removed", dir, r.Products, r.Added, r.ProductsChanged, r.Removed)
		switch {
		case r.Full && r.Applied > 0:
			fmt.Fprintf(&b, "; full file and %d change files", r.Applied)
		case r.Full:
			b.WriteString("; full file")
		case r.Applied > 0:
			fmt.Fprintf(&b, "; %d change files", r.Applied)
		}
		if r.Full && !r.First {
			fmt.Fprintf(&b, " (%s)", r.Reason)
		}
		if r.Light {
			b.WriteString("; light file")
		}
		if r.Dictionaries > 0 {
			fmt.Fprintf(&b, "; %d dictionaries", r.Dictionaries)
		}
	}
	fmt.Fprintf(&b, "; %d bytes in %d requests\n", r.Bytes, r.Requests)
	_, err := fmt.Fprint(w.stdout, b.String())
	return err
}
