//go:build !amd64 || purego

package jsonlex

const wide = false

func runAVX2(_ *byte, _ *uint64, _ *Plan, _ *Scalars, i, _ int) (at int) { return i }

func escapesAVX2(_ *byte, _ *uint64, _ *byte, i, _ int) (at, n int) { return i, 0 }
