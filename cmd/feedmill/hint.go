package main

import (
	"errors"
	"syscall"

	"feedmill/internal/durable"
	"feedmill/storage"
)

// hintOfParts says what to do about a store or a machine that refuses; "" where
// nothing is known to help.
func hintOfParts(err error) string {
	switch {
	case errors.Is(err, storage.ErrDenied):
		return "the key of the store has no right to it: use the one meant for it (store.access_key_file or store.profile; sweeps delete and end uploads with store.delete_access_key_file or store.delete_profile), or widen its policy"
	case errors.Is(err, storage.ErrNoBucket):
		return "make the bucket, or name the right one (store.bucket); store.endpoint is the address of the service alone, without the bucket"
	case errors.Is(err, storage.ErrWrongKey):
		return "put the store's own key into the files that store.access_key_file and store.secret_key_file name, or into the profile of store.credentials_file; a temporary key needs its session token too, and ends"
	case errors.Is(err, storage.ErrExpired):
		return "have the file with the temporary key written anew (store.credentials_file, or store.session_token_file and the two beside it) before its time is over; it is read again by itself"
	case errors.Is(err, storage.ErrBusy):
		return "see whether the store at store.endpoint runs and can be reached from here, then try again; what was there before is untouched"
	case errors.Is(err, storage.ErrUntrusted):
		return "let store.endpoint name the host that the store's certificate is made for, and trust its authority on this machine (SSL_CERT_FILE names a file with the certificates to trust); without TLS the endpoint begins with http://"
	case errors.Is(err, storage.ErrElsewhere):
		return "name the region of the bucket (store.region) and the address of the service there (store.endpoint); what the store answers says where, and it is not followed there by itself"
	case errors.Is(err, storage.ErrProxy):
		return "name user and password of the proxy where it wants them (HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT), have it allow the store, or spare the store the way through it (NO_PROXY)"
	case errors.Is(err, storage.ErrArchived):
		return "restore the object, and let no rule of the bucket move objects to an archive; 'feedmill publish --full' makes new files, which partners can read at once"
	case errors.Is(err, storage.ErrMoved):
		return "restart the programs that use the folder; move it, or put a copy in its place, only while none runs"
	case errors.Is(err, storage.ErrSkewed):
		return "set the clock of this machine: the store takes requests of a quarter of an hour around its own time"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full: make room and try again; what was there before is untouched"
	case errors.Is(err, durable.ErrNoLinks):
		return "keep the folder on a file system with hard links, such as ext4, xfs, btrfs or NFS: FAT, exFAT and many shares have none; where there are links, give the files in it to the user that feedmill runs as"
	case errors.Is(err, syscall.EROFS):
		return "the file system is mounted for reading only, as after a fault of the disk: see what the kernel says, and mount it for writing again"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "this process may open too few files: raise the limit (ulimit -n, or LimitNOFILE= of the service), to 1024 at least"
	}
	return ""
}
