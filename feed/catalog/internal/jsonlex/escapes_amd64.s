//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// func escapesAVX2(b *byte, stops *uint64, to *byte, i, end int) (at, n int)
//
// It copies what stands from i on, 64 bytes at a time and never from behind end, and
// goes on behind short escapes. It stops at whatever else is marked: at is where,
// and n how much was written. What it writes behind that does not count.
//
//	SI the text    R8  the stops           R9 the last place to read from
//	DI where to    R10 the place in it     R11 what short escapes stand for
TEXT ·escapesAVX2(SB), NOSPLIT, $0-56
	MOVQ b+0(FP), SI
	MOVQ stops+8(FP), R8
	MOVQ to+16(FP), DI
	MOVQ i+24(FP), R10
	MOVQ end+32(FP), R9
	LEAQ ·shortEscape(SB), R11

chunk:
	CMPQ    R10, R9
	JGT     done
	MOVQ    R10, AX
	SHRQ    $3, AX
	MOVL    R10, CX
	ANDL    $7, CX
	MOVQ    (R8)(AX*1), AX
	SHRQ    CX, AX
	VMOVDQU (SI)(R10*1), Y0
	VMOVDQU 32(SI)(R10*1), Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	BSFQ    AX, AX
	JZ      none
	ADDQ    AX, R10
	ADDQ    AX, DI
	CMPB    (SI)(R10*1), $'\\'
	JNE     done
	MOVBLZX 1(SI)(R10*1), CX
	MOVBLZX (R11)(CX*1), CX
	TESTL   CX, CX
	JZ      done
	MOVB    CX, (DI)
	INCQ    DI
	ADDQ    $2, R10
	JMP     chunk

none:
	ADDQ $const_windowBits, R10
	ADDQ $const_windowBits, DI
	JMP  chunk

done:
	MOVQ R10, at+40(FP)
	SUBQ to+16(FP), DI
	MOVQ DI, n+48(FP)
	VZEROUPPER
	RET
