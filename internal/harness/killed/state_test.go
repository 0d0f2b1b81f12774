package killed_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/internal/pgtest"
	"feedmill/internal/testserver"
)

// place makes installations of one sort, and copies of them.
type place struct {
	name string
	// database is nil for the embedded one and a folder.
	database *pgtest.Server
	objects  testserver.S3
}

func (p *place) shared() bool { return p.database != nil }

// newYard makes an installation without anything in it.
func (p *place) newYard(t *testing.T, program string) *yard {
	t.Helper()
	y := &yard{t: t, p: p, feedmill: program, dir: memdir.New(t)}
	if p.shared() {
		y.place.Postgres = p.database.Database(t)
		y.place.S3 = &site.Bucket{Name: p.objects.Bucket(t)}
	}
	y.settings()
	return y
}

// copy gives a yard that is as this one is; nothing runs in this one.
func (y *yard) copy(t *testing.T) *yard {
	t.Helper()
	c := *y
	c.t, c.dir, c.env, c.place = t, memdir.New(t), nil, site.Place{}
	if err := copyTree(y.dir, c.dir); err != nil {
		t.Fatalf("copy a prepared state: %v", err)
	}
	if y.p.shared() {
		c.place.Postgres = y.p.database.Copy(t, y.place.Postgres)
		c.place.S3 = &site.Bucket{Name: y.p.objects.CopyBucket(t, y.place.S3.Name)}
	}
	c.settings()
	return &c
}

// settings completes the place, and says to the program where everything is.
func (y *yard) settings() {
	y.t.Helper()
	y.place.Data, y.place.RealTime = filepath.Join(y.dir, "data"), true
	// What depends on the time of day would differ between two copies.
	y.env = []string{"FEEDMILL_DATA=" + y.place.Data, "FEEDMILL_JOBS_PUBLISH_EVERY=-1s", "FEEDMILL_JOBS_FULL_AT=-1s",
		"FEEDMILL_FEEDS_FULL_SHARE=1000", "FEEDMILL_FEEDS_MAX_PRICE_MOVE=-1", "FEEDMILL_FEEDS_CHANGE_EVERY=0s",
		"FEEDMILL_SERVER_LISTEN=127.0.0.1:0", "FEEDMILL_SERVER_METRICS_LISTEN=", "FEEDMILL_LOG_LEVEL=warn"}
	if !y.p.shared() {
		return
	}
	server, s3 := &y.p.objects, y.place.S3
	s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey = server.Endpoint, server.Region, server.AccessKey, server.SecretKey
	file := func(name, text string) string {
		path := filepath.Join(y.dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			y.t.Fatal(err)
		}
		return path
	}
	y.env = append(y.env, "FEEDMILL_DATABASE_KIND=postgres", "FEEDMILL_DATABASE_URL_FILE="+file("url", y.place.Postgres), "FEEDMILL_STORE_KIND=s3",
		"FEEDMILL_STORE_ENDPOINT="+s3.Endpoint, "FEEDMILL_STORE_REGION="+s3.Region, "FEEDMILL_STORE_BUCKET="+s3.Name,
		"FEEDMILL_STORE_ACCESS_KEY_FILE="+file("access", s3.AccessKey), "FEEDMILL_STORE_SECRET_KEY_FILE="+file("secret", s3.SecretKey))
}

// copyTree copies folders and plain files; sockets of processes that have ended
// stay behind.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
