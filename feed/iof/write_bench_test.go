package iof_test

import (
	"testing"

	"feedmill/feed"
)

func TestAllocations(t *testing.T) {
	items := sampleItems(t)
	buf := make([]byte, 0, 1<<20)
	for name, d := range map[string]feed.Dialect{"plain": {}, "escaped": {EscapedText: true, SwapCodes: true, AllExtensions: true}} {
		for _, langs := range [][]feed.Language{{pol, eng}, {ger}, nil} {
			w := sampleWriter(d, langs...)
			for _, c := range []struct {
				what  string
				write func(dst []byte, it *feed.Item) []byte
			}{{"AppendFull", w.AppendFull}, {"AppendLight", w.AppendLight}} {
				n := testing.AllocsPerRun(100, func() {
					b := buf[:0]
					for _, it := range items {
						b = c.write(b, it)
					}
				})
				if n != 0 {
					t.Errorf("%s, %s: got %v allocations for four products, want 0", name, c.what, n)
				}
			}
		}
	}
}

func BenchmarkAppendFull(b *testing.B) {
	w := sampleWriter(feed.Dialect{}, pol, eng)
	items := sampleItems(b)
	var buf []byte
	for _, it := range items {
		buf = w.AppendFull(buf, it)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for _, it := range items {
			buf = w.AppendFull(buf, it)
		}
	}
}

func BenchmarkAppendLight(b *testing.B) {
	w := sampleWriter(feed.Dialect{}, pol, eng)
	items := sampleItems(b)
	var buf []byte
	for _, it := range items {
		buf = w.AppendLight(buf, it)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for _, it := range items {
			buf = w.AppendLight(buf, it)
		}
	}
}
