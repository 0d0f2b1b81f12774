package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"feedmill/internal/job/riverjob"
	"feedmill/internal/pgtest"
	"feedmill/internal/testserver"
	"feedmill/storage/postgres"
)

var update = flag.Bool("update", false, "rewrite the expected outputs of scripts")

// The servers that the shared set-up runs on, started by the tests that need them.
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

// tests stops the database server behind the tests.
type tests struct{ m *testing.M }

func (t tests) Run() int { return database.Main(t.m) }

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"feedmill": main})
}

// Each script runs the real program. $SAMPLE is the sample catalog's folder;
// $SHARED is the folder of published samples and schemas where it is at hand.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "script", nil)
}

// The scripts of the main job run once more over PostgreSQL and S3: the same
// program, but for its settings.
func TestScriptsOnSharedParts(t *testing.T) {
	t.Parallel()
	write := func(env *testscript.Env, name, text string) string {
		path := filepath.Join(env.WorkDir, "."+name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	server := objects.Versitygw(t)
	// The scripts under job expect an empty database and store each.
	runScripts(t, "job", func(env *testscript.Env) {
		for key, value := range map[string]string{
			"FEEDMILL_DATABASE_KIND": "postgres", "FEEDMILL_DATABASE_URL_FILE": write(env, "url", database.Database(t)),
			"FEEDMILL_STORE_KIND": "s3", "FEEDMILL_STORE_ENDPOINT": server.Endpoint, "FEEDMILL_STORE_REGION": server.Region,
			"FEEDMILL_STORE_BUCKET": server.Bucket(t), "FEEDMILL_STORE_ACCESS_KEY_FILE": write(env, "access", server.AccessKey),
			"FEEDMILL_STORE_SECRET_KEY_FILE": write(env, "secret", server.SecretKey),
		} {
			env.Setenv(key, value)
		}
	})
}

// The same scripts on the embedded default.
func TestScriptsOnEmbeddedParts(t *testing.T) {
	t.Parallel()
	runScripts(t, "job", nil)
}

func runScripts(t *testing.T, dir string, setup func(*testscript.Env)) {
	sample, err := filepath.Abs("sample")
	if err != nil {
		t.Fatal(err)
	}
	shared := sharedDir()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLE", sample)
			env.Setenv("SHARED", shared)
			if setup != nil {
				setup(env)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "shared" && shared != "", nil },
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"offer": offerCmd, "tree": treeCmd, "waitfor": waitForCmd, "xmllint": xmllintCmd},
	})
}

// sharedDir gives the folder of published samples beside the checkout, "" where
// there is none.
func sharedDir() string {
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared"))
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(dir, "iof", "official", "full.xsd")); err != nil {
		return ""
	}
	return dir
}
