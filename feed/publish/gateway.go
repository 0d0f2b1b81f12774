package publish

import (
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// Gateway is what a gateway file is made of: the current generations of an
// offer and who publishes it.
type Gateway struct {
	Supplier    feed.Supplier
	Full, Light *Generation
	// URL gives the complete address of a file.
	URL func(*File) string
	// Dialect is the offer's.
	Dialect feed.Dialect
	// GeneratedBy names the generator. Default "feedmill".
	GeneratedBy string
	// Zone is the fixed offset of times that tell nothing of themselves. Default UTC.
	Zone *time.Location
}

// AppendGateway writes gateway.xml (IOF-3.0 section 2). Its times are those of
// the generations, so that the same generations always have the same gateway.
func AppendGateway(dst []byte, g Gateway) []byte {
	if g.Zone == nil {
		g.Zone = time.UTC
	}
	generated := later(g.Full.ToldIn(g.Zone), g.Light.ToldIn(g.Zone))
	first := g.Full
	if g.Light.Expires.Before(first.Expires) {
		first = g.Light
	}
	out := iof.Gateway{Supplier: g.Supplier, Generated: generated, Created: generated, Expires: first.expires(g.Zone)}
	for _, gen := range []*Generation{g.Full, g.Light} {
		for i := range gen.Files {
			f := &gen.Files[i]
			p := iof.Pointer{URL: g.URL(f), Hash: f.Plain.MD5.String(), Changed: f.ToldIn(g.Zone)}
			if f.Kind == feed.KindFullChange {
				out.Changes = append(out.Changes, p)
			} else if to := pointer(&out, f.Kind); to != nil {
				*to = p
			}
		}
	}
	profile := feed.Profile{Languages: g.Full.Languages, Currency: g.Full.Currency, Dialect: g.Dialect}
	return iof.NewWriter(&profile, nil, iof.Options{GeneratedBy: g.GeneratedBy}).AppendGateway(dst, out)
}

// pointer gives the gateway's place for a kind; CSV files have none (IOF section 9).
func pointer(g *iof.Gateway, k feed.Kind) *iof.Pointer {
	switch k {
	case feed.KindFull:
		return &g.Full
	case feed.KindLight:
		return &g.Light
	case feed.KindCategories:
		return &g.Categories
	case feed.KindSizes:
		return &g.Sizes
	case feed.KindProducers:
		return &g.Producers
	case feed.KindUnits:
		return &g.Units
	case feed.KindParameters:
		return &g.Parameters
	case feed.KindStocks:
		return &g.Stocks
	case feed.KindSeries:
		return &g.Series
	case feed.KindWarranties:
		return &g.Warranties
	case feed.KindPreset:
		return &g.Preset
	}
	return nil
}
