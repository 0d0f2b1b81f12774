//go:build !linux

package durable

func inHugePages([]byte) {}
