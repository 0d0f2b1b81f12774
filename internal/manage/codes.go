package manage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

const (
	// sharedNamed is how many shared codes are named, sharedHolders how many products
	// of one code are looked at.
	sharedNamed   = 20
	sharedHolders = 16
)

// SharedBeside gives the sizes' codes that products of an import come to share with
// products which it leaves in place. Those that its own products share the catalog
// tells ([catalog.Stream.SharedCodes]).
func SharedBeside(plan *partner.MergePlan, removed []feed.ProductID) (shared catalog.SharedCodes, err error) {
	told := map[string]bool{}
	for i := range plan.Clashes {
		c := &plan.Clashes[i]
		if told[c.Code] || slices.Contains(removed, c.Other) {
			continue
		}
		both := true
		for _, side := range []struct {
			id  feed.ProductID
			doc []byte
		}{{c.Product, c.Doc}, {c.Other, c.OtherDoc}} {
			sells, err := sellsCode(side.id, side.doc, c.Code)
			if err != nil {
				return shared, err
			}
			both = both && sells
		}
		if both {
			told[c.Code] = true
			addShared(&shared, c.Code, c.Other, c.Product)
		}
	}
	return shared, nil
}

func addShared(to *catalog.SharedCodes, code string, other, product feed.ProductID) {
	if to.Count++; len(to.Examples) < sharedNamed {
		to.Examples = append(to.Examples, catalog.SharedCode{Code: code, Products: [2]feed.ProductID{other, product}})
	}
}

// sellsCode says whether a size of a stored product has the code: products are found
// by other codes, too.
func sellsCode(id feed.ProductID, doc []byte, code string) (bool, error) {
	var p feed.Product
	if err := record.Decode(doc, &p); err != nil {
		return false, fmt.Errorf("product %d: %w", id, err)
	}
	return slices.ContainsFunc(p.Sizes, func(s feed.Size) bool { return s.Code == code }), nil
}

// sharedBeside gives the codes of a few products' sizes that other products have,
// which stay as they are.
func (s *Service) sharedBeside(ctx context.Context, merchant partner.MerchantID, owners map[string]feed.ProductID, stays func(feed.ProductID) bool) (shared catalog.SharedCodes, err error) {
	holders, err := s.db.CodeHolders(ctx, merchant, slices.Sorted(maps.Keys(owners)), sharedHolders)
	if err != nil {
		return shared, err
	}
	last := ""
	for _, h := range holders {
		if h.Code == last || h.Product == owners[h.Code] || !stays(h.Product) {
			continue
		}
		doc, err := s.db.Product(ctx, merchant, h.Product)
		if feed.KindOf(err) == feed.KindNotFound {
			continue // removed meanwhile
		}
		sells := false
		if err == nil {
			sells, err = sellsCode(h.Product, doc, h.Code)
		}
		if err != nil {
			return shared, err
		}
		if sells {
			last = h.Code
			addShared(&shared, h.Code, h.Product, owners[h.Code])
		}
	}
	return shared, nil
}
