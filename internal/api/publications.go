package api

import (
	"encoding/json"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/manage"
)

type publishRequest struct {
	Full bool `json:"full,omitempty" doc:"make every file anew"`
}

// queuedDoc names the job that will do what was asked for.
type queuedDoc struct {
	Job    int64 `json:"job"`
	Joined bool  `json:"joined" doc:"it was waiting already"`
}

func (a *API) publish(c *call, in *struct {
	Body publishRequest `body:""`
}) (*queuedDoc, error) {
	id, joined, err := a.manage.PublishNow(c.ctx, c.who, in.Body.Full)
	if err != nil {
		return nil, err
	}
	return &queuedDoc{id, joined}, nil
}

// runDoc is a publish run.
type runDoc struct {
	ID      string          `json:"id"`
	Lease   int64           `json:"lease" doc:"counts the merchant's runs"`
	Started time.Time       `json:"started"`
	Ended   opt[time.Time]  `json:"ended,omitzero"`
	Outcome string          `json:"outcome" doc:"empty while it runs" schema:"enum=|published|unchanged|held|failed|lost"`
	Error   string          `json:"error,omitempty"`
	Counts  json.RawMessage `json:"counts,omitempty" doc:"products and files by feed, for people"`
}

func (a *API) runs(c *call, in *struct{ paging }) (*page[runDoc], error) {
	before, err := c.numberPlace(&in.paging)
	if err != nil {
		return nil, err
	}
	list, err := a.manage.Runs(c.ctx, c.who, before, in.limit())
	if err != nil {
		return nil, err
	}
	return numbered(c, &in.paging, list, func(r *publish.RunRecord) int64 { return r.Lease }, func(r *publish.RunRecord) runDoc {
		return runDoc{r.ID, r.Lease, r.Started.UTC(), moment(r.Ended), r.Outcome, r.Error, r.Counts}
	}), nil
}

// generationDoc is one numbered publication of a feed.
type generationDoc struct {
	Number   int64     `json:"number"`
	Feed     string    `json:"feed" schema:"enum=full|light"`
	Offers   []string  `json:"offers" doc:"made from it"`
	Epoch    int64     `json:"epoch"`
	Time     time.Time `json:"time"`
	Expires  time.Time `json:"expires"`
	Cursor   int64     `json:"cursor" doc:"number of the last change that it includes"`
	Products int64     `json:"products"`
	Files    []fileDoc `json:"files"`
}

type fileDoc struct {
	Name       string    `json:"name"`
	Generation int64     `json:"generation" doc:"the one that made it"`
	Changed    time.Time `json:"changed"`
	Products   int64     `json:"products"`
	Size       int64     `json:"size"`
	MD5        string    `json:"md5"`
	SHA256     string    `json:"sha256"`
}

func showFiles(g *publish.Generation, own bool) []fileDoc {
	list := []fileDoc{}
	for i := range g.Files {
		f := &g.Files[i]
		if own && f.Generation != g.Number {
			continue
		}
		list = append(list, fileDoc{f.Kind.FileName(f.Label), f.Generation, f.Changed.UTC(), f.Products, f.Plain.Size, f.Plain.MD5.String(), f.Plain.SHA256.String()})
	}
	return list
}

func (a *API) generations(c *call, in *struct{ paging }) (*page[generationDoc], error) {
	list, err := a.manage.Generations(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return pageOf(c, &in.paging, list, func(g *manage.PublishedFeed) string { return sortable(g.Number) }, func(g *manage.PublishedFeed) generationDoc {
		d := generationDoc{Number: g.Number, Feed: g.Feed.Kind.String(), Offers: []string{}, Epoch: g.Epoch, Time: g.Time.UTC(), Expires: g.Expires.UTC(),
			Cursor: g.Cursor, Products: g.Products, Files: showFiles(&g.Generation, false)}
		for _, o := range g.Offers {
			d.Offers = append(d.Offers, string(o))
		}
		return d
	})
}

// heldDoc is a generation that the guard has stopped.
type heldDoc struct {
	Run        string    `json:"run" doc:"what one run has held is released or discarded together"`
	Since      time.Time `json:"since"`
	Feed       string    `json:"feed" schema:"enum=full|light"`
	Generation int64     `json:"generation"`
	Base       int64     `json:"base" doc:"the generation that it would replace"`
	Products   int64     `json:"products"`
	Expires    time.Time `json:"expires"`
	Reason     string    `json:"reason"`
	Before     int64     `json:"products_before"`
	Removed    int64     `json:"products_removed"`
	Files      []fileDoc `json:"files"`
}

func showHeld(r *publish.HeldRecord) heldDoc {
	g := &r.Generation
	return heldDoc{Run: r.Run, Since: r.Since.UTC(), Feed: g.Feed.Kind.String(), Generation: g.Number, Base: g.Base, Products: g.Products, Expires: g.Expires.UTC(),
		Reason: r.Reason.Error(), Before: r.Reason.Before, Removed: r.Reason.Removed, Files: showFiles(g, true)}
}

func (a *API) held(c *call, in *struct{ paging }) (*page[heldDoc], error) {
	list, err := a.manage.Held(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return pageOf(c, &in.paging, list, func(r *publish.HeldRecord) string { return sortable(r.Generation.Number) }, showHeld)
}

type heldPath struct {
	Run string `path:"run" schema:"max=64"`
}

// heldRun is what one run has held.
type heldRun struct {
	Items []heldDoc `json:"items"`
}

func showHeldRun(list []publish.HeldRecord) (*heldRun, error) {
	if len(list) == 0 {
		return nil, refuse(problemNotFound, "")
	}
	out := &heldRun{Items: []heldDoc{}}
	for i := range list {
		out.Items = append(out.Items, showHeld(&list[i]))
	}
	return out, nil
}

func (a *API) heldOf(c *call, in *heldPath) (*heldRun, error) {
	all, err := a.manage.Held(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	var list []publish.HeldRecord
	for _, r := range all {
		if r.Run == in.Run {
			list = append(list, r)
		}
	}
	return showHeldRun(list)
}

func (a *API) releaseHeld(c *call, in *heldPath) (*heldRun, error) {
	list, err := a.manage.ReleaseHeld(c.ctx, c.who, in.Run)
	if err != nil {
		return nil, err
	}
	return showHeldRun(list)
}

func (a *API) discardHeld(c *call, in *heldPath) (*heldRun, error) {
	list, err := a.manage.DiscardHeld(c.ctx, c.who, in.Run)
	if err != nil {
		return nil, err
	}
	return showHeldRun(list)
}

// jobDoc is one thing that is done in the background.
type jobDoc struct {
	ID       int64          `json:"id"`
	Kind     string         `json:"kind"`
	State    string         `json:"state" schema:"enum=waiting|running|retrying|done|cancelled|failed"`
	Attempt  int            `json:"attempt" doc:"runs begun, of attempts"`
	Attempts int            `json:"attempts"`
	Created  time.Time      `json:"created"`
	Due      opt[time.Time] `json:"due,omitzero"`
	Started  opt[time.Time] `json:"started,omitzero"`
	Ended    opt[time.Time] `json:"ended,omitzero"`
	Error    string         `json:"error,omitempty" doc:"what the last failed run said"`
}

func showJob(j *manage.Job) jobDoc {
	return jobDoc{j.ID, j.Kind, j.State, j.Attempt, j.Attempts, j.Created.UTC(), moment(j.Due), moment(j.Started), moment(j.Ended), j.Error}
}

type jobFilter struct {
	paging
	Kind  string `query:"kind" schema:"max=40"`
	State string `query:"state" schema:"enum=waiting|running|retrying|done|cancelled|failed"`
}

func (a *API) jobs(c *call, in *jobFilter) (*page[jobDoc], error) {
	before, err := c.numberPlace(&in.paging)
	if err != nil {
		return nil, err
	}
	f := manage.JobFilter{Kind: in.Kind, Before: before, Limit: in.limit()}
	if in.State != "" {
		f.States = []string{in.State}
	}
	list, err := a.manage.Jobs(c.ctx, c.who, f)
	if err != nil {
		return nil, err
	}
	return numbered(c, &in.paging, list, func(j *manage.Job) int64 { return j.ID }, showJob), nil
}

type jobPath struct {
	Job int64 `path:"job" schema:"min=1"`
}

func (a *API) job(c *call, in *jobPath) (*jobDoc, error) {
	return shownJob(a.manage.Job(c.ctx, c.who, in.Job))
}

func shownJob(j manage.Job, err error) (*jobDoc, error) {
	if err != nil {
		return nil, err
	}
	d := showJob(&j)
	return &d, nil
}

func (a *API) cancelJob(c *call, in *jobPath) (*jobDoc, error) {
	return shownJob(a.manage.CancelJob(c.ctx, c.who, in.Job))
}

func (a *API) retryJob(c *call, in *jobPath) (*jobDoc, error) {
	return shownJob(a.manage.RetryJob(c.ctx, c.who, in.Job))
}

func publicationOperations(a *API) []*operation {
	return []*operation{
		op("publishing", "POST", "/publish", "publishNow", manage.Publish, "Publish what has changed, now", a.publish, status(202), spare()),
		op("publishing", "GET", "/runs", "listRuns", manage.ReadLedger, "List publish runs, the newest first", a.runs),
		op("publishing", "GET", "/generations", "listGenerations", manage.ReadLedger, "List what is published now", a.generations),
		op("publishing", "GET", "/held", "listHeld", manage.ReadLedger, "List what is held instead of being published", a.held),
		op("publishing", "GET", "/held/{run}", "getHeld", manage.ReadLedger, "What a run has held, and why", a.heldOf),
		op("publishing", "POST", "/held/{run}/release", "releaseHeld", manage.Publish, "Publish what a run has held", a.releaseHeld),
		op("publishing", "POST", "/held/{run}/discard", "discardHeld", manage.Publish, "Forget what a run has held", a.discardHeld),
		op("jobs", "GET", "/jobs", "listJobs", manage.ReadLedger, "List what is done in the background, the newest first", a.jobs),
		op("jobs", "GET", "/jobs/{job}", "getJob", manage.ReadLedger, "One job", a.job),
		op("jobs", "POST", "/jobs/{job}/cancel", "cancelJob", manage.Publish, "Cancel a job that waits, or have one that runs stop", a.cancelJob),
		op("jobs", "POST", "/jobs/{job}/retry", "retryJob", manage.Publish, "Have a job run as soon as it is its turn", a.retryJob),
	}
}
