package main

import (
	"cmp"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// line is a command line that was read.
type line struct {
	app  app
	kctx *kong.Context
	// status is what to end with where help was asked for, and negative elsewhere.
	status int
	// broken says that it is the grammar that is wrong, not the line.
	broken bool
}

// read reads a command line. Nearly all name a command first and are right, and
// then the others are not needed: making the grammar of all takes longer than most
// commands run. What the grammar of one command cannot read, or asks for help, is
// read by that of all, which alone has the words for it.
func (w *world) read(args []string, settings *settingsResolver) (*line, error) {
	if len(args) > 0 && !slices.Contains(args, "--help") {
		if others := otherCommands(args[0]); others != "" {
			silent := &world{stdout: io.Discard, stderr: io.Discard}
			if l, err := silent.readBy(args, settings, kong.IgnoreFields(others)); err == nil && l.status < 0 {
				return l, nil
			}
		}
	}
	return w.readBy(args, settings)
}

func (w *world) readBy(args []string, settings *settingsResolver, more ...kong.Option) (*line, error) {
	l := &line{status: -1}
	parser, err := kong.New(&l.app, append(more, kong.Name("feedmill"), kong.Description(description),
		kong.UsageOnError(), kong.Writers(w.stdout, w.stderr), kong.Exit(func(code int) { l.status = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}), kong.PostBuild(tidyFlags),
		kong.Resolvers(settings))...)
	if err != nil {
		l.broken = true
		return l, err
	}
	l.kctx, err = parser.Parse(args)
	return l, err
}

// otherCommands gives a pattern of the fields of [app] that hold commands, but for
// the one of this name; "" where there is none of it.
func otherCommands(name string) string {
	var others []string
	found := false
	for t, i := reflect.TypeFor[app](), 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if _, ok := f.Tag.Lookup("cmd"); !ok {
			continue
		}
		if cmp.Or(f.Tag.Get("name"), strings.ToLower(f.Name)) == name {
			found = true
		} else {
			others = append(others, f.Name)
		}
	}
	if !found {
		return ""
	}
	return `^app\.(?:` + strings.Join(others, "|") + `)$`
}
