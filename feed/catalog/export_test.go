package catalog

// WebURL is webURL.
var WebURL = webURL

// DeriveCategory gives the id of a category that has only a path.
func DeriveCategory(path string) string { return deriveEntryID(kindCategory, "", path) }

// PhraseTexts are the sentences that [Phrases] recognizes.
func PhraseTexts() (texts []string) {
	for _, p := range phraseTexts() {
		texts = append(texts, p.text)
	}
	return texts
}
