// Package httpd is the HTTP server around everything that feedmill answers: the
// list of routes, the time limits, request ids, the containment of panics, the
// limit of connections, health, and the way it stops.
//
// It owns which handler answers which path. It refuses to know what the
// handlers do: partners' files come from internal/download, and the panel and
// the API are handed in where there are any.
package httpd
