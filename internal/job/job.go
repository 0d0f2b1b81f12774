package job

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Args say what a job is to do. They are kept as JSON, so a field that a newer
// release adds must have a zero value that means what was done before.
type Args interface {
	// Kind is the name of the kind: lower case letters, digits and "_", never changed.
	Kind() string
	// For tells whose job it is ("" is nobody's: upkeep of the whole), and which
	// one of his: of one kind, merchant and key one job runs at a time.
	For() (merchant partner.MerchantID, key string)
}

// Joiner is an optional ability of Args of type A.
type Joiner[A any] interface {
	// Join gives what is to be done when later is asked for while the receiver
	// still waits. Without it the later args stay.
	Join(later A) A
}

// State says where a job stands.
type State string

// The states of a job.
const (
	// Waiting jobs run when it is their turn, or when their time has come.
	Waiting State = "waiting"
	// Running jobs are being worked on.
	Running State = "running"
	// Retrying jobs have failed and wait for the next attempt.
	Retrying State = "retrying"
	// Done jobs have succeeded.
	Done State = "done"
	// Cancelled jobs were ended by somebody.
	Cancelled State = "cancelled"
	// Failed jobs have failed for the last time.
	Failed State = "failed"
)

// States lists all states.
func States() []State { return []State{Waiting, Running, Retrying, Done, Cancelled, Failed} }

// ParseState reads the name of a state.
func ParseState(s string) (State, error) {
	if slices.Contains(States(), State(s)) {
		return State(s), nil
	}
	names := make([]string, 0, len(States()))
	for _, n := range States() {
		names = append(names, string(n))
	}
	return "", feed.Errorf(feed.KindInvalid, "%.40q is no state of a job (%s)", s, strings.Join(names, ", "))
}

// Ended says whether nothing more happens to a job in this state.
func (s State) Ended() bool { return s == Done || s == Cancelled || s == Failed }

// Info is what is known of one job. Times that have not come are zero.
type Info struct {
	// ID names the job among all, for good. A job whose process dies goes on
	// under a new one.
	ID       int64              `json:"id"`
	Kind     string             `json:"kind"`
	Merchant partner.MerchantID `json:"merchant,omitempty"`
	Key      string             `json:"key,omitempty"`
	Args     json.RawMessage    `json:"args"`
	State    State              `json:"state"`
	// Attempt counts the runs begun, up to Attempts.
	Attempt  int `json:"attempt"`
	Attempts int `json:"attempts"`
	// Created is when it was inserted, Due when it may run (again), Started when
	// the last run began and Ended when it came to its last state.
	Created time.Time `json:"created"`
	Due     time.Time `json:"due,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Worker names the process of the last run.
	Worker string `json:"worker,omitempty"`
	// Error is what the last failed run said.
	Error string `json:"error,omitempty"`
}

// Filter chooses jobs. The zero value means the newest 100 of all.
type Filter struct {
	// Merchant chooses one merchant's jobs. Whoever lists jobs for a merchant
	// must set it: "" means those of all merchants.
	Merchant partner.MerchantID `json:"merchant,omitempty"`
	// Kind chooses one kind; "" means all.
	Kind string `json:"kind,omitempty"`
	// States chooses states; none means all.
	States []State `json:"states,omitempty"`
	// Before is the id of the last job of the page before; 0 starts at the newest.
	Before int64 `json:"before,omitempty"`
	// Limit is the greatest number of jobs, 1 to 1000. Default 100.
	Limit int `json:"limit,omitempty"`
}

// Count gives the number of jobs that the filter asks for at most.
func (f *Filter) Count() int { return min(cmp.Or(max(f.Limit, 0), 100), 1000) }

// Match says whether the filter chooses a job, Limit apart.
func (f *Filter) Match(i *Info) bool {
	return (f.Merchant == "" || f.Merchant == i.Merchant) &&
		(f.Kind == "" || f.Kind == i.Kind) &&
		(len(f.States) == 0 || slices.Contains(f.States, i.State)) &&
		(f.Before == 0 || i.ID < f.Before)
}

// InsertOptions are settings of one insert. The zero value asks for a run as
// soon as it is the job's turn.
type InsertOptions struct {
	// After is how long to wait at least, so that what comes meanwhile is done
	// with it. A job that waits already runs at the earlier of both times.
	After time.Duration `json:"after,omitempty"`
}

// Inserted tells what an insert did.
type Inserted struct {
	// ID is the job that will do it.
	ID int64 `json:"id"`
	// Joined says that the job was waiting already.
	Joined bool `json:"joined,omitempty"`
}

// NotFound is the error for an id that denotes no job.
func NotFound(id int64) error {
	return &feed.Error{Kind: feed.KindNotFound, Message: "there is no such job", Hint: "'feedmill job list' names those there are; ended jobs are forgotten after some time",
		Err: feed.Errorf(feed.KindNotFound, "job %d", id)}
}
