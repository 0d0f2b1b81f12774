package storage

import (
	"fmt"
	"strings"
)

const (
	// MaxKey is the greatest length of a key in bytes.
	MaxKey = 1024
	// MaxSegment is the greatest length of one segment of a key in bytes.
	MaxSegment = 200
)

// CheckKey reports ErrKey unless key has the form the package comment states.
func CheckKey(key string) error {
	if err := checkBytes(key); err != nil {
		return err
	}
	for seg := range strings.SplitSeq(key, "/") {
		if err := checkSegment(seg); err != nil {
			return fmt.Errorf("key %q: %w", clip(key), err)
		}
	}
	return nil
}

// CheckPrefix reports ErrKey unless prefix is "" or some key begins with it.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if err := checkBytes(prefix); err != nil {
		return err
	}
	for rest := prefix; rest != ""; {
		seg, after, more := strings.Cut(rest, "/")
		if !more && len(seg) < MaxSegment {
			seg += "x" // it may go on, so how it ends is open
		}
		if err := checkSegment(seg); err != nil {
			return fmt.Errorf("prefix %q: %w", clip(prefix), err)
		}
		rest = after
	}
	return nil
}

func checkBytes(s string) error {
	if len(s) > MaxKey {
		return fmt.Errorf("key of %d bytes, at most %d are allowed: %w", len(s), MaxKey, ErrKey)
	}
	for i := range len(s) {
		if !keyByte(s[i]) {
			return fmt.Errorf("key %q: byte %q at %d is not allowed: %w", clip(s), s[i], i, ErrKey)
		}
	}
	return nil
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("/-_.+=@,~%!() ", c) >= 0
}

func checkSegment(seg string) error {
	switch {
	case seg == "":
		return fmt.Errorf("empty segment: %w", ErrKey)
	case len(seg) > MaxSegment:
		return fmt.Errorf("segment of %d bytes, at most %d are allowed: %w", len(seg), MaxSegment, ErrKey)
	case seg[0] == '.' || seg[0] == ' ':
		return fmt.Errorf("segment %q begins with %q: %w", seg, seg[0], ErrKey)
	case seg[len(seg)-1] == '.' || seg[len(seg)-1] == ' ':
		return fmt.Errorf("segment %q ends with %q: %w", seg, seg[len(seg)-1], ErrKey)
	}
	return nil
}

// clip keeps a hostile key from flooding a log.
func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
