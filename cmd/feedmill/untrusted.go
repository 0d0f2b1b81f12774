package main

import (
	"net"
	"net/http"
	"net/url"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
)

// untrusted makes the client for an address that somebody has given, and for
// what is named there, which goes through the proxy that the settings name. It
// does not ask feedmill itself, unless the address says in so many words that
// it is the own offer that is wanted.
func untrusted(cfg *config.Config, address string, opt outbound.Options) (*http.Client, error) {
	if own := ownAddresses(cfg); !own.Named(address) {
		opt.Own = own
	}
	const hint = "name it as http://HOST:PORT; user and password stand in the file that outbound.proxy_auth_file names, as user:password"
	set := &cfg.Outbound
	if set.Proxy == "" {
		if set.ProxyAuthFile != "" {
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: "setting outbound.proxy_auth_file is given, and outbound.proxy is not", Hint: hint}
		}
		return outbound.New(opt), nil
	}
	var auth string
	if set.ProxyAuthFile != "" {
		var err error
		if auth, err = secretFile("outbound.proxy_auth_file", set.ProxyAuthFile, hint); err != nil {
			return nil, err
		}
	}
	var err error
	if opt.Proxy, err = outbound.ParseProxy(set.Proxy, auth); err != nil {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "setting outbound.proxy", Err: err, Hint: hint}
	}
	return outbound.New(opt), nil
}

// ownAddresses gives where feedmill is reached by these settings. What the
// processes of one data folder say to each other goes over a port that nobody
// else knows, and no request without their secret is answered there.
func ownAddresses(cfg *config.Config) *outbound.Own {
	own := &outbound.Own{Hosts: words(cfg.Panel.Hosts)}
	for _, listen := range []string{cfg.Server.Listen, cfg.Server.MetricsListen} {
		_, port, err := net.SplitHostPort(listen)
		if err != nil {
			continue // whoever listens there says so
		}
		if n, err := net.LookupPort("tcp", port); err == nil && n != 0 {
			own.Ports = append(own.Ports, uint16(n))
		}
	}
	for _, public := range []string{cfg.Server.PublicURL, cfg.Panel.PublicURL} {
		if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
			own.Hosts = append(own.Hosts, u.Hostname())
		}
	}
	return own
}
