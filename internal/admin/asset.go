package admin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/*.css assets/*.js assets/*.svg
var assetFiles embed.FS

// asset is a file that pages name, under an address that changes with it.
type asset struct {
	address, mime string
	plain, packed []byte
}

// assets are all of them, by name and by address.
type assets struct {
	byName, byAddress map[string]*asset
}

var mimes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// loadAssets reads and packs the assets.
func loadAssets() (*assets, error) {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	all := &assets{map[string]*asset{}, map[string]*asset{}}
	for _, e := range entries {
		data, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(e.Name())
		a := &asset{address: root + "/assets/" + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext, mime: mimes[ext], plain: data}
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		a.packed = packed.Bytes()
		all.byName[e.Name()], all.byAddress[a.address] = a, a
	}
	return all, nil
}

// address gives where an asset is found.
func (a *assets) address(name string) (string, error) {
	f := a.byName[name]
	if f == nil {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return f.address, nil
}

// serve answers with an asset. Its address says what is in it, so whoever has
// it need never ask again.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) bool {
	f := a.byAddress[r.URL.Path]
	if f == nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		// A browser that has gone away needs no answer.
		_, _ = w.Write(body)
	}
	return true
}

// takesGzip says whether the client names gzip and does not refuse it.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
