// Package crash names the steps between which a process may die. In a usual
// build a [Point] is nothing. In one with the tag crashpoints the variables
// FEEDMILL_CRASH and FEEDMILL_CRASH_TRACE say at which arrival at which point the
// process kills itself, and where arrivals are written down.
//
// It owns how a process dies; it refuses to know what the points stand between.
// The test of every point is in internal/harness: it finds the points in the
// source, so a name is a literal text and stands in one place only.
package crash
