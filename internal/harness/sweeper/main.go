// Command sweeper makes one sweep of an installation and ends: what a process
// that serves does every hour. The test of crash points runs and kills it.
//
// It reads a [site.Place] as JSON from its only argument.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"feedmill/internal/harness/site"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "sweeper: %v\n", err)
		os.Exit(3)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 {
		return errors.New("usage: sweeper PLACE")
	}
	var p site.Place
	if err := json.Unmarshal([]byte(os.Args[1]), &p); err != nil {
		return fmt.Errorf("the place: %w", err)
	}
	s, closeAll, err := p.Open(ctx, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(s.Sweep(ctx), closeAll())
}
