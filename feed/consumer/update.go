package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/internal/durable"
	"feedmill/schema/xmltok"
)

// Update is the next state of the local copy, complete and checked, that has
// not taken its place yet.
type Update struct {
	c        *Consumer
	dir      string // of the next copy, "" when no file changes
	state    State
	report   Report
	done     bool
	exchange func(a, b string) error
}

// Report tells what an update brings.
type Report struct {
	// Changed says that any file of the copy changes, First that there was none.
	Changed bool `json:"changed"`
	First   bool `json:"first"`
	// Full says that the full file was fetched, and Reason why; otherwise Applied
	// counts the change files that were applied.
	Full    bool   `json:"full"`
	Reason  string `json:"reason,omitempty"`
	Applied int    `json:"applied"`
	// Light says that the light file is new, Dictionaries counts new ones.
	Light        bool `json:"light"`
	Dictionaries int  `json:"dictionaries"`
	// Products is how many full.xml has; the others compare it with the copy before.
	Products        int64 `json:"products"`
	Added           int64 `json:"added"`
	ProductsChanged int64 `json:"products_changed"`
	Removed         int64 `json:"removed"`
	// Generation and Sequence are the manifest's, 0 without one; Stamp is the
	// time of what full.xml shows.
	Generation int64  `json:"generation"`
	Sequence   int64  `json:"sequence"`
	Stamp      string `json:"stamp"`
	// Requests and Bytes count what went over the network.
	Requests int   `json:"requests"`
	Bytes    int64 `json:"bytes"`
}

// Report tells what the update brings.
func (u *Update) Report() Report { return u.report }

// documentBytes bounds gateway and manifest.
const documentBytes = 16 << 20

// read fetches a small document into memory.
func (c *Consumer) read(ctx context.Context, r *Report, name string, w want) ([]byte, error) {
	w.name, w.size, w.max = name, -1, documentBytes
	var b memory
	g, err := c.fetchFile(ctx, w, &b)
	r.Requests += g.requests
	r.Bytes += g.received
	return b.Bytes(), err
}

// memory is a target in memory.
type memory struct{ bytes.Buffer }

// Reset empties it.
func (m *memory) Reset() error {
	m.Buffer.Reset()
	return nil
}

// readOffer reads the gateway and the manifest beside it.
func (c *Consumer) readOffer(ctx context.Context, r *Report) (*offer, error) {
	data, err := c.read(ctx, r, gatewayName, want{url: c.gateway})
	if err != nil {
		return nil, err
	}
	g, err := readGateway(data)
	if err != nil {
		return nil, err
	}
	var m *manifest
	if path.Base(c.gateway.Path) == gatewayName {
		beside := c.gateway.JoinPath("..", manifestName)
		data, err := c.read(ctx, r, manifestName, want{url: beside, optional: true})
		var e *Error
		switch {
		case err == nil:
			if m, err = readManifest(data); err != nil {
				return nil, err
			}
		case errors.As(err, &e) && (e.Fault == FaultStatus && !e.Temporary || e.Fault == FaultType || e.Fault == FaultRedirect):
			// Nobody promised one.
		default:
			return nil, err
		}
	}
	return newOffer(c.gateway, g, m, c.opt.Unhashed)
}

// fetch makes an update of what gateway and manifest say now.
func (c *Consumer) fetch(ctx context.Context) (_ *Update, err error) {
	u := &Update{c: c, exchange: durable.Exchange}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.Close())
		}
	}()
	o, err := c.readOffer(ctx, &u.report)
	if err != nil {
		return nil, err
	}
	if err := o.check(c.state, &c.opt); err != nil {
		return nil, err
	}
	u.report.First = c.state == nil
	u.state = State{Format: stateFormat, Sequence: o.sequence, Epoch: o.epoch, Generated: o.generated, Expires: o.expires, Files: map[string]FileState{}}
	if o.manifest {
		u.state.Expires = o.until.UTC().Format(time.RFC3339)
	}
	for i := range o.dictionaries {
		fresh, err := u.file(ctx, &o.dictionaries[i], u.checkDictionary)
		if err != nil {
			return nil, err
		}
		if fresh {
			u.report.Dictionaries++
		}
	}
	if err := u.full(ctx, o); err != nil {
		return nil, err
	}
	if u.report.Light, err = u.file(ctx, o.light, u.checkOffer); err != nil {
		return nil, err
	}
	if err := u.guardLight(); err != nil {
		return nil, err
	}
	return u, u.complete()
}

// old gives what the copy at hand knows of a file.
func (u *Update) old(name string) (f FileState, ok bool) {
	if u.c.state == nil {
		return f, false
	}
	f, ok = u.c.state.Files[name]
	return f, ok
}

// staging gives the folder of the next copy, and makes it when first asked.
func (u *Update) staging() (string, error) {
	if u.dir == "" {
		dir, err := u.c.folder.stage()
		if err != nil {
			return "", err
		}
		u.dir = dir
	}
	return u.dir, nil
}

// file takes a file over from the copy when its hash is the same, and fetches
// it otherwise.
func (u *Update) file(ctx context.Context, f *listed, check func(context.Context, *listed, string, got) (FileState, error)) (fresh bool, err error) {
	if before, ok := u.old(f.name); ok && f.md5 != "" && before.Hash == f.md5 {
		u.state.Files[f.name] = before
		return false, nil
	}
	name, g, err := u.fetchTo(ctx, f, f.name)
	if err != nil {
		return false, err
	}
	s, err := check(ctx, f, name, g)
	if err != nil {
		return false, err
	}
	s.Hash = f.md5
	u.state.Files[f.name] = s
	// A light file without a hash is fetched each time and may be the same.
	before, ok := u.old(f.name)
	return !ok || before.SHA256 != s.SHA256, nil
}

// fetchTo fetches a listed file into the next copy.
func (u *Update) fetchTo(ctx context.Context, f *listed, as string) (name string, g got, err error) {
	if before := u.c.wrong[f.name]; before != nil && before.hash == f.md5 {
		return "", g, before.err // the same bytes would come again
	}
	dir, err := u.staging()
	if err != nil {
		return "", g, err
	}
	name = filepath.Join(dir, as)
	to, err := os.Create(name)
	if err != nil {
		return "", g, err
	}
	w := want{name: f.name, url: f.url, gzip: f.gzip, size: f.size, md5: f.md5, sha: f.sha, max: u.c.opt.MaxBytes}
	if u.c.opt.Unhashed && f.sha == "" {
		w.md5 = ""
	}
	g, err = u.c.fetchFile(ctx, w, &fileTarget{to})
	u.report.Requests += g.requests
	u.report.Bytes += g.received
	var e *Error
	if errors.As(err, &e) && (e.Fault == FaultHash || e.Fault == FaultSize) {
		final := *e
		final.Temporary = false
		u.c.wrong[f.name] = &wrongFile{f.md5, &final}
	}
	return name, g, errors.Join(err, to.Close())
}

// wrongFile is a file whose bytes came wrong more than once.
type wrongFile struct {
	hash string // that was wanted
	err  *Error
}

// fileTarget is a target on disk.
type fileTarget struct{ *os.File }

// Reset empties it.
func (f *fileTarget) Reset() error {
	_, err := f.Seek(0, 0)
	return errors.Join(err, f.Truncate(0))
}

// checkOffer reads a full or light file through and counts its products. One
// that is not in order of id is written anew, sorted: the copy's files are
// compared and changed as they lie.
func (u *Update) checkOffer(ctx context.Context, f *listed, name string, g got) (FileState, error) {
	d := patch.Document{Open: patch.File(name).Open}
	_, products, ordered, err := patch.Check(ctx, d)
	if err != nil {
		return FileState{}, documentError(f.name, err)
	}
	if f.products >= 0 && products != f.products {
		return FileState{}, fault(FaultDocument, f.name, "it has %d products, the manifest says %d", products, f.products)
	}
	if ordered {
		return FileState{Size: g.size, SHA256: g.sha, Products: products}, nil
	}
	s, err := u.applyTo(ctx, name, nil, f.name+".sorted")
	if err != nil {
		return s, documentError(f.name, err)
	}
	return s, os.Rename(name+".sorted", name)
}

// checkDictionary reads a dictionary through; its root bears its kind's name.
func (u *Update) checkDictionary(_ context.Context, f *listed, name string, g got) (FileState, error) {
	file, err := os.Open(name)
	if err != nil {
		return FileState{}, err
	}
	defer file.Close() // only read
	x := xmltok.NewReader(file, xmltok.Limits{Elements: -1})
	for {
		kind, err := x.Next()
		if errors.Is(err, io.EOF) {
			return FileState{Size: g.size, SHA256: g.sha}, nil
		}
		var bad *xmltok.Error
		if errors.As(err, &bad) {
			return FileState{}, &Error{Fault: FaultDocument, File: f.name, Message: "it is not well-formed XML", Err: err}
		}
		if err != nil {
			return FileState{}, err
		}
		if kind == xmltok.StartElement && x.Depth() == 1 && string(x.Name().Local) != f.kind.String() {
			return FileState{}, fault(FaultDocument, f.name, "the document is a <%.40s>, not a <%s>", x.Name(), f.kind)
		}
	}
}

// documentError makes a fault of what the documents' readers refuse.
func documentError(name string, err error) error {
	switch feed.KindOf(err) {
	case feed.KindInvalid, feed.KindConflict:
		return &Error{Fault: FaultDocument, File: name, Message: "it is not the document it should be", Err: err}
	}
	return err
}

// fullName is the name of the full file in the folder.
const fullName = "full.xml"

func (u *Update) guardLight() error {
	name := feed.KindLight.FileName("")
	before, _ := u.old(name)
	now := u.state.Files[name].Products
	return u.c.guard(name, before.Products, now, max(before.Products-now, 0))
}

// minLoss is the number of products whose loss is never refused, unless it is all.
const minLoss = 20

// guard refuses an update that loses too much, or is empty.
func (c *Consumer) guard(name string, before, now, removed int64) error {
	switch {
	case c.opt.MaxLoss >= 100:
	case now == 0:
		return fault(FaultShrunk, name, "it has no products")
	case removed >= minLoss && removed*100 > before*int64(c.opt.MaxLoss):
		return fault(FaultShrunk, name, "it has lost %d of %d products, more than %d %%", removed, before, c.opt.MaxLoss)
	}
	return nil
}

// Changes gives the products in which a file of the update, full or light,
// differs from the copy at hand, in ascending order of id. It may be called
// before [Update.Commit] alone. Who handles all of them first and commits then
// sees each change at least once, whatever crashes.
func (u *Update) Changes(ctx context.Context, kind feed.Kind) iter.Seq2[patch.Change, error] {
	return func(yield func(patch.Change, error) bool) {
		name := kind.FileName("")
		if kind != feed.KindFull && kind != feed.KindLight {
			yield(patch.Change{}, fmt.Errorf("changes of %s: only full and light hold products", name))
			return
		}
		if u.done {
			yield(patch.Change{}, errors.New("changes: the update has ended"))
			return
		}
		before, had := u.old(name)
		if u.state.Files[name] == before {
			return
		}
		docs := []patch.Document{patch.Bytes("nothing", []byte(`<offer><products/></offer>`)), {Name: name, Open: patch.File(filepath.Join(u.dir, name)).Open}}
		if had {
			docs[0] = patch.Document{Name: name, Open: patch.File(u.c.folder.path(name)).Open}
		}
		stop := errors.New("stopped")
		err := patch.Read(ctx, docs, patch.Options{Spool: u.dir}, func(s []patch.Stream) error {
			_, err := patch.Diff(s[0], s[1], func(c patch.Change) error {
				if !yield(c, nil) {
					return stop
				}
				return nil
			})
			return err
		})
		if err != nil && !errors.Is(err, stop) {
			yield(patch.Change{}, fmt.Errorf("compare %s: %w", name, err))
		}
	}
}
