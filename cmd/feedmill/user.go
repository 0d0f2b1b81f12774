package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// userCmd groups what concerns people's accounts.
type userCmd struct {
	SetupCode userSetupCmd   `cmd:"" name:"setup-code" help:"Make the code by which the first owner is made in the panel."`
	List      userListCmd    `cmd:"" help:"List accounts."`
	Add       userAddCmd     `cmd:"" help:"Add an account and print the link by which its owner sets his password."`
	Reset     userResetCmd   `cmd:"" help:"Print a link for a new password."`
	Disable   userDisableCmd `cmd:"" help:"Put an account out of use, at once."`
	Enable    userEnableCmd  `cmd:"" help:"Put an account into use again."`
}

// people runs fn with what lets people in.
func (w *world) people(ctx context.Context, cfg *config.Config, fn func(h *home, s *auth.Service) error) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	s, err := h.auth(w, cfg, w.log)
	if err != nil {
		return err
	}
	return fn(h, s)
}

// userSetupCmd makes a set-up code.
type userSetupCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (userSetupCmd) Help() string {
	return `Makes a code that can be used once, within an hour, to make the first owner at /panel/setup; where there
is no merchant yet, he is made there too. There is no account and no password from the start.

Example: feedmill user setup-code`
}

// Run implements the command.
func (c *userSetupCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.people(ctx, cfg, func(h *home, s *auth.Service) error {
		var id partner.MerchantID
		if list, err := h.db.Merchants(ctx); err != nil {
			return err
		} else if len(list) > 0 || c.Merchant != "" {
			m, err := h.merchant(ctx, c.Merchant)
			if err != nil {
				return err
			}
			id = m.ID
		}
		code, err := s.SetupCode(ctx, id)
		if err != nil {
			return err
		}
		base := panelURL(cfg, publicURL(&cfg.Server, cfg.Server.Listen))
		if c.JSON {
			return writeJSON(w.stdout, map[string]string{"code": code, "url": base + "/panel/setup"})
		}
		fmt.Fprint(w.stdout, setupText(base, code))
		return nil
	})
}

// userLine is one line of 'user list'.
type userLine struct {
	Login        string     `json:"login"`
	Name         string     `json:"name,omitempty"`
	Role         string     `json:"role"`
	Partner      string     `json:"partner,omitempty"`
	State        string     `json:"state"`
	SecondFactor bool       `json:"second_factor"`
	LastLogin    *time.Time `json:"last_login,omitempty"`
	ID           string     `json:"id"`
	// Link is the way to a password; only the act that makes one tells it.
	Link string `json:"link,omitempty"`
}

func userLineOf(u *auth.User) userLine {
	l := userLine{Login: u.Login, Name: u.Name, Role: string(u.Role), Partner: string(u.Partner), State: "active", SecondFactor: u.Factor.On(), LastLogin: optionalTime(u.LastLogin), ID: string(u.ID)}
	switch {
	case u.Disabled():
		l.State = "disabled"
	case u.Password == "":
		l.State = "no password"
	}
	return l
}

// userListCmd lists accounts.
type userListCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (userListCmd) Help() string {
	return `Lists the accounts of the merchant's people and of his partners' people.

Example: feedmill user list`
}

// Run implements the command.
func (c *userListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.people(ctx, cfg, func(h *home, s *auth.Service) error {
		m, err := h.merchant(ctx, c.Merchant)
		if err != nil {
			return err
		}
		list, err := s.Users(ctx, m.ID)
		if err != nil {
			return err
		}
		lines := make([]userLine, 0, len(list))
		for i := range list {
			lines = append(lines, userLineOf(&list[i]))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "LOGIN ROLE STATE 2FA LAST_LOGIN NAME", func(add func(...any)) {
			for _, l := range lines {
				add(l.Login, l.Role, l.State, onOff(l.SecondFactor), when(l.LastLogin), l.Name)
			}
		})
	})
}

// userAddCmd adds an account.
type userAddCmd struct {
	merchantFlag
	Login   string `arg:"" help:"What he signs in with, such as an e-mail address."`
	Role    string `required:"" enum:"owner,manager,readonly,partner" help:"owner, manager, readonly, or partner: one of a partner's people."`
	Partner string `placeholder:"NAME" help:"With the role partner: whose he is."`
	Name    string `help:"Name of the person."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (userAddCmd) Help() string {
	return `Adds an account without a password and prints the link by which its owner sets one, once and within 30
minutes. Owners may do everything, managers everything but changing the merchant himself and the keys of
the API, readonly looks, and partner sees the portal of one partner.

Example: feedmill user add anna@example.com --role manager`
}

// Run implements the command.
func (c *userAddCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.people(ctx, cfg, func(h *home, s *auth.Service) error {
		m, err := h.merchant(ctx, c.Merchant)
		if err != nil {
			return err
		}
		u := auth.User{Merchant: m.ID, Login: c.Login, Name: c.Name, Role: auth.Role(c.Role)}
		if c.Partner != "" {
			d := h.desk(w, m, "")
			p, err := d.partnerNamed(ctx, c.Partner)
			if err != nil {
				return err
			}
			u.Partner = p.ID
		}
		u, code, err := s.NewUser(ctx, actor(), u)
		if err != nil {
			return err
		}
		return printLink(w, cfg, &u, code, c.JSON)
	})
}

// printLink tells the link by which somebody sets his password.
func printLink(w *world, cfg *config.Config, u *auth.User, code string, asJSON bool) error {
	l := userLineOf(u)
	l.Link = panelURL(cfg, publicURL(&cfg.Server, cfg.Server.Listen)) + "/panel/reset?code=" + code
	if asJSON {
		return writeJSON(w.stdout, l)
	}
	fmt.Fprintf(w.stdout, "%s sets his password within %.0f minutes at\n%s\n", u.Login, auth.ResetLife.Minutes(), l.Link)
	return nil
}

// whichUser finds the account that an argument names.
type whichUser struct {
	Login string `arg:"" help:"Login of the account."`
	JSON  bool   `help:"Print as JSON."`
}

func (f *whichUser) find(ctx context.Context, s *auth.Service) (auth.User, error) {
	u, err := s.FindUser(ctx, f.Login)
	if err != nil && feed.KindOf(err) == feed.KindNotFound {
		return u, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no account %q", f.Login), Hint: "see 'feedmill user list'"}
	}
	return u, err
}

// userResetCmd makes a link for a new password.
type userResetCmd struct {
	whichUser
	SecondFactor bool `help:"Take the second factor away too."`
}

// Help implements kong.HelpProvider.
func (userResetCmd) Help() string {
	return `Prints a link that can be used once, within 30 minutes, to set a new password, and ends all sessions of
the account.

Example: feedmill user reset anna@example.com --second-factor`
}

// Run implements the command.
func (c *userResetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.people(ctx, cfg, func(_ *home, s *auth.Service) error {
		u, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		code, err := s.Reset(ctx, actor(), u, c.SecondFactor)
		if err != nil {
			return err
		}
		return printLink(w, cfg, &u, code, c.JSON)
	})
}

// userDisableCmd puts an account out of use.
type userDisableCmd struct{ whichUser }

// Help implements kong.HelpProvider.
func (userDisableCmd) Help() string {
	return `Puts an account out of use and ends its sessions. The last owner stays.

Example: feedmill user disable anna@example.com`
}

// Run implements the command.
func (c *userDisableCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.use(ctx, w, cfg, w.now())
}

// userEnableCmd puts an account into use again.
type userEnableCmd struct{ whichUser }

// Help implements kong.HelpProvider.
func (userEnableCmd) Help() string {
	return `Lets the owner of a disabled account sign in again.

Example: feedmill user enable anna@example.com`
}

// Run implements the command.
func (c *userEnableCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.use(ctx, w, cfg, time.Time{})
}

// use puts an account out of use since a time, or into use when that is zero.
func (f *whichUser) use(ctx context.Context, w *world, cfg *config.Config, disabled time.Time) error {
	return w.people(ctx, cfg, func(_ *home, s *auth.Service) error {
		u, err := f.find(ctx, s)
		if err != nil {
			return err
		}
		u.DisabledAt = disabled
		if u, err = s.Change(ctx, actor(), u); err != nil {
			return err
		}
		l := userLineOf(&u)
		if f.JSON {
			return writeJSON(w.stdout, l)
		}
		fmt.Fprintf(w.stdout, "%s is %s\n", u.Login, l.State)
		return nil
	})
}
