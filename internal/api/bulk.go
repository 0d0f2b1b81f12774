package api

import (
	"encoding/hex"
	"strconv"
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// selectionDoc says which partners an act is for.
type selectionDoc struct {
	Partners []string `json:"partners,omitempty" doc:"these" schema:"max=10000,each,min=1,max=40"`
	Tag      string   `json:"tag,omitempty" doc:"those with this tag" schema:"max=60"`
	All      bool     `json:"all,omitempty" doc:"all of them"`
}

func (d *selectionDoc) read() manage.Selection {
	s := manage.Selection{Tag: d.Tag, All: d.All}
	for _, id := range d.Partners {
		s.Partners = append(s.Partners, partner.ID(id))
	}
	return s
}

func (d *selectionDoc) empty() bool { return len(d.Partners) == 0 && d.Tag == "" && !d.All }

type bulkPartners struct {
	Select selectionDoc  `json:"select"`
	Change partnerChange `json:"change"`
	Plan   string        `json:"plan,omitempty" doc:"of a preview: what would be changed must be the same still" schema:"max=100"`
}

type bulkOffers struct {
	Select selectionDoc `json:"select,omitzero" doc:"all offers of these partners"`
	Offers []string     `json:"offers,omitempty" doc:"and these" schema:"max=10000,each,min=1,max=40"`
	Change offerChange  `json:"change"`
	Plan   string       `json:"plan,omitempty" doc:"of a preview: what would be changed must be the same still" schema:"max=100"`
}

// changedDoc is what an act has changed.
type changedDoc struct {
	Partners []changedItem `json:"partners"`
	Offers   []changedItem `json:"offers"`
}

type changedItem struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

// previewDoc is what an act would do to what partners receive.
type previewDoc struct {
	Plan     string         `json:"plan" doc:"give it to the act, so that it does this and nothing else"`
	At       time.Time      `json:"at" doc:"switches are read as they stand then"`
	Changes  int            `json:"changes" doc:"how many accounts would be changed"`
	Products int64          `json:"products" doc:"how many the catalog has"`
	Unseen   int            `json:"unseen" doc:"offers that would be changed without a difference for their recipients"`
	Offers   []offerPreview `json:"offers"`
}

type offerPreview struct {
	Offer       string       `json:"offer"`
	OfferName   string       `json:"offer_name"`
	Partner     string       `json:"partner"`
	PartnerName string       `json:"partner_name"`
	ReadBefore  bool         `json:"read_before" doc:"whether switches let it be read"`
	ReadAfter   bool         `json:"read_after"`
	Before      int64        `json:"before" doc:"products"`
	After       int64        `json:"after"`
	Gained      int64        `json:"gained"`
	Lost        int64        `json:"lost"`
	Dearer      int64        `json:"dearer"`
	Cheaper     int64        `json:"cheaper"`
	Repriced    int64        `json:"repriced" doc:"in another currency"`
	Restocked   int64        `json:"restocked" doc:"shown with another stock"`
	Settings    bool         `json:"settings" doc:"something else of the files changes too"`
	Schedule    []pointDoc   `json:"schedule"`
	Examples    []previewOne `json:"examples"`
	// Unmatched is what the offer's profile names, after the act, that the catalog does not have.
	Unmatched []unmatchedDoc `json:"unmatched,omitempty" doc:"names in the offer's profile that the catalog does not have"`
}

// unmatchedDoc is one such name.
type unmatchedDoc struct {
	Setting string   `json:"setting" doc:"where it stands, as profile files write it"`
	Kind    string   `json:"kind" schema:"enum=language|warehouse|category|producer|product|tag"`
	Name    string   `json:"name"`
	Effect  string   `json:"effect" schema:"enum=no-text|not-counted|no-stock|no-discount|lets-nothing-in|empty|leaves-nothing-out" doc:"no-stock: every product is told to be sold out; empty: the offer has no product"`
	Near    string   `json:"near,omitempty" doc:"the name that was meant, most likely"`
	Have    []string `json:"have,omitempty" doc:"warehouses that there are"`
}

type previewOne struct {
	Sort    string `json:"sort" schema:"enum=gained|lost|price"`
	Product int64  `json:"product"`
	Name    string `json:"name"`
	Before  string `json:"before,omitempty" doc:"the partner's net price"`
	After   string `json:"after,omitempty"`
}

// planOf names what a changeset would store, and from which versions.
func planOf(set *partner.Changeset) (string, error) {
	parts := []string{"plan"}
	for i := range set.Partners {
		p := &set.Partners[i]
		text, err := partner.FactsOf(p).Text()
		if err != nil {
			return "", err
		}
		parts = append(parts, string(p.ID), strconv.FormatInt(p.Version, 10), text)
	}
	for i := range set.Offers {
		o := &set.Offers[i]
		text, err := partner.FactsOf(o).Text()
		if err != nil {
			return "", err
		}
		parts = append(parts, string(o.ID), strconv.FormatInt(o.Version, 10), text)
	}
	sum := digest(parts...)
	return hex.EncodeToString(sum[:16]), nil
}

func (a *API) planPartners(c *call, b *bulkPartners) (set partner.Changeset, err error) {
	var r reading
	if b.Select.empty() {
		r.errs = append(r.errs, fieldError{"/select", "names nobody: give partners, a tag, or all"})
	}
	if b.Change.Name.Set && (len(b.Select.Partners) != 1 || b.Select.Tag != "" || b.Select.All) {
		r.errs = append(r.errs, fieldError{"/change/name", "would give several partners one name"})
	}
	do := b.Change.read(a, &r, "/change")
	if err := r.err(); err != nil {
		return set, err
	}
	if set, err = a.manage.PlanPartners(c.ctx, c.who, b.Select.read(), do); err != nil {
		return set, missingAs(err, "/select", "names somebody who is not there, or a tag that nobody has")
	}
	return set, samePlan(&set, b.Plan)
}

func (a *API) planOffers(c *call, b *bulkOffers) (set partner.Changeset, err error) {
	var r reading
	if b.Select.empty() && len(b.Offers) == 0 {
		r.errs = append(r.errs, fieldError{"/select", "names nothing: give partners, a tag, all, or offers"})
	}
	do := b.Change.read(a, &r, "/change")
	if err := r.err(); err != nil {
		return set, err
	}
	if do.Shop != nil {
		if _, err := a.findShop(c, *do.Shop); err != nil {
			return set, missingAs(err, "/change/shop", "there is no such shop")
		}
	}
	if err := a.knownLists(c, &do, "/change"); err != nil {
		return set, err
	}
	ids := make([]partner.OfferID, len(b.Offers))
	for i, id := range b.Offers {
		ids[i] = partner.OfferID(id)
	}
	if set, err = a.manage.PlanOffers(c.ctx, c.who, ids, b.Select.read(), do); err != nil {
		return set, missingAs(err, "/select", "names something that is not there, or a tag that nobody has")
	}
	return set, samePlan(&set, b.Plan)
}

func samePlan(set *partner.Changeset, wanted string) error {
	if wanted == "" {
		return nil
	}
	plan, err := planOf(set)
	if err == nil && plan != wanted {
		err = &refusal{kind: problemStale, detail: "what would be changed is not what the preview has shown", hint: "look at the preview again"}
	}
	return err
}

func (a *API) carryOutPlan(c *call, set partner.Changeset) (*changedDoc, error) {
	done, err := a.manage.Change(c.ctx, c.who, set)
	if err != nil {
		return nil, err
	}
	out := &changedDoc{Partners: []changedItem{}, Offers: []changedItem{}}
	for i := range done.Partners {
		out.Partners = append(out.Partners, changedItem{string(done.Partners[i].ID), done.Partners[i].Name, done.Partners[i].Version})
	}
	for i := range done.Offers {
		out.Offers = append(out.Offers, changedItem{string(done.Offers[i].ID), done.Offers[i].Name, done.Offers[i].Version})
	}
	return out, nil
}

func (a *API) showPlan(c *call, set partner.Changeset) (*previewDoc, error) {
	plan, err := planOf(&set)
	if err != nil {
		return nil, err
	}
	p, err := a.manage.Preview(c.ctx, c.who, set)
	if err != nil {
		return nil, err
	}
	return &previewDoc{Plan: plan, At: p.At.UTC(), Changes: len(set.Partners) + len(set.Offers), Products: p.Products, Unseen: p.Unseen, Offers: showPreviews(p.Offers)}, nil
}

// showPreviews gives what recipients gain and lose as documents show it.
func showPreviews(list []manage.OfferPreview) []offerPreview {
	out := []offerPreview{}
	for _, o := range list {
		v := offerPreview{Offer: string(o.Offer), OfferName: o.OfferName, Partner: string(o.Partner), PartnerName: o.PartnerName, ReadBefore: o.ReadBefore, ReadAfter: o.ReadAfter,
			Before: o.Before, After: o.After, Gained: o.Gained, Lost: o.Lost, Dearer: o.Dearer, Cheaper: o.Cheaper, Repriced: o.Repriced, Restocked: o.Restocked,
			Settings: o.Settings, Schedule: showSchedule(o.Schedule), Examples: []previewOne{}}
		for _, list := range []struct {
			sort     string
			examples []manage.PreviewExample
		}{{"gained", o.GainedExamples}, {"lost", o.LostExamples}, {"price", o.PriceExamples}} {
			for _, e := range list.examples {
				v.Examples = append(v.Examples, previewOne{list.sort, int64(e.Product), e.Name, e.Before, e.After})
			}
		}
		for _, u := range o.Unmatched {
			v.Unmatched = append(v.Unmatched, unmatchedDoc{u.Setting, string(u.Kind), u.Name, string(u.Effect), u.Near, u.Have})
		}
		out = append(out, v)
	}
	return out
}

type bulkPartnersIn struct {
	Body bulkPartners `body:""`
}

type bulkOffersIn struct {
	Body bulkOffers `body:""`
}

func (a *API) changePartners(c *call, in *bulkPartnersIn) (*changedDoc, error) {
	set, err := a.planPartners(c, &in.Body)
	if err != nil {
		return nil, err
	}
	return a.carryOutPlan(c, set)
}

func (a *API) previewPartners(c *call, in *bulkPartnersIn) (*previewDoc, error) {
	set, err := a.planPartners(c, &in.Body)
	if err != nil {
		return nil, err
	}
	return a.showPlan(c, set)
}

func (a *API) changeOffers(c *call, in *bulkOffersIn) (*changedDoc, error) {
	set, err := a.planOffers(c, &in.Body)
	if err != nil {
		return nil, err
	}
	return a.carryOutPlan(c, set)
}

func (a *API) previewOffers(c *call, in *bulkOffersIn) (*previewDoc, error) {
	set, err := a.planOffers(c, &in.Body)
	if err != nil {
		return nil, err
	}
	return a.showPlan(c, set)
}

func bulkOperations(a *API) []*operation {
	return []*operation{
		op("partners", "POST", "/partners/change", "changePartners", manage.WriteAccounts, "Change many partners in one act, or none", a.changePartners,
			detail("The switch of many partners by tag, for one. Ask previewPartners with the same body first, and give its plan here.")),
		op("partners", "POST", "/partners/preview", "previewPartners", manage.ReadAccounts, "Tell what changePartners with the same body would do", a.previewPartners, also(manage.ReadProducts)),
		op("offers", "POST", "/offers/change", "changeOffers", manage.WriteAccounts, "Change many offers in one act, or none", a.changeOffers),
		op("offers", "POST", "/offers/preview", "previewOffers", manage.ReadAccounts, "Tell what changeOffers with the same body would do", a.previewOffers, also(manage.ReadProducts),
			detail("Tells of each offer what its recipient gains and loses, with examples. Nothing is changed.")),
	}
}
