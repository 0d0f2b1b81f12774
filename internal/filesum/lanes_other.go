//go:build !amd64 || purego

package filesum

func hasLanes() bool { return false }

func together([]lane, int) { panic("filesum: there are no lanes") }
