// Package killed holds the test of every crash point: the real program, built
// with the tag crashpoints, is killed at each step of what it does, and whoever
// reads offers then must see the old one or the new one, whole, while the next
// run of the same command needs no help.
//
// Every kill happens in a copy of a state that was prepared once, so the run
// that is killed does what the run did whose arrivals were counted.
//
// It refuses to know what a step is for. Names of points and where they stand
// are found in the source, see [feedmill/internal/crash].
package killed
