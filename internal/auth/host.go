package auth

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// HostNames gives the values of Host under which an address is reached. A
// machine's own loopback has several names.
func HostNames(base *url.URL) []string {
	names := []string{base.Host}
	if !Loopback(base.Hostname()) {
		return names
	}
	for _, n := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if port := base.Port(); port != "" {
			n += ":" + port
		}
		names = append(names, n)
	}
	return names
}

// Loopback says whether a name or an address is this machine's own.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// HostAllowed says whether a request's Host is one of the names. Names without a
// port stand for all ports.
func HostAllowed(host string, names []string) bool {
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = h
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) || strings.EqualFold(n, bare) })
}
