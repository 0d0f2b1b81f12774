package manage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Job is one thing that is done in the background for a merchant. Times that
// have not come are zero.
type Job struct {
	ID   int64
	Kind string
	// State is "waiting", "running", "retrying", "done", "cancelled" or "failed".
	State string
	Args  json.RawMessage
	// Attempt counts the runs begun, up to Attempts.
	Attempt, Attempts int
	// Created is when it was asked for, Due when it may run, Started when the last
	// run began and Ended when it came to its last state.
	Created, Due, Started, Ended time.Time
	// Error is what the last failed run said.
	Error string
}

// JobFilter chooses jobs. The zero value means the newest of all.
type JobFilter struct {
	Kind string
	// States are names as in [Job]; none means all.
	States []string
	// Before is the id of the last job of the page before; 0 starts at the newest.
	Before int64
	// Limit is the greatest number of jobs, 1 to 1000.
	Limit int
}

// JobStates are the names of the states of a job.
func JobStates() []string {
	return []string{"waiting", "running", "retrying", "done", "cancelled", "failed"}
}

// Jobs is what is done in the background. Every method sees one merchant's jobs
// alone: those of others, and those of nobody, do not exist for it.
type Jobs interface {
	List(ctx context.Context, merchant partner.MerchantID, f JobFilter) ([]Job, error)
	Get(ctx context.Context, merchant partner.MerchantID, id int64) (Job, error)
	JobActs
}

// JobActs change what is done in the background.
type JobActs interface {
	Cancel(ctx context.Context, merchant partner.MerchantID, id int64) error
	Retry(ctx context.Context, merchant partner.MerchantID, id int64) error
	// Publish asks for a run for all offers; full makes every file anew. joined
	// says that a run was asked for already and does for this.
	Publish(ctx context.Context, merchant partner.MerchantID, full bool) (id int64, joined bool, err error)
}

// WithJobs gives a service what is done in the background. Without it there are
// no jobs, and whoever asks is told that they are not to be had here.
func WithJobs(j Jobs) Option { return func(s *Service) { s.jobs = j } }

func noJobs() error {
	return &feed.Error{Kind: feed.KindUnavailable, Message: "background work cannot be reached from here"}
}

// Jobs lists jobs, the newest first.
func (s *Service) Jobs(ctx context.Context, who Identity, f JobFilter) ([]Job, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	if s.jobs == nil {
		return nil, noJobs()
	}
	for _, state := range f.States {
		if !slices.Contains(JobStates(), state) {
			return nil, feed.Errorf(feed.KindInvalid, "%.40q is no state of a job", state)
		}
	}
	f.Limit = page(f.Limit)
	return s.jobs.List(ctx, who.Merchant, f)
}

// Job gives one job.
func (s *Service) Job(ctx context.Context, who Identity, id int64) (Job, error) {
	if err := allow(who, ReadLedger); err != nil {
		return Job{}, err
	}
	if s.jobs == nil {
		return Job{}, noJobs()
	}
	return s.jobs.Get(ctx, who.Merchant, id)
}

// CancelJob cancels a job that waits, and tells one that runs to stop.
func (s *Service) CancelJob(ctx context.Context, who Identity, id int64) (Job, error) {
	return s.onJob(ctx, who, id, "cancel", JobActs.Cancel)
}

// RetryJob has a job run as soon as it is its turn.
func (s *Service) RetryJob(ctx context.Context, who Identity, id int64) (Job, error) {
	return s.onJob(ctx, who, id, "retry", JobActs.Retry)
}

func (s *Service) onJob(ctx context.Context, who Identity, id int64, what string, act func(JobActs, context.Context, partner.MerchantID, int64) error) (Job, error) {
	if err := allow(who, Publish); err != nil {
		return Job{}, err
	}
	if s.jobs == nil {
		return Job{}, noJobs()
	}
	before, err := s.jobs.Get(ctx, who.Merchant, id)
	if err != nil {
		return Job{}, fmt.Errorf("%s job %d: %w", what, id, err)
	}
	if err := act(s.jobs, ctx, who.Merchant, id); err != nil {
		return Job{}, fmt.Errorf("%s job %d: %w", what, id, err)
	}
	// The jobs need not lie beside the records, so the line comes after the act,
	// also where the one who asked has gone away since.
	ctx = context.WithoutCancel(ctx)
	after, err := s.jobs.Get(ctx, who.Merchant, id)
	if err != nil {
		after = before // it has ended and is forgotten: the act is to be noted all the same
	}
	return after, errors.Join(err, s.db.NoteAct(ctx, who.Actor, who.Merchant, "job."+what, "job "+strconv.FormatInt(id, 10), jobFacts(&before), withKind(jobFacts(&after), &after)))
}

// withKind adds what the audit is to tell of a job in any case.
func withKind(f partner.Facts, j *Job) partner.Facts {
	f["kind"] = j.Kind
	return f
}

// jobFacts are what the audit tells of a job before and after an act.
func jobFacts(j *Job) partner.Facts {
	f := partner.Facts{"state": j.State, "attempt": j.Attempt, "attempts": j.Attempts}
	if !j.Due.IsZero() {
		f["due"] = j.Due.UTC().Format(time.RFC3339)
	}
	return f
}

// PublishNow asks for a run for all offers at once and gives its job. joined says
// that one waited already.
func (s *Service) PublishNow(ctx context.Context, who Identity, full bool) (id int64, joined bool, err error) {
	if err := allow(who, Publish); err != nil {
		return 0, false, err
	}
	if s.jobs == nil {
		return 0, false, noJobs()
	}
	if id, joined, err = s.jobs.Publish(ctx, who.Merchant, full); err != nil {
		return 0, false, err
	}
	return id, joined, s.db.NoteAct(context.WithoutCancel(ctx), who.Actor, who.Merchant, "publish.ask", "job "+strconv.FormatInt(id, 10),
		nil, partner.Facts{"full": full, "joined": joined})
}
