//go:build linux || darwin

package durable

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"feedmill/internal/crash"
)

// Adopt implements [Adopter]. A link and a removal do what a rename would,
// except that a link never replaces.
func (r *Root) Adopt(from, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	dir, err := r.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Linkat(unix.AT_FDCWD, from, int(dir.Fd()), path.Base(name), 0)
	switch {
	case err == nil:
		crash.Point("durable.adopt.linked")
		if err := os.Remove(from); err != nil {
			return errors.Join(err, r.root.Remove(name))
		}
		return nil
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EMLINK), errors.Is(err, unix.EPERM), errors.Is(err, unix.EOPNOTSUPP):
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return &os.LinkError{Op: "adopt", Old: from, New: name, Err: err}
}
