package main

import "fmt"

// The loops for several files at once. MD5 of each file has a lane of a vector
// register, so that its chain of steps is walked once for all of them; the
// instructions of SHA-256, which know no lanes, are strewn between.

// Places in a lanes of package filesum.
const (
	lanesMD5   = 0
	lanesSHA   = lanesMD5 + 4*8*4
	lanesFrom  = lanesSHA + 8*8*4
	lanesWords = lanesFrom + 8*8
)

// lanesSet is a set of vector instructions.
type lanesSet struct {
	name string
	// move copies a vector, and state is the first of the four that hold MD5.
	move  string
	state int
	// load is what has to be done before the loop.
	load stream
	// transpose puts four words of the next block of each file into four vectors
	// that have the same word of all files, and these into memory.
	transpose func(wide bool, quarter int, from [8]string) stream
	// step is a step of MD5 in all lanes.
	step func(wide bool, i int) stream
	// sha is SHA-256 of a block of each of n files.
	sha func(n int, from [8]string) stream
}

// lanesFunction writes the loop for n files. Registers: DI the lanes, SI how far
// the files have been read, R12 how far they are to be, eight general ones where
// the files begin.
func (g *generator) lanesFunction(set *lanesSet, n int) {
	from := [8]string{"AX", "BX", "CX", "DX", "R8", "R9", "R10", "R11"}
	wide := n > 4
	md5 := func(i int) string { return vector(wide, set.state+i) }
	g.line("")
	g.line("// func %s%d(l *lanes, n int)", set.name, n)
	g.line("TEXT ·%s%d(SB), NOSPLIT, $0-16", set.name, n)
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
	s = append(s, set.load...)
	for i := range 4 {
		s.add("%s %d(DI), %s", set.move, lanesMD5+32*i, md5(i))
	}
	g.emit(s)
	g.line("")
	g.line("loop:")
	long := set.transpose(wide, 0, from)
	for i := range 64 {
		// A quarter of the words is there before the first round comes to it.
		if i%4 == 0 && i < 12 {
			long = append(long, set.transpose(wide, i/4+1, from)...)
		}
		long = append(long, set.step(wide, i)...)
	}
	g.emit(weave(long, set.sha(n, from)))
	for i := range 4 {
		g.emit(stream{fmt.Sprintf("VPADDD %d(DI), %s, %s", lanesMD5+32*i, md5(i), md5(i)),
			fmt.Sprintf("%s %s, %d(DI)", set.move, md5(i), lanesMD5+32*i)})
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

// lanesSHA256 is one block of SHA-256 of one file, in six registers from the
// given one on, and t.
func lanesSHA256(file, base int, t, mask, from string) (s stream) {
	x, y := fmt.Sprintf("X%d", base), fmt.Sprintf("X%d", base+1)
	at := lanesSHA + 32*file
	s.add("VMOVDQU %d(DI), %s", at, x)
	s.add("VMOVDQU %d(DI), %s", at+16, y)
	s = append(s, sha(base, t, mask, func(quarter int) string { return fmt.Sprintf("%d(%s)(SI*1)", 16*quarter, from) })...)
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
