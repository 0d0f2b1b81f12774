package durable

// Adopter is an optional ability of an [FS].
type Adopter interface {
	// Adopt moves a file from anywhere in the file system of the machine to a name
	// of this one that must be free. The file's bytes must have been synced; its new
	// name is not durable before the folder is. The error is
	// [errors.ErrUnsupported] where that would be a copy, and the file stays.
	Adopt(path, name string) error
}

var _ Adopter = (*Root)(nil)
