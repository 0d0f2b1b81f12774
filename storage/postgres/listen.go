package postgres

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// The notification says that there is something new, not what. It is sent from
// one place and in a transaction of its own: the server lets one notifying
// transaction commit at a time.
const (
	sqlNotify = `SELECT pg_notify('feedmill_access', $1)`
	sqlListen = `LISTEN feedmill_access`
)

// notifier passes hints between the processes that share the database.
type notifier struct {
	d    *DB
	name string        // of this process, to know its own hints by
	wake chan struct{} // holds a hint that is not sent yet
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	listen    sync.Once
	listening chan struct{} // closed when hints are first received
}

func newNotifier(d *DB) *notifier {
	n := &notifier{d: d, name: rand.Text(), wake: make(chan struct{}, 1), listening: make(chan struct{})}
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.work.Go(n.send)
	return n
}

// close sends a hint that waits: a command that ends with its change would
// never have told of it else.
func (n *notifier) close() {
	n.stop()
	n.work.Wait()
}

// hintTime bounds the sending of a hint: the others ask by themselves by then.
const hintTime = time.Second

// poke has a hint sent soon. Hints that pile up become one.
func (n *notifier) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notifier) send() {
	for ended := false; !ended; {
		select {
		case <-n.ctx.Done():
			ended = true
			select {
			case <-n.wake:
			default:
				return
			}
		case <-n.wake:
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(n.ctx), hintTime)
		// One that gets lost costs the others the time until they ask by themselves.
		_, _ = n.d.pool.Exec(ctx, sqlNotify, n.name)
		cancel()
	}
}

// receive calls the subscribers for the hints of other processes, on a
// connection of its own.
func (n *notifier) receive() {
	heard := false
	for pause := time.Second / 4; n.ctx.Err() == nil; pause = min(2*pause, 15*time.Second) {
		conn, err := pgx.ConnectConfig(n.ctx, n.config())
		if err == nil {
			if _, err = conn.Exec(n.ctx, sqlListen); err == nil {
				if heard {
					n.d.subscribers.Call() // for what was missed meanwhile
				} else {
					heard = true
					close(n.listening)
				}
				pause = time.Second / 4
			}
			for err == nil {
				note, e := conn.WaitForNotification(n.ctx)
				if err = e; err == nil && note.Payload != n.name {
					n.d.subscribers.Call()
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_ = conn.Close(ctx) // it is of no use any more
			cancel()
		}
		wait(n.ctx, pause)
	}
}

// config is for a connection that waits, and on which there is no statement
// that could be cancelled to end the waiting.
func (n *notifier) config() *pgx.ConnConfig {
	c := n.d.connConfig()
	c.BuildContextWatcherHandler = func(pc *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: pc.Conn()}
	}
	return c
}

// Subscribe has fn called after every commit that changes who may read what or
// which generation is current: before the changing method of this DB returns,
// and soon after a change by another process. A call may come without a change.
// fn must not block, nor change anything through the same DB. cancel ends it.
func (d *DB) Subscribe(fn func()) (cancel func()) {
	d.notifier.listen.Do(func() { d.notifier.work.Go(d.notifier.receive) })
	return d.subscribers.Add(fn)
}
