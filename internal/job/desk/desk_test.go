package desk_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/job/desk"
	"feedmill/internal/job/localjob"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// memory keeps jobs for the example.
type memory struct{ desk.Client }

func (memory) List(_ context.Context, f job.Filter) ([]job.Info, error) {
	return []job.Info{{ID: 7, Kind: "publish", Merchant: f.Merchant, State: job.Waiting}}, nil
}

func Example() {
	list, err := desk.New(memory{}).List(context.Background(), "m-aaaaaaaaaaaaaaaa", manage.JobFilter{})
	fmt.Println(list[0].ID, list[0].Kind, list[0].State, err)
	// Output: 7 publish waiting <nil>
}

// TestOwnJobsAlone has one merchant ask for another's jobs: they do not exist.
func TestOwnJobsAlone(t *testing.T) {
	t.Parallel()
	kinds := job.NewKinds()
	hold := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	check(t, job.Add(kinds, job.KindOptions{}, func(ctx context.Context, _ work.Publish) error { return hold(ctx) }))
	check(t, job.Add(kinds, job.KindOptions{}, func(ctx context.Context, _ work.Sweep) error { return hold(ctx) }))
	client, err := localjob.New(filepath.Join(t.TempDir(), "jobs"), job.Config{Kinds: kinds, Soft: time.Millisecond}, localjob.Options{Poll: 5 * time.Millisecond, Patience: time.Minute})
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	defer func() {
		stop()
		check(t, <-ended)
	}()
	d, mine, other := desk.New(client), partner.NewMerchantID(), partner.NewMerchantID()
	id, joined, err := d.Publish(ctx, mine, true)
	check(t, err)
	if joined {
		t.Error("the first run is said to have waited already")
	}
	nobodys, err := client.Insert(ctx, work.Sweep{}, job.InsertOptions{})
	check(t, err)
	for _, m := range []partner.MerchantID{other, ""} {
		for _, id := range []int64{id, nobodys.ID, 424242} {
			_, getErr := d.Get(ctx, m, id)
			for what, err := range map[string]error{"get": getErr, "cancel": d.Cancel(ctx, m, id), "retry": d.Retry(ctx, m, id)} {
				if err == nil || feed.KindOf(err) != feed.KindNotFound {
					t.Errorf("%s job %d as %q: %v", what, id, m, err)
				}
			}
		}
		if list, err := d.List(ctx, m, manage.JobFilter{}); err != nil || len(list) != 0 {
			t.Errorf("jobs of %q: %v, %v", m, list, err)
		}
	}
	list, err := d.List(ctx, mine, manage.JobFilter{States: manage.JobStates()})
	if err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("own jobs: %+v, %v", list, err)
	}
	if _, err := d.List(ctx, mine, manage.JobFilter{States: []string{"nowhere"}}); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("a state that is none: %v", err)
	}
	check(t, d.Cancel(ctx, mine, id))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
