package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"feedmill/storage/fsstore"
	"feedmill/storage/postgres"
	"feedmill/storage/s3store"
	"feedmill/storage/sqlite"
)

// Place says where an installation keeps everything, as the program does.
type Place struct {
	// Data is the folder of the embedded database, of stored files and of files
	// under way.
	Data string
	// Postgres is the address of a database that is used instead, and S3 the
	// bucket that is.
	Postgres string
	S3       *Bucket
	// RealTime leaves time to the database's server.
	RealTime bool
}

// Bucket says how to reach a bucket.
type Bucket struct{ Endpoint, Region, Name, AccessKey, SecretKey string }

// Open opens an installation that has one merchant, or none yet. now is the clock
// of everything, the database's server included where it is not the real time.
// The caller closes it.
func (p Place) Open(ctx context.Context, now func() time.Time) (s *Site, closeAll func() error, err error) {
	s = &Site{Dir: filepath.Join(p.Data, "spool"), Now: now}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, nil, err
	}
	if p.Postgres != "" {
		clock := now
		if p.RealTime {
			clock = nil
		}
		s.Records, err = OpenShared(ctx, p.Postgres, postgres.Options{Now: now, Clock: clock})
	} else {
		s.Records, err = OpenEmbedded(ctx, filepath.Join(p.Data, "feedmill.db"), sqlite.Options{Now: now})
	}
	if err != nil {
		return nil, nil, err
	}
	closeAll = s.Records.Close
	if p.S3 != nil {
		s.Store, err = s3store.New(s3store.Config{Endpoint: p.S3.Endpoint, Region: p.S3.Region, Bucket: p.S3.Name, PathStyle: true,
			AccessKey: p.S3.AccessKey, SecretKey: p.S3.SecretKey, Now: now})
	} else {
		var fs *fsstore.Store
		if fs, err = fsstore.Open(filepath.Join(p.Data, "store"), fsstore.Options{Now: now}); err == nil {
			s.Store = fs
			closeAll = func() error { return errors.Join(fs.Close(), s.Records.Close()) }
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	list, err := s.Records.Merchants(ctx)
	if err == nil && len(list) > 1 {
		err = fmt.Errorf("there are %d merchants, want one", len(list))
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	if len(list) == 1 {
		s.Merchant = list[0]
	}
	return s, closeAll, nil
}
