// Command leakscan looks for secrets in files and folders: links, keys of the API
// and sessions, by their shape, and texts that are named, also where they are
// compressed or encoded. The test command looks with it through all that a run of
// the tests has left and said.
//
// It owns the command line. It refuses to know what a secret looks like.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"feedmill/internal/leak"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run gives the exit status: 0 nothing was found, 1 something was, 2 the command
// line is wrong, 3 something cannot be read.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("leakscan", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var canaries []leak.Canary
	flags.Func("canary", "`text` that must not be found; may be given again", func(text string) error {
		if len(text) < 8 {
			return fmt.Errorf("%d characters are found by chance: use 8 or more", len(text))
		}
		canaries = append(canaries, leak.Canary{Name: fmt.Sprintf("canary %d", len(canaries)+1), Text: text})
		return nil
	})
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: leakscan [-canary TEXT]... FILE|FOLDER...\n\nLooks for links, keys and sessions of feedmill, and for texts that are named. Exit status: 0 nothing\nwas found; 1 something was; 2 the command line is wrong; 3 something cannot be read.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	s := leak.New(canaries...)
	status, files := 0, 0
	for _, root := range flags.Args() {
		found, n, err := s.Tree(root)
		files += n
		for _, f := range found {
			fmt.Fprintln(stdout, f)
			status = 1
		}
		if err != nil {
			fmt.Fprintln(stderr, "leakscan:", err)
			return 3
		}
	}
	fmt.Fprintf(stderr, "leakscan: %d files\n", files)
	return status
}
