//go:build !linux

package durable

import (
	"errors"
	"os"
)

// setDirect says how a file is written from now on. Here there is one way.
func setDirect(_ *os.File, on bool) error {
	if on {
		return errors.ErrUnsupported
	}
	return nil
}

// pread is for files that setDirect has opened.
func pread(*os.File, []byte, int64) (int, error) { return 0, errors.ErrUnsupported }
