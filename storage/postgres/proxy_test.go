package postgres_test

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

// fate is what becomes of one COMMIT.
type fate int

const (
	arrives  fate = iota
	answered      // the server commits, and its answer is lost
	lost          // the connection is lost before the server hears of it
	late          // the connection is lost, and the server hears of it when others wait already
)

// proxy stands between a client and the server's socket and decides about the
// next COMMIT.
type proxy struct {
	server string // the socket's path

	mu   sync.Mutex
	next fate
	met  int         // COMMITs that did not arrive as they should
	held func() bool // sends the COMMIT that is late; false when there is none
}

// behind gives the address of the same database through a proxy.
func behind(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	const socket = ".s.PGSQL.5432"
	p := &proxy{server: filepath.Join(q.Get("host"), socket)}
	dir, err := os.MkdirTemp("", "proxy") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		os.RemoveAll(dir)
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return p, u.String()
}

func (p *proxy) decide(f fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = f
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	answers := make(chan struct{}, 1) // told of an answer that goes nowhere; closed with the server's connection
	cut := make(chan struct{})        // closed when answers go nowhere any more
	go func() {
		defer close(answers)
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if n > 0 {
				select {
				case <-cut:
					select {
					case answers <- struct{}{}:
					default: // told already
					}
				default:
					if _, err := client.Write(buf[:n]); err != nil {
						return
					}
				}
			}
			if err != nil {
				client.Close()
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			server.Close()
			return
		}
		chunk := bytes.Clone(buf[:n])
		p.mu.Lock()
		f := arrives
		if bytes.Contains(chunk, []byte("COMMIT\x00")) && p.next != arrives {
			f, p.next = p.next, arrives
			p.met++
		}
		var release func() bool
		if f == arrives && bytes.Contains(chunk, []byte("BEGIN")) {
			release, p.held = p.held, nil
		}
		if f == late {
			p.held = func() bool { _, err := server.Write(chunk); return err == nil }
		}
		p.mu.Unlock()
		switch f {
		case arrives:
			if _, err := server.Write(chunk); err != nil {
				return
			}
			if release != nil {
				release()
			}
		case answered:
			close(cut)
			server.Write(chunk)
			<-answers
			server.Close()
			return
		case lost:
			server.Close()
			return
		case late:
			return // the server goes on waiting for its client
		}
	}
}

// TestUnknownCommit loses the connection at COMMIT in every way: what is
// reported is what happened, and nothing happens twice.
func TestUnknownCommit(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"answered": answered, "lost": lost, "late": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := server.Database(t)
			p, through := behind(t, address)
			db, plain := open(t, through, postgres.Options{}), open(t, address, postgres.Options{})
			ctx := t.Context()
			m, err := db.CreateMerchant(ctx, partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			plainTold := db.Subscribe(func() { told++ })
			defer plainTold()

			// Numbers may be taken twice, and are never given twice.
			p.decide(f)
			run, err := db.Begin(ctx, string(m.ID), "run-1", 1)
			if err != nil {
				t.Fatalf("begin: %v", err)
			}
			first := run.First
			// A publication is there, once.
			g := generation(m.ID, "k", first, 0)
			p.decide(f)
			if err := db.Commit(ctx, run, []publish.Generation{g}, nil); err != nil {
				t.Fatalf("commit: %v", err)
			}
			if got, _, err := plain.Current(ctx, g.Feed); err != nil || got.Number != first {
				t.Errorf("current generation %d, %v, want %d", got.Number, err, first)
			}
			if told == 0 {
				t.Error("subscribers were not told of a publication that happened")
			}
			if again := plain.Commit(ctx, run, []publish.Generation{g}, nil); !errors.Is(again, publish.ErrLost) {
				t.Errorf("the same publication again: %v, want ErrLost", again)
			}
			// A loser stays one.
			p.decide(f)
			if err := db.Commit(ctx, run, []publish.Generation{generation(m.ID, "k", first, 0)}, nil); !errors.Is(err, publish.ErrLost) {
				t.Errorf("a publication that has lost: %v", err)
			}
			p.decide(arrives)
			// A merge happens, once.
			id := partner.NewImportID()
			p.decide(f)
			if _, err := db.StageProducts(ctx, m.ID, id, dbtest.Catalog(100, 1, 2)); err != nil {
				t.Fatalf("stage: %v", err)
			}
			p.decide(f)
			plan, err := db.Merge(ctx, partner.Actor{}, m.ID, id, partner.MergeReplace, nil)
			if err != nil || plan.Added != 100 || plan.Unchanged != 0 {
				t.Errorf("merge: %+v, %v", plan, err)
			}
			if list, err := plain.Changes(ctx, m.ID, 1000); err != nil || len(list) != 100 {
				t.Errorf("%d changes are queued, %v, want 100", len(list), err)
			}
			// Where nothing says what has become of it, that is what is said.
			before, err := plain.Merchant(ctx, m.ID)
			if err != nil {
				t.Fatal(err)
			}
			p.decide(f)
			_, err = db.SetSharing(ctx, partner.Actor{}, m.ID, true, before.Version)
			if feed.KindOf(err) != feed.KindUnavailable || feed.HintOf(err) == "" {
				t.Errorf("a switch: %v with the hint %q, want that nobody knows", err, feed.HintOf(err))
			}
			p.mu.Lock()
			if p.met != 5 {
				t.Errorf("%d commits were interfered with, want 5", p.met)
			}
			if p.held != nil {
				p.held()
			}
			p.mu.Unlock()
		})
	}
}

// generation makes one with a file.
func generation(m partner.MerchantID, key string, number, base int64) publish.Generation {
	g := publish.Generation{
		Feed: publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: key}, Number: number, Base: base,
		Time: at(number), Expires: at(number + 1000), Products: 1,
	}
	g.Files = []publish.File{{Kind: feed.KindFull, Generation: number, Changed: g.Time, Products: 1,
		Plain: publish.Blob{Key: key + "/" + g.Time.Format("150405"), Size: number}}}
	return g
}
