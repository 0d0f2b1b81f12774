// Package syncbuf is a buffer that one goroutine or process writes, such as a
// log, while a test reads what is there.
package syncbuf

import (
	"bytes"
	"sync"
)

// Buffer keeps what is written to it. The zero value is empty; its methods may
// be called at the same time.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String gives what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
