package folder

// Files is what a folder asks of the file system.
type Files = files

// OpenOn is Open on another file system.
func OpenOn(dir string, opt Options, on func(parent string) (Files, error)) (*Folder, error) {
	return open(dir, opt, on)
}

// OpenDisk opens the real file system.
func OpenDisk(parent string) (Files, error) { return openDisk(parent) }
