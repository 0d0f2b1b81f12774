package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"feedmill/internal/download"
	"feedmill/internal/partner"
)

// cutRounds is how many rounds of the process's own clock a download may outlive
// the return of the call that switches it off: two seconds of them.
const cutRounds = 20

// rounds is the process's own clock. A round asks the database what file servers
// ask it, ten times a second where the machine lets it: so who counts two seconds
// by rounds takes a machine that is too busy for anything into account, and a
// file server that has stopped asking finds no excuse in it.
type rounds struct {
	mu    sync.Mutex
	began []time.Time
}

func (c *rounds) run(ctx context.Context, t *testing.T, db records) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		_, err := db.AccessVersion(ctx)
		if err == nil {
			_, err = db.Accounts(ctx)
		}
		if ctx.Err() == nil {
			if err != nil {
				t.Errorf("the process's own clock: %v", err)
				return
			}
			c.mu.Lock()
			c.began = append(c.began, began)
			c.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// before gives when the round began that lies n whole rounds back, the zero time
// when there were not so many.
func (c *rounds) before(n int) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.began) <= n {
		return time.Time{}
	}
	return c.began[len(c.began)-1-n]
}

// life is a file server over the network, from its start to its end.
type life struct {
	*httptest.Server
	files *download.Server
}

// node is a file server that can be restarted as a process is: its connections
// end with it.
type node struct {
	e    *edge
	now  atomic.Pointer[life]
	calm *atomic.Bool // of its records; nil for records without hiccups
	// forgets takes from the server what it cuts downloads by.
	forgets bool
}

func (n *node) start() {
	if n.calm != nil {
		n.calm.Store(true)
		defer n.calm.Store(false)
	}
	n.e.start()
	files := n.e.now.Load()
	l := &life{files: files}
	var handler http.Handler = files
	if n.forgets {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { files.ServeHTTP(uncut{w}, r) })
	}
	l.Server = httptest.NewUnstartedServer(handler)
	if !n.forgets {
		l.Config.ConnContext = download.ConnContext
	}
	l.Start()
	if before := n.now.Swap(l); before != nil {
		before.kill()
	}
}

// kill ends a life with all that runs.
func (l *life) kill() {
	l.CloseClientConnections()
	l.Close()
}

// uncut is an answer whose deadlines have no effect.
type uncut struct{ http.ResponseWriter }

// SetWriteDeadline is for http.ResponseController.
func (uncut) SetWriteDeadline(time.Time) error { return nil }

// Flush implements http.Flusher.
func (w uncut) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// hiccups are records that answer late now and then, and sometimes not at all,
// but never twice in turn: a file server has to live with that.
type hiccups struct {
	records
	failed atomic.Bool
	calm   atomic.Bool // while a process starts: without its accounts it ends again
}

func (h *hiccups) AccessVersion(ctx context.Context) (partner.Version, error) {
	switch n := rand.IntN(10); {
	case h.calm.Load():
	case n == 0 && !h.failed.Swap(true):
		return partner.Version{}, errors.New("the connection is gone")
	case n < 4:
		pause(time.Duration(rand.IntN(150)) * time.Millisecond)
	}
	h.failed.Store(false)
	return h.records.AccessVersion(ctx)
}

// storm is what goes on at once.
type storm struct {
	readers, flips int
	// first and second say what is wrong with the nodes, nil for nothing. The
	// first is the one where switches are turned, the second is elsewhere.
	first, second func(*node)
	hears         int // of ten notifications, on the second node
	restarts      bool
}

// steady is the account whose switches nobody turns.
const steady = 0

// rage lets a storm loose and gives what was seen. Nobody else's downloads may
// end by it.
func (s storm) rage(t *testing.T, accounts int) *recorder {
	t.Helper()
	w := setup(t, databases[0].open(t), accounts, download.Options{StepTimeout: time.Hour, Grace: -1},
		[2]func() bool{func() bool { return true }, func() bool { return rand.IntN(10) < s.hears }})
	var nodes [2]*node
	for i, e := range w.edges {
		nodes[i] = &node{e: e}
		e.opt.Limits.RunningPerAddress, e.opt.Limits.Running = -1, -1
		if i == 1 {
			h := &hiccups{records: e.records.records}
			e.records, nodes[i].calm = &published{records: h, blob: e.records.blob}, &h.calm
		}
		if spoil := []func(*node){s.first, s.second}[i]; spoil != nil {
			spoil(nodes[i])
		}
		nodes[i].start()
		t.Cleanup(func() { nodes[i].now.Load().kill() })
	}
	r := &recorder{began: time.Now()}
	ctx, stop := context.WithCancel(t.Context())
	var work, clock sync.WaitGroup
	defer func() { stop(); work.Wait(); clock.Wait() }()
	var own rounds
	clock.Go(func() { own.run(ctx, t, w.handles[1]) })

	var running, broken atomic.Int64
	for i := range s.readers {
		account, at := steady, nodes[i%2]
		if i%4 >= 2 {
			account = 1 + i/4%(accounts-1)
		}
		work.Go(func() {
			slow := reader{account: w.accounts[account], at: at, running: &running}
			for ctx.Err() == nil {
				served := slow.read(ctx)
				if account == steady && i%2 == 0 && served && ctx.Err() == nil {
					broken.Add(1) // the first node is never restarted
				}
				nap(ctx, time.Second)
			}
		})
	}
	await(t, "the downloads run", func() bool { return running.Load() >= int64(s.readers) })
	t.Logf("%d downloads run", running.Load())

	for n := range accounts {
		for i, at := range nodes {
			stale, every := time.Duration(0), 20*time.Millisecond
			if i == 1 {
				stale, every = otherNode, 80*time.Millisecond
			}
			work.Go(func() {
				client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
				defer client.CloseIdleConnections()
				for nap(ctx, every) {
					r.do(input{account: n, kind: "read", node: i}, stale, func() (any, bool) {
						res, err := client.Get(at.now.Load().URL + "/o/" + w.accounts[n].secret + "/gateway.xml")
						if err != nil {
							return nil, false // it is being restarted
						}
						_, _ = io.Copy(io.Discard, res.Body)
						res.Body.Close()
						// A 503 says nothing: the records have hiccups.
						return res.StatusCode == http.StatusOK, res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNotFound
					})
				}
			})
		}
	}
	// A download that runs is an answer that says yes, as of two seconds ago.
	for i, at := range nodes {
		work.Go(func() {
			for nap(ctx, 250*time.Millisecond) {
				since, now := own.before(cutRounds), time.Now()
				if since.IsZero() {
					continue
				}
				seen := map[partner.ID]bool{}
				for _, tr := range at.now.Load().files.Running() {
					seen[tr.Partner] = true
				}
				for n, a := range w.accounts {
					if n != steady && seen[a.partner] {
						r.note(input{account: n, kind: "read", node: i}, since, now, true)
					}
				}
			}
		})
	}
	var switchers sync.WaitGroup
	for n := range accounts {
		if n == steady {
			continue
		}
		switchers.Go(func() {
			for i := range s.flips {
				kind := []string{"partner", "offer"}[rand.IntN(2)]
				nap(ctx, time.Second)
				w.change(t, r, 0, n, kind, false)
				if s.restarts && n == 1 && i%2 == 1 {
					nodes[1].start()
				}
				// Sometimes he is back before anybody elsewhere knows, sometimes not.
				from := own.count()
				for target := from + rand.IntN(2*cutRounds); own.count() < target; {
					nap(ctx, 100*time.Millisecond)
				}
				if i < s.flips-1 {
					w.change(t, r, 0, n, kind, true)
				}
			}
			// Off at the end: long enough to be seen by whoever looks.
			for from := own.count(); own.count() < from+2*cutRounds; {
				nap(ctx, 100*time.Millisecond)
			}
		})
	}
	switchers.Wait()
	stop()
	work.Wait()
	if n := broken.Load(); n > 0 {
		t.Errorf("%d downloads of a partner whose switches nobody turned have ended", n)
	}
	return r
}

// count gives the rounds that are over.
func (c *rounds) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.began)
}

// note records an observation that is as of any time between two.
func (r *recorder) note(in input, from, to time.Time, out any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{Input: in, Call: int64(from.Sub(r.began)), Output: out, Return: int64(to.Sub(r.began))})
}

// reader downloads slowly.
type reader struct {
	account *account
	at      *node
	running *atomic.Int64
}

// read asks for the large file and takes next to nothing of it until the
// download ends; served says that it had begun.
func (s *reader) read(ctx context.Context) (served bool) {
	conn, err := net.Dial("tcp", s.at.now.Load().Listener.Addr().String())
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	fmt.Fprintf(conn, "GET /o/%s/full.xml HTTP/1.1\r\nHost: x\r\n\r\n", s.account.secret)
	some := make([]byte, 512)
	if _, err := io.ReadFull(conn, some[:64]); err != nil || !bytes.HasPrefix(some, []byte("HTTP/1.1 200")) {
		return false
	}
	s.running.Add(1)
	defer s.running.Add(-1)
	for nap(ctx, 2*time.Second) {
		if _, err := conn.Read(some); err != nil {
			return true
		}
	}
	return true
}

// nap waits a moment of about d, and says whether there is anything left to wait for.
func nap(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// await waits until something is so; only a hang makes it fail.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		pause(20 * time.Millisecond)
	}
}

// TestHistoryUnderLoad turns switches while 2,000 slow downloads run on two file
// servers over the network. The second is told of half the changes, its records
// have hiccups, and it is restarted. What was answered, and which downloads ran
// when, must have one explanation.
func TestHistoryUnderLoad(t *testing.T) {
	// Not parallel: it wants all files that a process may open.
	s := storm{readers: 2000, flips: 4, hears: 5, restarts: true}
	if testing.Short() {
		s.readers, s.flips = 80, 2
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		s.readers = min(s.readers, (int(limit.Cur)-500)/3) // each is two ends and a file
	}
	if res := s.rage(t, 4).verdict(t); res != porcupine.Ok {
		t.Errorf("no order of events explains what was seen: %s", res)
	}
}

// TestPlantedFaultsAreFound has file servers do what they must not: the history
// must tell.
func TestPlantedFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		storm
	}{
		{"never asks", storm{readers: 16, flips: 1, second: func(n *node) { n.e.opt.PollEvery, n.e.opt.Lease, n.e.opt.Grace = time.Hour, time.Hour, time.Hour }}},
		{"forgets running downloads", storm{readers: 16, flips: 1, second: func(n *node) { n.forgets = true }}},
		{"forgets them where switches are turned", storm{readers: 16, flips: 1, first: func(n *node) { n.forgets = true }}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.rage(t, 2)
			if res := r.verdict(t); res != porcupine.Illegal {
				t.Errorf("the history is %s", res)
			}
			if c.name != "never asks" && !slices.ContainsFunc(r.ops, func(o porcupine.Operation) bool { return o.Output == false }) {
				t.Error("no request was refused: it is not the downloads that were found")
			}
		})
	}
}
