package riverjob_test

import (
	"context"
	"os"
	"testing"
	"time"

	"feedmill/internal/job"
	"feedmill/internal/job/jobtest"
	"feedmill/internal/job/riverjob"
	"feedmill/internal/pgtest"
)

var (
	server = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
		_, err := riverjob.Migrate(ctx, url)
		return err
	}}
	options = riverjob.Options{Poll: 50 * time.Millisecond, Beat: 500 * time.Millisecond, Lease: 3 * time.Second}
	backend = jobtest.Backend{
		Place: func(t *testing.T) string { return server.Database(t) },
		Open: func(ctx context.Context, place string, cfg job.Config) (jobtest.Client, func(), error) {
			c, err := riverjob.Open(ctx, place, cfg, options)
			if err != nil {
				return nil, nil, err
			}
			return c, c.Close, nil
		},
	}
)

func TestMain(m *testing.M) {
	backend.Child()
	os.Exit(server.Main(m))
}

func TestContract(t *testing.T) { jobtest.Run(t, backend) }
