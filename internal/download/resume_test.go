package download_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// TestGoingOnWithAnotherFile breaks a download off, publishes, and goes on at
// each kind of address that shows the newest file: nobody is given the rest of
// another file than that which he has the beginning of.
func TestGoingOnWithAnotherFile(t *testing.T) {
	t.Parallel()
	w := setup(t, config{steps: true})
	old := w.get(t, "/o/"+w.secret+"/full.xml")
	oldTag, oldDate := old.header.Get("ETag"), old.header.Get("Last-Modified")
	before := w.full
	w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	f := w.full.File(feed.KindFull)
	fresh := w.content[f.Plain.Key]
	tag, date := `"`+f.Plain.SHA256.String()+`"`, w.get(t, "/o/"+w.secret+"/full.xml").header.Get("Last-Modified")
	if oldTag == tag || oldDate == date {
		t.Fatalf("the fixture has published nothing new: %s %s", tag, date)
	}
	const at = 1000
	rest := fmt.Sprintf("bytes=%d-", at)
	for _, address := range []string{"/o/" + w.secret + "/full.xml", "/edi/export-offer.php?token=" + w.secret + "&type=full&format=xml"} {
		for _, c := range []struct {
			name    string
			headers []string
			status  int
			from    int // of the body in the new file; -1 for none of it
		}{
			{"the rest of whatever is there", []string{"Range", rest}, 428, -1},
			{"a piece", []string{"Range", "bytes=500-999"}, 428, -1},
			{"the end", []string{"Range", "bytes=-500"}, 428, -1},
			// wget and curl take 416 for a file that they have whole.
			{"what a shorter file has not", []string{"Range", fmt.Sprintf("bytes=%d-", len(fresh)+5)}, 428, -1},
			{"whatever matches", []string{"Range", rest, "If-Match", "*"}, 428, -1},
			{"the rest, unless it has changed", []string{"Range", rest, "If-Modified-Since", oldDate}, 428, -1},
			{"the rest of the old file, by its tag", []string{"Range", rest, "If-Range", oldTag}, 200, 0},
			{"the rest of the old file, by its date", []string{"Range", rest, "If-Range", oldDate}, 200, 0},
			{"the rest of the old file alone", []string{"Range", rest, "If-Match", oldTag}, 412, -1},
			{"the rest of the new file, by its tag", []string{"Range", rest, "If-Range", tag}, 206, at},
			{"the rest of the new file, by its date", []string{"Range", rest, "If-Range", date}, 206, at},
			{"the rest of the new file alone", []string{"Range", rest, "If-Match", tag}, 206, at},
			{"from the beginning", []string{"Range", "bytes=0-"}, 206, 0},
			{"all, in units that nobody knows", []string{"Range", "rows=5-"}, 200, 0},
		} {
			got := w.get(t, address, c.headers...)
			if got.status != c.status || c.from >= 0 && !bytes.Equal(got.body, fresh[c.from:]) {
				t.Errorf("%s: got %d with %d bytes, want %d", c.name, got.status, len(got.body), c.status)
			}
			if c.status == 428 && (got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Cache-Control") != "no-store" ||
				got.header.Get("ETag")+got.header.Get("Content-Range")+got.header.Get("Content-Encoding")+got.header.Get("Repr-Digest") != "") {
				t.Errorf("%s: refused with %v", c.name, got.header)
			}
		}
		if got := do(t, http.MethodHead, w.url+address, "Range", rest); got.status != 200 {
			t.Errorf("HEAD, to which a range means nothing: %d", got.status)
		}
	}
	// The addresses of a gateway show the same bytes for ever.
	for _, file := range []*publish.File{before.File(feed.KindFull), f} {
		if got := w.get(t, w.pathOf(file), "Range", rest); got.status != 206 || !bytes.Equal(got.body, w.content[file.Plain.Key][at:]) {
			t.Errorf("the rest of generation %d: %d with %d bytes", file.Generation, got.status, len(got.body))
		}
	}
}

// TestGoingOnWithAnotherGateway does the same with the documents that are made on
// request. They are sent whole; who asks for the rest of one is refused, because
// wget leaves out the beginning of what it is given.
func TestGoingOnWithAnotherGateway(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	for _, address := range []string{"/o/" + w.secret + "/gateway.xml", "/o/" + w.secret + "/manifest.json", "/edi/export-offer.php?token=" + w.secret + "&type=gateway&format=xml"} {
		for range 2 { // made, and made again with a tag that is known
			whole := w.get(t, address)
			tag := whole.header.Get("ETag")
			for _, c := range []struct {
				name    string
				headers []string
				status  int
			}{
				{"the rest", []string{"Range", "bytes=100-"}, 428},
				{"what is behind it", []string{"Range", fmt.Sprintf("bytes=%d-", len(whole.body))}, 428},
				{"far behind it", []string{"Range", "bytes=99999999999999999999-"}, 428},
				{"the end", []string{"Range", "bytes=-100"}, 428},
				{"the rest of whatever is there", []string{"Range", "bytes=100-", "If-Match", "*"}, 428},
				{"the rest of another", []string{"Range", "bytes=100-", "If-Range", `"other"`}, 200},
				{"the rest of this one", []string{"Range", "bytes=100-", "If-Range", tag}, 200},
				{"from the beginning", []string{"Range", "bytes=0-"}, 200},
				{"the beginning", []string{"Range", "bytes=0-99"}, 200},
				{"no bytes", []string{"Range", "rows=5-"}, 200},
				{"the rest, unless it is known", []string{"Range", "bytes=100-", "If-None-Match", tag}, 304},
			} {
				got := w.get(t, address, c.headers...)
				if got.status != c.status || c.status == 200 && !bytes.Equal(got.body, whole.body) {
					t.Errorf("%s: got %d with %d bytes, want %d", c.name, got.status, len(got.body), c.status)
				}
				if c.status == 428 && (got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("ETag") != "") {
					t.Errorf("%s: refused with %v", c.name, got.header)
				}
			}
			if got := do(t, http.MethodHead, w.url+address, "Range", "bytes=100-"); got.status != 200 {
				t.Errorf("HEAD, to which a range means nothing: %d", got.status)
			}
		}
	}
}

// TestGoingOnWithOtherChanges does the same with changes since a label, which
// are others after each publication: of one change file, and composed of two.
func TestGoingOnWithOtherChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, labels := w.chain(t, shelves...)
	for _, label := range []string{labels[len(labels)-2], labels[0]} {
		a := w.since(t, label)
		if a.status != 200 {
			t.Fatalf("since %s: %d", label, a.status)
		}
		if got := w.since(t, label, "Range", "bytes=30-"); got.status != 428 {
			t.Errorf("since %s, the rest of whatever is there: %d", label, got.status)
		}
		if got := w.since(t, label, "Range", "bytes=30-", "If-Range", a.header.Get("ETag")); got.status != 206 || !bytes.Equal(got.body, a.body[30:]) {
			t.Errorf("since %s, by its tag: %d", label, got.status)
		}
	}
}
