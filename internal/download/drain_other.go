//go:build !linux

package download

import "net"

// queued gives how many bytes of a connection have been taken by the system and
// not yet by the client; ok is false when nobody knows.
func queued(net.Conn) (n int64, ok bool) { return 0, false }

// limitUnsent bounds what the system takes of bodies on a connection.
func limitUnsent(net.Conn) {}
