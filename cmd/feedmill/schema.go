package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"feedmill/schema"
)

// schemaCmd lists and prints the XML Schema documents.
type schemaCmd struct {
	Name string `arg:"" optional:"" placeholder:"NAME" help:"Document to print, with or without .xsd, such as light."`
	JSON bool   `help:"Print the list as JSON."`
}

// Help implements kong.HelpProvider.
func (schemaCmd) Help() string {
	return `Without a name: lists the XML Schema documents that 'feedmill validate' judges by, one for each kind of
file and those that they include. With a name: prints that document. They are feedmill's own, written
from the facts of the Internet Offer Format 3.0 by IAI S.A.

Exit status: 0 done; 1 there is no such document.

Example: feedmill schema light > light.xsd`
}

// Run implements the command.
func (c *schemaCmd) Run(w *world) (err error) {
	names := schema.Files()
	if c.Name == "" {
		if c.JSON {
			return writeJSON(w.stdout, names)
		}
		_, err := fmt.Fprintln(w.stdout, strings.Join(names, "\n"))
		return err
	}
	name := strings.TrimSuffix(c.Name, ".xsd") + ".xsd"
	if !slices.Contains(names, name) {
		fmt.Fprintf(w.stderr, "feedmill: there is no schema document %q; 'feedmill schema' lists them\n", c.Name)
		return &quietError{exitFailed}
	}
	f, err := schema.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	_, err = io.Copy(w.stdout, f)
	return err
}
