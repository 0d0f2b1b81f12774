// Package clientaddr says where a request came from.
//
// It owns the one rule by which a header is believed: only what a proxy that
// the operator has named has added himself counts. It refuses to know what the
// address is used for.
package clientaddr

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Resolver finds the client's address of requests. The zero Resolver trusts no
// proxy: the client is whoever has opened the connection.
type Resolver struct {
	trusted []netip.Prefix
}

// Parse makes a resolver from the networks of trusted proxies, such as
// "127.0.0.1, 10.0.0.0/8, 2001:db8::/48"; "" names none.
func Parse(list string) (Resolver, error) {
	var r Resolver
	for _, word := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			a, err := netip.ParseAddr(word)
			if err != nil || a.Zone() != "" {
				return Resolver{}, fmt.Errorf("%.60q is no network of proxies: write 10.0.0.0/8 or one address", word)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() {
			if p.Bits() < 96 {
				return Resolver{}, fmt.Errorf("network %s holds IPv4 and IPv6: write the two apart", p)
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p != p.Masked() {
			return Resolver{}, fmt.Errorf("network %s has bits behind its prefix: write %s", p, p.Masked())
		}
		r.trusted = append(r.trusted, p)
	}
	return r, nil
}

// maxHops is how many proxies in a row are looked through.
const maxHops = 16

// Of gives the address that a request came from: of the addresses that the
// connection and X-Forwarded-For name, read from the nearest to the farthest,
// the first that is no trusted proxy; when all are, the farthest. It is the
// zero Addr when a trusted proxy has written something that is no address:
// then nobody knows. IPv4 in IPv6 form is IPv4, and zones are dropped.
func (r Resolver) Of(req *http.Request) netip.Addr {
	client := peer(req.RemoteAddr)
	if !r.trusts(client) {
		return client
	}
	lines := req.Header["X-Forwarded-For"]
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; ; {
			at := strings.LastIndexByte(rest, ',')
			a, ok := hop(strings.Trim(rest[at+1:], " \t"))
			if hops++; !ok || hops > maxHops {
				return netip.Addr{}
			}
			if client = a; !r.trusts(client) {
				return client
			}
			if at < 0 {
				break
			}
			rest = rest[:at]
		}
	}
	return client
}

func (r Resolver) trusts(a netip.Addr) bool {
	for _, p := range r.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// peer reads the address of a connection.
func peer(remote string) netip.Addr {
	p, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// hop reads one element of X-Forwarded-For; proxies exist that add a port.
func hop(s string) (netip.Addr, bool) {
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		p, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = p.Addr()
	}
	return a.Unmap().WithZone(""), true
}
