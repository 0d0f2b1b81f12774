//go:build !amd64 || purego

package processor

// Has says no: there is no assembly to use anything with.
func Has(Features) bool { return false }
