package block_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"feedmill/feed"
	"feedmill/feed/block"
	"feedmill/feed/feedtest"
)

// stitched are files put together from everything that a segment can come
// from: new, spliced, kept, copied, mended and shared ones.
var stitched = sync.OnceValue(func() map[string]*stitchedFile {
	pool := block.NewPool(block.PoolOptions{CacheBytes: 8 << 20})
	defer pool.Close()
	files := make(map[string]*stitchedFile)
	add := func(name string, d *document, size int, edits map[feed.ProductID][]byte) {
		opt := block.Options{Pool: pool, Cut: d.cut(size)}
		r, before := bytesOf(panics{}, d, opt)
		opt.Previous = previous(r, before)
		next := d.edited(edits)
		next.header = append([]byte("<!-- 2 -->"), next.header...)
		var file bytes.Buffer
		w := must(block.NewWriter(context.Background(), &file, opt))
		defer w.Close()
		must(0, w.Header(next.header))
		must(0, w.Update(sorted(edits), d.in(r.Index)))
		must(0, w.Footer(next.footer))
		result := must(w.Finish())
		if s := result.Stats; len(edits) > 0 && (s.Kept == 0 || s.Compressed == 0 || s.Copied == 0 || s.Mended == 0) {
			panic(fmt.Sprintf("%s: %+v: want segments of every origin", name, s))
		}
		files[name] = &stitchedFile{plain: next.plain(), file: file.Bytes()}
	}
	for name, d := range map[string]*document{"full": sampleFull(), "light": sampleLight()} {
		edits := map[feed.ProductID][]byte{1: []byte("<product id=\"1\"/>\n")}
		render, s := rewriter(name == "light"), newShop()
		for i := 0; i < len(d.ids); i += 97 {
			edits[d.ids[i]] = render(s.item(d.ids[i], 1))
			edits[d.ids[i+5]] = nil
		}
		add(name, d, 48<<10, edits)
	}
	render := rewriter(false)
	nasty := &document{header: []byte("<products>"), footer: []byte("</products>")}
	for i, p := range feedtest.Products(60).Example(7) {
		it := &feed.Item{Product: p, Currency: p.Currency, Sizes: make([]feed.ItemSize, len(p.Sizes))}
		nasty.ids, nasty.nodes = append(nasty.ids, feed.ProductID(i+1)), append(nasty.nodes, render(it))
	}
	add("nasty", nasty, 8<<10, nil)
	add("without products", &document{header: []byte("<products>"), footer: []byte("</products>\n")}, 1, nil)
	return files
})

type stitchedFile struct{ plain, file []byte }

type panics struct{}

func (panics) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// TestEveryReaderReadsTheWhole proves that what is stitched is one gzip member
// that readers of many makes read from the first byte to the last.
func TestEveryReaderReadsTheWhole(t *testing.T) {
	t.Parallel()
	for name, f := range stitched() {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			t.Run("compress/gzip", func(t *testing.T) {
				in := bytes.NewReader(f.file)
				r, err := stdgzip.NewReader(in)
				if err != nil {
					t.Fatal(err)
				}
				r.Multistream(false)
				same(t, r, f.plain)
				if in.Len() != 0 {
					t.Errorf("%d bytes follow the member, want none", in.Len())
				}
			})
			t.Run("klauspost", func(t *testing.T) {
				r, err := gzip.NewReader(bytes.NewReader(f.file))
				if err != nil {
					t.Fatal(err)
				}
				same(t, r, f.plain)
			})
			path := filepath.Join(t.TempDir(), "f.gz")
			if err := os.WriteFile(path, f.file, 0o600); err != nil {
				t.Fatal(err)
			}
			for tool, args := range map[string][]string{
				"gzip": {"-dc", path},
				// zlib stops behind the first member, so that a second one would show.
				"python3": {"-c", `import sys, zlib, gzip
b = open(sys.argv[1], 'rb').read()
d = zlib.decompressobj(31)
p = d.decompress(b) + d.flush()
assert d.eof and not d.unused_data, 'zlib: not one member'
assert gzip.decompress(b) == p, 'gzip and zlib differ'
sys.stdout.buffer.write(p)`, path},
				"node": {"-e", `const b = require('fs').readFileSync(process.argv[1]), z = require('zlib');
const p = z.gunzipSync(b);
new Response(new Blob([b]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer().then(q => {
	if (!p.equals(Buffer.from(q))) throw 'zlib and DecompressionStream differ';
	process.stdout.write(p);
})`, path},
			} {
				t.Run(tool, func(t *testing.T) {
					var stderr bytes.Buffer
					cmd := exec.CommandContext(t.Context(), lookPath(t, tool), args...)
					cmd.Stderr = &stderr
					out, err := cmd.Output()
					if err != nil {
						t.Fatalf("%v\n%s", err, &stderr)
					}
					same(t, bytes.NewReader(out), f.plain)
				})
			}
			t.Run("gzip-t", func(t *testing.T) {
				if out, err := exec.CommandContext(t.Context(), lookPath(t, "gzip"), "-t", path).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("got %v and %q, want neither", err, out)
				}
			})
		})
	}
}

// TestClientsReadTheWhole serves a stitched file with Content-Encoding: gzip.
func TestClientsReadTheWhole(t *testing.T) {
	t.Parallel()
	f := stitched()["full"]
	got := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /full.xml", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			http.Error(w, "gzip only", http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", fmt.Sprint(len(f.file)))
		w.Write(f.file)
	})
	mux.HandleFunc("POST /got", func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			b = []byte(err.Error())
		}
		got <- b
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<script>fetch('/full.xml').then(r => r.arrayBuffer()).catch(e => String(e)).then(b => fetch('/got', {method: 'POST', body: b}))</script>`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	t.Run("net/http", func(t *testing.T) {
		r, err := http.Get(server.URL + "/full.xml")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		same(t, r.Body, f.plain)
	})
	t.Run("curl", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), lookPath(t, "curl"), "-sS", "--compressed", "--fail", server.URL+"/full.xml").Output()
		if err != nil {
			t.Fatal(err)
		}
		same(t, bytes.NewReader(out), f.plain)
	})
	t.Run("chromium", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var output bytes.Buffer
		cmd := exec.CommandContext(ctx, lookPath(t, "chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
			"--no-first-run", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", server.URL+"/")
		cmd.Stderr = &output
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
		if err := cmd.Start(); err != nil {
			cancel()
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		defer func() { cancel(); <-ended }()
		select {
		case b := <-got:
			same(t, bytes.NewReader(b), f.plain)
		case <-ended:
			t.Fatalf("chromium ended without fetching\n%s", &output)
		}
	})
}

func lookPath(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not installed", tool)
	}
	return path
}

func same(t *testing.T, r io.Reader, want []byte) {
	t.Helper()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes with SHA-256 %x, want %d with %x", len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}

// TestSizes holds stitched files to at most 12 % above one stream of the same
// level, with blocks of 64 KB for full files and 32 KB for light ones.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		d    *document
		size int
	}{{"full", sampleFull(), 64 << 10}, {"light", sampleLight(), 32 << 10}} {
		var whole counter
		w := must(gzip.NewWriterLevel(&whole, block.DefaultLevel))
		must(w.Write(c.d.plain()))
		must(0, w.Close())
		r := build(t, c.d, block.Options{Cut: c.d.cut(c.size)})
		mean := r.Plain / int64(len(r.Index.Blocks))
		if growth := 100 * (float64(r.Gzip)/float64(whole) - 1); growth > 12 {
			t.Errorf("%s: got %d bytes, %.1f %% above the %d of one stream, want at most 12 %%", c.name, r.Gzip, growth, whole)
		} else {
			t.Logf("%s: blocks of %d bytes on the average, %.1f %% above one stream", c.name, mean, growth)
		}
		if mean < int64(c.size)*3/4 || mean > int64(c.size)*3/2 {
			t.Errorf("%s: got blocks of %d bytes on the average, want about %d", c.name, mean, c.size)
		}
		stored, _ := r.Index.AppendBinary(nil)
		if per := len(stored) / len(r.Index.Blocks); per > 48 {
			t.Errorf("%s: got %d bytes of index a block, want at most 48", c.name, per)
		}
	}
}
