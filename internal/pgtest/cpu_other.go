//go:build !linux

package pgtest

import (
	"testing"
	"time"
)

// CPU is known on Linux alone.
func (s *Server) CPU(t testing.TB) time.Duration {
	t.Helper()
	t.Skip("the server's processor time is known on Linux alone")
	return 0
}
