// Package harness strikes whole publish runs with faults: over the embedded
// records and a store, at every call that a run makes, with every fault that
// can happen in it. It holds tests alone, which need parts that nothing below
// the commands may join.
//
// It owns the proof that a run which fails, hangs or dies anywhere leaves each
// reader with the old offer or the new one, whole, and needs no help from
// anybody: the next run publishes what is right. It refuses to know how a run
// works; it counts its calls and reads what it has published.
package harness
