package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schema is the part of JSON Schema 2020-12 that the API speaks.
type schema struct {
	Ref                  string             `json:"$ref,omitempty"`
	AnyOf                []*schema          `json:"anyOf,omitempty"`
	Type                 typeNames          `json:"type,omitempty"`
	Format               string             `json:"format,omitempty"`
	Description          string             `json:"description,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Minimum              *int64             `json:"minimum,omitempty"`
	Maximum              *int64             `json:"maximum,omitempty"`
	MinLength            *int64             `json:"minLength,omitempty"`
	MaxLength            *int64             `json:"maxLength,omitempty"`
	MinItems             *int64             `json:"minItems,omitempty"`
	MaxItems             *int64             `json:"maxItems,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties *bool              `json:"additionalProperties,omitempty"`
	ReadOnly             bool               `json:"readOnly,omitempty"`
}

// typeNames is one name, or several.
type typeNames []string

// MarshalJSON implements json.Marshaler.
func (t typeNames) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// shaped is a type that says itself which schema its JSON has.
type shaped interface{ schema() *schema }

// optional is a type whose value may be left out.
type optional interface{ inner() reflect.Type }

// schemas makes schemas of types and keeps those of structs by name.
type schemas struct {
	named map[string]*schema
	types map[string]reflect.Type
}

func newSchemas() *schemas {
	return &schemas{named: map[string]*schema{}, types: map[string]reflect.Type{}}
}

const refPrefix = "#/components/schemas/"

var (
	shapedType   = reflect.TypeFor[shaped]()
	optionalType = reflect.TypeFor[optional]()
	timeType     = reflect.TypeFor[time.Time]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// of gives the schema of a type. A type that the API's documents are not made of
// is a mistake of the program, found when the routes are put together.
func (g *schemas) of(t reflect.Type) (*schema, error) {
	switch {
	case t.Implements(shapedType):
		return reflect.Zero(t).Interface().(shaped).schema(), nil
	case t.Implements(optionalType):
		return g.of(reflect.Zero(t).Interface().(optional).inner())
	case t == timeType:
		return &schema{Type: typeNames{"string"}, Format: "date-time"}, nil
	case t == rawType:
		return &schema{Description: "any JSON"}, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.String:
		return &schema{Type: typeNames{"string"}}, nil
	case reflect.Bool:
		return &schema{Type: typeNames{"boolean"}}, nil
	case reflect.Int, reflect.Int64, reflect.Int32:
		return &schema{Type: typeNames{"integer"}}, nil
	case reflect.Slice:
		items, err := g.of(t.Elem())
		return &schema{Type: typeNames{"array"}, Items: items}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			break
		}
		// Whose members nobody can list beforehand.
		return &schema{Type: typeNames{"object"}}, nil
	case reflect.Struct:
		return g.object(t)
	}
	return nil, fmt.Errorf("%s has no schema", t)
}

// nameOfType gives the name of a struct's schema: "partnerDoc" is "Partner".
func nameOfType(t reflect.Type) string {
	name := t.Name()
	if at := strings.IndexByte(name, '['); at >= 0 { // pageDoc[feedmill/internal/api.shopDoc]
		arg := name[at+1 : len(name)-1]
		arg = arg[strings.LastIndexByte(arg, '.')+1:]
		name = strings.TrimSuffix(arg, "Doc") + strings.ToUpper(name[:1]) + name[1:at]
	}
	name = strings.TrimSuffix(name, "Doc")
	return strings.ToUpper(name[:1]) + name[1:]
}

func (g *schemas) object(t reflect.Type) (*schema, error) {
	name := nameOfType(t)
	if before, ok := g.types[name]; ok {
		if before != t {
			return nil, fmt.Errorf("%s and %s would both be called %s", before, t, name)
		}
		return &schema{Ref: refPrefix + name}, nil
	}
	closed := false
	s := &schema{Type: typeNames{"object"}, Properties: map[string]*schema{}, AdditionalProperties: &closed}
	g.types[name], g.named[name] = t, s
	if err := g.fields(s, t); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	slices.Sort(s.Required)
	return &schema{Ref: refPrefix + name}, nil
}

func (g *schemas) fields(s *schema, t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("json")
		if f.Anonymous && !ok {
			if err := g.fields(s, f.Type); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" || name == "-" {
			return fmt.Errorf("field %s has no name in JSON", f.Name)
		}
		p, err := g.of(f.Type)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		if p, err = refine(p, f.Tag.Get("schema"), f.Tag.Get("doc")); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		s.Properties[name] = p
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
	return nil
}

// refine adds what a field's tags say: "min=1,max=200,enum=a|b,format=email,null".
// Bounds are of a number's value, a text's length in characters, or of how many
// items a list has; "each" turns those behind it to the items.
func refine(s *schema, rules, doc string) (*schema, error) {
	c := *s
	c.Description = doc
	at := &c
	for rule := range strings.SplitSeq(rules, ",") {
		name, value, _ := strings.Cut(rule, "=")
		n, numErr := strconv.ParseInt(value, 10, 64)
		switch name {
		case "":
			continue
		case "enum":
			at.Enum = strings.Split(value, "|")
			continue
		case "format":
			at.Format = value
			continue
		case "pattern":
			at.Pattern = value
			continue
		case "null":
			if at.Ref != "" {
				*at = schema{AnyOf: []*schema{{Ref: at.Ref}, {Type: typeNames{"null"}}}, Description: at.Description}
				continue
			}
			at.Type = append(slices.Clone(at.Type), "null")
			continue
		case "each":
			items := *at.Items
			at.Items, at = &items, &items
			continue
		case "min", "max":
		default:
			return nil, fmt.Errorf("%q is no rule", rule)
		}
		if numErr != nil {
			return nil, fmt.Errorf("%q is no bound", rule)
		}
		var to **int64
		switch kind := at.Type; {
		case slices.Contains(kind, "string"):
			to = map[string]**int64{"min": &at.MinLength, "max": &at.MaxLength}[name]
		case slices.Contains(kind, "array"):
			to = map[string]**int64{"min": &at.MinItems, "max": &at.MaxItems}[name]
		default:
			to = map[string]**int64{"min": &at.Minimum, "max": &at.Maximum}[name]
		}
		*to = &n
	}
	return &c, nil
}

// opt is a member of a document that may be left out, and may be null where that
// means something.
type opt[T any] struct {
	// Set says that the member was there, Null that it was null.
	Set, Null bool
	Value     T
}

// IsZero is for omitzero.
func (o opt[T]) IsZero() bool { return !o.Set }

func (opt[T]) inner() reflect.Type { return reflect.TypeFor[T]() }

// UnmarshalJSON implements json.Unmarshaler.
func (o *opt[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// MarshalJSON implements json.Marshaler.
func (o opt[T]) MarshalJSON() ([]byte, error) {
	if o.Null || !o.Set {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// parse reads a parameter, which is a number or a time.
func (o *opt[T]) parse(text string) error {
	if _, ok := any(o.Value).(time.Time); ok {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return fmt.Errorf("%.40q is no time: write 2026-11-27T18:00:00Z or with an offset", text)
		}
		text = strconv.Quote(text)
	}
	if err := o.UnmarshalJSON([]byte(text)); err != nil || o.Null {
		return fmt.Errorf("%.40q is no whole number", text)
	}
	return nil
}

// pointer gives the value, nil where the member was left out.
func (o opt[T]) pointer() *T {
	if !o.Set {
		return nil
	}
	v := o.Value
	return &v
}

// decimal is a number that is never a float: it is written as a text and may be
// given as a number too.
type decimal string

func (decimal) schema() *schema {
	return &schema{Type: typeNames{"string", "number"}, Format: "decimal"}
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *decimal) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*d = decimal(s)
		return nil
	}
	*d = decimal(b)
	return nil
}
