package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"feedmill/internal/manage"
)

// operations is the list of everything that can be asked for: the router and the
// document are both made from it.
func (a *API) operations() []*operation {
	list := []*operation{
		raw("key", "GET", "/openapi.json", "getOpenAPI", 0, "This document", "application/json", a.openapi, func(o *operation) { o.open = true }),
	}
	for _, part := range [][]*operation{merchantOperations(a), partnerOperations(a), offerOperations(a), whyOperations(a), bulkOperations(a), linkOperations(a), productOperations(a), priceOperations(a),
		publicationOperations(a), ledgerOperations(a)} {
		list = append(list, part...)
	}
	return list
}

func (a *API) openapi(c *call, _ *struct{}) (*reply, error) {
	if slices.Contains(splitTags(c.r.Header.Get("If-None-Match")), a.docTag) {
		return &reply{status: http.StatusNotModified, etag: a.docTag}, nil
	}
	return &reply{status: http.StatusOK, media: "application/json", etag: a.docTag, body: a.doc}, nil
}

// object is a JSON object; its members are written in the order of their names.
type object = map[string]any

// document makes the OpenAPI 3.1 document.
func (a *API) document() ([]byte, error) {
	problem, err := a.schemas.of(typeOf[problemDoc]())
	if err != nil {
		return nil, err
	}
	a.schemas.named["Product"] = &schema{Type: typeNames{"object"},
		Description: "A product in feedmill's own JSON, as docs/import.md (JSON Lines) describes its members."}
	a.schemas.named["DictionaryEntry"] = &schema{Type: typeNames{"object"},
		Description: "An entry of a dictionary in feedmill's own JSON, as docs/import.md (dictionary lines) describes its members."}
	a.schemas.named["PriceLine"] = &schema{Type: typeNames{"object"},
		Description: "A line of a price list: product (an id) or key, code or sku, and price (a decimal of the list's currency) or remove (true)."}
	paths := object{}
	seen := map[string]bool{}
	for _, o := range a.routes {
		if seen[o.id] {
			return nil, fmt.Errorf("two operations are called %s", o.id)
		}
		seen[o.id] = true
		at, ok := paths[o.path].(object)
		if !ok {
			at = object{}
			paths[o.path] = at
		}
		at[strings.ToLower(o.method)] = o.describeTo(problem)
	}
	var types []string
	for _, k := range problemKinds() {
		types = append(types, k.urn())
	}
	p := a.schemas.named["Problem"]
	p.Properties["type"].Enum = types
	return encodeJSON(object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info": object{"title": "feedmill management API", "version": "1",
			"description": "What a merchant's programs may do. A key is made with 'feedmill key new' or in the panel and sent as a bearer token; it may do what its scopes say. " +
				"Refusals are problem documents (RFC 9457); what is not there and what is somebody else's are answered alike. " +
				"Changes name the version that they were made from, in the body or as If-Match, and fail with 409 when it is no longer the present one. " +
				"POST and PATCH take an Idempotency-Key: the same request under the same key is carried out once, and its answer given again for 7 days. " +
				"Members that are not known are refused. Times are RFC 3339, amounts and quantities decimal texts.",
			"license": object{"name": "as the program's"}},
		"servers":  []any{object{"url": Prefix}},
		"security": []any{object{"key": []any{}}},
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"key": object{"type": "http", "scheme": "bearer", "description": "fmk_…"}},
			"schemas":         a.schemas.named,
		},
	})
}

// statuses gives the refusals that an operation may answer with.
func (o *operation) statuses() []int {
	list := []int{http.StatusBadRequest, http.StatusRequestURITooLong, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if o.open {
		return list
	}
	list = append(list, http.StatusUnauthorized, http.StatusTooManyRequests)
	if o.do != 0 {
		list = append(list, http.StatusForbidden)
	}
	named := slices.ContainsFunc(o.params, func(p param) bool {
		return p.in == "path" || strings.HasSuffix(p.name, "er") || p.name == "link"
	})
	if named {
		list = append(list, http.StatusNotFound)
	}
	if o.body != nil {
		list = append(list, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusRequestTimeout)
	}
	changes := o.method != http.MethodGet
	if changes {
		list = append(list, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	if o.versioned {
		list = append(list, http.StatusPreconditionRequired)
	}
	if o.id == "why" {
		list = append(list, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (o *operation) describeTo(problem *schema) object {
	d := object{"operationId": o.id, "tags": []string{o.tag}, "summary": o.summary}
	text := o.detail
	var scopes []string
	for _, do := range append([]manage.Action{o.do}, o.also...) {
		if scope, ok := manage.ScopeFor(do); ok && !slices.Contains(scopes, scope.String()) {
			scopes = append(scopes, scope.String())
		}
	}
	if len(scopes) > 0 {
		text = strings.TrimSpace(text + " Needs the scope " + strings.Join(scopes, " and ") + ".")
		d["x-scopes"] = scopes
	}
	if text != "" {
		d["description"] = text
	}
	if o.open {
		d["security"] = []any{}
	}
	params := []any{}
	for _, p := range o.params {
		e := object{"name": p.name, "in": p.in, "required": p.required, "schema": p.schema}
		if p.doc != "" {
			e["description"] = p.doc
		}
		params = append(params, e)
	}
	if o.versioned {
		params = append(params, object{"name": "If-Match", "in": "header", "required": false, "description": "the ETag of what the change was made from, or *; instead of a version in the body",
			"schema": object{"type": "string", "pattern": `^("[0-9]+"|\*)$`}})
	}
	if o.method == http.MethodPost || o.method == http.MethodPatch {
		params = append(params, object{"name": "Idempotency-Key", "in": "header", "required": false, "description": "names the request: sent again under the same key it is carried out once",
			"schema": object{"type": "string", "minLength": 1, "maxLength": 200}})
	}
	if len(params) > 0 {
		d["parameters"] = params
	}
	if b := o.body; b != nil {
		content := object{}
		for _, media := range b.media {
			switch {
			case b.schema != nil:
				content[media] = object{"schema": b.schema}
			case media == "application/json":
				content[media] = object{"schema": object{"type": "array", "items": object{"$ref": refPrefix + o.lineType()}}}
			default:
				content[media] = object{"schema": object{"type": "string", "description": "one " + o.lineType() + " a line"}}
			}
		}
		d["requestBody"] = object{"required": !b.spare, "content": content}
	}
	d["responses"] = o.responses(problem)
	return d
}

// lineType names what lines of the body are.
func (o *operation) lineType() string {
	switch o.tag {
	case "dictionaries":
		return "DictionaryEntry"
	case "price-lists":
		return "PriceLine"
	}
	return "Product"
}

func (o *operation) responses(problem *schema) object {
	success := object{"description": o.summary}
	headers := object{}
	switch {
	case o.outSchema != nil:
		success["content"] = object{"application/json": object{"schema": o.outSchema}}
	case o.media == "application/json" && o.id == "getProduct":
		success["content"] = object{o.media: object{"schema": object{"$ref": refPrefix + "Product"}}}
	case o.media == "application/json":
		success["content"] = object{o.media: object{"schema": object{"type": "object"}}}
	case o.media != "":
		success["content"] = object{o.media: object{"schema": object{"type": "string"}}}
	}
	if o.tagged() {
		headers["ETag"] = object{"description": "for If-Match", "schema": object{"type": "string"}}
	}
	if o.status == http.StatusCreated {
		headers["Location"] = object{"description": "where it is", "schema": object{"type": "string"}}
	}
	if len(headers) > 0 {
		success["headers"] = headers
	}
	all := object{strconv.Itoa(o.status): success}
	if o.id == "getOpenAPI" {
		all["304"] = object{"description": "It has not changed since."}
	}
	for _, status := range o.statuses() {
		r := object{"description": http.StatusText(status), "content": object{"application/problem+json": object{"schema": problem}}}
		switch status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			r["headers"] = object{"Retry-After": object{"description": "in so many seconds", "schema": object{"type": "integer"}}}
		case http.StatusUnauthorized:
			r["headers"] = object{"WWW-Authenticate": object{"schema": object{"type": "string"}}}
		}
		all[strconv.Itoa(status)] = r
	}
	return all
}
