// Package admin is what people see in a browser: the merchant's panel and the
// partner's portal. Pages are made on the server and work without scripts; with
// them, switches turn in place and lists follow what happens.
//
// It owns pages, their words in every language, forms and what is wrong with
// them, and the way from a cookie to an identity. It refuses to know who may do
// what (internal/manage decides), how passwords are kept (internal/auth) and
// where records lie.
//
// A page is a file of Go, a template of the same name and its words; routes.go
// lists all pages, and the storybook shows every state of each.
package admin
