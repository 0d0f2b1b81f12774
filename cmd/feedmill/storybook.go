package main

import (
	"context"
	"fmt"

	"feedmill/internal/admin"
	"feedmill/internal/config"
	"feedmill/internal/httpd"
)

// storybookCmd shows the panel's pages.
type storybookCmd struct {
	Listen string `default:"127.0.0.1:8088" help:"Address to show the pages on."`
}

// Help implements kong.HelpProvider.
func (storybookCmd) Help() string {
	return `Shows every page of the panel and the portal in every state, from canned data and in every language.
It needs no database and changes nothing; forms lead nowhere.

Example: feedmill storybook --listen 127.0.0.1:8088`
}

// Run implements the command.
func (c *storybookCmd) Run(ctx context.Context, w *world, _ *config.Config) error {
	book, err := admin.Storybook()
	if err != nil {
		return err
	}
	l, err := httpd.Listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "storybook at http://%s/panel/storybook/\n", l.Addr())
	return httpd.New(httpd.Routes{Panel: book}, httpd.Options{Log: w.log}).Serve(ctx, l)
}
