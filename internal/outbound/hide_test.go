package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"feedmill/internal/outbound"
)

func TestHide(t *testing.T) {
	t.Parallel()
	const secret = "https://shop.example/o/fm1_secret/full.xml"
	ask := func(err error) error { return &url.Error{Op: "Get", URL: secret, Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{ask(errors.New("connection refused")), "connection refused"},
		{ask(fmt.Errorf("after a redirect: %w", ask(errors.New("no route")))), "no route"},
		{ask(&net.DNSError{Name: "shop.example", Err: "no such host"}), "the name of the host cannot be resolved"},
		{fmt.Errorf("proxy says %s", secret), "the request failed"},
		{errors.New("after 12 bytes: cut"), "after 12 bytes: cut"},
	} {
		if got := outbound.Hide(c.err).Error(); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	if got := outbound.Hide(ask(context.Canceled)); !errors.Is(got, context.Canceled) {
		t.Errorf("got %v, want %v still to be known", got, context.Canceled)
	}
	if got := outbound.Hide(nil); got != nil {
		t.Errorf("got %v, want nil", got)
	}
}
