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
func lanes512x2(l *lanes, n int)

//go:noescape
func lanes512x4(l *lanes, n int)

//go:noescape
func lanes512x6(l *lanes, n int)

//go:noescape
func lanes512x8(l *lanes, n int)

//go:noescape
func lanes128x2(l *lanes, n int)

//go:noescape
func lanes128x3(l *lanes, n int)

//go:noescape
func lanes128x4(l *lanes, n int)

// together puts n blocks of each of at least two files through both digests.
func (c company) together(list []lane, n int) {
	var l lanes
	l.load(list)
	switch files := len(list); {
	case c == inLanes512 && files <= 2:
		lanes512x2(&l, n)
	case c == inLanes512 && files <= 4:
		lanes512x4(&l, n)
	case c == inLanes512 && files <= 6:
		lanes512x6(&l, n)
	case c == inLanes512:
		lanes512x8(&l, n)
	case files == 2:
		lanes128x2(&l, n)
	case files == 3:
		lanes128x3(&l, n)
	default:
		lanes128x4(&l, n)
	}
	l.store(list)
}

func (l *lanes) load(list []lane) {
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
}

func (l *lanes) store(list []lane) {
	for i := range list {
		s := &list[i].sums.s
		for k := range s.md5 {
			s.md5[k] = l.md5[k][i]
		}
		a := &l.sha[i]
		s.sha = [8]uint32{a[3], a[2], a[7], a[6], a[1], a[0], a[5], a[4]}
	}
}
