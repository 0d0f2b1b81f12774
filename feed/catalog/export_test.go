package catalog

// WebURL is webURL.
var WebURL = webURL

// DeriveCategory gives the id of a category that has only a path.
func DeriveCategory(path string) string { return deriveEntryID(kindCategory, "", path) }
