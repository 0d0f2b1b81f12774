package download

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent is how much the system takes of a body before the client's window is
// open for it. Left to itself it takes some four megabytes, and with thousands of
// slow clients runs out of memory for all connections (tcp_mem).
const unsent = 256 << 10

// control does something with the socket of a connection.
func control(c net.Conn, do func(fd int) error) bool {
	if tls, is := c.(interface{ NetConn() net.Conn }); is {
		c = tls.NetConn()
	}
	sc, is := c.(syscall.Conn)
	if !is {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	return err == nil && failed == nil
}

// limitUnsent bounds what the system takes of bodies on a connection.
func limitUnsent(c net.Conn) {
	// Where it cannot be done it is only dearer.
	control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent) })
}

// queued gives how many bytes of a connection have been taken by the system and
// not yet by the client; ok is false when nobody knows.
func queued(c net.Conn) (n int64, ok bool) {
	ok = control(c, func(fd int) error {
		v, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		n = int64(v)
		return err
	})
	return n, ok
}
