package durable

import (
	"errors"
	"os"
	"syscall"
)

// Reserve has the file system set aside room for n bytes of a file from an
// offset on; its length stays. What does not fit is known before it is written,
// and large steps at multiples of their size into such room let the system keep
// the file in large pages, which costs less. What is set aside and not needed
// goes back by truncating the file to its length. Where the file system cannot,
// nothing happens.
func Reserve(f *os.File, off, n int64) error {
	if n <= 0 {
		return nil
	}
	const keepSize = 1
	for {
		err := syscall.Fallocate(int(f.Fd()), keepSize, off, n)
		switch {
		case err == syscall.EINTR:
		case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
			return nil // not every file system can
		case err != nil:
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		default:
			return nil
		}
	}
}
