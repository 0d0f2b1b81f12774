package httpd

import (
	"context"
	"net/http"
	"time"
)

// halfClosedTimeout is how long a request is worked on whose client sends no
// more: as long as a client may take for a step of an answer.
const halfClosedTimeout = writeStepTimeout

// patient lets requests be answered whose client has closed its side of the
// connection after sending them. TCP allows that, and simple programs do it, but
// net/http takes it for a client that has gone and cancels the request. One that
// has really gone shows only when it is written to, so work for it ends a little
// later, or with the server.
//
// A stream of events has no end that could be waited for, and each page of the
// panel that somebody leaves closes one: those end at once, as so many may be
// open and no more.
func (s *Server) patient(next http.Handler) http.Handler {
	if next == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == "text/event-stream" { // as all browsers ask for one
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		defer cancel()
		defer context.AfterFunc(s.alive, cancel)()
		defer context.AfterFunc(r.Context(), func() {
			late := time.AfterFunc(halfClosedTimeout, cancel)
			context.AfterFunc(ctx, func() { late.Stop() })
		})()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
