package schema

import _ "embed"

//go:embed catalog.schema.json
var catalog string

// Catalog gives the JSON Schema (draft 2020-12) of a line of a catalog in
// JSON Lines, which package feed/catalog reads and docs/import.md describes.
func Catalog() string { return catalog }
