//go:build !amd64 || purego

package scan

const wide = false

func fits(string) bool { return false }

func wideStops([]byte, []uint64) bool { return false }

func wideClean(string) (clean, bracket bool) { return false, false }

func wideCopyClean([]byte, string) (clean, bracket bool) { return false, false }

func wideAddress(string) bool { return false }

func wideToken(string) bool { return false }

func wideAttribute(string) (int, bool) { return 0, false }

func wideCopyAttribute([]byte, string) int { return -1 }

func wideStarts([]byte, string) bool { return false }
