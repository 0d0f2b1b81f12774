package killed_test

import (
	"cmp"
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

	"feedmill/internal/harness/site"
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

// yards is how many installations are at work at once: most of the time they
// wait for the lease of a run that was killed.
const yards = 20

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
	if os.Getenv("FEEDMILL_HARNESS") == "" {
		t.Skip("races whole processes for minutes: set FEEDMILL_HARNESS=1 to run it")
	}
	t.Parallel()
	points := crashPoints(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", bin, "./cmd/feedmill", "./internal/harness/sweeper")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var mu sync.Mutex
	reached := map[string]bool{}
	t.Run("points", func(t *testing.T) {
		for name, setup := range map[string]func(t *testing.T, y *yard){"SQLite and folder": embedded, "PostgreSQL and S3": shared} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if name != "SQLite and folder" && testing.Short() {
					t.Skip("servers are not started with -short")
				}
				kills := killAll(t, bin, setup)
				mu.Lock()
				defer mu.Unlock()
				for p := range kills {
					reached[p] = true
				}
			})
		}
	})
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

// embedded is a yard over the embedded database and a folder.
func embedded(*testing.T, *yard) {}

// shared is a yard over PostgreSQL and a bucket of its own.
func shared(t *testing.T, y *yard) {
	server := objects.Versitygw(t)
	y.place.Postgres = database.Database(t)
	y.place.S3 = &site.Bucket{Endpoint: server.Endpoint, Region: server.Region, Name: server.Bucket(t), AccessKey: server.AccessKey, SecretKey: server.SecretKey}
	file := func(name, text string) string {
		path := filepath.Join(y.dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	y.env = append(y.env, "FEEDMILL_DATABASE_KIND=postgres", "FEEDMILL_DATABASE_URL_FILE="+file("url", y.place.Postgres), "FEEDMILL_STORE_KIND=s3",
		"FEEDMILL_STORE_ENDPOINT="+server.Endpoint, "FEEDMILL_STORE_REGION="+server.Region, "FEEDMILL_STORE_BUCKET="+y.place.S3.Name,
		"FEEDMILL_STORE_ACCESS_KEY_FILE="+file("access", server.AccessKey), "FEEDMILL_STORE_SECRET_KEY_FILE="+file("secret", server.SecretKey))
}

func newYard(t *testing.T, bin string, setup func(*testing.T, *yard)) *yard {
	t.Helper()
	y := &yard{t: t, feedmill: filepath.Join(bin, "feedmill"), sweeper: filepath.Join(bin, "sweeper"), dir: t.TempDir()}
	y.place.Data, y.place.RealTime = filepath.Join(y.dir, "data"), true
	setup(t, y)
	y.settle()
	return y
}

// arrivals gives how often a command that nobody kills passes each point.
func (y *yard) arrivals(c command) map[string]int {
	y.t.Helper()
	trace := filepath.Join(y.dir, "trace")
	if err := os.RemoveAll(trace); err != nil {
		y.t.Fatal(err)
	}
	c.ready(y)
	program, args := c.start(y)
	if r := y.run(program, args, "FEEDMILL_CRASH_TRACE="+trace); r.status != 0 && c.name != "held" {
		y.t.Fatalf("%s: exit status %d: %s", c.name, r.status, r.output)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		y.t.Fatalf("%s passes no point: %v", c.name, err)
	}
	c.again(y)
	c.settled(y)
	counts := map[string]int{}
	for _, p := range strings.Fields(string(data)) {
		counts[p]++
	}
	return counts
}

// kill makes one trial, and gives how long recovery took.
func (y *yard) kill(tr trial) time.Duration {
	y.t.Helper()
	tr.command.ready(y)
	program, args := tr.command.start(y)
	if r := y.run(program, args, fmt.Sprintf("FEEDMILL_CRASH=%s:%d", tr.point, tr.n)); !r.killed {
		y.t.Errorf("the program is not killed (exit status %d): %s", r.status, r.output)
	}
	tr.command.seen(y)
	took := tr.command.again(y)
	if took > patience {
		y.t.Errorf("recovery took %v, want %v at most", took, patience)
	}
	tr.command.settled(y)
	if !tr.command.alone {
		y.must("verify", "--store", "--strict")
	}
	return took
}

// killAll kills every command at every point that it reaches, and gives how
// often the program was killed at each.
func killAll(t *testing.T, bin string, setup func(*testing.T, *yard)) map[string]int {
	first := newYard(t, bin, setup)
	first.must("verify", "--store", "--strict")
	var all []trial
	for _, c := range commands() {
		if c.alone && first.place.Postgres != "" {
			continue // it is the same whatever the records and the store are
		}
		for p, n := range first.arrivals(c) {
			// How often a point is passed differs a little from time to time.
			for _, k := range []int{1, (n + 7) / 8, (n + 3) / 4} {
				all = append(all, trial{c, p, k})
			}
		}
	}
	all = choose(all)
	kills := map[string]int{}
	for i, tr := range all {
		kills[tr.point] += 0
		if testing.Short() && i%6 != 0 {
			all[i].n = 0
		}
	}
	all = slices.DeleteFunc(all, func(tr trial) bool { return tr.n == 0 })
	todo := make(chan trial, len(all))
	for _, tr := range all {
		todo <- tr
	}
	close(todo)
	var mu sync.Mutex
	var slowest, total time.Duration
	t.Run("kills", func(t *testing.T) {
		var wg sync.WaitGroup
		for range min(yards, len(all)) {
			wg.Go(func() {
				var y *yard
				for tr := range todo {
					if y == nil {
						y = newYard(t, bin, setup)
					}
					fine := t.Run(tr.String(), func(t *testing.T) {
						y.t = t
						took := y.kill(tr)
						mu.Lock()
						defer mu.Unlock()
						kills[tr.point]++
						slowest, total = max(slowest, took), total+took
					})
					if !fine {
						y = nil // what it has left tells nothing of the next trial
					}
				}
			})
		}
		wg.Wait()
	})
	t.Logf("%d kills at %d points; recovery took %v at most, %v on average", len(all), len(kills), slowest, total/time.Duration(max(len(all), 1)))
	return kills
}

// choose takes three trials of each point, of different arrivals and commands
// where there are.
func choose(all []trial) (chosen []trial) {
	byPoint := map[string][]trial{}
	slices.SortFunc(all, func(a, b trial) int {
		return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.command.name, b.command.name))
	})
	for _, tr := range all {
		byPoint[tr.point] = append(byPoint[tr.point], tr)
	}
	for _, p := range slices.Sorted(maps.Keys(byPoint)) {
		list := slices.CompactFunc(byPoint[p], func(a, b trial) bool { return a.n == b.n && a.command.name == b.command.name })
		// The first, the last, and what lies in the middle; the same again where
		// there is no other.
		for _, i := range []int{0, len(list) - 1, len(list) / 2} {
			chosen = append(chosen, list[i])
		}
	}
	return chosen
}
