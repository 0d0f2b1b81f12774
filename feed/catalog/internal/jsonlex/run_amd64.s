//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// func runAVX2(b *byte, stops *uint64, p *Plan, out *Scalars, i, end int) (at int)
//
// It does what plainRun does, which tells what is looked for. What differs is that
// all that stands before a value is looked at together, and that nothing leaves the
// registers:
//
//	SI  the text            R8   the stops       R11  the plan
//	R10 the place in it     R9   the last one    R12  the link of the next member
//	DI  the next scalar     R13  the members seen
//	DX  where the value starts, AX where it ends, BX the number
TEXT ·runAVX2(SB), NOSPLIT, $0-56
	MOVQ b+0(FP), SI
	MOVQ stops+8(FP), R8
	MOVQ p+16(FP), R11
	MOVQ out+24(FP), DI
	MOVQ i+32(FP), R10
	MOVQ end+40(FP), R9
	MOVQ Scalars_Seen(DI), R13
	MOVQ Scalars_Last(DI), R12
	ANDL $63, R12
	SHLL $6, R12
	ADDQ R11, R12
	CMPQ R10, R9
	JGT  done

	// A link that expects nothing would take 32 bytes of zero, and then wants a digit.
loop:
	VMOVDQU   (SI)(R10*1), Y0
	VPCMPEQB  Link_text(R12), Y0, Y0
	VPMOVMSKB Y0, AX
	ORL       Link_beyond(R12), AX
	INCL      AX
	JNZ       done
	MOVBLZX   Link_size(R12), DX
	ADDQ      R10, DX
	CMPB      Link_quoted(R12), $0
	JEQ       number

	// A string: R14 is where the window on the stops begins.
	MOVQ DX, R14

window:
	MOVQ R14, AX
	SHRQ $3, AX
	MOVL R14, CX
	ANDL $7, CX
	MOVQ (R8)(AX*1), AX
	SHRQ CX, AX
	BSFQ AX, AX
	JZ   longer
	ADDQ R14, AX
	CMPB (SI)(AX*1), $'"'
	JNE  done
	MOVQ AX, CX
	SUBQ DX, CX
	CMPQ CX, Plan_Longest(R11)
	JGT  done
	XORL BX, BX
	LEAQ 1(AX), R10

keep:
	MOVBLZX Link_member(R12), CX
	BTSQ    CX, R13
	JCS     repeated
	MOVL    CX, Scalar_Member(DI)
	MOVL    BX, Scalar_Number(DI)
	MOVQ    DX, Scalar_start(DI)
	MOVQ    AX, Scalar_end(DI)
	ADDQ    $Scalar__size, DI
	MOVWLZX Link_next(R12), R12
	ADDQ    R11, R12
	CMPQ    R10, R9
	JLE     loop

done:
	MOVQ    out+24(FP), DI
	MOVQ    Scalars_Seen(DI), AX
	XORQ    R13, AX
	POPCNTQ AX, AX
	MOVQ    AX, Scalars_n(DI)
	MOVQ    R13, Scalars_Seen(DI)
	SUBQ    R11, R12
	SHRQ    $6, R12
	MOVQ    R12, Scalars_Last(DI)
	MOVQ    R10, at+48(FP)
	VZEROUPPER
	RET

longer:
	ADDQ $const_windowBits, R14
	CMPQ R14, R9
	JLE  window
	JMP  done

	// The first byte above 9 is marked rightly; a carry can only mark those behind it.
number:
	MOVL (SI)(DX*1), BX
	XORL $0x30303030, BX
	LEAL 0x76767676(BX), CX
	ORL  BX, CX
	ANDL $0x80808080, CX
	BTSQ $32, CX
	BSFQ CX, CX
	SHRL $3, CX
	JZ   done
	MOVL CX, AX
	TESTB BX, BX
	JZ   zero

	// As if zeros stood before the digits; the shift is one by 32-8*CX.
value:
	NEGL  CX
	SHLL  $3, CX
	SHLL  CX, BX
	LEAL  (BX)(BX*4), CX
	SHRL  $8, BX
	LEAL  (BX)(CX*2), BX
	ANDL  $0x00FF00FF, BX
	IMUL3L $(1+100<<16), BX, BX
	SHRL  $16, BX
	ADDQ  DX, AX

sign:
	MOVBLZX (SI)(AX*1), CX
	CMPL    CX, $','
	JEQ     whole
	CMPL    CX, $'}'
	JNE     more

whole:
	MOVQ AX, R10
	JMP  keep

zero:
	CMPL CX, $1
	JEQ  value
	JMP  done

	// Behind four digits, as only there another one may stand; nine are the most.
more:
	SUBL $'0', CX
	CMPL CX, $9
	JHI  done
	MOVQ AX, R14
	SUBQ DX, R14
	CMPQ R14, $const_mostDigits
	JGE  done
	LEAL (BX)(BX*4), BX
	LEAL (CX)(BX*2), BX
	INCQ AX
	JMP  sign

	// A member came twice: nothing was read.
repeated:
	MOVQ out+24(FP), DI
	MOVQ $0, Scalars_n(DI)
	MOVQ i+32(FP), R10
	MOVQ R10, at+48(FP)
	VZEROUPPER
	RET
