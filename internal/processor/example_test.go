package processor_test

import (
	"fmt"

	"feedmill/internal/processor"
)

func ExampleHas() {
	if processor.Has(processor.AVX2) {
		fmt.Println("32 bytes at a time")
	} else {
		fmt.Println("in plain Go")
	}
}
