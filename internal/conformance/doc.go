// Package conformance answers whether other people's feeds are in order: it
// fetches what a gateway names and hands it to package rules, and it serves
// the same check over HTTP, with a small page and the schemas.
//
// It owns fetching with its limits, the requests and the page. It refuses to
// know the rules themselves, and anything of this installation: no merchant,
// no partner, no stored feed can be seen through it.
package conformance
