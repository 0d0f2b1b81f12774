// Package desk shows a merchant his jobs.
//
// It owns that nobody sees or touches a job that is not his. It refuses to know
// who may ask for what: that is internal/manage, which it serves.
package desk

import (
	"context"

	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// Client is whatever keeps the jobs.
type Client interface {
	List(ctx context.Context, f job.Filter) ([]job.Info, error)
	Get(ctx context.Context, id int64) (job.Info, error)
	Insert(ctx context.Context, args job.Args, opt job.InsertOptions) (job.Inserted, error)
	Ender
}

// Ender cancels jobs and has them run again.
type Ender interface {
	Cancel(ctx context.Context, id int64) error
	Retry(ctx context.Context, id int64) error
}

// Desk is jobs by merchant.
type Desk struct{ client Client }

var _ manage.Jobs = Desk{}

// New gives a desk over jobs. The client knows the kinds of [work].
func New(c Client) Desk { return Desk{c} }

// List implements [manage.Jobs].
func (d Desk) List(ctx context.Context, merchant partner.MerchantID, f manage.JobFilter) ([]manage.Job, error) {
	if merchant == "" {
		return nil, nil // to the client it would mean everybody's
	}
	filter := job.Filter{Merchant: merchant, Kind: f.Kind, Before: f.Before, Limit: f.Limit}
	for _, name := range f.States {
		s, err := job.ParseState(name)
		if err != nil {
			return nil, err
		}
		filter.States = append(filter.States, s)
	}
	found, err := d.client.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	list := make([]manage.Job, len(found))
	for i := range found {
		list[i] = shown(&found[i])
	}
	return list, nil
}

func shown(i *job.Info) manage.Job {
	return manage.Job{ID: i.ID, Kind: i.Kind, State: string(i.State), Args: i.Args, Attempt: i.Attempt, Attempts: i.Attempts,
		Created: i.Created, Due: i.Due, Started: i.Started, Ended: i.Ended, Error: i.Error}
}

// Get implements [manage.Jobs].
func (d Desk) Get(ctx context.Context, merchant partner.MerchantID, id int64) (manage.Job, error) {
	i, err := d.own(ctx, merchant, id)
	return shown(&i), err
}

func (d Desk) own(ctx context.Context, merchant partner.MerchantID, id int64) (job.Info, error) {
	i, err := d.client.Get(ctx, id)
	if err != nil {
		return job.Info{}, err
	}
	if merchant == "" || i.Merchant != merchant {
		return job.Info{}, job.NotFound(id)
	}
	return i, nil
}

// Cancel implements [manage.Jobs].
func (d Desk) Cancel(ctx context.Context, merchant partner.MerchantID, id int64) error {
	if _, err := d.own(ctx, merchant, id); err != nil {
		return err
	}
	return d.client.Cancel(ctx, id)
}

// Retry implements [manage.Jobs].
func (d Desk) Retry(ctx context.Context, merchant partner.MerchantID, id int64) error {
	if _, err := d.own(ctx, merchant, id); err != nil {
		return err
	}
	return d.client.Retry(ctx, id)
}

// Publish implements [manage.Jobs].
func (d Desk) Publish(ctx context.Context, merchant partner.MerchantID, full bool) (id int64, joined bool, err error) {
	in, err := d.client.Insert(ctx, work.Publish{Merchant: merchant, Full: full, Cause: "asked"}, job.InsertOptions{})
	return in.ID, in.Joined, err
}
