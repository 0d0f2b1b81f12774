// Package outbound makes HTTP clients for addresses that strangers give.
//
// It owns what such a client may reach and for how long: https on the usual
// ports, public addresses only, judged after the name was resolved and for
// every connection, never the service's own ones, no proxy but one that an
// operator names and that is told addresses that were judged, no redirects, no
// cookies, no credentials, and a bound on every reply. It refuses to know why
// anybody asks or what the answers mean.
package outbound
