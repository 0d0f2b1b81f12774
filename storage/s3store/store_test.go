package s3store_test

import (
	"slices"
	"testing"
	"time"

	"feedmill/internal/testserver"
	"feedmill/storage"
	"feedmill/storage/s3store"
	"feedmill/storage/storagetest"
)

// servers is shared so that each kind runs once for all tests.
var servers testserver.Servers

// bucket is a store that knows how to be opened a second time.
type bucket struct {
	*s3store.Store
	config s3store.Config
}

func configFor(t testing.TB, server testserver.S3) s3store.Config {
	return s3store.Config{
		Endpoint: server.Endpoint, Region: server.Region, Bucket: server.Bucket(t),
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, PathStyle: true,
		PartSize: s3store.MinPartSize, MaxBackoff: 50 * time.Millisecond, Patience: -1,
	}
}

func open(t testing.TB, c s3store.Config) bucket {
	t.Helper()
	s, err := s3store.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return bucket{s, c}
}

func second(t testing.TB, first storage.Store) storage.Store {
	return open(t, first.(bucket).config)
}

func (k kind) options(more ...storagetest.Option) []storagetest.Option {
	return slices.Concat(k.opts, more, []storagetest.Option{
		storagetest.Second(second), storagetest.PartSize(s3store.MinPartSize),
	})
}

// kind is a server the suite runs on.
type kind struct {
	name  string
	start func(*testserver.Servers, testing.TB) testserver.S3
	opts  []storagetest.Option
}

var kinds = []kind{
	{"versitygw", (*testserver.Servers).Versitygw, []storagetest.Option{storagetest.LooseAttrs()}},
	{"rclone", (*testserver.Servers).Rclone, []storagetest.Option{storagetest.LooseRaces()}},
}

// onServers runs a test on each kind of server.
func onServers(t *testing.T, test func(t *testing.T, kind kind, server testserver.S3)) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, kind, kind.start(&servers, t))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, kind kind, server testserver.S3) {
		storagetest.Run(t, func(t testing.TB) storage.Store {
			return open(t, configFor(t, server))
		}, kind.options()...)
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, kind kind, server testserver.S3) {
		storagetest.RunFaults(t, func(t testing.TB) storage.Store {
			return open(t, configFor(t, server))
		}, kind.options()...)
	})
}
