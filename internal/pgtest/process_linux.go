package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"feedmill/internal/syncbuf"
)

// identity is the user that the server runs as; nil means the one that tests run as.
type identity struct{ credential *syscall.Credential }

// serverUser finds the user postgres where tests run as root.
func serverUser() (identity, error) {
	if os.Getuid() != 0 {
		return identity{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return identity{}, fmt.Errorf("root cannot run PostgreSQL, and there is no user postgres to run it (the Debian package postgresql-15 makes one): %w", err)
	}
	ids := make([]uint32, 2)
	for i, text := range []string{u.Uid, u.Gid} {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return identity{}, fmt.Errorf("user postgres: %w", err)
		}
		ids[i] = uint32(n)
	}
	return identity{&syscall.Credential{Uid: ids[0], Gid: ids[1]}}, nil
}

// own hands a folder over and lets tests reach the socket in it.
func (id identity) own(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if id.credential == nil {
		return nil
	}
	for parent := filepath.Dir(dir); parent != "/"; parent = filepath.Dir(parent) {
		if st, err := os.Stat(parent); err == nil && st.Mode().Perm()&1 == 0 {
			return fmt.Errorf("the user postgres cannot enter %s: set TMPDIR to a folder that everybody can", parent)
		}
	}
	return os.Chown(dir, int(id.credential.Uid), int(id.credential.Gid))
}

// run makes a command run as the server's user, and end with this process: the
// signal is one that the server takes as an order to stop at once.
func (id identity) run(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: id.credential, Pdeathsig: syscall.SIGQUIT}
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it is gone
	output syncbuf.Buffer
}

func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	started := make(chan error)
	go func() {
		// The signal comes when the starting thread ends, so keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // stopped by a signal, as intended
			close(p.exited)
		}
	}()
	return p, <-started
}

// stop ends the server, and its connections with it.
func (p *process) stop() error { return p.end(syscall.SIGINT) }

// crash ends it at once, with everything half done.
func (p *process) crash() error { return p.end(syscall.SIGQUIT) }

func (p *process) end(by syscall.Signal) error {
	if err := p.cmd.Process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// alive says whether a process exists; what cannot be told does.
func alive(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid))
	return !errors.Is(err, fs.ErrNotExist)
}
