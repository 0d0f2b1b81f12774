package admin

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	xmessage "golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

//go:embed messages/*.toml
var messageFiles embed.FS

// tongue is a language that the pages are written in.
type tongue struct {
	// Code is its tag and its key in the message files, Name what it calls itself.
	Code, Name string
	// forms are the plural forms that whole numbers can take in it (CLDR).
	forms []string
}

// tongues lists the languages, the one for everybody else first.
func tongues() []tongue {
	return []tongue{
		{"en", "English", []string{"one", "other"}},
		{"pl", "Polski", []string{"one", "few", "many", "other"}},
		{"sl", "Slovenščina", []string{"one", "two", "few", "other"}},
		{"el", "Ελληνικά", []string{"one", "other"}},
		{"ru", "Русский", []string{"one", "few", "many", "other"}},
	}
}

// wording is one message: by language either a text, or its plural forms by
// name, chosen by the first argument. Texts take arguments as %[1]d or %[2]s.
type wording map[string]any

// lexicon is all messages in all languages. It never changes after it was made.
type lexicon struct {
	tags    []language.Tag
	matcher language.Matcher
	words   map[string]wording
	// plain holds, by language, the messages without plural forms.
	plain    map[string]map[string]string
	printers map[string]*xmessage.Printer
}

// loadLexicon reads the message files.
func loadLexicon() (*lexicon, error) {
	files, err := fs.Glob(messageFiles, "messages/*.toml")
	if err != nil {
		return nil, err
	}
	l := &lexicon{words: map[string]wording{}, plain: map[string]map[string]string{}, printers: map[string]*xmessage.Printer{}}
	for _, name := range files {
		data, err := messageFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var tables map[string]wording
		if err := toml.NewDecoder(bytes.NewReader(data)).Decode(&tables); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for key, w := range tables {
			if l.words[key] != nil {
				return nil, fmt.Errorf("%s: message %q is there twice", name, key)
			}
			l.words[key] = w
		}
	}
	build := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, t := range tongues() {
		tag := language.MustParse(t.Code)
		l.tags = append(l.tags, tag)
		l.plain[t.Code] = map[string]string{}
		for _, key := range slices.Sorted(maps.Keys(l.words)) {
			if err := l.set(build, tag, t, key); err != nil {
				return nil, err
			}
		}
	}
	for i, t := range tongues() {
		l.printers[t.Code] = xmessage.NewPrinter(l.tags[i], xmessage.Catalog(build))
	}
	l.matcher = language.NewMatcher(l.tags)
	return l, nil
}

func (l *lexicon) set(build *catalog.Builder, tag language.Tag, t tongue, key string) error {
	switch v := l.words[key][t.Code].(type) {
	case string:
		l.plain[t.Code][key] = v
		return build.SetString(tag, key, v)
	case map[string]any:
		var cases []any
		for _, form := range t.forms {
			text, ok := v[form].(string)
			if !ok {
				return fmt.Errorf("message %q has no plural form %q in %s", key, form, t.Code)
			}
			cases = append(cases, form, text)
		}
		if len(v) != len(t.forms) {
			return fmt.Errorf("message %q has %d plural forms in %s, want %v", key, len(v), t.Code, t.forms)
		}
		return build.Set(tag, key, plural.Selectf(1, "%d", cases...))
	case nil:
		return fmt.Errorf("message %q is missing in %s", key, t.Code)
	}
	return fmt.Errorf("message %q in %s is neither a text nor plural forms", key, t.Code)
}

// say gives a message in a language. Whole numbers among the arguments are
// written in its form. What is not there is an error of the program: the key.
func (l *lexicon) say(lang, key string, args ...any) string {
	if text, ok := l.plain[lang][key]; ok && len(args) == 0 {
		return text
	}
	return l.printers[lang].Sprintf(key, args...)
}

// has says whether there is a message of this name.
func (l *lexicon) has(key string) bool { return l.words[key] != nil }

// choose gives the language for a request: the account's, else the one chosen
// on the page, else what the browser asks for.
func (l *lexicon) choose(r *http.Request, cookie, account string) string {
	var wish []string
	if account != "" {
		wish = append(wish, account)
	}
	if c, err := r.Cookie(cookie); err == nil && len(c.Value) < 36 {
		wish = append(wish, c.Value)
	}
	// A header without end must not keep the matcher busy.
	if accept := r.Header.Get("Accept-Language"); len(accept) < 512 {
		wish = append(wish, accept)
	}
	_, i := language.MatchStrings(l.matcher, wish...)
	return tongues()[i].Code
}

// isTongue says whether pages are written in this language.
func isTongue(code string) bool {
	return slices.ContainsFunc(tongues(), func(t tongue) bool { return t.Code == code })
}

// tongueCodes lists the languages' tags.
func tongueCodes() (codes []string) {
	for _, t := range tongues() {
		codes = append(codes, t.Code)
	}
	return codes
}
