package folder_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish/folder"
	"feedmill/feed/verify"
	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
	"feedmill/internal/memdir"
)

// scenario is a run that loses power; token is in what it publishes, before in
// what was there, "" for nothing.
type scenario struct {
	name, before, token string
	opt                 folder.Options
}

var scenarios = []scenario{
	{name: "first", token: "new"},
	{name: "next", before: "old", token: "new"},
	{name: "another address", before: "old", token: "old", opt: folder.Options{BaseURL: "https://feeds.example.com/x"}},
}

func (c *scenario) products(t testing.TB, token string) []feed.Product {
	return []feed.Product{product(t, 1, token), product(t, 2, "same"), product(t, 3, "same"), product(t, 4, "same"), product(t, 5, "same")}
}

// base makes what is there before the run: a folder with a history.
func (c *scenario) base(t testing.TB) string {
	t.Helper()
	dir := memdir.New(t)
	if c.before != "" {
		for i, token := range []string{"older", c.before} {
			run(t, filepath.Join(dir, "offer"), start.Add(time.Duration(i)*time.Hour), folder.Options{}, c.products(t, token)...)
		}
	}
	return dir
}

func (c *scenario) when() time.Time { return start.Add(4 * time.Hour) }

// strike makes the run on a file system with a fate, which wrap may spoil.
func (c *scenario) strike(t testing.TB, base string, wrap func(folder.Files) folder.Files, fate func(crashfs.Operation) crashfs.Action) (*crashfs.FS, error) {
	t.Helper()
	parent := memdir.New(t)
	if err := os.CopyFS(parent, os.DirFS(base)); err != nil {
		t.Fatal(err)
	}
	f := crashfs.New()
	copyIn(t, base, f)
	f.Inject(fate)
	opt := c.opt
	opt.Now = c.when()
	_, err := runOn(func() (*folder.Folder, error) {
		return folder.OpenOn(filepath.Join(parent, "offer"), opt, func(parent string) (folder.Files, error) {
			real, err := folder.OpenDisk(parent)
			return wrap(&twin{real, f}), err
		})
	}, c.when(), c.products(t, c.token)...)
	return f, err
}

// found says what a reader finds in a folder: the token of its products and the
// base of its addresses. What is not whole is an error.
func found(t testing.TB, dir string) (string, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	report, err := verify.Folder(t.Context(), dir, verify.Options{Now: start.Add(5 * time.Hour)})
	if err != nil {
		return "", err
	}
	if !report.Clean() {
		return "", fmt.Errorf("not whole: %v", report.Findings)
	}
	full, err := os.ReadFile(filepath.Join(dir, "light.xml"))
	if err != nil {
		return "", err
	}
	gateway, err := os.ReadFile(filepath.Join(dir, "gateway.xml"))
	if err != nil {
		return "", err
	}
	for _, token := range []string{"old", "new"} {
		if strings.Contains(string(full), "1-"+token+`"`) {
			if strings.Contains(string(gateway), "https://feeds.example.com/x") {
				token += " elsewhere"
			}
			return token, nil
		}
	}
	return "", errors.New("no catalog's products")
}

func (c *scenario) after() string {
	if c.opt.BaseURL != "" {
		return c.token + " elsewhere"
	}
	return c.token
}

// judge remembers what it has judged: most losses of power leave the same.
type judge struct {
	scenario
	seen map[[32]byte]error
}

// recovered says what is wrong with what is found on a disk: the reader must
// see the folder before or the new one, whole, the latter where the run has said so,
// and the next run must publish what is right and leave nothing beside it.
func (j *judge) recovered(t testing.TB, f *crashfs.FS, done bool) error {
	key := sha256.Sum256(fmt.Appendf(nil, "%v %s", done, list(t, f, ".")))
	if err, ok := j.seen[key]; ok {
		return err
	}
	err := j.look(t, f, done)
	j.seen[key] = err
	return err
}

func (j *judge) look(t testing.TB, f *crashfs.FS, done bool) error {
	parent, err := os.MkdirTemp(tempRoot(), "feedmill-found")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(parent)
	restore(t, f, parent)
	dir := filepath.Join(parent, "offer")
	got, err := found(t, dir)
	if err != nil {
		return fmt.Errorf("a reader: %w", err)
	}
	if got != j.after() && (done || got != j.before) {
		return fmt.Errorf("a reader sees %q", got)
	}
	opt := j.opt
	opt.Now = j.when().Add(time.Minute)
	if _, err := runOn(func() (*folder.Folder, error) { return folder.Open(dir, opt) }, opt.Now, j.products(t, j.token)...); err != nil {
		return fmt.Errorf("the next run: %w", err)
	}
	if got, err := found(t, dir); err != nil || got != j.after() {
		return fmt.Errorf("after the next run a reader sees %q, %w", got, err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 2 {
		return fmt.Errorf("the next run leaves %v, %w", entries, err)
	}
	return nil
}

func tempRoot() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// list writes down everything that is on a file system.
func list(t testing.TB, f *crashfs.FS, dir string) string {
	entries, err := f.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		// The name of the next folder is another each time.
		shown := name
		if i := strings.Index(name, ".next-"); i >= 0 {
			rest, _, _ := strings.Cut(name[i:], "/")
			shown = strings.Replace(name, rest, ".next", 1)
		}
		if e.IsDir() {
			fmt.Fprintf(&b, "%s/\n%s", shown, list(t, f, name))
		} else {
			fmt.Fprintf(&b, "%s %x\n", shown, sha256.Sum256(contents(t, f, name)))
		}
	}
	return b.String()
}

func contents(t testing.TB, f *crashfs.FS, name string) []byte {
	t.Helper()
	file, err := f.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var leaves = []struct {
	leave crashfs.Leave
	seeds uint64
}{{crashfs.Least, 1}, {crashfs.Everything, 1}, {crashfs.Names, 1}, {crashfs.Bytes, 1}, {crashfs.Some, 3}}

// cuts loses power after each operation of a run and after its end, and gives
// how many of the states that are then found are wrong.
func (c *scenario) cuts(t *testing.T, step int, wrap func(folder.Files) folder.Files) (operations, wrong, states int) {
	t.Helper()
	base := c.base(t)
	j := &judge{*c, map[[32]byte]error{}}
	for n := 1; ; n += step {
		f, err := c.strike(t, base, wrap, func(op crashfs.Operation) crashfs.Action { return crashfs.Action{Crash: op.N == n} })
		over := n > f.Operations()
		if over && err != nil {
			t.Fatalf("without a loss of power: %v", err)
		}
		for _, l := range leaves {
			for seed := range l.seeds {
				states++
				if bad := j.recovered(t, f.AfterCrash(l.leave, seed), err == nil); bad != nil {
					if wrong++; wrong > 5 {
						continue // a few tell enough
					}
					t.Logf("power lost after operation %d, leave %d, seed %d (the run: %v): %v", n, l.leave, seed, err, bad)
				}
			}
		}
		if over {
			return f.Operations(), wrong, len(j.seen)
		}
	}
}

func plain(f folder.Files) folder.Files { return f }

// A run loses power after each operation on the file system. Whatever of what was
// not synced is then found, the reader sees the folder before or the new one,
// whole, and the next run needs no help.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for i := range scenarios {
		c := &scenarios[i]
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			step := 1
			if testing.Short() {
				step = 7
			}
			operations, wrong, states := c.cuts(t, step, plain)
			if wrong > 0 || operations < 40 {
				t.Errorf("%d operations, %d wrong states", operations, wrong)
			}
			t.Logf("%d operations, %d different states", operations, states)
		})
	}
}

// lazy makes nothing durable: names, or the bytes of files.
type lazy struct {
	folder.Files
	names bool
}

func (l lazy) SyncDir(name string) error {
	if l.names {
		return nil
	}
	return l.Files.SyncDir(name)
}

func (l lazy) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := l.Files.OpenFile(name, flag, perm)
	if err == nil && !l.names {
		return lazyFile{f}, nil
	}
	return f, err
}

type lazyFile struct{ durable.File }

func (lazyFile) Sync() error { return nil }

// The test above is not blind.
func TestPowerLossFindsMissingSyncs(t *testing.T) {
	t.Parallel()
	for _, names := range []bool{true, false} {
		t.Run(fmt.Sprint("names ", names), func(t *testing.T) {
			t.Parallel()
			if _, wrong, _ := scenarios[1].cuts(t, 12, func(f folder.Files) folder.Files { return lazy{f, names} }); wrong == 0 {
				t.Error("no state is wrong: the test is blind")
			}
		})
	}
}

// places gives the operations of a run that are worth a failure: of many of a
// kind in a row every fourth, or with -short one.
func (c *scenario) places(t *testing.T, base string) (list []int) {
	t.Helper()
	last, same := "", 0
	_, err := c.strike(t, base, plain, func(op crashfs.Operation) crashfs.Action {
		if same++; op.Name != last {
			same = 0
		}
		if last = op.Name; same == 0 || same%4 == 0 && !testing.Short() {
			list = append(list, op.N)
		}
		return crashfs.Action{}
	})
	if err != nil || len(list) < 10 {
		t.Fatalf("without a failure: %v, at %v", err, list)
	}
	return list
}

// Operations fail, as on a disk that is full or broken, with and without
// its effect: the run says so or has done without, and whatever is found then and
// after a loss of power is whole.
func TestEveryFailure(t *testing.T) {
	t.Parallel()
	room := []string{"create", "write", "mkdir", "link", "rename", "sync"}
	for i := range scenarios {
		c := &scenarios[i]
		for _, failure := range []struct {
			err    error
			effect bool
		}{{syscall.ENOSPC, false}, {syscall.EIO, false}, {syscall.EIO, true}} {
			t.Run(fmt.Sprintf("%s/%v/%v", c.name, failure.err, failure.effect), func(t *testing.T) {
				t.Parallel()
				base, failed := c.base(t), 0
				j := &judge{*c, map[[32]byte]error{}}
				places := c.places(t, base)
				for _, n := range places {
					struck := ""
					f, err := c.strike(t, base, plain, func(op crashfs.Operation) crashfs.Action {
						if op.N != n || failure.err == syscall.ENOSPC && !slices.Contains(room, op.Name) {
							return crashfs.Action{}
						}
						struck = op.Name + " " + op.Path
						return crashfs.Action{Err: failure.err, Effect: failure.effect}
					})
					if err != nil {
						failed++
						if !errors.Is(err, failure.err) {
							t.Errorf("%s fails: the run fails for another reason: %v", struck, err)
						}
					}
					f.Inject(nil)
					for _, l := range leaves {
						if bad := j.recovered(t, f.AfterCrash(l.leave, 1), err == nil); bad != nil {
							t.Errorf("operation %d, %s, fails (the run: %v), leave %d: %v", n, struck, err, l.leave, bad)
						}
					}
				}
				if failed < len(places)/4 {
					t.Errorf("%d of %d runs failed: the test proves nothing", failed, len(places))
				}
			})
		}
	}
}
