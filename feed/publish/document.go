package publish

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

// DocumentReport tells what [Document] did.
type DocumentReport struct {
	// Products counts those that were read, Shown those in the file.
	Products, Shown int64
	LeftOut         []LeftOut
	// Unmatched tells what the profile names that the catalog does not have.
	Unmatched []pricing.Unmatched
}

// documentPiece is how much is written at once: what is made of the catalog, the
// lines that it is made of, and what is remembered fit into the processor's own
// memory together.
const documentPiece = 128 << 10

// Document writes one complete file of the request's only profile, full or
// light, byte for byte as a first run would, and nothing else: no dictionaries,
// digests, state, or change file. It needs neither ledger nor bin.
//
// begin gives where to write to. It is called once more when the file must be
// written anew from its start, because only its end shows whom the profile leaves
// out of those that others name. Each call of Write is given a large piece.
func Document(ctx context.Context, req Request, kind feed.Kind, begin func() (io.Writer, error)) (rep DocumentReport, err error) {
	if kind != feed.KindFull && kind != feed.KindLight || len(req.Profiles) != 1 {
		return rep, feed.Errorf(feed.KindInvalid, "a document is full or light, of one profile, not %s of %d", kind, len(req.Profiles))
	}
	req.Settings = req.Settings.withDefaults()
	ps, err := newPlans(&req)
	if err != nil {
		return rep, err
	}
	d := &document{req: &req, plans: ps, view: ps.views[0], kind: kind}
	for {
		to, err := begin()
		if err == nil {
			err = d.pass(ctx, to)
		}
		if err != nil {
			return rep, err
		}
		if !d.again() {
			return DocumentReport{Products: d.products, Shown: int64(len(d.shown)), LeftOut: d.view.leftOut, Unmatched: ps.watch.Unmatched(&req.Profiles[0])}, nil
		}
	}
}

// document is a file under way.
type document struct {
	req      *Request
	plans    *plans
	view     *view
	kind     feed.Kind
	products int64
	// shown are the ids of the products in the file, ascending.
	shown []feed.ProductID
}

// pass writes the file once.
func (d *document) pass(ctx context.Context, to io.Writer) error {
	v, s := d.view, &d.req.Settings
	now := d.req.Now.UTC().Truncate(time.Second)
	generated, expires := now.In(s.Zone), now.Add(s.Validity).In(s.Zone)
	buf := make([]byte, 0, documentPiece+documentPiece/4)
	if d.kind == feed.KindFull {
		buf = v.writer.AppendFullHeader(buf, generated, expires, v.profile.Currency)
	} else {
		buf = v.writer.AppendLightHeader(buf, generated, expires, v.profile.Currency)
	}
	d.products, d.shown, v.leftOut = 0, d.shown[:0], nil
	for product, err := range d.req.Catalog.Products(ctx) {
		if err != nil {
			return err
		}
		d.products++
		verdict := v.rules.Apply(&v.item, product)
		if !verdict.Included {
			v.leaveOut(product, verdict)
			continue
		}
		if d.kind == feed.KindFull {
			d.plans.nextProduct()
			v.item.Product = v.refs.mendWhole(product)
			v.refs.observe(product)
			buf = v.writer.AppendFullWith(buf, &v.item, v.texts)
		} else {
			buf = v.writer.AppendLight(buf, &v.item)
		}
		d.shown = append(d.shown, product.ID)
		if len(buf) >= documentPiece {
			if _, err := to.Write(buf); err != nil {
				return fmt.Errorf("write the %s file: %w", d.kind, err)
			}
			buf = buf[:0]
		}
		if d.products%4096 == 0 && d.req.Progress != nil {
			d.req.Progress(d.products)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if d.kind == feed.KindFull {
		buf = v.writer.AppendFullFooter(buf)
	} else {
		buf = v.writer.AppendLightFooter(buf)
	}
	if _, err := to.Write(buf); err != nil {
		return fmt.Errorf("write the %s file: %w", d.kind, err)
	}
	return nil
}

// again says whether the file must be written once more, to leave out whom
// products name and the profile does not show.
func (d *document) again() bool {
	refs := d.view.refs
	if refs.missing != nil || len(refs.named) == 0 {
		return false
	}
	refs.missing = map[feed.ProductID]struct{}{}
	for n := range refs.named {
		if _, ok := slices.BinarySearch(d.shown, n); !ok {
			refs.missing[n] = struct{}{}
		}
	}
	return len(refs.missing) > 0
}
