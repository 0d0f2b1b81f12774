package servebench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/internal/testserver"
)

// The load of one round.
const (
	rounds   = 3
	seconds  = 5                // of questions that are answered 304
	moved    = 4 << 30          // bytes of each form
	streams  = 4                // downloads at a time
	slowOnes = 5000             // readers who hardly read
	watch    = 20 * time.Second // how long they are watched
)

// BenchmarkUnchanged compares answers that the copy at hand is still good.
func BenchmarkUnchanged(b *testing.B) {
	f := setup(b)
	ours, theirs := f.feedmill(b, ""), f.nginx(b)
	for b.Loop() {
		var a, g, n []float64
		for range rounds {
			a = append(a, ours.perSecond(b, f.address(), f.fullTag))
			g = append(g, ours.perSecond(b, f.gateway(), ours.tag(b, f.gateway())))
			n = append(n, theirs.perSecond(b, "/full.xml", theirs.tag(b, "/full.xml")))
		}
		b.ReportMetric(median(a), "file-304/cpu-s")
		b.ReportMetric(median(g), "gateway-304/cpu-s")
		b.ReportMetric(median(n), "nginx-304/cpu-s")
		b.ReportMetric(median(a)/median(n), "ratio-file")
		b.ReportMetric(median(g)/median(n), "ratio-gateway")
	}
}

// BenchmarkBytes compares the bytes of a large file, compressed and plain.
func BenchmarkBytes(b *testing.B) {
	f := setup(b)
	ours, theirs := f.feedmill(b, ""), f.nginx(b)
	for b.Loop() {
		got := map[string][]float64{}
		for range rounds {
			for _, coding := range []string{"gzip", "identity"} {
				got["feedmill-"+coding] = append(got["feedmill-"+coding], ours.bytes(b, f.address(), coding))
				got["nginx-"+coding] = append(got["nginx-"+coding], theirs.bytes(b, "/full.xml", coding))
			}
		}
		for name, list := range got {
			b.ReportMetric(median(list)/1e9, name+"-GB/cpu-s")
		}
		b.ReportMetric(median(got["feedmill-gzip"])/median(got["nginx-gzip"]), "ratio-gzip")
		b.ReportMetric(median(got["feedmill-identity"])/median(got["nginx-identity"]), "ratio-identity")
	}
}

// BenchmarkDistant serves from an S3 store: each form the first time, which is
// read from the store, and then from the local copies.
func BenchmarkDistant(b *testing.B) {
	f := setup(b)
	var servers testserver.Servers
	s3 := servers.Versitygw(b)
	f.upload(b, s3)
	for b.Loop() {
		got := map[string][]float64{}
		for range rounds {
			ours := f.feedmill(b, s3.Endpoint) // with empty local copies
			for _, coding := range []string{"identity", "gzip"} {
				got["first-"+coding] = append(got["first-"+coding], ours.once(b, f.address(), coding))
				got["later-"+coding] = append(got["later-"+coding], ours.bytes(b, f.address(), coding))
			}
			ours.stop(b)
		}
		for name, list := range got {
			b.ReportMetric(median(list)/1e6, name+"-MB/cpu-s")
		}
	}
}

// BenchmarkSlowReaders has thousands read next to nothing while one partner
// asks for his gateway.
func BenchmarkSlowReaders(b *testing.B) {
	f := setup(b)
	ours := f.feedmill(b, "")
	for b.Loop() {
		var conns []net.Conn
		var mu sync.Mutex
		var work sync.WaitGroup
		slots := make(chan struct{}, 64)
		for range slowOnes {
			work.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				conn, err := net.Dial("tcp", ours.address)
				if err != nil {
					b.Error(err)
					return
				}
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", f.address())
				if _, err := io.ReadFull(conn, make([]byte, 1024)); err != nil {
					b.Error(err)
				}
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			})
		}
		work.Wait()
		var times []float64
		ctx, cancel := context.WithTimeout(b.Context(), watch)
		turn := 0
		one := make([]byte, 32<<10)
		for ctx.Err() == nil {
			for range 50 { // each of the slow ones reads a little, in turn
				c := conns[turn%len(conns)]
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				if _, err := c.Read(one); err != nil {
					b.Fatalf("a slow reader: %v", err)
				}
				turn++
			}
			start := time.Now()
			ours.get(b, f.otherGateway())
			times = append(times, float64(time.Since(start).Microseconds())/1000)
		}
		cancel()
		b.ReportMetric(float64(ours.memory(b, "VmRSS"))/1e6, "RSS-MB")
		b.ReportMetric(float64(ours.memory(b, "VmHWM"))/1e6, "peak-RSS-MB")
		b.ReportMetric(median(times), "gateway-median-ms")
		slices.Sort(times)
		b.ReportMetric(times[len(times)*99/100], "gateway-p99-ms")
		for _, c := range conns {
			c.Close()
		}
	}
}

func median(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// server is a running program.
type server struct {
	cmd     *exec.Cmd
	address string // host:port
}

// cpu gives the processor time of a server and its children, in seconds.
func (s *server) cpu(b *testing.B) float64 {
	b.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	total := 0.0
	for _, path := range list {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // ended
		}
		pid, rest, _ := strings.Cut(string(line), " ")
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		if main := strconv.Itoa(s.cmd.Process.Pid); pid != main && fields[1] != main {
			continue
		}
		for _, field := range fields[11:13] { // user and system time; a tick is 1/100 s
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				b.Fatal(err)
			}
			total += n / 100
		}
	}
	return total
}

func (s *server) memory(b *testing.B, name string) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		b.Fatalf("no %s in %s", name, text)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n * 1024
}

func (s *server) get(b *testing.B, path string) *http.Response {
	b.Helper()
	res, err := http.Get("http://" + s.address + path)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
		b.Fatalf("%s: %d, %v", path, res.StatusCode, err)
	}
	res.Body.Close()
	return res
}

func (s *server) tag(b *testing.B, path string) string {
	b.Helper()
	req, err := http.NewRequest(http.MethodHead, "http://"+s.address+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("ETag")
}

var answered = regexp.MustCompile(`(\d+) requests in`)

// perSecond gives answers 304 per second of processor time.
func (s *server) perSecond(b *testing.B, path, tag string) float64 {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity") // wrk asks for no coding
	req.Header.Set("If-None-Match", tag)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotModified {
		b.Fatalf("%s: %d instead of 304", path, res.StatusCode)
	}
	before := s.cpu(b)
	out, err := exec.Command("wrk", "-t", "1", "-c", "32", "-d", strconv.Itoa(seconds)+"s", "-H", "If-None-Match: "+tag, "http://"+s.address+path).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	used := s.cpu(b) - before
	n, err := strconv.ParseFloat(string(answered.FindSubmatch(out)[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n / used
}

// bytes gives bytes per second of processor time, over several connections.
func (s *server) bytes(b *testing.B, path, coding string) float64 {
	b.Helper()
	before := s.cpu(b)
	var mu sync.Mutex
	var total int64
	var work sync.WaitGroup
	for range streams {
		work.Go(func() {
			for n := int64(0); n < moved/streams; {
				m, err := s.download(path, coding)
				if err != nil {
					b.Error(err)
					return
				}
				n += m
				mu.Lock()
				total += m
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return float64(total) / (s.cpu(b) - before)
}

// once gives the same for one download.
func (s *server) once(b *testing.B, path, coding string) float64 {
	b.Helper()
	before := s.cpu(b)
	n, err := s.download(path, coding)
	if err != nil {
		b.Fatal(err)
	}
	return float64(n) / (s.cpu(b) - before)
}

// download reads a file and drops it, with as little work as can be.
func (s *server) download(path, coding string) (int64, error) {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\nConnection: close\r\n\r\n", path, coding)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != 200 || (coding == "gzip") != (res.Header.Get("Content-Encoding") == "gzip") {
		return 0, fmt.Errorf("%s, %s: %d %v", path, coding, res.StatusCode, res.Header)
	}
	left := res.ContentLength - int64(r.Buffered())
	buf := make([]byte, 1<<20)
	for left > 0 {
		n, err := conn.Read(buf)
		left -= int64(n)
		if err != nil && left > 0 {
			return 0, err
		}
	}
	return res.ContentLength, nil
}
