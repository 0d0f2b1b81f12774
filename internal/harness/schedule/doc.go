// Package schedule holds the explorer of interleavings: several publishers and
// somebody who edits the catalog, over one ledger and one store, whose every call
// waits until a scheduler lets it go on. Processes die, stand still while their
// lease runs out, and lose answers.
//
// Thousands of schedules are tried, systematically and by chance. After each, the
// history is one, every change is in it, and every file that it names is whole.
package schedule
