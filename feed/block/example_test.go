package block_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"feedmill/feed"
	"feedmill/feed/block"
)

// exampleFile writes six products in blocks of two at most.
func exampleFile(file *bytes.Buffer) *block.Index {
	w, err := block.NewWriter(context.Background(), file, block.Options{Cut: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	w.Header([]byte("<products>\n"))
	for id := feed.ProductID(1); id <= 6; id++ {
		w.Node(id, fmt.Appendf(nil, "<product id=\"%d\"/>\n", id))
	}
	w.Footer([]byte("</products>\n"))
	r, err := w.Finish() // tells of any error before
	if err != nil {
		log.Fatal(err)
	}
	return r.Index
}

func ExampleNewWriter() {
	var file bytes.Buffer
	x := exampleFile(&file)
	for _, b := range x.Blocks {
		fmt.Printf("%d nodes from product %d\n", b.Nodes, b.First)
	}
	r, err := gzip.NewReader(&file)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(os.Stdout, r)
	// Output:
	// 1 nodes from product 1
	// 2 nodes from product 2
	// 2 nodes from product 4
	// 1 nodes from product 6
	// <products>
	// <product id="1"/>
	// <product id="2"/>
	// <product id="3"/>
	// <product id="4"/>
	// <product id="5"/>
	// <product id="6"/>
	// </products>
}

func ExampleWriter_Update() {
	var before, after bytes.Buffer
	x := exampleFile(&before)
	w, err := block.NewWriter(context.Background(), &after, block.Options{
		Previous: &block.Previous{Index: x, Gzip: block.At(bytes.NewReader(before.Bytes()))},
		Plain:    os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	edits := func(yield func(block.Edit, error) bool) {
		_ = yield(block.Edit{ID: 3, Node: []byte("<product id=\"3\" new=\"yes\"/>\n")}, nil) && yield(block.Edit{ID: 6}, nil)
	}
	nodes := func(i int) ([]block.Node, error) {
		var list []block.Node
		for n := range x.Blocks[i].Nodes {
			list = append(list, block.Node{ID: x.Blocks[i].First + feed.ProductID(n), Size: len("<product id=\"3\"/>\n")})
		}
		return list, nil
	}
	w.Header([]byte("<products>\n"))
	w.Update(edits, nodes)
	w.Footer([]byte("</products>\n"))
	r, err := w.Finish()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", r.Stats)
	// Output:
	// <products>
	// <product id="1"/>
	// <product id="2"/>
	// <product id="3" new="yes"/>
	// <product id="4"/>
	// <product id="5"/>
	// </products>
	// {Compressed:1 Shared:0 Copied:2 Kept:2 Mended:0}
}

func ExampleIndex_Open() {
	var file bytes.Buffer
	x := exampleFile(&file)
	r := x.Open(context.Background(), block.At(bytes.NewReader(file.Bytes())))
	r.WriteRange(os.Stdout, 11, 36)
	b, _ := r.AppendBlock(nil, 2)
	fmt.Printf("%q\n", b)
	// Output:
	// <product id="1"/>
	// <product id="2"/>
	// "<product id=\"4\"/>\n<product id=\"5\"/>\n"
}

func ExampleParseIndex() {
	var file bytes.Buffer
	stored, _ := exampleFile(&file).AppendBinary(nil)
	x, err := block.ParseIndex(stored)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.PlainSize(), x.GzipSize() == int64(file.Len()))
	fmt.Println(x.Find(5)) // in block 2
	stored[20]++
	_, err = block.ParseIndex(stored)
	fmt.Println(err)
	// Output:
	// 131 true
	// 2 true
	// blocks are damaged: the index differs from its checksum
}

func ExampleCutFor() {
	// Blocks of 64 KB of 1000 nodes of 5 KB each.
	fmt.Println(block.CutFor(64<<10, 1000, 5_000_000))
	// Output: 18
}

func ExampleNewPool() {
	pool := block.NewPool(block.PoolOptions{Workers: 2, CacheBytes: 1 << 20})
	defer pool.Close()
	for _, title := range []string{"retail", "wholesale"} {
		w, err := block.NewWriter(context.Background(), io.Discard, block.Options{Pool: pool})
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		w.Header([]byte(title))
		w.Node(1, []byte("<product id=\"1\"/>"))
		r, err := w.Finish()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %d segments compressed, %d shared\n", title, r.Stats.Compressed, r.Stats.Shared)
	}
	// Output:
	// retail: 2 segments compressed, 0 shared
	// wholesale: 1 segments compressed, 1 shared
}
