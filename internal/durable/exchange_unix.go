//go:build linux || darwin

package durable

// Exchange swaps two files or folders of one file system in one step: at no
// moment is either name missing. The folders that hold them are not synced.
// The error is [errors.ErrUnsupported] where the file system cannot do it.
func Exchange(a, b string) error { return exchange(a, b) }
