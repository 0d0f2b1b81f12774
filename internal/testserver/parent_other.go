//go:build !linux

package testserver

import "os/exec"

// startWithParent starts cmd. exited is closed when cmd is gone.
func startWithParent(cmd *exec.Cmd, exited chan<- struct{}) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // killed, as intended
		close(exited)
	}()
	return nil
}
