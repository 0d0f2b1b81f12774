package admin

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// desk holds the imports that this process works on. The zero desk is empty.
type desk struct {
	mu   sync.Mutex
	list []*importTask // the newest last
}

// importTask is one uploaded catalog. The desk's lock guards what changes.
type importTask struct {
	id       string
	merchant partner.MerchantID
	name     string
	keep     bool
	begun    time.Time

	state                 string
	done, total, products int64
	staged                manage.StagedImport
	problems              []catalog.Problem
	errors                int64
	message, hint         string
}

// busy says whether something is being done.
func (t *importTask) busy() bool { return t.state == importReading || t.state == importMerging }

// open takes a new task in, and gives back those that were pushed out.
func (d *desk) open(t *importTask, now time.Time) (out []*importTask, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	running := 0
	d.list = slices.DeleteFunc(d.list, func(o *importTask) bool {
		if o.busy() && o.merchant == t.merchant {
			running++
		}
		old := !o.busy() && now.Sub(o.begun) > importLife
		if old {
			out = append(out, o)
		}
		return old
	})
	if running >= importsRunning {
		return out, feed.Errorf(feed.KindConflict, "%d imports are being worked on: wait until one has ended", running)
	}
	if len(d.list) >= importsHeld {
		i := slices.IndexFunc(d.list, func(o *importTask) bool { return !o.busy() })
		if i < 0 {
			return out, feed.Errorf(feed.KindUnavailable, "too many imports are being worked on")
		}
		out = append(out, d.list[i])
		d.list = slices.Delete(d.list, i, i+1)
	}
	d.list = append(d.list, t)
	return out, nil
}

// find gives a merchant's task.
func (d *desk) find(merchant partner.MerchantID, id string) (*importTask, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.list, func(o *importTask) bool { return o.id == id && o.merchant == merchant })
	if i < 0 {
		return nil, false
	}
	return d.list[i], true
}

// change changes a task.
func (d *desk) change(fn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn()
}

// readImport reads an uploaded catalog and stages it.
func (p *Panel) readImport(ctx context.Context, who manage.Identity, t *importTask, file string, net bool) {
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	staged, err := p.opt.Manage.StageImport(ctx, who, manage.ImportFile{Path: file, Name: t.name, Keep: t.keep, NetPrices: net, TempDir: p.opt.Spool,
		Progress: func(done, total, products int64) {
			p.desk.change(func() { t.done, t.total, t.products = done, total, products })
		}})
	if rm := os.Remove(file); rm != nil {
		p.opt.Log.WarnContext(ctx, "an upload stays behind", slog.Any("error", rm))
	}
	var lines *manage.LinesError
	p.desk.change(func() {
		t.staged, t.problems, t.errors = staged, staged.Problems, staged.Stats.Errors
		switch {
		case err == nil:
			t.state, t.products = importReady, staged.Stats.Products
		case errors.As(err, &lines):
			t.state, t.problems, t.message = importRefused, lines.Problems, message(err)
		case feed.KindOf(err) == feed.KindInvalid:
			t.state, t.message, t.hint = importFailed, strings.ReplaceAll(err.Error(), file, t.name), feed.HintOf(err)
		default:
			t.state, t.message = importFailed, ""
		}
	})
	if err != nil && feed.KindOf(err) != feed.KindInvalid {
		p.opt.Log.ErrorContext(ctx, "an import cannot be read", slog.Any("error", err))
	}
}

func (p *Panel) mergeImport(ctx context.Context, who manage.Identity, t *importTask) {
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	plan, err := p.opt.Manage.MergeImport(ctx, who, t.staged)
	p.desk.change(func() {
		if err == nil {
			t.state, t.staged.Plan = importDone, plan
			return
		}
		t.state = importFailed
		if k := feed.KindOf(err); k == feed.KindInvalid || k == feed.KindConflict {
			t.message = message(err)
		}
	})
	if err != nil {
		p.opt.Log.ErrorContext(ctx, "an import cannot be merged", slog.Any("error", err))
	}
}
