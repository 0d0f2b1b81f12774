//go:build !amd64 || purego

package recall

func groupsAVX2(*byte, int, int, *Table, *Table, *uint16, int) (n, end int) { return 0, 0 }
