package hammer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"feedmill/internal/download"
)

// edge is a file server that dies and comes back under the same address.
type edge struct {
	h       *hammer
	address string

	// door is open all the time, so that nobody else takes the address.
	door *net.TCPListener

	mu     sync.Mutex
	server *http.Server
	stop   func()
	served chan struct{}
	failed error
}

// doorway is a door as one life of an edge sees it: closing it ends that life.
type doorway struct{ *net.TCPListener }

// Close implements net.Listener.
func (d doorway) Close() error { return d.SetDeadline(time.Unix(1, 0)) }

func (h *hammer) newEdge(ctx context.Context) (*edge, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	e := &edge{h: h, address: l.Addr().String(), door: l}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return e, nil
}

func (e *edge) url() string { return "http://" + e.address }

func (e *edge) start(ctx context.Context) error {
	var blobs download.Blobs = e.h.Site.Store
	if e.h.Blobs != nil {
		blobs = e.h.Blobs(blobs)
	}
	var records download.Records = e.h.Site.Records
	if e.h.Records != nil {
		records = e.h.Records(records)
	}
	// An edge that cannot ask the records may believe what it knows for a time; here
	// it may not, or a crowded machine would excuse everything.
	files := download.New(records, blobs, download.Options{PublicURL: e.url(), Now: e.h.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Grace: -1, ConfirmWait: time.Minute,
		Limits: download.Limits{GatewaysPerLink: -1, FilesPerLink: -1, WholesPerDay: -1, RunningPerLink: -1, GatewaysPerAddress: -1, FilesPerAddress: -1,
			RunningPerAddress: -1, Running: -1}})
	if err := files.Refresh(ctx); err != nil {
		return err
	}
	if err := e.door.SetDeadline(time.Time{}); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { files.Run(running) })
	server := &http.Server{Handler: files, ConnContext: download.ConnContext, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server, e.served = server, served
	e.stop = func() { stop(); group.Wait() }
	go func() {
		defer close(served)
		if err := server.Serve(doorway{e.door}); !errors.Is(err, http.ErrServerClosed) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.failed = fmt.Errorf("edge: %w", err)
		}
	}()
	return nil
}

// end ends the edge and cuts whatever it sends.
func (e *edge) end() error {
	e.mu.Lock()
	server, stop, served := e.server, e.stop, e.served
	e.server, e.stop, e.served = nil, nil, nil
	e.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close()
	<-served
	stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(err, e.failed)
}

// close ends the edge for good.
func (e *edge) close() error { return errors.Join(e.end(), e.door.Close()) }

// restart ends the edge and starts it again under its address.
func (e *edge) restart(ctx context.Context) error {
	if err := e.end(); err != nil {
		return err
	}
	return e.start(ctx)
}
