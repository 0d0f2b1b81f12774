package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// letGo tells the system that nobody is about to read n bytes of a file from an
// offset on, so that their memory may serve others. It is a hint: whoever reads
// them all the same gets them from the disk.
func letGo(f *os.File, off, n int64) {
	_ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED) // a hint has no failure that matters
}
