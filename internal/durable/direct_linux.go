package durable

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// setDirect says how a file is read and written from now on: past the system's
// memory, or through it. A file system that is in memory has no other way.
func setDirect(f *os.File, on bool) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = c.Control(func(fd uintptr) {
		var st unix.Statfs_t
		if on && unix.Fstatfs(int(fd), &st) == nil && slices.Contains([]uint32{unix.TMPFS_MAGIC, unix.RAMFS_MAGIC}, uint32(st.Type)) { // which has another size and sign on other processors
			ferr = errors.ErrUnsupported
			return
		}
		var flags int
		if flags, ferr = unix.FcntlInt(fd, unix.F_GETFL, 0); ferr != nil {
			return
		}
		flags &^= unix.O_DIRECT
		if on {
			flags |= unix.O_DIRECT
		}
		_, ferr = unix.FcntlInt(fd, unix.F_SETFL, flags)
	})
	if err == nil && ferr != nil {
		err = os.NewSyscallError("fcntl", ferr)
	}
	return err
}

// pread reads once; a file that is read past the system's memory must not be asked
// again behind its end.
func pread(f *os.File, b []byte, off int64) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := c.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Pread(int(fd), b, off)
			if !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: f.Name(), Err: err}
	}
	return n, cerr
}
