package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// The grammar of one command is that of all commands without the others: the same
// help, and the same flags, down to those that no help shows.
func TestGrammarOfOneCommand(t *testing.T) {
	t.Parallel()
	build := func(more ...kong.Option) (*line, *kong.Kong) {
		l := new(line)
		parser, err := kong.New(&l.app, append(more, kong.PostBuild(tidyFlags))...)
		if err != nil {
			t.Fatal(err)
		}
		return l, parser
	}
	flags := func(n *kong.Node) (list []string) {
		for ; n != nil; n = n.Parent {
			for _, f := range n.Flags {
				list = append(list, fmt.Sprint(f.Name, f.Short, f.Default, f.Envs, f.Required, f.Hidden, f.Enum, f.Help))
			}
		}
		return list
	}
	_, all := build()
	for _, command := range all.Model.Children {
		others := otherCommands(command.Name)
		if others == "" {
			t.Errorf("feedmill %s is not known to be a command", command.Name)
			continue
		}
		_, alone := build(kong.IgnoreFields(others))
		if len(alone.Model.Children) != 1 {
			t.Errorf("the grammar of feedmill %s has %d commands, want 1", command.Name, len(alone.Model.Children))
		}
		want, got := leaves(command), leaves(alone.Model.Children[0])
		if len(got) != len(want) {
			t.Fatalf("feedmill %s: got %d commands below it, want %d", command.Name, len(got), len(want))
		}
		for i := range want {
			if g, w := got[i].FullPath(), want[i].FullPath(); g != w {
				t.Errorf("got %q, want %q", g, w)
			}
			if g, w := flags(got[i]), flags(want[i]); !slices.Equal(g, w) {
				t.Errorf("%s: got flags\n%q\nwant\n%q", want[i].FullPath(), g, w)
			}
			if g, w := helpOf(t, others, got[i]), helpOf(t, "", want[i]); g != w {
				t.Errorf("%s: got help\n%s\nwant\n%s", want[i].FullPath(), g, w)
			}
		}
	}
	for _, name := range []string{"", "no-such", "newepoch", "config.Config", "--data", ".*"} {
		if others := otherCommands(name); others != "" {
			t.Errorf("%q: got %q, want no command", name, others)
		}
	}
}

// leaves are a command and all below it.
func leaves(n *kong.Node) (list []*kong.Node) {
	list = []*kong.Node{n}
	for _, c := range n.Children {
		list = append(list, leaves(c)...)
	}
	return list
}

func helpOf(t *testing.T, others string, n *kong.Node) string {
	t.Helper()
	var out bytes.Buffer
	w := &world{stdout: &out, stderr: &out}
	var more []kong.Option
	if others != "" {
		more = append(more, kong.IgnoreFields(others))
	}
	words := strings.Fields(n.Path())
	l, err := w.readBy(append(words, "--help"), new(settingsResolver), more...)
	if l.status != 0 || out.Len() == 0 {
		t.Fatalf("%q --help: got status %d, %v and nothing to read", words, l.status, err)
	}
	return out.String()
}

// Whatever is wrong with a line, it is told as the grammar of all commands tells it.
func TestGrammarTellsAsBefore(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.toml")
	for _, args := range [][]string{
		{"generate"}, {"generate", "-h"}, {"generate", "--nosuch"}, {"generate", "serve"}, {"generate", "--catalog"},
		{"partner"}, {"partner", "lst"}, {"partner", "list", "too", "many"}, {"offer", "add"}, {"version", "--config", missing},
		{"serve", "--server.listen"}, {"new-epoch", "x"}, {"job", "list", "--limit", "many"}, {"help", "link"}, {"help"}, {"nosuch"}, {},
		{"--data", "x"}, {"-h"}, {"version", "--data", ""},
	} {
		status := func(whole bool) string {
			var out, errs bytes.Buffer
			w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now}
			line := args
			if whole && len(args) > 0 {
				// A flag in front, which says what is so anyway: no command comes first.
				line = append([]string{"--log.level=info"}, asAsked(args)...)
			}
			return fmt.Sprintf("%d\n%s\n%s", w.run(line), &out, &errs)
		}
		if got, want := status(false), status(true); got != want {
			t.Errorf("%q: got %s\nwant %s", args, got, want)
		}
	}
}

// A line that is right gives the command its settings.
func TestGrammarReads(t *testing.T) {
	t.Parallel()
	w := &world{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}
	l, err := w.read([]string{"generate", "--catalog", "a.jsonl", "--out", "b", "--data", "c", "--gzip"}, new(settingsResolver))
	if err != nil {
		t.Fatal(err)
	}
	if g := &l.app.Generate; l.kctx.Command() != "generate" || g.Out != "b" || !g.Gzip || l.app.Data != "c" {
		t.Errorf("got %s of %+v with data %q", l.kctx.Command(), g, l.app.Data)
	}
	if n := len(l.kctx.Model.Children); n != 1 {
		t.Errorf("got a grammar of %d commands, want that of one", n)
	}
}
