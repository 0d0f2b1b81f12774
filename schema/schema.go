package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"feedmill/schema/grammar"
)

//go:embed xsd/*.xsd
var embedded embed.FS

// documents is the folder of schema documents.
func documents() fs.FS {
	sub, err := fs.Sub(embedded, "xsd")
	if err != nil {
		panic(err) // only a malformed constant could do that
	}
	return sub
}

// Files lists the names of the schema documents, sorted: one for each [Kind]
// and those that they include or import by relative location.
func Files() []string {
	names, err := fs.Glob(documents(), "*.xsd")
	if err != nil {
		panic(err) // only a malformed constant could do that
	}
	return names
}

// Open opens a schema document by its name. It fails with fs.ErrNotExist for
// any other name.
func Open(name string) (fs.File, error) {
	f, err := documents().Open(name)
	if err != nil {
		return nil, fmt.Errorf("open schema document: %w", err)
	}
	return f, nil
}

// compiled holds the compiled schema of every kind, each made at first use.
var compiled = func() map[Kind]func() (*grammar.Schema, error) {
	table := make(map[Kind]func() (*grammar.Schema, error))
	for _, k := range Kinds() {
		table[k] = sync.OnceValues(func() (*grammar.Schema, error) {
			s, err := grammar.Compile(documents(), string(k)+".xsd")
			if err != nil {
				return nil, fmt.Errorf("compile schema of %s: %w", k, err)
			}
			return s, nil
		})
	}
	return table
}()
