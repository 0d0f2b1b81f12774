package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"feedmill/feed"
)

// openInput opens a file that the command line names. One that is not there, or
// is none, is the command line's fault and not the machine's.
func openInput(what, path string) (*os.File, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, feed.Errorf(feed.KindNotFound, "read %s: there is no file %q", what, path)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = feed.Errorf(feed.KindInvalid, "read %s: %q is a folder", what, path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
