package localjob

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/internal/durable"
	"feedmill/internal/job"
)

const (
	controlFile = "control.json"
	// maxBody bounds what one process tells the other.
	maxBody = 16 << 20
)

// control is where the process that works listens, and what it wants to hear.
type control struct {
	Address string `json:"address"`
	Secret  string `json:"secret"`
}

// errNobody says that no process works on the folder.
var errNobody = &feed.Error{Kind: feed.KindUnavailable, Message: "no process works on jobs",
	Hint: "they are worked on by 'feedmill serve' with the same data folder"}

// refusal is an answer that is no success.
type refusal struct {
	Kind    feed.ErrorKind `json:"kind"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
}

// listen answers other processes until stop is called.
func (c *Client) listen() (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for commands about jobs: %w", err)
	}
	secret := rand.Text()
	path := filepath.Join(c.dir, controlFile)
	if err := writeControl(c.dir, control{l.Addr().String(), secret}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("POST /insert", handle[request, job.Inserted](c, "insert"))
	mux.Handle("POST /list", handle[job.Filter, []job.Info](c, "list"))
	mux.Handle("POST /count", handle[struct{}, []job.Count](c, "count"))
	mux.Handle("POST /get", handle[int64, job.Info](c, "get"))
	mux.Handle("POST /cancel", handle[int64, struct{}](c, "cancel"))
	mux.Handle("POST /retry", handle[int64, struct{}](c, "retry"))
	server := &http.Server{ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+secret)) != 1 {
				http.Error(w, "who is asking?", http.StatusUnauthorized)
				return
			}
			mux.ServeHTTP(w, r)
		})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return func() error {
		err := os.Remove(path)
		err = errors.Join(err, server.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}

// writeControl lets other processes of this user find the one that works.
func writeControl(dir string, ct control) (err error) {
	data, err := json.Marshal(ct)
	if err != nil {
		return err
	}
	root, err := durable.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("tell where jobs are worked on: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := durable.Replace(root, controlFile, bytes.NewReader(append(data, '\n')), 0o600); err != nil {
		return fmt.Errorf("tell where jobs are worked on: %w", err)
	}
	return nil
}

// handle answers one question.
func handle[In, Out any](c *Client, what string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		var out Out
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in)
		if err != nil {
			err = &feed.Error{Kind: feed.KindInvalid, Message: "the question cannot be read", Err: err}
		} else {
			var done bool
			// The loop of this process may not have begun, or just have ended.
			if done, err = c.answer(what, in, &out); !done {
				err = errNobody
			}
		}
		w.Header().Set("Content-Type", "application/json")
		var answer any = out
		if err != nil {
			w.WriteHeader(http.StatusConflict)
			answer = refusal{feed.KindOf(err), err.Error(), feed.HintOf(err)}
		}
		_ = json.NewEncoder(w).Encode(answer) // who asked has gone
	})
}

// askOther asks the process that works.
func askOther(ctx context.Context, path, what string, in, out any) error {
	var ct control
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return errNobody
	}
	if err == nil {
		err = json.Unmarshal(data, &ct)
	}
	if err != nil {
		return fmt.Errorf("find who works on jobs: %w", err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ct.Address+"/"+what, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+ct.Secret)
	// No proxy of the environment, and no connection that outlives the answer.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errNobody // it was killed, or ends right now
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	switch {
	case err != nil:
		return fmt.Errorf("hear from the process that works on jobs: %w", err)
	case res.StatusCode == http.StatusOK && out != nil:
		return json.Unmarshal(answer, out)
	case res.StatusCode == http.StatusOK:
		return nil
	case res.StatusCode != http.StatusConflict:
		return errNobody // somebody else listens there now
	}
	var no refusal
	if err := json.Unmarshal(answer, &no); err != nil {
		return fmt.Errorf("hear from the process that works on jobs: %w", err)
	}
	if no.Kind == feed.KindUnavailable {
		return errNobody
	}
	return &feed.Error{Kind: no.Kind, Message: no.Message, Hint: no.Hint}
}
