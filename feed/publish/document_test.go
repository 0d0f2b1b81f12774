package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
)

func ExampleDocument() {
	s := newShop("")
	s.set(1, 1999, 5, "Kubek")
	var file bytes.Buffer
	report, err := publish.Document(context.Background(), publish.Request{Profiles: s.profiles, Now: s.now, Catalog: s.catalog()}, feed.KindLight,
		func() (io.Writer, error) { return &file, nil })
	fmt.Println(report.Products, report.Shown, err)
	fmt.Println(bytes.Contains(file.Bytes(), []byte(`<product id="1"`)))
	// Output:
	// 1 1 <nil>
	// true
}

// A document stops at the first thing that goes wrong, and says what it is not.
func TestDocumentFails(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.set(1, 1999, 5, "Kubek")
	broken := errors.New("broken")
	req := publish.Request{Profiles: s.profiles, Now: s.now, Catalog: s.catalog()}
	nowhere := req
	nowhere.Catalog.Products = func(context.Context) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) { yield(nil, broken) }
	}
	two := req
	two.Profiles = append(two.Profiles[:1:1], feed.Profile{Languages: []feed.Language{feed.MustLanguage("eng")}})
	good := func() (io.Writer, error) { return io.Discard, nil }
	for name, c := range map[string]struct {
		req   publish.Request
		kind  feed.Kind
		begin func() (io.Writer, error)
		want  error
	}{
		"a file that cannot be begun":   {req, feed.KindFull, func() (io.Writer, error) { return nil, broken }, broken},
		"a catalog that cannot be read": {nowhere, feed.KindFull, good, broken},
		"a file that takes nothing":     {req, feed.KindLight, func() (io.Writer, error) { return os.NewFile(^uintptr(0), "closed"), nil }, os.ErrInvalid},
		"another kind":                  {req, feed.KindSizes, good, nil},
		"two profiles":                  {two, feed.KindFull, good, nil},
	} {
		_, err := publish.Document(t.Context(), c.req, c.kind, c.begin)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want an error of it", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := publish.Document(cancelled, req, feed.KindFull, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}
