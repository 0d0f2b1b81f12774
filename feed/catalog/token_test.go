package catalog

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// Eight bytes at a time mean what each of them means.
func TestPlainWord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("/09:@AZ[`az{\x00\x7f\x80"))), 8, 8).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "mostly plain") {
			odd := b[0]
			copy(b, "0aZ9zAm5")
			b[rapid.IntRange(0, 7).Draw(t, "place")] = odd
		}
		want := true
		for _, c := range b {
			want = want && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
		}
		if got := plainWord(binary.LittleEndian.Uint64(b)); got != want {
			t.Fatalf("%q: got %v, want %v", b, got, want)
		}
	})
}
