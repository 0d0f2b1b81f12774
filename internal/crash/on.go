//go:build crashpoints

package crash

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// The variables that arm points: FEEDMILL_CRASH=name or name:n kills the process
// at the n-th arrival, FEEDMILL_CRASH_TRACE=file has the names of all points
// appended to a file as they are reached.
const (
	armVariable   = "FEEDMILL_CRASH"
	traceVariable = "FEEDMILL_CRASH_TRACE"
)

// armed is what the environment says, read once.
var armed = sync.OnceValue(func() *arms {
	name, count, _ := strings.Cut(os.Getenv(armVariable), ":")
	a := &arms{name: name, left: 1}
	if n, err := strconv.Atoi(count); err == nil {
		a.left = n
	}
	if path := os.Getenv(traceVariable); path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			fmt.Fprintf(os.Stderr, "crash points: %v\n", err)
			os.Exit(3)
		}
		a.trace = f
	}
	return a
})

type arms struct {
	mu    sync.Mutex
	name  string
	left  int
	trace *os.File
}

// Point kills the process if it is the arrival that the environment names.
func Point(name string) {
	a := armed()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trace != nil {
		// One write each, so that the lines of several processes stay whole.
		if _, err := a.trace.WriteString(name + "\n"); err != nil {
			fmt.Fprintf(os.Stderr, "crash points: %v\n", err)
			os.Exit(3)
		}
	}
	if a.name != name {
		return
	}
	if a.left--; a.left > 0 {
		return
	}
	// Nothing runs after this signal: no deferred call, no flush, no handler. The
	// lock is kept, so no other goroutine passes a point meanwhile.
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGKILL); err != nil {
		fmt.Fprintf(os.Stderr, "crash points: %v\n", err)
		os.Exit(3)
	}
	select {}
}
