package publish

import (
	"context"
	"encoding/binary"
	"fmt"

	"feedmill/feed/diff"
)

// A state keeps beside its entries what the feed's products refer to, and the
// index of the blocks of its compressed file: a uvarint of the length of the
// first, the first, the second. Nothing is kept as no bytes.

// appendedExtra gives what the plan's new state keeps.
func (p *plan) appendedExtra() []byte {
	if len(p.extra)+len(p.index) == 0 {
		return nil
	}
	b := binary.AppendUvarint(nil, uint64(len(p.extra)))
	return append(append(b, p.extra...), p.index...)
}

// stateExtra reads what a state keeps.
func stateExtra(ctx context.Context, s *diff.State) (used, index []byte, err error) {
	b, err := s.Extra(ctx)
	if err != nil || len(b) == 0 {
		return nil, nil, err
	}
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, fmt.Errorf("%w: what it keeps beside its entries is torn", diff.ErrCorrupt)
	}
	return b[k:][:n], b[k:][n:], nil
}
