// Command feedmill turns a wholesaler's product catalog into IOF 3.0 offer
// files for partner shops, stores them and serves them.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
	"feedmill/internal/partner"
)

// app is the command line. Each subcommand stands in a file of its own.
type app struct {
	ConfigFile string `name:"config" short:"c" placeholder:"FILE" env:"FEEDMILL_CONFIG" help:"Settings file (TOML). The environment overrides it and flags override both; 'feedmill config' lists every setting."`
	config.Config

	Demo     demoCmd      `cmd:"" help:"Run the main job on a sample catalog: import, publish, serve."`
	Generate generateCmd  `cmd:"" help:"Write the offer files of a catalog into a folder, without database or server."`
	Import   importCmd    `cmd:"" help:"Bring a catalog into the database."`
	Publish  publishCmd   `cmd:"" help:"Publish what has changed, now."`
	Held     heldCmd      `cmd:"" help:"Decide about what is held instead of being published."`
	Sweep    sweepCmd     `cmd:"" help:"Look for stored files that no record names."`
	Partner  partnerCmd   `cmd:"" help:"List, add and switch partners."`
	Offer    offersCmd    `cmd:"" help:"List, add, change and switch what partners receive."`
	Link     linkCmd      `cmd:"" help:"Make, rotate, bind and revoke the addresses of offers."`
	Key      keyCmd       `cmd:"" help:"Make, list and revoke keys of the API."`
	User     userCmd      `cmd:"" help:"Make, list, reset and disable the accounts of people."`
	Product  productCmd   `cmd:"" help:"Show, find, change and remove single products."`
	Rate     rateCmd      `cmd:"" help:"List, set and delete exchange rates."`
	Prices   priceListCmd `cmd:"" name:"price-list" help:"Make, fill, show and delete price lists."`
	Audit    auditCmd     `cmd:"" help:"Show who has done what, and prove that it is whole."`
	Why      whyCmd       `cmd:"" help:"Tell why a partner sees a product as he does, and what was sent."`
	Serve    serveCmd     `cmd:"" help:"Serve the published offers to partners."`
	Job      jobCmd       `cmd:"" help:"List, cancel and retry what is done in the background."`
	Migrate  migrateCmd   `cmd:"" help:"Bring the database up to this program's schema."`
	Backup   backupCmd    `cmd:"" help:"Copy the embedded database while it is in use."`
	NewEpoch newEpochCmd  `cmd:"" name:"new-epoch" help:"Have every feed begin anew, after records and store were both restored."`
	Health   healthCmd    `cmd:"" help:"Ask the server on this machine how it is."`
	Apply    applyCmd     `cmd:"" help:"Bring a full file up to date by change files."`
	Diff     diffCmd      `cmd:"" help:"Tell two full files apart, or write the change file between them."`
	Mirror   mirrorCmd    `cmd:"" help:"Keep a local copy of a supplier's offer."`
	Probe    probeCmd     `cmd:"" help:"Try everything that is needed of the bucket that the settings name."`
	Verify   verifyCmd    `cmd:"" help:"Prove what is published: a folder, an address, or all of this installation."`
	Scrub    scrubCmd     `cmd:"" help:"Read everything that is stored once more and compare it with the records."`
	Bench    benchCmd     `cmd:"" help:"Measure what publishing costs, with a catalog made for it."`
	Validate validateCmd  `cmd:"" help:"Judge files, whole offers or a supplier's address by the format's schemas and rules."`
	Schema   schemaCmd    `cmd:"" help:"List or print the schemas that files are judged by."`
	Book     storybookCmd `cmd:"" name:"storybook" help:"Show every page of the panel with canned data."`
	Settings configCmd    `cmd:"" name:"config" help:"Print the settings in force, with what each means."`
	Version  versionCmd   `cmd:"" help:"Print the version."`
}

// world is what commands act on; tests give another one.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	terminal       bool // stderr is a terminal
	log            *slog.Logger
}

func main() {
	w := &world{stdin: os.Stdin, stdout: os.Stdout, stderr: redacted{os.Stderr}, now: time.Now, terminal: isTerminal(os.Stderr)}
	log.SetOutput(unasked{w.stderr})
	os.Exit(w.run(os.Args[1:]))
}

// unasked keeps off the standard logger what a server has sent beyond its answer.
// net/http prints the beginning of it there: of a supplier's prices, or of a stored
// file. That an answer was not right is told by whoever has read it.
type unasked struct{ to io.Writer }

// Write implements io.Writer. Each message comes in one piece.
func (u unasked) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("Unsolicited response")) {
		return len(b), nil
	}
	return u.to.Write(b)
}

// redacted keeps the secret parts of links and keys off a writer: people paste
// them where a name belongs, and what a command says in answer ends in logs.
type redacted struct{ to io.Writer }

// Write implements io.Writer. Each message comes in one piece.
func (r redacted) Write(b []byte) (int, error) {
	if !bytes.Contains(b, []byte("fm1_")) && !bytes.Contains(b, []byte("fmk_")) {
		return r.to.Write(b) // nearly every line of the log
	}
	if _, err := io.WriteString(r.to, partner.Redact(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// heard remembers that something could not be written. What commands print is
// not looked at line by line, and the secret of a new link is printed but once.
type heard struct {
	to  io.Writer
	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (h *heard) Write(b []byte) (int, error) {
	n, err := h.to.Write(b)
	if err != nil {
		h.mu.Lock()
		h.err = cmp.Or(h.err, err)
		h.mu.Unlock()
	}
	return n, err
}

// lost gives the error of an output of which something is missing.
func (h *heard) lost() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		return nil
	}
	return &feed.Error{Kind: feed.KindUnavailable, Message: "print the result", Err: h.err, Hint: "what the command was to do is done; what it had to say of it is lost"}
}

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // the input or the state of things stands against it
	exitUsage   = 2 // the command line is wrong
	exitProblem = 3 // the machine or a part failed
)

// run executes one command line and gives the exit status.
func (w *world) run(args []string) int {
	settings := new(settingsResolver)
	out := &heard{to: w.stdout}
	w.stdout = out
	for i, arg := range args {
		if !utf8.ValidString(arg) {
			// It would be taken for another text, or for another file.
			fmt.Fprintf(w.stderr, "feedmill: argument %d, %q, is not UTF-8\nhint: give it in UTF-8; rename a file whose name is not\n", i+1, arg)
			return exitUsage
		}
	}
	read, err := w.read(asAsked(args), settings)
	if read.broken {
		fmt.Fprintf(w.stderr, "feedmill: %v\n", err)
		return exitProblem
	}
	if out.err != nil { // nothing else runs yet
		return w.fail(&feed.Error{Kind: feed.KindUnavailable, Message: "print the help", Err: out.err})
	}
	if read.status >= 0 {
		return read.status // help was asked for
	}
	if settings.err != nil {
		// And not what asked for it. It is the command line's fault all the same,
		// whatever kind it has.
		return w.fail(&usageError{&feed.Error{Kind: feed.KindInvalid, Message: settings.err.Error(), Hint: feed.HintOf(settings.err)}})
	}
	if err != nil {
		return w.fail(misuse(err))
	}
	if err := checkEnvironment(os.Environ()); err != nil {
		return w.fail(err)
	}
	cfg := &read.app.Config
	if cfg.Data == "" {
		// It would be the folder that one happens to stand in.
		return w.fail(misused("setting data: is empty", "name a folder, with --data or FEEDMILL_DATA; a variable that is not set may be behind it"))
	}
	if err := tidyAddresses(cfg); err != nil {
		return w.fail(err)
	}
	w.log = newLogger(&cfg.Log, w.stderr)
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	read.kctx.BindTo(ctx, (*context.Context)(nil))
	err = read.kctx.Run(w, cfg)
	var quiet *quietError
	if lost := out.lost(); lost != nil && (err == nil || errors.As(err, &quiet) || errors.Is(err, out.err)) {
		err = lost
	}
	if err != nil {
		return w.fail(err)
	}
	return exitOK
}

// endings are the signals that ask the program to end in good order: the one of
// a terminal that is closed too, unless nohup has it ignored.
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// fail tells an error and gives its exit status.
func (w *world) fail(err error) int {
	var quiet *quietError
	if errors.As(err, &quiet) {
		return quiet.status
	}
	w.tell(err)
	w.advise(err)
	var mistake *usageError
	if errors.As(err, &mistake) {
		return exitUsage
	}
	switch feed.KindOf(err) {
	case feed.KindInvalid, feed.KindNotFound, feed.KindConflict, feed.KindForbidden:
		return exitFailed
	}
	return exitProblem
}

// tell prints an error, in which may stand what a store or a supplier has answered.
func (w *world) tell(err error) {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = feed.Visible(lines[i])
	}
	fmt.Fprintf(w.stderr, "feedmill: %s\n", strings.Join(lines, "\n"))
}

// advise prints what to do about an error, where that is known.
func (w *world) advise(err error) {
	hint := feed.HintOf(err)
	if hint == "" && errors.Is(err, outbound.ErrOwn) {
		hint = "to read the own offer, give an address with the host of server.public_url, or 127.0.0.1 and the port of server.listen"
	}
	if hint == "" && errors.Is(err, outbound.ErrForm) {
		hint = "ask for an address that begins with https:// and has its secret in the path: no user name and password are sent"
	}
	if hint == "" && errors.Is(err, outbound.ErrRefused) {
		hint = "--allow-http follows http:// too, --allow-private this machine and private networks, on any port"
	}
	if hint == "" {
		hint = hintOfParts(err)
	}
	if hint != "" {
		fmt.Fprintf(w.stderr, "hint: %s\n", hint)
	}
}

// quietError ends a command that has said everything already.
type quietError struct{ status int }

func (e *quietError) Error() string { return fmt.Sprintf("exit status %d", e.status) }
