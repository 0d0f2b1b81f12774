package localjob_test

import (
	"context"
	"os"
	"testing"
	"time"

	"feedmill/internal/job"
	"feedmill/internal/job/jobtest"
	"feedmill/internal/job/localjob"
)

var backend = jobtest.Backend{
	Place: func(t *testing.T) string { return t.TempDir() },
	Open: func(_ context.Context, place string, cfg job.Config) (jobtest.Client, func(), error) {
		c, err := localjob.New(place, cfg, localjob.Options{Poll: 10 * time.Millisecond})
		return c, func() {}, err
	},
}

func TestMain(m *testing.M) {
	backend.Child()
	os.Exit(m.Run())
}

func TestContract(t *testing.T) { jobtest.Run(t, backend) }
