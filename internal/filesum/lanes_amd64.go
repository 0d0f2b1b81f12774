//go:build !purego

package filesum

// lanes are the digests of up to eight files that go on together, as the
// assembly wants them.
type lanes struct {
	md5 [4][maxLanes]uint32
	// sha has the words of each state in the order in which the instructions of
	// SHA take them.
	sha [maxLanes][8]uint32
	// from is where each file's next block begins. Those behind the last file are
	// read as well, so they point to what can be.
	from [maxLanes]*byte
	// The words of a block of every file, side by side.
	_ [16][maxLanes]uint32
}

//go:noescape
func lanes2(l *lanes, n int)

//go:noescape
func lanes4(l *lanes, n int)

//go:noescape
func lanes6(l *lanes, n int)

//go:noescape
func lanes8(l *lanes, n int)

// together puts n blocks of each of two to eight files through both digests.
func together(list []lane, n int) {
	var l lanes
	for i := range maxLanes {
		f := &list[min(i, len(list)-1)]
		l.from[i] = &f.rest[0]
		s := &f.sums.s
		for k, w := range s.md5 {
			l.md5[k][i] = w
		}
		a := &s.sha
		l.sha[i] = [8]uint32{a[5], a[4], a[1], a[0], a[7], a[6], a[3], a[2]}
	}
	switch (len(list) + 1) / 2 {
	case 1:
		lanes2(&l, n)
	case 2:
		lanes4(&l, n)
	case 3:
		lanes6(&l, n)
	default:
		lanes8(&l, n)
	}
	for i := range list {
		s := &list[i].sums.s
		for k := range s.md5 {
			s.md5[k] = l.md5[k][i]
		}
		a := &l.sha[i]
		s.sha = [8]uint32{a[3], a[2], a[7], a[6], a[1], a[0], a[5], a[4]}
	}
}
