//go:build !linux && !darwin

package durable

import (
	"errors"
	"os"
)

// Adopt implements [Adopter].
func (r *Root) Adopt(from, name string) error {
	return &os.LinkError{Op: "adopt", Old: from, New: name, Err: errors.ErrUnsupported}
}
