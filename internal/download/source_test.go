package download_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/download"
	"feedmill/internal/partner"
)

// promoted is a database in whose place another one comes that has counted up to
// the same numbers.
type promoted struct {
	download.Records
	source, late atomic.Int64
	off          atomic.Bool // what the other one knows
}

func (p *promoted) AccessVersion(ctx context.Context) (partner.Version, error) {
	v, err := p.Records.AccessVersion(ctx)
	v.Source = p.source.Load()
	return v, err
}

func (p *promoted) Accounts(ctx context.Context) (partner.Accounts, error) {
	list, err := p.Records.Accounts(ctx)
	list.Version.Source = p.source.Load() - p.late.Load()
	for i := range list.Partners {
		list.Partners[i].FeedEnabled = list.Partners[i].FeedEnabled && !p.off.Load()
	}
	return list, err
}

// TestAnotherDatabase: what one database has told is not taken for what another
// one says that has counted up to the same numbers.
func TestAnotherDatabase(t *testing.T) {
	t.Parallel()
	var db *promoted
	w := setup(t, config{quiet: true, records: func(r download.Records) download.Records {
		db = &promoted{Records: r}
		return db
	}})
	path := "/o/" + w.secret + "/light.xml"
	if got := w.get(t, path); got.status != 200 {
		t.Fatalf("at first: %d", got.status)
	}
	db.source.Store(7)
	db.off.Store(true)
	// While some connections still reach the one before, nothing is confirmed.
	db.late.Store(7)
	if err := w.srv.Refresh(t.Context()); err == nil {
		t.Error("accounts of the database before were taken for those of the next")
	}
	db.late.Store(0)
	w.clock.Pass(2 * time.Second)
	check(t, w.srv.Refresh(t.Context()))
	if got := w.get(t, path); got.status == 200 {
		t.Error("a partner whom the other database knows to be off is served")
	}
}
