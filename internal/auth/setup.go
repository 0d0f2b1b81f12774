package auth

import (
	"context"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// FirstOwner is what somebody tells who sets the panel up.
type FirstOwner struct {
	// Merchant names the merchant, where there is none yet, with the language and
	// currency of his catalog.
	Merchant string
	Language feed.Language
	Currency feed.Currency
	// Login, Name and Password are the owner's.
	Login, Name, Password string
}

// SetupCode makes a code by which the first owner of a merchant is made; "" is
// the only one there is, or one that is yet to be made.
func (s *Service) SetupCode(ctx context.Context, merchant partner.MerchantID) (string, error) {
	list, err := s.db.Merchants(ctx)
	if err != nil {
		return "", err
	}
	if merchant == "" && len(list) == 1 {
		merchant = list[0].ID
	}
	if merchant == "" && len(list) > 1 {
		return "", &feed.Error{Kind: feed.KindInvalid, Message: "there are several merchants", Hint: "name one"}
	}
	if merchant != "" {
		if err := s.noOwner(ctx, merchant); err != nil {
			return "", err
		}
	}
	c, text := newCode(Code{Purpose: Setup, Merchant: merchant, Expires: s.opt.Now().Add(SetupLife)})
	return text, s.db.CreateCode(ctx, c)
}

// noOwner refuses where somebody is the owner already.
func (s *Service) noOwner(ctx context.Context, merchant partner.MerchantID) error {
	users, err := s.db.Users(ctx, merchant)
	if err != nil {
		return err
	}
	for i := range users {
		if users[i].Role == Owner && !users[i].Disabled() {
			return &feed.Error{Kind: feed.KindConflict, Message: "there is an owner already", Hint: "owners make further accounts; 'feedmill user reset' helps who has forgotten his password"}
		}
	}
	return nil
}

// NeedsSetup says whether there is no owner yet, of any merchant.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := s.db.Owners(ctx)
	return n == 0, err
}

// SetUp makes the first owner by a code, once, and signs him in.
func (s *Service) SetUp(ctx context.Context, text string, o FirstOwner, from Place) (id SessionID, err error) {
	var u User
	err = s.throttled(ctx, "code", "", from, func() (bool, error) {
		c, err := s.code(ctx, text, Setup)
		if err != nil {
			if feed.KindOf(err) == feed.KindNotFound {
				return false, nil
			}
			return false, err
		}
		if c.Merchant != "" {
			if err := s.noOwner(ctx, c.Merchant); err != nil {
				return false, err
			}
		}
		u = User{ID: NewUserID(), Merchant: c.Merchant, Login: CleanLogin(o.Login), Name: o.Name, Role: Owner, CreatedAt: s.opt.Now()}
		m := partner.Merchant{ID: partner.NewMerchantID(), Name: o.Merchant, SharingEnabled: true, Language: o.Language, Currency: o.Currency, ZoneOffset: s.opt.ZoneOffset, Supplier: feed.Supplier{Name: o.Merchant}}
		if c.Merchant == "" {
			// Checked before the code is used up.
			if err := m.Validate(); err != nil {
				return false, err
			}
			u.Merchant = m.ID
		}
		if err := u.Validate(); err != nil {
			return false, err
		}
		if u.Password, err = s.hash(ctx, &u, o.Password); err != nil {
			return false, err
		}
		if _, err := s.db.UseCode(ctx, c.Hash); err != nil {
			if feed.KindOf(err) == feed.KindNotFound {
				return false, nil
			}
			return false, err
		}
		actor := from.actor(&u)
		if c.Merchant == "" {
			if _, err := s.db.CreateMerchant(ctx, actor, m); err != nil {
				return false, err
			}
			if err := s.db.CreateShop(ctx, actor, partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 1, Name: o.Merchant}); err != nil {
				return false, err
			}
		}
		u, err = s.db.CreateUser(ctx, actor, u)
		return err == nil, err
	})
	if err != nil {
		return id, err
	}
	return s.begin(ctx, &u, StageIn, from, SessionID{})
}
