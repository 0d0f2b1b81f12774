package testserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"feedmill/internal/syncbuf"
)

// S3 says how to reach a running server. Its clients must use path style.
type S3 struct {
	// Name is "versitygw" or "rclone".
	Name      string
	Endpoint  string // http://127.0.0.1:port
	Region    string
	AccessKey string
	SecretKey string

	dir string // where the server keeps its buckets
}

// Servers runs at most one process of each kind, shared by the tests that ask
// for it at the same time and stopped with the last of them. The zero value is
// ready; a test package declares one.
type Servers struct {
	mu      sync.Mutex
	running map[string]*process
}

// Versitygw returns a running versitygw over a folder of its own.
func (s *Servers) Versitygw(t testing.TB) S3 {
	return s.start(t, "versitygw", buildVersitygw, func(addr, dir string) ([]string, []string) {
		// Without --keep-alive every request would open a connection.
		return []string{"--port", addr, "--region", region, "--health", "/healthz", "--quiet", "--keep-alive", "posix", dir},
			[]string{"ROOT_ACCESS_KEY_ID=" + accessKey, "ROOT_SECRET_ACCESS_KEY=" + secretKey}
	})
}

// Rclone returns a running rclone S3 server over a folder of its own.
func (s *Servers) Rclone(t testing.TB) S3 {
	return s.start(t, "rclone", buildRclone, func(addr, dir string) ([]string, []string) {
		return []string{"serve", "s3", "--config", "", "--addr", addr, "--auth-key", accessKey + "," + secretKey, dir}, nil
	})
}

const (
	region    = "us-east-1"
	accessKey = "feedmilltest"
	secretKey = "feedmilltestsecret"
)

// process is one running server and how many tests use it.
type process struct {
	server S3
	users  int
	dir    string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	output syncbuf.Buffer
}

func (s *Servers) start(t testing.TB, name string, build func(context.Context) (string, error), args func(addr, dir string) (argv, env []string)) S3 {
	t.Helper()
	if testing.Short() {
		t.Skipf("%s is not started with -short", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.running[name]
	if p == nil {
		program, err := build(t.Context())
		if err != nil {
			t.Fatalf("build the S3 server %s (run with -short to leave it out): %v", name, err)
		}
		if p, err = launch(name, program, args); err != nil {
			t.Fatalf("start the S3 server %s (%s): %v", name, program, err)
		}
		if s.running == nil {
			s.running = map[string]*process{}
		}
		s.running[name] = p
	}
	p.users++
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if p.users--; p.users > 0 {
			return
		}
		delete(s.running, name)
		if err := p.stop(); err != nil {
			t.Errorf("stop the S3 server %s: %v", name, err)
		}
	})
	return p.server
}

func launch(name, program string, args func(addr, dir string) (argv, env []string)) (*process, error) {
	var failures []error
	// A port that was free may be taken a moment later.
	for range 3 {
		p, err := launchOnce(name, program, args)
		if err == nil {
			return p, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func launchOnce(name, program string, args func(addr, dir string) (argv, env []string)) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "feedmill-"+name+"-")
	if err != nil {
		return nil, err
	}
	// versitygw changes its working folder, so the path has to be absolute.
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	p := &process{
		server: S3{Name: name, Endpoint: "http://" + addr, Region: region, AccessKey: accessKey, SecretKey: secretKey, dir: dir},
		dir:    dir,
		exited: make(chan struct{}),
	}
	argv, env := args(addr, dir)
	p.cmd = exec.Command(program, argv...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := startWithParent(p.cmd, p.exited); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.waitReady(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// waitReady waits until the server answers HTTP, whatever the answer.
func (p *process) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server.Endpoint+"/healthz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("it ended at once; its output:\n%s", p.output.String())
		case <-ctx.Done():
			return fmt.Errorf("no answer from %s within 30 s; its output:\n%s", p.server.Endpoint, p.output.String())
		}
	}
}

func (p *process) stop() error {
	var err error
	select {
	case <-p.exited:
		err = fmt.Errorf("it had ended before; its output:\n%s", p.output.String())
	default:
		// Nothing of it is wanted any more, so no gentle end is needed.
		if err = p.cmd.Process.Kill(); err == nil {
			<-p.exited
		}
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// Bucket makes a new, empty bucket and returns its name.
func (s S3) Bucket(t testing.TB) string {
	t.Helper()
	client := s.client()
	name := "t" + strconv.FormatInt(time.Now().UnixNano(), 36)
	for try := 0; ; try++ {
		bucket := name + strconv.Itoa(try)
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		if err == nil {
			return bucket
		}
		if try == 10 {
			t.Fatalf("make bucket %q on %s: %v", bucket, s.Name, err)
		}
	}
}

func (s S3) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: s.Region, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
}

// CopyBucket makes a bucket with everything that another one has, uploads under
// way included, and returns its name. The other one must be at rest. The copy is
// one of files, hundreds of times faster than one of requests, and possible
// because versitygw keeps all that it knows of an object beside the bytes.
func (s S3) CopyBucket(t testing.TB, of string) string {
	t.Helper()
	if s.Name != "versitygw" {
		t.Fatalf("a bucket of %s cannot be copied", s.Name)
	}
	// A name that nobody has, the bucket of which is then replaced.
	bucket := s.Bucket(t)
	to := filepath.Join(s.dir, bucket)
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(s.dir, of), to).CombinedOutput(); err != nil {
		t.Fatalf("copy bucket %q: %v\n%s", of, err, out)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove a copied bucket: %v", err)
		}
	})
	return bucket
}
