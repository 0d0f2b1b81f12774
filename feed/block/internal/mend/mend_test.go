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

// mended is what comes of text; it must be the same whether the text before is at hand or is made
// of its stream.
func mended(t fatal, m *Mender, dst, text, packed, before []byte) ([]byte, bool) {
	t.Helper()
	alone, ok := m.Append(bytes.Clone(dst), text, packed, nil, len(before))
	with, okWith := m.Append(dst, text, packed, before, len(before))
	if ok != okWith || !bytes.Equal(alone, with) {
		t.Fatalf("%d bytes and %v with the text before, %d and %v without", len(with), okWith, len(alone), ok)
	}
	return with, ok
}

type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
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
	done, all := 0, 0
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
		out, ok := mended(t, &m, []byte("before"), now, packed, before)
		if !ok {
			if string(out) != "before" {
				t.Fatalf("round %d: what was there has become %q", round, out)
			}
			continue
		}
		done++
		got, err := inflated(out[len("before"):])
		if err != nil || !bytes.Equal(got, now) {
			t.Fatalf("round %d, level %d: %d bytes and %v, want %d", round, level, len(got), err, len(now))
		}
	}
	if done < all/2 {
		t.Errorf("%d of %d streams were mended", done, all)
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
	for range 200 {
		i := r.IntN(len(nodes))
		for _, mark := range []string{"net=\"", "gross=\"", "quantity=\""} {
			nodes[i] = changed(r, nodes[i], mark)
		}
		now := []byte(strings.Join(nodes, ""))
		next, ok := mended(t, &m, nil, now, packed, before)
		if !ok {
			t.Fatal("a few numbers more were not mended")
		}
		got, err := inflated(next)
		if err != nil || !bytes.Equal(got, now) {
			t.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
		}
		before, packed = now, next
	}
	t.Logf("mended 200 times: %d bytes, compressed anew %d", len(packed), len(deflated(t, before, 5)))
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
		out, ok := mended(rt, &m, nil, now, packed, before)
		if !ok {
			return
		}
		if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
			rt.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
		}
	})
}

// TestGivesUpOtherStreams gives streams that are cut off, damaged, or of another text than they are
// said to be of: whatever comes of them, it is the text's stream where the text before was made
// of the stream, and nothing fails.
func TestGivesUpOtherStreams(t *testing.T) {
	t.Parallel()
	var m Mender
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		nodes := offer(r, 1+r.IntN(9))
		before := []byte(strings.Join(nodes, ""))
		packed := deflated(t, before, rapid.SampledFrom([]int{-2, 1, 5, 9}).Draw(rt, "level"))
		nodes[r.IntN(len(nodes))] = changed(r, nodes[0], "net=\"")
		now := []byte(strings.Join(nodes, ""))
		switch rapid.IntRange(0, 2).Draw(rt, "fault") {
		case 0:
			packed = packed[:r.IntN(len(packed))]
		case 1:
			packed[r.IntN(len(packed))] ^= 1 << r.IntN(8)
		case 2:
			before = before[:r.IntN(len(before))+1]
		}
		if out, ok := m.Append(nil, now, packed, nil, len(before)); ok {
			if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
				rt.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
			}
		}
		m.Append(nil, now, packed, before, len(before))
	})
}

// FuzzAppend mends what may be no stream at all: where it gives a stream, that is
// the text's. With the text before it gives the same where that is the stream's; for another
// text nothing is promised.
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
		out, ok := m.Append(nil, text, packed, nil, int(size))
		if ok {
			if got, err := inflated(out); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%d bytes and %v, want %d", len(got), err, len(text))
			}
		}
		if before, err := inflated(packed); err == nil && len(before) == int(size) {
			if with, okWith := m.Append(nil, text, packed, before, int(size)); okWith != ok || !bytes.Equal(with, out) {
				t.Fatalf("%d bytes and %v with the text before, %d and %v without", len(with), okWith, len(out), ok)
			}
		}
		m.Append(nil, text, packed, text, len(text))
	})
}

// FuzzEdit cuts a stretch out of a text that repeats itself and puts another in its place.
func FuzzEdit(f *testing.F) {
	nodes := offer(rand.New(rand.NewPCG(9, 10)), 12)
	f.Add([]byte(strings.Join(nodes[:6], "")), []byte(strings.Join(nodes[6:], "")), uint16(40), uint16(5), []byte("12.50"), uint8(5))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), []byte("ab"), uint16(3), uint16(1), []byte(""), uint8(6))
	var m Mender
	f.Fuzz(func(t *testing.T, one, other []byte, at, gone uint16, come []byte, level uint8) {
		var before []byte
		for len(before) < 40<<10 && len(one)+len(other) > 0 {
			before = append(append(append(before, one...), other...), one...)
		}
		from := min(int(at), len(before))
		now := slices.Concat(before[:from], come, before[min(from+int(gone), len(before)):])
		if len(before) == 0 || len(now) == 0 {
			return
		}
		packed := deflated(t, before, int(level)%12-2)
		if out, ok := mended(t, &m, nil, now, packed, before); ok {
			if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
				t.Fatalf("%d bytes and %v, want %d", len(got), err, len(now))
			}
		}
	})
}

// TestManyBlocks mends streams of many blocks, some of them empty, where a block ends beside what
// has changed.
func TestManyBlocks(t *testing.T) {
	t.Parallel()
	var m Mender
	var known trees
	var c codes
	known.fixed(&c)
	rapid.Check(t, func(rt *rapid.T) {
		var before []byte
		var w bitWriter
		w.start(nil, 1<<12)
		var bounds []int
		for _, text := range rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abcdef")), 0, 30, -1), 1, 6).Draw(rt, "blocks") {
			w.put(1<<1, 3)
			for _, b := range []byte(text) {
				w.put(uint64(c.literal[b]&numberMask), uint(c.literal[b]>>numberBits))
			}
			w.put(uint64(c.literal[endOfBlock]&numberMask), uint(c.literal[endOfBlock]>>numberBits))
			before = append(before, text...)
			bounds = append(bounds, len(before))
		}
		at := max(0, rapid.SampledFrom(bounds).Draw(rt, "bound")-rapid.IntRange(0, 2).Draw(rt, "near"))
		gone := rapid.IntRange(0, len(before)-at).Draw(rt, "gone")
		come := rapid.StringOfN(rapid.RuneFrom([]rune("abcxyz")), 0, 30, -1).Draw(rt, "come")
		now := slices.Concat(before[:at], []byte(come), before[at+gone:])
		if len(before) == 0 || len(now) == 0 {
			return
		}
		if out, ok := mended(rt, &m, nil, now, w.sync(), before); ok {
			if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
				rt.Fatalf("%q and %v, want %q", got, err, now)
			}
		}
	})
}

// TestSeveralCodes mends streams whose blocks have different codes, with the change in any of them.
func TestSeveralCodes(t *testing.T) {
	t.Parallel()
	var m Mender
	r := rand.New(rand.NewPCG(13, 14))
	var before []byte
	for _, letters := range []string{"abcdefghijklmnopqrst", "0123456789xyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"} {
		for range 30 << 10 {
			before = append(before, letters[r.IntN(len(letters))])
		}
	}
	var b bytes.Buffer
	w, err := stdflate.NewWriter(&b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(before); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for at := 100; at < len(before); at += len(before) / 30 {
		now := slices.Concat(before[:at], before[at+r.IntN(3):at+9], before[at+8+r.IntN(3):])
		out, ok := mended(t, &m, nil, now, b.Bytes(), before)
		if !ok {
			t.Fatalf("a few bytes at %d were not mended", at)
		}
		if got, err := inflated(out); err != nil || !bytes.Equal(got, now) {
			t.Fatalf("changed at %d: %d bytes and %v, want %d", at, len(got), err, len(now))
		}
	}
	if m.start == 0 {
		t.Error("the stream has one block")
	}
}

// TestCopiesBits copies stretches of bits from any place to any other, into as much room as they need and
// into less.
func TestCopiesBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	src := make([]byte, 300)
	for i := range src {
		src[i] = byte(r.Uint32())
	}
	bit := func(b []byte, i int) byte { return b[i/8] >> (i % 8) & 1 }
	for range 20000 {
		before := r.IntN(20)
		from := r.IntN(8 * 200)
		n := r.IntN(8*280 - from)
		if r.IntN(2) == 0 {
			n = min(n, r.IntN(30))
		}
		size := (before + n + 3 + 7 + 32) / 8
		short := r.IntN(4) == 0
		if short {
			size = r.IntN(size)
		}
		var w bitWriter
		w.start([]byte("x"), size)
		w.put(0x55555&(1<<before-1), uint(before))
		w.copy(src, uint32(from), uint32(from+n))
		got := w.sync()
		if w.full {
			if !short {
				t.Fatalf("%d bits from bit %d, behind %d: there is no room in %d bytes", n, from, before, size)
			}
			continue
		}
		if got[0] != 'x' || !bytes.HasSuffix(got, []byte{0, 0, 0xff, 0xff}) || len(got) != 1+(before+n+3+7)/8+4 {
			t.Fatalf("%d bits from bit %d, behind %d: got %x", n, from, before, got)
		}
		for i := range before {
			if bit(got[1:], i) != byte(uint32(0x55555)>>i&1) {
				t.Fatalf("%d bits from bit %d, behind %d: bit %d before them has changed", n, from, before, i)
			}
		}
		for i := range n {
			if bit(got[1:], before+i) != bit(src, from+i) {
				t.Fatalf("%d bits from bit %d, behind %d: bit %d differs", n, from, before, i)
			}
		}
	}
}

// A mender that has seen streams as large takes no more memory. The test does not run beside others.
func TestKeepsItsMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	nodes := offer(r, 40)
	before := []byte(strings.Join(nodes, ""))
	packed := deflated(t, before, 5)
	nodes[20] = changed(r, nodes[20], "net=\"")
	now := []byte(strings.Join(nodes, ""))
	for _, given := range [][]byte{before, nil} {
		var m Mender
		out := make([]byte, 0, 2*len(packed))
		if n := testing.AllocsPerRun(10, func() {
			if _, ok := m.Append(out, now, packed, given, len(before)); !ok {
				t.Fatal("given up")
			}
		}); n != 0 {
			t.Errorf("with the text before %v: %v allocations", given != nil, n)
		}
	}
}

// BenchmarkMend mends a block of about 64 KB in which numbers of a product have changed, with the
// text before at hand and without, and compresses it anew.
func BenchmarkMend(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	nodes := offer(r, 100)
	before := []byte(strings.Join(nodes, ""))
	packed := deflated(b, before, 5)
	for _, mark := range []string{"net=\"", "gross=\"", "quantity=\""} {
		nodes[40] = changed(r, nodes[40], mark)
	}
	now := []byte(strings.Join(nodes, ""))
	for _, given := range [][]byte{before, nil} {
		b.Run(fmt.Sprintf("mend/given=%v", given != nil), func(b *testing.B) {
			b.SetBytes(int64(len(now)))
			var m Mender
			var out []byte
			for b.Loop() {
				ok := false
				if out, ok = m.Append(out[:0], now, packed, given, len(before)); !ok {
					b.Fatal("given up")
				}
			}
			b.ReportMetric(float64(len(out)), "B")
		})
	}
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
