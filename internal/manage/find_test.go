package manage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/storage"
	"feedmill/storage/memstore"
)

// counted counts the bytes that are read.
type counted struct {
	Files
	bytes int64
}

func (c *counted) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	body, info, err := c.Files.Open(ctx, key, r)
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, c), body}, info, err
}

func (c *counted) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// TestNodesAreFound looks for nodes by halving and by reading everything, in
// files that hold what looks like nodes in other places too.
func TestNodesAreFound(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for name, inside := range map[string]func(id int) string{
		"plain":   func(int) string { return "" },
		"bundles": func(id int) string { return fmt.Sprintf(`<bundled><product id="%d" quantity="1"/></bundled>`, n*3-id) },
		"texts that look like nodes": func(id int) string {
			return fmt.Sprintf("<name><![CDATA[<p>use</p>\n<product id=\"%d\" vat=\"5\">x</product>\n]]></name>", (id*7919)%(3*n)+1)
		},
		"texts that look like nodes of small ids": func(int) string { return "<name><![CDATA[<p>use</p>\n<product id=\"1\"/>\n]]></name>" },
		"texts that look like nodes of large ids": func(int) string { return "<name><![CDATA[<p>use</p>\n<product id=\"999999999\"/>\n]]></name>" },
		"ids that are none":                       func(int) string { return "<name><![CDATA[<p>use</p>\n<product id=\"x\"/>\n<product id=\"]]></name>" },
		"long nodes": func(id int) string {
			if id%3000 == 0 {
				return strings.Repeat("long ", 60_000)
			}
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><offer file_format="IOF" version="3.0" xmlns:x="urn:x"><products x:language="pol">` + "\n")
			for i := 1; i <= n; i++ {
				if i%10 == 0 {
					fmt.Fprintf(&b, "<product id=\"%d\" removed=\"yes\"/>\n", i*2)
					continue
				}
				fmt.Fprintf(&b, "<product id=\"%d\" vat=\"23\" x:a=\"1\">%s<price net=\"%d\"/></product>\n", i*2, inside(i*2), i)
			}
			b.WriteString("</products></offer>\n")
			store := memstore.New(memstore.Options{})
			if _, err := store.Put(t.Context(), "f", bytes.NewReader(b.Bytes()), int64(b.Len()), storage.Attrs{}); err != nil {
				t.Fatal(err)
			}
			files := &counted{Files: store}
			s := New(nil, nil, files, nil)
			f := &publish.File{Plain: publish.Blob{Key: "f", Size: int64(b.Len())}}
			ids := []int{1, 2, 3, 4, 2 * n, 2*n + 1, 2*n - 1, n, n + 1, 20, 6000, 6002, 60_000_000}
			for i := 17; i < 2*n; i += 997 {
				ids = append(ids, i)
			}
			for _, id := range ids {
				want, wantGone, _, err := findNode(bytes.NewReader(b.Bytes()), feed.ProductID(id), false)
				if err != nil {
					t.Fatal(err)
				}
				files.bytes = 0
				got, gone, err := s.node(t.Context(), f, feed.ProductID(id))
				if err != nil || got != want || gone != wantGone {
					t.Errorf("product %d: got %q, %v, %v, want %q, %v", id, got, gone, err, want, wantGone)
				}
				if (want != "") != (id%2 == 0 && id <= 2*n) {
					t.Errorf("product %d: reading everything gave %q", id, want)
				}
				if name == "plain" && files.bytes > stretch+20*probe {
					t.Errorf("product %d: %d bytes of %d were read", id, files.bytes, b.Len())
				}
			}
		})
	}
}
