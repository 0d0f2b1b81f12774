package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/internal/partner"
)

// A link that a test has left in a compressed log is found, and told of without
// being told.
func TestPlantedLeakIsFound(t *testing.T) {
	t.Parallel()
	_, secret := partner.NewLink("m-aaaaaaaaaaaaaaaa", "o-aaaaaaaaaaaaaaaa", "planted", time.Now(), time.Time{})
	clean, dirty := t.TempDir(), t.TempDir()
	for _, dir := range []string{clean, dirty} {
		if err := os.WriteFile(filepath.Join(dir, "log"), []byte("link="+string(secret.Link())+" status=200\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte("Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+secret.Reveal())))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dirty, "old.gz"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{clean}, 0}, {[]string{dirty}, 1}, {[]string{clean, dirty}, 1}, {[]string{"-canary", "status=200", clean}, 1},
		{[]string{"-canary", "short", clean}, 2}, {nil, 2}, {[]string{filepath.Join(clean, "none")}, 3},
	} {
		var out, errs bytes.Buffer
		if got := run(c.args, &out, &errs); got != c.want {
			t.Errorf("%q: status %d, want %d\n%s%s", c.args, got, c.want, &out, &errs)
		}
		if strings.Contains(out.String()+errs.String(), secret.Reveal()) {
			t.Error("it tells the secret")
		}
	}
}
