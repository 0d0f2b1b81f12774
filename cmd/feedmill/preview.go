package main

import (
	"fmt"
	"io"
	"strings"

	"feedmill/feed/pricing"
	"feedmill/internal/manage"
)

// previewed is a preview as JSON tells it.
type previewed struct {
	Products int64            `json:"products"`
	Unseen   int              `json:"unseen"`
	Offers   []previewedOffer `json:"offers"`
}

type previewedOffer struct {
	Offer       string             `json:"offer"`
	OfferName   string             `json:"offer_name"`
	Partner     string             `json:"partner"`
	PartnerName string             `json:"partner_name"`
	ReadBefore  bool               `json:"read_before"`
	ReadAfter   bool               `json:"read_after"`
	Before      int64              `json:"before"`
	After       int64              `json:"after"`
	Gained      int64              `json:"gained"`
	Lost        int64              `json:"lost"`
	Dearer      int64              `json:"dearer"`
	Cheaper     int64              `json:"cheaper"`
	Repriced    int64              `json:"repriced"`
	Restocked   int64              `json:"restocked"`
	Settings    bool               `json:"settings"`
	Schedule    []scheduleLine     `json:"schedule,omitempty"`
	Examples    []previewedExample `json:"examples,omitempty"`
	// Unmatched is what the offer's profile names that the catalog does not have.
	Unmatched []unmatchedLine `json:"unmatched,omitempty"`
}

type previewedExample struct {
	Sort    string `json:"sort"`
	Product int64  `json:"product"`
	Name    string `json:"name"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
}

func previewOf(p *manage.Preview) previewed {
	out := previewed{Products: p.Products, Unseen: p.Unseen, Offers: []previewedOffer{}}
	for _, o := range p.Offers {
		v := previewedOffer{Offer: string(o.Offer), OfferName: o.OfferName, Partner: string(o.Partner), PartnerName: o.PartnerName,
			ReadBefore: o.ReadBefore, ReadAfter: o.ReadAfter, Before: o.Before, After: o.After, Gained: o.Gained, Lost: o.Lost,
			Dearer: o.Dearer, Cheaper: o.Cheaper, Repriced: o.Repriced, Restocked: o.Restocked, Settings: o.Settings, Schedule: scheduleLines(o.Schedule),
			Unmatched: unmatchedLines([][]pricing.Unmatched{o.Unmatched}, nil)}
		for _, list := range []struct {
			sort     string
			examples []manage.PreviewExample
		}{{"gained", o.GainedExamples}, {"lost", o.LostExamples}, {"price", o.PriceExamples}} {
			for _, e := range list.examples {
				v.Examples = append(v.Examples, previewedExample{list.sort, int64(e.Product), e.Name, e.Before, e.After})
			}
		}
		out.Offers = append(out.Offers, v)
	}
	return out
}

// printPreview tells people what an act would do.
func printPreview(to io.Writer, p *manage.Preview) error {
	var b strings.Builder
	for _, o := range p.Offers {
		fmt.Fprintf(&b, "%s, %s (%s): ", o.PartnerName, o.OfferName, o.Offer)
		switch {
		case o.ReadBefore && !o.ReadAfter:
			fmt.Fprintf(&b, "off, loses all %d products\n", o.Lost)
		case !o.ReadBefore && o.ReadAfter:
			fmt.Fprintf(&b, "on, gains %d products\n", o.Gained)
		case !o.ReadBefore:
			b.WriteString("stays off\n")
		default:
			fmt.Fprintf(&b, "%d products before, %d after; %d gained, %d lost, %d dearer, %d cheaper, %d in another currency, %d with another stock\n",
				o.Before, o.After, o.Gained, o.Lost, o.Dearer, o.Cheaper, o.Repriced, o.Restocked)
			if o.Settings {
				b.WriteString("  other settings of the files change too\n")
			}
		}
		for _, u := range o.Unmatched {
			fmt.Fprintf(&b, "  warning: %s\n", u)
		}
		if len(o.Schedule) > 0 {
			fmt.Fprintf(&b, "  by itself: %s\n", scheduleText(o.Schedule))
		}
		for _, list := range []struct {
			word     string
			examples []manage.PreviewExample
		}{{"gains", o.GainedExamples}, {"loses", o.LostExamples}, {"price of", o.PriceExamples}} {
			for _, e := range list.examples {
				fmt.Fprintf(&b, "  %s %d %s", list.word, e.Product, e.Name)
				switch {
				case e.Before != "" && e.After != "":
					fmt.Fprintf(&b, ": %s becomes %s", e.Before, e.After)
				default:
					fmt.Fprintf(&b, ": %s", e.Before+e.After)
				}
				b.WriteByte('\n')
			}
		}
	}
	switch {
	case len(p.Offers) == 0 && p.Unseen == 0:
		b.WriteString("nothing would change for any recipient\n")
	case p.Unseen > 0:
		fmt.Fprintf(&b, "offers that would change without a difference for their recipients: %d\n", p.Unseen)
	}
	b.WriteString("preview only: nothing was changed\n")
	_, err := io.WriteString(to, b.String())
	return err
}
