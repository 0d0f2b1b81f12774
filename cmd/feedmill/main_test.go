package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected outputs of scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"feedmill": main})
}

// Each script runs the real program. $SAMPLE is the sample catalog's folder;
// $SHARED is the folder of published samples and schemas where it is at hand.
func TestScripts(t *testing.T) {
	t.Parallel()
	sample, err := filepath.Abs("sample")
	if err != nil {
		t.Fatal(err)
	}
	shared := sharedDir()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLE", sample)
			env.Setenv("SHARED", shared)
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
