//go:build !purego

package filesum

import (
	"sync"

	"feedmill/internal/processor"
)

//go:generate go run ./gen -out blocks_amd64.s

//go:noescape
func blocksSHANI(s *state, p *byte, n int)

// best gives the way to do both at once, nil where the processor knows none. A
// virtual machine takes long to say what its processor knows, so it is asked once.
var best = sync.OnceValue(func() func(s *state, p *byte, n int) {
	if !processor.Has(processor.SHA) {
		return nil
	}
	return blocksSHANI
})

var bestCompany = sync.OnceValue(func() company {
	switch {
	case processor.Has(processor.SHA | processor.AVX512F | processor.AVX512VL):
		return inLanes512
	case processor.Has(processor.SHA):
		return inLanes128
	}
	return alone
})
