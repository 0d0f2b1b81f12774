// Package api is the management API: what a merchant's programs may do over
// HTTP, under /api/v1.
//
// It owns how requests and answers look: routes, JSON and its limits, problem
// documents, versions, pages, repeated requests, and the OpenAPI document, which
// is made from the same table as the routes. Requests are judged by the very
// schemas that the document shows.
//
// It refuses to know who may do what and how anything is done: that is
// internal/manage. It takes no cookie, redirects nobody, and answers what is
// somebody else's as what does not exist.
package api
