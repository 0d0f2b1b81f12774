package httpd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

type requestKey struct{}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func withRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID gives the id of the request that a context belongs to, "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// LogHandler adds the id of the request to every line that is logged within
// one, whoever logs it.
func LogHandler(h slog.Handler) slog.Handler { return logHandler{h} }

type logHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

// tracked knows whether an answer has begun, and gives it its time from then on.
// It passes on ReadFrom, by which a connection recognises a file and has the
// system send it.
type tracked struct {
	http.ResponseWriter
	status int
	// limit is how long the answer may take to be sent by a handler that gives
	// its answers no time of their own; 0 is no limit.
	limit time.Duration
	own   atomic.Bool // the handler sees to deadlines
}

// begin notes that the answer begins. Its time does not run before: what is
// done for it, or a large body on a slow line, may take longer than that.
func (w *tracked) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.limit > 0 && !w.own.Load() {
		// Not all connections know deadlines.
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.limit))
	}
}

// SetWriteDeadline is for http.ResponseController.
func (w *tracked) SetWriteDeadline(t time.Time) error {
	w.own.Store(true)
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// WriteHeader implements http.ResponseWriter.
func (w *tracked) WriteHeader(status int) {
	if status >= 200 {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *tracked) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom.
func (w *tracked) ReadFrom(r io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap is for http.ResponseController.
func (w *tracked) Unwrap() http.ResponseWriter { return w.ResponseWriter }
