package patch_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"feedmill/feed/patch"
)

const (
	monday  = `<offer><products><product id="1" vat="23"/><product id="2"/></products></offer>`
	tuesday = `<offer><products><product id="1" vat="8"/><product id="3"/></products></offer>`
)

func read(doc string) patch.Stream { return patch.NewReader(strings.NewReader(doc)) }

func Example() {
	var change, full bytes.Buffer
	if _, err := patch.WriteDiff(&change, read(monday), read(tuesday)); err != nil {
		fmt.Println(err)
	}
	fmt.Print(change.String())
	if _, err := patch.Apply(&full, read(monday), read(change.String())); err != nil {
		fmt.Println(err)
	}
	fmt.Print(full.String())
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer><products>
	// <product id="1" vat="8"/>
	// <product id="2" removed="yes"/>
	// <product id="3"/>
	// </products></offer>
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer><products>
	// <product id="1" vat="8"/>
	// <product id="3"/>
	// </products></offer>
}

func ExampleCompose() {
	const first, second = `<offer><products><product id="1" vat="8"/><product id="2"/></products></offer>`, `<offer><products><product id="1" removed="yes"/></products></offer>`
	if _, err := patch.Compose(os.Stdout, read(first), read(second)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer><products>
	// <product id="1" removed="yes"/>
	// <product id="2"/>
	// </products></offer>
}

func ExampleDiff() {
	same, err := patch.Diff(read(monday), read(tuesday), func(c patch.Change) error {
		fmt.Println(c.Kind, c.ID)
		return nil
	})
	fmt.Println(same, err)
	// Output:
	// changed 1
	// removed 2
	// added 3
	// 0 <nil>
}

func ExampleSummarize() {
	s, err := patch.Summarize(read(monday), read(tuesday))
	fmt.Println(s.Added.Examples, s.Removed.Examples, s.Parts[0].Part, err)
	// Output: [3] [2] attributes <nil>
}

func ExampleApplyTo() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := func(n string) string { return filepath.Join(dir, n) }
	// In no order; it is sorted on the way.
	_ = os.WriteFile(name("full.xml"), []byte(`<offer><products><product id="9"/><product id="2"/></products></offer>`), 0o600)
	_ = os.WriteFile(name("change.xml"), []byte(`<offer><products><product id="9" removed="yes"/></products></offer>`), 0o600)
	out, err := os.Create(name("new.xml"))
	if err != nil {
		panic(err)
	}
	defer out.Close()
	counts, err := patch.ApplyTo(context.Background(), patch.NewSink(out), patch.File(name("full.xml")), []patch.Document{patch.File(name("change.xml"))}, patch.Options{Spool: dir})
	fmt.Println(counts.Products, counts.Removed, err)
	// Output: 1 1 <nil>
}

func ExampleCheckChain() {
	full := patch.Step{Document: patch.Document{Name: "full.xml"}, Target: 4}
	late := patch.Step{Document: patch.Document{Name: "full_change2026-11-21T20-30-00.xml"}, Base: 6, Target: 7}
	fmt.Println(patch.CheckChain(full, []patch.Step{late}))
	// Output: full_change2026-11-21T20-30-00.xml cannot be applied upon full.xml: it leads from generation 6, and only generation 4 is there: changes between them are missing
}
