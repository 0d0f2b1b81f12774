//go:build !linux

package pgtest

import (
	"os"
	"os/exec"

	"feedmill/internal/syncbuf"
)

// identity is the user that the server runs as: the one that tests run as.
type identity struct{}

func serverUser() (identity, error) { return identity{}, nil }

func (identity) own(dir string) error { return os.Chmod(dir, 0o755) }

func (identity) run(*exec.Cmd) {}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it is gone
	output syncbuf.Buffer
}

func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // stopped by a signal, as intended
		close(p.exited)
	}()
	return p, nil
}

// stop ends the server, and its connections with it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// crash ends it at once, with everything half done.
func (p *process) crash() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// alive says whether a process exists; what cannot be told does.
func alive(int) bool { return true }
