package consumer

import (
	"errors"
	"fmt"

	"feedmill/feed"
)

// Fault says what is wrong with an offer or its delivery.
type Fault string

// The faults of an [Error].
const (
	// FaultUnreachable: no connection, or it broke too often.
	FaultUnreachable Fault = "unreachable"
	// FaultStalled: no byte came for the time set.
	FaultStalled Fault = "stalled"
	// FaultStatus: the answer has another status than 200.
	FaultStatus Fault = "status"
	// FaultRedirect: the answer is a redirect; none is followed.
	FaultRedirect Fault = "redirect"
	// FaultType: the answer is a web page, or in an encoding nobody asked for.
	FaultType Fault = "type"
	// FaultRange: the rest of a file was asked for and something else came.
	FaultRange Fault = "range"
	// FaultSize: the file is longer than announced or allowed.
	FaultSize Fault = "size"
	// FaultHash: the bytes are not those that gateway or manifest name.
	FaultHash Fault = "hash"
	// FaultGateway: the gateway cannot be read or contradicts itself.
	FaultGateway Fault = "gateway"
	// FaultManifest: the manifest cannot be read or contradicts the gateway.
	FaultManifest Fault = "manifest"
	// FaultDocument: a file is not the document it should be.
	FaultDocument Fault = "document"
	// FaultGap: the listed change files do not continue the full file.
	FaultGap Fault = "gap"
	// FaultExpired: the offer's validity has passed.
	FaultExpired Fault = "expired"
	// FaultOlder: the offer is older than the one at hand.
	FaultOlder Fault = "older"
	// FaultShrunk: too many products are gone, or all.
	FaultShrunk Fault = "shrunk"
)

// Error says what is wrong with an offer; the local copy stays as it was. It
// never holds an address, which may be a secret.
type Error struct {
	Fault Fault
	// File is the name of the file, such as "full.xml".
	File string
	// Message says what was expected and what came.
	Message string
	Err     error
	// Temporary says that the same request may succeed later.
	Temporary bool

	restart bool // the file has to be fetched from its start
}

// Error implements error.
func (e *Error) Error() string {
	text := e.File + ": " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the error behind it.
func (e *Error) Unwrap() error { return e.Err }

// As lets feed.KindOf classify: an offer that is wrong is invalid, one that
// cannot be reached is unavailable.
func (e *Error) As(target any) bool {
	t, ok := target.(**feed.Error)
	if !ok {
		return false
	}
	kind := feed.KindInvalid
	switch {
	case e.Fault == FaultUnreachable, e.Fault == FaultStalled, e.Fault == FaultStatus && e.Temporary:
		kind = feed.KindUnavailable
	case e.Fault == FaultShrunk, e.Fault == FaultOlder, e.Fault == FaultExpired:
		kind = feed.KindConflict
	}
	*t = &feed.Error{Kind: kind, Message: e.Error(), Hint: e.hint()}
	return true
}

func (e *Error) hint() string {
	switch e.Fault {
	case FaultShrunk:
		return "ask the supplier; if the loss is right, allow it once"
	case FaultExpired, FaultOlder, FaultGap, FaultHash:
		return "the copy at hand stays in use; tell the supplier if this lasts"
	case FaultStatus:
		if e.File == gatewayName && !e.Temporary {
			return "the address is mistyped or has ended, or the supplier has switched the offer off for now; a copy at hand stays in use"
		}
	case FaultRedirect:
		if e.File == gatewayName {
			return "ask the supplier for the address of the gateway itself"
		}
		return "ask the supplier to name in his gateway the address at which the file itself is; the copy at hand stays in use"
	}
	return ""
}

func fault(f Fault, file, format string, args ...any) *Error {
	return &Error{Fault: f, File: file, Message: fmt.Sprintf(format, args...)}
}

// temporary marks an error as one that may pass.
func (e *Error) temporary() *Error {
	e.Temporary = true
	return e
}

// FaultOf gives the fault of an error, "" when it is about this machine.
func FaultOf(err error) Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return ""
}
