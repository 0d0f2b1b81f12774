package feed

import (
	"errors"
	"fmt"
)

// ErrorKind classifies an error at the edge of the domain; one place for each
// kind of caller maps it to an exit code or an HTTP status.
type ErrorKind uint8

// The closed set of error kinds.
const (
	// KindInternal is everything nobody classified: a fault of ours or of the machine.
	KindInternal ErrorKind = iota
	// KindInvalid is input that breaks a rule; the message names it and says what to do.
	KindInvalid
	// KindNotFound is a name that denotes nothing.
	KindNotFound
	// KindConflict is a change that lost against another, or a name already taken.
	KindConflict
	// KindForbidden is an act the caller may not perform.
	KindForbidden
	// KindUnavailable is a part that does not answer now; the same call may succeed later.
	KindUnavailable
)

// Error is an error with a kind, a message for users and an optional hint at
// the next step. The wrapped error is for operators.
type Error struct {
	Kind    ErrorKind
	Message string
	Hint    string
	Err     error
}

// Error gives the message, and the wrapped error behind it.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] of the given kind.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf gives the kind of the first [Error] in err's chain, else [KindInternal].
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// HintOf gives the hint of the first [Error] in err's chain that has one.
func HintOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
		if err == nil {
			break
		}
	}
	return ""
}
