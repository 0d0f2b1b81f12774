package killed_test

import (
	"os"
	"path/filepath"
	"strings"
)

// command is something that is killed. Each step fails the yard's test.
type command struct {
	name string
	// ready prepares the yard. It is called once; what it has made is copied for
	// each kill.
	ready func(y *yard)
	// start runs what is killed.
	start func(y *yard, env ...string) result
	// fails says that the command ends with a failure when nobody kills it.
	fails bool
	// seen looks at what the killed command has left.
	seen func(y *yard)
	// again lets the command, and what usually follows it, run once more, and
	// gives what that took.
	again func(y *yard) effort
	// settled looks at the end; verify proves everything after it.
	settled func(y *yard)
	// alone says that records and store have no part in it, shared that it is
	// about PostgreSQL and S3.
	alone, shared bool
}

// runs gives the start of a command that ends by itself.
func runs(args func(y *yard) []string) func(*yard, ...string) result {
	return func(y *yard, env ...string) result {
		y.t.Helper()
		return y.run(args(y), env...)
	}
}

func publishes(*yard) []string { return []string{"publish"} }

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

func (y *yard) timed(args ...string) effort {
	y.t.Helper()
	r := y.run(args)
	if r.status != 0 {
		y.t.Fatalf("feedmill %s: exit status %d: %s", strings.Join(args, " "), r.status, r.output)
	}
	return r.took
}

// heldAgain publishes what the guard stops.
func heldAgain(y *yard) effort {
	y.t.Helper()
	r := y.run([]string{"publish"})
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
			start: runs(func(y *yard) []string { return []string{"import", "--catalog", y.catalog(y.imported, 1)} }),
			seen:  oldOrNew,
			again: func(y *yard) effort {
				return y.timed("import", "--catalog", y.catalog(y.imported, 1)).plus(y.timed("publish"))
			},
			settled: newest,
		},
		{
			name: "publish",
			ready: func(y *yard) {
				y.imported++
				y.must("import", "--catalog", y.catalog(y.imported, 1))
			},
			start:   runs(publishes),
			seen:    oldOrNew,
			again:   func(y *yard) effort { return y.timed("publish") },
			settled: newest,
		},
		{
			// Some files are so large that they are stored in parts.
			name:   "publish in parts",
			shared: true,
			ready: func(y *yard) {
				y.large = true
				y.imported++
				y.must("import", "--catalog", y.catalog(y.imported, 1))
			},
			start:   runs(publishes),
			seen:    func(y *yard) { oldOrNew(y); y.leftParts() },
			again:   func(y *yard) effort { return y.timed("publish") },
			settled: func(y *yard) { newest(y); y.sweepParts() },
		},
		{
			// The guard stops what has lost most products, and the next catalog is right.
			name:  "held",
			fails: true,
			ready: func(y *yard) { y.must("import", "--catalog", y.catalog(y.imported, 8)) },
			start: runs(func(y *yard) []string { return []string{"publish", "--feeds.max_loss", "5"} }),
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
			start:   runs(func(y *yard) []string { return []string{"sweep"} }),
			seen:    oldOrNew,
			again:   func(y *yard) effort { return y.timed("sweep") },
			settled: newest,
		},
		{
			// A worker publishes, sweeps and looks for what runs have left.
			name: "worker",
			ready: func(y *yard) {
				y.rubbish()
				y.imported++
				y.env = append(y.env, "FEEDMILL_JOBS_PUBLISH_EVERY=0s")
				y.must("import", "--catalog", y.catalog(y.imported, 1))
			},
			start: func(y *yard, env ...string) result { return y.work(env...) },
			seen:  oldOrNew,
			again: func(y *yard) effort {
				y.ageSchedules()
				return y.work().took
			},
			settled: func(y *yard) { newest(y); y.clean() },
		},
		{
			name:  "generate",
			alone: true,
			ready: func(y *yard) {
				y.must("generate", "--catalog", y.catalog(0, 1), "--out", y.offer(), "--gzip")
				y.generated = 1
			},
			start: runs((*yard).generateArgs),
			seen:  func(y *yard) { y.must("verify", y.offer()) },
			again: func(y *yard) effort { return y.timed(y.generateArgs()...) },
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
			ready: func(*yard) {},
			start: runs((*yard).firstArgs),
			seen: func(y *yard) {
				if _, err := os.Stat(y.first()); err == nil {
					y.must("verify", y.first())
				}
			},
			again:   func(y *yard) effort { return y.timed(y.firstArgs()...) },
			settled: func(y *yard) { y.must("verify", y.first()) },
		},
		{
			// The result of apply replaces the full file that it was made from.
			name:  "apply",
			alone: true,
			ready: func(y *yard) {
				for n := range 2 {
					y.must("generate", "--catalog", y.catalog(n, 1), "--out", y.applied())
				}
			},
			start: runs((*yard).applyArgs),
			seen: func(y *yard) {
				data, err := os.ReadFile(filepath.Join(y.dir, "now.xml"))
				if err == nil && !strings.HasSuffix(string(data), "</offer>\n") {
					y.t.Errorf("the result has %d bytes and no end", len(data))
				}
			},
			again:   func(y *yard) effort { return y.timed(y.applyArgs()...) },
			settled: func(y *yard) { y.must("validate", filepath.Join(y.dir, "now.xml")) },
		},
	}
}

func (y *yard) generateArgs() []string {
	return []string{"generate", "--catalog", y.catalog(y.generated, 1), "--out", y.offer(), "--gzip"}
}

func (y *yard) firstArgs() []string {
	return []string{"generate", "--catalog", y.catalog(0, 1), "--out", y.first()}
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
