package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/s3store"
	"feedmill/storage/storagetest"
)

// stub is an S3 server that can do things wrongly. The real servers of the other
// tests do them right, so how a provider fails has to be acted.
type stub struct {
	// forget makes the server drop user metadata.
	forget bool
	// noTag makes it, or what stands before it, drop ETags.
	noTag bool
	// chunked makes it send objects without saying how long they are.
	chunked bool
	// versions makes it give each object a version.
	versions bool
	// deny says what there is no right to.
	deny func(*http.Request) bool

	mu      sync.Mutex
	objects map[string]stored
	begun   map[string]stored // uploads in parts
	n       int
}

type stored struct {
	header http.Header
	body   []byte
	etag   string
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	q := r.URL.Query()
	switch {
	case s.deny != nil && s.deny(r):
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
	case r.Method == http.MethodGet && q.Has("uploads"):
		fmt.Fprint(w, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		delete(s.begun, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && q.Has("uploads"):
		if s.begun == nil {
			s.begun = map[string]stored{}
		}
		s.begun[r.URL.Path] = stored{header: r.Header.Clone()}
		fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPut && q.Has("partNumber"):
		o := s.begun[r.URL.Path]
		o.body = append(o.body, body...)
		s.begun[r.URL.Path] = o
		if !s.noTag {
			w.Header().Set("ETag", `"part"`)
		}
	case r.Method == http.MethodPost:
		o := s.begun[r.URL.Path]
		delete(s.begun, r.URL.Path)
		s.put(w, r.URL.Path, o.header, o.body)
		fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodPut:
		s.put(w, r.URL.Path, r.Header.Clone(), body)
	case r.Method == http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case q.Has("list-type"):
		fmt.Fprint(w, "<ListBucketResult><Name>bucket</Name>")
		for _, path := range slices.Sorted(maps.Keys(s.objects)) {
			o := s.objects[path]
			if key := strings.TrimPrefix(path, "/bucket/"); strings.HasPrefix(key, q.Get("prefix")) {
				fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>%d</Size><LastModified>%s</LastModified></Contents>", key, len(o.body), stubTime.Format(time.RFC3339))
			}
		}
		fmt.Fprint(w, "</ListBucketResult>")
	default:
		o, ok := s.objects[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for name, values := range o.header {
			if strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "X-Amz-Meta-") && !s.forget {
				w.Header()[name] = values
			}
		}
		w.Header().Set("ETag", o.etag)
		if s.chunked && r.Method == http.MethodGet {
			w = pieces{w}
		}
		if s.versions {
			w.Header().Set("X-Amz-Version-Id", "v1")
		}
		http.ServeContent(w, r, "", stubTime, bytes.NewReader(o.body))
	}
}

func (s *stub) put(w http.ResponseWriter, path string, header http.Header, body []byte) {
	if s.objects == nil {
		s.objects = map[string]stored{}
	}
	s.n++
	o := stored{header, body, `"` + strconv.Itoa(s.n) + `"`}
	s.objects[path] = o
	w.Header().Set("ETag", o.etag)
}

// pieces keeps the length of an answer back.
type pieces struct{ http.ResponseWriter }

func (p pieces) WriteHeader(status int) {
	p.Header().Del("Content-Length")
	p.ResponseWriter.WriteHeader(status)
	p.ResponseWriter.(http.Flusher).Flush()
}

var stubTime = time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)

func onStub(t testing.TB, s http.Handler) bucket {
	return onStubAs(t, s, s3store.Key{Access: "a", Secret: "s"}, nil)
}

// onStubAs is onStub with a key, and what replaces it.
func onStubAs(t testing.TB, s http.Handler, key s3store.Key, fresh func() (s3store.Key, error)) bucket {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return open(t, s3store.Config{
		Endpoint: server.URL, Bucket: "bucket", AccessKey: key.Access, SecretKey: key.Secret, SessionToken: key.Session, Fresh: fresh, PathStyle: true,
		MaxBackoff: time.Millisecond, Patience: -1, Client: server.Client(),
	})
}

// TestWeakServerContract runs the cases that conditional writes could matter to
// on a server that ignores them.
func TestWeakServerContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storage.Store { return onStub(t, &stub{}) },
		storagetest.Only("RoundTrip", "Immutable", "Replace", "Attrs", "ConcurrentReplace", "Ranges", "DeleteAbsent"),
		storagetest.PartSize(1<<20))
}

// TestOddAnswers: answers that a careless client would take for good ones.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	whole := []byte("0123456789")
	partial := func(span string, body []byte) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", span)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(body)
		}
	}
	for _, c := range []struct {
		name   string
		r      storage.Range
		answer func(w http.ResponseWriter)
		want   string // "" means an error from Open or the reader
	}{
		{"range ignored", storage.Range{Off: 2, Len: 3}, func(w http.ResponseWriter) { _, _ = w.Write(whole) }, "234"},
		{"range too wide", storage.Range{Off: 2, Len: 3}, partial("bytes 1-8/10", whole[1:9]), "234"},
		{"range elsewhere", storage.Range{Off: 2, Len: 3}, partial("bytes 5-7/10", whole[5:8]), ""},
		{"range too narrow", storage.Range{Off: 2, Len: 3}, partial("bytes 2-3/10", whole[2:4]), ""},
		{"range of another length", storage.Range{Off: 2, Len: 3}, partial("bytes 2-4/10", whole[2:4]), ""},
		{"range unreadable", storage.Range{Off: 2, Len: 3}, partial("bytes two-four/ten", whole[2:5]), ""},
		{"range of no known whole", storage.Range{Off: 2, Len: 3}, partial("bytes 2-4/*", whole[2:5]), ""},
		{"range beyond the whole", storage.Range{Off: 2, Len: 3}, partial("bytes 2-4/4", whole[2:5]), ""},
		{"range to an end that is not told", storage.Range{Off: 2, Len: 3}, partial("bytes 2-/10", whole[2:5]), ""},
		{"range without a whole", storage.Range{Off: 2, Len: 3}, partial("bytes 2-4", whole[2:5]), ""},
		{"range just as asked", storage.Range{Off: 2, Len: 3}, partial("bytes 2-4/10", whole[2:5]), "234"},
		{"range to the end", storage.Range{Off: 7, Len: 3}, partial("bytes 7-9/10", whole[7:]), "789"},
		{"connection ends early", storage.Range{}, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write(whole[:5])
		}, ""},
		{"whole", storage.Range{}, func(w http.ResponseWriter) { _, _ = w.Write(whole) }, "0123456789"},
	} {
		s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
		body, info, err := s.Open(t.Context(), "key", c.r)
		var got []byte
		if err == nil {
			if info.Size != int64(len(whole)) {
				t.Errorf("%s: an object of %d bytes, want %d", c.name, info.Size, len(whole))
			}
			got, err = io.ReadAll(body)
			body.Close()
		}
		if c.want == "" && err == nil || c.want != "" && (err != nil || string(got) != c.want) {
			t.Errorf("%s: got %q, error %v, want %q", c.name, got, err, c.want)
		}
	}
	for name, page := range map[string]string{
		"unsorted":         "<Contents><Key>b</Key></Contents><Contents><Key>a</Key></Contents>",
		"twice the same":   "<Contents><Key>a</Key></Contents><Contents><Key>a</Key></Contents>",
		"foreign prefix":   "<Contents><Key>x/a</Key></Contents>",
		"endless":          "<IsTruncated>true</IsTruncated>",
		"not XML but HTML": "<html>",
	} {
		s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<ListBucketResult>"+page+"</ListBucketResult>")
		}))
		var last error
		for _, err := range s.List(t.Context(), map[bool]string{true: "y/"}[name == "foreign prefix"]) {
			last = err
		}
		if last == nil {
			t.Errorf("listing, %s: got no error", name)
		}
	}
}

// TestClassification: which answers are worth another try.
func TestClassification(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status    int
		code      string
		permanent bool
		is        error
	}{
		{404, "NoSuchKey", true, storage.ErrNotExist},
		{404, "NoSuchBucket", true, storage.ErrNoBucket},
		{403, "AccessDenied", true, storage.ErrDenied},
		{403, "SignatureDoesNotMatch", true, storage.ErrWrongKey},
		{403, "InvalidAccessKeyId", true, storage.ErrWrongKey},
		{403, "RequestTimeTooSkewed", false, storage.ErrSkewed},
		{400, "InvalidRequest", true, nil},
		{400, "RequestTimeout", false, storage.ErrBusy},
		{400, "IncompleteBody", false, nil},
		{400, "ExpiredToken", false, storage.ErrExpired},
		{400, "InvalidToken", true, storage.ErrWrongKey},
		{401, "Unauthorized", true, nil},
		{405, "MethodNotAllowed", true, nil},
		{408, "", false, nil},
		{409, "OperationAborted", false, nil},
		{409, "ObjectParentIsFile", true, storage.ErrNested},
		{409, "ExistingObjectIsDirectory", true, storage.ErrNested},
		{411, "MissingContentLength", true, nil},
		{412, "PreconditionFailed", false, nil},
		{429, "TooManyRequests", false, storage.ErrBusy},
		{301, "PermanentRedirect", true, storage.ErrElsewhere},
		{400, "AuthorizationHeaderMalformed", true, storage.ErrElsewhere},
		{403, "InvalidObjectState", true, storage.ErrArchived},
		{407, "", true, storage.ErrProxy},
		{500, "InternalError", false, storage.ErrBusy},
		{501, "NotImplemented", true, nil},
		{502, "", false, storage.ErrBusy},
		{503, "SlowDown", false, storage.ErrBusy},
		{504, "", false, storage.ErrBusy},
		{507, "InsufficientStorage", true, nil},
	} {
		s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", c.code)
		}))
		_, _, err := s.Open(t.Context(), "key", storage.Range{})
		if err == nil || storage.IsPermanent(err) != c.permanent || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%d %s: got error %v, permanent %v, want %v", c.status, c.code, err, storage.IsPermanent(err), c.permanent)
		}
		if c.is != nil && strings.Count(err.Error(), c.is.Error()) != 1 {
			t.Errorf("%d %s: got %v, want it said once", c.status, c.code, err)
		}
		if _, err := s.Stat(t.Context(), "key"); c.is != nil && (c.status == 403 || c.status == 400) && !errors.Is(err, c.is) {
			t.Errorf("%d %s, of HEAD: got error %v, want %v", c.status, c.code, err, c.is)
		}
		if c.is != storage.ErrNotExist && errors.Is(err, storage.ErrNotExist) {
			t.Errorf("%d %s: got %v, want it not to say that the object is missing", c.status, c.code, err)
		}
	}
}

// A server that is not there is one that may be there later.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := open(t, s3store.Config{Endpoint: gone.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true, Attempts: 1})
	if _, _, err := s.Open(t.Context(), "key", storage.Range{}); !errors.Is(err, storage.ErrBusy) || storage.IsPermanent(err) {
		t.Errorf("got %v, want %v", err, storage.ErrBusy)
	}
}

// Who cannot show that it is the store is told at once, and told so.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	secure, plain := httptest.NewTLSServer(&stub{}), httptest.NewServer(&stub{})
	defer secure.Close()
	defer plain.Close()
	for _, endpoint := range []string{secure.URL, strings.Replace(plain.URL, "http:", "https:", 1)} {
		tries := 0
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		s := open(t, s3store.Config{Endpoint: endpoint, Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true,
			Client: client(func(r *http.Request) (*http.Response, error) {
				tries++
				return (&http.Client{Transport: transport}).Do(r)
			})})
		_, _, err := s.Open(t.Context(), "key", storage.Range{})
		if !errors.Is(err, storage.ErrUntrusted) || !storage.IsPermanent(err) || errors.Is(err, storage.ErrBusy) || tries != 1 {
			t.Errorf("%s: got %v after %d tries, want %v after one", endpoint, err, tries, storage.ErrUntrusted)
		}
	}
}

// A store that drops metadata is named as the reason.
func TestMetadataIsDropped(t *testing.T) {
	t.Parallel()
	_, err := onStub(t, &stub{forget: true}).Put(t.Context(), "key", strings.NewReader("x"), 1, storage.Attrs{Immutable: true})
	if !errors.Is(err, storage.ErrExist) || !strings.Contains(err.Error(), "drops x-amz-meta- headers") {
		t.Errorf("got %v, want it to name what is dropped", err)
	}
}

// Names of others can have what XML cannot hold. A store is asked to escape names,
// and believed when it says that it has.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page string
		want []string
	}{
		{"<EncodingType>url</EncodingType><Contents><Key>a%01b%20%2B%25</Key></Contents><Contents><Key>b+c/%C3%A4</Key></Contents>", []string{"a\x01b +%", "b c/ä"}},
		{"<Contents><Key>a%01b+c</Key></Contents>", []string{"a%01b+c"}},
		{"<EncodingType>url</EncodingType><Contents><Key>a%b</Key></Contents>", nil},
	} {
		s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("encoding-type") != "url" {
				t.Errorf("asked for %s, want names escaped", r.URL.RawQuery)
			}
			fmt.Fprint(w, "<ListBucketResult>"+c.page+"</ListBucketResult>")
		}))
		var got []string
		for info, err := range s.List(t.Context(), "") {
			if (err != nil) != (c.want == nil) {
				t.Errorf("%s: %v", c.page, err)
			}
			if err == nil {
				got = append(got, info.Key)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.page, got, c.want)
		}
	}
}

// A store, or what stands before it, that sends objects in pieces is read like any
// other.
func TestAnswersInPieces(t *testing.T) {
	t.Parallel()
	s := onStub(t, &stub{chunked: true})
	for _, text := range []string{"", "0123456789"} {
		key := fmt.Sprintf("key-%d", len(text))
		if _, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
		for r, want := range map[storage.Range]string{{}: text, {Off: 2, Len: 3}: "234", {Off: 7, Len: 100}: "789"} {
			if text == "" && r != (storage.Range{}) {
				continue
			}
			body, info, err := s.Open(t.Context(), key, r)
			if err != nil {
				t.Errorf("%q, %+v: %v", text, r, err)
				continue
			}
			got, err := io.ReadAll(body)
			if err = errors.Join(err, body.Close()); err != nil || string(got) != want || info.Size != int64(len(text)) {
				t.Errorf("%q, %+v: got %q of %d bytes, error %v, want %q", text, r, got, info.Size, err, want)
			}
		}
	}
}

// Without ETags nothing can be sent in parts, and that is what is told.
func TestTagsAreDropped(t *testing.T) {
	t.Parallel()
	s := onStub(t, &stub{noTag: true})
	_, err := s.Put(t.Context(), "key", bodyOf(s3store.DefaultPartSize+1), -1, storage.Attrs{})
	if err == nil || !storage.IsPermanent(err) || !strings.Contains(err.Error(), "has no ETag") {
		t.Errorf("got %v, want it to name what is dropped", err)
	}
}

// An answer that breaks off in the middle is none.
func TestListIsCutOff(t *testing.T) {
	t.Parallel()
	s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "<ListBucketResult><Name>bucket</Name>")
	}))
	var err error
	for _, err = range s.List(t.Context(), "") {
	}
	if !errors.Is(err, storage.ErrBusy) || storage.IsPermanent(err) {
		t.Errorf("got %v, want %v", err, storage.ErrBusy)
	}
}

// TestRealProvider runs the suite on a provider of your choice, named by the
// environment.
func TestRealProvider(t *testing.T) {
	t.Parallel()
	c := s3store.Config{
		Endpoint: os.Getenv("FEEDMILL_S3_ENDPOINT"), Region: os.Getenv("FEEDMILL_S3_REGION"), Bucket: os.Getenv("FEEDMILL_S3_BUCKET"),
		AccessKey: os.Getenv("FEEDMILL_S3_ACCESS_KEY"), SecretKey: os.Getenv("FEEDMILL_S3_SECRET_KEY"),
		PathStyle: os.Getenv("FEEDMILL_S3_PATH_STYLE") != "", PartSize: s3store.MinPartSize,
	}
	if c.Endpoint == "" {
		t.Skip("FEEDMILL_S3_ENDPOINT is not set")
	}
	run, n, mu := time.Now().UnixNano(), 0, sync.Mutex{}
	storagetest.Run(t, func(t testing.TB) storage.Store {
		mu.Lock()
		defer mu.Unlock()
		n++
		c := c
		c.Prefix = fmt.Sprintf("feedmill-test/%d-%d/", run, n)
		s := open(t, c)
		t.Cleanup(func() {
			for info, err := range s.List(context.Background(), "") {
				if err == nil {
					err = s.Delete(context.Background(), info.Key)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		return s
	}, storagetest.Second(second), storagetest.PartSize(s3store.MinPartSize))
}

func ExampleNew() {
	server := httptest.NewServer(&stub{})
	defer server.Close()
	store, err := s3store.New(s3store.Config{
		Endpoint: server.URL, Bucket: "bucket", AccessKey: "key", SecretKey: "secret", PathStyle: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for _, step := range store.Look(ctx, false) {
		fmt.Println(step.Name, step.Err)
	}
	info, err := store.Put(ctx, "greetings/first", strings.NewReader("hello"), 5, storage.Attrs{ContentType: "text/plain"})
	fmt.Println(info.Size, info.ContentType, err)
	// Output:
	// list objects <nil>
	// read an object <nil>
	// 5 text/plain <nil>
}
