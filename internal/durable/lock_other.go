//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package durable

import (
	"errors"
	"fmt"
	"os"
)

var errLocked = errors.New("locked")

func flock(*os.File) error {
	return fmt.Errorf("no lock files on this system: %w", errors.ErrUnsupported)
}
