package csvlex_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"feedmill/feed/catalog/internal/csvlex"
	"feedmill/feed/catalog/internal/lines"

	"pgregory.net/rapid"
)

func reader(text string, comma byte, max csvlex.Limits) *csvlex.Reader {
	return csvlex.NewReader(lines.NewReader(strings.NewReader(text), 1<<20), comma, max)
}

var wide = csvlex.Limits{Record: 1 << 20, Field: 1 << 20}

func ExampleReader() {
	d := reader("code;name\nA1;\"one \"\"mug\"\"\"\n", ';', wide)
	var r csvlex.Record
	for d.Read(&r) == nil {
		fmt.Printf("%d %q\n", r.Line, r.Fields)
	}
	// Output:
	// 1 ["code" "name"]
	// 2 ["A1" "one \"mug\""]
}

// compare holds the reader against encoding/csv up to the first refused record.
func compare(t testing.TB, text string) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return // refused here, accepted there
	}
	want := csv.NewReader(strings.NewReader(text))
	want.FieldsPerRecord = -1
	got := reader(text, ',', wide)
	var r csvlex.Record
	for {
		w, wantErr := want.Read()
		err := got.Read(&r)
		if (err == nil) != (wantErr == nil) || (err == io.EOF) != (wantErr == io.EOF) {
			t.Fatalf("%q: got %q, %v, encoding/csv says %q, %v", text, r.Fields, err, w, wantErr)
		}
		if err != nil {
			return
		}
		if line, _ := want.FieldPos(0); !slices.Equal(r.Fields, w) || int64(line) != r.Line {
			t.Fatalf("%q: got %q at line %d, encoding/csv says %q at line %d", text, r.Fields, r.Line, w, line)
		}
	}
}

func FuzzAgainstEncodingCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",\n", "\"a\nb\",c\r\n\r\nx\r", "a\"b", "\"a\"b", "\"a", ",,,\n", "ż,\"ó\r\nł\"\n", "\"\"", "\r", "\"a\r\"\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { compare(t, text) })
}

func TestGeneratedRecordsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab,\"\n\r ż"))).Draw(t, "text")
		want := csv.NewReader(strings.NewReader(text))
		want.FieldsPerRecord = -1
		got := reader(text, ',', wide)
		var r csvlex.Record
		for {
			w, wantErr := want.Read()
			err := got.Read(&r)
			if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(r.Fields, w) {
				t.Fatalf("%q: got %q, %v, want %q, %v", text, r.Fields, err, w, wantErr)
			}
			if err != nil {
				return
			}
		}
	})
}

// What encoding/csv writes is read back as it was.
func TestWrittenRecordsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringOf(rapid.SampledFrom([]rune("ab;\"\n ż'")))
		records := rapid.SliceOfN(rapid.SliceOfN(field, 2, 4), 1, 5).Draw(t, "records")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = ';'
		if err := w.WriteAll(records); err != nil {
			t.Fatal(err)
		}
		d := reader(b.String(), ';', wide)
		var r csvlex.Record
		for _, want := range records {
			if err := d.Read(&r); err != nil || !slices.Equal(r.Fields, want) {
				t.Fatalf("got %q, %v, want %q", r.Fields, err, want)
			}
		}
		if err := d.Read(&r); err != io.EOF {
			t.Fatalf("got %v, want io.EOF", err)
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"a,b\"c\n", "line 1, field 2: a quote inside a field that does not start with one"},
		{"a,b\n\"c\"d,e\n", "line 2, field 1: something follows the closing quote (a quote inside a quoted field is written twice)"},
		{"a,\"b\nc\nd", "line 1, field 2: the quoted field does not end"},
		{"a,\"b\nc\x00d\"\n", "line 2, field 2: a NUL byte"},
		{"a,b\n\xb3,c\n", "line 2, field 1: byte 0xB3 is not UTF-8"},
		{"12345678901", "line 1, field 1: the field holds more than 10 bytes"},
		{"\"1\n2\n3\n4\n5\n6", "line 6, field 1: the field holds more than 10 bytes: does the quote of line 1 close?"},
		{"1234567890,1234567890,123456", "line 1, field 3: the record holds more than 25 bytes"},
		{strings.Repeat("x", 1<<20+1), "line 1, field 1: the line is too long"},
	} {
		d := reader(c.in, ',', csvlex.Limits{Record: 25, Field: 10})
		var r csvlex.Record
		var err error
		for err == nil {
			err = d.Read(&r)
		}
		if err.Error() != c.want {
			t.Errorf("%.40q: got %v, want %s", c.in, err, c.want)
		}
		if err := d.Read(&r); err != io.EOF {
			t.Errorf("%.40q: behind the error got %v, want io.EOF", c.in, err)
		}
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	d := reader("abc\nd\xffe\n", ',', wide)
	var r csvlex.Record
	_ = d.Read(&r)
	e, ok := d.Read(&r).(*csvlex.Error)
	if !ok || e.Offset != 5 || e.Line != 2 {
		t.Errorf("got %+v, want offset 5 in line 2", e)
	}
}
