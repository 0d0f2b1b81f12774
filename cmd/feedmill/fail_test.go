package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestFailTellsWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{fmt.Errorf("write the full file: %w", syscall.ENOSPC), exitProblem, "hint: the disk is full: make room"},
		{usage("--at", errors.New("is no time")), exitUsage, "feedmill: --at: is no time\n"},
		{errors.New("broken"), exitProblem, "feedmill: broken\n"},
	} {
		var stderr bytes.Buffer
		w := &world{stderr: &stderr}
		if status := w.fail(c.err); status != c.status || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v gives status %d and says %q, want %d and %q", c.err, status, stderr.String(), c.status, c.want)
		}
	}
}
