package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// newClient makes what sends requests unless a caller brings his own.
func newClient() *http.Client {
	t := awshttp.NewBuildableClient().GetTransport()
	// A server that has taken a request and stays silent; the length of a transfer
	// is the caller's to bound.
	t.ResponseHeaderTimeout = time.Minute
	t.MaxIdleConnsPerHost = 16
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode >= 400 && answer.StatusCode < 500 {
			return &proxyError{answer.Status}
		}
		return nil
	}
	// A request is signed for the host that it is sent to, and no other could take
	// it. Followed, it would carry a session token, and prices, to wherever an answer
	// leads.
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// proxyError is an answer of a proxy that makes no connection.
type proxyError struct{ status string }

func (e *proxyError) Error() string { return "the proxy answers " + e.status }

// isProxy reports whether a proxy on the way refuses to pass requests on.
func isProxy(err error) bool {
	var e *proxyError
	status, _ := answer(err)
	return status == http.StatusProxyAuthRequired || errors.As(err, &e)
}

// elsewhere says of an answer that the bucket, or whatever answers, is in another
// place where that is; ok is false of any other.
func elsewhere(err error) (where string, ok bool) {
	status, code := answer(err)
	switch {
	case status >= 300 && status < 400 && status != http.StatusNotModified:
	case code == "AuthorizationHeaderMalformed", code == "IllegalLocationConstraintException":
	default:
		return "", false
	}
	var e *smithyhttp.ResponseError
	if errors.As(err, &e) && e.Response != nil {
		h := e.Response.Header
		if region := h.Get("X-Amz-Bucket-Region"); region != "" {
			where += fmt.Sprintf(", in the region %q", region)
		}
		if u, err := url.Parse(h.Get("Location")); err == nil && u.Host != "" {
			where += fmt.Sprintf(", by way of %q", u.Host)
		}
	}
	var said smithy.APIError
	if where == "" && errors.As(err, &said) && code == "AuthorizationHeaderMalformed" {
		where = ": " + said.ErrorMessage() // which names the region that is wanted
	}
	return where, true
}
