package storage

import (
	"errors"
	"fmt"
	"io/fs"
)

// The errors of a Store, to be tested with errors.Is. All but ErrUnsettled,
// ErrBusy, ErrSkewed and ErrExpired are permanent: the same call will fail again.
var (
	// ErrNotExist means that there is no object under the key. It also matches
	// fs.ErrNotExist.
	ErrNotExist = fmt.Errorf("object does not exist (%w)", fs.ErrNotExist)
	// ErrExist means that an immutable key was to be put twice. It also
	// matches fs.ErrExist.
	ErrExist = fmt.Errorf("immutable object exists (%w)", fs.ErrExist)
	// ErrNested means that the key is a folder of an existing key, or the
	// other way round.
	ErrNested = errors.New("key is a folder of another key")
	// ErrKey means that the key, or a part it is made from, has a wrong form.
	ErrKey = errors.New("malformed key")
	// ErrAttrs means that an attribute cannot be stored.
	ErrAttrs = errors.New("malformed attribute")
	// ErrRange means that the range does not lie in the object.
	ErrRange = errors.New("range outside the object")
	// ErrLength means that a body was shorter or longer than declared.
	ErrLength = errors.New("body has another length than declared")
	// ErrDigest means that a body had another SHA-256 than declared.
	ErrDigest = errors.New("body has another SHA-256 than declared")
	// ErrDamaged means that the stored bytes or attributes are not what was
	// put there.
	ErrDamaged = errors.New("stored object is damaged")
	// ErrArchived means that the object is there and cannot be read before somebody has
	// it restored: a rule of the bucket has moved it.
	ErrArchived = errors.New("object lies in an archive")
	// ErrUnsettled means that the store cannot say whether a Put or Delete
	// took effect, nor whether it still will.
	ErrUnsettled = errors.New("outcome unknown")
	// ErrDenied means that the store does not let this key do what was asked. It
	// comes marked as permanent.
	ErrDenied = errors.New("no right to it")
	// ErrBusy means that the store did not answer, or had no time for the call. It
	// may be tried again later.
	ErrBusy = errors.New("the store does not answer or has too much to do")
	// ErrSkewed means that the store's clock and this machine's are too far apart.
	// Set right, they let the call pass.
	ErrSkewed = errors.New("the store has another time")
	// ErrExpired means that the key is a temporary one whose time is over. Replaced, it
	// lets the call pass.
	ErrExpired = errors.New("the time of the temporary key is over")
	// ErrNoBucket means that there is no bucket of that name. It comes marked as
	// permanent.
	ErrNoBucket = errors.New("no such bucket")
	// ErrWrongKey means that the store does not know the key, or another secret for
	// it. It comes marked as permanent.
	ErrWrongKey = errors.New("the store does not take the key")
	// ErrUntrusted means that what answers cannot show that it is the store: its
	// certificate is not trusted here, or it speaks no TLS. It comes marked as
	// permanent.
	ErrUntrusted = errors.New("what answers cannot show that it is the store")
	// ErrElsewhere means that the bucket is in another region or at another address, or
	// that what answers is no store. It comes marked as permanent.
	ErrElsewhere = errors.New("the bucket is elsewhere")
	// ErrProxy means that a proxy on the way to the store refuses. It comes marked as
	// permanent.
	ErrProxy = errors.New("the proxy on the way to the store refuses")
	// ErrMoved means that the folder of the store is at its path no more. It comes
	// marked as permanent.
	ErrMoved = errors.New("the store's folder was moved away or replaced while it is in use")
	// ErrPermanent marks an error that will not go away by trying again: no
	// permission, no space, a bucket that does not exist, a store that lacks
	// what is asked of it. Use IsPermanent to test.
	ErrPermanent = errors.New("permanent")
)

// Permanent marks err as permanent without changing its text. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error        { return e.error }
func (e permanentError) Is(target error) bool { return target == ErrPermanent }

// IsPermanent reports whether trying the same call again is useless.
func IsPermanent(err error) bool {
	for _, e := range [...]error{
		ErrPermanent, ErrNotExist, ErrExist, ErrNested, ErrKey, ErrAttrs,
		ErrRange, ErrLength, ErrDigest, ErrDamaged, ErrArchived,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
