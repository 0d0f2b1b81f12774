//go:build race

package block

const raced = true
