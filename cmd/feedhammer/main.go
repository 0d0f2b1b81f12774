// Command feedhammer is a test program: it uses an installation of feedmill as
// hard as it can and says which of its promises were broken. It is no part of
// what is released.
//
//	go run ./cmd/feedhammer --duration 60s
//	go run ./cmd/feedhammer --postgres URL --s3 ENDPOINT --bucket NAME --duration 10m
//
// Without --postgres and --s3 everything lies in a folder that is removed at the
// end. A database that is named must be migrated and hold no merchant; the keys of
// S3 stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Exit status: 0 nothing was
// found, 1 a promise was broken, 2 the command line is wrong, 3 it could not be done.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"feedmill/internal/harness/hammer"
	"feedmill/internal/harness/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("feedhammer", flag.ContinueOnError)
	duration := flags.Duration("duration", 60*time.Second, "how long to hammer")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "what to do; one that found something finds it again with some luck")
	products := flags.Int("products", 40, "products in the catalog at the start")
	database := flags.String("postgres", "", "address of a migrated PostgreSQL database without a merchant")
	endpoint := flags.String("s3", "", "address of an S3 service")
	region := flags.String("region", "us-east-1", "region of the S3 service")
	bucket := flags.String("bucket", "", "bucket of the S3 service")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || (*endpoint == "") != (*bucket == "") {
		fmt.Fprintln(os.Stderr, "feedhammer: see --help; --s3 and --bucket go together")
		return 2
	}
	place := site.Place{Postgres: *database}
	if *endpoint != "" {
		place.S3 = &site.Bucket{Endpoint: *endpoint, Region: *region, Name: *bucket, AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	}
	report, err := strike(ctx, place, hammer.Options{Seed: *seed, Duration: *duration, Products: *products, Repeat: repeat(flags, *seed),
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }})
	fmt.Printf("seed %d\n", *seed)
	for _, name := range slices.Sorted(maps.Keys(report.Done)) {
		fmt.Printf("%8d %s\n", report.Done[name], name)
	}
	for _, v := range report.Violations {
		fmt.Printf("BROKEN %s\n", v)
	}
	if len(report.Violations) > 0 {
		fmt.Printf("again: %s\n", repeat(flags, *seed))
	}
	missing := report.Missing
	if len(missing) > 0 {
		fmt.Printf("nothing was seen of: %s\n", strings.Join(missing, ", "))
	}
	switch {
	case len(report.Violations) > 0:
		return 1
	case err != nil:
		fmt.Fprintf(os.Stderr, "feedhammer: %v\n", err)
		return 3
	case len(missing) > 0:
		return 3
	}
	return 0
}

// repeat gives the command that does the same again.
func repeat(flags *flag.FlagSet, seed uint64) string {
	command := fmt.Sprintf("go run ./cmd/feedhammer --seed %d", seed)
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "seed" {
			command += fmt.Sprintf(" --%s %s", f.Name, f.Value)
		}
	})
	return command
}

// strike hammers an installation in a folder of its own.
func strike(ctx context.Context, place site.Place, opt hammer.Options) (report hammer.Report, err error) {
	dir, err := os.MkdirTemp("", "feedhammer-")
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	place.Data, opt.Dir = filepath.Join(dir, "data"), filepath.Join(dir, "robots")
	if err := os.Mkdir(opt.Dir, 0o700); err != nil {
		return report, err
	}
	opt.Clock = hammer.NewClock()
	s, closeAll, err := place.Open(ctx, opt.Clock.Now)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	if s.Merchant.ID != "" {
		return report, errors.New("the database holds a merchant: give an empty one")
	}
	s.Elapsed, opt.Site = opt.Clock.Elapsed, s
	return hammer.Run(ctx, opt)
}
