// Package metrics counts what the parts of feedmill report, and shows it to
// whoever watches the machine: one registry, in Prometheus's text form, with Go's
// own profiles beside it, on a listener of its own.
//
// It owns the names and labels of everything that is counted ([Families]), and
// that listener. It refuses to know how anything works that is counted: facts
// are handed to it, or read when somebody looks. No label ever holds a secret, an
// address, or anything else that somebody outside chose: labels come from small
// closed sets, and what does not belong to one is counted as "other".
package metrics
