package outbound

import "net/netip"

// whySpecial says why an address is not one of a public host, "" when it may be.
// The ranges are those of the IANA registries of special-purpose IPv4 and IPv6
// addresses (RFC 6890 and its updates), multicast, and in IPv6 everything
// outside of global unicast, 2000::/3, where the forms that carry an IPv4
// address (mapped, NAT64) lie too.
func whySpecial(ip netip.Addr) string {
	if ip.Zone() != "" {
		return "bound to an interface"
	}
	ip = ip.Unmap()
	ranges := special6()
	if ip.Is4() {
		ranges = special4()
	}
	for _, r := range ranges {
		if r.prefix.Contains(ip) {
			return r.why
		}
	}
	if ip.Is6() && !prefix("2000::/3").Contains(ip) {
		return "outside of global unicast"
	}
	return ""
}

type special struct {
	prefix netip.Prefix
	why    string
}

func special4() []special {
	return []special{
		{prefix("0.0.0.0/8"), "this network"},
		{prefix("10.0.0.0/8"), "private"},
		{prefix("100.64.0.0/10"), "shared by a carrier"},
		{prefix("127.0.0.0/8"), "loopback"},
		{prefix("169.254.0.0/16"), "link-local"},
		{prefix("172.16.0.0/12"), "private"},
		{prefix("192.0.0.0/24"), "kept for protocols"},
		{prefix("192.0.2.0/24"), "for documentation"},
		{prefix("192.31.196.0/24"), "kept for protocols"},
		{prefix("192.52.193.0/24"), "kept for protocols"},
		{prefix("192.88.99.0/24"), "an old relay of 6to4"},
		{prefix("192.168.0.0/16"), "private"},
		{prefix("192.175.48.0/24"), "kept for protocols"},
		{prefix("198.18.0.0/15"), "for measurements"},
		{prefix("198.51.100.0/24"), "for documentation"},
		{prefix("203.0.113.0/24"), "for documentation"},
		{prefix("224.0.0.0/4"), "multicast"},
		{prefix("240.0.0.0/4"), "reserved"},
	}
}

func special6() []special {
	return []special{
		{prefix("::1/128"), "loopback"},
		{prefix("64:ff9b::/96"), "translated by NAT64"},
		{prefix("64:ff9b:1::/48"), "translated by NAT64"},
		{prefix("fc00::/7"), "private"},
		{prefix("fe80::/10"), "link-local"},
		{prefix("ff00::/8"), "multicast"},
		{prefix("2001::/23"), "kept for protocols"},
		{prefix("2001:db8::/32"), "for documentation"},
		{prefix("2002::/16"), "of 6to4"},
		{prefix("3fff::/20"), "for documentation"},
		{prefix("2620:4f:8000::/48"), "kept for protocols"},
	}
}

// prefix reads a prefix of this file.
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
