package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/internal/api"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// things are the ids of one merchant's things, by parameter.
type things map[string]string

// furnish gives a merchant one thing of each kind.
func (w *world) furnish(m merchant) things {
	w.t.Helper()
	p, err := w.manage.CreatePartner(w.ctx, m.owner, partner.Partner{Name: "Partner of " + m.Name, Tags: []string{"tag-of-" + m.Name}, FeedEnabled: true})
	check(w.t, err)
	o, err := w.manage.CreateOffer(w.ctx, m.owner, partner.Offer{Partner: p.ID, Shop: m.shop.ID, Name: "Offer of " + m.Name, FeedEnabled: true})
	check(w.t, err)
	l, _, err := w.manage.CreateLink(w.ctx, m.owner, o.ID, manage.NewLink{Name: "Link of " + m.Name})
	check(w.t, err)
	_, err = w.manage.UpsertLines(w.ctx, m.owner, []byte(`{"id": `+fmt.Sprint(len(m.Name))+`0001, "name": "Product of `+m.Name+`", "category": "K", "price": 10, "code": "CODE-`+m.Name+`", "stock": 5}`), false)
	check(w.t, err)
	list, err := w.manage.CreatePriceList(w.ctx, m.owner, partner.PriceList{Name: "List of " + m.Name})
	check(w.t, err)
	_, _, err = w.manage.PutListPrices(w.ctx, m.owner, list.ID, partner.PriceEdit{}, 0)
	check(w.t, err)
	from, to := "EUR", "PLN"
	if m.ID == w.foreign.ID {
		from, to = foreignFrom, foreignTo
	}
	rate, err := feed.ParseRate("4")
	check(w.t, err)
	_, err = w.manage.SetRate(w.ctx, m.owner, partner.Rate{From: feed.MustCurrency(from), To: feed.MustCurrency(to), Rate: rate})
	check(w.t, err)
	in, err := w.jobs.Insert(w.ctx, work.Import{Merchant: m.ID, ID: partner.NewImportID()}, job.InsertOptions{})
	check(w.t, err)
	return things{"partner": string(p.ID), "offer": string(o.ID), "link": string(l.ID), "shop": string(m.shop.ID), "product": fmt.Sprint(len(m.Name)) + "0001", "job": fmt.Sprint(in.ID),
		"run": "run-of-" + strings.ToLower(m.Name), "code": "CODE-" + m.Name, "tag": "tag-of-" + m.Name,
		"list": string(list.ID), "from": from, "to": to}
}

// A rate has no name of its own: the foreign merchant's is between currencies
// that the other has no rate between.
const foreignFrom, foreignTo = "GBP", "NOK"

// unknown are things that nobody has.
func unknown() things {
	return things{"partner": string(partner.NewID()), "offer": string(partner.NewOfferID()), "link": string(partner.NewLinkID()), "shop": string(partner.NewShopID()),
		"product": "424242", "job": "424242", "run": "run-of-nobody", "code": "CODE-nobody", "tag": "tag-of-nobody",
		"list": string(partner.NewPriceListID()), "from": foreignFrom, "to": foreignTo}
}

// bodies are bodies that each operation takes; {partner} and so on stand for ids.
var bodies = map[string]string{
	"updateMerchant":     `{"version": 1, "name": "Changed"}`,
	"setSharing":         `{"on": true}`,
	"createShop":         `{"number": 7, "name": "New"}`,
	"updateShop":         `{"version": 1, "name": "Changed"}`,
	"createPartner":      `{"name": "New"}`,
	"updatePartner":      `{"version": 1, "notes": "changed"}`,
	"switchPartner":      `{"feed": false}`,
	"changePartners":     `{"select": {"partners": ["{partner}"]}, "change": {"notes": "changed"}}`,
	"previewPartners":    `{"select": {"tag": "{tag}"}, "change": {"feed": false}}`,
	"createOffer":        `{"partner": "{partner}", "shop": "{shop}", "name": "New"}`,
	"updateOffer":        `{"version": 1, "name": "Changed"}`,
	"switchOffer":        `{"feed": false}`,
	"changeOffers":       `{"offers": ["{offer}"], "change": {"csv": true}}`,
	"previewOffers":      `{"select": {"partners": ["{partner}"]}, "change": {"csv": true}}`,
	"createLink":         `{"name": "New"}`,
	"updateLink":         `{"version": 1, "name": "Changed"}`,
	"rotateLink":         `{"overlap_seconds": 60}`,
	"upsertProducts":     `[]`,
	"patchProducts":      `{"patches": [{"code": "{code}", "stock": [{"quantity": 1}]}]}`,
	"deleteProducts":     `{"ids": [424242]}`,
	"upsertDictionaries": `[]`,
	"previewRates":       `{"rates": [{"from": "EUR", "to": "PLN", "rate": "4.5"}]}`,
	"setRate":            `{"rate": "4.5", "version": 1}`,
	"createPriceList":    `{"name": "New"}`,
	"updatePriceList":    `{"version": 1, "name": "Changed"}`,
	"putPrices":          `[]`,
	"previewPrices":      `[]`,
	"verifyAudit":        `{}`,
	"publishNow":         `{}`,
}

// queries are what operations need in the query, or may name things in.
var queries = map[string]string{
	"why": "?code={code}", "listOffers": "?partner={partner}", "listLinks": "?offer={offer}", "listDownloads": "?offer={offer}&link={link}", "listFreshness": "?partner={partner}",
	"listPartners": "?tag={tag}", "listProducts": "?q={code}", "deletePartner": "?version=1", "deleteOffer": "?version=1", "upsertDictionaries": "?version=1",
	"deleteRate": "?version=1", "deletePriceList": "?version=1",
}

func (t things) fill(s string) string {
	for name, id := range t {
		s = strings.ReplaceAll(s, "{"+name+"}", id)
	}
	return s
}

func (o *specOperation) id() string { return o.op["operationId"].(string) }

// request makes a request of an operation for things.
func (o *specOperation) request(key string, t things) request {
	return request{method: o.method, path: t.fill(o.path + queries[o.id()]), key: key, body: t.fill(bodies[o.id()])}
}

var namesThing = regexp.MustCompile(`\{[a-z]+\}`)

// named says whether a request of the operation names a thing.
func (o *specOperation) named() bool {
	return namesThing.MatchString(o.path + queries[o.id()] + bodies[o.id()])
}

// TestForeignIsUnknown walks every operation with every role and scope, and asks
// for another merchant's things: the answer is that of things that nobody has, the
// same in status, headers and body, and nothing of the other merchant changes.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			w := setup(t, database, api.Options{})
			theirs := w.furnish(w.foreign)
			w.furnish(w.mine)
			before := w.state(w.foreign)
			walked := 0
			for _, who := range w.everybody(w.mine) {
				for _, o := range w.spec.operations() {
					if !o.named() {
						continue
					}
					walked++
					foreign, nobody := w.do(o.request(who, theirs)), w.do(o.request(who, unknown()))
					if foreign.status != nobody.status || !reflect.DeepEqual(foreign.header, nobody.header) || !bytes.Equal(foreign.body, nobody.body) {
						// What was asked for may be told again, and is the one difference.
						a, b := forget(foreign.body, theirs), forget(nobody.body, nil)
						if a != b || foreign.status != nobody.status {
							t.Errorf("%s as %s: foreign %d %s, unknown %d %s", o.id(), who, foreign.status, foreign.body, nobody.status, nobody.body)
						}
					}
					if bytes.Contains(foreign.body, []byte("of Foreign")) || bytes.Contains(foreign.body, []byte(w.foreign.ID)) {
						t.Errorf("%s as %s tells of somebody else: %s", o.id(), who, foreign.body)
					}
					if strings.Contains(o.path, "{") && foreign.status < 300 && o.id() != "deleteProduct" {
						t.Errorf("%s as %s: status %d for somebody else's", o.id(), who, foreign.status)
					}
				}
			}
			if walked < 400 {
				t.Errorf("only %d requests: the walk is broken", walked)
			}
			if after := w.state(w.foreign); after != before {
				t.Errorf("the other merchant has changed:\nbefore %s\nafter  %s", before, after)
			}
		})
	}
}

// forget takes the names out of an answer that were asked for.
func forget(body []byte, asked things) string {
	s := string(body)
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if id := asked[name]; len(id) > 3 {
			s = strings.ReplaceAll(s, id, "?")
		}
	}
	for _, r := range randomText {
		if r.name == "" {
			s = r.re.ReplaceAllString(s, "?")
		}
	}
	return strings.NewReplacer("CODE-nobody", "?", "tag-of-nobody", "?", "run-of-nobody", "?").Replace(s)
}

// state tells everything of a merchant that requests could change.
func (w *world) state(m merchant) string {
	w.t.Helper()
	head, err := w.manage.AuditHead(w.ctx, m.owner)
	check(w.t, err)
	jobs, err := w.manage.Jobs(w.ctx, m.owner, manage.JobFilter{})
	check(w.t, err)
	s := head.String()
	for _, j := range jobs {
		s += fmt.Sprintf(" job %d", j.ID)
	}
	return s
}

// everybody gives a credential for each role, for a key with each scope alone and
// for one with all.
func (w *world) everybody(m merchant) []string {
	var list []string
	add := func(name string, who manage.Identity) {
		who.Merchant, who.Actor = m.ID, partner.Actor{Name: name}
		w.roles[name] = who
		list = append(list, name)
	}
	for role := manage.RoleNone; role <= manage.RoleOwner; role++ {
		if role != manage.RoleKey {
			add("role-"+role.String(), manage.Identity{Role: role})
		}
	}
	for _, name := range partner.KeyScopes.Names() {
		scope, err := partner.ParseScopes(name)
		check(w.t, err)
		add("scope-"+name, manage.Identity{Role: manage.RoleKey, Scopes: scope})
	}
	add("scope-all", manage.Identity{Role: manage.RoleKey, Scopes: partner.KeyScopes})
	return list
}

// TestScopes asks for everything with a key of each scope alone: it may do what
// the document says that the scope is for, and nothing else; and nobody without a
// key may do anything.
func TestScopes(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	everybody := w.everybody(w.mine)
	ops := w.spec.operations()
	for _, name := range everybody {
		who := w.roles[name]
		for _, o := range ops {
			needed, _ := o.op["x-scopes"].([]any)
			a := w.do(o.request(name, unknown()))
			want := true
			switch who.Role {
			case manage.RoleKey:
				for _, n := range needed {
					scope, err := partner.ParseScopes(n.(string))
					check(t, err)
					want = want && who.Scopes.Has(scope)
				}
			case manage.RoleNone:
				want = len(needed) == 0
			case manage.RoleReadonly:
				want = o.method == http.MethodGet || slices.Contains([]string{"previewPartners", "previewOffers", "previewRates", "previewPrices", "verifyAudit"}, o.id())
			case manage.RoleManager:
				want = !slices.Contains(needed, any("merchant:write"))
			}
			if got := a.status != http.StatusForbidden; got != want {
				t.Errorf("%s as %s: status %d, want it allowed: %v", o.id(), name, a.status, want)
			}
		}
	}
	var first answer
	for i, o := range ops {
		if o.id() == "getOpenAPI" {
			continue
		}
		for _, r := range []request{o.request("", unknown()), o.request("fmk_wrong", unknown())} {
			a := w.do(r)
			if first.status == 0 {
				first = a
			}
			if a.status != http.StatusUnauthorized || !bytes.Equal(a.body, first.body) || !reflect.DeepEqual(a.header, first.header) {
				t.Errorf("operation %d, %s without a key: status %d, %s", i, o.id(), a.status, a.body)
			}
		}
	}
}

// TestDocument holds the document and the router together from the document's
// side; that everything in it succeeds is seen by TestGolden.
func TestDocument(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	all := "all"
	w.roles[all] = manage.Identity{Merchant: w.mine.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: all}}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	paths := map[string][]string{}
	for _, o := range w.spec.operations() {
		paths[o.path] = append(paths[o.path], o.method)
	}
	for path, known := range paths {
		for _, method := range methods {
			a := w.do(request{method: method, path: unknown().fill(path), key: all})
			if got, want := a.status != http.StatusMethodNotAllowed, slices.Contains(known, method); got != want {
				t.Errorf("%s %s: status %d, in the document: %v", method, path, a.status, want)
			}
		}
	}
	// Every reference in it leads somewhere, and every schema is used.
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[strings.TrimPrefix(ref, "#/components/schemas/")] = true
			}
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(w.spec.doc)
	named, _ := member[map[string]any](w.spec.doc, "components", "schemas")
	for name := range used {
		if named[name] == nil {
			t.Errorf("schema %s is referred to and not there", name)
		}
	}
	for name := range named {
		if !used[name] {
			t.Errorf("schema %s is there and not used", name)
		}
	}
	// Every kind of body that the walk sends is one of an operation.
	ids := map[string]bool{}
	for _, o := range w.spec.operations() {
		ids[o.id()] = true
		_, takes := o.op["requestBody"]
		if _, has := bodies[o.id()]; has != takes {
			t.Errorf("%s takes a body: %v, the walk has one: %v", o.id(), takes, has)
		}
	}
	for id := range bodies {
		if !ids[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
}
