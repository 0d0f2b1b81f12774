package verify

import (
	"bytes"
	"context"
	"io"
	"testing"

	"feedmill/feed"
)

// Whatever stands in gateway and manifest, the check ends with a report.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`<provider_description generated="2026-11-21 10:00:00"><full url="1/full.xml"/></provider_description>`), []byte(`{"format":"feedmill-manifest/1"}`))
	f.Add([]byte(""), []byte(`{"format":"feedmill-manifest/1","products":1,"generated":"2026-11-21T10:00:00Z","expires":"2026-11-28T10:00:00Z","files":[
		{"kind":"full","url":"1/full.xml","size":1,"md5":"900150983cd24fb0d6963f7d28e17f72","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","changed":"2026-11-21T10:00:00Z","generation":1,"products":1}]}`))
	f.Fuzz(func(t *testing.T, gateway, manifest []byte) {
		o := &offer{checker: newChecker("", Options{})}
		if err := o.readGateway(context.Background(), gateway); err != nil {
			t.Fatal(err)
		}
		o.readManifest(manifest)
		switch {
		case o.manifest == nil && o.gateway == nil:
			if o.close().Clean() {
				t.Error("neither of them can be read, and nothing is said")
			}
			return
		case o.manifest == nil:
			o.entriesOfGateway()
		}
		if err := o.judge(context.Background()); err != nil {
			t.Fatal(err)
		}
		o.close()
	})
}

// Whatever a file of products holds, reading it ends, in order of ids.
func FuzzProducts(f *testing.F) {
	f.Add(uint8(feed.KindFull), []byte(`<offer><products><product id="2"><description/><price/><sizes/></product><product id="1"/></products></offer>`))
	f.Add(uint8(feed.KindFullChange), []byte(`<offer><products><product id="9" removed="yes"/></products></offer>`))
	f.Add(uint8(feed.KindLightCSV), []byte("@id,x\r\n3,\"a\nb\"\r\n1,\r\n"))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		e := sound(feed.Kind(kind%uint8(feed.KindLightCSV+1)), 1)
		if err := readContent(newBook("", 5), e, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(e.list); i++ {
			if e.list[i].product() <= e.list[i-1].product() {
				t.Fatalf("product %d follows %d", e.list[i].product(), e.list[i-1].product())
			}
		}
	})
}

// Whatever a compressed twin holds, it is judged; only one member with the
// bytes of the plain file and nothing behind it passes.
func FuzzGzip(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00"))
	f.Add([]byte("no"))
	plain := newMeter(bytes.NewReader([]byte("abc")), func(int64) {})
	if _, err := io.Copy(io.Discard, plain); err != nil {
		f.Fatal(err)
	}
	want := plain.sum()
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBook("", 5)
		if err := readGzip(b, "x", want, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if len(b.count) == 0 && len(data) < 12 {
			t.Error("it is too short to be a member")
		}
	})
}
