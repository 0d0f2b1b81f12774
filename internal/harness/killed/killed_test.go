package killed_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/internal/job/riverjob"
	"feedmill/internal/pgtest"
	"feedmill/internal/testserver"
	"feedmill/storage/postgres"
)

var (
	database = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url, postgres.Options{})
		if err == nil {
			_, err = riverjob.Migrate(ctx, url)
		}
		return err
	}}
	objects testserver.Servers
)

func TestMain(m *testing.M) { os.Exit(database.Main(m)) }

// unreachable are points that no command of the test reaches, and why.
var unreachable = map[string]string{}

// yards is how many kills are under way at once at a place: most of the time they
// wait for the lease of a run that was killed.
const yards = 14

const (
	// lease is how long a run's right to publish outlives it, computed what the
	// next run may compute before it is done, beside waiting for that: recovery takes
	// 30 seconds at most. That is not measured by the clock on the wall, which tells
	// more of what else the machine has to do.
	lease    = 15 * time.Second
	computed = 30*time.Second - lease
)

// trial is one kill: a command, and the n-th arrival at a point.
type trial struct {
	command command
	point   string
	n       int
}

func (tr trial) String() string {
	return fmt.Sprintf("%s, arrival %d at %s", tr.command.name, tr.n, tr.point)
}

// The program is killed at every crash point. Readers see the old offer or the
// new one, whole, at any time; the command that was killed does its work when it
// is run once more, within 30 seconds; and everything that is kept can be proved.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	points := crashPoints(t)
	program := filepath.Join(t.TempDir(), "feedmill")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", program, "./cmd/feedmill")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var mu sync.Mutex
	reached := map[string]bool{}
	t.Run("points", func(t *testing.T) {
		for _, name := range []string{"SQLite and folder", "PostgreSQL and S3"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := &place{name: name}
				if name == "PostgreSQL and S3" {
					p.database, p.objects = &database, objects.Versitygw(t)
				}
				kills := p.killAll(t, program)
				mu.Lock()
				defer mu.Unlock()
				for point := range kills {
					reached[point] = true
				}
			})
		}
	})
	if t.Failed() {
		return // what was not reached after that tells nothing
	}
	for p := range reached {
		if points[p] == "" {
			t.Errorf("the program passes a point %q that is not in the source", p)
		}
	}
	for p, file := range points {
		serversOnly := strings.HasPrefix(file, "storage/postgres/") || strings.HasPrefix(file, "storage/s3store/")
		switch why, listed := unreachable[p]; {
		case reached[p] && listed:
			t.Errorf("point %q is reached, and listed as unreachable: %s", p, why)
		case !reached[p] && !listed && !(serversOnly && testing.Short()):
			t.Errorf("no command reaches the point %q (%s): the test proves nothing about it", p, file)
		}
	}
	for p := range unreachable {
		if points[p] == "" {
			t.Errorf("%q is listed as unreachable and does not exist", p)
		}
	}
}

// count gives how often a trace names each point.
func count(trace string) map[string]int {
	counts := map[string]int{}
	for p := range strings.FieldsSeq(trace) {
		counts[p]++
	}
	return counts
}

// prepared is a state in which a command is killed.
type prepared struct {
	command command
	yard    *yard
	// arrivals is how often the command passes each point when nobody kills it.
	arrivals map[string]int
}

// prepare makes the states in which the commands of a place are killed.
func (p *place) prepare(t *testing.T, program string) []*prepared {
	t.Helper()
	base := p.newYard(t, program)
	base.settle()
	base.must("verify", "--store", "--strict")
	var list []*prepared
	for _, c := range commands() {
		if c.alone && p.shared() || c.shared && !p.shared() {
			continue // it is the same there, or needs the other
		}
		list = append(list, &prepared{command: c})
	}
	// Some of them wait for leases.
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(func() {
			t.Run("prepare "+s.command.name, func(part *testing.T) {
				s.yard = base.copy(t) // stays when this part has ended
				s.yard.t = part
				s.command.ready(s.yard)
				y := s.yard.copy(part)
				r := s.command.start(y, "FEEDMILL_CRASH_TRACE="+y.traceFile())
				if r.killed || (r.status != 0) != s.command.fails {
					part.Fatalf("exit status %d, want a failure: %v: %s", r.status, s.command.fails, r.output)
				}
				if s.arrivals = y.arrivals(); len(s.arrivals) == 0 {
					part.Fatal("it passes no point")
				}
				s.command.again(y)
				s.command.settled(y)
			})
		})
	}
	wg.Wait()
	return list
}

// kill makes one trial in a copy of a prepared state, and gives what recovery took.
func (s *prepared) kill(t *testing.T, tr trial) effort {
	t.Helper()
	y := s.yard.copy(t)
	// A run now and then does a little more or less, such as renewing a lease on a
	// machine that is slow. Where the arrival does not come the same is done again
	// from the same state, at the last arrival that did come.
	for try := 1; ; try++ {
		r := tr.command.start(y, fmt.Sprintf("FEEDMILL_CRASH=%s:%d", tr.point, tr.n), "FEEDMILL_CRASH_TRACE="+y.traceFile())
		if r.killed {
			break
		}
		n := y.arrivals()[tr.point]
		if try == 8 || (r.status != 0) != tr.command.fails {
			t.Fatalf("the program is not killed at arrival %d, %d came (exit status %d): %s", tr.n, n, r.status, r.output)
		}
		t.Logf("arrival %d does not come, %d do", tr.n, n)
		tr.n = max(min(tr.n, n), 1)
		y = s.yard.copy(t)
	}
	y.killedAt = tr.point
	if !tr.command.alone {
		if left := y.lease(); left > lease {
			t.Errorf("the killed run keeps others from publishing for %v, want %v at most", left, lease)
		}
	}
	tr.command.seen(y)
	took := tr.command.again(y)
	if took.cpu > computed {
		t.Errorf("recovery takes %v of the processor, want %v at most", took.cpu, computed)
	}
	tr.command.settled(y)
	if !tr.command.alone {
		y.must("verify", "--store", "--strict")
	}
	return took
}

// killAll kills every command at every point that it reaches, and gives how
// often the program was killed at each.
func (p *place) killAll(t *testing.T, program string) map[string]int {
	states := p.prepare(t, program)
	if t.Failed() {
		t.FailNow()
	}
	type task struct {
		state *prepared
		trial
	}
	var all []task
	kills := map[string]int{}
	for _, tr := range choose(states) {
		kills[tr.point] += 0
		i := slices.IndexFunc(states, func(s *prepared) bool { return s.command.name == tr.command.name })
		all = append(all, task{states[i], tr})
	}
	if testing.Short() {
		some := all[:0]
		for i := 0; i < len(all); i += 6 {
			some = append(some, all[i])
		}
		all = some
	}
	todo := make(chan task, len(all))
	for _, tr := range all {
		todo <- tr
	}
	close(todo)
	var mu sync.Mutex
	var slowest, total effort
	t.Run("kills", func(t *testing.T) {
		var wg sync.WaitGroup
		for range min(yards, len(all)) {
			wg.Go(func() {
				for tr := range todo {
					t.Run(tr.String(), func(t *testing.T) {
						took := tr.state.kill(t, tr.trial)
						mu.Lock()
						defer mu.Unlock()
						kills[tr.point]++
						slowest.wall, slowest.cpu = max(slowest.wall, took.wall), max(slowest.cpu, took.cpu)
						total = total.plus(took)
					})
				}
			})
		}
		wg.Wait()
	})
	n := time.Duration(max(len(all), 1))
	t.Logf("%d kills at %d points; recovery took %v at most, %v on average, and of the processor %v and %v", len(all), len(kills),
		slowest.wall, total.wall/n, slowest.cpu, total.cpu/n)
	return kills
}

// choose takes at least three trials of each point, and one of each command that
// passes it, at its first arrivals, at the last and in the middle.
func choose(states []*prepared) (chosen []trial) {
	points := map[string]bool{}
	for _, s := range states {
		for p := range s.arrivals {
			points[p] = true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(points)) {
		var at []*prepared
		for _, s := range states {
			if s.arrivals[p] > 0 {
				at = append(at, s)
			}
		}
		for i := range max(len(at), 3) {
			s := at[i%len(at)]
			n := s.arrivals[p]
			chosen = append(chosen, trial{s.command, p, []int{1, n, (n + 1) / 2}[i%3]})
		}
	}
	return chosen
}
