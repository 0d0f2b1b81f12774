package memstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/storagetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(testing.TB) storage.Store { return memstore.New(memstore.Options{}) })
}

func TestFaults(t *testing.T) {
	t.Parallel()
	storagetest.RunFaults(t, func(testing.TB) storage.Store { return memstore.New(memstore.Options{}) })
}

func ExampleNew() {
	store := memstore.New(memstore.Options{})
	ctx := context.Background()
	if _, err := store.Put(ctx, "greetings/first", strings.NewReader("hello"), 5, storage.Attrs{}); err != nil {
		fmt.Println(err)
		return
	}
	for info, err := range store.List(ctx, "greetings/") {
		fmt.Println(info.Key, info.Size, err)
	}
	// Output: greetings/first 5 <nil>
}
