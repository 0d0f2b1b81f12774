package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/job"
	jobdesk "feedmill/internal/job/desk"
	"feedmill/internal/job/localjob"
	"feedmill/internal/job/riverjob"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// jobs is what the program asks of whatever keeps its jobs.
type jobs interface {
	jobDesk
	Insert(ctx context.Context, args job.Args, opt job.InsertOptions) (job.Inserted, error)
	Run(ctx context.Context) error
}

// jobDesk shows jobs and acts on them.
type jobDesk interface {
	List(ctx context.Context, f job.Filter) ([]job.Info, error)
	Counts(ctx context.Context) ([]job.Count, error)
	Get(ctx context.Context, id int64) (job.Info, error)
	Cancel(ctx context.Context, id int64) error
	Retry(ctx context.Context, id int64) error
}

// garbage is what sweeps ask of the records.
type garbage interface {
	work.Garbage
	work.History
	work.Uploads
	work.Imports
}

// changeJobs asks for a run in the transaction of each change, where the shared
// database keeps the jobs beside the records. It is opened by the first change:
// most commands make none.
type changeJobs struct {
	url   string
	after time.Duration

	mu     sync.Mutex
	client *riverjob.Client
}

func newChangeJobs(url string, after time.Duration) *changeJobs {
	return &changeJobs{url: url, after: after}
}

// onChange gives what the records call in such a transaction, nil where
// publishing is left to 'feedmill publish'.
func (c *changeJobs) onChange() func(ctx context.Context, tx pgx.Tx, merchant partner.MerchantID) error {
	if c.after < 0 {
		return nil
	}
	return func(ctx context.Context, tx pgx.Tx, merchant partner.MerchantID) error {
		client, err := c.open(ctx)
		if err != nil {
			return err
		}
		_, err = client.InsertTx(ctx, tx, work.Publish{Merchant: merchant, Cause: "changes"}, job.InsertOptions{After: c.after})
		return err
	}
}

func (c *changeJobs) open(ctx context.Context) (*riverjob.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		return c.client, nil
	}
	kinds, err := work.New(work.Options{}).Kinds()
	if err != nil {
		return nil, err
	}
	c.client, err = riverjob.Open(ctx, c.url, job.Config{Kinds: kinds}, riverjob.Options{MaxConns: 1})
	return c.client, err
}

// Close closes what the first change has opened.
func (c *changeJobs) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		c.client.Close()
		c.client = nil
	}
}

// openJobs gives the jobs that the settings name: in the shared database, or
// those of the one process that works on the data folder.
func openJobs(ctx context.Context, w *world, cfg *config.Config, jc job.Config) (_ jobs, closeJobs func(), err error) {
	if cfg.Database.Kind != "postgres" {
		c, err := localjob.New(filepath.Join(cfg.Data, "jobs"), jc, localjob.Options{Now: w.now})
		return c, func() {}, err
	}
	url, err := databaseURL(&cfg.Database)
	if err != nil {
		return nil, nil, err
	}
	c, err := riverjob.Open(ctx, url, jc, riverjob.Options{})
	if err != nil {
		return nil, nil, err
	}
	return c, c.Close, nil
}

// newWork gives the jobs of a home. A negative every leaves publishing to
// 'feedmill publish'; fullAt is the time of day of full files.
func newWork(w *world, h *home, g garbage, s publish.Settings, every, fullAt time.Duration) *work.Work {
	return work.New(work.Options{
		Records: h.db, Garbage: g, History: g, Uploads: g, Imports: g, Accounts: h.db, Store: h.store, SweepSpool: h.sweepSpool,
		PublishEvery: every, FullAt: fullAt, Validity: s.Validity, Now: w.now, Log: w.log,
		Publish: func(ctx context.Context, id partner.MerchantID, full bool) error {
			settings := s
			settings.Full = full
			start := time.Now()
			report, err := h.publish(ctx, w, id, settings, nil)
			h.watch.run(report.Report, err, time.Since(start))
			if err != nil {
				return err
			}
			tellRun(w, id, &report)
			return nil
		},
	})
}

// tellRun logs what people may want to know of a run.
func tellRun(w *world, id partner.MerchantID, r *offersReport) {
	for i := range r.Feeds {
		f := &r.Feeds[i]
		log := w.log.With("merchant", string(id), "feed", f.Feed.Kind.String(), "generation", f.Generation.Number)
		if f.Published {
			log.Info("published", "products", f.Products, "added", f.Added, "changed", f.Changed, "removed", f.Removed, "full", f.Full)
		}
		if f.Held != nil {
			log.Warn("what is new is held: see 'feedmill held list'", "reason", f.Held.Error())
		}
		if f.Missed > 0 {
			log.Error("a comparison of the whole feed has found changes that nothing had announced", "changes", f.Missed)
		}
	}
	for i, list := range r.Unmatched {
		if len(list) > 0 {
			w.log.Warn("an offer names what the catalog does not have", "merchant", string(id), "offer", string(r.offers[i].ID), "names", len(list), "first", list[0].String())
		}
	}
	if r.Restored {
		w.log.Error("the records have lost history: files were published that they do not know. Every feed starts a new epoch with a full file", "merchant", string(id), "hint", twoOfThem)
	}
	if r.Behind > 0 {
		w.log.Warn("the clock is behind what has been published", "merchant", string(id), "by", r.Behind)
	}
}

// jobCmd groups what concerns jobs.
type jobCmd struct {
	List   jobListCmd   `cmd:"" help:"List what is done in the background."`
	Cancel jobCancelCmd `cmd:"" help:"Cancel a job that waits or runs."`
	Retry  jobRetryCmd  `cmd:"" help:"Run a job again, or sooner."`
}

// jobListCmd lists jobs.
type jobListCmd struct {
	Merchant string   `placeholder:"ID" help:"Id of the merchant whose jobs are listed. Without it those of all are."`
	Kind     string   `placeholder:"KIND" help:"Kind of the jobs: publish, import, sweep or sweep_orphans."`
	State    []string `placeholder:"STATE" help:"State of the jobs: waiting, running, retrying, done, cancelled or failed; may be given again."`
	Limit    int      `default:"100" placeholder:"N" help:"Greatest number of jobs, up to 1000. Default 100."`
	Before   int64    `placeholder:"ID" help:"Go on behind this job, the last of a listing before."`
	JSON     bool     `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (jobListCmd) Help() string {
	return `Lists jobs, the newest first. With the embedded database they are those of the running
'feedmill serve', which forgets the ended ones when it stops; with PostgreSQL ended jobs are kept for
a day and failed ones for a week.

Example: feedmill job list --state failed --state retrying`
}

// Run implements the command.
func (c *jobListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	f := job.Filter{Merchant: partner.MerchantID(c.Merchant), Kind: c.Kind, Limit: c.Limit, Before: c.Before}
	for _, name := range c.State {
		s, err := job.ParseState(name)
		if err != nil {
			return err
		}
		f.States = append(f.States, s)
	}
	desk, closeDesk, err := openJobs(ctx, w, cfg, job.Config{})
	if err != nil {
		return err
	}
	defer closeDesk()
	list, err := desk.List(ctx, f)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, list)
	}
	return table(w.stdout, "ID KIND MERCHANT STATE ATTEMPT SINCE ERROR", func(add func(...any)) {
		for i := range list {
			j := &list[i]
			add(j.ID, j.Kind, j.Merchant, j.State, fmt.Sprintf("%d/%d", j.Attempt, j.Attempts), since(j).Format(time.RFC3339), oneLine(j.Error))
		}
	})
}

// since gives when a job came to its state, or, while it waits, when it may run.
func since(j *job.Info) time.Time {
	switch {
	case j.State.Ended():
		return j.Ended.UTC()
	case j.State == job.Running:
		return j.Started.UTC()
	}
	return j.Due.UTC()
}

// oneLine fits a message into a table.
func oneLine(s string) string {
	s = feed.Visible(strings.Join(strings.Fields(s), " "))
	if r := []rune(s); len(r) > 120 {
		s = string(r[:119]) + "…"
	}
	return s
}

// jobCancelCmd cancels a job.
type jobCancelCmd struct {
	ID []int64 `arg:"" help:"Numbers of the jobs."`
}

// Help implements kong.HelpProvider.
func (jobCancelCmd) Help() string {
	return `Cancels jobs. One that runs is told to stop, whatever process runs it, and leaves what was published
before as it is. Schedules leave a cancelled job alone for ten minutes; what has changed is not
forgotten meanwhile. The audit of the merchant whose job it is tells of it.

Example: feedmill job cancel 1041`
}

// Run implements the command.
func (c *jobCancelCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return onJobs(ctx, w, cfg, c.ID, jobAct{"job cancelled", "is cancelled, or stops", (*manage.Service).CancelJob, jobDesk.Cancel})
}

// jobRetryCmd runs a job again.
type jobRetryCmd struct {
	ID []int64 `arg:"" help:"Numbers of the jobs."`
}

// Help implements kong.HelpProvider.
func (jobRetryCmd) Help() string {
	return `Makes jobs run as soon as it is their turn: those that wait for their time or after a failure, and
those that have failed, were cancelled or are done. The audit of the merchant whose job it is tells
of it.

Example: feedmill job retry 1041`
}

// Run implements the command.
func (c *jobRetryCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return onJobs(ctx, w, cfg, c.ID, jobAct{"job to run again", "runs when it is its turn", (*manage.Service).RetryJob, jobDesk.Retry})
}

// jobAct is what is done to a job: as its merchant's operation, which the audit is
// told of, or to one that is nobody's.
type jobAct struct {
	name   string
	said   string
	owned  func(*manage.Service, context.Context, manage.Identity, int64) (manage.Job, error)
	upkeep func(jobDesk, context.Context, int64) error
}

// onJobs acts on each job, and tells of all that it could not act on. Jobs of
// nobody, the upkeep of the whole, are in no merchant's audit, and therefore in
// the log.
func onJobs(ctx context.Context, w *world, cfg *config.Config, ids []int64, act jobAct) (err error) {
	desk, closeDesk, err := openJobs(ctx, w, cfg, job.Config{})
	if err != nil {
		return err
	}
	defer closeDesk()
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	service := h.manage(w, manage.WithJobs(jobdesk.New(desk)))
	var errs []error
	for _, id := range ids {
		i, err := desk.Get(ctx, id)
		switch {
		case feed.KindOf(err) == feed.KindNotFound: // the error names the job
		case err != nil:
			err = fmt.Errorf("job %d: %w", id, err)
		case i.Merchant != "":
			_, err = act.owned(service, ctx, manage.Identity{Merchant: i.Merchant, Role: manage.RoleOwner, Actor: actor()}, id)
		default:
			if err = act.upkeep(desk, ctx, id); err != nil {
				err = fmt.Errorf("job %d: %w", id, err)
				break
			}
			w.log.Info("upkeep: "+act.name, "job", id, "kind", i.Kind, "actor", actor().Name)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(w.stdout, "job %d %s\n", id, act.said)
	}
	return errors.Join(errs...)
}
