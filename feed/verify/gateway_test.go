package verify_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed/verify"
	"feedmill/internal/outbound"
)

const secret = "fm1_canary0secret"

// serve serves a folder below a secret, compressed where that is asked for.
func serve(t testing.TB, d *tree, before func(w http.ResponseWriter, r *http.Request, name string) bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, "/o/"+secret+"/")
		if !ok || before != nil && before(w, r, name) {
			if !ok {
				http.NotFound(w, r)
			}
			return
		}
		if r.Header.Get("Accept-Encoding") == "gzip" {
			if data, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(name)+".gz")); err == nil {
				w.Header().Set("Content-Encoding", "gzip")
				if _, err := w.Write(data); err != nil {
					t.Error(err)
				}
				return
			}
		}
		data, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(name)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data) // a client that goes away is no fault of ours
	}))
	t.Cleanup(s.Close)
	return s.URL + "/o/" + secret + "/gateway.xml"
}

// client reaches the servers of the tests.
func client(max int64) *http.Client {
	return outbound.New(outbound.Options{AllowHTTP: true, MaxBytes: max, Allow: func(netip.AddrPort) bool { return true }})
}

func TestGateway(t *testing.T) {
	t.Parallel()
	changed := new(atomic.Int64)
	fail := func(name string, fault func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request, string) bool {
		return func(w http.ResponseWriter, r *http.Request, got string) bool {
			if !strings.HasSuffix(got, name) {
				return false
			}
			fault(w, r)
			return true
		}
	}
	for _, c := range []struct {
		name   string
		want   string
		plant  func(d *tree)
		before func(http.ResponseWriter, *http.Request, string) bool
	}{
		{"undamaged", "", nil, nil},
		{"no gateway", "VER-GATEWAY-MISSING", func(d *tree) { d.remove("gateway.xml") }, nil},
		{"no manifest", "VER-MANIFEST-MISSING", func(d *tree) { d.remove("manifest.json") }, nil},
		{"damaged full", "VER-FILE-DIGEST", func(d *tree) { d.flip(d.find(full, 0)) }, nil},
		{"missing light", "VER-HTTP-STATUS", func(d *tree) { d.remove(d.find(light, 0)) }, nil},
		{"wrong hash", "VER-STATED-MD5", func(d *tree) { d.entry(d.find("sizes", 0), map[string]any{"md5": strings.Repeat("0", 32)}) }, nil},
		{"wrong node in an old change file", "VER-CHAIN-CONTENT", func(d *tree) { d.edit(d.changeWith(6), in(d.t, 6, "Produkt 6", "Produkt 66")) }, nil},
		{"redirect", "VER-HTTP-STATUS", nil, fail("/units.xml", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		})},
		{"compressed unasked", "VER-HTTP-ENCODING", nil, fail("/units.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusOK)
		})},
		{"compressed without a word", "VER-HTTP-ENCODING", nil, fail("/units.xml", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("\x1f\x8b\x08\x00"))
		})},
		{"said to be compressed", "VER-HTTP-ENCODING", nil, func(w http.ResponseWriter, r *http.Request, name string) bool {
			if !strings.HasSuffix(name, "/light.xml") || r.Header.Get("Accept-Encoding") != "gzip" {
				return false
			}
			data, err := os.ReadFile(filepath.Join(baseDir, filepath.FromSlash(name)))
			if err == nil {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(data)
			}
			return true
		}},
		{"never compressed", "VER-HTTP-ENCODING", nil, func(w http.ResponseWriter, r *http.Request, name string) bool {
			if !strings.HasSuffix(name, "/light.xml") || r.Header.Get("Accept-Encoding") != "gzip" {
				return false
			}
			data, err := os.ReadFile(filepath.Join(baseDir, filepath.FromSlash(name)))
			if err == nil {
				_, _ = w.Write(data)
			}
			return true
		}},
		{"broken transfer", "VER-HTTP-BROKEN", nil, fail("/units.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("<units>"))
			panic(http.ErrAbortHandler)
		})},
		{"moving", "VER-GATEWAY-TIME VER-HTTP-MOVING", nil, func(w http.ResponseWriter, _ *http.Request, name string) bool {
			if name == "gateway.xml" {
				data, err := os.ReadFile(filepath.Join(baseDir, name))
				if err != nil {
					return false
				}
				second := string(rune('0' + changed.Add(1)%10))
				_, _ = w.Write([]byte(strings.Replace(string(data), `expires="2026-11-28 16:00:00"`, `expires="2026-11-28 16:00:0`+second+`"`, 1)))
			}
			return name == "gateway.xml"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			if c.plant != nil {
				c.plant(d)
			}
			temp := t.TempDir()
			r, err := verify.Gateway(context.Background(), client(1<<20), serve(t, d, c.before), verify.Options{Now: now, Temp: temp})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(c.want)
			if got := found(r); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v\n%s", got, want, told(r))
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("the temporary folder holds %v, %v", left, err)
			}
			var b strings.Builder
			if err := verify.Text(&b, r); err != nil || strings.Contains(b.String(), secret) || strings.Contains(b.String(), "<nil>") {
				t.Errorf("got %v, and a report that may tell the secret, or no reason:\n%s", err, &b)
			}
		})
	}
}

func TestGatewayLimits(t *testing.T) {
	t.Parallel()
	d := setup(t)
	address := serve(t, d, nil)
	for name, run := range map[string]func() (verify.Report, error){
		"all files": func() (verify.Report, error) {
			return verify.Gateway(context.Background(), client(1<<20), address, verify.Options{MaxBytes: 5000})
		},
		"one file": func() (verify.Report, error) {
			return verify.Gateway(context.Background(), client(9000), address, verify.Options{})
		},
	} {
		r, err := run()
		if err != nil || !r.Has("VER-HTTP-LIMIT") {
			t.Errorf("%s: got %v, %v, want VER-HTTP-LIMIT", name, found(r), err)
		}
	}
}

// TestGatewayThatFallsSilent: a server that stops in the middle of a file is
// found out, and holds up no other file.
func TestGatewayThatFallsSilent(t *testing.T) {
	t.Parallel()
	address := serve(t, setup(t), func(w http.ResponseWriter, r *http.Request, name string) bool {
		if strings.HasSuffix(name, "/units.xml") {
			_, _ = w.Write([]byte("<units>"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		}
		return false
	})
	impatient := outbound.New(outbound.Options{AllowHTTP: true, Silence: 3 * time.Second, Allow: func(netip.AddrPort) bool { return true }})
	r, err := verify.Gateway(context.Background(), impatient, address, verify.Options{Now: now})
	if err != nil || !r.Has("VER-HTTP-BROKEN") || r.Products == 0 {
		t.Errorf("got %v, %v, want VER-HTTP-BROKEN of one file and the products of others:\n%s", found(r), err, told(r))
	}
}

func TestGatewayThatCannotBeReached(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	address := s.URL + "/o/" + secret + "/gateway.xml"
	s.Close()
	for name, run := range map[string]func() error{
		"nobody there": func() error {
			_, err := verify.Gateway(context.Background(), client(1), address, verify.Options{})
			return err
		},
		"strict client": func() error {
			_, err := verify.Gateway(context.Background(), nil, address, verify.Options{})
			return err
		},
		"no address": func() error {
			_, err := verify.Gateway(context.Background(), nil, "gateway.xml", verify.Options{})
			return err
		},
	} {
		if err := run(); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, want an error that does not tell the secret", name, err)
		}
	}
}
