//go:build !purego

package jsonlex

import "feedmill/feed/internal/scan"

//go:noescape
func runAVX2(b *byte, stops *uint64, p *Plan, out *Scalars, i, end int) (at int)

//go:noescape
func escapesAVX2(b *byte, stops *uint64, to *byte, i, end int) (at, n int)

// wide says that these may be called.
var wide = scan.Wide()
