package block_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"feedmill/feed"
	"feedmill/feed/block"
)

// pieces cuts the nodes of a document into blocks of about size bytes, as a
// writer does.
func pieces(b *testing.B, d *document, size int) [][]byte {
	x := build(b, d, block.Options{Cut: d.cut(size), Level: 1}).Index
	var list [][]byte
	at := 0
	for i := range x.Blocks {
		var p []byte
		for range x.Blocks[i].Nodes {
			p = append(p, d.nodes[at]...)
			at++
		}
		list = append(list, p)
	}
	return list
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func eachSample(b *testing.B, do func(b *testing.B, d *document)) {
	b.Run("full", func(b *testing.B) { do(b, sampleFull()) })
	b.Run("light", func(b *testing.B) { do(b, sampleLight()) })
}

// BenchmarkDeflate compares levels and sizes of blocks. "growth" is how much
// larger, in percent, the file is than one stream of the same level.
func BenchmarkDeflate(b *testing.B) {
	eachSample(b, func(b *testing.B, d *document) {
		plain := d.plain()
		for _, level := range []int{1, 2, 3, 4, 5, 6, 7, 9} {
			var whole counter
			w := must(flate.NewWriter(&whole, level))
			must(w.Write(plain))
			must(0, w.Close())
			for _, size := range []int{4 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10} {
				b.Run(fmt.Sprintf("level%d/%dKB", level, size>>10), func(b *testing.B) {
					list := pieces(b, d, size)
					w := must(flate.NewWriter(io.Discard, level))
					b.SetBytes(int64(len(plain)))
					var n counter
					for b.Loop() {
						n = 0
						for _, p := range list {
							w.Reset(&n)
							must(w.Write(p))
							must(0, w.Flush())
						}
					}
					b.ReportMetric(float64(len(plain))/float64(n), "ratio")
					b.ReportMetric(100*(float64(n)/float64(whole)-1), "growth%")
					b.ReportMetric(float64(len(plain)/len(list)), "blockB")
				})
			}
		}
	})
}

// BenchmarkZstd does the same with a frame a block.
func BenchmarkZstd(b *testing.B) {
	eachSample(b, func(b *testing.B, d *document) {
		plain := d.plain()
		for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression} {
			e := must(zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20)))
			whole := len(e.EncodeAll(plain, nil))
			for _, size := range []int{16 << 10, 64 << 10, 256 << 10} {
				b.Run(fmt.Sprintf("%v/%dKB", level, size>>10), func(b *testing.B) {
					list := pieces(b, d, size)
					b.SetBytes(int64(len(plain)))
					var n int
					var buf []byte
					for b.Loop() {
						n = 0
						for _, p := range list {
							buf = e.EncodeAll(p, buf[:0])
							n += len(buf)
						}
					}
					b.ReportMetric(float64(len(plain))/float64(n), "ratio")
					b.ReportMetric(100*(float64(n)/float64(whole)-1), "growth%")
				})
			}
		}
	})
}

// BenchmarkBuild writes a file from its nodes; whole is the same by one gzip
// stream on one core.
func BenchmarkBuild(b *testing.B) {
	eachSample(b, func(b *testing.B, d *document) {
		size := int64(len(d.plain()))
		for _, plain := range []bool{false, true} {
			b.Run(fmt.Sprintf("blocks/plain=%v", plain), func(b *testing.B) {
				pool := block.NewPool(block.PoolOptions{})
				defer pool.Close()
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					write(b, io.Discard, d, block.Options{Pool: pool, Cut: d.cut(64 << 10), Plain: discard(plain)})
				}
			})
		}
		b.Run("whole", func(b *testing.B) {
			w := must(gzip.NewWriterLevel(io.Discard, block.DefaultLevel))
			b.SetBytes(size)
			for b.Loop() {
				w.Reset(io.Discard)
				for _, n := range d.nodes {
					must(w.Write(n))
				}
				must(0, w.Close())
			}
		})
	})
}

// BenchmarkUpdate writes the next generation when a share of the products has
// changed, spread at random.
func BenchmarkUpdate(b *testing.B) {
	eachSample(b, func(b *testing.B, d *document) {
		size := 64 << 10
		if d == sampleLight() {
			size = 16 << 10
		}
		var file bytes.Buffer
		before := write(b, &file, d, block.Options{Cut: d.cut(size)})
		plain := d.plain()
		gz, pl := block.At(bytes.NewReader(file.Bytes())), block.At(bytes.NewReader(plain))
		r := rand.New(rand.NewPCG(3, 3))
		order := r.Perm(len(d.ids))
		for _, percent := range []float64{0, 0.1, 1, 10, 100} {
			edits := make(map[feed.ProductID][]byte)
			s := newShop()
			w := rewriter(d == sampleLight())
			for _, i := range order[:int(float64(len(order))*percent/100)] {
				edits[d.ids[i]] = w(s.item(d.ids[i], 1))
			}
			for _, plainToo := range []bool{false, true} {
				b.Run(fmt.Sprintf("%g%%/plain=%v", percent, plainToo), func(b *testing.B) {
					pool := block.NewPool(block.PoolOptions{})
					defer pool.Close()
					b.SetBytes(int64(len(plain)))
					b.ReportAllocs()
					var stats block.Stats
					for b.Loop() {
						stats = update(b, io.Discard, d, edits, block.Options{Pool: pool, Previous: &block.Previous{Index: before.Index, Gzip: gz, Plain: pl},
							Plain: discard(plainToo)}).Stats
					}
					b.ReportMetric(100*float64(stats.Compressed)/float64(len(before.Index.Blocks)), "rebuilt%")
				})
			}
		}
	})
}

// BenchmarkReader reads a file at random places, and whole.
func BenchmarkReader(b *testing.B) {
	d := sampleFull()
	var file bytes.Buffer
	x := write(b, &file, d, block.Options{Cut: d.cut(64 << 10)}).Index
	rd := x.Open(context.Background(), block.At(bytes.NewReader(file.Bytes())))
	for _, n := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("random/%dKB", n>>10), func(b *testing.B) {
			r := rand.New(rand.NewPCG(4, 4))
			buf := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				must(rd.ReadAt(buf, r.Int64N(rd.Size()-int64(n))))
			}
		})
	}
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(rd.Size())
		for b.Loop() {
			must(rd.WriteTo(io.Discard))
		}
	})
}
