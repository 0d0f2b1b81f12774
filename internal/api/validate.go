package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// fieldError is what is wrong with one place of a document.
type fieldError struct {
	// Pointer is an RFC 6901 pointer into the document, "" for all of it.
	Pointer string `json:"pointer" doc:"where in the body it is, as a JSON pointer (RFC 6901)"`
	Detail  string `json:"detail" doc:"what is wrong, and what would be right"`
}

const (
	maxDepth       = 32
	maxFieldErrors = 50
)

// parseJSON reads one JSON value, numbers as [json.Number]. Unlike the standard
// library alone it refuses a member that stands twice, since two readers would
// take different ones, text that is not UTF-8, and deep nesting.
func parseJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the text is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("at byte %d: %s", syntax.Offset, syntax.Error())
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil, errors.New("the document ends too early")
		}
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("at byte %d: something follows the end of the document", d.InputOffset())
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("at byte %d: more than %d levels", d.InputOffset(), maxDepth)
	}
	if open == '[' {
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	object := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("at byte %d: member %.60q stands twice", d.InputOffset(), name)
		}
		if object[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return object, err
}

// pointerPart escapes a member's name in a pointer (RFC 6901).
func pointerPart(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// check says what in a value is not as the schema wants it.
func (g *schemas) check(s *schema, v any, at string, errs *[]fieldError) {
	if len(*errs) >= maxFieldErrors {
		return
	}
	bad := func(format string, args ...any) {
		*errs = append(*errs, fieldError{at, fmt.Sprintf(format, args...)})
	}
	if len(s.AnyOf) > 0 { // a document or null
		if v == nil {
			return
		}
		s = s.AnyOf[0]
	}
	if s.Ref != "" {
		s = g.named[strings.TrimPrefix(s.Ref, refPrefix)]
	}
	if len(s.Type) > 0 && !slices.Contains(s.Type, typeOfValue(v)) && !(typeOfValue(v) == "integer" && slices.Contains(s.Type, "number")) {
		bad("is %s, not %s", article(typeOfValue(v)), article(strings.Join(s.Type, " or ")))
		return
	}
	switch v := v.(type) {
	case string:
		g.checkText(s, v, bad)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil && slices.Contains(s.Type, "integer") {
			bad("is too large a number")
			return
		}
		if s.Minimum != nil && n < *s.Minimum {
			bad("is less than %d", *s.Minimum)
		}
		if s.Maximum != nil && n > *s.Maximum {
			bad("is more than %d", *s.Maximum)
		}
	case []any:
		if s.MinItems != nil && int64(len(v)) < *s.MinItems {
			bad("has %d items, at least %d are needed", len(v), *s.MinItems)
		}
		if s.MaxItems != nil && int64(len(v)) > *s.MaxItems {
			bad("has %d items, at most %d are taken", len(v), *s.MaxItems)
			return
		}
		if s.Items != nil {
			for i := range v {
				g.check(s.Items, v[i], at+"/"+strconv.Itoa(i), errs)
			}
		}
	case map[string]any:
		g.checkObject(s, v, at, errs)
	}
}

func (g *schemas) checkObject(s *schema, v map[string]any, at string, errs *[]fieldError) {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			*errs = append(*errs, fieldError{at + pointerPart(name), "is missing"})
		}
	}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := s.Properties[name]
		if p != nil {
			g.check(p, v[name], at+pointerPart(name), errs)
		} else if s.AdditionalProperties != nil && !*s.AdditionalProperties {
			*errs = append(*errs, fieldError{at + pointerPart(shorten(name, 60)), "is not a member that is known here" + nearest(name, s.Properties)})
		}
	}
}

// nearest names a known member that may have been meant.
func nearest(name string, known map[string]*schema) string {
	folded := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	for k := range known {
		if strings.ReplaceAll(k, "_", "") == folded {
			return ": " + k + " is"
		}
	}
	return ""
}

func (g *schemas) checkText(s *schema, v string, bad func(string, ...any)) {
	n := int64(utf8.RuneCountInString(v))
	if s.MinLength != nil && n < *s.MinLength {
		bad("has %d characters, at least %d are needed", n, *s.MinLength)
	}
	if s.MaxLength != nil && n > *s.MaxLength {
		bad("has %d characters, at most %d are taken", n, *s.MaxLength)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		bad("%q is none of %s", shorten(v, 40), strings.Join(s.Enum, ", "))
	}
	if s.Pattern != "" {
		if ok, err := regexp.MatchString(s.Pattern, v); err != nil || !ok {
			bad("%q does not have the form %s", shorten(v, 40), s.Pattern)
		}
	}
	if s.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			bad("%q is no time: write 2026-11-27T18:00:00Z or with an offset", shorten(v, 40))
		}
	}
}

func typeOfValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}

func article(name string) string {
	switch {
	case name == "null":
		return name
	case strings.ContainsAny(name[:1], "aeiou"):
		return "an " + name
	}
	return "a " + name
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
