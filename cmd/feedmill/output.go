package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"feedmill/internal/durable"
)

// destination says what a result is put in the place of: the file of this name,
// or the one that a link leads to. What is no file, such as a pipe or /dev/null,
// cannot be replaced: it is a stream, to be written into.
func destination(name string) (target string, stream bool, err error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return name, false, nil // there is nothing yet, or a link to nothing
	case !info.Mode().IsRegular() && !info.IsDir():
		return name, true, nil
	}
	if target, err = filepath.EvalSymlinks(name); err != nil {
		err = inputError(fmt.Errorf("write %s: %w", name, err))
	}
	return target, false, err
}

// beside gives where to tell of a result of this name: on standard error when it
// went into a stream, which may be standard output itself.
func beside(name string, out, errs io.Writer) io.Writer {
	if _, stream, _ := destination(name); stream {
		return errs
	}
	return out
}

// writeWhole has fn write a file beside name and puts it in name's place when
// it is complete: durably, compressed if the name says so. What a killed run has
// left beside it goes with the next. See destination.
func writeWhole(name string, fn func(*os.File) error) (err error) {
	target, stream, err := destination(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	if stream {
		dir = os.TempDir()
	}
	temp, err := durable.MakeTempDir(dir, filepath.Base(target))
	if err != nil {
		return inputError(fmt.Errorf("write %s: %w", name, err))
	}
	defer func() { err = errors.Join(err, temp.Close()) }()
	fresh := func(path string) (*os.File, error) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, inputError(fmt.Errorf("write %s: %w", name, err))
		}
		return f, nil
	}
	result := filepath.Join(dir, temp.Result())
	first, packed := result, strings.HasSuffix(name, ".gz")
	if packed {
		first = filepath.Join(temp.Path(), "plain")
	}
	plain, err := fresh(first)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plain.Close()) }()
	if err := fn(plain); err != nil {
		return err
	}
	final := plain
	if packed {
		if final, err = fresh(result); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, final.Close()) }()
		if err := compress(final, plain); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if stream {
		return copyInto(name, final)
	}
	if err := errors.Join(final.Chmod(0o644), final.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	root, err := durable.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // only a handle
	if err := durable.Commit(root, temp.Result(), filepath.Base(target)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// copyInto writes a file that was just written into a pipe or device.
func copyInto(name string, from io.ReadSeeker) error {
	to, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err == nil {
		if _, err = from.Seek(0, io.SeekStart); err == nil {
			_, err = io.Copy(to, from)
		}
		err = errors.Join(err, to.Close())
	}
	if err != nil {
		return inputError(fmt.Errorf("write %s: %w", name, err))
	}
	return nil
}

// compress writes a file that was just written into another one, compressed.
func compress(to, from *os.File) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z := gzip.NewWriter(to)
	_, err := io.Copy(z, from)
	return errors.Join(err, z.Close())
}
