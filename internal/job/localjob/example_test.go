package localjob_test

import (
	"context"
	"fmt"
	"os"

	"feedmill/internal/job"
	"feedmill/internal/job/localjob"
	"feedmill/internal/partner"
)

type greet struct {
	Name string `json:"name"`
}

func (greet) Kind() string                        { return "greet" }
func (g greet) For() (partner.MerchantID, string) { return "", g.Name }

// One process works until its context ends.
func Example() {
	dir, err := os.MkdirTemp("", "jobs")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	done := make(chan struct{})
	kinds := job.NewKinds()
	err = job.Add(kinds, job.KindOptions{}, func(_ context.Context, g greet) error {
		fmt.Println("hello,", g.Name)
		close(done)
		return nil
	})
	if err != nil {
		panic(err)
	}
	c, err := localjob.New(dir, job.Config{Kinds: kinds}, localjob.Options{})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	if _, err := c.Insert(ctx, greet{"world"}, job.InsertOptions{}); err != nil {
		panic(err)
	}
	<-done
	stop()
	fmt.Println(<-ended)
	// Output:
	// hello, world
	// <nil>
}
