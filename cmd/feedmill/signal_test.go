package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A server whose terminal is closed ends in good order; one that was started to
// outlive it goes on.
func TestClosedTerminal(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	serve := func(name string, args ...string) (*exec.Cmd, string) {
		t.Helper()
		out, err := os.Create(filepath.Join(d.dir, name))
		d.must(err)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env, cmd.Stdout, cmd.Stderr = d.env, out, out
		d.must(cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may be gone
			_ = cmd.Wait()
			out.Close()
		})
		return cmd, d.first(d.waitFile(out.Name(), `serving offers on http\S+\n`), `serving offers on (http\S+)`)
	}
	cmd, _ := serve("plain", d.program, "serve")
	d.must(cmd.Process.Signal(syscall.SIGHUP))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after a hangup: %v, want a good end", err)
	}
	cmd, base := serve("nohup", "sh", "-c", `trap "" HUP; exec "$0" serve`, d.program)
	d.must(cmd.Process.Signal(syscall.SIGHUP))
	if status, _ := d.ask(http.DefaultClient, http.MethodGet, base+"/healthz", ""); status != http.StatusOK {
		t.Errorf("after a hangup that is ignored: status %d", status)
	}
	d.must(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after a hangup that was ignored: %v", err)
	}
}
