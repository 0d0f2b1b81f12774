package s3store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"feedmill/storage"
)

// answer returns the HTTP status and S3 error code of an answer; 0 and "" where
// there was none.
func answer(err error) (status int, code string) {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) {
		status = re.HTTPStatusCode()
	}
	var ae smithy.APIError
	if errors.As(err, &ae) {
		code = ae.ErrorCode()
	}
	return status, code
}

// isNotFound reports whether an object or upload, not the bucket, is missing.
// HEAD answers have no body, so there a missing bucket looks like a missing
// object; listings tell.
func isNotFound(err error) bool {
	status, code := answer(err)
	return status == http.StatusNotFound && code != "NoSuchBucket"
}

func isRange(err error) bool {
	status, _ := answer(err)
	return status == http.StatusRequestedRangeNotSatisfiable
}

// classifyListing is classify for requests about a bucket. Whatever code comes with
// their 404, there is nothing to list: not even a store, where the address is that
// of an object.
func classifyListing(err error) error {
	if isNotFound(err) {
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrNoBucket, err))
	}
	return classify(err)
}

// classify gives an error of the SDK its meaning in the contract. An error that
// has one already keeps it.
func classify(err error) error {
	if err == nil || storage.IsPermanent(err) || errors.Is(err, storage.ErrUnsettled) || errors.Is(err, storage.ErrBusy) ||
		errors.Is(err, storage.ErrSkewed) || errors.Is(err, storage.ErrExpired) || givenUp(err) {
		return err
	}
	if isNotFound(err) {
		return fmt.Errorf("%w: %w", storage.ErrNotExist, err)
	}
	if where, ok := elsewhere(err); ok {
		return storage.Permanent(fmt.Errorf("%w%s: %w", storage.ErrElsewhere, where, err))
	}
	switch status, code := answer(err); {
	case code == "InvalidObjectState":
		return fmt.Errorf("%w: %w", storage.ErrArchived, err)
	case isProxy(err):
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrProxy, err))
	case code == "ObjectParentIsFile", code == "ExistingObjectIsDirectory": // versitygw
		return fmt.Errorf("%w: %w", storage.ErrNested, err)
	case code == "RequestTimeTooSkewed":
		return fmt.Errorf("%w: %w", storage.ErrSkewed, err)
	case code == "ExpiredToken", code == "TokenRefreshRequired":
		return fmt.Errorf("%w: %w", storage.ErrExpired, err)
	case code == "BadDigest", code == "XAmzContentSHA256Mismatch":
	case isUntrusted(err):
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrUntrusted, err))
	case isBusy(err):
		return fmt.Errorf("%w: %w", storage.ErrBusy, err)
	case code == "NoSuchBucket":
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrNoBucket, err))
	case refusesKey(err):
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrWrongKey, err))
	case status == http.StatusPreconditionFailed, status == http.StatusConflict,
		status == http.StatusRequestTimeout:
	case status == http.StatusNotImplemented, status == http.StatusInsufficientStorage, status == http.StatusHTTPVersionNotSupported:
		return storage.Permanent(err)
	case code == "AccessDenied", status == http.StatusForbidden && (code == "" || code == "Forbidden"): // of HEAD, which has no body
		return storage.Permanent(fmt.Errorf("%w: %w", storage.ErrDenied, err))
	case status >= 300 && status < 500:
		// No such bucket, a key that nobody knows, wrong region, wrong signature, a
		// request the server will never like.
		return storage.Permanent(err)
	}
	return err
}

// givenUp reports whether the caller did not wait for an answer. A time limit of
// the connection looks like the caller's own.
func givenUp(err error) bool {
	var e interface{ CanceledError() bool }
	switch {
	case errors.As(err, &e):
		return e.CanceledError()
	case isUnsent(err):
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isBusy reports whether the store did not answer, or had no time.
func isBusy(err error) bool {
	status, code := answer(err)
	return isTransient(code) || status == http.StatusTooManyRequests || isUnsent(err) ||
		status >= 500 && status <= 504 && status != http.StatusNotImplemented
}

// isUntrusted reports whether a connection ended in its handshake for what the
// other side has shown.
func isUntrusted(err error) bool {
	var cert *tls.CertificateVerificationError
	return errors.As(err, &cert) || errors.Is(err, http.ErrSchemeMismatch)
}

// isUnsent reports whether there was no answer, or not all of it: nobody listens,
// no such host, a connection that broke.
func isUnsent(err error) bool {
	var e *smithyhttp.RequestSendError
	var d *smithy.DeserializationError
	return errors.As(err, &e) || errors.As(err, &d) && errors.Is(err, io.ErrUnexpectedEOF)
}

// isTransient names the codes that mean "later" although their status is 400
// or 403, or 200, as when an upload turns out not to be completed after the
// answer has begun.
func isTransient(code string) bool {
	switch code {
	case "RequestTimeout", "IncompleteBody", "SlowDown", "Throttling", "ThrottlingException", "ServiceUnavailable", "InternalError":
		return true
	}
	return false
}
