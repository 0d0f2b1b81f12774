package admin

import (
	"feedmill/internal/auth"
	"feedmill/internal/manage"
)

// need says who may use a route. The zero need lets nobody in.
type need struct {
	open, anyone, factor, portal bool
	do                           manage.Action
}

// everybody needs no session.
func everybody() need { return need{open: true} }

// signedIn needs a session, whosever it is.
func signedIn() need { return need{anyone: true} }

// beforeFactor needs a session whose second factor is still to come.
func beforeFactor() need { return need{factor: true} }

// may needs one of the merchant's people who may do something.
func may(do manage.Action) need { return need{do: do} }

// portal needs one of a partner's people.
func portal() need { return need{portal: true} }

// met says whether somebody who is signed in has what is needed.
func (n need) met(who manage.Identity, role auth.Role) bool {
	switch {
	case n.open, n.anyone, n.factor:
		return true
	case n.portal:
		return role == auth.Portal
	case n.do != 0:
		return role.Staff() && manage.Allow(who, n.do, who.Merchant)
	}
	return false
}

// route is one address. Changes are never made by GET.
type route struct {
	method, path string
	needs        need
	handle       handler
}

func get(path string, needs need, h handler) route  { return route{"GET", path, needs, h} }
func post(path string, needs need, h handler) route { return route{"POST", path, needs, h} }

// send is a route that a form is sent to, whose handler is given what stands in it.
func send(path string, needs need, h func(c *call, f *form) (reply, error)) route {
	return post(path, needs, func(c *call) (reply, error) {
		f, err := c.form()
		if err != nil {
			return reply{}, err
		}
		return h(c, f)
	})
}

// pattern gives the route as http.ServeMux wants it.
func (r route) pattern() string {
	path := r.path
	if path == "/" {
		path = "/{$}"
	}
	return r.method + " " + root + path
}

// page is one template, the routes that show or serve it, and its states for the
// storybook.
type page struct {
	name    string
	routes  []route
	stories func(*scene) []story
}

// pages lists every page, grouped by who may call its routes.
func pages() []page {
	return []page{
		// Whoever comes.
		signInPage(), resumePage(), setupPage(), resetPage(), problemPage(), conflictPage(), surePage(),
		// Whoever is signed in.
		factorPage(), provePage(), accountPage(), enrolPage(),
		// The merchant's people.
		overviewPage(), partnersPage(), partnerFormPage(), partnerPage(), ledgerPage(), partnerAuditPage(), offerPage(), linkPage(),
		heldPage(), runsPage(), auditPage(), eventsPage(),
		productsPage(), productPage(), whyPage(), importPage(), importingPage(),
		generationsPage(), historyPage(), comparePage(), nodesPage(),
		settingsPage(), shopsPage(), ratesPage(), priceListsPage(), priceListPage(), usersPage(), userPage(), picturesPage(),
		// A partner's people.
		portalPage(), connectPage(), changesPage(), downloadsPage(),
	}
}

// menu lists what the menu leads to.
func menu() []entry {
	return []entry{
		{"/", "nav.overview", may(manage.ReadLedger)},
		{"/products", "nav.products", may(manage.ReadProducts)},
		{"/import", "nav.import", may(manage.WriteProducts)},
		{"/partners", "nav.partners", may(manage.ReadAccounts)},
		{"/runs", "nav.runs", may(manage.ReadLedger)},
		{"/held", "nav.held", may(manage.ReadLedger)},
		{"/generations", "nav.generations", may(manage.ReadLedger)},
		{"/pictures", "nav.pictures", may(manage.ReadLedger)},
		{"/audit", "nav.audit", may(manage.ReadAudit)},
		{"/settings", "nav.settings", may(manage.ReadAccounts)},
		{"/portal", "nav.portal", portal()},
	}
}
