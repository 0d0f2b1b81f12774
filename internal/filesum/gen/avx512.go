package main

// avx512 keeps MD5 in the upper half of the vector registers, where the
// instructions of SHA cannot reach, so that these can take the files two by two.
var avx512 = lanesSet{
	name: "lanes512x", move: "VMOVDQU32", state: 16, load: stream{"VMOVDQU bigEndian<>(SB), X14"},
	transpose: transpose512, step: step512,
	sha: func(n int, from [8]string) (s stream) {
		for i := 0; i < n; i += 2 {
			s = append(s, zip(lanesSHA256(i, 1, "X13", "X14", from[i]), lanesSHA256(i+1, 7, "X15", "X14", from[i+1]))...)
		}
		return s
	},
}

func transpose512(wide bool, quarter int, from [8]string) (s stream) {
	reg := func(i int) string { return vector(wide, i) }
	for i := range 4 {
		s.add("VMOVDQU32 %d(%s)(SI*1), %s", 16*quarter, from[i], vector(false, 24+i))
		if wide {
			s.add("VINSERTI32X4 $1, %d(%s)(SI*1), %s, %s", 16*quarter, from[4+i], reg(24+i), reg(24+i))
		}
	}
	s.add("VPUNPCKLDQ %s, %s, %s", reg(25), reg(24), reg(28))
	s.add("VPUNPCKHDQ %s, %s, %s", reg(25), reg(24), reg(29))
	s.add("VPUNPCKLDQ %s, %s, %s", reg(27), reg(26), reg(30))
	s.add("VPUNPCKHDQ %s, %s, %s", reg(27), reg(26), reg(31))
	s.add("VPUNPCKLQDQ %s, %s, %s", reg(30), reg(28), reg(24))
	s.add("VPUNPCKHQDQ %s, %s, %s", reg(30), reg(28), reg(25))
	s.add("VPUNPCKLQDQ %s, %s, %s", reg(31), reg(29), reg(26))
	s.add("VPUNPCKHQDQ %s, %s, %s", reg(31), reg(29), reg(27))
	for i := range 4 {
		s.add("VMOVDQU32 %s, %d(DI)", reg(24+i), lanesWords+32*(4*quarter+i))
	}
	return s
}

// step512 could have one instruction for the function of every round. In two
// rounds ordinary ones leave less to wait for: what does not depend on the step
// before, which is b, is done ahead.
func step512(wide bool, i int) (s stream) {
	r := func(k int) string { return vector(wide, 16+(64-i+k)%4) }
	a, b, c, d, t, u := r(0), r(1), r(2), r(3), vector(wide, 20+i%2), vector(wide, 22+i%2)
	s.add("VPADDD.BCST md5Constants<>+%d(SB), %s, %s", 4*i, a, a)
	s.add("VPADDD %d(DI), %s, %s", lanesWords+32*md5Word(i), a, a)
	switch i / 16 {
	case 1:
		s.add("VPANDND %s, %s, %s", c, d, u)
		s.add("VPADDD %s, %s, %s", u, a, a)
		s.add("VPANDD %s, %s, %s", d, b, t)
	case 2:
		s.add("VPXORD %s, %s, %s", c, d, t)
		s.add("VPXORD %s, %s, %s", b, t, t)
	default:
		s.add("VMOVDQA32 %s, %s", d, t)
		s.add("VPTERNLOGD $%#x, %s, %s, %s", md5Table(i/16), b, c, t)
	}
	s.add("VPADDD %s, %s, %s", t, a, a)
	s.add("VPROLD $%d, %s, %s", md5Shifts[i/16][i%4], a, a)
	s.add("VPADDD %s, %s, %s", b, a, a)
	return s
}

// md5Table gives the function of the first or the last round as the table of its
// values for d, c and b as the digits of a number.
func md5Table(round int) (table int) {
	for i := range 8 {
		d, c, b := i>>2&1, i>>1&1, i&1
		v := b&c | (1-b)&d
		if round == 3 {
			v = c ^ (b | (1 - d))
		}
		table |= v << i
	}
	return table
}
