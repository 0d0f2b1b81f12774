package main

import "fmt"

// The loops for several files at once. MD5 of each file has a lane of a vector
// register, so that its chain of steps is walked once for all of them; the
// instructions of SHA-256, which know no lanes, take the files two by two and are
// strewn between. MD5 keeps to the upper half of the vector registers, where the
// instructions of SHA cannot reach.

// Places in a lanes of package filesum.
const (
	lanesMD5   = 0
	lanesSHA   = lanesMD5 + 4*8*4
	lanesFrom  = lanesSHA + 8*8*4
	lanesWords = lanesFrom + 8*8
)

// lanesFunction writes the loop for an even number n of files. Registers: DI the
// lanes, SI how far the files have been read, R12 how far they are to be, eight
// general ones where the files begin.
func (g *generator) lanesFunction(n int) {
	from := [8]string{"AX", "BX", "CX", "DX", "R8", "R9", "R10", "R11"}
	wide := n > 4
	reg := func(i int) string { return vector(wide, i) }
	g.line("")
	g.line("// func lanes%d(l *lanes, n int)", n)
	g.line("TEXT ·lanes%d(SB), NOSPLIT, $0-16", n)
	var s stream
	s.add("MOVQ l+0(FP), DI")
	s.add("MOVQ n+8(FP), R12")
	s.add("SHLQ $6, R12")
	s.add("XORL SI, SI")
	used := 4
	if wide {
		used = 8
	}
	for i := range used {
		s.add("MOVQ %d(DI), %s", lanesFrom+8*i, from[i])
	}
	s.add("VMOVDQU bigEndian<>(SB), X14")
	for i := range 4 {
		s.add("VMOVDQU32 %d(DI), %s", lanesMD5+32*i, reg(16+i))
	}
	g.emit(s)
	g.line("")
	g.line("loop:")
	var long stream
	long = append(long, transpose(wide, 0, from)...)
	for i := range 64 {
		// A quarter of the words is there before the first round comes to it.
		if i%4 == 0 && i < 12 {
			long = append(long, transpose(wide, i/4+1, from)...)
		}
		long = append(long, lanesStep(wide, i)...)
	}
	var short stream
	for i := 0; i < n; i += 2 {
		short = append(short, zip(lanesSHA256(i, 1, "X13", from[i]), lanesSHA256(i+1, 7, "X15", from[i+1]))...)
	}
	g.emit(weave(long, short))
	for i := range 4 {
		g.emit(stream{fmt.Sprintf("VPADDD %d(DI), %s, %s", lanesMD5+32*i, reg(16+i), reg(16+i)),
			fmt.Sprintf("VMOVDQU32 %s, %d(DI)", reg(16+i), lanesMD5+32*i)})
	}
	g.emit(stream{"ADDQ $64, SI", "CMPQ SI, R12", "JB loop", "VZEROUPPER", "RET"})
}

// vector names a vector register of eight words, or of four.
func vector(wide bool, i int) string {
	if wide {
		return fmt.Sprintf("Y%d", i)
	}
	return fmt.Sprintf("X%d", i)
}

// transpose puts four words of the next block of each file into four vectors
// that have the same word of all files, and these into memory.
func transpose(wide bool, quarter int, from [8]string) (s stream) {
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

// lanesStep is a step of MD5 in all lanes. One instruction would do for the
// function of every round. In two rounds ordinary ones leave less to wait for:
// what does not depend on the step before, which is b, is done ahead.
func lanesStep(wide bool, i int) (s stream) {
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

// lanesSHA256 is one block of SHA-256 of one file, in six registers from the
// given one on, and t.
func lanesSHA256(file, base int, t, from string) (s stream) {
	x, y := fmt.Sprintf("X%d", base), fmt.Sprintf("X%d", base+1)
	w := func(g int) string { return fmt.Sprintf("X%d", base+2+g%4) }
	at := lanesSHA + 32*file
	s.add("VMOVDQU %d(DI), %s", at, x)
	s.add("VMOVDQU %d(DI), %s", at+16, y)
	for g := range 16 {
		if g < 4 {
			s.add("VMOVDQU %d(%s)(SI*1), %s", 16*g, from, w(g))
			s.add("VPSHUFB X14, %s, %s", w(g), w(g))
		} else {
			s.add("SHA256MSG1 %s, %s", w(g-3), w(g-4))
			s.add("VPALIGNR $4, %s, %s, %s", w(g-2), w(g-1), t)
			s.add("VPADDD %s, %s, %s", t, w(g), w(g))
			s.add("SHA256MSG2 %s, %s", w(g-1), w(g))
		}
		// These three use X0 one after the other, also where files take turns:
		// they stay together.
		s.add("VPADDD shaConstants<>+%d(SB), %s, X0\n\tSHA256RNDS2 X0, %s, %s\n\tVPSHUFD $0x0E, X0, X0\n\tSHA256RNDS2 X0, %s, %s", 16*g, w(g), x, y, y, x)
	}
	s.add("VPADDD %d(DI), %s, %s", at, x, x)
	s.add("VPADDD %d(DI), %s, %s", at+16, y, y)
	s.add("VMOVDQU %s, %d(DI)", x, at)
	s.add("VMOVDQU %s, %d(DI)", y, at+16)
	return s
}

// zip takes turns between two streams of the same length.
func zip(a, b stream) (s stream) {
	for i := range a {
		s = append(s, a[i], b[i])
	}
	return s
}
