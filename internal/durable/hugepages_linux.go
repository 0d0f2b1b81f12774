package durable

import "golang.org/x/sys/unix"

// inHugePages asks for large pages. Where there are none, ordinary ones do.
func inHugePages(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
