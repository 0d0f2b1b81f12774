package killed_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// command is something that is killed. Each step fails the yard's test.
type command struct {
	name string
	// ready prepares the yard, start gives program and arguments.
	ready func(y *yard)
	start func(y *yard) (program string, args []string)
	// seen looks at what the killed command has left.
	seen func(y *yard)
	// again lets the command, and what usually follows it, run once more, and
	// gives how long that took.
	again func(y *yard) time.Duration
	// settled looks at the end; verify proves everything after it.
	settled func(y *yard)
	// alone says that records and store have no part in it.
	alone bool
}

// oldOrNew takes what was published and what is being published.
func oldOrNew(y *yard) {
	y.t.Helper()
	if n := y.look(); n != y.published && n != y.imported {
		y.t.Errorf("readers see catalog %d, want %d or %d", n, y.published, y.imported)
	}
}

func newest(y *yard) {
	y.t.Helper()
	if n := y.look(); n != y.imported {
		y.t.Errorf("readers see catalog %d, want %d", n, y.imported)
	}
	y.published = y.imported
}

func (y *yard) timed(args ...string) time.Duration {
	y.t.Helper()
	start := time.Now()
	y.must(args...)
	return time.Since(start)
}

// heldAgain publishes what the guard stops.
func heldAgain(y *yard) time.Duration {
	y.t.Helper()
	r := y.run(y.feedmill, []string{"publish"})
	if r.status != 1 || !strings.Contains(r.output, "held") {
		y.t.Errorf("publish of a fifth of the catalog: exit status %d: %s", r.status, r.output)
	}
	return r.took
}

func commands() []command {
	return []command{
		{
			name:  "import",
			ready: func(y *yard) { y.imported++ },
			start: func(y *yard) (string, []string) {
				return y.feedmill, []string{"import", "--catalog", y.catalog(y.imported, 1)}
			},
			seen: oldOrNew,
			again: func(y *yard) time.Duration {
				return y.timed("import", "--catalog", y.catalog(y.imported, 1)) + y.timed("publish")
			},
			settled: newest,
		},
		{
			name: "publish",
			ready: func(y *yard) {
				y.imported++
				y.must("import", "--catalog", y.catalog(y.imported, 1))
			},
			start:   func(y *yard) (string, []string) { return y.feedmill, []string{"publish"} },
			seen:    oldOrNew,
			again:   func(y *yard) time.Duration { return y.timed("publish") },
			settled: newest,
		},
		{
			// The guard stops what has lost most products, and the next catalog is right.
			name:  "held",
			ready: func(y *yard) { y.must("import", "--catalog", y.catalog(y.imported, 8)) },
			start: func(y *yard) (string, []string) { return y.feedmill, []string{"publish", "--feeds.max_loss", "5"} },
			seen:  oldOrNew,
			again: heldAgain,
			settled: func(y *yard) {
				oldOrNew(y)
				y.imported++
				y.must("import", "--catalog", y.catalog(y.imported, 1))
				y.must("publish")
				newest(y)
			},
		},
		{
			name:    "sweep",
			ready:   (*yard).rubbish,
			start:   func(y *yard) (string, []string) { return y.sweeper, []string{y.placeText()} },
			seen:    oldOrNew,
			again:   func(y *yard) time.Duration { start := time.Now(); y.sweep(); return time.Since(start) },
			settled: newest,
		},
		{
			name:  "generate",
			alone: true,
			ready: func(y *yard) {
				y.generated++
				if _, err := os.Stat(y.offer()); err != nil {
					y.must("generate", "--catalog", y.catalog(y.generated-1, 1), "--out", y.offer(), "--gzip")
				}
			},
			start: func(y *yard) (string, []string) {
				return y.feedmill, []string{"generate", "--catalog", y.catalog(y.generated, 1), "--out", y.offer(), "--gzip"}
			},
			seen: func(y *yard) { y.must("verify", y.offer()) },
			again: func(y *yard) time.Duration {
				return y.timed("generate", "--catalog", y.catalog(y.generated, 1), "--out", y.offer(), "--gzip")
			},
			settled: func(y *yard) {
				y.must("verify", y.offer())
				light, err := os.ReadFile(filepath.Join(y.offer(), "light.xml"))
				if err != nil {
					y.t.Fatal(err)
				}
				if n := version(y.t, light, y.generated); n != y.generated {
					y.t.Errorf("the folder shows catalog %d, want %d", n, y.generated)
				}
			},
		},
		{
			name:  "first generate",
			alone: true,
			ready: func(y *yard) {
				if err := os.RemoveAll(y.first()); err != nil {
					y.t.Fatal(err)
				}
			},
			start: func(y *yard) (string, []string) {
				return y.feedmill, []string{"generate", "--catalog", y.catalog(0, 1), "--out", y.first()}
			},
			seen: func(y *yard) {
				if _, err := os.Stat(y.first()); err == nil {
					y.must("verify", y.first())
				}
			},
			again: func(y *yard) time.Duration {
				return y.timed("generate", "--catalog", y.catalog(0, 1), "--out", y.first())
			},
			settled: func(y *yard) { y.must("verify", y.first()) },
		},
		{
			// The result of apply replaces the full file that it was made from.
			name:  "apply",
			alone: true,
			ready: func(y *yard) {
				if err := os.RemoveAll(y.applied()); err != nil {
					y.t.Fatal(err)
				}
				for n := range 2 {
					y.must("generate", "--catalog", y.catalog(n, 1), "--out", y.applied())
				}
			},
			start: func(y *yard) (string, []string) { return y.feedmill, y.applyArgs() },
			seen: func(y *yard) {
				data, err := os.ReadFile(filepath.Join(y.dir, "now.xml"))
				if err == nil && !strings.HasSuffix(string(data), "</offer>\n") {
					y.t.Errorf("the result has %d bytes and no end", len(data))
				}
			},
			again:   func(y *yard) time.Duration { return y.timed(y.applyArgs()...) },
			settled: func(y *yard) { y.must("validate", filepath.Join(y.dir, "now.xml")) },
		},
	}
}

func (y *yard) offer() string   { return filepath.Join(y.dir, "public", "offer") }
func (y *yard) first() string   { return filepath.Join(y.dir, "public", "first") }
func (y *yard) applied() string { return filepath.Join(y.dir, "public", "applied") }

func (y *yard) applyArgs() []string {
	y.t.Helper()
	changes, err := filepath.Glob(filepath.Join(y.applied(), "full_change*.xml"))
	if err != nil || len(changes) == 0 {
		y.t.Fatalf("there is no change file: %v", err)
	}
	return append(append([]string{"apply", filepath.Join(y.applied(), "full.xml")}, changes...), "--out", filepath.Join(y.dir, "now.xml"))
}
