package admin

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"feedmill/feed/catalog"
)

//go:embed templates/*.html parts/*.html
var templateFiles embed.FS

// templates are the pages, ready in each language and zone that was asked for.
type templates struct {
	words  *lexicon
	assets *assets
	now    func() time.Time
	// phrases recognizes what imports say, and what refuses values.
	phrases *catalog.Phrases
	// labels are the messages that stand at fields, by the fields' names.
	labels map[string]string
	// plain are the pages as they were read, by name; each holds the layout, all
	// parts and the page's own blocks "title" and "main".
	plain map[string]*template.Template

	mu   sync.Mutex
	sets map[setKey]*set
}

type setKey struct {
	lang   string
	offset int
}

// set is the pages in one language and zone.
type set struct {
	speaker *speaker
	pages   map[string]*template.Template
}

// loadTemplates reads the pages. An error of one is found here and not when
// somebody asks for it.
func loadTemplates(words *lexicon, assets *assets, now func() time.Time) (*templates, error) {
	t := &templates{words: words, assets: assets, now: now, phrases: newPhrases(), labels: map[string]string{}, plain: map[string]*template.Template{}, sets: map[setKey]*set{}}
	// Functions are bound anew for each language; these say only what there is.
	s := &speaker{words: words, lang: tongues()[0].Code, zone: time.UTC, now: now}
	base, err := template.New("").Funcs(t.functions(s)).Option("missingkey=error").ParseFS(templateFiles, "parts/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		page, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
		for _, block := range []string{"layout.html", "title", "main"} {
			if page.Lookup(block) == nil {
				return nil, fmt.Errorf("template %s has no block %q", file, block)
			}
		}
		t.plain[name] = page
	}
	parts, err := fs.Glob(templateFiles, "parts/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range append(files, parts...) {
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t.label(string(text))
	}
	return t, nil
}

// label notes which message stands at which field of a template: a form that is
// shown again on another page calls its fields what its own page calls them.
func (t *templates) label(text string) {
	for _, input := range strings.Split(text, "(input ")[1:] {
		if words := strings.Split(input, `"`); len(words) > 3 && strings.TrimSpace(words[2]) == "" {
			if _, ok := t.labels[words[1]]; !ok {
				t.labels[words[1]] = words[3]
			}
		}
	}
}

// fieldName gives what pages call a field, and its own name where none does.
func (t *templates) fieldName(s *speaker, name string) string {
	if key := t.labels[name]; key != "" && !t.words.has("fact."+name) {
		return s.T(key)
	}
	return s.word("fact", name)
}

// in gives the pages in a language and zone.
func (t *templates) in(lang string, zone *time.Location) (*set, error) {
	_, offset := t.now().In(zone).Zone()
	key := setKey{lang, offset}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sets[key]; s != nil {
		return s, nil
	}
	s := &set{speaker: &speaker{words: t.words, lang: lang, zone: time.FixedZone("", offset), now: t.now}, pages: map[string]*template.Template{}}
	functions := t.functions(s.speaker)
	for name, page := range t.plain {
		c, err := page.Clone()
		if err != nil {
			return nil, err
		}
		s.pages[name] = c.Funcs(functions)
	}
	t.sets[key] = s
	return s, nil
}

// functions are what templates may call.
func (t *templates) functions(s *speaker) template.FuncMap {
	return template.FuncMap{
		"t": s.T, "told": s.teller(t.phrases), "said": func(m said) string { return s.said(t.phrases, m) }, "note": s.note, "notes": s.notes, "word": s.word, "has": t.words.has,
		"num": s.num, "decimal": s.decimal, "money": s.money, "percent": s.percent, "share": s.share, "bytes": s.bytes,
		"day": s.day, "date": s.date, "moment": s.moment, "when": s.when, "since": s.since, "span": s.span, "zone": s.zoneName,
		"asset": t.assets.address, "fieldname": func(name string) string { return t.fieldName(s, name) },
		"list": func(v ...any) []any { return v },
		"join": strings.Join,
		// Of a form: {{template "input" (input .Form "email" "partner.email" | kind "email" | max 200)}}.
		"input": newInput, "kind": inputKind, "max": inputMax, "hint": inputHint, "need": inputNeed,
		"among": inputAmong, "auto": inputAuto, "rows": inputRows,
		"switch": newSwitch, "tab": newTab,
	}
}
