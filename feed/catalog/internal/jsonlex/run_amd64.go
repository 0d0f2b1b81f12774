//go:build !purego

package jsonlex

import "feedmill/feed/internal/scan"

//go:noescape
func runAVX2(b *byte, stops *uint64, p *Plan, out *Scalars, i, end int) (at int)

// wide says that runAVX2 may be called.
var wide = scan.Wide()
