package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
)

// healthCmd asks a running server how it is.
type healthCmd struct {
	Ready bool `help:"Ask whether it should be sent requests, not only whether it lives."`
}

// Help implements kong.HelpProvider.
func (healthCmd) Help() string {
	return `Asks the feedmill that serves on this machine, at the address of server.listen, whether it lives, or
with --ready whether it should be sent requests. It is meant for supervisors in containers, where
there is nothing else that could ask.

Exit status: 0 yes; 1 no, or nothing answers there; 2 the command line is wrong.

Example: feedmill health --ready`
}

// Run implements the command.
func (c *healthCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	host, port, err := net.SplitHostPort(cfg.Server.Listen)
	if err != nil {
		return &feed.Error{Kind: feed.KindInvalid, Message: "setting server.listen", Err: err}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return &feed.Error{Kind: feed.KindInvalid, Message: "setting server.listen", Err: err}
	}
	// No proxy of the environment stands before this machine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return &feed.Error{Kind: feed.KindNotFound, Message: "nothing answers on " + net.JoinHostPort(host, port), Err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return &feed.Error{Kind: feed.KindNotFound, Message: "the answer breaks off", Err: err}
	}
	fmt.Fprintf(w.stdout, "%s", body)
	if res.StatusCode != http.StatusOK {
		return &quietError{exitFailed}
	}
	return nil
}
