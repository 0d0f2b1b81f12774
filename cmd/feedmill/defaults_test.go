package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// A flag whose value has a name in the help shows no default beside it, so its
// text tells it: nobody can know otherwise what a command does without the flag.
func TestHelpTellsDefaults(t *testing.T) {
	t.Parallel()
	var a app
	parser, err := kong.New(&a, kong.PostBuild(tidyFlags))
	if err != nil {
		t.Fatal(err)
	}
	settings := settingKeys()
	for _, command := range parser.Model.Leaves(false) {
		for _, f := range command.Flags {
			if !f.HasDefault || f.PlaceHolder == "" || f.IsBool() || slices.Contains(settings, f.Name) || strings.HasPrefix(f.Default, "-") {
				continue
			}
			if !strings.Contains(f.Help, "Default ") {
				t.Errorf("feedmill %s: --%s does not tell that %s is its default", command.Path(), f.Name, f.Default)
			}
		}
	}
}
