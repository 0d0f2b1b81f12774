package catalog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

func packed(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, p); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := line("")
	zip := packed(t, good)
	damaged := []byte(packed(t, strings.Repeat(good, 100)))
	damaged[len(damaged)/2] ^= 0xFF
	big := strings.Repeat(strings.Replace(good, "7", "77", 1), 50_000)
	for _, c := range []struct {
		name, content string
		want, hint    string
		limits        catalog.Limits
	}{
		{name: "empty.jsonl", content: "", want: "empty.jsonl: is empty", hint: "was the export cut off?"},
		{name: "blank.csv", content: "\n \r\n", want: "blank.csv: is empty", hint: "was the export cut off?"},
		{name: "bom.csv", content: "\ufeff", want: "bom.csv: is empty", hint: "was the export cut off?"},
		{name: "empty.gz", content: packed(t, ""), want: "empty.gz: is empty", hint: "was the export cut off?"},
		{name: "blanks.csv", content: strings.Repeat(" ", 1<<17), want: "blanks.csv: starts with nothing but blanks"},
		{name: "array.json", content: "[" + good + "]", want: "array.json: is a JSON array", hint: "write one object a line: jq -c '.[]'"},
		{name: "utf16le.csv", content: "\xff\xfei\x00d\x00", want: "utf16le.csv: is encoded in UTF-16 (little endian)", hint: "save it as UTF-8"},
		{name: "utf16be.csv", content: "\xfe\xff\x00i\x00d", want: "utf16be.csv: is encoded in UTF-16 (big endian)", hint: "save it as UTF-8"},
		{name: "utf16.csv", content: "i\x00d\x00;\x00", want: "utf16.csv: is encoded in UTF-16 (little endian)", hint: "save it as UTF-8"},
		{name: "utf32le.csv", content: "\xff\xfe\x00\x00i\x00\x00\x00", want: "utf32le.csv: is encoded in UTF-32", hint: "save it as UTF-8"},
		{name: "utf32be.csv", content: "\x00\x00\xfe\xff\x00\x00\x00i", want: "utf32be.csv: is encoded in UTF-32", hint: "save it as UTF-8"},
		{name: "c.zip", content: "PK\x03\x04....", want: "c.zip: is a zip archive", hint: "unpack it first, or compress with gzip"},
		{name: "c.zst", content: "\x28\xb5\x2f\xfd....", want: "c.zst: is compressed with zstd", hint: "unpack it first, or compress with gzip"},
		{name: "c.gz.gz", content: packed(t, zip), want: "c.gz.gz: is compressed twice", hint: "unpack it once"},
		{name: "cut.gz", content: packed(t, big)[:200], want: "cut.gz: the gzip data ends too early: unexpected EOF", hint: "the file was cut off: copy it again"},
		{name: "trailer.gz", content: zip[:len(zip)-3], want: "trailer.gz: the gzip data ends too early: unexpected EOF", hint: "the file was cut off: copy it again"},
		{name: "damaged.gz", content: string(damaged), want: "damaged.gz: the gzip data is damaged", hint: "copy the file again"},
		{name: "bomb.gz", content: packed(t, good+strings.Repeat(" ", 4<<20)), want: "bomb.gz: the gzip data grows more than 100 times", hint: "unpack the file first if it is to be trusted"},
		{name: "later-bomb.gz", content: packed(t, good, strings.Repeat("\n", 4<<20)), want: "later-bomb.gz: the gzip data grows more than 100 times", hint: "unpack the file first if it is to be trusted"},
		{name: "long.jsonl", content: big, limits: catalog.Limits{Bytes: 1 << 20}, want: "long.jsonl: the catalog holds more than 1048576 bytes", hint: "split it, or raise the limit"},
		{name: "many.jsonl", content: big, limits: catalog.Limits{Products: 10}, want: "many.jsonl:11: the catalog holds more than 10 products"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			opt := polish()
			opt.Limits = c.limits
			path := file(t, c.name, c.content)
			out := read(t, opt, path)
			if out.err == nil {
				t.Fatal("got no error")
			}
			got := strings.TrimPrefix(out.err.Error(), filepath.Dir(path)+"/")
			if !strings.HasPrefix(got, c.want) || feed.HintOf(out.err) != c.hint || feed.KindOf(out.err) != feed.KindInvalid {
				t.Errorf("got %s (%s), kind %d, want %s (%s)", got, feed.HintOf(out.err), feed.KindOf(out.err), c.want, c.hint)
			}
		})
	}
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		files []string
		want  string
		kind  feed.ErrorKind
	}{
		{nil, "no catalog file given", feed.KindInvalid},
		{[]string{filepath.Join(dir, "none.csv")}, "open catalog " + filepath.Join(dir, "none.csv") + ": no such file or directory", feed.KindNotFound},
		{[]string{dir}, "open catalog " + dir + ": is a folder", feed.KindInvalid},
		{make([]string, 1001), "1001 catalog files given, at most 1000", feed.KindInvalid},
	} {
		_, err := catalog.Open(c.files, catalog.Options{})
		if err == nil || err.Error() != c.want || feed.KindOf(err) != c.kind {
			t.Errorf("got %v, kind %v, want %s, kind %v", err, feed.KindOf(err), c.want, c.kind)
		}
	}
}

func TestFormatsMustAgree(t *testing.T) {
	t.Parallel()
	jsonl, csv := file(t, "a.jsonl", line("")), file(t, "b.csv", "id,name\n")
	_, err := catalog.Open([]string{jsonl, csv}, polish())
	if want := csv + ": looks like csv, but " + jsonl + " like jsonl"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	opt := polish()
	opt.Format = catalog.FormatIOF
	if _, err := catalog.Open([]string{jsonl}, opt); err == nil || err.Error() != jsonl+": looks like jsonl, not iof as was asked for" {
		t.Errorf("got %v", err)
	}
	// A table may be read either way when that is asked for.
	shop := file(t, "s.csv", "Handle,Title,Vendor,Variant Price\n")
	opt.Format = catalog.FormatCSV
	if _, err := catalog.Open([]string{shop}, opt); err == nil || !strings.Contains(err.Error(), `header: none of the columns is known: "Handle"`) {
		t.Errorf("got %v, want the header to be read as our own", err)
	}
}

func TestGzipAndStandardInput(t *testing.T) {
	t.Parallel()
	opt := polish()
	opt.Stdin = strings.NewReader(packed(t, line(""), strings.Replace(line(""), "7", "8", 1)))
	out := read(t, opt, "-")
	if out.err != nil || len(out.lines) != 2 {
		t.Errorf("got %v, %v", out.lines, out.err)
	}
	opt.Stdin = strings.NewReader(line(`"zzz":1`))
	if out := read(t, opt, "-"); len(out.problems) != 1 || out.problems[0] != "standard input:1: product 7: zzz: is not a member" {
		t.Errorf("got %v", out.problems)
	}
}

func TestReadErrorEndsTheStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	opt := polish()
	opt.Stdin = io.MultiReader(strings.NewReader(strings.Repeat(line(""), 10000)), iotest.ErrReader(broken))
	out := read(t, opt, "-")
	if !errors.Is(out.err, broken) || !strings.HasPrefix(out.err.Error(), "read catalog standard input: ") {
		t.Errorf("got %v, want the error of the pipe", out.err)
	}
}

func TestTooManyProblems(t *testing.T) {
	t.Parallel()
	opt := polish()
	opt.MaxErrors = 3
	for name, text := range map[string]string{
		"c.jsonl": strings.Repeat(line(`"zzz":1`), 10),
		"c.csv":   "id,name,category,price\n" + strings.Repeat("x,x,a,1\n", 1) + "y,x,a,1\nz,x,a,1\nw,x,a,1\n",
	} {
		out := readText(t, opt, name, text)
		if out.err == nil || !strings.Contains(out.err.Error(), "3 problems, stopped at ") || !strings.HasSuffix(out.err.Error(), ", nothing imported") || len(out.problems) != 3 {
			t.Errorf("%s: got %v, %q", name, out.err, out.problems)
		}
	}
	// Dictionary lines are read by Open, and their problems listed all the same.
	if out := readText(t, opt, "c.jsonl", strings.Repeat(`{"record":"unit"}`+"\n", 5)); out.err == nil || len(out.problems) != 3 {
		t.Errorf("dictionary lines: got %v, %q", out.err, out.problems)
	}
	// The default is 20, and good products in between change nothing.
	out := readText(t, polish(), "c.jsonl", strings.Repeat(line("")+line(`"zzz":1`), 30))
	if len(out.problems) != 20 || len(out.lines) != 20 {
		t.Errorf("got %d problems and %d products, want 20 of each", len(out.problems), len(out.lines))
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := catalog.Open([]string{"-"}, withStdin(polish(), strings.Repeat(line(""), 100)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var last error
	for _, err := range s.Products(ctx) {
		if n++; n == 5 {
			cancel()
		}
		last = err
	}
	if n != 6 || !errors.Is(last, context.Canceled) || !errors.Is(s.Err(), context.Canceled) || !strings.HasPrefix(last.Error(), "import cancelled at standard input:5") {
		t.Errorf("got %d products, then %v; Err gives %v", n, last, s.Err())
	}
}

func TestLeavingEarlyIsNoSuccess(t *testing.T) {
	t.Parallel()
	s, err := catalog.Open([]string{file(t, "c.jsonl", line("")+line(""))}, polish())
	if err != nil {
		t.Fatal(err)
	}
	for range s.Products(t.Context()) {
		break
	}
	if s.Err() == nil {
		t.Error("Err gives nil behind a loop that was left")
	}
	for _, err := range s.Products(t.Context()) {
		if err == nil || err.Error() != "the catalog was read already" {
			t.Errorf("second loop: got %v", err)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(line(`"long_desc":"`+strings.Repeat("x", 1000)+`"`), 5000)
	opt := polish()
	var calls []string
	opt.Progress = func(done, total, products int64) {
		if done > total || total != int64(len(text)) {
			t.Errorf("got %d of %d bytes, want at most %d", done, total, len(text))
		}
		calls = append(calls, fmt.Sprint(done, products))
	}
	out := readText(t, opt, "c.jsonl", text)
	if want := fmt.Sprint(len(text), 5000); out.err != nil || len(calls) < 3 || len(calls) > 10 || calls[len(calls)-1] != want {
		t.Errorf("got calls %v, want a few and %q at the end", calls, want)
	}
}

func TestListLimits(t *testing.T) {
	t.Parallel()
	opt := polish()
	opt.Limits = catalog.Limits{Sizes: 2, Images: 2, Parameters: 2, List: 2, Field: 50, Line: 400}
	address := func(n int) string { return fmt.Sprintf(`"https://a.example/%d"`, n) }
	for _, c := range []struct{ members, want string }{
		{`"sizes":[{"name":"A"},{"name":"B"},{"name":"C"}]`, "sizes: holds more than 2 elements"},
		{`"images":[` + address(1) + "," + address(2) + "," + address(3) + `]`, "images: holds more than 2 elements"},
		{`"parameters":[{"name":"A"},{"name":"B"},{"name":"C"},{"name":"D"}]`, "parameters: holds more than 2 elements"},
		{`"tags":["a","b","c"]`, "tags: holds more than 2 elements"},
		{`"attrs":{"a":"1","b":"2","c":"3"}`, "attrs.c: is one attribute too many (at most 2)"},
		{`"long_desc":"` + strings.Repeat("x", 51) + `"`, "long_desc: holds more than 50 bytes"},
	} {
		out := readText(t, opt, "c.jsonl", line(c.members))
		if want := "c.jsonl:1: product 7: " + c.want; len(out.problems) != 1 || out.problems[0] != want {
			t.Errorf("%s: got %q, want %q", c.members, out.problems, want)
		}
	}
	out := readText(t, opt, "c.jsonl", line(`"long_desc":"`+strings.Repeat("x", 500)+`"`)+line(""))
	if want := "c.jsonl:1: the line is longer than 400 bytes (write each product on a line of its own)"; len(out.problems) != 1 || out.problems[0] != want || len(out.lines) != 1 {
		t.Errorf("got %q and %d products, want %q and one", out.problems, len(out.lines), want)
	}
	for _, c := range []struct{ text, want string }{
		{"id,name,category,price,size\n7,x,a,1,A\n7,x,a,1,B\n7,x,a,1,C\n", "c.csv:2: product 7: has more than 2 sizes"},
		{"id,name,category,price,size\n7,x,a,1,A\n7,x,a,1,B\n7,x,a,1,C\n7,x,a,1,D\n7,x,a,1,E\n", "c.csv:6: product 7: is one row too many for a product (a product has at most 4 rows and 400 bytes)"},
		{"id,name,category,price,image\n7,x,a,1,https://a.example/1 https://a.example/2 \n7,x,a,1,https://a.example/3\n", "c.csv:3: product 7: image: is one image too many (a product has at most 2 images)"},
		{"id,name,category,price\n7," + strings.Repeat("x", 51) + ",a,1\n", "c.csv:2: field 2: the field holds more than 50 bytes"},
	} {
		out := readText(t, opt, "c.csv", c.text)
		if len(out.problems) == 0 || out.problems[0] != c.want {
			t.Errorf("got %q, want %q", out.problems, c.want)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, `{"id":%d,"name":"x\u0001","category":"a","price":1}`+"\n", i+1)
	}
	out := readText(t, polish(), "c.jsonl", b.String())
	if out.err != nil || len(out.problems) != 1000 || out.stats.Warnings != 3000 || out.stats.Dropped != 3000 {
		t.Errorf("got %v, %d listed, %+v, want 1000 of 3000 warnings", out.err, len(out.problems), out.stats)
	}
}

func TestOpenClosesFiles(t *testing.T) {
	t.Parallel()
	path := file(t, "c.jsonl", line(""))
	s, err := catalog.Open([]string{path}, polish())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Error(err)
	}
}
