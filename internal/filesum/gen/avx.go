package main

// avx has sixteen vector registers for both digests: MD5 of up to four files has
// nine of them, and the instructions of SHA take one file after the other in the
// rest. They are very slow where the upper halves of registers are in use, so
// there are no wider lanes.
var avx = lanesSet{
	name: "lanes128x", move: "VMOVDQU", state: 7, transpose: transpose128, step: step128,
	sha: func(n int, from [8]string) (s stream) {
		for i := range n {
			s = append(s, lanesSHA256(i, 1, "X0", "bigEndian<>(SB)", from[i])...)
		}
		return s
	},
}

func transpose128(_ bool, quarter int, from [8]string) (s stream) {
	load := func(file int, x string) { s.add("VMOVDQU %d(%s)(SI*1), %s", 16*quarter, from[file], x) }
	store := func(x string, word int) { s.add("VMOVDQU %s, %d(DI)", x, lanesWords+32*(4*quarter+word)) }
	load(0, "X11")
	load(1, "X12")
	s.add("VPUNPCKLDQ X12, X11, X13")
	s.add("VPUNPCKHDQ X12, X11, X11")
	load(2, "X12")
	load(3, "X14")
	s.add("VPUNPCKLDQ X14, X12, X15")
	s.add("VPUNPCKHDQ X14, X12, X12")
	s.add("VPUNPCKLQDQ X15, X13, X14")
	store("X14", 0)
	s.add("VPUNPCKHQDQ X15, X13, X13")
	store("X13", 1)
	s.add("VPUNPCKLQDQ X12, X11, X14")
	store("X14", 2)
	s.add("VPUNPCKHQDQ X12, X11, X11")
	store("X11", 3)
	return s
}

// step128 does what does not depend on the step before, which is b, ahead.
func step128(_ bool, i int) (s stream) {
	r := func(k int) string { return vector(false, 7+(64-i+k)%4) }
	a, b, c, d := r(0), r(1), r(2), r(3)
	const t, u, k = "X11", "X12", "X13"
	s.add("VBROADCASTSS md5Constants<>+%d(SB), %s", 4*i, k)
	s.add("VPADDD %d(DI), %s, %s", lanesWords+32*md5Word(i), k, k)
	s.add("VPADDD %s, %s, %s", k, a, a)
	switch i / 16 {
	case 0:
		s.add("VPXOR %s, %s, %s", c, d, t)
		s.add("VPAND %s, %s, %s", b, t, t)
		s.add("VPXOR %s, %s, %s", d, t, t)
	case 1:
		s.add("VPANDN %s, %s, %s", c, d, u)
		s.add("VPADDD %s, %s, %s", u, a, a)
		s.add("VPAND %s, %s, %s", d, b, t)
	case 2:
		s.add("VPXOR %s, %s, %s", c, d, t)
		s.add("VPXOR %s, %s, %s", b, t, t)
	case 3:
		s.add("VPXOR ones<>(SB), %s, %s", d, t)
		s.add("VPOR %s, %s, %s", b, t, t)
		s.add("VPXOR %s, %s, %s", c, t, t)
	}
	s.add("VPADDD %s, %s, %s", t, a, a)
	shift := md5Shifts[i/16][i%4]
	s.add("VPSLLD $%d, %s, %s", shift, a, t)
	s.add("VPSRLD $%d, %s, %s", 32-shift, a, a)
	s.add("VPOR %s, %s, %s", t, a, a)
	s.add("VPADDD %s, %s, %s", b, a, a)
	return s
}
