package auth

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// HostNames gives the values of Host under which an address is reached. A
// machine's own loopback has several names. Elsewhere the name alone counts:
// browsers leave out a port that the scheme has anyway, and many proxies any.
func HostNames(base *url.URL) []string {
	names := []string{base.Host}
	if !Loopback(base.Hostname()) {
		return append(names, base.Hostname())
	}
	for _, n := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if port := base.Port(); port != "" {
			n += ":" + port
		}
		names = append(names, n)
	}
	return names
}

// Origin gives what browsers write as the origin of pages of an address.
func Origin(base *url.URL) string {
	host := strings.ToLower(base.Host)
	if port := base.Port(); port == "443" && base.Scheme == "https" || port == "80" && base.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return base.Scheme + "://" + host
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
