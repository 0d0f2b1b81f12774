package httpd

import (
	"net"
	"sync"
)

// limiter is a listener that gives out so many connections at a time.
type limiter struct {
	net.Listener
	slots      chan struct{}
	perAddress int
	closed     chan struct{}
	closeOnce  sync.Once

	mu     sync.Mutex
	counts map[string]int
}

func newLimiter(l net.Listener, total, perAddress int) *limiter {
	return &limiter{Listener: l, slots: make(chan struct{}, total), perAddress: perAddress, closed: make(chan struct{}), counts: map[string]int{}}
}

// Accept implements net.Listener.
func (l *limiter) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			host = c.RemoteAddr().String()
		}
		if !l.enter(host) {
			_ = c.Close() // one of too many, and nobody's business
			continue
		}
		release := sync.OnceFunc(func() { l.leave(host); <-l.slots })
		if tcp, ok := c.(*net.TCPConn); ok {
			return &tcpConn{TCPConn: tcp, release: release}, nil
		}
		return &otherConn{c, release}, nil
	}
}

// Close implements net.Listener.
func (l *limiter) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *limiter) enter(host string) bool {
	if l.perAddress == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[host] >= l.perAddress {
		return false
	}
	l.counts[host]++
	return true
}

func (l *limiter) leave(host string) {
	if l.perAddress == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[host]--; l.counts[host] == 0 {
		delete(l.counts, host)
	}
}

type otherConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *otherConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// NetConn gives the connection beneath, for who wants to reset it.
func (c *otherConn) NetConn() net.Conn { return c.Conn }
