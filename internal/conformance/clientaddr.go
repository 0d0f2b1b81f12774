package conformance

import (
	"net"
	"net/http"
	"net/netip"

	"feedmill/internal/throttle"
)

// clientAddr gives the name to count a request by.
func clientAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return throttle.Name(ip)
}
