package history

import (
	"cmp"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"feedmill/internal/download"
	"feedmill/internal/partner"
)

// input is an operation on one account: a request to a node, or a change, which
// all nodes must come to see.
type input struct {
	account int
	kind    string // "read", "partner", "offer", "revoke"
	on      bool
	node    int // of a request
}

// state is where an account's switches stand.
type state struct{ partnerOff, offerOff, revoked bool }

// model is an account as a node must see it. What two nodes see while a change is
// being made is promised of neither: the second may have heard of it when the first
// has not, so each has a history of its own.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		type view struct{ account, node int }
		by, changes := map[view][]porcupine.Operation{}, map[int][]porcupine.Operation{}
		for _, o := range history {
			if in := o.Input.(input); in.kind == "read" {
				by[view{in.account, in.node}] = append(by[view{in.account, in.node}], o)
			} else {
				changes[in.account] = append(changes[in.account], o)
			}
		}
		var all [][]porcupine.Operation
		for v, h := range by {
			all = append(all, append(h, changes[v.account]...))
		}
		return all
	},
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) {
		st, i := s.(state), in.(input)
		switch i.kind {
		case "partner":
			st.partnerOff = !i.on
		case "offer":
			st.offerOff = !i.on
		case "revoke":
			st.revoked = true
		case "read":
			return out.(bool) == (!st.partnerOff && !st.offerOff && !st.revoked), st
		}
		return true, st
	},
}

// recorder collects operations.
type recorder struct {
	began time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// do records an operation that starts now. A request may have been decided by
// what held up to stale before it: its start is moved by so much.
func (r *recorder) do(in input, stale time.Duration, op func() (out any, ok bool)) {
	call := time.Since(r.began)
	out, ok := op()
	end := time.Since(r.began)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{Input: in, Call: int64(call - stale), Output: out, Return: int64(end)})
}

func (r *recorder) verdict(t *testing.T) porcupine.CheckResult {
	t.Helper()
	// On a busy machine the search takes long; only one that hangs is given up.
	res := porcupine.CheckOperationsTimeout(model, telling(r.ops), 3*time.Minute)
	on, off := 0, 0
	for _, o := range r.ops {
		if o.Output == true {
			on++
		} else if o.Output == false {
			off++
		}
	}
	t.Logf("%d operations (%d requests answered, %d refused): %s", len(r.ops), on, off, res)
	return res
}

// explain tells what was seen of the accounts that no order explains, so that one
// can see where.
func (r *recorder) explain(t *testing.T) {
	t.Helper()
	for _, ops := range model.Partition(telling(r.ops)) {
		if porcupine.CheckOperationsTimeout(model, ops, 3*time.Minute) == porcupine.Ok {
			continue
		}
		slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		for _, o := range ops {
			t.Logf("%10v to %10v: %+v gives %v", time.Duration(o.Call).Round(time.Microsecond), time.Duration(o.Return).Round(time.Microsecond), o.Input, o.Output)
		}
	}
}

// telling leaves out observations that say nothing that another does not say more
// exactly: where one lies within another and both saw the same, whatever explains
// the narrower explains the wider, at the same moment.
func telling(ops []porcupine.Operation) []porcupine.Operation {
	type seen struct{ in, out any }
	bySight := map[seen][]porcupine.Operation{}
	var all []porcupine.Operation
	for _, o := range ops {
		if o.Input.(input).kind != "read" {
			all = append(all, o)
			continue
		}
		bySight[seen{o.Input, o.Output}] = append(bySight[seen{o.Input, o.Output}], o)
	}
	for _, same := range bySight {
		// The latest to begin first; of those that begin together the shortest.
		slices.SortFunc(same, func(a, b porcupine.Operation) int {
			return cmp.Or(cmp.Compare(b.Call, a.Call), cmp.Compare(a.Return, b.Return))
		})
		first := int64(math.MaxInt64) // end of those that begin later or together
		for _, o := range same {
			if o.Return < first {
				all = append(all, o)
				first = o.Return
			}
		}
	}
	return all
}

// TestTelling holds what is left out against the whole, for random histories.
func TestTelling(t *testing.T) {
	t.Parallel()
	verdicts := map[porcupine.CheckResult]int{}
	for seed := range 2000 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var ops []porcupine.Operation
		for range 4 + r.IntN(8) {
			from := r.Int64N(30)
			o := porcupine.Operation{Input: input{kind: "read", node: r.IntN(2)}, Call: from, Output: r.IntN(2) == 0, Return: from + 1 + r.Int64N(12)}
			if r.IntN(3) == 0 {
				o.Input, o.Output = input{kind: "partner", on: r.IntN(2) == 0}, nil
			}
			ops = append(ops, o)
		}
		want := porcupine.CheckOperationsTimeout(model, ops, time.Minute)
		if got := porcupine.CheckOperationsTimeout(model, telling(ops), time.Minute); got != want {
			t.Fatalf("seed %d: what is left is %s, the whole is %s: %+v", seed, got, want, ops)
		}
		verdicts[want]++
	}
	if verdicts[porcupine.Ok] < 100 || verdicts[porcupine.Illegal] < 100 {
		t.Errorf("the histories are %v", verdicts)
	}
}

// change turns a switch by a handle; a change whose version is old has no effect.
func (w *world) change(t *testing.T, r *recorder, handle, n int, kind string, on bool) {
	a, db := w.accounts[n], w.handles[handle]
	r.do(input{account: n, kind: kind, on: on}, 0, func() (any, bool) {
		var err error
		switch kind {
		case "partner":
			var p partner.Partner
			if p, err = db.SetPartnerFeed(t.Context(), actor, a.merchant, a.partner, on, a.pv); err == nil {
				a.pv = p.Version
			}
		case "offer":
			var o partner.Offer
			if o, err = db.SetOfferFeed(t.Context(), actor, a.merchant, a.offer, on, a.ov); err == nil {
				a.ov = o.Version
			}
		case "revoke":
			err = db.RevokeLink(t.Context(), actor, a.merchant, a.link)
		}
		if err != nil {
			t.Errorf("%s %v: %v", kind, on, err)
		}
		return nil, err == nil
	})
}

// pause waits a moment, in the rhythm of a test that lives in real time.
func pause(d time.Duration) { <-time.After(d) }

// otherNode is the age that what another node decides by may have.
const otherNode = time.Second

// TestHistories turns switches while requests come to two nodes. On the node
// where they are turned nothing old is ever seen once the call has returned; on
// the other nothing older than a second. Meanwhile the other node's
// notifications are lost, wholly or in part, and it is restarted.
func TestHistories(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		for _, c := range []struct {
			name string
			// hears says how many of ten notifications reach the other node.
			hears    int
			restarts bool
			// both has switches turned on both nodes.
			both bool
		}{{"notified", 10, false, false}, {"some lost", 5, false, false}, {"all lost, restarted", 0, true, false}, {"turned on both", 10, false, true}} {
			if db.name == "postgres" && testing.Short() || testing.Short() && c.restarts {
				continue
			}
			t.Run(db.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				// Without grace a node that has not heard from its database in time, as on
				// a machine that is busy, says so instead of deciding by what it knew.
				w := setup(t, db.open(t), 3, download.Options{Grace: -1}, [2]func() bool{
					func() bool { return true }, func() bool { return rand.IntN(10) < c.hears },
				})
				r := &recorder{began: time.Now()}
				done := make(chan struct{})
				var work sync.WaitGroup
				for node, e := range w.edges {
					// The wider the intervals, the harder it is to find an order.
					stale, every := time.Duration(0), 15*time.Millisecond
					if node == 1 || c.both {
						stale, every = otherNode, 60*time.Millisecond
					}
					for n, a := range w.accounts {
						work.Go(func() {
							tick := time.NewTicker(every)
							defer tick.Stop()
							for {
								select {
								case <-done:
									return
								case <-tick.C:
								}
								r.do(input{account: n, kind: "read", node: node}, stale, func() (any, bool) {
									status := e.status(a.secret)
									if status != 200 && status != 404 && status != 503 {
										t.Errorf("node %d answers %d", node, status)
									}
									return status == 200, status == 200 || status == 404
								})
							}
						})
					}
				}
				var switchers sync.WaitGroup
				for n := range w.accounts {
					switchers.Go(func() {
						on := map[string]bool{"partner": true, "offer": true}
						for i := range 10 {
							pause(time.Duration(rand.IntN(500)) * time.Millisecond)
							kind := []string{"partner", "offer"}[rand.IntN(2)]
							on[kind] = !on[kind]
							handle := 0
							if c.both {
								handle = rand.IntN(2)
							}
							w.change(t, r, handle, n, kind, on[kind])
							if c.restarts && n == 0 && i%3 == 2 {
								w.edges[1].start()
							}
						}
						if n == 0 {
							w.change(t, r, 0, n, "revoke", false)
						}
					})
				}
				switchers.Wait()
				pause(1500 * time.Millisecond) // the last changes arrive everywhere
				close(done)
				work.Wait()
				if res := r.verdict(t); res != porcupine.Ok {
					t.Errorf("no order of events explains what was seen: %s", res)
					r.explain(t)
				}
			})
		}
	}
}

// TestBlindNode has one node live by an old copy: the check must find it.
func TestBlindNode(t *testing.T) {
	t.Parallel()
	w := setup(t, databases[0].open(t), 1, download.Options{PollEvery: time.Hour, Lease: time.Hour}, [2]func() bool{func() bool { return true }, nil})
	r := &recorder{began: time.Now()}
	read := func(node int, stale time.Duration) {
		r.do(input{kind: "read", node: node}, stale, func() (any, bool) { return w.edges[node].status(w.accounts[0].secret) == 200, true })
	}
	read(0, 0)
	read(1, otherNode)
	w.change(t, r, 0, 0, "partner", false)
	read(0, 0)
	if res := r.verdict(t); res != porcupine.Ok {
		t.Fatalf("before anything is wrong: %s", res)
	}
	read(1, 0) // without the second that it is allowed
	if res := r.verdict(t); res != porcupine.Illegal {
		t.Errorf("a node that sees what was: %s", res)
	}
}

// TestManyDownloads switches a partner off while thousands download from both
// nodes and hardly read: his downloads end, everywhere, nobody else's do, and
// requests are refused and answered as if there were no downloads.
func TestManyDownloads(t *testing.T) {
	// Not parallel: it wants all files that a process may open.
	n := 2000
	if testing.Short() {
		n = 100
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		n = min(n, (int(limit.Cur)-500)/3) // each is two ends and a file
	}
	w := setup(t, databases[0].open(t), 2, download.Options{StepTimeout: time.Hour}, [2]func() bool{func() bool { return true }, nil})
	w.listen(t)
	before := memory()
	var mu sync.Mutex
	var conns [2][]net.Conn // by account
	var work sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range n {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			conn, err := w.reader(i/2%2, w.accounts[i%2])
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			conns[i%2] = append(conns[i%2], conn)
		})
	}
	work.Wait()
	defer func() {
		for _, c := range slices.Concat(conns[0], conns[1]) {
			c.Close()
		}
	}()
	t.Logf("%d downloads run; the process holds %d MB more, both ends included", n, (memory()-before)>>20)
	if per := (memory() - before) / int64(max(n, 1)); n > 1000 && per > 300<<10 {
		t.Errorf("a download takes %d KB", per>>10)
	}
	r := &recorder{began: time.Now()}
	w.change(t, r, 0, 0, "partner", false)
	returned := time.Now()
	if got := w.edges[0].status(w.accounts[0].secret); got != 404 {
		t.Errorf("on the node where he was switched off: %d", got)
	}
	// Who reads on before the other node knows is served; so nobody does.
	his := func() (n int) {
		for _, e := range w.edges {
			for _, tr := range e.now.Load().Running() {
				if tr.Partner == w.accounts[0].partner {
					n++
				}
			}
		}
		return n
	}
	for his() > 0 {
		if time.Since(returned) > 30*time.Second {
			t.Fatalf("%d downloads of his run half a minute later", his())
		}
		pause(10 * time.Millisecond)
	}
	t.Logf("his downloads had ended %v after the switch was turned", time.Since(returned).Round(time.Millisecond))
	for _, c := range conns[0] {
		work.Go(func() {
			got, err := io.Copy(io.Discard, c)
			if err == nil || errors.Is(err, syscall.ETIMEDOUT) || got >= fileSize {
				t.Errorf("a download of his: %d bytes, %v", got, err)
			}
		})
	}
	work.Wait()
	for node, e := range w.edges {
		if got := e.status(w.accounts[0].secret); got != 404 {
			t.Errorf("node %d: his request gives %d", node, got)
		}
		if got := e.status(w.accounts[1].secret); got != 200 {
			t.Errorf("node %d: another's request gives %d", node, got)
		}
	}
	// The others go on.
	for _, c := range conns[1][:min(5, len(conns[1]))] {
		work.Go(func() {
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			// More than what lay in buffers.
			if got, err := io.CopyN(io.Discard, c, fileSize/2); err != nil {
				t.Errorf("another's download: %d bytes, %v", got, err)
			}
		})
	}
	work.Wait()
	if running := len(w.edges[0].now.Load().Running()) + len(w.edges[1].now.Load().Running()); running != n/2 {
		t.Errorf("%d downloads run, want those of the other partner", running)
	}
}

// memory gives what this process has in use, in bytes.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
