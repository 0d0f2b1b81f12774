package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"feedmill/internal/api"
)

// spec is the document as it is served, and what of it was seen in use. It shares
// no code with what the API judges requests by.
type spec struct {
	doc  map[string]any
	mu   sync.Mutex
	seen map[string]bool // "GET /x 200"
}

func newSpec(t testing.TB, h http.Handler) *spec {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, api.Prefix+"/openapi.json", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("the document: status %d", rec.Code)
	}
	s := &spec{seen: map[string]bool{}}
	check(t, json.Unmarshal(rec.Body.Bytes(), &s.doc))
	return s
}

// An operation that needs a scope twice over names it once.
func TestScopesAreNamedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	for path, ops := range w.spec.doc["paths"].(map[string]any) {
		for method, op := range ops.(map[string]any) {
			scopes, _ := member[[]any](op, "x-scopes")
			for i, scope := range scopes {
				if slices.Contains(scopes[:i], scope) {
					t.Errorf("%s %s: scopes %v", method, path, scopes)
				}
			}
		}
	}
}

func member[T any](v any, path ...string) (found T, ok bool) {
	for _, name := range path {
		m, is := v.(map[string]any)
		if !is {
			return found, false
		}
		v = m[name]
	}
	found, ok = v.(T)
	return found, ok
}

// operation finds the path template and the operation of a request.
func (s *spec) operation(method, path string) (template string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	if method == http.MethodHead {
		method = http.MethodGet
	}
	paths, _ := member[map[string]any](s.doc, "paths")
	best := ""
	for t := range paths {
		if pathMatches(t, path) && (best == "" || strings.Count(t, "{") < strings.Count(best, "{")) {
			best = t
		}
	}
	op, _ = member[map[string]any](paths, best, strings.ToLower(method))
	return best, op
}

func pathMatches(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && (!strings.HasPrefix(a[i], "{") || b[i] == "") {
			return false
		}
	}
	return true
}

// check says what in an answer is not as the document has it.
func (s *spec) check(r request, a answer) error {
	template, op := s.operation(r.method, r.path)
	if op == nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed && a.status != http.StatusUnauthorized {
			return fmt.Errorf("there is no such operation in it")
		}
		return nil
	}
	s.mu.Lock()
	s.seen[r.method+" "+template+" "+strconv.Itoa(a.status)] = true
	s.mu.Unlock()
	response, ok := member[map[string]any](op, "responses", strconv.Itoa(a.status))
	if !ok {
		return fmt.Errorf("the status is not in it")
	}
	if headers, ok := member[map[string]any](response, "headers"); ok {
		for name := range headers {
			if a.header.Get(name) == "" && name != "Retry-After" {
				return fmt.Errorf("header %s is missing", name)
			}
		}
	}
	content, _ := member[map[string]any](response, "content")
	media := a.header.Get("Content-Type")
	if len(content) == 0 {
		if len(a.body) > 0 {
			return fmt.Errorf("there is a body")
		}
		return nil
	}
	schema, ok := member[map[string]any](content, media, "schema")
	if !ok {
		return fmt.Errorf("the type %q is not in it", media)
	}
	if r.method == http.MethodHead || schema["type"] == "string" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(a.body)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	return s.value(schema, v, "")
}

// value holds a value to a schema.
func (s *spec) value(schema map[string]any, v any, at string) error {
	if ref, ok := schema["$ref"].(string); ok {
		target, ok := member[map[string]any](s.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		if !ok {
			return fmt.Errorf("%s: %s leads nowhere", at, ref)
		}
		return s.value(target, v, at)
	}
	if options, ok := schema["anyOf"].([]any); ok {
		var errs []error
		for _, option := range options {
			err := s.value(option.(map[string]any), v, at)
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	kind := "null"
	switch x := v.(type) {
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(x)) {
			return fmt.Errorf("%s: %q is not in the enum", at, x)
		}
	case json.Number:
		kind = "number"
		if _, err := x.Int64(); err == nil {
			kind = "integer"
		}
	case []any:
		kind = "array"
		items, _ := schema["items"].(map[string]any)
		for i := range x {
			if err := s.value(items, x[i], at+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	case map[string]any:
		kind = "object"
		if err := s.members(schema, x, at); err != nil {
			return err
		}
	}
	var allowed []string
	switch t := schema["type"].(type) {
	case string:
		allowed = []string{t}
	case []any:
		for _, e := range t {
			allowed = append(allowed, e.(string))
		}
	}
	if len(allowed) > 0 && !slices.Contains(allowed, kind) && !(kind == "integer" && slices.Contains(allowed, "number")) {
		return fmt.Errorf("%s: is %s, not %v", at, kind, allowed)
	}
	return nil
}

func (s *spec) members(schema map[string]any, v map[string]any, at string) error {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range v {
		p, ok := properties[name].(map[string]any)
		if !ok {
			if schema["additionalProperties"] == false {
				return fmt.Errorf("%s: %s is not in the schema", at, name)
			}
			continue
		}
		if err := s.value(p, value, at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// operations lists what the document has: method, path and operation.
func (s *spec) operations() (list []specOperation) {
	paths, _ := member[map[string]any](s.doc, "paths")
	for path, at := range paths {
		for method, op := range at.(map[string]any) {
			list = append(list, specOperation{strings.ToUpper(method), path, op.(map[string]any)})
		}
	}
	slices.SortFunc(list, func(a, b specOperation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return list
}

type specOperation struct {
	method, path string
	op           map[string]any
}

// success gives the status of success.
func (o *specOperation) success() string {
	responses, _ := member[map[string]any](o.op, "responses")
	for status := range responses {
		if strings.HasPrefix(status, "2") {
			return status
		}
	}
	return ""
}
