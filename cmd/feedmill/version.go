package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// versionCmd prints what is running.
type versionCmd struct {
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (versionCmd) Help() string {
	return `Prints the version, the commit it was built from, and the Go release and platform.

Example: feedmill version --json`
}

// Run implements the command.
func (c *versionCmd) Run(w *world) error {
	v := struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
		System  string `json:"system"`
	}{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	v.Version, v.Commit = buildVersion()
	if c.JSON {
		return writeJSON(w.stdout, v)
	}
	_, err := fmt.Fprintf(w.stdout, "feedmill %s %s (%s, %s)\n", v.Version, v.Commit, v.Go, v.System)
	return err
}

// buildVersion gives the version and the commit that the program was built from.
func buildVersion() (version, commit string) {
	version = "devel"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	return version, commit
}

// writeJSON writes a result for programs.
func writeJSON(to io.Writer, v any) error {
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
