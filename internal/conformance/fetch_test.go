package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/outbound"
	"feedmill/schema/rules"
)

const sampleDir = "../../schema/rules/testdata/family"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// supplier serves the sample family as a supplier would, below /o/secret/.
type supplier struct {
	*httptest.Server
	// spoil answers instead of the supplier, if it reports so.
	spoil func(w http.ResponseWriter, r *http.Request, name string) bool
	gets  atomic.Int64
}

func newSupplier(t *testing.T, spoil func(w http.ResponseWriter, r *http.Request, name string) bool) *supplier {
	t.Helper()
	s := &supplier{spoil: spoil}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *supplier) serve(w http.ResponseWriter, r *http.Request) {
	s.gets.Add(1)
	name := path.Base(r.URL.Path)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.Header().Set("ETag", `"1"`)
	if s.spoil != nil && s.spoil(w, r, name) {
		return
	}
	data, err := s.file(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Write(data)
}

func (s *supplier) file(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(sampleDir, name))
	if name == "gateway.xml" {
		data = bytes.ReplaceAll(data, []byte("https://feeds.example.com/o/wierzbowa/"), []byte(s.URL+"/o/secret/"))
	}
	return data, err
}

// local is a client that may call this machine.
func local(opt outbound.Options) *http.Client {
	opt.AllowHTTP = true
	opt.Allow = func(netip.AddrPort) bool { return true }
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 10 << 20
	}
	return outbound.New(opt)
}

// verdict fetches a supplier's offer and gives the codes of what was found.
func verdict(t *testing.T, s *supplier, opt FetchOptions) ([]string, rules.Report) {
	t.Helper()
	if opt.Client == nil {
		opt.Client = local(outbound.Options{})
	}
	opt.Temp = t.TempDir()
	f, err := Fetch(context.Background(), s.URL+"/o/secret/gateway.xml", opt)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := rules.Check(context.Background(), f.Family, rules.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(opt.Temp); err != nil || len(left) != 0 {
		t.Errorf("got %v left behind, %v", left, err)
	}
	codes := map[string]bool{}
	for _, c := range rep.Counts {
		codes[c.Code] = true
	}
	delete(codes, "IOF-URL-PLAIN") // the test's supplier has no certificate
	for _, finding := range rep.Findings {
		if strings.Contains(finding.String(), "secret") && finding.Code != "IOF-URL-PLAIN" {
			t.Errorf("a finding tells the secret of an address: %s", finding)
		}
	}
	return slices.Sorted(maps.Keys(codes)), rep
}

func TestFetch(t *testing.T) {
	t.Parallel()
	on := func(file string, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request, string) bool {
		return func(w http.ResponseWriter, r *http.Request, name string) bool {
			if name != file {
				return false
			}
			answer(w, r)
			return true
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	light, err := os.ReadFile(filepath.Join(sampleDir, "light.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(http.ResponseWriter, *http.Request, string) bool
		opt   FetchOptions
		want  []string
	}{
		{"in order", nil, FetchOptions{}, nil},
		{"status", on("stocks.xml", status(503)), FetchOptions{}, []string{rules.CodeHTTPStatus}},
		{"accepted", on("stocks.xml", status(202)), FetchOptions{}, []string{rules.CodeHTTPStatus}},
		{"gateway gone", on("gateway.xml", status(404)), FetchOptions{}, []string{rules.CodeHTTPStatus}},
		{"redirect", on("stocks.xml", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusMovedPermanently) }), FetchOptions{}, []string{rules.CodeHTTPRedirect}},
		{"type", on("light.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write(light)
		}), FetchOptions{}, []string{rules.CodeHTTPType}},
		{"gzip", on("light.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(light)
			z.Close()
		}), FetchOptions{}, []string{rules.CodeHTTPGzip}},
		{"gzip that nothing tells of", on("light.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			z := gzip.NewWriter(w)
			z.Write(light)
			z.Close()
		}), FetchOptions{}, []string{rules.CodeHTTPGzip}},
		{"no validator", func(w http.ResponseWriter, _ *http.Request, _ string) bool { w.Header().Del("ETag"); return false }, FetchOptions{}, []string{rules.CodeHTTPValidator}},
		{"slow", nil, FetchOptions{Now: ticking(11 * time.Second)}, []string{rules.CodeHTTPSlow}},
		{"cut", on("light.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(light)))
			w.Write(light[:len(light)/2])
		}), FetchOptions{}, []string{"IOF-HASH", rules.CodeHTTPCut, "XML-UNCLOSED"}},
		{"silent", on("light.xml", func(w http.ResponseWriter, r *http.Request) {
			w.Write(light[:len(light)/2])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}), FetchOptions{Client: local(outbound.Options{Silence: time.Second})}, []string{"IOF-HASH", rules.CodeHTTPCut, "XML-UNCLOSED"}},
		{"file too large", nil, FetchOptions{Client: local(outbound.Options{MaxBytes: 8000})}, []string{rules.CodeHTTPLimit}},
		{"offer too large", nil, FetchOptions{MaxBytes: 6000}, []string{rules.CodeHTTPLimit}},
		{"too many files", nil, FetchOptions{MaxFiles: 3}, []string{rules.CodeHTTPLimit}},
		{"host gone", func(w http.ResponseWriter, _ *http.Request, name string) bool {
			if name != "gateway.xml" {
				return false
			}
			data, _ := os.ReadFile(filepath.Join(sampleDir, name))
			w.Write(bytes.ReplaceAll(data, []byte("https://feeds.example.com/"), []byte("https://nowhere.invalid/")))
			return true
		}, FetchOptions{}, []string{rules.CodeHTTPRefused}},
		{"manifest", on("manifest.json", func(w http.ResponseWriter, _ *http.Request) {
			sum := sha256.Sum256(light)
			fmt.Fprintf(w, `{"files": [{"url": "12/light.xml", "size": %d, "sha256": %q}]}`, len(light), hex.EncodeToString(sum[:]))
		}), FetchOptions{}, nil},
		{"wrong manifest", on("manifest.json", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"files": [{"url": "12/light.xml", "size": %d}]}`, len(light)+1)
		}), FetchOptions{}, []string{"IOF-MANIFEST"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, rep := verdict(t, newSupplier(t, tt.spoil), tt.opt)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v:\n%v", got, tt.want, rep.Findings)
			}
			// Another hash than the gateway says follows from the cut.
			if slices.Contains(tt.want, rules.CodeHTTPCut) && (rep.Findings[0].Code != rules.CodeHTTPCut || rep.Counts[0].Code != rules.CodeHTTPCut) {
				t.Errorf("found first: %s, counted first: %s, want %s", rep.Findings[0].Code, rep.Counts[0].Code, rules.CodeHTTPCut)
			}
		})
	}
}

// ticking is a clock that moves on by a step with each look.
func ticking(step time.Duration) func() time.Time {
	var n atomic.Int64
	return func() time.Time { return noon.Add(time.Duration(n.Add(1)) * step) }
}

func TestFetchOfOneFile(t *testing.T) {
	t.Parallel()
	s := newSupplier(t, nil)
	f, err := Fetch(context.Background(), s.URL+"/o/secret/12/light.xml", FetchOptions{Client: local(outbound.Options{}), Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Files) != 1 || f.Files[0].Kind != "light" || s.gets.Load() != 1 {
		t.Errorf("got %d files of kind %s by %d requests, want light alone", len(f.Files), f.Files[0].Kind, s.gets.Load())
	}
}

func TestFetchRefusesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSupplier(t, nil)
	temp := t.TempDir()
	for _, address := range []string{s.URL + "/o/secret/gateway.xml", "https://127.0.0.1/o/secret", "gateway.xml", "://"} {
		_, err := Fetch(context.Background(), address, FetchOptions{Temp: temp})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error without the secret", address, err)
		}
	}
	if s.gets.Load() != 0 {
		t.Errorf("got %d requests, want none", s.gets.Load())
	}
	if _, err := Fetch(context.Background(), s.URL, FetchOptions{Temp: temp}); !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("got %v, want %v", err, outbound.ErrRefused)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fetch(ctx, s.URL+"/gateway.xml", FetchOptions{Client: local(outbound.Options{}), Temp: temp}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("got %v left behind, %v", left, err)
	}
}

func ExampleFetch() {
	// The strict client calls public hosts over https alone.
	_, err := Fetch(context.Background(), "https://127.0.0.1/o/link/gateway.xml", FetchOptions{})
	fmt.Println(errors.Is(err, outbound.ErrRefused))
	// Output: true
}
