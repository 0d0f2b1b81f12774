package outbound

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// Hide keeps the address that was asked for out of an error of a client: it may
// hold a secret, and errors end in logs.
func Hide(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return errors.New("the name of the host cannot be resolved")
	}
	if err != nil && strings.Contains(err.Error(), "/o/") { // the secret of an offer follows
		return errors.New("the request failed")
	}
	return err
}
