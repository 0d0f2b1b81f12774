package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func ExampleMakeTempDir() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	temp, err := MakeTempDir(dir, "full.xml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(os.WriteFile(filepath.Join(temp.Path(), "part"), []byte("<offer/>"), 0o600))
	fmt.Println(temp.Close())
	left, err := os.ReadDir(dir)
	fmt.Println(len(left), err)
	// Output:
	// <nil>
	// <nil>
	// 0 <nil>
}

// names lists a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestTempDirOfADeadOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	make := func(purpose string) *TempDir {
		t.Helper()
		temp, err := MakeTempDir(dir, purpose)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{filepath.Join(temp.Path(), "part"), filepath.Join(dir, temp.Result())} {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return temp
	}
	living, dead, other := make("full.xml"), make("full.xml"), make("light.xml")
	// What the system does when a process dies.
	if err := errors.Join(dead.f.Close(), other.f.Close()); err != nil {
		t.Fatal(err)
	}
	foreign := []string{".full.xml", ".full.xml-kept", ".full.xml.durable-FILE", "full.xml.durable-FOLDER"}
	for _, name := range foreign {
		var err error
		if path := filepath.Join(dir, name); strings.HasSuffix(name, "FILE") {
			err = os.WriteFile(path, nil, 0o600)
		} else {
			err = os.Mkdir(path, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	next := make("full.xml")
	want := slices.Clone(foreign)
	for _, temp := range []*TempDir{living, other, next} {
		want = append(want, filepath.Base(temp.Path()), temp.Result())
	}
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := names(t, living.Path()); !slices.Equal(got, []string{"part"}) {
		t.Errorf("in the folder of a living owner: got %q, want its part", got)
	}
	if err := errors.Join(living.Close(), next.Close()); err != nil {
		t.Error(err)
	}
	want = append(foreign, filepath.Base(other.Path()), other.Result())
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("when all have closed theirs: got %q, want %q", got, want)
	}
}

// A folder that was made and is not locked yet may be taken for a dead one's.
func TestTempDirsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				temp, err := MakeTempDir(dir, "x")
				if err != nil {
					t.Error(err)
					return
				}
				part := filepath.Join(temp.Path(), "part")
				if err := os.WriteFile(part, nil, 0o600); err != nil {
					t.Errorf("in a folder of one's own: %v", err)
				}
				if err := removeDead(dir, ".x"+tempMark); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(part); err != nil {
					t.Errorf("in a folder of one's own: %v", err)
				}
				if err := temp.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("got %q, want nothing left", got)
	}
}

func TestTempDirWhereThereIsNone(t *testing.T) {
	t.Parallel()
	if _, err := MakeTempDir(filepath.Join(t.TempDir(), "none"), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want one that says that the folder does not exist", err)
	}
}
