package killed_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/feed/patch"
	"feedmill/internal/harness/site"
	"feedmill/storage"
)

// yard is one installation in which a command is killed.
type yard struct {
	t        *testing.T
	p        *place
	feedmill string
	dir      string
	place    site.Place
	env      []string
	path     string // of the gateway
	// imported is the last state of the catalog that a command was told to
	// bring in, published the one that readers see.
	imported, published int
	// generated is the state of the catalog that is in the folder of generate.
	generated int
	// large says that the catalog has products that fill a part of an upload.
	large bool
	// killedAt is the point at which the command was killed.
	killedAt string
}

const (
	stay  = 24 // products that every catalog has, enough for the guard
	cycle = 6  // of them have a new price in each
	comes = 40 // is in every second catalog
)

// price gives what a product costs in the n-th catalog.
func price(id, n int) int {
	last := n - ((n-id)%cycle+cycle)%cycle
	return 100 + max(last, 0)
}

func products(n int, share int) (list []site.Product) {
	for id := 1; id <= stay; id++ {
		if id%share == 0 {
			list = append(list, site.Product{ID: site.ID(id), Price: price(id, n), Stock: id % 7, Category: id % 3})
		}
	}
	if n%2 == 1 && share == 1 {
		list = append(list, site.Product{ID: comes, Price: 77, Stock: 1})
	}
	return list
}

// largeText is what describes a large product; a dozen of them make a file that
// S3 takes in several parts.
const (
	largeProducts = 12
	largeBytes    = 800_000
)

func largeLines() string {
	var b strings.Builder
	text := strings.Repeat("opis towaru ", largeBytes/12)
	for id := 101; id <= 100+largeProducts; id++ {
		fmt.Fprintf(&b, `{"id":%d,"category":{"id":"1","name":"Rzeczy 1"},"name":{"pol":"Produkt %d"},"long_desc":{"pol":%q},"price":"5.00","code":"l%d"}`+"\n", id, id, text, id)
	}
	return b.String()
}

// result is how a command ended.
type result struct {
	killed bool
	status int
	output string
	took   effort
}

// effort is how long something took, and how much of the processor.
type effort struct{ wall, cpu time.Duration }

func (e effort) plus(o effort) effort { return effort{e.wall + o.wall, e.cpu + o.cpu} }

// hang is how long a command may take on a machine that has much else to do
// before it counts as one that does not end.
const hang = 5 * time.Minute

// process is a command under way.
type process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	start time.Time
	// ended is closed when the process is gone; result is how.
	ended  chan struct{}
	result result
	err    error
}

// begin starts the program with some variables more. The context kills it.
func (y *yard) begin(ctx context.Context, args []string, env ...string) *process {
	y.t.Helper()
	p := &process{cmd: exec.CommandContext(ctx, y.feedmill, args...), start: time.Now(), ended: make(chan struct{})}
	p.cmd.Dir = y.dir
	p.cmd.Env = append(append(os.Environ(), y.env...), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		err := p.cmd.Wait()
		state := p.cmd.ProcessState
		p.result = result{output: p.out.String(), took: effort{time.Since(p.start), state.UserTime() + state.SystemTime()}, status: state.ExitCode()}
		ws, ok := state.Sys().(syscall.WaitStatus)
		p.result.killed = ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL && ctx.Err() == nil
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
			p.err = errors.Join(err, ctx.Err())
		}
	}()
	return p
}

// run executes the program to its end.
func (y *yard) run(args []string, env ...string) result {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), hang)
	defer cancel()
	p := y.begin(ctx, args, env...)
	<-p.ended
	if p.err != nil {
		y.t.Fatalf("feedmill %s: %v: %s", strings.Join(args, " "), p.err, p.result.output)
	}
	return p.result
}

// must runs the program and takes only success.
func (y *yard) must(args ...string) string {
	y.t.Helper()
	r := y.run(args)
	if r.status != 0 {
		y.t.Fatalf("feedmill %s: exit status %d: %s", strings.Join(args, " "), r.status, r.output)
	}
	return r.output
}

// catalog writes the n-th catalog, or one share of it, and gives its name.
func (y *yard) catalog(n, share int) string {
	y.t.Helper()
	name := filepath.Join(y.dir, fmt.Sprintf("catalog-%d-%d.jsonl", n, share))
	text := site.Text(products(n, share))
	if y.large {
		text += largeLines()
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return name
}

// settle makes an installation with a history.
func (y *yard) settle() {
	y.t.Helper()
	y.must("import", "--catalog", y.catalog(0, 1))
	out := y.must("partner", "add", "Nord", "--json")
	m := regexp.MustCompile(`/o/fm1_[^"]*`).FindString(out)
	if m == "" {
		y.t.Fatalf("partner add tells no gateway: %s", out)
	}
	y.path = m
	// As many markers as stay, so that every run removes one.
	y.open(time.Now, func(s *site.Site) {
		for i := range 16 {
			key, err := storage.Marker{Merchant: string(s.Merchant.ID), Feed: "all", Run: fmt.Sprint("old", i)}.Key()
			if err == nil {
				_, err = s.Store.Put(y.t.Context(), key, strings.NewReader("{}"), 2, storage.Attrs{Immutable: true})
			}
			if err != nil {
				y.t.Fatal(err)
			}
		}
	})
	for range 2 {
		y.advance()
	}
}

// advance brings in and publishes the next catalog.
func (y *yard) advance() {
	y.t.Helper()
	y.imported++
	y.must("import", "--catalog", y.catalog(y.imported, 1))
	y.must("publish")
	y.published = y.imported
}

// open opens the installation in this process.
func (y *yard) open(now func() time.Time, fn func(s *site.Site)) {
	y.t.Helper()
	s, closeAll, err := y.place.Open(y.t.Context(), now)
	if err != nil {
		y.t.Fatal(err)
	}
	defer func() {
		if err := closeAll(); err != nil {
			y.t.Error(err)
		}
	}()
	fn(s)
}

const host = "http://feeds.example.com"

var (
	named = regexp.MustCompile(` url="([^"]+)" hash="([0-9a-f]{32})"`)
	gross = regexp.MustCompile(`<price gross="([0-9]+)\.[0-9]+"`)
)

// look reads everything that the gateway names, over the real edge, and gives
// the number of the catalog that it shows. What is torn fails the test.
func (y *yard) look() (shown int) {
	y.t.Helper()
	y.open(time.Now, func(s *site.Site) {
		edge := s.Edge(host, nil)
		if err := edge.Refresh(y.t.Context()); err != nil {
			y.t.Fatal(err)
		}
		client := site.Client(edge)
		get := func(address string) []byte {
			res, err := client.Get(address)
			if err != nil {
				y.t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK {
				y.t.Fatalf("%s: %d, %v", strings.ReplaceAll(address, y.path, "…"), res.StatusCode, err)
			}
			return body
		}
		gateway := get(host + y.path)
		files := named.FindAllSubmatch(gateway, -1)
		if len(files) < 10 {
			y.t.Fatalf("the gateway names %d files", len(files))
		}
		for _, m := range files {
			if sum := md5.Sum(get(string(m[1]))); hex.EncodeToString(sum[:]) != string(m[2]) {
				y.t.Errorf("%s is not what the gateway says", filepath.Base(string(m[1])))
			}
		}
		shown = version(y.t, get(host+strings.TrimSuffix(y.path, "gateway.xml")+"light.xml"), y.imported)
	})
	return shown
}

// version gives the number of the one catalog whose prices a light file shows.
func version(t *testing.T, light []byte, newest int) int {
	t.Helper()
	prices := map[string]string{}
	for r := patch.NewReader(bytes.NewReader(light)); ; {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("light.xml: %v", err)
		}
		if m := gross.FindSubmatch(n.Raw); m != nil {
			prices[n.ID] = string(m[1])
		}
	}
	for n := newest; n >= 0; n-- {
		same := true
		for id := 1; id <= stay; id++ {
			same = same && prices[fmt.Sprint(id)] == fmt.Sprint(price(id, n))
		}
		if same {
			return n
		}
	}
	t.Errorf("light.xml shows no catalog whole: %v", prices)
	return -1
}
