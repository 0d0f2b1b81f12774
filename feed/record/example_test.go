package record_test

import (
	"errors"
	"fmt"

	"feedmill/feed"
	"feedmill/feed/record"
)

func Example() {
	doc := record.Append(nil, &feed.Product{ID: 101, DisplayCode: "GR28-BL"})
	var p feed.Product // its memory is used again by the next Decode
	if err := record.Decode(doc, &p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.ID, p.DisplayCode)
	fmt.Println(record.Digest(&p) == record.DigestDocument(doc))
	// Output:
	// 101 GR28-BL
	// true
}

func ExampleDecoder() {
	docs := [][]byte{
		record.Append(nil, &feed.Product{ID: 1, DisplayCode: "A"}),
		record.Append(nil, &feed.Product{ID: 2, DisplayCode: "B"}),
		{0x02},
	}
	var dec record.Decoder
	var p feed.Product
	for _, doc := range docs {
		if err := dec.Decode(doc, &p); err != nil {
			fmt.Println(errors.Is(err, record.ErrVersion), err)
			continue
		}
		fmt.Println(p.ID, p.DisplayCode)
	}
	// Output:
	// 1 A
	// 2 B
	// true decode product: unknown version 2 (this program reads 1): was it written by a newer program?
}

func ExampleDecodeDictionaries() {
	doc := record.AppendDictionaries(nil, &feed.Dictionaries{Producers: []feed.Ref{{ID: "501", Name: "Granit"}}})
	var d feed.Dictionaries
	if err := record.DecodeDictionaries(doc, &d); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Producers[0].Name)
	// Output: Granit
}
