//go:build !purego

#include "textflag.h"
#include "go_asm.h"

DATA factor1<>+0(SB)/8, $const_factor1
GLOBL factor1<>(SB), RODATA|NOPTR, $8
DATA factor2<>+0(SB)/8, $const_factor2
GLOBL factor2<>(SB), RODATA|NOPTR, $8

// func groupsAVX2(rest *byte, most, last int, heads, members *Table, places *uint16, room int) (n, end int)
//
// It does what plainGroups does, which tells what is looked for; most is where a
// text may end at most, and last where one may begin at last: wide bytes are read
// from there.
// n holds, until the end, the address behind the last place that counts.
//
//	SI  the rest         R8 heads        R11 the table of the two to look in
//	R10 the place in it  R9 members      R12 most, R13 last
//	DI  the next place   R14 the end of the room for places
TEXT ·groupsAVX2(SB), NOSPLIT, $0-72
	MOVQ rest+0(FP), SI
	MOVQ most+8(FP), R12
	MOVQ last+16(FP), R13
	MOVQ heads+24(FP), R8
	MOVQ members+32(FP), R9
	MOVQ places+40(FP), DI
	MOVQ room+48(FP), R14
	LEAQ (DI)(R14*2), R14
	XORL R10, R10
	MOVQ DI, n+56(FP)
	MOVQ R10, end+64(FP)

head:
	MOVQ R8, R11

	// As Known: the hash is in AX, then the size; CX is one of the pair.
find:
	CMPQ    DI, R14
	JEQ     done
	CMPQ    R10, R13
	JGT     done
	MOVQ    const_same+8(SI)(R10*1), AX
	IMULQ   factor2<>(SB), AX
	ROLQ    $29, AX
	XORQ    const_same(SI)(R10*1), AX
	IMULQ   factor1<>(SB), AX
	MOVQ    AX, CX
	SHRQ    $(65-const_placeBits), CX
	SHLQ    $5, CX
	ADDQ    R11, CX
	ORL     $1, AX
	LEAQ    place__size(CX), BX
	CMPL    AX, place_tag(BX)
	CMOVQEQ BX, CX
	CMPL    AX, place_tag(CX)
	JNE     done
	MOVL    place_size(CX), AX
	MOVQ    place_text(CX), BX
	SUBQ    R11, CX
	SHRL    $4, CX
	MOVW    CX, (DI)

	// DX gets the bits of bytes that differ.
	VMOVDQU   (SI)(R10*1), Y0
	VMOVDQU   32(SI)(R10*1), Y1
	VPCMPEQB  (BX), Y0, Y0
	VPCMPEQB  32(BX), Y1, Y1
	VPMOVMSKB Y0, DX
	VPMOVMSKB Y1, CX
	SHLQ      $32, CX
	ORQ       CX, DX
	NOTQ      DX
	CMPL      AX, $const_wide
	JGT       long

	// Those behind the text do not count: the shift is one by 64 less the size.
	MOVL  AX, CX
	NEGL  CX
	SHLQ  CX, DX
	TESTQ DX, DX
	JNZ   done
	ADDQ  AX, R10

found:
	CMPQ R10, R12
	JGT  done
	ADDQ $2, DI
	CMPQ R11, R8
	JEQ  list
	CMPB (SI)(R10*1), $','
	JEQ  next
	CMPW (SI)(R10*1), $0x7D5D // a bracket, and then a brace
	JNE  done
	ADDQ $2, R10
	MOVQ DI, n+56(FP)
	MOVQ R10, end+64(FP)
	CMPB (SI)(R10*1), $','
	JNE  done
	INCQ R10
	JMP  head

list:
	ORW  $const_Head, -2(DI)
	CMPB (SI)(R10*1), $'['
	JNE  done
	MOVQ R9, R11

next:
	INCQ R10
	JMP  find

done:
	MOVQ n+56(FP), AX
	SUBQ places+40(FP), AX
	SHRQ $1, AX
	MOVQ AX, n+56(FP)
	VZEROUPPER
	RET

	// The last chunk of what is longer ends where the text does.
long:
	TESTQ DX, DX
	JNZ   done
	LEAQ  (SI)(R10*1), DX
	ADDQ  AX, R10
	CMPQ  R10, R12
	JGT   done
	SUBQ  $32, AX
	MOVL  $const_wide, CX

chunk:
	CMPQ    CX, AX
	CMOVQGT AX, CX
	VMOVDQU (DX)(CX*1), Y0
	VPXOR   (BX)(CX*1), Y0, Y0
	VPTEST  Y0, Y0
	JNZ     done
	CMPQ    CX, AX
	JEQ     found
	ADDQ    $32, CX
	JMP     chunk
