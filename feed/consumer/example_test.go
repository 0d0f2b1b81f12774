package consumer_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/feed/consumer"
)

// Any supplier will do; this one has three small files.
func exampleSupplier() *httptest.Server {
	files := map[string]string{
		"/full.xml":  `<offer><products language="pol"><product id="1"/><product id="2"/></products></offer>`,
		"/light.xml": `<offer><products currency="PLN"><product id="1"/><product id="2"/></products></offer>`,
	}
	hash := func(name string) string { return fmt.Sprintf("%x", md5.Sum([]byte(files[name]))) }
	files["/gateway.xml"] = `<provider_description><full url="full.xml" hash="` + hash("/full.xml") + `"/><light url="light.xml" hash="` + hash("/light.xml") + `"/></provider_description>`
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, ok := files[r.URL.Path]; ok {
			fmt.Fprint(w, body)
			return
		}
		http.NotFound(w, r)
	}))
}

func Example() {
	supplier := exampleSupplier()
	defer supplier.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := consumer.New(supplier.URL+"/gateway.xml", filepath.Join(dir, "offer"), consumer.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	for range 2 {
		report, err := c.Sync(context.Background())
		fmt.Println(report.Changed, report.Products, err)
	}
	// Output:
	// true 2 <nil>
	// false 2 <nil>
}

func ExampleUpdate_Changes() {
	supplier := exampleSupplier()
	defer supplier.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := consumer.New(supplier.URL+"/gateway.xml", filepath.Join(dir, "offer"), consumer.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ctx := context.Background()
	update, err := c.Fetch(ctx)
	if err != nil {
		panic(err)
	}
	defer update.Close()
	for change, err := range update.Changes(ctx, feed.KindFull) {
		fmt.Println(change.Kind, change.ID, string(change.New), err)
	}
	fmt.Println(update.Commit())
	// Output:
	// added 1 <product id="1"/> <nil>
	// added 2 <product id="2"/> <nil>
	// <nil>
}
