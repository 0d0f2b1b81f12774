package httpd

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// lingerTimeout is how long a client may go on sending to a connection that has
// been answered for the last time.
const lingerTimeout = 5 * time.Second

// tcpConn keeps all that a TCP connection can do: sending files and resets.
type tcpConn struct {
	*net.TCPConn
	release func()
	reset   atomic.Bool
	closing atomic.Bool
}

// SetLinger says whether all that was sent may be lost; see [tcpConn.Close].
func (c *tcpConn) SetLinger(sec int) error {
	c.reset.Store(sec == 0)
	return c.TCPConn.SetLinger(sec)
}

// Close implements net.Conn. What was sent may lie in the system for long yet,
// up to megabytes, and to a connection that is closed, or has something unread,
// the system answers with a reset, which drops all of it. Programs exist that
// send an empty line more than they should: so what comes after the last answer
// is read for a while. The second call ends it at once, and so does, by a reset,
// one after SetLinger(0).
func (c *tcpConn) Close() error {
	if c.reset.Load() || c.closing.Swap(true) || c.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		defer c.release()
		return c.TCPConn.Close()
	}
	go func() {
		defer c.release()
		_, _ = io.Copy(io.Discard, c.TCPConn) // until the client ends, or the time
		_ = c.TCPConn.Close()
	}()
	return nil
}
