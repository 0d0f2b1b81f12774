package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"
)

// The queues. Each has workers of its own, so that upkeep, which may take long,
// does not hold up feeds.
const (
	QueueFeeds  = "feeds"
	QueueUpkeep = "upkeep"
)

// KindOptions are settings of a kind. The zero value works.
type KindOptions struct {
	// Queue whose workers do it. Default [QueueFeeds].
	Queue string
	// Rank orders the jobs that one merchant has in a queue: the least goes first.
	Rank int
	// Attempts is how often it is tried. Default 10.
	Attempts int
	// Timeout of one run. Default 2 hours; negative means none.
	Timeout time.Duration
	// FirstPause comes after the first failure and doubles from failure to
	// failure up to MaxPause. Each is shortened or prolonged by up to a fifth.
	// Defaults 5 s and 10 min.
	FirstPause, MaxPause time.Duration
}

func (o KindOptions) withDefaults() KindOptions {
	o.Queue = cmp.Or(o.Queue, QueueFeeds)
	o.Attempts = cmp.Or(o.Attempts, 10)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Hour)
	o.FirstPause = cmp.Or(o.FirstPause, 5*time.Second)
	o.MaxPause = max(cmp.Or(o.MaxPause, 10*time.Minute), o.FirstPause)
	return o
}

// Kinds are the kinds of jobs that a program knows. They are complete before
// the first runner gets them, and not changed afterwards.
type Kinds struct{ byName map[string]*kind }

type kind struct {
	opt  KindOptions
	work func(ctx context.Context, args json.RawMessage) error
	join func(earlier, later json.RawMessage) (json.RawMessage, error)
}

// NewKinds gives an empty set.
func NewKinds() *Kinds { return &Kinds{byName: map[string]*kind{}} }

// Add adds the kind of args of type A, which do carries out. An error of do
// makes the job be tried again, unless it is [Permanent]. do ends soon after its
// context does.
func Add[A Args](k *Kinds, opt KindOptions, do func(ctx context.Context, args A) error) error {
	var zero A
	name := zero.Kind()
	switch {
	case !validName(name):
		return fmt.Errorf("add a kind of jobs: %.40q is no name for one", name)
	case k.byName[name] != nil:
		return fmt.Errorf("add a kind of jobs: there is a kind %q already", name)
	case opt.Attempts < 0 || opt.FirstPause < 0 || opt.MaxPause < 0:
		return fmt.Errorf("add the kind %q of jobs: attempts and pauses are not negative", name)
	}
	k.byName[name] = &kind{
		opt: opt.withDefaults(),
		work: func(ctx context.Context, raw json.RawMessage) error {
			args, err := decode[A](raw)
			if err != nil {
				return Permanent(err)
			}
			return do(ctx, args)
		},
		join: func(earlier, later json.RawMessage) (json.RawMessage, error) {
			a, err := decode[A](earlier)
			if err != nil {
				return nil, err
			}
			b, err := decode[A](later)
			if err != nil {
				return nil, err
			}
			if j, ok := any(a).(Joiner[A]); ok {
				b = j.Join(b)
			}
			return json.Marshal(b)
		},
	}
	return nil
}

func decode[A Args](raw json.RawMessage) (args A, err error) {
	if err := json.Unmarshal(raw, &args); err != nil {
		return args, fmt.Errorf("read the arguments of a job: %w", err)
	}
	return args, nil
}

func validName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// Names gives the names of the kinds, in ascending order.
func (k *Kinds) Names() []string { return slices.Sorted(maps.Keys(k.byName)) }

// Options gives the settings of a kind, defaults filled in; ok is false when
// there is none.
func (k *Kinds) Options(name string) (opt KindOptions, ok bool) {
	if kd := k.byName[name]; kd != nil {
		return kd.opt, true
	}
	return KindOptions{}, false
}

// Queues gives the names of the queues that the kinds are in, in ascending order.
func (k *Kinds) Queues() []string {
	seen := map[string]bool{}
	for _, kd := range k.byName {
		seen[kd.opt.Queue] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Encode gives the stored form of args, of a kind that k has.
func (k *Kinds) Encode(args Args) (json.RawMessage, error) {
	if k.byName[args.Kind()] == nil {
		return nil, fmt.Errorf("there is no kind %q of jobs", args.Kind())
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("write the arguments of a job %s: %w", args.Kind(), err)
	}
	return raw, nil
}

// Join gives what is to be done when later is asked for while earlier waits.
// Arguments before that cannot be read are replaced.
func (k *Kinds) Join(name string, earlier, later json.RawMessage) json.RawMessage {
	if kd := k.byName[name]; kd != nil && len(earlier) > 0 {
		if joined, err := kd.join(earlier, later); err == nil {
			return joined
		}
	}
	return later
}

// Do carries out a job within the timeout of its kind. A panic becomes a
// [PanicError].
func (k *Kinds) Do(ctx context.Context, name string, args json.RawMessage) (err error) {
	kd := k.byName[name]
	if kd == nil {
		return fmt.Errorf("this program has no kind %q of jobs", name)
	}
	if kd.opt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, kd.opt.Timeout, fmt.Errorf("the job has run for %s, which is its limit", kd.opt.Timeout))
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	err = kd.work(ctx, args)
	if cause := context.Cause(ctx); err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// Pause gives how long to wait after the attempt that has just failed. random
// is at least 0 and less than 1.
func (k *Kinds) Pause(name string, attempt int, random float64) time.Duration {
	opt, ok := k.Options(name)
	if !ok {
		opt = KindOptions{}.withDefaults()
	}
	d := opt.FirstPause
	for i := 1; i < attempt && d < opt.MaxPause; i++ {
		d *= 2
	}
	d = min(d, opt.MaxPause)
	return d + time.Duration((random*2-1)/5*float64(d))
}

// LongestPause is what no pause of any kind is longer than.
func (k *Kinds) LongestPause() (d time.Duration) {
	for _, kd := range k.byName {
		d = max(d, kd.opt.MaxPause+kd.opt.MaxPause/5)
	}
	return d
}

// Jitter gives the randomness of [Kinds.Pause].
func Jitter() float64 { return rand.Float64() }

// PanicError is the failure of a job that panicked.
type PanicError struct {
	Value any
	// Stack is where, for the log alone.
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Permanent makes a failure final: the job is not tried again.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// IsPermanent says whether trying again is of no use.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}
