package patch

import (
	"bytes"
	"context"
	"os"
	"testing"

	"feedmill/feed"
)

// Whatever is read as a document is written as one that reads the same, is in
// order, and stays as it is.
func FuzzApply(f *testing.F) {
	f.Add([]byte(foreign), []byte(`<offer><products><product id="3" removed="yes"/></products></offer>`))
	f.Add(model{"1": "<a/>", "2": "<b/>"}.doc("1"), model{"2": "", "7": "<c/>"}.doc("2"))
	f.Add([]byte(`<o:offer xmlns:o="`+nsIOF+`"><o:products/></o:offer>`), []byte(`<offer><products a="b"/></offer>`))
	f.Fuzz(func(t *testing.T, full, change []byte) {
		file, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		to := NewSink(file)
		opt := Options{Spool: t.TempDir(), runBytes: 100}
		docs := []Document{memory("change", change)}
		counts, err := ApplyTo(context.Background(), to, memory("full", full), docs, opt)
		if err != nil {
			if k := feed.KindOf(err); k != feed.KindInvalid && k != feed.KindConflict {
				t.Fatalf("error of kind %d: %v", k, err)
			}
			return
		}
		once := content(t, file)
		nodes, err := all(NewReader(bytes.NewReader(once)))
		if err != nil || int64(len(nodes)) != counts.Products {
			t.Fatalf("the result has %d products, counted were %d: %v\n%s", len(nodes), counts.Products, err, once)
		}
		if _, err := ApplyTo(context.Background(), to, memory("once", once), docs, opt); err != nil {
			t.Fatalf("again: %v\n%s", err, once)
		}
		if again := content(t, file); !bytes.Equal(again, once) {
			t.Fatalf("applied again: got\n%s\nwant\n%s", again, once)
		}
		if _, err := Summarize(NewReader(bytes.NewReader(once)), NewReader(bytes.NewReader(once))); err != nil {
			t.Fatalf("summary: %v", err)
		}
	})
}
