// Package pagetest gives tests memory behind which nothing may be read, for code
// that looks at more bytes at once than there are.
package pagetest
