package main

import (
	"net/http"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
)

// untrusted makes the client for addresses that others have given, which goes
// through the proxy that the settings name.
func untrusted(cfg *config.Config, opt outbound.Options) (*http.Client, error) {
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
