package crashfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
)

func write(t testing.TB, f durable.FS, name, content string, sync bool) {
	t.Helper()
	w, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, content)
	if sync {
		err = errors.Join(err, w.Sync())
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}

// read returns the content of a file, or "missing".
func read(t testing.TB, f durable.FS, name string) string {
	t.Helper()
	r, err := f.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatACrashLeaves(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	write(t, f, "safe", "safe", true)
	if err := f.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	write(t, f, "bytes-only", "bytes", true)
	write(t, f, "safe", "SAFE AND MORE", false)
	if err := f.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, "folder/file", "x", true)
	if err := f.SyncDir("folder"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		leave                  crashfs.Leave
		safe, bytesOnly, below string
	}{
		{crashfs.Least, "safe", "missing", "missing"},
		{crashfs.Everything, "SAFE AND MORE", "bytes", "x"},
		{crashfs.Names, "safe", "bytes", "x"},
		{crashfs.Bytes, "SAFE AND MORE", "missing", "missing"},
	} {
		g := f.AfterCrash(c.leave, 0)
		if a, b, d := read(t, g, "safe"), read(t, g, "bytes-only"), read(t, g, "folder/file"); a != c.safe || b != c.bytesOnly || d != c.below {
			t.Errorf("leave %d: got %q, %q, %q, want %q, %q, %q", c.leave, a, b, d, c.safe, c.bytesOnly, c.below)
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		seen[read(t, f.AfterCrash(crashfs.Some, seed), "safe")] = true
	}
	for _, want := range []string{"safe", "SAFE AND MORE", "safe\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if !seen[want] {
			t.Errorf("some: never got %q", want)
		}
	}
}

func TestFailedSyncIsNeverMadeGood(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	f.Inject(func(op crashfs.Operation) crashfs.Action {
		if (op.Name == "sync" || op.Name == "syncdir") && op.N < 5 {
			return crashfs.Action{Err: syscall.EIO}
		}
		return crashfs.Action{}
	})
	w, err := f.OpenFile("a", os.O_WRONLY|os.O_CREATE, 0o600) // 1
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "x"); err != nil { // 2
		t.Fatal(err)
	}
	if err := w.Sync(); !errors.Is(err, syscall.EIO) { // 3
		t.Errorf("sync: got error %v, want %v", err, syscall.EIO)
	}
	if err := f.SyncDir("."); !errors.Is(err, syscall.EIO) { // 4
		t.Errorf("sync folder: got error %v, want %v", err, syscall.EIO)
	}
	if err := errors.Join(w.Sync(), f.SyncDir(".")); err != nil {
		t.Errorf("second syncs: %v", err)
	}
	if got := read(t, f.AfterCrash(crashfs.Least, 0), "a"); got != "missing" {
		t.Errorf("name after a failed sync and a good one: got %q, want it missing", got)
	}
	if got := read(t, f.AfterCrash(crashfs.Names, 0), "a"); got != "" {
		t.Errorf("bytes after a failed sync and a good one: got %q, want none", got)
	}
}

func TestCrashEndsEverything(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	write(t, f, "a", "x", true)
	r, err := f.OpenFile("a", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Inject(func(crashfs.Operation) crashfs.Action { return crashfs.Action{Crash: true} })
	if err := f.SyncDir("."); err != nil {
		t.Errorf("the last operation: got error %v, want it to succeed", err)
	}
	_, errRead := r.Read(make([]byte, 1))
	_, errStat := f.Lstat("a")
	for i, err := range []error{errRead, errStat, f.SyncDir("."), f.Remove("a"), r.Close()} {
		if !errors.Is(err, crashfs.ErrCrashed) {
			t.Errorf("call %d after the crash: got error %v, want %v", i, err, crashfs.ErrCrashed)
		}
	}
	if got := read(t, f.AfterCrash(crashfs.Least, 0), "a"); got != "x" {
		t.Errorf("after the crash: got %q, want %q", got, "x")
	}
}

// TestLikeTheRealOne sends the same calls to crashfs and to a real folder.
func TestLikeTheRealOne(t *testing.T) {
	t.Parallel()
	kind := func(err error) string {
		for _, e := range []error{fs.ErrNotExist, fs.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, io.EOF, syscall.EPERM} {
			if errors.Is(err, e) {
				return e.Error()
			}
		}
		if err != nil {
			return "other: " + err.Error()
		}
		return ""
	}
	names := []string{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a"}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		real, err := durable.OpenRoot(t.TempDir())
		if err != nil {
			rt.Fatal(err)
		}
		defer real.Close()
		both := [2]durable.FS{crashfs.New(), real}
		for range rapid.IntRange(1, 25).Draw(rt, "calls") {
			op := rapid.SampledFrom([]string{"write", "create", "read", "mkdir", "link", "rename", "exchange", "remove", "lstat", "readdir", "syncdir"}).Draw(rt, "op")
			a := rapid.SampledFrom(names).Draw(rt, "a")
			b := a[:strings.LastIndexByte(a, '/')+1] + rapid.SampledFrom([]string{"a", "b", "e"}).Draw(rt, "b")
			content := rapid.StringN(0, 5, -1).Draw(rt, "content")
			var got [2]string
			for i, f := range both {
				switch op {
				case "write", "create":
					flag := os.O_WRONLY | os.O_CREATE
					if op == "create" {
						flag |= os.O_EXCL
					}
					w, err := f.OpenFile(a, flag, 0o600)
					if err == nil {
						_, err = io.WriteString(w, content)
						err = errors.Join(err, w.Sync(), w.Close())
					}
					got[i] = kind(err)
				case "read":
					r, err := f.OpenFile(a, os.O_RDONLY, 0)
					if err == nil {
						var b []byte
						b, err = io.ReadAll(r)
						r.Close()
						got[i] = string(b)
					}
					got[i] += "|" + kind(err)
				case "mkdir":
					got[i] = kind(f.Mkdir(a, 0o700))
				case "link":
					got[i] = kind(f.Link(a, b))
				case "rename":
					if st, err := f.Lstat(a); err == nil && st.IsDir() {
						if _, err := f.Lstat(b); err == nil {
							continue // not offered
						}
					}
					got[i] = kind(f.Rename(a, b))
				case "exchange":
					if f == real {
						got[i] = kind(durable.Exchange(filepath.Join(real.Name(), a), filepath.Join(real.Name(), b)))
					} else {
						got[i] = kind(both[0].(*crashfs.FS).Exchange(a, b))
					}
				case "remove":
					got[i] = kind(f.Remove(a))
				case "lstat":
					st, err := f.Lstat(a)
					if err == nil {
						size := st.Size()
						if st.IsDir() {
							size = 0
						}
						got[i] = fmt.Sprint(st.Name(), st.IsDir(), size)
					}
					got[i] += kind(err)
				case "readdir":
					entries, err := f.ReadDir(a)
					for _, e := range entries {
						got[i] += fmt.Sprint(e.Name(), e.IsDir(), " ")
					}
					got[i] += kind(err)
				case "syncdir":
					if st, err := f.Lstat(a); err == nil && !st.IsDir() {
						continue // a file can be synced that way, we never do
					}
					got[i] = kind(f.SyncDir(a))
				}
			}
			if got[0] != got[1] {
				rt.Fatalf("%s %q %q: got %q, the real one %q", op, a, b, got[0], got[1])
			}
		}
	})
}

func ExampleFS_AfterCrash() {
	f := crashfs.New()
	err := durable.Replace(f, "file", bytes.NewReader([]byte("synced")), 0o600)
	fmt.Println(err)
	w, err := f.OpenFile("other", os.O_WRONLY|os.O_CREATE, 0o600)
	fmt.Println(err, w.Close())
	entries, err := f.AfterCrash(crashfs.Least, 0).ReadDir(".")
	fmt.Println(len(entries), entries[0].Name(), err)
	// Output:
	// <nil>
	// <nil> <nil>
	// 1 file <nil>
}
