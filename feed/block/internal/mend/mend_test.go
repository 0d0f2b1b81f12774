package mend

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"pgregory.net/rapid"
)

// deflated is the stream of a text as segments are made.
func deflated(t testing.TB, text []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inflated reads a stream by the standard library, and says whether it ended on a
// byte's bound without a final block.
func inflated(packed []byte) ([]byte, error) {
	in := bytes.NewReader(append(bytes.Clone(packed), 3, 0))
	text, err := io.ReadAll(stdflate.NewReader(in))
	if err == nil && in.Len() > 0 {
		err = fmt.Errorf("%d bytes are left", in.Len())
	}
	return text, err
}

// offer makes products that are much like each other.
func offer(r *rand.Rand, products int) (nodes []string) {
	words := strings.Fields("kubek ceramiczny plecak miejski buty sportowe zimowe bawełna wełna stal drewno szkło czerwony niebieski")
	for i := range products {
		var b strings.Builder
		fmt.Fprintf(&b, "<product id=\"%d\" vat=\"23\"><price net=\"%.2f\" gross=\"%.2f\"/><name xml:lang=\"pol\">", 1000+i, r.Float64()*900, r.Float64()*900)
		for range 20 + r.IntN(60) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&b, "</name><sizes><size code=\"%d-%d\" quantity=\"%d\"/></sizes><picture url=\"https://example.com/%x.jpg\" hash=\"%x\"/></product>\n",
			i, r.IntN(9), r.IntN(500), r.Uint64(), r.Uint64())
		nodes = append(nodes, b.String())
	}
	return nodes
}

// changed gives a text with a number of it changed, shorter, longer, or as long.
func changed(r *rand.Rand, text string, mark string) string {
	i := strings.Index(text, mark)
	if i < 0 {
		return text
	}
	i += len(mark)
	end := i + strings.IndexByte(text[i:], '"')
	return text[:i] + fmt.Sprint(r.IntN(100000)) + text[end:]
}

// TestMendsWhatChanges checks on products of which some change, come or go that
// every stream that is mended is that of the text, and that few are given up.
func TestMendsWhatChanges(t *testing.T) {
	t.Parallel()
	var m Mender
	r := rand.New(rand.NewPCG(1, 2))
	mended, all := 0, 0
	for round := range 300 {
		nodes := offer(r, 1+r.IntN(120))
		before := []byte(strings.Join(nodes, ""))
		level := 1 + r.IntN(9)
		packed := deflated(t, before, level)
		for range r.IntN(4) {
			i := r.IntN(len(nodes))
			switch r.IntN(8) {
			case 0:
				nodes = slices.Delete(nodes, i, i+1)
			case 1:
				nodes = slices.Insert(nodes, i, offer(r, 1)[0])
			default:
				for _, mark := range []string{"net=\"", "gross=\"", "quantity=\""} {
					nodes[i] = changed(r, nodes[i], mark)
				}
			}
			if len(nodes) == 0 {
				break
			}
		}
		now := []byte(strings.Join(nodes, ""))
		if len(now) == 0 {
			continue
		}
		all++
		out, ok := m.Append([]byte("before"), now, packed, len(before))
		if !ok {
			if string(out) != "before" {
				t.Fatalf("round %d: what was there has become %q", round, out)
			}
			continue
		}
		mended++
		got, err := inflated(out[len("before"):])
		if err != nil || !bytes.Equal(got, now) {
			t.Fatalf("round %d, level %d: %d bytes and %v, want %d", round, level, len(got), err, len(now))
		}
	}
	if mended < all/2 {
		t.Errorf("%d of %d streams were mended", mended, all)
	}
}

// TestMendsAgain mends a stream that was mended, again and again.
func TestMendsAgain(t *testing.T) {
	t.Parallel()
	var m Mender
	r := rand.New(rand.NewPCG(3, 4))
	nodes := offer(r, 90)
	before := []byte(strings.Join(nodes, ""))
	packed := deflated(t, before, 5)
	mended := 0
	for range 200 {
		i := r.IntN(len(nodes))
		for _, mark := range []string{"net=\"", "gross=\"", "quantity=\""} {
			nodes[i] = changed(r, nodes[i], mark)
		}
		now := []byte(strings.Join(nodes, ""))
		next, ok := m.Append(nil, now, packed, len(before))
		if !ok {
			t.Fatal("a few numbers more were not mended")
		}
		mended++
		got, err := inflated(next)
		if err != nil || !bytes.Equal(got, now) {
			t.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
		}
		before, packed = now, next
	}
	t.Logf("mended %d times: %d bytes, compressed anew %d", mended, len(packed), len(deflated(t, before, 5)))
}

// TestMendAnyBytes mends streams of bytes of few kinds, with long and short
// repetitions, near and far, and of any.
func TestMendAnyBytes(t *testing.T) {
	t.Parallel()
	var m Mender
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SampledFrom([]int{1, 2, 4, 30, 256}).Draw(rt, "kinds")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		var before []byte
		for range rapid.IntRange(1, 40).Draw(rt, "pieces") {
			if n := r.IntN(3000); len(before) > 0 && r.IntN(2) == 0 {
				from := r.IntN(len(before))
				for i := range n {
					before = append(before, before[from+i%(len(before)-from)])
				}
				continue
			}
			for range 1 + r.IntN(200) {
				before = append(before, byte(r.IntN(kinds)))
			}
		}
		now := bytes.Clone(before)
		for range rapid.IntRange(0, 8).Draw(rt, "edits") {
			i := r.IntN(len(now) + 1)
			end := min(len(now), i+r.IntN(40)*r.IntN(3))
			insert := make([]byte, r.IntN(30)*r.IntN(3))
			for k := range insert {
				insert[k] = byte(r.IntN(kinds))
			}
			now = slices.Replace(now, i, end, insert...)
		}
		if len(now) == 0 {
			return
		}
		packed := deflated(t, before, rapid.IntRange(-2, 9).Draw(rt, "level"))
		out, ok := m.Append(nil, now, packed, len(before))
		if !ok {
			return
		}
		if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
			rt.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
		}
	})
}

// FuzzAppend mends what may be no stream at all: where it gives a stream, that is
// the text's.
func FuzzAppend(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, level := range []int{-2, 1, 5, 9} {
		nodes := offer(r, 6)
		before := []byte(strings.Join(nodes, ""))
		nodes[3] = changed(r, nodes[3], "net=\"")
		f.Add(deflated(f, before, level), []byte(strings.Join(nodes, "")), uint16(len(before)))
	}
	fixed := binary.LittleEndian.AppendUint32([]byte{0x4a, 0x4c, 0x4a, 0x06, 0x00}, 0xffff0000)
	f.Add(fixed, []byte("abd"), uint16(3))
	var m Mender
	f.Fuzz(func(t *testing.T, packed, text []byte, size uint16) {
		out, ok := m.Append(nil, text, packed, int(size))
		if !ok {
			return
		}
		if got, err := inflated(out); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes and %v, want %d", len(got), err, len(text))
		}
	})
}

// BenchmarkMend mends a block of about 64 KB in which numbers of a product have changed, and
// compresses it anew.
func BenchmarkMend(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	nodes := offer(r, 100)
	before := []byte(strings.Join(nodes, ""))
	packed := deflated(b, before, 5)
	for _, mark := range []string{"net=\"", "gross=\"", "quantity=\""} {
		nodes[40] = changed(r, nodes[40], mark)
	}
	now := []byte(strings.Join(nodes, ""))
	var d decoder
	d.decode(packed, len(before))
	b.Logf("%d tokens for %d bytes in %d", len(d.tokens), len(before), len(packed))
	b.Run("mend", func(b *testing.B) {
		b.SetBytes(int64(len(now)))
		var m Mender
		var out []byte
		for b.Loop() {
			ok := false
			if out, ok = m.Append(out[:0], now, packed, len(before)); !ok {
				b.Fatal("given up")
			}
		}
		b.ReportMetric(float64(len(out)), "B")
	})
	b.Run("compress", func(b *testing.B) {
		b.SetBytes(int64(len(now)))
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, 5)
		for b.Loop() {
			out.Reset()
			w.Reset(&out)
			w.Write(now)
			w.Flush()
		}
		b.ReportMetric(float64(out.Len()), "B")
	})
}

func BenchmarkDecode(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	before := []byte(strings.Join(offer(r, 100), ""))
	packed := deflated(b, before, 5)
	b.SetBytes(int64(len(before)))
	var d decoder
	for b.Loop() {
		if !d.decode(packed, len(before)) {
			b.Fatal("no stream")
		}
	}
	b.ReportMetric(float64(len(d.tokens)), "tokens")
}
