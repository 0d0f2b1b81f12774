//go:build !amd64 || purego

package filesum

// best gives nothing: the two digests are done apart.
func best() func(s *state, p *byte, n int) { return nil }

// bestCompany gives nothing: every file is digested alone.
func bestCompany() company { return alone }

func (company) together([]lane, int) { panic("filesum: every file is digested alone") }
