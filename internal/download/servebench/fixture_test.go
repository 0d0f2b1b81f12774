package servebench

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/internal/testserver"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/s3store"
	"feedmill/storage/sqlite"
)

// programEnv names the environment variable that gives a program to measure in
// place of one that is built.
const programEnv = "FEEDMILL_BENCH_PROGRAM"

// zipped is how long the compressed form of the large file is, about.
const zipped = 100 << 20

// fixture is a data folder as feedmill keeps one, with one partner whose full
// file is large, and a folder for nginx with the same two files.
type fixture struct {
	dir      string // of everything
	data     string // of feedmill
	html     string // of nginx
	program  string
	secret   string
	other    string // the same, of a partner with another offer
	full     publish.File
	fullTag  string
	blobs    map[string]string // key to the file that holds the bytes
	settings []string
}

func setup(b *testing.B) *fixture {
	b.Helper()
	for _, name := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Skipf("%s is not here: apt-get install nginx-light wrk", name)
		}
	}
	dir := b.TempDir()
	f := &fixture{dir: dir, data: filepath.Join(dir, "data"), html: filepath.Join(dir, "html"), program: filepath.Join(dir, "feedmill"), blobs: map[string]string{}}
	for _, d := range []string{f.data, f.html} {
		check(b, os.MkdirAll(d, 0o755))
	}
	check(b, os.Chmod(dir, 0o755))
	if built := os.Getenv(programEnv); built != "" {
		f.program = built
	} else if out, err := exec.Command("go", "build", "-o", f.program, "feedmill/cmd/feedmill").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	f.write(b)
	f.records(b)
	return f
}

func check(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// write makes the large file in both forms: markup with figures in it, which
// compresses as feeds do.
func (f *fixture) write(b *testing.B) {
	b.Helper()
	plain, err := os.Create(filepath.Join(f.html, "full.xml"))
	check(b, err)
	zip, err := os.Create(filepath.Join(f.html, "full.xml.gz"))
	check(b, err)
	z, err := gzip.NewWriterLevel(zip, gzip.BestSpeed)
	check(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	var buf []byte
	for id := 0; ; id++ {
		buf = fmt.Appendf(buf[:0], `<product id="%d" currency="PLN" type="regular"><price gross="%d.%02d" net="%d.%02d"/><sizes><size id="uniw" code="%x"><stock id="1" quantity="%d"/></size></sizes><description><name xml:lang="pol"><![CDATA[`,
			id, r.IntN(1000), r.IntN(100), r.IntN(1000), r.IntN(100), r.Uint64(), r.IntN(500))
		for range 20 + r.IntN(60) {
			buf = append(append(buf, words[r.IntN(len(words))]...), ' ')
		}
		buf = append(buf, "]]></name></description></product>\n"...)
		_, err := plain.Write(buf)
		check(b, err)
		_, err = z.Write(buf)
		check(b, err)
		if id%1000 == 0 {
			info, err := zip.Stat()
			check(b, err)
			if info.Size() > zipped {
				break
			}
		}
	}
	check(b, errors.Join(z.Close(), zip.Close(), plain.Close()))
}

var words = strings.Fields("rower górski rama aluminiowa hamulce tarczowe widelec amortyzowany koło obręcz opona dętka siodło sztyca kierownica mostek korba suport łańcuch kaseta przerzutka manetka pedał błotnik bagażnik lampka dzwonek stopka koszyk bidon pompka licznik kask rękawice okulary buty spodenki koszulka bluza kurtka plecak sakwa torba zamek łatka klej olej smar narzędzia stojak")

// records makes the database, and puts the files into the folder store.
func (f *fixture) records(b *testing.B) {
	b.Helper()
	ctx := b.Context()
	path := filepath.Join(f.data, "feedmill.db")
	_, err := sqlite.Migrate(ctx, path, sqlite.Options{})
	check(b, err)
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	check(b, err)
	defer db.Close()
	store, err := fsstore.Open(filepath.Join(f.data, "store"), fsstore.Options{})
	check(b, err)
	defer store.Close()
	actor := partner.Actor{Name: "bench", Role: "operator"}
	vat, err := feed.ParsePercent("23")
	check(b, err)
	m, err := db.CreateMerchant(ctx, actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "Bench", SharingEnabled: true,
		Supplier: feed.Supplier{Name: "Bench", ShortName: "bench"}, Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat})
	check(b, err)
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 1, Name: "Main"}
	check(b, db.CreateShop(ctx, actor, shop))
	profile := feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}}
	for _, secret := range []*string{&f.secret, &f.other} {
		p, err := db.CreatePartner(ctx, actor, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "Partner", FeedEnabled: true})
		check(b, err)
		o, err := db.CreateOffer(ctx, actor, partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, Shop: shop.ID, Name: "Offer", FeedEnabled: true, Profile: profile})
		check(b, err)
		l, s := partner.NewLink(m.ID, o.ID, "bench", time.Now(), time.Time{})
		check(b, db.CreateLink(ctx, actor, l))
		*secret = s.Reveal()
	}
	run, err := db.Begin(ctx, string(m.ID), "bench", 2)
	check(b, err)
	n := 0
	keep := func(path string) publish.Blob {
		file, err := os.Open(path)
		check(b, err)
		defer file.Close()
		sum, md := sha256.New(), md5.New()
		size, err := io.Copy(io.MultiWriter(sum, md), file)
		check(b, err)
		blob := publish.Blob{Size: size, SHA256: publish.SHA256(sum.Sum(nil)), MD5: publish.MD5(md.Sum(nil))}
		blob.Key, err = storage.Blob{Merchant: string(m.ID), SHA256: storage.Digest(blob.SHA256), Run: "bench", N: n}.Key()
		check(b, err)
		n++
		_, err = file.Seek(0, io.SeekStart)
		check(b, err)
		_, err = store.Put(ctx, blob.Key, file, size, storage.Attrs{Immutable: true, SHA256: storage.Digest(blob.SHA256)})
		check(b, err)
		f.blobs[blob.Key] = path
		return blob
	}
	light := filepath.Join(f.html, "light.xml")
	check(b, os.WriteFile(light, bytes.Repeat([]byte("<product/>"), 1000), 0o600))
	now := time.Now().Truncate(time.Second)
	generation := func(kind feed.Kind, key string, number int64, file publish.File) publish.Generation {
		file.Kind, file.Generation, file.Changed, file.Products = kind, number, now, 1
		return publish.Generation{Feed: publish.FeedRef{Merchant: string(m.ID), Kind: kind, Key: key}, Number: number, Time: now, Expires: now.Add(30 * 24 * time.Hour),
			Products: 1, Languages: profile.Languages, Currency: profile.Currency, Files: []publish.File{file}}
	}
	full := generation(feed.KindFull, profile.FullKey(), run.First, publish.File{Plain: keep(filepath.Join(f.html, "full.xml")), Gzip: keep(filepath.Join(f.html, "full.xml.gz"))})
	check(b, db.Commit(ctx, run, []publish.Generation{full, generation(feed.KindLight, profile.LightKey(), run.First+1, publish.File{Plain: keep(light)})}, nil))
	f.full = full.Files[0]
	f.fullTag = `"` + storage.Digest(f.full.Plain.SHA256).String() + `"`
}

func (f *fixture) address() string      { return "/o/" + f.secret + "/" + f.full.Address() }
func (f *fixture) gateway() string      { return "/o/" + f.secret + "/gateway.xml" }
func (f *fixture) otherGateway() string { return "/o/" + f.other + "/gateway.xml" }

// upload puts the files into an S3 store as well.
func (f *fixture) upload(b *testing.B, s testserver.S3) {
	b.Helper()
	bucket := s.Bucket(b)
	store, err := s3store.New(s3store.Config{Endpoint: s.Endpoint, Region: s.Region, Bucket: bucket, PathStyle: true, AccessKey: s.AccessKey, SecretKey: s.SecretKey})
	check(b, err)
	for key, path := range f.blobs {
		file, err := os.Open(path)
		check(b, err)
		info, err := file.Stat()
		check(b, err)
		sum, err := storage.ParseDigest(strings.Split(filepath.Base(key), "-")[0])
		check(b, err)
		_, err = store.Put(b.Context(), key, file, info.Size(), storage.Attrs{Immutable: true, SHA256: sum})
		check(b, errors.Join(err, file.Close()))
	}
	for name, value := range map[string]string{"access": s.AccessKey, "secret": s.SecretKey} {
		check(b, os.WriteFile(filepath.Join(f.dir, name), []byte(value), 0o600))
	}
	f.settings = []string{"--store.kind", "s3", "--store.endpoint", s.Endpoint, "--store.region", s.Region, "--store.bucket", bucket,
		"--store.access_key_file", filepath.Join(f.dir, "access"), "--store.secret_key_file", filepath.Join(f.dir, "secret")}
}

// feedmill starts the program, over S3 if an endpoint is given.
func (f *fixture) feedmill(b *testing.B, endpoint string) *server {
	b.Helper()
	s := &server{address: freeAddress(b)}
	args := []string{"serve", "--role", "edge", "--data", f.data, "--server.listen", s.address, "--server.public_url", "http://" + s.address, "--server.metrics_listen", "",
		"--limits.gateways_per_link", "1000000000", "--limits.files_per_link", "1000000000", "--limits.wholes_per_day", "1000000000", "--limits.running_per_link", "100000"}
	if endpoint != "" {
		args = append(args, f.settings...)
		args = append(args, "--cache.folder", b.TempDir())
	}
	s.start(b, f.dir, exec.Command(f.program, args...))
	return s
}

// nginx starts nginx over the same files, as Debian sets it up but for what the
// comparison needs.
func (f *fixture) nginx(b *testing.B) *server {
	b.Helper()
	s := &server{address: freeAddress(b)}
	conf := filepath.Join(f.dir, "nginx.conf")
	check(b, os.WriteFile(conf, fmt.Appendf(nil, `
user root;
worker_processes auto;
daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 10000; }
http {
	types { application/xml xml; }
	sendfile on;
	tcp_nopush on;
	gzip_static on;
	keepalive_requests 1000000000;
	access_log %[1]s/access.log;
	server { listen %[2]s; root %[3]s; }
}
`, f.dir, s.address, f.html), 0o600))
	s.start(b, f.dir, exec.Command("nginx", "-p", f.dir, "-c", conf))
	return s
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	defer l.Close()
	return l.Addr().String()
}

// start starts a program whose output goes to a file, and waits until it answers.
func (s *server) start(b *testing.B, dir string, cmd *exec.Cmd) {
	b.Helper()
	log, err := os.CreateTemp(dir, "log-")
	check(b, err)
	cmd.Stdout, cmd.Stderr = log, log
	s.cmd = cmd
	check(b, cmd.Start())
	b.Cleanup(func() { s.stop(b) })
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return
		}
		if ctx.Err() != nil {
			text, _ := os.ReadFile(log.Name())
			b.Fatalf("%s does not answer: %s", cmd.Path, text)
		}
	}
}

func (s *server) stop(b *testing.B) {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil {
		b.Logf("stop: %v", err)
	}
}
