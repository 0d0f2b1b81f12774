package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ErrOwn says that the address leads to the service itself. It Is ErrRefused too.
var ErrOwn = fmt.Errorf("%w: it leads to feedmill itself", ErrRefused)

// Own says what the service's own addresses are. A client calls none of them,
// whatever its other options admit: a stranger who names one has the service
// ask itself, from where it trusts more than it does from outside.
type Own struct {
	// Ports are those that the service listens on, on whatever address: each
	// address of this machine is taken to answer there.
	Ports []uint16
	// Hosts are the names, or addresses, under which others reach the service,
	// such as feeds.example.com, without port.
	Hosts []string
}

// Named says that an address names the service in so many words: by one of its
// hosts, or by number or as localhost with one of its ports. Only who knows the
// service writes such an address; a name that merely leads there does not.
func (o *Own) Named(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if o.named(u.Hostname()) {
		return true
	}
	port, ok := portOf(u)
	if !ok || !slices.Contains(o.Ports, port) {
		return false
	}
	host := plain(u.Hostname())
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && isMine(ip, machine())
}

// named says whether a host is one of the service's, as it is written.
func (o *Own) named(host string) bool {
	return slices.ContainsFunc(o.Hosts, func(h string) bool { return plain(h) == plain(host) })
}

// plain gives the one form of a host's name or address.
func plain(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return host
}

// portOf gives the port that a URL leads to.
func portOf(u *url.URL) (uint16, bool) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	a, err := netip.ParseAddrPort("0.0.0.0:" + port)
	return a.Port(), err == nil
}

// machine gives the addresses of this machine, as they are now.
func machine() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // loopback is known without
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap().WithZone(""))
		}
	}
	return addrs
}

// isMine says whether a connection to an address ends on this machine. The
// unspecified address does, and all of 127.0.0.0/8.
func isMine(ip netip.Addr, mine []netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return ip.IsLoopback() || ip.IsUnspecified() || slices.Contains(mine, ip)
}

// unproven is a key of contexts: the host has no certificate for its name.
type unproven struct{}

// judgeOwn says whether an address, after the name was resolved, is the service's.
//
// Addresses of the service's hosts count where nothing else tells whose they
// are: what stands before the service may serve others too, as networks that
// deliver for many do, and over TLS it has shown a certificate for the name
// that was asked for.
func (g *guard) judgeOwn(ctx context.Context, a netip.AddrPort) error {
	own := g.opt.Own
	if own == nil {
		return nil
	}
	if slices.Contains(own.Ports, a.Port()) && isMine(a.Addr(), g.machine()) {
		return fmt.Errorf("%w: %s is this machine's, and port %d the service's", ErrOwn, a.Addr(), a.Port())
	}
	if ctx.Value(unproven{}) == nil {
		return nil
	}
	for _, host := range own.Hosts {
		ips, err := g.lookup(ctx, "ip", plain(host))
		if err != nil {
			continue // nobody is led there by it now
		}
		for _, ip := range ips {
			if ip.Unmap().WithZone("") == a.Addr() {
				return fmt.Errorf("%w: %s is an address of %s", ErrOwn, a.Addr(), host)
			}
		}
	}
	return nil
}
