package consumer

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/patch"
)

// listed is one file of an offer as gateway and manifest list it.
type listed struct {
	kind feed.Kind
	name string
	url  *url.URL
	// md5 and sha are hex digits, "" when not given.
	md5, sha string
	// size and products are -1 when not given.
	size, products int64
	// gzip says that a compressed form is to be had.
	gzip bool
	// stamp is the time of a change file, else when the file changed, normalised.
	stamp string
	// With a manifest:
	generation, base, target int64
}

// offer is an offer as its gateway and, if there is one, its manifest tell it.
type offer struct {
	// sequence, epoch and until are those of the manifest.
	sequence, epoch int64
	until           time.Time
	manifest        bool
	// generated and expires are the gateway's, normalised.
	generated, expires string

	full, light  *listed
	changes      []listed // ascending
	dictionaries []listed
}

const manifestName = "manifest.json"

// manifest is feedmill's manifest.json, as far as it is needed here.
type manifest struct {
	Format   string    `json:"format"`
	Sequence int64     `json:"sequence"`
	Epoch    int64     `json:"epoch"`
	Expires  time.Time `json:"expires"`
	Files    []struct {
		Kind       string `json:"kind"`
		URL        string `json:"url"`
		Size       int64  `json:"size"`
		MD5        string `json:"md5"`
		SHA256     string `json:"sha256"`
		Label      string `json:"label"`
		Generation int64  `json:"generation"`
		Products   int64  `json:"products"`
		Base       int64  `json:"base"`
		Target     int64  `json:"target"`
		GzipSize   int64  `json:"gzip_size"`
	} `json:"files"`
}

// manifestFormat is what a manifest of the first version calls itself.
const manifestFormat = "feedmill-manifest/1"

// newOffer puts an offer together. m is nil without a manifest.
func newOffer(base *url.URL, g *gateway, m *manifest, unhashed bool) (*offer, error) {
	o := &offer{generated: patch.NormalStamp(g.generated), expires: patch.NormalStamp(g.expires)}
	for _, p := range g.pointers {
		// A gateway names categories and sizes also where there are none (IOF 2).
		if p.url == "" && p.hash == "" && slices.Contains(feed.DictionaryKinds(), p.kind) {
			continue
		}
		f := listed{kind: p.kind, md5: strings.ToLower(p.hash), size: -1, products: -1, stamp: patch.NormalStamp(p.changed)}
		if p.kind == feed.KindFullChange {
			f.stamp = cmp.Or(stampIn(p.url), f.stamp)
			if f.stamp == "" {
				return nil, fault(FaultGateway, gatewayName, "a change file has no time, neither in its address nor beside it")
			}
		}
		f.name = nameOf(p.kind, f.stamp)
		if f.md5 != "" && !isHex(f.md5, 16) {
			if !unhashed {
				return nil, fault(FaultGateway, gatewayName, "the hash of %s is no MD5", f.name)
			}
			f.md5 = ""
		}
		if f.md5 == "" && p.kind != feed.KindLight && !unhashed {
			return nil, fault(FaultGateway, gatewayName, "%s has no hash", f.name)
		}
		u, err := url.Parse(p.url)
		if err != nil || p.url == "" {
			return nil, fault(FaultGateway, gatewayName, "the address of %s cannot be read", f.name)
		}
		f.url = base.ResolveReference(u)
		if err := o.add(f, FaultGateway, gatewayName); err != nil {
			return nil, err
		}
	}
	if m != nil {
		if err := o.amend(m); err != nil {
			return nil, err
		}
	}
	if o.full == nil || o.light == nil {
		return nil, fault(FaultGateway, gatewayName, "it does not name a full and a light file")
	}
	slices.SortStableFunc(o.changes, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.stamp, b.stamp))
	})
	return o, nil
}

// nameOf gives the name that a file has in the folder and in messages.
func nameOf(k feed.Kind, stamp string) string {
	return k.FileName(strings.NewReplacer(" ", "T", ":", "-").Replace(stamp))
}

func isHex(s string, bytes int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 2*bytes
}

// add takes a file in. A file listed twice is one; two that cannot both be
// right are a fault.
func (o *offer) add(f listed, wrong Fault, where string) error {
	twice := func(before *listed) error {
		if before.md5 == f.md5 {
			return nil
		}
		return fault(wrong, where, "it lists %s twice, with different hashes", f.name)
	}
	switch f.kind {
	case feed.KindFull:
		if o.full != nil {
			return twice(o.full)
		}
		o.full = &f
	case feed.KindLight:
		if o.light != nil {
			return twice(o.light)
		}
		o.light = &f
	case feed.KindFullChange:
		for i := range o.changes {
			if o.changes[i].stamp == f.stamp {
				return twice(&o.changes[i])
			}
		}
		o.changes = append(o.changes, f)
	case feed.KindFullCSV, feed.KindLightCSV:
	default:
		for i := range o.dictionaries {
			if o.dictionaries[i].kind == f.kind {
				return twice(&o.dictionaries[i])
			}
		}
		o.dictionaries = append(o.dictionaries, f)
	}
	return nil
}

// find gives the file that a manifest's entry is about.
func (o *offer) find(kind feed.Kind, stamp string) *listed {
	switch kind {
	case feed.KindFull:
		return o.full
	case feed.KindLight:
		return o.light
	case feed.KindFullChange:
		for i := range o.changes {
			if o.changes[i].stamp == stamp {
				return &o.changes[i]
			}
		}
	default:
		for i := range o.dictionaries {
			if o.dictionaries[i].kind == kind {
				return &o.dictionaries[i]
			}
		}
	}
	return nil
}

// amend adds what the manifest knows. The two documents are read one after the
// other: when they do not say the same of a file, the supplier has published
// in between and both are read again.
func (o *offer) amend(m *manifest) error {
	torn := func(name string) error {
		return fault(FaultManifest, manifestName, "it does not list the %s that the gateway lists", name).temporary()
	}
	told := map[*listed]bool{}
	for _, mf := range m.Files {
		var kind feed.Kind
		if kind.UnmarshalText([]byte(mf.Kind)) != nil || kind == feed.KindFullCSV || kind == feed.KindLightCSV || kind == feed.KindGateway {
			continue
		}
		stamp := patch.NormalStamp(mf.Label)
		f := o.find(kind, stamp)
		name := nameOf(kind, stamp)
		switch {
		case f == nil:
			return torn(name)
		case !isHex(mf.MD5, 16) || !isHex(mf.SHA256, 32) || mf.Size < 0 || mf.Products < 0 || mf.Generation <= 0 || mf.Base < 0,
			kind == feed.KindFullChange && (mf.Target <= mf.Base || mf.Target != mf.Generation):
			return fault(FaultManifest, manifestName, "what it says of %s cannot be", name)
		case f.md5 != "" && f.md5 != strings.ToLower(mf.MD5):
			return torn(name)
		case told[f] && f.sha != strings.ToLower(mf.SHA256):
			return fault(FaultManifest, manifestName, "it lists %s twice, with different hashes", name)
		}
		told[f] = true
		f.md5, f.sha, f.size, f.products = strings.ToLower(mf.MD5), strings.ToLower(mf.SHA256), mf.Size, mf.Products
		f.gzip, f.generation, f.base, f.target = mf.GzipSize > 0, mf.Generation, mf.Base, mf.Target
	}
	for _, f := range append(append([]*listed{o.full, o.light}, pointers(o.changes)...), pointers(o.dictionaries)...) {
		if f != nil && !told[f] {
			return torn(f.name)
		}
	}
	o.manifest, o.sequence, o.epoch, o.until = true, m.Sequence, m.Epoch, m.Expires
	return nil
}

func pointers(list []listed) (out []*listed) {
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// readManifest reads a manifest; nil when it is of a version nobody knows here.
func readManifest(data []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &Error{Fault: FaultManifest, File: manifestName, Message: "it cannot be read", Err: err}
	}
	if m.Format != manifestFormat {
		return nil, nil
	}
	return &m, nil
}

// clockError is how far two local times without a zone may be out of order: an
// hour is repeated in autumn.
const clockError = time.Hour

// zones is how far a time without a zone may be away from UTC.
const zones = 14 * time.Hour

// check refuses an offer that has expired or is older than the copy.
func (o *offer) check(s *State, opt *Options) error {
	now := opt.Now()
	if !opt.AllowExpired {
		switch expires, err := feed.ParseTime(o.expires); {
		case o.manifest && !o.until.IsZero():
			if now.After(o.until) {
				return fault(FaultExpired, gatewayName, "the offer was valid until %s", o.until.UTC().Format(time.RFC3339))
			}
		case err == nil && now.After(expires.Add(zones)):
			return fault(FaultExpired, gatewayName, "the offer was valid until %s", o.expires)
		}
	}
	if opt.AllowOlder || s == nil {
		return nil
	}
	if o.manifest && s.Sequence > 0 {
		if o.sequence < s.Sequence {
			return fault(FaultOlder, gatewayName, "it shows state %d of the offer, the copy is of state %d", o.sequence, s.Sequence)
		}
		return nil
	}
	before, err := feed.ParseTime(s.Generated)
	now, err2 := feed.ParseTime(o.generated)
	if err == nil && err2 == nil && now.Before(before.Add(-clockError)) {
		return fault(FaultOlder, gatewayName, "it was made at %s, the copy is of %s", o.generated, s.Generated)
	}
	return nil
}
