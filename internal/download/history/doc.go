// Package history checks that a switch that was turned is in force, on several
// file servers over one database: it records what switchers did and what
// requests saw, with the times, and asks whether there is, for each server, an
// order of events that explains all that was seen there.
//
// It owns the recording and the model. It refuses to know how file servers learn
// of a change. It holds tests alone.
package history
