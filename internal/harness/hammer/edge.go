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

	mu     sync.Mutex
	server *http.Server
	stop   func()
	served chan struct{}
	failed error
	// born counts restarts: what an edge says may not go back while it lives.
	born int
}

func (h *hammer) newEdge(ctx context.Context) (*edge, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &edge{h: h, address: l.Addr().String()}
	return e, e.start(ctx, l)
}

func (e *edge) url() string { return "http://" + e.address }

func (e *edge) start(ctx context.Context, l net.Listener) error {
	var blobs download.Blobs = e.h.Site.Store
	if e.h.Blobs != nil {
		blobs = e.h.Blobs(blobs)
	}
	var records download.Records = e.h.Site.Records
	if e.h.Records != nil {
		records = e.h.Records(records)
	}
	files := download.New(records, blobs, download.Options{PublicURL: e.url(), Now: e.h.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Limits: download.Limits{GatewaysPerLink: -1, FilesPerLink: -1, WholesPerDay: -1, RunningPerLink: -1, GatewaysPerAddress: -1, FilesPerAddress: -1,
			RunningPerAddress: -1, Running: -1}})
	if err := files.Refresh(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { files.Run(running) })
	server := &http.Server{Handler: files, ConnContext: download.ConnContext, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.born++
	e.server, e.served = server, served
	e.stop = func() { stop(); group.Wait() }
	go func() {
		defer close(served)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.failed = fmt.Errorf("edge: %w", err)
		}
	}()
	return nil
}

// close ends the edge and cuts whatever it sends.
func (e *edge) close() error {
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

// restart ends the edge and starts it again under its address.
func (e *edge) restart(ctx context.Context) error {
	if err := e.close(); err != nil {
		return err
	}
	var l net.Listener
	var err error
	for range 50 { // whoever has the port now is about to give it back
		if l, err = net.Listen("tcp", e.address); err == nil {
			return e.start(ctx, l)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (e *edge) life() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.born
}
