package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// CPU gives the processor time that the server has used so far: its own, that
// of the connections it serves and of those it has served.
func (s *Server) CPU(t testing.TB) time.Duration {
	t.Helper()
	s.need(t)
	main := s.process.cmd.Process.Pid
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var ticks int64
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, and its time is now its parent's
		}
		pid, parent, own, reaped, err := parseStat(b)
		switch {
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		case pid == main:
			ticks += own + reaped
		case parent == main:
			ticks += own
		}
	}
	return time.Duration(ticks) * (time.Second / 100) // proc(5): on Linux a tick is 1/100 s everywhere but in the kernel
}

// parseStat reads a process's line of proc(5): its parent, its time and that of
// the children it has waited for, in ticks.
func parseStat(line []byte) (pid, parent int, own, reaped int64, err error) {
	name := bytes.LastIndexByte(line, ')') // names may hold spaces and brackets
	if name < 0 {
		return 0, 0, 0, 0, fmt.Errorf("no process in %q", line)
	}
	fields := bytes.Fields(line[name+1:])
	if len(fields) < 15 {
		return 0, 0, 0, 0, fmt.Errorf("%d fields", len(fields))
	}
	var n [6]int64
	for i, text := range [][]byte{bytes.Fields(line)[0], fields[1], fields[11], fields[12], fields[13], fields[14]} {
		if n[i], err = strconv.ParseInt(string(text), 10, 64); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	return int(n[0]), int(n[1]), n[2] + n[3], n[4] + n[5], nil
}
