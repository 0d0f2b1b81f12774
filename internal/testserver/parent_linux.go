package testserver

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startWithParent starts cmd so that it dies with this process, also when that
// ends without cleaning up (a panic, a test that ran too long). exited is
// closed when cmd is gone.
func startWithParent(cmd *exec.Cmd, exited chan<- struct{}) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The signal comes when the starting thread ends, so keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed, as intended
			close(exited)
		}
	}()
	return <-started
}
