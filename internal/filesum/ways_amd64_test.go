//go:build !purego

package filesum

import "feedmill/internal/processor"

// ways gives every way that this processor knows.
func ways() map[string]func(s *state, p *byte, n int) {
	w := map[string]func(s *state, p *byte, n int){"apart": nil}
	if best() != nil {
		w["at once"] = best()
	}
	return w
}

// companies gives every way to digest several files at once that this processor
// knows, and that of groups that have none.
func companies() map[string]company {
	w := map[string]company{"alone": alone}
	if processor.Has(processor.SHA) {
		w["AVX"] = inLanes128
	}
	if processor.Has(processor.SHA | processor.AVX512F | processor.AVX512VL) {
		w["AVX-512"] = inLanes512
	}
	return w
}
