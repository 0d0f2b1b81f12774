package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What editors put around a secret is no part of it.
func TestSecretFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	for _, text := range []string{"s3cret", "s3cret\n", "s3cret\r\n", "\ufeffs3cret\r\n", " s3cret \n\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := secretFile("store.secret_key_file", path, ""); got != "s3cret" || err != nil {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "\ufeff\r\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := secretFile("store.secret_key_file", path, ""); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}
