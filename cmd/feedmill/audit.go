package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// auditCmd groups what concerns the audit.
type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List who has done what, the newest last."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that nothing was changed or removed."`
	Export auditExportCmd `cmd:"" help:"Print the whole audit as JSON Lines."`
	Head   auditHeadCmd   `cmd:"" help:"Print the end of the chain, to be noted elsewhere."`
}

// auditLine is a line of the audit as JSON tells it.
type auditLine struct {
	Number  int64           `json:"number"`
	Time    time.Time       `json:"time"`
	Actor   string          `json:"actor"`
	Role    string          `json:"role"`
	Address string          `json:"address,omitempty"`
	Request string          `json:"request,omitempty"`
	Action  string          `json:"action"`
	Object  string          `json:"object"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Place   int64           `json:"place,omitempty"`
	Hash    string          `json:"hash,omitempty"`
}

func auditLineOf(e *partner.AuditEntry) auditLine {
	l := auditLine{Number: e.Number, Time: e.Time.UTC(), Actor: e.Actor.Name, Role: e.Actor.Role, Address: e.Actor.Address, Request: e.Actor.Request,
		Action: e.Action, Object: e.Object, Before: json.RawMessage(e.Before), After: json.RawMessage(e.After), Place: e.Place}
	if e.Place > 0 {
		l.Hash = hex.EncodeToString(e.Hash[:])
	}
	return l
}

// auditListCmd lists lines.
type auditListCmd struct {
	merchantFlag
	After int64 `placeholder:"NUMBER" help:"Begin after the line with this number."`
	Limit int   `default:"100" help:"How many lines at most."`
	JSON  bool  `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (auditListCmd) Help() string {
	return `Lists lines of the audit: when, who, what was done to what, and what was before and after. Secrets are
never in it. The list goes on after the last line's number.

Example: feedmill audit list --limit 20`
}

// Run implements the command.
func (c *auditListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		list, err := d.Audit(ctx, d.who, c.After, c.Limit)
		if err != nil {
			return err
		}
		if c.JSON {
			lines := make([]auditLine, 0, len(list))
			for i := range list {
				lines = append(lines, auditLineOf(&list[i]))
			}
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "NUMBER TIME ACTOR ROLE ACTION OBJECT BEFORE AFTER", func(add func(...any)) {
			for _, e := range list {
				add(e.Number, stamp(e.Time), e.Actor.Name, e.Actor.Role, e.Action, e.Object, short(e.Before), short(e.After))
			}
		})
	})
}

func short(s string) string {
	if len([]rune(s)) > 80 {
		return string([]rune(s)[:77]) + "..."
	}
	return s
}

// auditVerifyCmd verifies the chain.
type auditVerifyCmd struct {
	merchantFlag
	Head []string `placeholder:"HEAD" help:"Head that was noted earlier, as 'audit head' prints it; may be given again."`
	JSON bool     `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (auditVerifyCmd) Help() string {
	return `Goes along the audit from its beginning and proves that no line was changed, removed, put in or moved:
each keeps a hash over itself and all before it. Whoever can rewrite the whole database can rewrite
the whole chain too; a head that was noted elsewhere shows that as well. Exit status 1 says that the
chain does not hold.

Example: feedmill audit verify --head 17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`
}

// verified is what 'audit verify' tells.
type verified struct {
	Holds     bool   `json:"holds"`
	Lines     int64  `json:"lines"`
	Unchained int64  `json:"unchained"`
	Head      string `json:"head"`
	BrokenAt  int64  `json:"broken_at,omitempty"`
	Why       string `json:"why,omitempty"`
}

// Run implements the command.
func (c *auditVerifyCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		var noted []partner.AuditHead
		for _, s := range c.Head {
			h, err := partner.ParseAuditHead(s)
			if err != nil {
				return err
			}
			noted = append(noted, h)
		}
		r, err := d.VerifyAudit(ctx, d.who, noted...)
		if err != nil {
			return err
		}
		v := verified{Holds: r.Broken == nil, Lines: r.Lines, Unchained: r.Unchained, Head: r.Head.String()}
		if r.Broken != nil {
			v.BrokenAt, v.Why = r.Broken.Number, r.Broken.Why
		}
		switch {
		case c.JSON:
			err = writeJSON(w.stdout, v)
		case v.Holds:
			fmt.Fprintf(w.stdout, "the audit holds: %d lines\nhead %s\n", v.Lines, v.Head)
			if v.Unchained > 0 {
				fmt.Fprintf(w.stdout, "%d lines are older than the chain\n", v.Unchained)
			}
		case v.BrokenAt > 0:
			fmt.Fprintf(w.stdout, "the audit does not hold: line %d: %s\n", v.BrokenAt, v.Why)
		default:
			fmt.Fprintf(w.stdout, "the audit does not hold: %s\n", v.Why)
		}
		if err == nil && !v.Holds {
			err = &quietError{exitFailed}
		}
		return err
	})
}

// auditExportCmd prints everything.
type auditExportCmd struct{ merchantFlag }

// Help implements kong.HelpProvider.
func (auditExportCmd) Help() string {
	return `Prints every line of the audit as one JSON object a line, with place and hash. Secrets are never in it.

Example: feedmill audit export > audit.jsonl`
}

// Run implements the command.
func (c *auditExportCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		enc := json.NewEncoder(w.stdout)
		enc.SetEscapeHTML(false)
		for after := int64(0); ; {
			list, err := d.Audit(ctx, d.who, after, 0)
			if err != nil {
				return err
			}
			for i := range list {
				if err := enc.Encode(auditLineOf(&list[i])); err != nil {
					return err
				}
				after = list[i].Number
			}
			if len(list) == 0 {
				return nil
			}
		}
	})
}

// auditHeadCmd prints the head.
type auditHeadCmd struct{ merchantFlag }

// Help implements kong.HelpProvider.
func (auditHeadCmd) Help() string {
	return `Prints the end of the audit's chain. Noted where nobody who can change the database can change it, it
proves later that what lies before it is still what it was.

Example: feedmill audit head`
}

// Run implements the command.
func (c *auditHeadCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		h, err := d.AuditHead(ctx, d.who)
		if err != nil {
			return err
		}
		fmt.Fprintln(w.stdout, h)
		return nil
	})
}
