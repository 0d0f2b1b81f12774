package publish

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"feedmill/feed"
)

// Manifest describes an offer for modern integrators: what the gateway names,
// with what IOF has no place for. It lies beside the gateway as manifest.json.
type Manifest struct {
	// Format is "feedmill-manifest/1".
	Format string `json:"format"`
	// Sequence is the number of the newest generation in the offer; it grows
	// whenever anything in the offer changes.
	Sequence int64 `json:"sequence"`
	// Epoch is the incarnation of the chain of change files.
	Epoch     int64           `json:"epoch"`
	Generated time.Time       `json:"generated"`
	Expires   time.Time       `json:"expires"`
	Languages []feed.Language `json:"languages"`
	Currency  feed.Currency   `json:"currency"`
	Products  int64           `json:"products"`
	// FullRetentionSeconds and LightRetentionSeconds say how long a file is
	// still answered after a newer one has replaced it.
	FullRetentionSeconds  int64          `json:"full_retention_seconds"`
	LightRetentionSeconds int64          `json:"light_retention_seconds"`
	Files                 []ManifestFile `json:"files"`
}

// ManifestFile is one file of a [Manifest].
type ManifestFile struct {
	Kind feed.Kind `json:"kind"`
	// URL is where it is, relative to the manifest unless absolute.
	URL        string    `json:"url"`
	Size       int64     `json:"size"`
	MD5        MD5       `json:"md5"`
	SHA256     SHA256    `json:"sha256"`
	Label      string    `json:"label,omitempty"`
	Changed    time.Time `json:"changed"`
	Generation int64     `json:"generation"`
	Products   int64     `json:"products"`
	// Base and Target are the generations a change file leads from and to.
	Base   int64 `json:"base,omitempty"`
	Target int64 `json:"target,omitempty"`
	// GzipSize and GzipSHA256 are of the compressed form.
	GzipSize   int64   `json:"gzip_size,omitempty"`
	GzipSHA256 *SHA256 `json:"gzip_sha256,omitempty"`
}

// How long a replaced file is still served.
const (
	FullRetention  = 72 * time.Hour
	LightRetention = 2 * time.Hour
)

// Address gives the path of a file below its offer: "12/full.xml".
func (f *File) Address() string {
	return strconv.FormatInt(f.Generation, 10) + "/" + f.Kind.FileName(f.Label)
}

// NewManifest describes the offer that a full and a light generation make;
// url completes an address.
func NewManifest(full, light *Generation, url func(*File) string) *Manifest {
	m := &Manifest{
		Format: "feedmill-manifest/1", Sequence: max(full.Number, light.Number), Epoch: full.Epoch,
		Generated: later(full.Time, light.Time), Expires: OfferExpires(full, light),
		Languages: full.Languages, Currency: light.Currency, Products: full.Products,
		FullRetentionSeconds: int64(FullRetention / time.Second), LightRetentionSeconds: int64(LightRetention / time.Second),
	}
	for _, g := range []*Generation{full, light} {
		for i := range g.Files {
			f := &g.Files[i]
			mf := ManifestFile{Kind: f.Kind, URL: url(f), Size: f.Plain.Size, MD5: f.Plain.MD5, SHA256: f.Plain.SHA256,
				Label: f.Label, Changed: f.Changed, Generation: f.Generation, Products: f.Products, Base: f.Base, Target: f.Target}
			if !f.Gzip.IsZero() {
				mf.GzipSize, mf.GzipSHA256 = f.Gzip.Size, &f.Gzip.SHA256
			}
			m.Files = append(m.Files, mf)
		}
	}
	slices.SortStableFunc(m.Files, func(a, b ManifestFile) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Generation, a.Generation))
	})
	return m
}

// OfferExpires gives until when an offer of two generations is valid.
func OfferExpires(full, light *Generation) time.Time {
	if light.Expires.Before(full.Expires) {
		return light.Expires
	}
	return full.Expires
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
