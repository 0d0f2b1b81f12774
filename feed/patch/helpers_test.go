package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is a full offer: what each product shows. In a change "" is a tombstone.
type model map[string]string

// fataler is a test of either kind.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// ids are drawn from few, of both kinds, so that documents meet.
func ids() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(0, 40).Draw(t, "id")
		if n > 36 {
			return []string{"007", "A&B", "a b", "-5"}[n-37]
		}
		return fmt.Sprint(n)
	})
}

// bodies hold what a scanner might take for the end of a product.
func bodies() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		`<price gross="1.00" net="0.81"/>`, `<price gross="2.00" net="1.62"/>`, `<description><name xml:lang="pol"><![CDATA[</product>` + "\n" + `<product id="5" removed="yes"/>]]></name></description>`,
		`<sizes><size id="uniw"><stock id="1" quantity="4"/></size></sizes>`, `<!-- </product> --><iaiext:site_id x="1"/>`, `<bundled type="x"><product id="9"/></bundled>`,
	})
}

func fulls() *rapid.Generator[model] {
	return rapid.Custom(func(t *rapid.T) model { return rapid.MapOfN(ids(), bodies(), 0, 25).Draw(t, "full") })
}

func changes() *rapid.Generator[model] {
	return rapid.Custom(func(t *rapid.T) model {
		return rapid.MapOfN(ids(), rapid.OneOf(bodies(), rapid.Just("")), 1, 12).Draw(t, "change")
	})
}

func node(id, body string) string {
	h := Head{}
	if body == "" {
		return string(h.appendTombstone(nil, id))
	}
	return `<product id="` + string(appendAttr(nil, id)) + `" vat="23">` + body + `</product>`
}

const testHead = declaration + `<offer xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes" generated="%s">` + "\n" + `<products currency="PLN" language="pol">` + "\n"

// doc writes a document as feedmill does; stamp stands in its head.
func (m model) doc(stamp string) []byte {
	keys := m.keys()
	var b bytes.Buffer
	fmt.Fprintf(&b, testHead, stamp)
	for _, id := range keys {
		b.WriteString(node(id, m[id]) + "\n")
	}
	b.WriteString("</products></offer>\n")
	return b.Bytes()
}

func (m model) keys() []string {
	var keys []string
	for id := range m {
		keys = append(keys, id)
	}
	slices.SortFunc(keys, CompareID)
	return keys
}

// then gives what a full offer is after a change.
func (m model) then(c model) model {
	out := model{}
	for id, body := range m {
		out[id] = body
	}
	for id, body := range c {
		if out[id] = body; body == "" {
			delete(out, id)
		}
	}
	return out
}

func apply(t fataler, full []byte, changes ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var streams []Stream
	for _, c := range changes {
		streams = append(streams, NewReader(bytes.NewReader(c)))
	}
	if _, err := Apply(&out, NewReader(bytes.NewReader(full)), streams...); err != nil {
		t.Fatalf("apply: %v", err)
	}
	return out.Bytes()
}

func compose(t fataler, changes ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var streams []Stream
	for _, c := range changes {
		streams = append(streams, NewReader(bytes.NewReader(c)))
	}
	if _, err := Compose(&out, streams...); err != nil {
		t.Fatalf("compose: %v", err)
	}
	return out.Bytes()
}

func diff(t fataler, before, now []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := WriteDiff(&out, NewReader(bytes.NewReader(before)), NewReader(bytes.NewReader(now))); err != nil {
		t.Fatalf("diff: %v", err)
	}
	return out.Bytes()
}

func equal(t fataler, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// memory is a document in memory.
func memory(name string, b []byte) Document {
	return Document{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// sink makes a sink in the test's folder.
func sink(t *testing.T) (*Sink, *os.File) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return NewSink(f), f
}

func content(t *testing.T, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all reads a document's nodes.
func all(r Stream) (list []string, err error) {
	for {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, string(n.Raw))
	}
}

var errBroken = errors.New("the disk is gone")

// failing opens but cannot be read to its end.
func failing(b []byte) Document {
	return Document{Name: "failing.xml", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), readError{})), nil
	}}
}

type readError struct{}

func (readError) Read([]byte) (int, error) { return 0, errBroken }

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}
