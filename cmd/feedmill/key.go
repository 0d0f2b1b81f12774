package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// keyCmd groups what concerns keys of the API.
type keyCmd struct {
	List   keyListCmd   `cmd:"" help:"List keys, without their secrets."`
	New    keyNewCmd    `cmd:"" help:"Make a key and print it, this once."`
	Revoke keyRevokeCmd `cmd:"" help:"End a key for good, at once."`
}

// keyLine is one line of 'key list'.
type keyLine struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	CIDRs    string     `json:"cidrs,omitempty"`
	State    string     `json:"state"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires,omitempty"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	// Key is the secret; only the act that makes a key tells it.
	Key string `json:"key,omitempty"`
}

func keyLineOf(k *partner.Key, now time.Time) keyLine {
	l := keyLine{ID: string(k.ID), Name: k.Name, Scopes: k.Scopes.Names(), CIDRs: partner.FormatCIDRs(k.CIDRs), State: "live", Created: k.CreatedAt.UTC(), Expires: optionalTime(k.ExpiresAt), LastUsed: optionalTime(k.LastUsed)}
	switch {
	case !k.RevokedAt.IsZero():
		l.State = "revoked"
	case !k.Live(now):
		l.State = "expired"
	}
	return l
}

// keyListCmd lists keys.
type keyListCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (keyListCmd) Help() string {
	return `Lists the merchant's keys of the API with what each may be used for and when it was last used.

Example: feedmill key list`
}

// Run implements the command.
func (c *keyListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		keys, err := d.Keys(ctx, d.who)
		if err != nil {
			return err
		}
		lines := make([]keyLine, 0, len(keys))
		for i := range keys {
			lines = append(lines, keyLineOf(&keys[i], w.now()))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "NAME STATE SCOPES USED EXPIRES ID", func(add func(...any)) {
			for i, l := range lines {
				add(l.Name, l.State, keys[i].Scopes, when(l.LastUsed), when(l.Expires), l.ID)
			}
		})
	})
}

// keyNewCmd makes a key.
type keyNewCmd struct {
	merchantFlag
	Name    string   `arg:"" help:"What people call it, such as stock system."`
	Scope   []string `required:"" placeholder:"SCOPE" help:"What it may be used for, such as products:write; may be given again."`
	Expires string   `placeholder:"TIME" help:"When it ends; without it never."`
	CIDR    []string `name:"cidr" placeholder:"NETWORK" help:"Network that it may be used from, such as 203.0.113.0/24; may be given again. Without it from everywhere."`
	JSON    bool     `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (keyNewCmd) Help() string {
	return `Makes a key of the API and prints it, this once: only a hash of it is kept. The scopes are
` + partner.KeyScopes.String() + `.
No key can make keys.

Example: feedmill key new "stock system" --scope products:read --scope products:write`
}

// Run implements the command.
func (c *keyNewCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		scopes, err := partner.ParseScopes(strings.Join(c.Scope, ","))
		if err != nil {
			return err
		}
		var expires time.Time
		if c.Expires != "" {
			if expires, err = d.parseWhen(c.Expires); err != nil {
				return err
			}
		}
		k, secret, err := d.CreateBoundKey(ctx, d.who, c.Name, scopes, strings.Join(c.CIDR, ","), expires)
		if err != nil {
			return err
		}
		if c.JSON {
			l := keyLineOf(&k, w.now())
			l.Key = secret.Reveal()
			return writeJSON(w.stdout, l)
		}
		fmt.Fprintf(w.stdout, "key %s\n%s\nThis key is secret and is not shown again.\n", k.ID, secret.Reveal())
		return nil
	})
}

// keyRevokeCmd ends a key.
type keyRevokeCmd struct {
	merchantFlag
	Key string `arg:"" help:"Id of the key."`
}

// Help implements kong.HelpProvider.
func (keyRevokeCmd) Help() string {
	return `Ends a key for good, at once.

Example: feedmill key revoke k-abcdefghijklmnop`
}

// Run implements the command.
func (c *keyRevokeCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		if err := d.RevokeKey(ctx, d.who, partner.KeyID(c.Key)); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "key %s is revoked\n", c.Key)
		return nil
	})
}
