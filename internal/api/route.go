package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/internal/manage"
)

// operation is one method of one address: what the document says of it, and what
// it does.
type operation struct {
	method, path, id, tag, summary, detail string
	// do is what the caller must be allowed to do; 0 is enough with any live key.
	do manage.Action
	// also is what he must be allowed to do besides.
	also []manage.Action
	// open operations need no key.
	open bool
	// versioned ones need the version that the change was made from.
	versioned bool
	// status is that of success.
	status int
	params []param
	body   *bodySpec
	// out is the type of the answer, nil for none; media is not "" for answers
	// that are not JSON documents of the API's own.
	out   reflect.Type
	media string
	tags  map[string]string

	segments  []string
	outSchema *schema
	in        reflect.Type
	run       func(c *call, in reflect.Value) (*reply, error)
}

// param is a part of the address or of the query.
type param struct {
	name, in, doc string
	field         []int
	schema        *schema
	required      bool
}

// bodySpec is what an operation takes.
type bodySpec struct {
	field  []int
	typ    reflect.Type
	schema *schema
	// media are the types that are taken, the usual one first.
	media []string
	limit int64
	// spare bodies may be left out.
	spare bool
	// heavy ones take a place among the few large requests at a time.
	heavy bool
}

// Limits of bodies.
const (
	bodyLimit  = 1 << 20
	bulkLimit  = 50 << 20
	patchLimit = 4 << 20
)

// none is the answer of operations that have none.
type none struct{}

// lines is a body of lines, or the same as a JSON array.
type lines []byte

// option changes an operation as it is put together.
type option func(*operation)

func detail(text string) option { return func(o *operation) { o.detail = text } }

func status(n int) option { return func(o *operation) { o.status = n } }

func versioned() option { return func(o *operation) { o.versioned = true } }

func heavy(limit int64) option {
	return func(o *operation) { o.body.limit, o.body.heavy = limit, true }
}

func also(do ...manage.Action) option {
	return func(o *operation) { o.also = append(o.also, do...) }
}

func spare() option { return func(o *operation) { o.body.spare = true } }

// op puts an operation together. In is a struct whose fields stand in the address
// (tag path), in the query (tag query) or are the body (tag body); Out is the
// document of the answer.
func op[In, Out any](tag, method, path, id string, do manage.Action, summary string, fn func(c *call, in *In) (*Out, error), options ...option) *operation {
	o := &operation{method: method, path: path, id: id, tag: tag, do: do, summary: summary, status: http.StatusOK,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), segments: strings.Split(path, "/")}
	if do == manage.WriteAccounts || do == manage.WriteMerchant {
		// A change is made from what stands there, and its answer shows what it has become.
		o.also = []manage.Action{manage.ReadAccounts}
	}
	if o.out == reflect.TypeFor[none]() {
		o.out, o.status = nil, http.StatusNoContent
	}
	o.describe()
	for _, f := range options {
		f(o)
	}
	o.run = func(c *call, in reflect.Value) (*reply, error) {
		out, err := fn(c, in.Interface().(*In))
		if err != nil {
			return nil, err
		}
		if o.out == nil {
			return &reply{status: o.status}, nil
		}
		return c.document(out)
	}
	return o
}

// raw puts an operation together whose answer is no document of the API's own.
func raw[In any](tag, method, path, id string, do manage.Action, summary, media string, fn func(c *call, in *In) (*reply, error), options ...option) *operation {
	o := &operation{method: method, path: path, id: id, tag: tag, do: do, summary: summary, status: http.StatusOK, media: media,
		in: reflect.TypeFor[In](), segments: strings.Split(path, "/")}
	o.describe()
	for _, f := range options {
		f(o)
	}
	o.run = func(c *call, in reflect.Value) (*reply, error) { return fn(c, in.Interface().(*In)) }
	return o
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// tagged says whether answers have an ETag.
func (o *operation) tagged() bool {
	return o.out != nil && reflect.PointerTo(o.out).Implements(reflect.TypeFor[interface{ version() int64 }]())
}

// describe finds the parameters and the body of the input.
func (o *operation) describe() {
	for i := range o.in.NumField() {
		f := o.in.Field(i)
		if f.Anonymous {
			for k := range f.Type.NumField() {
				o.field(f.Type.Field(k), []int{i, k})
			}
			continue
		}
		o.field(f, []int{i})
	}
}

func (o *operation) field(f reflect.StructField, index []int) {
	for _, in := range []string{"path", "query"} {
		if name, ok := f.Tag.Lookup(in); ok {
			o.params = append(o.params, param{name: name, in: in, doc: f.Tag.Get("doc"), field: index, required: in == "path"})
			o.setRules(f.Tag.Get("schema"))
			return
		}
	}
	if _, ok := f.Tag.Lookup("body"); ok {
		o.body = &bodySpec{field: index, typ: f.Type, media: []string{"application/json"}, limit: bodyLimit}
		if f.Type == reflect.TypeFor[lines]() {
			o.body.media = []string{"application/x-ndjson", "application/jsonl", "application/json"}
		}
	}
}

func (o *operation) setRules(rules string) {
	if o.tags == nil {
		o.tags = map[string]string{}
	}
	p := &o.params[len(o.params)-1]
	o.tags[p.in+" "+p.name] = rules
}

// bind makes the schemas of an operation.
func (o *operation) bind(g *schemas) error {
	for i := range o.params {
		p := &o.params[i]
		s, err := g.of(o.in.FieldByIndex(p.field).Type)
		if err == nil {
			p.schema, err = refine(s, o.tags[p.in+" "+p.name], "")
		}
		if err != nil {
			return fmt.Errorf("%s: parameter %s: %w", o.id, p.name, err)
		}
	}
	if o.body != nil && o.body.typ != reflect.TypeFor[lines]() {
		s, err := g.of(o.body.typ)
		if err != nil {
			return fmt.Errorf("%s: body: %w", o.id, err)
		}
		o.body.schema = s
	}
	if o.out != nil {
		s, err := g.of(o.out)
		if err != nil {
			return fmt.Errorf("%s: answer: %w", o.id, err)
		}
		o.outSchema = s
	}
	return nil
}

// match says whether the operation's path is this one, and gives what stands in
// for its parameters.
func (o *operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.segments) {
		return nil, false
	}
	var found map[string]string
	for i, want := range o.segments {
		if strings.HasPrefix(want, "{") {
			if segments[i] == "" {
				return nil, false
			}
			if found == nil {
				found = map[string]string{}
			}
			found[want[1:len(want)-1]] = segments[i]
			continue
		}
		if want != segments[i] {
			return nil, false
		}
	}
	return found, true
}

// known is an id that knows its form.
type known interface{ Valid() bool }

// read fills in what the address and the query say.
func (o *operation) read(in reflect.Value, path map[string]string, query url.Values, g *schemas) error {
	for name, values := range query {
		if !slices.ContainsFunc(o.params, func(p param) bool { return p.in == "query" && p.name == name }) {
			return refuse(problemParameter, "there is no parameter %q here", shorten(name, 60))
		}
		if len(values) > 1 {
			return refuse(problemParameter, "parameter %q stands twice", shorten(name, 60))
		}
	}
	for i := range o.params {
		p := &o.params[i]
		text, ok := path[p.name], true
		if p.in == "query" {
			text, ok = query.Get(p.name), query.Has(p.name)
		}
		if !ok {
			continue
		}
		to := in.Elem().FieldByIndex(p.field)
		if err := p.set(to, text, g); err != nil {
			if p.in == "path" {
				return refuse(problemNotFound, "")
			}
			return refuse(problemParameter, "parameter %s: %s", p.name, err)
		}
		if v, ok := to.Interface().(known); ok && !v.Valid() {
			// What cannot be an id names nothing, as one that nobody has.
			return refuse(problemNotFound, "")
		}
	}
	return nil
}

// set reads a parameter's text.
func (p *param) set(to reflect.Value, text string, g *schemas) error {
	if o, ok := to.Addr().Interface().(interface{ parse(string) error }); ok {
		return o.parse(text)
	}
	var value any = text
	switch to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%.40q is no whole number", text)
		}
		to.SetInt(n)
		value = json.Number(strconv.FormatInt(n, 10))
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%.40q is neither true nor false", text)
		}
		to.SetBool(text == "true")
		value = text == "true"
	case reflect.Struct: // a time
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%.40q is no time: write 2026-11-27T18:00:00Z or with an offset", text)
		}
		to.Set(reflect.ValueOf(t))
	}
	var errs []fieldError
	if g.check(p.schema, value, "", &errs); len(errs) > 0 {
		return fmt.Errorf("%s", errs[0].Detail)
	}
	return nil
}
