package httpd

import (
	"net/http"
	"strings"
)

// Routes are the handlers behind the server. A nil one is not there: its paths
// are answered like any other that does not exist.
type Routes struct {
	// Files answers partners, and everything that nobody else answers: what it
	// says to an unknown address is what the world hears.
	Files http.Handler
	// Conformance checks files that anybody sends, at /validate, and gives the
	// schemas, under /schemas/. It knows nothing of this installation.
	Conformance http.Handler
	// API answers programs of the merchant, under /api/.
	API http.Handler
	// Panel answers people, under /panel/.
	Panel http.Handler
}

// handler is the list of routes, grouped by who may call them. Paths are
// compared as they came, uncleaned: no request is ever redirected to a path
// that it only resembles.
func (s *Server) handler() http.Handler {
	type route struct {
		path    string // a prefix when it ends with a slash
		handler http.Handler
	}
	list := []route{
		// Whoever watches the machine. Nothing here tells a version or a secret.
		{"/healthz", http.HandlerFunc(s.serveHealth)},
		{"/readyz", s.patient(http.HandlerFunc(s.serveReady))},
		// Partners, by their links. They log for themselves: their addresses hold secrets.
		{"/o/", s.routes.Files},
		{"/edi/", s.routes.Files},
		// Integrators, whoever they are.
		{"/validate", s.logged("/validate", s.patient(s.routes.Conformance))},
		{"/validate/", s.logged("/validate/", s.patient(s.routes.Conformance))},
		{"/schemas/", s.logged("/schemas/", s.patient(s.routes.Conformance))},
		// The merchant's programs and people.
		{"/api/", s.logged("/api/", s.patient(s.routes.API))},
		{"/panel", s.logged("/panel/", s.patient(s.routes.Panel))},
		{"/panel/", s.logged("/panel/", s.patient(s.routes.Panel))},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		for _, e := range list {
			if e.handler != nil && (path == e.path || e.path[len(e.path)-1] == '/' && strings.HasPrefix(path, e.path)) {
				e.handler.ServeHTTP(w, r)
				return
			}
		}
		if s.routes.Files == nil {
			http.NotFound(w, r)
			return
		}
		s.routes.Files.ServeHTTP(w, r)
	})
}
