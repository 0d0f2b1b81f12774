package admin

import (
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// previewView says what a change would do to what partners receive.
type previewView struct {
	At       time.Time
	Products int64
	Offers   []previewLine
	Unseen   int
}

// previewLine is what one offer's recipient gains and loses.
type previewLine struct {
	Partner, Offer                                     string
	ReadBefore, ReadAfter, Settings                    bool
	Before, After                                      int64
	Gained, Lost, Dearer, Cheaper, Repriced, Restocked int64
	GainedOf, LostOf, PriceOf                          []previewExample
	Unmatched                                          *unmatchedView
}

type previewExample struct {
	ID                  int64
	Name, Before, After string
}

// preview asks what a changeset would do.
func (c *call) preview(set partner.Changeset) (*previewView, error) {
	p, err := c.panel.opt.Manage.Preview(c.ctx, c.who, set)
	if err != nil {
		return nil, err
	}
	return previewOf(&p), nil
}

// settle ends a form that says what something is to be: it shows what is wrong
// with the form or with valid, or, asked for, what the set would change, or
// stores it and goes on to another page. view puts the page around the form.
func (c *call) settle(f *form, valid error, page string, view func(*previewView) any, set partner.Changeset, store func() error, to string) (reply, error) {
	if !f.Failed() {
		if err := f.take("", valid); err != nil {
			return reply{}, err
		}
	}
	if !f.Failed() && f.Value("act") == "preview" {
		p, err := c.preview(set)
		if err := f.take("", err); err != nil {
			return reply{}, err
		}
		if !f.Failed() {
			return show(page, view(p)), nil
		}
	}
	if !f.Failed() {
		if err := takeTaken(f, "name", store()); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		return wrong(page, view(nil)), nil
	}
	return move(to).saying("account.saved"), nil
}

// previewOf shows what a change would do.
func previewOf(p *manage.Preview) *previewView {
	v := &previewView{At: p.At, Products: p.Products, Unseen: p.Unseen}
	for i := range p.Offers {
		o := &p.Offers[i]
		v.Offers = append(v.Offers, previewLine{o.PartnerName, o.OfferName, o.ReadBefore, o.ReadAfter, o.Settings, o.Before, o.After,
			o.Gained, o.Lost, o.Dearer, o.Cheaper, o.Repriced, o.Restocked, examplesOf(o.GainedExamples), examplesOf(o.LostExamples), examplesOf(o.PriceExamples), unmatchedOf(o.Unmatched)})
	}
	return v
}

func examplesOf(list []manage.PreviewExample) (out []previewExample) {
	for _, e := range list {
		out = append(out, previewExample{int64(e.Product), e.Name, e.Before, e.After})
	}
	return out
}

func samplePreview() *previewView {
	return &previewView{Products: 104_217, Unseen: 1, Offers: []previewLine{{"Nord Shop", "Main", true, true, true, 1200, 1180, 10, 30, 4, 1100, 0, 2,
		[]previewExample{{17, "Bell <i>brass</i>", "", "12.00 EUR"}}, []previewExample{{18, "Frame", "900.00 EUR", ""}}, []previewExample{{19, "Wheel", "100.00 EUR", "80.00 EUR"}}, sampleUnmatched()},
		{"Nord Shop", "Second", true, false, false, 40, 0, 0, 40, 0, 0, 0, 0, nil, nil, nil, nil}}}
}
