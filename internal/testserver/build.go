package testserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"feedmill/internal/durable"
)

const versitygwVersion = "v1.8.0"

// CacheEnv names the environment variable that overrides where built servers
// are kept.
const CacheEnv = "FEEDMILL_TEST_CACHE"

func buildVersitygw(ctx context.Context) (string, error) {
	return cached(ctx, "versitygw-"+versitygwVersion, "versitygw", func(out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "go", "install", "-ldflags", "-s -w",
			"github.com/versity/versitygw/cmd/versitygw@"+versitygwVersion)
		cmd.Dir = filepath.Dir(out) // outside any module
		cmd.Env = append(cmd.Environ(), "GOBIN="+filepath.Dir(out))
		return cmd
	})
}

func buildRclone(ctx context.Context) (string, error) {
	dir, err := moduleDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "tools", "rclone-s3")
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(b), b)
	}
	return cached(ctx, "rclone-s3-"+hex.EncodeToString(hash.Sum(nil))[:16], "rclone-s3", func(out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", out, ".")
		cmd.Dir = dir
		return cmd
	})
}

// cached returns the path of a program in the cache, built first if need be by
// the command that build returns for an output path.
func cached(ctx context.Context, folder, name string, build func(out string) *exec.Cmd) (string, error) {
	cache := os.Getenv(CacheEnv)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder (set %s): %w", CacheEnv, err)
		}
		cache = filepath.Join(user, "feedmill-test")
	}
	program := filepath.Join(cache, folder, name)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Several test programs may want it at once; one builds.
	lock, err := waitLock(ctx, filepath.Join(cache, folder+".lock"))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Release() }() // freed at the latest when we end
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	temp, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	cmd := build(filepath.Join(temp, name))
	// Flags meant for the module under test must not reach another one.
	cmd.Env = append(cmd.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	// The folder appears with the whole program in it or not at all.
	if err := os.Rename(temp, filepath.Join(cache, folder)); err != nil {
		return "", err
	}
	return program, nil
}

func waitLock(ctx context.Context, path string) (*durable.Lock, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := durable.AcquireLock(path, time.Now())
		var held *durable.LockedError
		if !errors.As(err, &held) {
			return lock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// moduleDir finds the folder of this module above the working folder of a test.
func moduleDir() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module feedmill\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of module feedmill above %s", start)
		}
	}
}
