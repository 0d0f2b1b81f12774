package catalog_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"feedmill/feed/catalog"
)

// repeated gives its head once and its body many times.
type repeated struct {
	head, body []byte
	times      int
	r          bytes.Reader
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.r.Len() == 0 {
		switch {
		case r.head != nil:
			r.r.Reset(r.head)
			r.head = nil
		case r.times > 0:
			r.r.Reset(r.body)
			r.times--
		default:
			return 0, io.EOF
		}
	}
	return r.r.Read(p)
}

// heap gives the live bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A catalog of 200 MB is read in the memory of a small one. The test does not
// run beside others, whose memory it would count.
func TestMemoryStaysFlat(t *testing.T) {
	lines := bigLines(500)
	i := bytes.IndexByte(lines, '\n') + 1
	const most = 24 << 20
	before := heap()
	s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: &repeated{head: lines[:i], body: lines[i:], times: 130}})
	if err != nil {
		t.Fatal(err)
	}
	n, worst := 0, int64(0)
	for _, err := range s.Products(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%10_000 == 0 {
			worst = max(worst, heap()-before)
		}
	}
	if s.Err() != nil || n != 65_000 {
		t.Fatalf("got %d products, %v", n, s.Err())
	}
	if worst > most {
		t.Errorf("the heap grew by %d bytes, want at most %d", worst, most)
	}
	if st := s.Stats(); st.Bytes < 180<<20 {
		t.Errorf("read %d bytes only", st.Bytes)
	}
}

func TestMemoryOfTablesStaysFlat(t *testing.T) {
	head := []byte("id,name,category,price,size,long_desc\n")
	var body bytes.Buffer
	for range 1000 {
		body.WriteString("7,Kubek,Kuchnia,1.50,S,\"" + string(bytes.Repeat([]byte("wysoka jakość "), 50)) + "\"\n8,Kubek,Kuchnia,1.50,S,\n")
	}
	const most = 16 << 20
	before := heap()
	opt := polish()
	opt.Stdin = &repeated{head: head, body: body.Bytes(), times: 60}
	s, err := catalog.Open([]string{"-"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	n, worst := 0, int64(0)
	for _, err := range s.Products(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%20_000 == 0 {
			worst = max(worst, heap()-before)
		}
	}
	if s.Err() != nil || n != 120_000 || worst > most {
		t.Errorf("got %d products, %v, heap growth %d, want at most %d", n, s.Err(), worst, most)
	}
}
