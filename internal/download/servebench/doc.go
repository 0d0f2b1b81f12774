// Package servebench measures the real program serving partners' files beside
// nginx, in one interleaved run over loopback: answers and bytes per second of
// processor time of the server, and the memory of thousands of slow readers.
//
// It owns the load and the counting, and refuses to know how files are served.
// It holds benchmarks alone, which want nginx and wrk (Debian packages
// nginx-light and wrk); see docs/benchmarks.md for the command and the results.
package servebench
