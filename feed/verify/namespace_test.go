package verify

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWithoutNamespace(t *testing.T) {
	t.Parallel()
	const decl = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	long := strings.Repeat("<a/>", mostRoot)
	for _, c := range []struct{ in, want string }{
		{decl + "<offer" + ownNamespace + " version=\"3.0\"><a/></offer>", decl + "<offer version=\"3.0\"><a/></offer>"},
		{decl + "<offer version=\"3.0\"" + ownNamespace + ">" + long + "</offer>", decl + "<offer version=\"3.0\">" + long + "</offer>"},
		{decl + "<!-- <offer" + ownNamespace + "> --><sizes" + ownNamespace + "/>", decl + "<!-- <offer" + ownNamespace + "> --><sizes/>"},
		// Anything else is left as it is, for the schemas to judge.
		{decl + "<offer><a" + ownNamespace + "/></offer>", ""},
		{decl + "<offer xmlns=\"http://example.com/\"/>", ""},
		{decl + "<offer " + strings.Repeat(" ", mostRoot) + ownNamespace + "/>", ""},
		{"<!-- <offer" + ownNamespace + ">", ""},
		{"<offer" + ownNamespace, ""},
		{"", ""},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		got, err := io.ReadAll(withoutNamespace(iotest.OneByteReader(strings.NewReader(c.in))))
		if err != nil || string(got) != want {
			t.Errorf("%.200q: got %.200q, %v", c.in, got, err)
		}
	}
	bad := errors.New("the disk")
	got, err := io.ReadAll(withoutNamespace(io.MultiReader(strings.NewReader("<offer"), iotest.ErrReader(bad))))
	if string(got) != "<offer" || !errors.Is(err, bad) {
		t.Errorf("a reader that fails: got %q, %v", got, err)
	}
}
