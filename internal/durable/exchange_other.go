//go:build !linux && !darwin

package durable

import (
	"errors"
	"os"
)

// Exchange swaps two files or folders in one step where the system can; here
// it cannot, and the error is [errors.ErrUnsupported].
func Exchange(a, b string) error {
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: errors.ErrUnsupported}
}
