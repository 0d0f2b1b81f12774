package riverjob_test

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/job"
	"feedmill/internal/job/riverjob"
)

// A program that works on jobs until it is told to stop.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	kinds := job.NewKinds()
	err := job.Add(kinds, job.KindOptions{}, func(_ context.Context, c count) error {
		fmt.Println("counting for", c.Merchant)
		return nil
	})
	if err != nil {
		panic(err)
	}
	const url = "postgres://feedmill@db.example.com/feedmill?sslmode=verify-full"
	if _, err := riverjob.Migrate(ctx, url); err != nil {
		panic(err)
	}
	c, err := riverjob.Open(ctx, url, job.Config{Kinds: kinds}, riverjob.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	if err := c.Run(ctx); err != nil {
		panic(err)
	}
}

// A job is asked for in the transaction that creates the need for it.
func ExampleClient_InsertTx() {
	var c *riverjob.Client // from riverjob.Open
	var conn *pgx.Conn     // of the same database
	change := func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE product SET price = 5 WHERE product_id = 1`); err != nil {
				return err
			}
			_, err := c.InsertTx(ctx, tx, count{Merchant: merchant}, job.InsertOptions{})
			return err
		})
	}
	_ = change
}
