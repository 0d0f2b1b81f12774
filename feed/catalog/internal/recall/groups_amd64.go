//go:build !purego

package recall

//go:noescape
func groupsAVX2(rest *byte, most, last int, heads, members *Table, places *uint16, room int) (n, end int)
