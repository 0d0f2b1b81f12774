package block

import "math/bits"

// The CRC-32 of gzip is the remainder of a polynomial over GF(2) (RFC 1952,
// section 8), so the checksum of two pieces put together follows from theirs:
// appending n bytes multiplies the first one's by x^(8n).

// crcPoly is the polynomial of CRC-32 in reflected bit order, x^32 left out.
const crcPoly = 0xedb88320

// crcMul multiplies two polynomials modulo crcPoly; bit 31 stands for x^0.
func crcMul(a, b uint32) uint32 {
	var product uint32
	for a != 0 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		a <<= 1
		b = b>>1 ^ crcPoly&-(b&1)
	}
	return product
}

// crcShift is x^(8n).
func crcShift(n int64) uint32 {
	result := uint32(1) << 31
	for u := uint64(n); u != 0; u &= u - 1 {
		result = crcMul(crcPowers[bits.TrailingZeros64(u)], result)
	}
	return result
}

// crcPowers holds x^(8·2^i), each the square of the one before.
var crcPowers = func() (t [64]uint32) {
	t[0] = 1 << (31 - 8)
	for i := 1; i < len(t); i++ {
		t[i] = crcMul(t[i-1], t[i-1])
	}
	return t
}()

// crcCombine gives the CRC-32 of A followed by B from those of A and B and the
// length of B in bytes.
func crcCombine(a, b uint32, lenB int64) uint32 { return crcMul(crcShift(lenB), a) ^ b }
