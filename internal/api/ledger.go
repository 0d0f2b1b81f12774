package api

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// sortable gives a number as a text that sorts like it.
func sortable(n int64) string { return fmt.Sprintf("%020d", n) }

// downloadDoc is one request for a file.
type downloadDoc struct {
	Number     int64     `json:"number"`
	Link       string    `json:"link"`
	Offer      string    `json:"offer"`
	File       string    `json:"file"`
	Generation int64     `json:"generation"`
	Outcome    string    `json:"outcome" schema:"enum=complete|part|unchanged|broken|refused"`
	Refusal    string    `json:"refusal,omitempty"`
	Bytes      int64     `json:"bytes"`
	Network    string    `json:"network" doc:"the first 24 bits of an IPv4 address, 48 of an IPv6 one"`
	Client     string    `json:"client"`
	Started    time.Time `json:"started"`
	TookMS     int64     `json:"took_ms"`
}

type downloadFilter struct {
	paging
	Offer partner.OfferID `query:"offer"`
	Link  partner.LinkID  `query:"link"`
}

func (a *API) downloads(c *call, in *downloadFilter) (*page[downloadDoc], error) {
	before, err := c.numberPlace(&in.paging)
	if err != nil {
		return nil, err
	}
	list, err := a.manage.Downloads(c.ctx, c.who, partner.LedgerFilter{Offer: in.Offer, Link: in.Link, Before: before}, in.limit())
	if err != nil {
		return nil, err
	}
	return numbered(c, &in.paging, list, func(e *partner.LedgerEntry) int64 { return e.Number }, func(e *partner.LedgerEntry) downloadDoc {
		d := downloadDoc{e.Number, string(e.Link), string(e.Offer), e.Kind.FileName(e.Label), e.Generation, e.Outcome.String(), e.Refusal.String(), e.Bytes, "", e.Client,
			e.Started.UTC(), e.Took.Milliseconds()}
		if e.Address.IsValid() {
			d.Network = e.Address.String()
		}
		return d
	}), nil
}

type dayFilter struct {
	paging
	From opt[time.Time] `query:"from" doc:"the first day; default 30 days ago"`
}

func (f *dayFilter) from(now time.Time) time.Time {
	if f.From.Set {
		return f.From.Value
	}
	return now.Add(-partner.LedgerAge)
}

// downloadDay is one day's downloads of one kind of file.
type downloadDay struct {
	Day       string `json:"day" schema:"format=date"`
	Kind      string `json:"kind"`
	Requests  int64  `json:"requests"`
	Complete  int64  `json:"complete"`
	Unchanged int64  `json:"unchanged"`
	Broken    int64  `json:"broken"`
	Refused   int64  `json:"refused"`
	Bytes     int64  `json:"bytes"`
}

func (a *API) downloadDays(c *call, in *struct {
	offerPath
	dayFilter
}) (*page[downloadDay], error) {
	if _, err := a.manage.Offer(c.ctx, c.who, "", string(in.Offer)); err != nil {
		return nil, err
	}
	list, err := a.manage.DownloadDays(c.ctx, c.who, in.Offer, in.from(a.opt.Now()))
	if err != nil {
		return nil, err
	}
	key := func(d *partner.DownloadDay) string { return d.Day.Format(time.DateOnly) + " " + d.Kind.String() }
	return pageOf(c, &in.paging, list, key, func(d *partner.DownloadDay) downloadDay {
		return downloadDay{d.Day.Format(time.DateOnly), d.Kind.String(), d.Requests, d.Complete, d.Unchanged, d.Broken, d.Refused, d.Bytes}
	})
}

// linkDay is from how many places a link was used on one day.
type linkDay struct {
	Day       string         `json:"day" schema:"format=date"`
	Requests  int64          `json:"requests"`
	Addresses int            `json:"addresses" doc:"networks; counting stops at 1000"`
	Clients   int            `json:"clients"`
	Alarm     opt[time.Time] `json:"alarm,omitzero"`
}

func (a *API) linkDays(c *call, in *struct {
	linkPath
	dayFilter
}) (*page[linkDay], error) {
	if _, err := a.manage.Link(c.ctx, c.who, in.Link); err != nil {
		return nil, err
	}
	list, err := a.manage.LinkDays(c.ctx, c.who, in.Link, in.from(a.opt.Now()))
	if err != nil {
		return nil, err
	}
	return pageOf(c, &in.paging, list, func(d *partner.LinkDay) string { return d.Day.Format(time.DateOnly) }, func(d *partner.LinkDay) linkDay {
		return linkDay{d.Day.Format(time.DateOnly), d.Requests, d.Addresses, d.Clients, moment(d.AlarmAt)}
	})
}

// freshnessDoc is how far the recipient of an offer is behind.
type freshnessDoc struct {
	Offer       string         `json:"offer"`
	Partner     string         `json:"partner"`
	Gateway     *useDoc        `json:"gateway,omitempty" doc:"what he fetched last; left out for never"`
	Full        *useDoc        `json:"full,omitempty"`
	Change      *useDoc        `json:"change,omitempty"`
	Light       *useDoc        `json:"light,omitempty"`
	Seen        opt[time.Time] `json:"seen,omitzero"`
	BehindFull  int64          `json:"behind_full" doc:"generations published after the one he has"`
	BehindLight int64          `json:"behind_light"`
	BehindSince opt[time.Time] `json:"behind_since,omitzero"`
	Stale       bool           `json:"stale"`
	Nothing     bool           `json:"nothing" doc:"there is nothing to show: whoever asks is answered 503"`
	Held        string         `json:"held,omitempty" doc:"the run that holds the offer's next generation until somebody decides; with nothing, the recipient waits for that"`
}

type useDoc struct {
	At         time.Time `json:"at"`
	Generation int64     `json:"generation"`
}

func showUse(u partner.FileUse) *useDoc {
	if u.At.IsZero() {
		return nil
	}
	return &useDoc{u.At.UTC(), u.Generation}
}

func (a *API) freshness(c *call, in *struct {
	paging
	Partner partner.ID `query:"partner" doc:"only this partner's offers"`
}) (*page[freshnessDoc], error) {
	all, err := a.manage.Freshness(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	var list []partner.Freshness
	for _, f := range all {
		if in.Partner == "" || f.Partner == in.Partner {
			list = append(list, f)
		}
	}
	return pageOf(c, &in.paging, list, func(f *partner.Freshness) string { return string(f.Offer) }, func(f *partner.Freshness) freshnessDoc {
		return freshnessDoc{string(f.Offer), string(f.Partner), showUse(f.Gateway), showUse(f.Full), showUse(f.Change), showUse(f.Light), moment(f.Seen),
			f.BehindFull, f.BehindLight, moment(f.BehindSince), f.Stale, f.Nothing, f.Held}
	})
}

// auditDoc is one line of the audit.
type auditDoc struct {
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
	Place   int64           `json:"place,omitempty" doc:"in the chain, from 1"`
	Hash    string          `json:"hash,omitempty" doc:"ties the line to all before it"`
}

func showAudit(e *partner.AuditEntry) auditDoc {
	d := auditDoc{Number: e.Number, Time: e.Time.UTC(), Actor: e.Actor.Name, Role: e.Actor.Role, Address: e.Actor.Address, Request: e.Actor.Request,
		Action: e.Action, Object: e.Object, Place: e.Place}
	if e.Place > 0 {
		d.Hash = hex.EncodeToString(e.Hash[:])
	}
	if e.Before != "" {
		d.Before = rawOr(e.Before)
	}
	if e.After != "" {
		d.After = rawOr(e.After)
	}
	return d
}

func (a *API) audit(c *call, in *struct{ paging }) (*page[auditDoc], error) {
	after, err := c.numberPlace(&in.paging)
	if err != nil {
		return nil, err
	}
	list, err := a.manage.Audit(c.ctx, c.who, after, in.limit())
	if err != nil {
		return nil, err
	}
	return numbered(c, &in.paging, list, func(e *partner.AuditEntry) int64 { return e.Number }, showAudit), nil
}

const exportPage = 1000

func (a *API) exportAudit(c *call, _ *struct{}) (*reply, error) {
	// The first page is read before the answer begins: what fails then is told.
	list, err := a.manage.Audit(c.ctx, c.who, 0, exportPage)
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, media: "application/x-ndjson", stream: func(w io.Writer) error {
		out := bufio.NewWriter(w)
		for {
			for i := range list {
				line, err := encodeJSON(showAudit(&list[i]))
				if err != nil {
					return err
				}
				if _, err := out.Write(line); err != nil {
					return err
				}
			}
			if len(list) < exportPage {
				return out.Flush()
			}
			_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(exportStep))
			if list, err = a.manage.Audit(c.ctx, c.who, list[len(list)-1].Number, exportPage); err != nil {
				return err
			}
		}
	}}, nil
}

// exportStep is how long one page of an export may take to be sent.
const exportStep = 30 * time.Second

// headDoc is the end of the audit's chain.
type headDoc struct {
	Head  string `json:"head" doc:"note it elsewhere: with it nobody can rewrite what lies before it unnoticed"`
	Lines int64  `json:"lines"`
}

func (a *API) auditHead(c *call, _ *struct{}) (*headDoc, error) {
	h, err := a.manage.AuditHead(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return &headDoc{h.String(), h.Lines}, nil
}

type verifyRequest struct {
	Heads []string `json:"heads,omitempty" doc:"heads that were noted elsewhere" schema:"max=1000,each,min=1,max=200"`
}

// verifiedDoc says whether the chain holds.
type verifiedDoc struct {
	Holds     bool      `json:"holds"`
	Lines     int64     `json:"lines" doc:"lines that hold"`
	Unchained int64     `json:"unchained" doc:"lines of before there was a chain"`
	Head      string    `json:"head" doc:"the last line that holds"`
	Broken    *breakDoc `json:"broken,omitempty"`
}

type breakDoc struct {
	Number int64  `json:"number" doc:"the first line that does not fit, 0 when lines are missing at the end"`
	Why    string `json:"why"`
}

func (a *API) verifyAudit(c *call, in *struct {
	Body verifyRequest `body:""`
}) (*verifiedDoc, error) {
	var r reading
	var noted []partner.AuditHead
	for i, text := range in.Body.Heads {
		h, err := partner.ParseAuditHead(text)
		r.fail(fmt.Sprintf("/heads/%d", i), err)
		noted = append(noted, h)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	report, err := a.manage.VerifyAudit(c.ctx, c.who, noted...)
	if err != nil {
		return nil, err
	}
	out := &verifiedDoc{Holds: report.Broken == nil, Lines: report.Lines, Unchained: report.Unchained, Head: report.Head.String()}
	if b := report.Broken; b != nil {
		out.Broken = &breakDoc{b.Number, b.Why}
	}
	return out, nil
}

func ledgerOperations(a *API) []*operation {
	return []*operation{
		op("ledger", "GET", "/downloads", "listDownloads", manage.ReadLedger, "List downloads of the last 30 days, the newest first", a.downloads),
		op("ledger", "GET", "/offers/{offer}/downloads", "listOfferDays", manage.ReadLedger, "An offer's downloads by day and kind of file", a.downloadDays, also(manage.ReadAccounts)),
		op("ledger", "GET", "/links/{link}/days", "listLinkDays", manage.ReadLedger, "From how many places a link was used, by day", a.linkDays, also(manage.ReadAccounts)),
		op("ledger", "GET", "/freshness", "listFreshness", manage.ReadLedger, "Tell of each offer how far its recipient is behind", a.freshness),
		op("audit", "GET", "/audit", "listAudit", manage.ReadAudit, "List who has done what, the oldest first", a.audit),
		raw("audit", "GET", "/audit/export", "exportAudit", manage.ReadAudit, "All lines of the audit, one a line", "application/x-ndjson", a.exportAudit),
		op("audit", "GET", "/audit/head", "getAuditHead", manage.ReadAudit, "The end of the audit's chain", a.auditHead),
		op("audit", "POST", "/audit/verify", "verifyAudit", manage.ReadAudit, "Tell whether the audit's chain holds", a.verifyAudit, spare()),
	}
}
